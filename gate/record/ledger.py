"""Evidence on disk: one JSON record a check and tree, written whole or not at all, known again by its digest."""

import hashlib
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from gate import worktree
from gate.facts import Evidence
from gate.record.files import replace_file

VERSION = 1
_FOLDER = "evidence"


def write(root: Path, evidence: Evidence) -> Path:
    """Record evidence under its tree; return where."""
    folder = worktree.store(root) / _FOLDER / evidence.tree
    folder.mkdir(parents=True, exist_ok=True)
    changes = tuple(replace(change, entries=()) for change in evidence.reading.changes)
    lean = replace(evidence, reading=replace(evidence.reading, changes=changes))
    body = _adapter().dump_python(lean, mode="json")
    text = json.dumps({"version": VERSION, "digest": _digest(body), "evidence": body}, indent=1)
    path = folder / _name(evidence.check)
    replace_file(path, (text + "\n").encode())
    return path


def read(root: Path, tree: str, check: str) -> tuple[Evidence | None, str]:
    """Return the evidence of a check for a tree, or None; a record that is damaged or edited counts as none, and says so."""
    path = worktree.store(root) / _FOLDER / tree / _name(check)
    try:
        record = json.loads(path.read_bytes())
        if record["version"] != VERSION or record["digest"] != _digest(record["evidence"]):
            return None, "its record was edited or is of another version"
        found = _adapter().validate_python(record["evidence"], strict=False)
    except FileNotFoundError:
        return None, ""
    except (ValueError, KeyError, TypeError):  # truncated, not JSON, or not a record
        return None, "its record is damaged"
    return (found, "") if (found.check, found.tree) == (check, tree) else (None, "its record is of another check or tree")


def newest(root: Path, check: str) -> Evidence | None:
    """Return the newest readable evidence of a check for any tree."""
    records = (worktree.store(root) / _FOLDER).glob(f"*/{_name(check)}")
    for path in sorted(records, key=lambda record: -record.stat().st_mtime_ns):
        found, _ = read(root, path.parent.name, check)
        if found:
            return found
    return None


def schema() -> dict[str, object]:
    """Return the JSON Schema of the `evidence` of a record."""
    return _adapter().json_schema()


@cache
def _adapter() -> TypeAdapter[Evidence]:
    return TypeAdapter(Evidence)


def _name(check: str) -> str:
    """Turn the name of a check into a file name."""
    return check.replace("/", "__") + ".json"


def _digest(body: object) -> str:
    """Hash a record in one canonical form."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
