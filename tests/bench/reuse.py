"""Print what a second run of the memory suite costs when nothing changed, and when one module did: 100 cases of their own."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from gate.command import Ran, run
from tests.conftest import BOTS, Repository, furnish

CASES, SHARED, ROUNDS = 100, 10, 9
ALLOWED = 0.5  # seconds
_CASE = "  case{0}: {{build: agents.case{0}:build, step: agents.case{0}:step, steps: 64, limits: {{growth: {{max: 0 B/step}}}}}}\n"


def main() -> int:
    """Measure all once, then run again and again; return 1 when an unchanged tree takes too long."""
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as scratch:
        root = Path(scratch, "repository")
        _build(Repository(root))
        print(f"{CASES} cases; medians of {ROUNDS} rounds")
        _say("first run", [_timed(lambda: _memory(root))])
        took = [_timed(lambda: _memory(root)) for _ in range(ROUNDS)]
        _say("again, nothing changed", took)
        bare = [_timed(lambda: run((sys.executable, "-c", "import gate.cli"), cwd=root)) for _ in range(ROUNDS)]
        _say("of this, starting Python", bare)
        _say("a document changed", [_timed(partial(_changed, root, "README.md", at)) for at in range(ROUNDS)])
        _say(
            f"one of {SHARED} modules changed, which {CASES // SHARED} cases read", [_timed(lambda: _changed(root, "agents/shared0.py", 1))]
        )
    return int(median(wall for wall, _ in took) > ALLOWED)


def _build(house: Repository) -> None:
    furnish(house)
    for case in range(CASES):
        house.write(f"agents/case{case}.py", f"{BOTS}\n\nimport agents.shared{case % SHARED}\n")
    for module in range(SHARED):
        house.write(f"agents/shared{module}.py", '"""Shared."""\n')
    house.write("agents/__init__.py")
    house.write("policies/memory.yaml", "version: 1\nagents:\n" + "".join(_CASE.format(case) for case in range(CASES)))
    house.commit()


def _memory(root: Path) -> Ran:
    ran = run((shutil.which("gate") or "gate", "check", "memory"), cwd=root, seconds=600)
    assert ran.code == 0, ran.out + ran.err
    return ran


def _changed(root: Path, path: str, at: int) -> Ran:
    with (root / path).open("a") as file:
        file.write(f"\n# {at}\n")
    return _memory(root)


def _timed(act: Callable[[], Ran]) -> tuple[float, float]:
    """Return wall and CPU seconds."""
    start = time.perf_counter()
    ran = act()
    return time.perf_counter() - start, ran.cpu


def _say(what: str, rows: list[tuple[float, float]]) -> None:
    wall, cpu = (median(row[at] for row in rows) for at in (0, 1))
    print(f"{what:<60} wall {wall:6.2f} s   CPU {cpu:6.2f} s")
