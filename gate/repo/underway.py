"""What git is in the middle of in a work tree, and the locks that stop it: of a git that runs, or of one that was killed."""

import shlex
import time
from pathlib import Path

from gate.errors import GateError
from gate.repo import worktree
from gate.units import show_time

_OPERATIONS = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}
_LISTS = {"pick": "cherry-pick", "revert": "revert"}  # the first word of what is left of several commits
_PATIENCE = 2.0  # seconds: an editor that asks for the status holds the index for a moment
_LOOK = 0.05


def operations(root: Path) -> tuple[str, ...]:
    """Name everything that git is in the middle of."""
    folder = worktree.git_folder(root)
    found = [name for mark, name in _OPERATIONS.items() if (folder / mark).exists()]
    if (folder / "rebase-apply/applying").exists():
        found[found.index("rebase")] = "am"
    left = _rest(folder / "sequencer/todo")  # of several commits, between two of which nothing else is there
    return (*found, *([left] if left and left not in found else []))


def locks(root: Path) -> dict[Path, float]:
    """Return the locks that are there of what a commit changes, each with its age in seconds."""
    names = ("index.lock", "HEAD.lock", *([f"refs/heads/{name}.lock"] if (name := worktree.branch(root)) else []))
    words = [word for name in names for word in ("--git-path", name)]
    told = worktree.git(root, "rev-parse", "--path-format=absolute", *words).out.splitlines()
    return {path: time.time() - path.lstat().st_mtime for path in map(Path, told) if path.exists()}


def free(root: Path) -> None:
    """Wait a moment until no git holds a lock.

    Raises GateError that names the lock which stays, and what to do.
    """
    until = time.monotonic() + _PATIENCE
    while held := locks(root):
        if time.monotonic() > until:
            path, age = next(iter(held.items()))
            message = f"{path}: {said(age)}; wait for that git, or remove the file when none runs here, then run again"
            raise GateError(message)
        time.sleep(_LOOK)


def said(age: float) -> str:
    """Say what a lock of this age may be."""
    return f"a lock of git, taken {show_time(max(0.0, age))} ago: another git works here, or one that was killed left it"


def removal(path: Path) -> str:
    """Write what to do about a lock."""
    return f"wait for that git, or when none runs here: rm {shlex.quote(str(path))}"


def _rest(todo: Path) -> str:
    """Return what the list of a sequence goes on with, or ""."""
    try:
        words = todo.read_text(encoding="utf-8", errors="replace").split(maxsplit=1)
    except FileNotFoundError:
        return ""
    return _LISTS.get(words[0], "") if words else ""
