"""Git's index, one entry of it: where a tracked file is moved to, and back."""

from pathlib import Path

from gate.errors import GateError
from gate.repo import worktree


def staged(root: Path, source: str, target: str) -> str:
    """Return mode and object of a tracked file that may move to a target in git's index.

    Raises GateError when it is in conflict, not tracked, or the target is tracked.
    """
    listed = worktree.ask(root, "ls-files", "-z", "--stage", "--", source, target)
    found = {entry.partition("\t")[2]: entry.partition("\t")[0] for entry in listed}
    if set(found) != {source} or len(listed) != 1 or not found[source].endswith(" 0"):
        message = (
            f"{source}: git cannot move it to {target}: one is in conflict, not tracked, or tracked already; commit or mend that first"
        )
        raise GateError(message)
    return found[source].removesuffix(" 0")


def restage(root: Path, source: str, target: str, known: str) -> None:
    """Move an entry of git's index in one step; what is staged of it stays staged."""
    nothing = f"0 {'0' * len(known.split()[1])}"
    worktree.ask(root, "update-index", "-z", "--index-info", stdin=(f"{nothing}\t{source}", f"{known} 0\t{target}", ""))


def unstage_move(root: Path, target: str, source: str) -> None:
    """Move an entry of git's index back, unless that has happened."""
    listed = worktree.ask(root, "ls-files", "-z", "--", source, target)
    if target in listed and source not in listed:
        restage(root, target, source, staged(root, target, source))
