"""Evidence on disk: one JSON record a check and tree, written whole or not at all, known again by its digest."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.facts import Evidence
from gate.record.files import replace_file, replace_files
from gate.repo import worktree

if TYPE_CHECKING:
    from pydantic import TypeAdapter

VERSION = 2
FOLDER = "evidence"
_TAIL = b"}\n"
_DIGITS = 64  # of a sha256
_NEEDED = {"check", "tree", "policy", "commit", "taken", "finding", "key", "inputs", "origin"}  # what is read of it as plain JSON
_DAMAGED = "its record was edited, is damaged or of another version"


def write(root: Path, found: Evidence) -> Path:
    """Record evidence under its tree; return where."""
    path = _folder(root, found.tree) / name(found.check)
    replace_file(path, _text(found))
    return path


def write_all(root: Path, every: Sequence[Evidence]) -> None:
    """Record all evidence of a run, which is about one tree."""
    if every:
        replace_files(_folder(root, every[0].tree), {name(found.check): _text(found) for found in every})


def read(root: Path, tree: str, check: str) -> tuple[Evidence | None, str]:
    """Return the evidence of a check for a tree, or None; a record that is damaged or edited counts as none, and says so."""
    found, damage = body(root, tree, check)
    try:
        return (evidence(found) if found else None), damage
    except ValueError:  # whole, but no evidence
        return None, _DAMAGED


def body(root: Path, tree: str, check: str) -> tuple[dict[str, Any] | None, str]:
    """Return evidence as it was recorded, in plain JSON, or None and why; that is quicker to have than the facts themselves."""
    try:
        whole = (root / worktree.STORE / FOLDER / tree / name(check)).read_bytes()
    except FileNotFoundError:
        return None, ""
    found, damage = parse(whole)
    if found is None:
        return None, damage
    return (found, "") if (found["check"], found["tree"]) == (check, tree) else (None, "its record is of another check or tree")


def parse(whole: bytes) -> tuple[dict[str, Any] | None, str]:
    """Return what a record holds, in plain JSON, or None and why."""
    text = whole[len(_head("")) + _DIGITS : -len(_TAIL)]
    if whole != _whole(text):
        return None, _DAMAGED
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None, _DAMAGED
    if not isinstance(found, dict) or not found.keys() >= _NEEDED:
        return None, _DAMAGED
    return found, ""


def evidence(found: Mapping[str, Any]) -> Evidence:
    """Return the facts that plain JSON tells.

    Raises ValueError when they are none.
    """
    return _adapter().validate_python(found, strict=False)


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


def dumped(found: Evidence) -> object:
    """Return evidence as plain JSON, the way it is recorded."""
    return _plain(found)


def sealed(found: Evidence) -> str:
    """Return the digest that the record of this evidence has."""
    return hashlib.sha256(_canonical(_plain(found))).hexdigest()


def digest(found: Mapping[str, Any]) -> str:
    """Return the digest that a record of this has."""
    return hashlib.sha256(_canonical(found)).hexdigest()


def schema() -> dict[str, object]:
    """Return the JSON Schema of a record."""
    facts = _adapter().json_schema()
    definitions = facts.pop("$defs", {})
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
            "evidence": facts,
        },
        "$defs": definitions,
    }


def schema_text() -> str:
    """Return the schema as it is published in policies/.schema/evidence.json."""
    return json.dumps(schema(), indent=2) + "\n"


@cache
def _adapter() -> "TypeAdapter[Evidence]":
    from pydantic import TypeAdapter  # noqa: PLC0415 - who only looks whether evidence holds does not pay for it

    return TypeAdapter(Evidence)


def _folder(root: Path, tree: str) -> Path:
    """Return the folder of the evidence of a tree, made on first use."""
    folder = worktree.store(root) / FOLDER / tree
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _text(found: Evidence) -> bytes:
    """Write a record."""
    return _whole(_canonical(_plain(found)))


def _plain(found: Evidence) -> object:
    """Turn evidence into plain JSON; which files lay in what was removed is not recorded."""
    changes = tuple(replace(change, entries=()) for change in found.reading.changes)
    return _adapter().dump_python(replace(found, reading=replace(found.reading, changes=changes)), mode="json")


def _canonical(found: object) -> bytes:
    """Write JSON in its one form."""
    return json.dumps(found, sort_keys=True, separators=(",", ":")).encode()


def _whole(text: bytes) -> bytes:
    """Put what tells a changed record around its text."""
    return _head(hashlib.sha256(text).hexdigest()) + text + _TAIL


def _head(digest: str) -> bytes:
    return f'{{"version":{VERSION},"digest":"{digest}","evidence":'.encode()
