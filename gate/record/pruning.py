"""What the ledger lets go: evidence of other trees that is too old or too much, and what killed runs left behind."""

import os
import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from gate.record.ledger import FOLDER
from gate.repo import worktree

_LEFT = 3600.0  # seconds after which a scratch folder of ours belongs to nobody: computing a tree id takes less


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    """The evidence of one tree."""

    path: Path
    written: float  # seconds since the epoch
    size: int  # bytes


def prune(root: Path, *, age: float, size: float, spare: Callable[[], Collection[str]]) -> tuple[str, ...]:
    """Remove the evidence of trees that is older than `age` seconds, then the oldest until no more than `size` bytes are left.

    `spare` names the trees whose evidence stays whatever it weighs; it is asked only when something would go. Returns the trees that went.
    """
    store = worktree.store(root)
    _sweep_scratch(store)
    kept = sorted(_trees(store / FOLDER), key=lambda tree: -tree.written)  # the newest first
    total, oldest, leaves = 0, time.time() - age, []
    for tree in kept:
        total += tree.size
        if tree.written < oldest or total > size:
            leaves.append(tree)
    if not leaves:
        return ()
    spared = frozenset(spare())
    going = [tree.path for tree in leaves if tree.path.name not in spared]
    for path in going:
        shutil.rmtree(path)
    return tuple(path.name for path in going)


def _trees(folder: Path) -> list[_Kept]:
    """Weigh the evidence of each tree; a link is none of ours."""
    if not folder.is_dir():
        return []
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                with os.scandir(entry.path) as records:
                    size = sum(record.stat(follow_symlinks=False).st_size for record in records)
                found.append(_Kept(path=Path(entry.path), written=entry.stat(follow_symlinks=False).st_mtime, size=size))
    return found


def _sweep_scratch(store: Path) -> None:
    """Remove scratch folders of runs that were killed."""
    for left in store.glob(f"{worktree.SCRATCH}*"):
        if left.is_dir() and not left.is_symlink() and time.time() - left.lstat().st_mtime > _LEFT:
            shutil.rmtree(left)
