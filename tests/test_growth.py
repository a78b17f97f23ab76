"""How growth is decided: invented programs, seen step by step as a measured child is, in a first and in a second process."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gate.facts import Estimate, Finding, Holder, Outcome, Reading, Series
from gate.facts.work import Limit
from gate.judge import growth, looks, trend
from gate.probe import watch
from gate.probe.meters import Meters
from tests.invented import (
    BASE,
    Program,
    World,
    ask,
    both,
    cache,
    container,
    decide,
    every,
    fading,
    flat,
    linear,
    noise,
    question,
    related,
    sawtooth,
    staircase,
    until,
    vector,
    walk,
)

PASSED, FAILED, INCONCLUSIVE = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE
SEEDS = 400

CLEAN: dict[str, tuple[Program, Outcome]] = {
    "flat": (flat(), PASSED),
    "half a byte a step": (linear(0.5), PASSED),
    "falls": (linear(-0.5), PASSED),
    "white noise": (noise(1000), PASSED),
    "loud white noise": (noise(100_000), PASSED),
    "related noise": (related(0.9, 300), PASSED),
    "short sawtooth": (sawtooth(7, 10_000), PASSED),
    "sawtooth": (sawtooth(64, 1000), PASSED),
    "sawtooth of a tenth of the run": (sawtooth(500, 1000), PASSED),
    "sawtooth that begins high": (sawtooth(500, 1000, begin=400), PASSED),
    "warm-up": (until(60, 10_000), PASSED),
    "warm-up longer than the first look": (until(200, 1000), PASSED),
    "warm-up of a thousand steps": (until(1000, 100), PASSED),
    "one early load": (staircase([10], 1e6), PASSED),
    "one load in the middle of the first look": (staircase([70], 1e6), PASSED),
    "a few loads": (staircase([10, 200, 900, 2500], 1e5), PASSED),
    "a load above noise": (both(noise(10_000), staircase([100], 1e5)), PASSED),
    "a full cache": (cache(100, 120, 200), PASSED),
    "a cache that fills by chance": (cache(1000, 1200, 200), PASSED),
    "a cache that fills": (cache(1000, 100_000, 200), PASSED),
    "settles fast": (fading(50, 1e6), PASSED),
    "settles slowly": (fading(500, 1e6), PASSED),
    "a long periodic flush in noise": (both(sawtooth(1500, 100), noise(3000)), INCONCLUSIVE),
}
LEAKS: dict[str, tuple[Program, Outcome]] = {
    "a little above the resolution": (linear(1.2), FAILED),
    "16 bytes": (linear(16), FAILED),
    "5 kilobytes": (linear(5000), FAILED),
    "one call in 25": (every(25, 400), FAILED),
    "in noise": (both(linear(16), noise(1000)), FAILED),
    "in loud noise": (both(linear(16), noise(100_000)), FAILED),
    "in related noise": (both(linear(100), related(0.9, 10_000)), FAILED),
    "on a random walk": (both(linear(16), walk(100)), INCONCLUSIVE),
    "under a sawtooth": (both(linear(16), sawtooth(64, 1000)), FAILED),
    "beside a long sawtooth": (both(linear(16), sawtooth(500, 1000)), INCONCLUSIVE),
    "beside a warm-up that ends in the second run": (both(linear(16), until(300, 1000)), FAILED),
    "beside one load": (both(linear(16), staircase([100], 1e5)), FAILED),
    "a list": (container(list, lambda kept, _: kept.append(None)), FAILED),
    "a bytearray": (container(bytearray, lambda kept, _: kept.extend(bytes(16))), FAILED),
    "a dictionary": (container(dict, lambda kept, at: kept.__setitem__(at, None)), FAILED),
    "a dictionary with its values": (both(container(dict, lambda kept, at: kept.__setitem__(at, None)), linear(32)), FAILED),
    "a set with its items": (both(container(set, lambda kept, at: kept.add(at)), linear(32)), FAILED),
    "a list in noise": (both(container(list, lambda kept, _: kept.append(None)), noise(1000)), FAILED),
    "a dictionary in noise": (both(container(dict, lambda kept, at: kept.__setitem__(at, None)), noise(1000)), INCONCLUSIVE),
}


@pytest.mark.parametrize("name", CLEAN)
def test_what_stops_by_itself_is_never_called_a_leak(name: str) -> None:
    """Bounded series pass, or stay undecided where the budget ends before they repeat; none fails."""
    program, outcome = CLEAN[name]
    assert decide(program).outcome is outcome


@pytest.mark.parametrize("name", LEAKS)
def test_what_keeps_growing_is_never_called_clean(name: str) -> None:
    """Growth above the limit fails, or stays undecided where bounded work hides it; none passes."""
    program, outcome = LEAKS[name]
    assert decide(program).outcome is outcome


# --- error rates ------------------------------------------------------------------------


def outcomes(program: Program, seeds: int = SEEDS, **given: float) -> Counter[Outcome]:
    """Decide with many seeds; a second process, where one is asked, has a chance of its own."""
    return Counter(decide(program, seed=seed, asked=question(cpu=2), **given).outcome for seed in range(seeds))


@pytest.mark.slow
def test_white_noise_never_fails() -> None:
    """Of 400 runs of white noise none fails, and all pass."""
    assert outcomes(noise(1000)) == {PASSED: SEEDS}


@pytest.mark.slow
def test_related_noise_never_fails() -> None:
    """Of 400 runs of an autoregression of 0.9 none fails."""
    assert outcomes(related(0.9, 300))[FAILED] == 0


@pytest.mark.slow
@pytest.mark.parametrize("program", [related(0.99, 1000), walk(100), walk(10_000)], ids=["AR(.99)", "walk", "wide walk"])
def test_chance_that_looks_like_growth_does_not_repeat(program: Program) -> None:
    """What wanders so slowly that it cannot be told from a trend may be called a leak once in a hundred runs at the most."""
    assert outcomes(program, 100)[FAILED] <= 1


@pytest.mark.slow
@pytest.mark.parametrize(("share", "width"), [(0.9, 10_000), (0.99, 10_000), (0.999, 1000), (1.0, 1000)])
def test_leak_in_slow_noise_never_passes(share: float, width: float) -> None:
    """A trend that chance hides in a short run is undecided: a fall by chance is no level either."""
    assert outcomes(both(linear(100), related(share, width)), 60)[PASSED] == 0


@pytest.mark.parametrize("pace", [0.0004, 0.00055, 0.0007, 0.0009, 0.0011, 0.0013, 0.0016])
@pytest.mark.parametrize("rare", [1, 3, 7])
def test_room_that_doubles_never_passes(pace: float, rare: int) -> None:
    """Wherever in an octave a run ends, a container that doubles its room is not called level: also steps before the table count."""
    assert decide(vector(rare, 24), pace=pace).outcome is FAILED


@pytest.mark.parametrize("pace", [0.00001, 0.02])
@pytest.mark.parametrize("program", [both(linear(50), noise(500)), container(list, lambda kept, _: kept.append(None))])
def test_leak_of_fast_and_slow_steps_fails(program: Program, pace: float) -> None:
    """Steps of ten microseconds and of twenty milliseconds are judged alike."""
    assert decide(program, pace=pace, asked=question(cpu=20)).outcome is FAILED


# --- the second process -----------------------------------------------------------------


def test_growth_that_the_second_process_does_not_show_is_not_failed() -> None:
    """A trend by chance of the first process is gone in the second, whose word counts."""
    world = World({"heap": linear(100)}, later={"heap": flat()})
    assert ask(world, [question()])[0][1].outcome is PASSED
    assert world.started == 2


def test_leak_is_watched_four_times_as_long_before_it_is_called_one() -> None:
    """What fails has been seen in two processes, in the second for at least four times as many steps."""
    world = World({"heap": linear(100)})
    first = World({"heap": flat()})
    reading, found = ask(world, [question()])[0]
    assert found.outcome is FAILED
    assert reading.samples == 2
    assert reading.series[0].counts[-1] >= 4 * ask(first, [question()])[0][0].series[0].counts[-1]


@pytest.mark.parametrize(
    ("one", "two", "outcome"),
    [
        ((100, 99, 101), (100, 99, 101), FAILED),
        ((100, 99, 101), (60, 40, 80), FAILED),
        ((100, 99, 101), (30, 25, 50), INCONCLUSIVE),
        ((1000, 990, 1010), (16, 15.9, 16.1), FAILED),  # as straight as a line: what was filling beside it is full
        ((6, 5.9, 6.1), (4, 3, 5), INCONCLUSIVE),  # slow growth has to be more alike
        ((0, 0, 50), (30, 25, 50), FAILED),
    ],
)
def test_second_growth_has_to_be_like_the_first(one: tuple[float, float, float], two: tuple[float, float, float], outcome: Outcome) -> None:
    """Growth that is much slower in the longer run may be settling."""
    found = looks.confirmed(question(), failed(one), failed(two), Reading(series=(straight(),)))
    assert found.outcome is outcome
    assert ("it may be settling" in found.headline) is (outcome is INCONCLUSIVE)


def failed(slope: tuple[float, float, float]) -> Finding:
    """Make the finding of a growth (value, low, high)."""
    value, low, high = slope
    return Finding(outcome=FAILED, headline="grows", estimate=Estimate(value=value, low=low, high=high, points=64), unit="B/step")


def straight() -> Series:
    """Make any series of 64 windows of 10 steps."""
    return Series(meter="heap", unit="B", over="steps", counts=tuple(range(10, 650, 10)), values=tuple(range(64)))


def holder(items: int, bound: int, gained: float = 1) -> Holder:
    """Make a container that grows."""
    return Holder(path="bots.CACHE", kind="OrderedDict", items=items, gained=gained, bound=bound, size=100)


@pytest.mark.parametrize(("bound", "outcome"), [(0, FAILED), (2000, INCONCLUSIVE), (640, FAILED)])
def test_declared_bound_that_is_not_reached_is_waited_for(bound: int, outcome: Outcome) -> None:
    """A container that says how many items it may have, and has fewer, is no leak yet; a full one is no excuse."""
    found = looks.confirmed(question(), failed((9, 9, 9)), failed((9, 9, 9)), Reading(series=(straight(),), holders=(holder(640, bound),)))
    assert found.outcome is outcome
    if bound == 2000:
        assert "bots.CACHE (OrderedDict) has 640 of the 2,000 items that it may have" in found.headline
        assert f"set settle: {3 + int((640 + 1360) * 1.5)} for x" in found.next_act


def test_bounded_container_that_hardly_grows_is_no_excuse() -> None:
    """Only what grows about as fast as the fastest container explains the growth."""
    rows = (holder(640, 0), holder(64, 128, 0.1))
    found = looks.confirmed(question(), failed((9, 9, 9)), failed((9, 9, 9)), Reading(series=(straight(),), holders=rows))
    assert found.outcome is FAILED


def test_what_is_filling_is_watched_until_it_is_full_if_the_budget_allows() -> None:
    """A declared bound names the steps of the next look; one that is out of reach ends it."""
    reading = Reading(series=(straight(),), holders=(holder(640, 1000),), cpu=1.0)
    look = looks.confirming(reading, [failed((9, 9, 9))])
    further = looks.next_look([question()], reading, [failed((9, 9, 9))], look)
    assert further is not None
    assert further.steps == 1500
    assert looks.next_look([question()], replace(reading, holders=(holder(640, 10**6),)), [failed((9, 9, 9))], look) is None


@pytest.mark.parametrize("why", ["time", "memory", "handles"])
def test_watch_that_ended_is_not_continued(why: str) -> None:
    """There is no further look when a budget of the child is spent."""
    undecided = Finding(outcome=INCONCLUSIVE, headline="neither")
    reading = Reading(series=(straight(),), ended=why, cpu=0.1)
    assert looks.next_look([question()], reading, [undecided], looks.first([question()])) is None


# --- one table --------------------------------------------------------------------------


def table(values: Sequence[float], meter: str = "heap", per: int = 32) -> Series:
    """Make a series of one reading a window."""
    counts = tuple(per * (at + 1) for at in range(len(values)))
    return Series(meter=meter, unit="B", over="steps", counts=counts, values=tuple(int(value) for value in values))


def judged(values: Sequence[float], bar: float = 1, most: float = 0, population: int = 1, least: float = 0) -> growth.Trend:
    """Judge one table, with means that are its readings."""
    limit = Limit(most=most, resolution=bar, unit="B/step")
    return growth.judge(table(values), limit, population, mean=table(values, "heap mean"), least=least)


def grown(slope: float, windows: int = 128) -> list[float]:
    """Grow by `slope` a step."""
    return [BASE + slope * 32 * at for at in range(windows)]


@pytest.mark.parametrize(("slope", "outcome"), [(100, PASSED), (159, PASSED), (161, FAILED), (300, FAILED)])
def test_accepted_growth_is_held_to_its_limit(slope: float, outcome: Outcome) -> None:
    """A policy that accepts 160 B a step passes what is below it and fails what is above it."""
    assert judged(grown(slope), bar=160, most=160).outcome is outcome


def test_population_divides_the_slope() -> None:
    """The growth of eight agents is told per step of one."""
    assert judged(grown(80), population=8).slope.value == pytest.approx(10, rel=0.01)
    assert judged(grown(4), population=8).outcome is PASSED


def test_growth_of_less_than_is_counted_is_not_failed() -> None:
    """What pages may move by themselves does not fail."""
    assert judged(grown(2), least=1e6).outcome is INCONCLUSIVE


def test_late_stair_is_not_passed() -> None:
    """A rise in the last quarter may be the beginning of growth; what rose in the very last windows cannot be told from a peak."""
    for at in range(96, 123):
        assert judged([BASE] * at + [BASE + 100_000] * (128 - at)).outcome is INCONCLUSIVE


def test_late_start_is_not_passed() -> None:
    """A leak that begins in the last eighth is not called clean."""
    assert judged([BASE] * 112 + [BASE + 4096 * at for at in range(16)]).outcome is INCONCLUSIVE


def test_steep_fall_is_not_passed() -> None:
    """What falls is no level: it was higher for a reason that may come again."""
    assert judged(grown(-50)).outcome is INCONCLUSIVE


def test_too_few_windows_decide_nothing() -> None:
    """A table that a budget cut short neither passes nor fails."""
    assert judged(grown(0, windows=12)).outcome is INCONCLUSIVE
    assert judged(grown(50, windows=12)).outcome is INCONCLUSIVE


@pytest.mark.parametrize("period", [2, 3, 5, 8, 13, 16, 21, 32])
@pytest.mark.parametrize("phase", [0, 1, 3, 7])
def test_sawtooth_of_up_to_a_quarter_of_the_table_does_not_fail(period: int, phase: int) -> None:
    """What is gathered and let go is no growth, wherever in its period the table ends."""
    assert judged([BASE + 10_000 * ((at + phase) % period) for at in range(128)]).outcome is not FAILED


WHOLE = st.lists(st.integers(0, 50_000), min_size=64, max_size=64)


@settings(max_examples=60, deadline=None)
@given(WHOLE, st.integers(-100_000, 100_000), st.integers(1, 8))
def test_level_and_unit_do_not_matter(values: list[int], shift: int, factor: int) -> None:
    """Where a series lies changes nothing, and the unit of a series and its limit change the slope only."""
    before = judged([BASE + value for value in values], bar=2, most=2)
    moved = judged([BASE + value + shift for value in values], bar=2, most=2)
    scaled = judged([BASE + factor * value for value in values], bar=2 * factor, most=2 * factor)
    assert (moved.outcome, moved.slope) == (before.outcome, before.slope)
    assert scaled.outcome is before.outcome
    assert scaled.slope.value == pytest.approx(factor * before.slope.value)


# --- slopes -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_slope_and_interval_are_those_of_scipy(seed: int) -> None:
    """Without related neighbours our slope and its interval are scipy's."""
    chance = random.Random(seed)
    counts = [float(at) for at in range(40)]
    values = [3.0 * at + chance.choice((-1, 1)) * chance.randrange(2, 40) * (-1) ** at for at in range(40)]
    ours, theirs = trend.theil_sen(counts, values, 0.95), stats.theilslopes(values, counts, alpha=0.95)
    assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.slope, theirs.low_slope, theirs.high_slope))


def test_related_neighbours_widen_the_interval() -> None:
    """An autoregression of 0.9 has fewer independent readings than it has readings."""
    chance, values = random.Random(3), [0.0]
    for _ in range(59):
        values.append(0.9 * values[-1] + chance.gauss(0, 100))
    counts = [float(at) for at in range(60)]
    ours, theirs = trend.theil_sen(counts, values, 0.95), stats.theilslopes(values, counts, alpha=0.95)
    assert ours.high - ours.low > 1.5 * (theirs.high_slope - theirs.low_slope)


def test_interval_holds_the_slope_as_often_as_it_says() -> None:
    """Of 400 lines in white noise 95 in 100 have their slope in the interval of 95 %."""
    held = 0
    for seed in range(SEEDS):
        chance = random.Random(seed)
        counts = [float(at) for at in range(32)]
        told = trend.theil_sen(counts, [5 * at + chance.gauss(0, 50) for at in counts], 0.95)
        held += told.low <= 5 <= told.high
    assert held >= 0.93 * SEEDS


def test_halving_keeps_the_lower_reading() -> None:
    """Two windows become one that has the lower reading of the heap, the mean of the means, and what was open at its end."""
    seen = watch.Watch(Meters(), int)
    for at in range(watch.CAPACITY):
        for name in watch.NAMES:
            seen._rows[name][at] = at
    seen._taken = watch.CAPACITY
    seen._halve()
    table = seen.table()
    assert (table["heap"][:3], table["heap mean"][:3], table["fds"][:3]) == ([0, 2, 4], [0, 2, 4], [1, 3, 5])
    assert table["steps"][-1] == watch.CAPACITY - 1
