"""What is said of growth, handles and footprints: invented series whose truth is known, against limits."""

from dataclasses import replace

import pytest

from gate.facts import Finding, Holder, Hotspot, Outcome, Reading, Series, TypeSize
from gate.judge import limits
from tests.invented import (
    BASE,
    Program,
    World,
    ask,
    both,
    every,
    fading,
    flat,
    linear,
    noise,
    question,
    sawtooth,
    staircase,
    until,
)

PASSED, FAILED, INCONCLUSIVE = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE
PAGE = 4096
PER_WINDOW = 32


def told(asked: str = "growth", *, missing: tuple[str, ...] = (), most: float = 0, population: int = 1, **programs: Program) -> Finding:
    """Ask one question about invented meters."""
    return ask(World(programs, missing=missing), [question(asked, most=most, population=population)])[0][1]


def handles(kind: str, program: Program) -> Finding:
    """Ask about one kind of handle."""
    return ask(World({kind: program}), [question("handles")])[0][1]


def count(*, rate: float = 0, size: int = 1, start: int = 5) -> Program:
    """Open `size` handles now and then: `rate` a step on average."""
    return lambda _: (start + size * int(rate * at / size) for at in range(10**9))


# --- growth -----------------------------------------------------------------------------


def test_level_heap_says_what_it_excludes() -> None:
    """The headline of a pass has the growth and the steps that are excluded, its details the rarest event."""
    found = told(heap=flat())
    assert found.outcome is PASSED
    assert found.headline.startswith("heap: no steady growth of 1 B/step or more in ")
    assert any(line.startswith("the rarest event excluded is 1 in ") for line in found.details)
    assert found.details[-2:] == ("measured in 1 fresh process, alpha 0.001", "the limit's reason: tests")


@pytest.mark.parametrize("slope", [2, 8, 129, 5000])
def test_growth_fails_with_its_slope(slope: float) -> None:
    """Growth is told with its interval, its limit and the place where it may be accepted."""
    found = told(heap=linear(slope))
    assert found.outcome is FAILED
    assert found.estimate is not None
    assert found.estimate.low <= slope <= found.estimate.high
    assert found.headline.startswith("heap grows by ")
    assert found.headline.endswith("limit 0 B/step")
    assert "policies/memory.yaml:9" in found.next_act


@pytest.mark.parametrize(("slope", "outcome"), [(100, PASSED), (155, PASSED), (165, FAILED), (900, FAILED)])
def test_limit_that_allows_growth_is_held(slope: float, outcome: Outcome) -> None:
    """What a policy allows passes and is told, what is above it fails."""
    found = told(most=160, heap=both(linear(slope), noise(100)))
    assert found.outcome is outcome
    assert "limit 160 B/step" in found.headline


def test_growth_of_a_population_is_told_for_one_agent() -> None:
    """The growth of eight agents is divided among them."""
    found = told(population=8, heap=linear(80))
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(10, rel=0.01)
    assert "heap of all 8 together 80 B/step [80 B/step, 80 B/step]" in found.details


@pytest.mark.parametrize("missing", [("rss",), ("mapped",), ("rss", "mapped"), ("rss", "mapped", "segments", "children", "fds")])
def test_meters_that_are_not_there_do_not_change_what_the_heap_says(missing: tuple[str, ...]) -> None:
    """Where the system does not tell what is resident or mapped, the heap decides."""
    assert told(missing=missing, heap=flat()).outcome is PASSED
    assert told(missing=missing, heap=linear(16)).outcome is FAILED


def test_without_a_heap_meter_growth_is_not_measured() -> None:
    """A platform without an exact heap meter gets no number."""
    found = told(missing=("heap", "heap mean"), heap=flat())
    assert found.outcome is Outcome.SKIPPED
    assert found.headline == "not measured: this platform has no exact heap meter"


def test_mapped_memory_that_grows_beside_a_level_heap_fails() -> None:
    """What bypasses malloc is seen as it is mapped."""
    found = told(heap=flat(), mapped=every(2, 2 * PAGE))
    assert found.outcome is FAILED
    assert found.headline.startswith("memory mapped past malloc grows by 4.1 kB/step")


def test_resident_memory_that_grows_alone_fails() -> None:
    """Memory of processes that the agents started is resident only."""
    found = told(heap=flat(), rss=linear(10 * PAGE))
    assert found.outcome is FAILED
    assert found.headline.startswith("resident memory grows by 41 kB/step")


@pytest.mark.parametrize(
    "rss",
    [fading(100, 10e6), until(300, PAGE), staircase([80, 300], 1e6), noise(1e6), sawtooth(50, 10 * PAGE)],
    ids=["fades", "fills", "steps", "noise", "sawtooth"],
)
def test_pages_that_settle_do_not_fail(rss: Program) -> None:
    """Fragmentation fades, pools fill, pages come and go: a level heap is not failed for them."""
    assert told(heap=flat(), rss=rss).outcome is not FAILED


def test_little_mapped_memory_that_keeps_growing_is_not_passed() -> None:
    """One page in eight steps is too little to fail in a short look, and too steady to be passed over."""
    assert told(heap=flat(), mapped=every(8, PAGE)).outcome is FAILED


def test_few_pages_are_not_waited_for() -> None:
    """Pages that hardly move keep nothing undecided."""
    assert told(heap=flat(), rss=every(40, PAGE), mapped=staircase([90], 2 * PAGE)).outcome is PASSED


def test_stacks_of_threads_are_the_question_about_handles() -> None:
    """The stack that each thread maps is not called growth of mapped memory."""
    found = told(heap=flat(), mapped=every(1, 8 << 20), threads=count(rate=1))
    assert "mapped" not in found.headline


@pytest.mark.parametrize("program", [sawtooth(10, 3000), sawtooth(40, 800), sawtooth(300, 100)])
def test_garbage_in_circles_that_is_collected_now_and_then_passes(program: Program) -> None:
    """With the collector on its cycles are a sawtooth, without it they are whatever the program collects by itself."""
    assert told(heap=program).outcome is PASSED


def test_garbage_that_nobody_collects_fails() -> None:
    """With the collector off, garbage in circles is kept like all else."""
    assert told(heap=linear(200)).outcome is FAILED


def test_run_that_ended_before_the_first_window_is_undecided() -> None:
    """A step that outlasts the budget is told with the key that helps."""
    found = limits.judge(question(), Reading(ended="time", samples=1))
    assert found.outcome is INCONCLUSIVE
    assert "raise budget.time for x" in found.next_act


def test_level_run_that_was_cut_short_is_undecided() -> None:
    """A policy that wants more steps than there was time for gets no pass."""
    found = limits.judge(question(steps=100_000), Reading(series=(over_steps([BASE] * 64),), ended="time", samples=1))
    assert found.outcome is INCONCLUSIVE
    assert found.headline == "level for 2,048 of 100,000 steps; the budget ended then"


def test_undecided_run_says_how_much_more_it_would_take() -> None:
    """A headline that says neither names the steps to watch and the keys that allow them."""
    found = limits.judge(question(), Reading(series=(over_steps([BASE] * 56 + [BASE + 10**6] * 8),), samples=1))
    assert found.outcome is INCONCLUSIVE
    assert "neither within 0 B/step nor clearly above" in found.headline
    assert "raise budget.cpu and budget.time for x in policies/memory.yaml" in found.next_act


def test_child_that_broke_is_not_passed() -> None:
    """What was level until the agents raised is broken; what grew until then fails, and says how it ended."""
    level = limits.judge(question(), Reading(series=(over_steps([BASE] * 64),), trouble="ValueError: no", samples=1))
    grew = limits.judge(
        question(), Reading(series=(over_steps([BASE + 800 * at for at in range(64)]),), trouble="ValueError: no", samples=1)
    )
    assert level.outcome is Outcome.BROKEN
    assert grew.outcome is FAILED
    assert "then it ended: ValueError: no" in grew.details


@pytest.mark.parametrize(("weight", "outcome"), [(50_000, INCONCLUSIVE), (500_000, PASSED)])
def test_agent_that_was_weighed_before_it_was_full_is_not_passed(weight: float, outcome: Outcome) -> None:
    """A warm-up of more than the whole footprint may be is told with the settle that weighs the agent full."""
    start = (BASE, 32, BASE + 32_000)
    row = over_steps([BASE + min(100_000, 32_000 + 1000 * at) for at in range(1, 129)])
    asked = question(weight=weight)
    reading = Reading(series=(row,), start=start, samples=1)
    found = limits.full(asked, reading, Finding(outcome=PASSED, headline="level"))
    assert found.outcome is outcome
    assert ("set settle: " in found.next_act) is (outcome is INCONCLUSIVE)


def over_steps(values: list[int], meter: str = "heap") -> Series:
    """Make a series of one reading a window."""
    counts = tuple(PER_WINDOW * (at + 1) for at in range(len(values)))
    return Series(meter=meter, unit="B", over="steps", counts=counts, values=tuple(values))


def test_cycle_is_one_agents_however_many_live() -> None:
    """What a dropped agent leaves is not divided by how many agents a case lets live."""
    asked = replace(question("churn"), population=16)
    found = limits.judge(asked, Reading(series=(over_steps([BASE + 90 * PER_WINDOW * at for at in range(64)]),), samples=1))
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(90)


def test_one_more_thread_does_not_hide_what_is_mapped() -> None:
    """A thread that was started late has a stack, and is no reason to overlook all else that is mapped."""
    assert told(heap=flat(), mapped=every(1, PAGE), threads=staircase([100], 1)).outcome is FAILED


def test_growth_that_is_allowed_is_that_of_the_meter_that_gains_most() -> None:
    """With a limit the headline tells the growth of resident memory where the heap is level, and of the kind of handle that grows."""
    assert told(most=100_000, heap=flat(), rss=linear(50_000)).headline.startswith("resident memory: grows by 50 kB/step")
    assert told("handles", most=2, fds=count(), threads=count(rate=1)).headline.startswith("threads: grows by 1/step")


@pytest.mark.parametrize(("values", "outcome"), [([at * 10**8 for at in range(8)], FAILED), ([0, 0, 0, 10**9], INCONCLUSIVE)])
def test_leak_that_fills_the_memory_in_a_few_steps_fails(values: list[int], outcome: Outcome) -> None:
    """When so much is gained that the watch ends, a few windows that all gain are enough; one load is not, and says what ended it."""
    found = limits.judge(question(), Reading(series=(over_steps([BASE + value for value in values]),), ended="memory", samples=1))
    assert found.outcome is outcome
    assert ("so much was gained: raise budget.memory for x" in found.next_act) is (outcome is INCONCLUSIVE)


def test_memory_that_falls_below_its_start_is_no_error() -> None:
    """An agent that frees what it was built with has gained nothing."""
    row = over_steps([BASE - 500_000] * 64)
    asked = question(weight=1000)
    assert (
        limits.full(asked, Reading(series=(row,), start=(BASE, 32, BASE), samples=1), Finding(outcome=PASSED, headline="")).outcome
        is PASSED
    )


def test_advice_without_a_policy_names_words_of_the_command() -> None:
    """Who measures one callable is told options, not keys of a file."""
    asked = question(place="")
    level = Reading(series=(over_steps([BASE] * 56 + [BASE + 10**6] * 8),), samples=1)
    assert limits.judge(asked, level).next_act == "watch four times as long (8,192 steps): --budget-seconds 40"
    assert "--budget-seconds" in limits.judge(asked, Reading(ended="time", samples=1)).next_act


# --- handles ----------------------------------------------------------------------------


def test_handles_that_stay_level_pass() -> None:
    """Every kind that was counted is named."""
    found = told("handles", fds=count(), threads=count(start=1))
    assert found.outcome is PASSED
    assert found.headline.startswith("fds, threads, children, segments: no steady growth of 0.01/step or more in ")


@pytest.mark.parametrize("kind", ["fds", "threads", "children", "segments"])
@pytest.mark.parametrize("rate", [0.05, 0.2, 1])
def test_handles_that_are_never_closed_fail(kind: str, rate: float) -> None:
    """One kind that leaks fails the question, however level the others are."""
    found = handles(kind, count(rate=rate))
    assert found.outcome is FAILED
    assert found.headline.startswith(f"{kind} grow by ")


@pytest.mark.parametrize("kind", ["fds", "threads", "children", "segments"])
def test_handles_that_come_and_go_pass(kind: str) -> None:
    """Threads and files that live for a while are a sawtooth."""
    assert handles(kind, lambda _: (3 + at % 3 for at in range(10**9))).outcome is PASSED


@pytest.mark.parametrize(("kind", "most"), [("fds", 100), ("threads", 100), ("children", 30)])
def test_pool_that_fills_is_not_failed(kind: str, most: int) -> None:
    """A pool of workers or connections opens some, and no more."""
    program: Program = lambda _: (min(most, at // 4) for at in range(10**9))  # noqa: E731 - a program is a function of chance
    assert handles(kind, program).outcome is not FAILED


def test_handles_that_no_system_tells_do_not_count() -> None:
    """Kinds that are not known are neither passed nor failed."""
    found = told("handles", missing=("segments", "children"), fds=count())
    assert found.headline.startswith("fds, threads: ")


# --- footprint --------------------------------------------------------------------------


def footprint(heap: list[int], most: float, rss: list[int] | None = None) -> Finding:
    """Judge bytes at 8, 16 and 24 live agents."""
    meters = {"heap": heap} | ({"rss": rss} if rss else {})
    series = tuple(Series(meter=name, unit="B", over="agents", counts=(8, 16, 24), values=tuple(row)) for name, row in meters.items())
    return limits.judge(question("footprint", most=most), Reading(series=series, samples=3))


def test_footprint_is_the_slope_and_not_the_total() -> None:
    """What all agents share is in none of them."""
    found = footprint([1_000_000 + 80 * 8, 1_000_000 + 80 * 16, 1_000_000 + 80 * 24], most=100)
    assert found.outcome is PASSED
    assert found.estimate is not None
    assert (found.estimate.low, found.estimate.value, found.estimate.high) == (80, 80, 80)


def test_footprint_above_its_limit_fails_and_names_the_place() -> None:
    """The headline has the bytes with interval and the limit; the next act has the policy line."""
    found = footprint([800, 1600, 2400], most=90)
    assert found.outcome is FAILED
    assert found.headline.endswith("100 B/agent [100 B/agent, 100 B/agent], limit 90 B/agent")
    assert "policies/memory.yaml:9" in found.next_act


def test_footprint_on_both_sides_of_the_limit_is_undecided() -> None:
    """An interval that holds the limit is neither passed nor failed."""
    assert footprint([800, 1600, 2500], most=105).outcome is INCONCLUSIVE


def test_footprint_past_malloc_is_not_passed() -> None:
    """A light heap under heavy resident memory does not pass."""
    assert footprint([800, 1600, 2400], most=1000, rss=[8 << 20, 16 << 20, 24 << 20]).outcome is not PASSED


# --- explanations -----------------------------------------------------------------------


def test_explanation_travels_with_the_finding() -> None:
    """The line that allocates, the type that multiplies and the container that grows are in the details."""
    spot = Hotspot(path="a.py", line=4, text="self.log.append(None)", size=8.1, count=0.0, trace=("b.py:9", "a.py:4"))
    held = Holder(path="bots.LOG", kind="list", items=900, gained=1.0, bound=0, size=8.1)
    reading = Reading(samples=1, hotspots=(spot,), types=(TypeSize(name="list", count=0, size=8.1),), holders=(held,))
    found = limits.explained(question(), reading, Finding(outcome=FAILED, headline="grows"))
    assert "a.py:4: 8.1 B/step: self.log.append(None)" in found.details
    assert "  by way of b.py:9 > a.py:4 (most recent call last)" in found.details
    assert "type list: 8.1 B/step in 0 objects" in found.details
    assert any(line.startswith("bots.LOG: list, +1 items/step") for line in found.details)
