"""Print what scanning and removing cost beside a bare walk, git clean and pyclean, in one run, each in turn."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from gate.command import run
from gate.facts.work import Rule, Sweep
from gate.tidy import sweep
from gate.tidy.journal import Journal
from gate.tidy.rules import Rules
from gate.tidy.scan import scan

ROUNDS = 7
FILES, FOLDERS, CACHES, CACHED = 100_000, 2_500, 400, 3_000  # of the repository, and the byte code in it
SWEEP = Sweep(rules=(Rule(kind="bytecode", match=("*.pyc", "*.pyo"), regenerable=True),))

Cost = tuple[float, float]  # wall and CPU seconds


def main() -> None:
    """Build the repository, then measure looking and removing."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "repo")
        _build(root)
        print(
            f"{FILES:,} tracked files in {FOLDERS:,} folders, {CACHED:,} files in {CACHES} __pycache__; medians of {ROUNDS} rounds, CPU s"
        )
        _table("looking", _looking(root), _in_turn(_looking(root)))
        _table("removing, start and looking included", _removing(root), _in_turn(_removing(root), before=lambda: _grow(root)))


def _looking(root: Path) -> dict[str, Callable[[], Cost]]:
    """Return what looks for byte code without touching it; the bare walk is the measure."""
    rules = Rules(SWEEP.rules)
    return {
        "bare os.scandir walk": lambda: _here(lambda: _walk(str(root))),
        "gate: the scan": lambda: _here(lambda: scan(root, rules, sweep.quiet)),
        "gate: scan, git ls-files, proofs": lambda: _here(lambda: sweep.draw(SWEEP, root)),
        "git clean -ndX -- folders": lambda: _git(root, "-ndXq"),
        "pyclean --dry-run": lambda: _child("pyclean", "--dry-run", "--quiet", ".", cwd=root),
    }


def _removing(root: Path) -> dict[str, Callable[[], Cost]]:
    """Return what removes the byte code, each as a program of its own; git is the measure."""
    return {
        "git clean -fdX -- folders": lambda: _git(root, "-fdXq"),
        "gate": lambda: _child(sys.executable, "-m", "tests.bench.tidy", str(root), cwd=Path.cwd()),
        "pyclean": lambda: _child("pyclean", "--quiet", ".", cwd=root),
    }


def _in_turn(acts: dict[str, Callable[[], Cost]], before: Callable[[], None] = lambda: None) -> dict[str, Cost]:
    """Warm each up, then run them in turn; return the median wall and CPU seconds of each."""
    rows: list[dict[str, Cost]] = []
    for _ in range(ROUNDS + 1):
        row = {}
        for name, act in acts.items():
            before()
            row[name] = act()
        rows.append(row)
    return {name: (median(row[name][0] for row in rows[1:]), median(row[name][1] for row in rows[1:])) for name in acts}


def _table(title: str, acts: dict[str, Callable[[], Cost]], costs: dict[str, Cost]) -> None:
    """Print wall and CPU seconds, and the ratio of CPU to the first row."""
    first = costs[next(iter(acts))][1]
    print(f"\n{title:<38}{'wall s':>8}{'CPU s':>8}{'ratio':>8}")
    for name, (wall, cpu) in costs.items():
        print(f"{name:<38}{wall:>8.3f}{cpu:>8.3f}{cpu / first:>8.2f}")


def _here(act: Callable[[], object]) -> Cost:
    """Measure a call in this process, with the children that it waits for."""
    wall, before = time.perf_counter(), os.times()
    act()
    after = os.times()
    return time.perf_counter() - wall, sum(after[:4]) - sum(before[:4])


def _child(*argv: str, cwd: Path) -> Cost:
    """Measure a program."""
    ran = run(argv, cwd=cwd)
    if ran.code:
        sys.exit(f"{' '.join(argv[:2])}: exit {ran.code}: {ran.err.strip() or ran.out.strip()}")
    return ran.wall, ran.cpu


def _git(root: Path, flags: str) -> Cost:
    """Let git clean the folders of byte code and nothing else."""
    return _child("git", "clean", flags, "--", *(f"src/p{at // 50}/m{at}/__pycache__" for at in range(CACHES)), cwd=root)


def _walk(folder: str) -> int:
    """Count files, and do nothing else with them."""
    count = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            count += _walk(entry.path) if entry.is_dir(follow_symlinks=False) else 1
    return count


def _build(root: Path) -> None:
    """Make the repository."""
    for at in range(FOLDERS):
        folder = root / f"src/p{at // 50}/m{at}"
        folder.mkdir(parents=True)
        for number in range(FILES // FOLDERS):
            (folder / f"f{number}.py").touch()
    (root / ".gitignore").write_text("__pycache__/\n*.pyc\n", encoding="utf-8")
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "x"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    _grow(root)


def _grow(root: Path) -> None:
    """Make the byte code that is missing."""
    for number in range(CACHED):
        at = number % CACHES
        folder = root / f"src/p{at // 50}/m{at}/__pycache__"
        folder.mkdir(exist_ok=True)
        file = folder / f"f{number // CACHES}.cpython-311.pyc"
        if not file.exists():
            file.write_bytes(b"x" * 2000)


if __name__ == "__main__":  # the child that removes
    with Journal.begin(Path(sys.argv[1]), "clean", "") as journal:
        sweep.carry_out(sweep.draw(SWEEP, Path(sys.argv[1])), journal)
