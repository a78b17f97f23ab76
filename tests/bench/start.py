"""Print what starting the gate costs beside starting Python: what every hook and every prompt of a shell waits for."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
ROUNDS = 31
ALLOWED = 0.1  # seconds of CPU of `gate --version` beyond Python's own
BARE = (sys.executable, "-c", "pass")
STARTS = {
    "gate --version": ("--version",),
    "gate --help": ("--help",),
    "gate policy check": ("policy", "check"),
}


def main() -> int:
    """Start each in turn, print medians; return 1 when --version takes longer than allowed."""
    acts = [BARE, *((sys.executable, "-m", "gate", *words) for words in STARTS.values())]
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as scratch:  # byte code lies there, as it lies beside what pip installed
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": scratch}
        rows = [[_once(argv, env) for argv in acts] for _ in range(ROUNDS)]
    python, *ours = [tuple(median(row[at][kind] for row in rows[1:]) for kind in (0, 1)) for at in range(len(acts))]
    print(f"medians of {ROUNDS - 1} rounds, in turn, ms")
    print(f"{'':<20}{'wall':>8}{'CPU':>8}{'CPU beyond Python':>20}{'ratio':>8}")
    print(f"{'python -c pass':<20}{python[0] * 1e3:>8.0f}{python[1] * 1e3:>8.0f}")
    for name, (wall, cpu) in zip(STARTS, ours, strict=True):
        print(f"{name:<20}{wall * 1e3:>8.0f}{cpu * 1e3:>8.0f}{(cpu - python[1]) * 1e3:>20.0f}{cpu / python[1]:>8.1f}")
    return int(ours[0][1] - python[1] > ALLOWED)  # of the wall clock others take their part


def _once(argv: tuple[str, ...], env: dict[str, str]) -> tuple[float, float]:
    """Start a program; return the wall and CPU seconds that it took."""
    start = time.perf_counter()
    child = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        message = f"{' '.join(argv)}: exit {child.returncode}"
        raise RuntimeError(message)
    return time.perf_counter() - start, used.ru_utime + used.ru_stime
