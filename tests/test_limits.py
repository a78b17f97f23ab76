"""Judges of memory: invented series whose truth is known."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.facts import Finding, Hotspot, Outcome, Reading, Series, TypeSize
from gate.judge import limits
from gate.work import Budget, Limit, Question

PASSED, FAILED, INCONCLUSIVE = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE
WINDOWS = 128
PER_WINDOW = 32


def question(name: str = "growth", most: float = 0, population: int = 1) -> Question:
    """Ask one question with a given limit."""
    unit = {"footprint": "B/agent", "growth": "B/step", "handles": "/step"}[name]
    resolution = {"footprint": 0.0, "growth": 1.0, "handles": 0.01}[name]
    limit = Limit(most=most, resolution=resolution, unit=unit, because="tests", place="policies/memory.yaml:9")
    budget = Budget(seconds=10, memory=1, output=1)
    numbers = {"sizes": (8, 16, 24), "settle": 3, "population": population, "steps": 4096}
    return Question(case="x", name=name, build="m:b", step="m:s", limit=limit, budget=budget, **numbers)  # type: ignore[arg-type] # a mixed dict


def over_steps(values: list[int], meter: str = "heap", per_window: int = PER_WINDOW) -> Series:
    """Make a series of one reading a window."""
    counts = tuple(per_window * (at + 1) for at in range(len(values)))
    return Series(meter=meter, unit="B", over="steps", counts=counts, values=tuple(values))


def growth(values: list[int], most: float = 0, population: int = 1, rss: list[int] | None = None) -> Finding:
    """Judge a heap series, with RssAnon beside it when given."""
    beside = (over_steps(rss, "rss"),) if rss else ()
    reading = Reading(series=(over_steps(values), *beside), samples=1)
    return limits.judge(question("growth", most, population), reading)


def steps(slope: float, start: int = 10_000_000) -> list[int]:
    """Grow by `slope` bytes a step."""
    return [start + int(slope * PER_WINDOW * at) for at in range(WINDOWS)]


def test_flat_passes_and_says_what_it_excludes() -> None:
    """A level heap passes, and the headline says which growth over how many steps is excluded."""
    found = growth([5_000_000] * WINDOWS)
    assert found.outcome is PASSED
    assert found.headline == "heap: no steady growth of 1 B/step or more in 4,096 steps"


@pytest.mark.parametrize("slope", [2, 8, 129, 5000])
def test_linear_growth_fails_with_its_slope(slope: float) -> None:
    """Steady growth above the resolution fails and is measured right."""
    found = growth(steps(slope))
    assert found.outcome is FAILED
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(slope, rel=0.01)
    assert found.estimate.low <= slope <= found.estimate.high


def test_growth_below_the_resolution_passes() -> None:
    """Half a byte a step is below the stated resolution of one."""
    assert growth(steps(0.5)).outcome is PASSED


@pytest.mark.parametrize(("slope", "outcome"), [(100, PASSED), (159, PASSED), (161, FAILED), (300, FAILED)])
def test_accepted_growth_is_held_to_its_limit(slope: float, outcome: Outcome) -> None:
    """A policy that accepts 160 B a step passes what is below it and fails what is above it."""
    assert growth(steps(slope), most=160).outcome is outcome


def test_population_divides_the_slope() -> None:
    """The growth of eight agents is told per step of one."""
    found = growth(steps(80), population=8)
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(10, rel=0.01)


def test_list_that_doubles_its_room_fails() -> None:
    """A list that gets a reference a step grows in rarer and larger stairs, and is a leak of 8 B a step."""
    kept: list[None] = []
    values = []
    for _ in range(WINDOWS):
        for _ in range(PER_WINDOW):
            kept += [None]
        values.append(kept.__sizeof__())
    assert growth(values).outcome is FAILED


def test_noisy_growth_fails() -> None:
    """Noise of 200 times the growth of one step does not hide a leak."""
    chance = random.Random(1)
    values = [value + chance.randrange(16_000) for value in steps(80)]
    assert growth(values).outcome is FAILED


@pytest.mark.parametrize("seed", range(20))
def test_bounded_noise_is_never_called_a_leak(seed: int) -> None:
    """Bounded noise around a level passes or is undecided, never failed."""
    chance = random.Random(seed)
    assert growth([5_000_000 + chance.randrange(4000) for _ in range(WINDOWS)]).outcome is not FAILED


@pytest.mark.parametrize("period", [2, 3, 5, 8, 13, 16, 32])
@pytest.mark.parametrize("phase", [0, 1])
def test_sawtooth_is_never_called_a_leak(period: int, phase: int) -> None:
    """What is gathered and let go, with a period of up to a quarter of the run, does not fail."""
    values = [5_000_000 + 10_000 * ((at + phase) % period) for at in range(WINDOWS)]
    assert growth(values).outcome is not FAILED


def test_short_sawtooth_passes() -> None:
    """A sawtooth whose floor shows in every block is as flat as its floor."""
    assert growth([5_000_000 + 10_000 * (at % 4) for at in range(WINDOWS)]).outcome is PASSED


@pytest.mark.parametrize("at", [5, 30, 63, 64, 90, 126])
def test_one_time_load_is_never_called_a_leak(at: int) -> None:
    """One jump at any time is not steady growth; after the middle it is undecided, because it may come again."""
    found = growth([5_000_000] * at + [9_000_000] * (WINDOWS - at))
    assert found.outcome is (PASSED if at <= 60 else found.outcome)
    assert found.outcome is not FAILED


def test_warm_up_and_full_cache_pass() -> None:
    """A cache that fills in the first half and is full in the second passes."""
    assert growth([5_000_000 + min(at, 50) * 4096 for at in range(WINDOWS)]).outcome is PASSED


def test_fading_growth_is_not_failed() -> None:
    """Growth that halves in the second half is settling: undecided, never failed."""
    values = [int(5_000_000 + 400_000 * (1 - 0.97**at)) for at in range(WINDOWS)]
    assert growth(values).outcome is not FAILED


def test_late_start_is_not_passed() -> None:
    """A leak that begins in the last eighth is not called clean."""
    assert growth([5_000_000] * 112 + [5_000_000 + 4096 * at for at in range(16)]).outcome is not PASSED


def test_too_few_readings_decide_nothing() -> None:
    """A run that the budget ended early is undecided and names the policy key that helps."""
    found = growth(steps(50)[:40])
    assert found.outcome is INCONCLUSIVE
    assert found.headline == "only 40 of the 64 windows needed were reached within the budget"
    assert "budget.time" in found.next_act


def test_memory_past_malloc_is_not_passed() -> None:
    """A level heap beside a growing RssAnon is undecided: the heap meter cannot see mmap."""
    found = growth([5_000_000] * WINDOWS, rss=[9_000_000 + 65_536 * at for at in range(WINDOWS)])
    assert found.outcome is INCONCLUSIVE
    assert "does not come from malloc" in found.headline


@given(st.integers(-50_000, 50_000), st.integers(1, 50))
def test_level_and_scale_do_not_matter(shift: int, factor: int) -> None:
    """Where a series lies does not change its verdict, and scaling it scales the slope."""
    base = steps(8)
    assert growth([value + shift for value in base]).outcome is FAILED
    scaled = growth([value * factor for value in base]).estimate
    assert scaled is not None
    assert scaled.value == pytest.approx(8 * factor, rel=0.01)


def footprint(heap: list[int], most: float, rss: list[int] | None = None) -> Finding:
    """Judge bytes at 8, 16 and 24 live agents."""
    meters = {"heap": heap} | ({"rss": rss} if rss else {})
    series = tuple(Series(meter=name, unit="B", over="agents", counts=(8, 16, 24), values=tuple(row)) for name, row in meters.items())
    return limits.judge(question("footprint", most), Reading(series=series, samples=3))


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
    assert found.headline == "100 B/agent [100 B/agent, 100 B/agent], limit 90 B/agent"
    assert "policies/memory.yaml:9" in found.next_act


def test_footprint_on_both_sides_of_the_limit_is_undecided() -> None:
    """An interval that holds the limit is neither passed nor failed."""
    assert footprint([800, 1600, 2500], most=105).outcome is INCONCLUSIVE


def test_footprint_past_malloc_is_not_passed() -> None:
    """A light heap under heavy resident memory is undecided."""
    assert footprint([800, 1600, 2400], most=1000, rss=[8 << 20, 16 << 20, 24 << 20]).outcome is INCONCLUSIVE


def handles(**rows: list[int]) -> Finding:
    """Judge counts of handles."""
    series = tuple(over_steps(values, name, 4) for name, values in rows.items())
    return limits.judge(question("handles"), Reading(series=series, samples=1))


def test_one_leaking_kind_of_handle_fails_the_question() -> None:
    """Level descriptors do not hide threads that stay."""
    found = handles(fds=[9] * 64, threads=[1 + 4 * at for at in range(64)], children=[0] * 64)
    assert found.outcome is FAILED
    assert found.headline == "threads grows by 1/step [1/step, 1/step], limit 0/step"


def test_handles_that_come_and_go_pass() -> None:
    """Threads that come and go within a block are not kept."""
    assert handles(fds=[9] * 64, threads=[1 + at % 3 for at in range(64)]).outcome is PASSED


def test_explanation_travels_with_the_finding() -> None:
    """The line that allocates and the type that multiplies are in the details."""
    spot = Hotspot(path="a.py", line=4, text="self.log.append(None)", size=8.1, count=0.0)
    types = (TypeSize(name="list", count=0, size=8.1),)
    reading = Reading(series=(over_steps(steps(8)),), samples=1, hotspots=(spot,), types=types)
    found = limits.judge(question(), reading)
    assert "a.py:4: 8.1 B/step: self.log.append(None)" in found.details
    assert "type list: 8.1 B/step in 0 objects" in found.details
