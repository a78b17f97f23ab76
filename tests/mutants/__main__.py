"""Break the instrument in one place at a time, and show that the tests fail for each; a break that nothing notices is a hole."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = (
    "tests/test_limits.py",
    "tests/test_growth.py",
    "tests/test_instrument.py",
    "tests/test_confirm.py",
    "tests/test_parts.py",
    "tests/test_peak.py",
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One break: in a file, one text in the place of another."""

    does: str
    path: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        "the heap meter adds a constant a reading",
        "probe/meters.py",
        "return info.heap_used + info.mmap_used",
        "self.made = getattr(self, 'made', 0) + 1; return info.heap_used + info.mmap_used + self.made",
    ),
    Mutant("the heap meter forgets large blocks", "probe/meters.py", "return info.heap_used + info.mmap_used", "return info.heap_used"),
    Mutant(
        "resident memory is told in kB",
        "probe/meters.py",
        'int(text[at : text.index(b"kB", at)]) * 1024',
        'int(text[at : text.index(b"kB", at)])',
    ),
    Mutant("memory mapped past malloc counts the heap", "probe/meters.py", " - int(info.arena) - int(info.hblkhd)", ""),
    Mutant("handles are not counted", "probe/meters.py", 'return len(os.listdir("/proc/self/fd")), ', "return 3, "),
    Mutant("threads are not counted", "probe/meters.py", 'len(os.listdir("/proc/self/task"))', "1"),
    Mutant("children are not counted", "probe/meters.py", 'len(_descendants("self")), self._segments()', "0, self._segments()"),
    Mutant("nothing is collected before a reading", "probe/watch.py", "gc.collect(2 if whole else 1)", "pass"),
    Mutant(
        "a window forgets half of its steps", "probe/watch.py", "self._steps[0] += self._per[0]\n", "self._steps[0] += self._per[0] * 2\n"
    ),
    Mutant("halving drops the lower reading", "probe/watch.py", 'min(one, two) if name == "heap"', 'max(one, two) if name == "heap"'),
    Mutant(
        "the first agent is weighed too", "probe/questions.py", "herd.add(1 if at == 0 else size)", "herd.add(0 if at == 0 else size + 1)"
    ),
    Mutant("agents are not stepped before they are weighed", "probe/questions.py", "herd.move(start, settle)", "herd.move(start, 0)"),
    Mutant("the heap is not levelled", "probe/questions.py", "            if at == 0:\n                self._meters.level()\n", ""),
    Mutant(
        "coroutines are called and not run", "probe/target.py", "return lambda *words, **named: run(found(*words, **named))", "return found"
    ),
    Mutant(
        "dropped agents are kept",
        "probe/target.py",
        "entered, self._open[index], self.agents[index] = self._open[index], None, None",
        "entered, self._open[index] = self._open[index], None",
    ),
    Mutant(
        "a sample is dropped on the way",
        "measure/agents.py",
        "values=tuple(values))\n        for name, values in table",
        "values=tuple(values[:-1]) + (values[0],))\n        for name, values in table",
    ),
    Mutant(
        "sizes and readings are swapped",
        "judge/trend.py",
        "slopes = [(after - before) / (more - fewer)",
        "slopes = [(more - fewer) / ((after - before) or 1)",
    ),
    Mutant("a slope is doubled", "judge/trend.py", "    slope = median(slopes)\n", "    slope = 2 * median(slopes)\n"),
    Mutant("an interval has no width", "judge/trend.py", "reach = NormalDist()", "reach = 0 * NormalDist()"),
    Mutant(
        "neighbours that are alike count as independent",
        "judge/trend.py",
        "return min(found, _MOST_RELATED) if found > _RELATED else 0.0",
        "return 0.0",
    ),
    Mutant("growth that fades is growth", "judge/growth.py", "late.value > _FADING * early.value", "True"),
    Mutant(
        "a population counts as one agent",
        "judge/growth.py",
        "values=[value / population for value in series.values]",
        "values=list(series.values)",
    ),
    Mutant("handles are ignored", "judge/limits.py", "if name in _HANDLES\n", "if name in ()\n"),
    Mutant("any growth passes", "judge/growth.py", "slope.high < bar or slope.high <= most", "True"),
    Mutant("nothing is confirmed", "inquiry.py", "    if failed:", "    if False:"),
    Mutant(
        "a container that says it is bounded is a leak",
        "judge/looks.py",
        "    if filling:\n        settle",
        "    if False and filling:\n        settle",
    ),
    Mutant("too few steps are enough", "judge/limits.py", "if steps < question.steps:", "if False:"),
    Mutant("a limit is ten times as high", "judge/limits.py", "slope.low > limit.most", "slope.low > 10 * limit.most"),
)


def main() -> int:
    """Run the tests on a healthy copy and on each mutant; return 1 when a mutant survives or cannot be planted."""
    with tempfile.TemporaryDirectory(prefix="heapgate-mutants-") as scratch:
        healthy = _copy(Path(scratch, "healthy"))
        code, took, told = _test(healthy)
        print(f"healthy: {'passes' if code == 0 else 'FAILS'} in {took:.0f} s", flush=True)
        if code:
            print(told)
            return 1
        survived = sum(not _killed(mutant, Path(scratch, f"m{at}")) for at, mutant in enumerate(MUTANTS))
    print(f"{len(MUTANTS) - survived} of {len(MUTANTS)} mutants were noticed")
    return 1 if survived else 0


def _killed(mutant: Mutant, folder: Path) -> bool:
    """Plant one mutant in a copy and tell whether a test fails."""
    copy = _copy(folder)
    file = copy / "gate" / mutant.path
    text = file.read_text(encoding="utf-8")
    if mutant.old not in text:
        print(f"NOT PLANTED  {mutant.does}: gate/{mutant.path} has changed", flush=True)
        return False
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    code, took, told = _test(copy)
    first = next((line for line in told.splitlines() if line.startswith(("FAILED", "ERROR"))), "")
    print(f"{'noticed ' if code == 1 else 'SURVIVED'}  {mutant.does} ({took:.0f} s) {first.partition(' - ')[0]}", flush=True)
    shutil.rmtree(folder)
    return code == 1


def _copy(folder: Path) -> Path:
    """Copy what the tests need."""
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
    for name in ("gate", "tests", "policies"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _test(copy: Path) -> tuple[int, float, str]:
    """Run the tests of the instrument on a copy until one fails; return the exit code, the seconds and what was printed."""
    start = time.perf_counter()
    tests = [name for name in TESTS if (copy / name).exists()]
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "2", "-p", "no:cacheprovider", *tests]
    env = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(words, cwd=copy, env=env, capture_output=True, text=True, check=False)
    return ran.returncode, time.perf_counter() - start, ran.stdout


if __name__ == "__main__":
    sys.exit(main())
