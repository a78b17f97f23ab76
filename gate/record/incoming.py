"""Evidence from another machine: untrusted files that become evidence only when all of them are what evidence is."""

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from gate.errors import GateError
from gate.facts import Evidence
from gate.record import ledger

MOST_RECORD = 16 * 2**20  # bytes of one record; ours have some ten thousand
MOST_WHOLE = 256 * 2**20  # bytes of all records of one folder
MOST_RECORDS = 10_000
_TREE = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """What one folder brought about one tree."""

    folder: Path
    records: tuple[Evidence, ...]
    others: tuple[str, ...]  # trees that it also has evidence of, which is left there


def read(folder: Path, tree: str) -> Arrived:
    """Read all evidence of a tree below a folder: that of an evidence store, of a `.gate`, or of what holds one.

    Every record is a regular file of bounded size, reached through no link, whose bytes hash to what it says, of the schema, named like
    its check. Raises GateError for the first one that is not, and for a folder without evidence of this tree.
    """
    if os.open not in os.supports_dir_fd:
        message = "merge: this platform cannot open files relative to a folder, so foreign evidence cannot be read safely; merge on Linux"
        raise GateError(message)
    with _opened(folder, folder.name, None) as top, _store(top, folder) as (store, place):
        known = sorted(name for name in _names(store, place) if name == tree or _TREE.fullmatch(name))
        if tree not in known:
            found = f"evidence of tree {', '.join(name[:12] for name in known[:3])} only" if known else "no evidence"
            _refuse(place, f"holds {found}; wanted: evidence of this tree, {tree[:12]}; measure the shards on the same commit")
        with _opened(place / tree, tree, store) as at:
            records = tuple(_records(at, place / tree, tree))
    return Arrived(folder=folder, records=records, others=tuple(name for name in known if name != tree))


@contextmanager
def _store(top: int, folder: Path) -> Iterator[tuple[int, Path]]:
    """Open the folder that has one folder for each tree."""
    for way in ((".gate", ledger.FOLDER), (ledger.FOLDER,)):
        if way[0] in _names(top, folder):
            with _opened(folder / way[0], way[0], top) as at:
                if len(way) == 1:
                    yield at, folder / way[0]
                    return
                with _opened(folder.joinpath(*way), way[1], at) as deeper:
                    yield deeper, folder.joinpath(*way)
                    return
    yield top, folder


@contextmanager
def _opened(place: Path, name: str, above: int | None) -> Iterator[int]:
    """Open a folder, which must be no link."""
    try:
        handle = os.open(place if above is None else name, _FOLDER, dir_fd=above)
    except OSError as error:
        _refuse(place, f"cannot be read as a folder ({error.strerror}); name a real folder of evidence, and no link to one")
    try:
        yield handle
    finally:
        os.close(handle)


def _names(at: int, place: Path) -> list[str]:
    """Return what lies in a folder, refusing more than evidence has."""
    with os.scandir(at) as entries:
        found = [entry.name for _, entry in zip(range(MOST_RECORDS + 1), entries, strict=False)]
    if len(found) > MOST_RECORDS:
        _refuse(place, f"holds more than {MOST_RECORDS:,} entries; evidence has one file a check")
    return found


def _records(at: int, place: Path, tree: str) -> Iterator[Evidence]:
    """Read every record of one tree."""
    left = MOST_WHOLE
    for name in sorted(_names(at, place)):
        raw = _bytes(at, name, place / name)
        left -= len(raw)
        if left < 0:
            _refuse(place, f"holds more than {MOST_WHOLE:,} B; nothing of it was merged")
        found = _evidence(raw, place / name)
        if found.tree != tree or ledger.name(found.check) != name:
            _refuse(place / name, f"is about {found.check!r} of tree {found.tree[:12]!r}; its name and its folder say otherwise")
        yield found


def _bytes(at: int, name: str, place: Path) -> bytes:
    """Read a regular file of bounded size."""
    try:
        handle = os.open(name, _FILE, dir_fd=at)
    except OSError as error:
        _refuse(place, f"cannot be read ({error.strerror}); evidence is regular files, and no links")
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        _refuse(place, "is not a regular file; evidence has one file a check and nothing beside it")
    with open(handle, "rb") as file:  # noqa: PTH123 - it is open already, so that nothing can take its place
        raw = file.read(MOST_RECORD + 1)
    if len(raw) > MOST_RECORD:
        _refuse(place, f"is larger than {MOST_RECORD:,} B; a record of the gate is not")
    return raw


def _evidence(raw: bytes, place: Path) -> Evidence:
    """Turn the bytes of a record into evidence."""
    body, damage = ledger.parse(raw)
    if body is None:
        _refuse(place, f"{damage}; measure it again")
    try:
        json.dumps(body, allow_nan=False)
        found = ledger.evidence(body)
        if datetime.fromisoformat(found.taken).utcoffset() is None:
            _refuse(place, "was taken at no moment of UTC; measure it again")
    except (ValueError, RecursionError):
        _refuse(place, "does not hold what evidence holds (gate schema evidence); measure it again")
    if ledger.dumped(found) != body:
        _refuse(place, "holds more than evidence holds (gate schema evidence); measure it again")
    return found


def _refuse(place: Path, why: str) -> NoReturn:
    message = f"merge: {place}: {why}"
    raise GateError(message)
