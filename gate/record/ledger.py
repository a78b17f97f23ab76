"""Evidence on disk: one JSON record a check and tree, written whole or not at all, known again by its digest."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from gate import worktree
from gate.facts import Evidence
from gate.record.files import replace_file, replace_files

VERSION = 2
FOLDER = "evidence"


def write(root: Path, evidence: Evidence) -> Path:
    """Record evidence under its tree; return where."""
    path = _folder(root, evidence.tree) / name(evidence.check)
    replace_file(path, _text(evidence))
    return path


def write_all(root: Path, every: Sequence[Evidence]) -> None:
    """Record all evidence of a run, which is about one tree."""
    if every:
        replace_files(_folder(root, every[0].tree), {name(evidence.check): _text(evidence) for evidence in every})


def read(root: Path, tree: str, check: str) -> tuple[Evidence | None, str]:
    """Return the evidence of a check for a tree, or None; a record that is damaged or edited counts as none, and says so."""
    path = root / worktree.STORE / FOLDER / tree / name(check)
    try:
        record = json.loads(path.read_bytes())
        if record["version"] != VERSION or record["digest"] != _digest(record["evidence"]):
            return None, "its record was edited or is of another version"
        found = _adapter().validate_python(record["evidence"], strict=False)
    except FileNotFoundError:
        return None, ""
    except (ValueError, KeyError, TypeError, RecursionError):  # truncated, not JSON, or not a record
        return None, "its record is damaged"
    return (found, "") if (found.check, found.tree) == (check, tree) else (None, "its record is of another check or tree")


def newest(root: Path, check: str) -> Evidence | None:
    """Return the newest readable evidence of a check for any tree."""
    records = (root / worktree.STORE / FOLDER).glob(f"*/{name(check)}")
    for path in sorted(records, key=lambda record: -record.stat().st_mtime_ns):
        found, _ = read(root, path.parent.name, check)
        if found:
            return found
    return None


def trees(root: Path) -> dict[str, list[str]]:
    """Return for the name of each record the trees that have one, the tree that was written to last first."""
    folder = root / worktree.STORE / FOLDER
    found: dict[str, list[str]] = {}
    if folder.is_dir():
        with os.scandir(folder) as entries:
            known = sorted((entry for entry in entries if entry.is_dir()), key=lambda entry: -entry.stat().st_mtime_ns)
        for tree in known:
            for record in os.listdir(tree.path):  # noqa: PTH208 - there are many, and a Path for each is slow
                found.setdefault(record, []).append(tree.name)
    return found


def name(check: str) -> str:
    """Turn the name of a check into a file name."""
    return check.replace("/", "__") + ".json"


def digest(evidence: Evidence) -> str:
    """Return the digest that the record of this evidence has."""
    return _digest(_body(evidence))


def schema() -> dict[str, object]:
    """Return the JSON Schema of a record."""
    evidence = _adapter().json_schema()
    definitions = evidence.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{worktree.STORE}/{FOLDER}/<tree id>/<check>.json",
        "type": "object",
        "additionalProperties": False,
        "required": ["version", "digest", "evidence"],
        "properties": {
            "version": {"const": VERSION},
            "digest": {
                "type": "string",
                "pattern": "^[0-9a-f]{64}$",
                "description": "sha256 over `evidence` as JSON with sorted keys, ASCII, no spaces",
            },
            "evidence": evidence,
        },
        "$defs": definitions,
    }


def schema_text() -> str:
    """Return the schema as it is published in policies/.schema/evidence.json."""
    return json.dumps(schema(), indent=2) + "\n"


@cache
def _adapter() -> TypeAdapter[Evidence]:
    return TypeAdapter(Evidence)


def _folder(root: Path, tree: str) -> Path:
    """Return the folder of the evidence of a tree, made on first use."""
    folder = worktree.store(root) / FOLDER / tree
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _text(evidence: Evidence) -> bytes:
    """Write a record."""
    body = _body(evidence)
    return (json.dumps({"version": VERSION, "digest": _digest(body), "evidence": body}, indent=1) + "\n").encode()


def _body(evidence: Evidence) -> object:
    """Turn evidence into plain JSON; which files lay in what was removed is not recorded."""
    changes = tuple(replace(change, entries=()) for change in evidence.reading.changes)
    return _adapter().dump_python(replace(evidence, reading=replace(evidence.reading, changes=changes)), mode="json")


def _digest(body: object) -> str:
    """Hash a record in one canonical form."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
