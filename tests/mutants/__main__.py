"""Break the instrument in one place at a time, and show that the tests fail for each; a break that nothing notices is a hole."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Mutant:
    """One break: in a file, one text in the place of another; and the test that is to notice it."""

    does: str
    path: str
    old: str
    new: str
    by: str


MUTANTS = (
    Mutant(
        "the heap meter adds a constant a reading",
        "probe/meters.py",
        "return used + mapped",
        "self.made = getattr(self, 'made', 0) + 1; return used + mapped + self.made",
        by="tests/test_instrument.py::test_heap_meter_reads_no_growth_where_there_is_none",
    ),
    Mutant(
        "the heap meter forgets large blocks",
        "probe/meters.py",
        "return used + mapped",
        "return used",
        by="tests/test_instrument.py::test_footprint_of_known_agents_is_right",
    ),
    Mutant(
        "resident memory is told in kB",
        "probe/meters.py",
        'int(text[at : text.index(b"kB", at)]) * 1024',
        'int(text[at : text.index(b"kB", at)])',
        by="tests/test_parts.py::test_footprint_of_known_agents_is_right_within_a_thousandth",
    ),
    Mutant(
        "memory mapped past malloc counts the heap",
        "probe/meters.py",
        " - int(info.arena) - int(info.hblkhd)",
        "",
        by="tests/test_instrument.py::test_leaky_agent_fails_and_explains_itself",
    ),
    Mutant(
        "handles are not counted",
        "probe/meters.py",
        'return len(Own.listdir("/proc/self/fd")), ',
        "return 3, ",
        by="tests/test_instrument.py::test_leaked_handles_fail",
    ),
    Mutant(
        "threads are not counted",
        "probe/meters.py",
        'len(Own.listdir("/proc/self/task"))',
        "1",
        by="tests/test_instrument.py::test_every_kind_of_handle_is_counted",
    ),
    Mutant(
        "children are not counted",
        "probe/meters.py",
        'len(descendants("self")), self._segments()',
        "0, self._segments()",
        by="tests/test_instrument.py::test_every_kind_of_handle_is_counted",
    ),
    Mutant(
        "nothing is collected before a reading",
        "probe/watch.py",
        "Own.collect(2 if whole else 1)",
        "pass",
        by="tests/test_instrument.py::test_garbage_is_collected_before_each_reading",
    ),
    Mutant(
        "a window forgets half of its steps",
        "probe/watch.py",
        "self._steps[0] += self._per[0]\n",
        "self._steps[0] += self._per[0] * 2\n",
        by="tests/test_limits.py::test_growth_fails_with_its_slope",
    ),
    Mutant(
        "halving drops the lower reading",
        "probe/watch.py",
        'min(one, two) if name == "heap"',
        'max(one, two) if name == "heap"',
        by="tests/test_growth.py::test_halving_keeps_the_lower_reading",
    ),
    Mutant(
        "agents are not stepped before they are weighed",
        "probe/questions.py",
        "            herd.move(start, settle)",
        "            herd.move(start, 0)",
        by="tests/test_instrument.py::test_agents_are_weighed_when_they_have_settled",
    ),
    Mutant(
        "tracing begins when all is built",
        "probe/questions.py",
        "        _tracemalloc.start()\n        try:\n            self.herd.add(size)\n",
        "        self.herd.add(size)\n        _tracemalloc.start()\n        try:\n",
        by="tests/test_parts.py::test_traced_bytes_are_those_that_python_asked_for",
    ),
    Mutant(
        "what was entered is not left",
        "probe/target.py",
        "            _leave(entered)\n",
        "            pass\n",
        by="tests/test_instrument.py::test_what_was_entered_is_left_when_it_is_dropped",
    ),
    Mutant(
        "the heap is not levelled",
        "probe/questions.py",
        "            if at == 0:\n                self._meters.level()\n",
        "",
        by="tests/test_parts.py::test_footprint_of_known_agents_is_right_within_a_thousandth",
    ),
    Mutant(
        "coroutines are called and not run",
        "probe/target.py",
        "return lambda *words, **named: run(found(*words, **named))",
        "return found",
        by="tests/test_instrument.py::test_agents_of_every_form_are_run",
    ),
    Mutant(
        "a sample is dropped on the way",
        "measure/agents.py",
        "values=tuple(values))\n        for name, values in table",
        "values=tuple(values[:-1]) + (values[0],))\n        for name, values in table",
        by="tests/test_instrument.py::test_readings_of_a_steady_leak_rise",
    ),
    Mutant(
        "sizes and readings are swapped",
        "judge/trend.py",
        "slopes = [(after - before) / (more - fewer)",
        "slopes = [(more - fewer) / ((after - before) or 1)",
        by="tests/test_limits.py::test_footprint_is_the_slope_and_not_the_total",
    ),
    Mutant(
        "a slope is doubled",
        "judge/trend.py",
        "    slope = median(slopes)\n",
        "    slope = 2 * median(slopes)\n",
        by="tests/test_growth.py::test_slope_and_interval_are_those_of_scipy",
    ),
    Mutant(
        "an interval has no width",
        "judge/trend.py",
        "reach = NormalDist()",
        "reach = 0 * NormalDist()",
        by="tests/test_growth.py::test_slope_and_interval_are_those_of_scipy",
    ),
    Mutant(
        "neighbours that are alike count as independent",
        "judge/trend.py",
        "return min(found, _MOST_RELATED) if found > _RELATED else 0.0",
        "return 0.0",
        by="tests/test_growth.py::test_related_neighbours_widen_the_interval",
    ),
    Mutant(
        "growth that fades is growth",
        "judge/growth.py",
        "late.value > _FADING * early.value",
        "True",
        by="tests/test_growth.py::test_what_stops_by_itself_is_never_called_a_leak",
    ),
    Mutant(
        "a population counts as one agent",
        "judge/growth.py",
        "values=[value / population for value in series.values]",
        "values=list(series.values)",
        by="tests/test_growth.py::test_population_divides_the_slope",
    ),
    Mutant(
        "handles are ignored",
        "judge/limits.py",
        " if name in _HANDLES",
        " if name in ()",
        by="tests/test_limits.py::test_handles_that_are_never_closed_fail",
    ),
    Mutant(
        "any growth passes",
        "judge/growth.py",
        "slope.high < bar or slope.high <= most",
        "True",
        by="tests/test_growth.py::test_what_keeps_growing_is_never_called_clean",
    ),
    Mutant(
        "nothing is confirmed",
        "inquiry.py",
        "    if failed:",
        "    if False:",
        by="tests/test_growth.py::test_growth_that_the_second_process_does_not_show_is_not_failed",
    ),
    Mutant(
        "a container that says it is bounded is a leak",
        "judge/looks.py",
        "    if filling:\n        settle",
        "    if False and filling:\n        settle",
        by="tests/test_growth.py::test_declared_bound_that_is_not_reached_is_waited_for",
    ),
    Mutant(
        "too few steps are enough",
        "judge/limits.py",
        "if steps < question.steps:",
        "if False:",
        by="tests/test_limits.py::test_level_run_that_was_cut_short_is_undecided",
    ),
    Mutant(
        "a limit is ten times as high",
        "judge/limits.py",
        "slope.low > limit.most",
        "slope.low > 10 * limit.most",
        by="tests/test_limits.py::test_footprint_above_its_limit_fails_and_names_the_place",
    ),
    Mutant(
        "peaks are told without what was held before",
        "probe/peak.py",
        "return highest - before",
        "return highest",
        by="tests/test_peak.py::test_peak_of_known_steps_is_right",
    ),
    Mutant(
        "types are counted twice", "probe/census.py", "row[0] += 1", "row[0] += 2", by="tests/test_measure.py::test_leak_explains_itself"
    ),
    Mutant(
        "advice weighs an array twice",
        "probe/survey.py",
        "return _head(array) + taken(array.nbytes)",
        "return 2 * taken(array.nbytes)",
        by="tests/test_advice.py::test_trial_achieves_what_was_predicted",
    ),
    Mutant(
        "advice overlooks who else holds an array",
        "probe/reach.py",
        "return not self.fixed and",
        "return True or",
        by="tests/test_advice.py::test_arrays_that_somebody_else_holds_are_left_alone",
    ),
    Mutant(
        "advice overlooks what is written to",
        "probe/survey.py",
        "elif copy.content != was:",
        "elif False:",
        by="tests/test_advice.py::test_arrays_that_somebody_else_holds_are_left_alone",
    ),
    Mutant(
        "a forked child reads the memory of what it was forked from",
        "probe/__main__.py",
        "        self._reader.reopen()\n",
        "",
        by="tests/test_nursery.py::test_forked_child_reads_its_own_memory",
    ),
    Mutant(
        "chance begins anew in each forked child",
        "probe/nursery.py",
        "                self._random[1](chance)",
        "                pass",
        by="tests/test_nursery.py::test_chance_is_alike_in_all_children",
    ),
    Mutant(
        "a forked child keeps the mark of the others",
        "probe/pins.py",
        "ctypes.memmove(self._at, mark.encode(), self._length)",
        "pass",
        by="tests/test_nursery.py::test_ending_one_child_leaves_the_others_alone",
    ),
    Mutant(
        "threads are forked away",
        "probe/nursery.py",
        '"the import left threads running": len(Own.listdir("/proc/self/task")) > 1',
        '"the import left threads running": False',
        by="tests/test_nursery.py::test_what_children_would_share_is_imported_anew",
    ),
    Mutant(
        "a trial carries nothing out",
        "probe/trial.py",
        "place.put(place.holder, place.key, make())",
        "pass",
        by="tests/test_advice.py::test_trial_achieves_what_was_predicted",
    ),
    Mutant(
        "a trial does not look at what agents become",
        "probe/canon.py",
        "told.update(repr(item)",
        "told.update(repr(kind)",
        by="tests/test_advice.py::test_digest_tells_values_and_not_memory",
    ),
)


def main() -> int:
    """Run the tests on a healthy copy, and for each mutant its own; return 1 when one survives or cannot be planted."""
    with tempfile.TemporaryDirectory(prefix="heapgate-mutants-") as scratch:
        healthy = _copy(Path(scratch, "healthy"))
        code, took, told = _test(healthy, *sorted({mutant.by for mutant in MUTANTS}))
        print(f"healthy: {'passes' if code == 0 else 'FAILS'} in {took:.0f} s", flush=True)
        if code:
            print(told)
            return 1
        with ThreadPoolExecutor(AT_ONCE) as pool:
            killed = list(pool.map(_killed, MUTANTS, [Path(scratch, f"m{at}") for at in range(len(MUTANTS))]))
    print(f"{sum(killed)} of {len(MUTANTS)} mutants were noticed")
    return 0 if all(killed) else 1


def _killed(mutant: Mutant, folder: Path) -> bool:
    """Plant one mutant in a copy and tell whether its test fails."""
    copy = _copy(folder)
    file = copy / "gate" / mutant.path
    text = file.read_text(encoding="utf-8")
    if mutant.old not in text:
        print(f"NOT PLANTED  {mutant.does}: gate/{mutant.path} has changed", flush=True)
        return False
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    code, took, told = _test(copy, mutant.by)
    first = next((line for line in told.splitlines() if line.startswith(("FAILED", "ERROR"))), mutant.by)
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


def _test(copy: Path, *tests: str) -> tuple[int, float, str]:
    """Run tests on a copy until one fails; return the exit code, the seconds and what was printed."""
    start = time.perf_counter()
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    env = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(words, cwd=copy, env=env, capture_output=True, text=True, check=False)
    return ran.returncode, time.perf_counter() - start, ran.stdout


if __name__ == "__main__":
    sys.exit(main())
