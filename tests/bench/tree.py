"""Print what a tree id costs beside `git status`: a repository of 100,000 files, its stat cache warm."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from gate.command import run
from gate.repo import worktree

FOLDERS, EACH, ROUNDS = 1_000, 100, 9
LEAVE_OUT = ("docs/completed", ".taskmaster/tasks/tasks.json")
ALLOWED = 2.0  # times git status


def main() -> int:
    """Build the repository, ask both in turn, print medians; return 1 when the id takes more than twice as long."""
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as scratch:
        root = Path(scratch)
        _build(root)
        print(f"{FOLDERS * EACH:,} files, warm stat cache; medians of {ROUNDS} rounds, in turn, wall seconds")
        ratios = [_compare(root, what, change) for what, change in (("unchanged", None), ("ten files changed, ten new", _change))]
    return int(max(ratios) > ALLOWED)


def _build(root: Path) -> None:
    """Commit many small files, record paths among them."""
    for folder in range(FOLDERS):
        place = root / f"pkg{folder // 50}" / f"mod{folder}"
        place.mkdir(parents=True)
        for name in range(EACH):
            (place / f"f{name}.py").write_text(f"x = {folder}, {name}\n")
    for path in (Path("docs/completed/1.md"), Path(LEAVE_OUT[1])):
        (root / path).parent.mkdir(parents=True)
        (root / path).write_text("a record\n")
    for words in (
        ["init", "-q"],
        ["config", "gc.auto", "0"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "all"],
    ):
        run(("git", *words), cwd=root, seconds=600)


def _change(root: Path) -> None:
    for at in range(10):
        (root / f"pkg0/mod{at}/f0.py").write_text("changed\n")
        (root / f"pkg1/mod{50 + at}/new.py").write_text("new\n")


def _compare(root: Path, what: str, change: Callable[[Path], None] | None) -> float:
    """Time both in turn; return the ratio of their medians."""
    if change:
        change(root)
    rows = [
        (_timed(lambda: run(("git", "status"), cwd=root)), _timed(lambda: worktree.tree_id(root, LEAVE_OUT))) for _ in range(ROUNDS + 1)
    ]
    status, tree = (median(row[at] for row in rows[1:]) for at in (0, 1))
    print(f"{what:<28} git status {status:.3f}   tree id {tree:.3f}   ratio {tree / status:.2f}")
    return tree / status


def _timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
