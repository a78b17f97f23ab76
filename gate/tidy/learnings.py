"""What tasks taught, kept in one block of AGENTS.md and CLAUDE.md: the block itself is the store."""

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from gate.errors import GateError
from gate.facts.work import Learning
from gate.tidy import managed
from gate.tidy.edits import Edit, read

MOST = 50  # entries of one block; the newest are kept
LONGEST = 300  # characters of one
FILES = ("AGENTS.md", "CLAUDE.md")
_BLOCK = "learnings"
_ENTRY = re.compile(r"- (?P<date>\d{4}-\d\d-\d\d)(?: \(task (?P<task>[^()\s]+)\))?: (?P<text>\S.*)")
_TASK = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # Unicode's categories of what moves, hides or breaks a line
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def learning(text: str, *, date: str, task: str = "") -> Learning:
    """Return one learning as a line of Markdown that can forge no marker and open no comment.

    Raises GateError when it is empty or too long.
    """
    line = " ".join(text.split())
    line = "".join("\ufffd" if unicodedata.category(letter) in _UNSEEN else letter for letter in line)
    if not line or len(line) > LONGEST:
        message = f"a learning of {len(line)} characters was found; write one line of 1 to {LONGEST}, the one thing that the task taught"
        raise GateError(message)
    if task and not _TASK.fullmatch(task):
        message = f'--task: "{task[:LONGEST]}" is no id of a task; write for example 20.2'
        raise GateError(message)
    return Learning(text=_TAG.sub("&lt;", line).replace("-->", "--&gt;"), date=date, task=task)


def draw(root: Path, given: Sequence[Learning], *, new: Sequence[Learning] = ()) -> tuple[Edit, ...]:
    """Say how the files that exist, or a new AGENTS.md, would hold what is given; `new` comes before others of its day.

    Raises GateError when one of the files cannot be written, or its markers are not one ordered pair.
    """
    drawn = []
    for path in _paths(root):
        before = read(root, path)
        after = page(before or b"", path, given, new=new)
        if after != (before or b""):
            drawn.append(Edit(path=path, kind=_BLOCK, reason="what tasks taught", before=before, after=after))
    return tuple(drawn)


def page(before: bytes, path: str, given: Sequence[Learning], *, new: Sequence[Learning] = ()) -> bytes:
    """Return a file with its block brought up to date; a file without learnings stays as it is."""
    held = managed.inside(before, _BLOCK, path)
    kept = [Learning(**found.groupdict("")) for line in held or () if (found := _ENTRY.fullmatch(line))]
    wanted = merge(new, kept, given)
    return managed.put(before, _BLOCK, ["## Learnings", "", *map(_line, wanted)], path) if wanted else before


def merge(new: Sequence[Learning], kept: Sequence[Learning], given: Sequence[Learning]) -> tuple[Learning, ...]:
    """Return each text once, as it is kept or else where it comes first, the newest day first, no more than fit."""
    known = {entry.text for entry in kept}
    seen: dict[str, Learning] = {}
    for entry in (*(entry for entry in new if entry.text not in known), *kept, *given):
        seen.setdefault(entry.text, entry)
    return tuple(sorted(seen.values(), key=lambda entry: entry.date, reverse=True)[:MOST])


def _line(entry: Learning) -> str:
    """Write an entry so that it can be read back."""
    return f"- {entry.date}{f' (task {entry.task})' if entry.task else ''}: {entry.text}"


def _paths(root: Path) -> tuple[str, ...]:
    """Return each file once, whatever links name it; none of them may lead out of the repository."""
    there = [name for name in FILES if os.path.lexists(root / name)] or [FILES[0]]
    return tuple(dict.fromkeys(_goal(root, name) for name in there))


def _goal(root: Path, name: str) -> str:
    """Return where a name leads."""
    if not (root / name).is_symlink():
        return name
    real, goal = os.path.realpath(root), os.path.realpath(root / name)
    inside = os.path.relpath(goal, real)
    if not Path(goal).is_file() or inside.startswith("..") or ".git" in Path(inside).parts:
        message = f"{name}: it leads to no file of this repository, and was not written; let it lead to one, or delete the link"
        raise GateError(message)
    return inside
