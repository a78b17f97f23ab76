"""The demonstration: its figures decide, its page says what they are, and its agents do what it says of them."""

import io
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gate import command
from gate.demo import figures, report, run
from gate.demo.figures import Figures, Framework, Row, Sameness, Weight
from gate.demo.same import compare
from gate.errors import GateError
from gate.threads import Later

SMALL = (6, 25, 40)
SAME = Sameness(steps=200, same=True, apart=0.0, lost=0.0, states=1000, nonzero=10, kept=10, before=0.02, after=0.01)
HEAVY, LIGHT = (Weight(heap=size, rss=size + 4096, counts=(1, 3)) for size in (34.5e6, 430e3))
ROWS = (
    Row(state="99 % zeros", before=HEAVY, after=LIGHT, shared=0.0, same=SAME, sparse=True),
    Row(
        state="50 % zeros",
        before=HEAVY,
        after=replace(HEAVY, heap=17.9e6, rss=17.9e6),
        shared=0.0,
        same=replace(SAME, states=4_312_500, nonzero=2_156_250),
    ),
    Row(state="dense and random", before=HEAVY, after=HEAVY, shared=0.0, same=replace(SAME, nonzero=1000), dense=True),
    Row(
        state="no zeros, pruned",
        before=HEAVY,
        after=LIGHT,
        shared=0.0,
        same=replace(SAME, same=False, apart=2e-9, lost=4e-9, nonzero=1000),
    ),
)
STAGES = tuple((name, replace(HEAVY, heap=heap, rss=heap)) for name, heap in (("as released", 34e6), ("shared", 26e3), ("all", 8e3)))
FRAMEWORK = Framework(version="0.0.7.1", stages=STAGES, same=SAME)
FOUND = Figures(rows=ROWS, framework=FRAMEWORK, machine="CPython 3.11.7, 2 cores", seconds=150.0)

PAGE = """\
# Memory report

What remedies save, in bytes of one more live agent: slopes over populations in fresh processes, by the gate's exact heap meter and by
RssAnon after free memory was given back; the larger one counts. What was deleted or moved elsewhere would not be saved and was not done;
what several agents hold together is shown beside. Times are medians of steps that both agents took in turn.

Written by `gate demo` in 2 min 30 s, on CPython 3.11.7, 2 cores.

- Holds: agents whose states are 99 % zeros weigh less than 10 MB.
- Holds: agents whose states are dense and random weigh at most 1.01 times what they did.
- Holds: all results are equal bit for bit, or as near as stated where something is lost.
- Holds: one more agent of pymdp weighs at most 10 kB of heap.
- Holds: agents of pymdp choose the same actions.

## Agents with one joint belief

| state | before: heap, RssAnon | after: heap, RssAnon | limit | shared | step before, after | after the same steps |
| --- | --- | --- | --- | --- | --- | --- |
| 99 % zeros | 34.5 MB, 34.5 MB | 430 kB, 434 kB | 89.7 B | 0 B | 20 ms, 10 ms (x0.5) | 200 steps: equal bit for bit |
| 50 % zeros | 34.5 MB, 34.5 MB | 17.9 MB, 17.9 MB | 17.8 MB | 0 B | 20 ms, 10 ms (x0.5) | 200 steps: equal bit for bit |
| dense and random | 34.5 MB, 34.5 MB | 34.5 MB, 34.5 MB | 8 kB | 0 B | 20 ms, 10 ms (x0.5) | 200 steps: equal bit for bit |
| no zeros, pruned | 34.5 MB, 34.5 MB | 430 kB, 434 kB | - | 0 B | 20 ms, 10 ms (x0.5) | 200 steps: L1 at most 2e-09, bound 8e-09 |

The limit of a lossless layout: log2 C(n, k) bits for where k of n states are, and 8 B for each of these.

At 50 % zeros no lossless layout reaches 10 MB: of each of the 2,156,250 values 52 bits are random, which alone are 14 MB.

Only "no zeros, pruned" loses something: each step keeps 10 states, and all steps together lost 4e-09 of the mass. Each pruning tells
its own L1 exactly, and the bound is their sum. What is lost may grow from step to step, so that no sum is a guarantee for every sequence
of readings: the L1 beside it was measured against the agent that prunes nothing. It is dense while it steps, and light between steps.

![Bytes of one more live agent before and after, a pair of bars for each kind of state, on a logarithmic axis](memory-report.svg)

## Agents of pymdp

pymdp 0.0.7.1 in its own grid world of 29 x 29 cells, each agent with a start and a goal of its own. Shared is what agents stopped
owning when equal arrays became one: it is there once, and a part of it counts in each of 100 agents that live together.

| stage | heap, RssAnon of one more | populations | shared, once | heap, each of 100 |
| --- | --- | --- | --- | --- |
| as released | 34 MB, 34 MB | 1, 3 | 0 B | 34 MB |
| shared | 26 kB, 26 kB | 1, 3 | 34 MB | 366 kB |
| all | 8 kB, 8 kB | 1, 3 | 34 MB | 348 kB |

Nothing in pymdp was changed. Shared: `A B C D E policies`. Held as BeliefArray between steps: `C` and `qs`. Bounded: `prev_actions`,
to which pymdp appends at each step and which it never reads with the inference that it uses by default; the agents were weighed before
the first action was dropped, so that none is counted as saved.

Action, position, `q_pi` and `qs` of the first and the last stage in the same world, 200 steps: equal bit for bit.
A step took 20 ms, 10 ms (x0.5).
"""


def with_row(at: int, **changes: Any) -> Figures:
    """Return the figures with one row changed."""
    return replace(FOUND, rows=tuple(replace(row, **changes) if number == at else row for number, row in enumerate(ROWS)))


WRONG = {
    "a sparse agent is heavy": with_row(0, after=replace(LIGHT, heap=10e6)),
    "its pages are": with_row(0, after=replace(LIGHT, rss=10e6)),
    "a dense one grew": with_row(2, after=replace(HEAVY, heap=34.9e6)),
    "a result differs": with_row(1, same=replace(SAME, same=False)),
    "more is lost than the bound says": with_row(3, same=replace(SAME, same=False, apart=9e-9, lost=4e-9)),
    "no sparse agent was measured": replace(FOUND, rows=ROWS[1:]),
    "an agent of pymdp is heavy": replace(FOUND, framework=replace(FRAMEWORK, stages=STAGES[:2])),
    "an agent of pymdp acts otherwise": replace(FOUND, framework=replace(FRAMEWORK, same=replace(SAME, same=False))),
}


def test_page_is_told_whole() -> None:
    """The page says what was measured, every claim and every figure with its unit."""
    assert report.write(FOUND, "memory-report.svg") == PAGE


@pytest.mark.parametrize("what", WRONG)
def test_each_wrong_figure_breaks_one_claim(what: str) -> None:
    """Each claim fails by its own figure alone, and the page says so."""
    assert all(claim.holds for claim in figures.claims(FOUND))
    broken = [claim.text for claim in figures.claims(WRONG[what]) if not claim.holds]
    assert len(broken) == 1
    assert f"- **Does not hold**: {broken[0]}." in report.write(WRONG[what], "")


def test_exit_code_is_that_of_the_claims(tmp_path: Path) -> None:
    """A claim that does not hold is an exit code of 1; the page has its picture beside it, whose bytes are equal when its figures are."""
    pictures = set()
    for found, code in ((WRONG["an agent of pymdp acts otherwise"], 1), (FOUND, 0)):
        out, page = io.StringIO(), tmp_path / "docs" / "page.md"
        assert run.write(found, page, out) == code
        assert out.getvalue().count("DOES NOT HOLD") == code
        assert "](page.svg)" in page.read_text(encoding="utf-8")
        pictures.add(page.with_suffix(".svg").read_bytes())
    assert len(pictures) == 1


def test_what_is_not_installed_is_said() -> None:
    """Without matplotlib or pymdp the page says how to have them, and claims nothing of them."""
    page = report.write(replace(FOUND, framework=Framework(absent="not measured: pip install it")), "")
    assert "\nnot measured: pip install it\n" in page
    assert "pip install 'heapgate[demo]'" in page
    assert "of pymdp weighs" not in page


@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.99])
def test_searchers_stay_equal_bit_for_bit(zeros: float) -> None:
    """A searcher does the same with a BeliefArray as with a plain array, and has as many zeros as it says."""
    found = compare("gate.demo.agents", "dense", "held", {"zeros": zeros, "shape": SMALL}, steps=50, every=7)
    assert found["same"]
    assert (found["apart"], found["lost"]) == (0.0, 0.0)
    assert found["nonzero"] == found["kept"] == round((1 - zeros) * 6000)


def test_pruned_trackers_stay_within_what_they_tell() -> None:
    """A tracker that keeps 10,000 of 24,000 states follows who moves, no farther from the other than its bound."""
    found = compare("gate.demo.agents", "tracker", "pruned", {"shape": (12, 50, 40)}, steps=50, every=1)
    assert found["kept"] < found["nonzero"] == 24_000
    assert 0 < found["apart"] <= 2 * found["lost"] < 1e-3


def test_a_process_that_fails_is_named(tmp_path: Path) -> None:
    """Agents that cannot be compared are an error of the gate, with what their process said last."""
    with pytest.raises(GateError, match=r"gate\.demo\.agents:held cannot be compared with nobody: .*has no attribute 'nobody'"):
        run._same(tmp_path, "gate.demo.agents", ("nobody", "held"), {}, 1)


def test_a_failure_ends_what_still_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When one question cannot be answered, processes that answer others are ended, those that wait never start, and nothing is written."""
    futures: list[Any] = []

    def asked(later: Later, root: Path) -> Figures:
        words = [sys.executable, "-c", "import time; time.sleep(60)"]
        futures.extend(later(partial(command.run, words, cwd=root)) for _ in range(4))
        message = "one question"
        raise GateError(message)

    monkeypatch.setattr(run, "_asked", asked)
    with pytest.raises(GateError, match="one question"):
        run.run(tmp_path, tmp_path / "page.md", io.StringIO())
    assert all(future.cancelled() or future.result().code < 0 for future in futures)
    assert not list(tmp_path.iterdir())
