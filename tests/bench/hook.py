"""Print what the hook costs before a commit: the verb alone, with nox, and below real pre-commit and prek; caches warm."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from gate.command import Ran, run
from gate.units import show_count

ROUNDS = 5
ALLOWED = 2.0  # seconds of wall clock
ROOT = Path(__file__).parents[2]
CHANGED = ("gate/units.py", "gate/judge/growth.py", "gate/flow.py")  # a leaf, one in the middle, one that imports nearly all
_CONFIG = "repos:\n- repo: local\n  hooks:\n  - {id: gate, name: gate, entry: gate hook, language: system, require_serial: true}\n"


def main() -> int:
    """Change some files of a copy of this repository, time each way; return 1 when a median is above what is allowed."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as scratch:
        root = _copy(Path(scratch, "copy"))
        print(
            f"a copy of this repository, caches warm; medians of {ROUNDS} rounds, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
        print(f"{'':<52}{'wall s':>8}{'CPU s':>8}")
        rows = [_row(f"gate hook {path}", _hook(root, path)) for path in CHANGED]
        rows.append(_row(f"gate hook, {show_count(len(CHANGED), 'file')}", _hook(root, *CHANGED)))
        rows += [_row(f"{program} run, the same", _managed(root, program)) for program in ("pre-commit", "prek")]
        run(("gate", "check", "quality", "--check"), cwd=root, seconds=600)
        rows.append(_row("gate hook, evidence recorded for this very tree", _hook(root, *CHANGED)))
    return int(max(rows) > ALLOWED)


def _copy(root: Path) -> Path:
    """Clone this repository with its uncommitted files, change what is committed, and warm the caches."""
    names = [name for name in run(("git", "ls-files", "-z", "-c", "-o", "--exclude-standard"), cwd=ROOT).out.split("\0") if name]
    for name in names:
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    (root / ".pre-commit-config.yaml").write_text(_CONFIG)
    for words in (("init", "-q"), ("add", "-A"), ("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "all")):
        run(("git", *words), cwd=root)
    run(("gate", "check", "types"), cwd=root, seconds=600)
    return root


def _changed(root: Path, paths: tuple[str, ...], at: int) -> None:
    """Write another number into the first line of files."""
    for path in paths:
        first, rest = (ROOT / path).read_text().split("\n", 1)
        (root / path).write_text(first.replace('."""', f' {at}."""') + f"\n{rest}")


def _hook(root: Path, *paths: str) -> Callable[[int], Ran]:
    def once(at: int) -> Ran:
        if at >= 0:
            _changed(root, paths, at)
        return run(("gate", "hook", *paths), cwd=root, seconds=600)

    return once


def _managed(root: Path, program: str) -> Callable[[int], Ran]:
    def once(at: int) -> Ran:
        _changed(root, CHANGED, at)
        run(("git", "add", "-A"), cwd=root)
        return run((program, "run"), cwd=root, seconds=600)

    return once


def _row(name: str, once: Callable[[int], Ran]) -> float:
    """Time one way in a few rounds after one that warms up, each with other bytes in the files; print its medians."""
    recorded = "recorded" in name
    rounds = [once(-1 if recorded else at) for at in range(ROUNDS + 1)][1:]
    bad = next((ran for ran in rounds if ran.code), None)
    if bad:
        raise RuntimeError(bad.out + bad.err)
    wall, cpu = median(ran.wall for ran in rounds), median(ran.cpu for ran in rounds)
    print(f"{name:<52}{wall:>8.2f}{cpu:>8.2f}")
    return wall
