"""Units: sizes, rates and times from text and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate import units

FACTORS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
SECONDS = {"ms": 0.001, "s": 1, "min": 60}
NUMBERS = st.integers(0, 10**12).map(str) | st.decimals(0, 10**6, places=3).map(str)
NO_SIZE = ["", "10", "MB", "10 mb", "10 Mb", "10 MX", "10  MB", " 10 MB", "10 MB ", "10 MB\n", "-1 MB", "+1 MB", "1e3 MB", ".5 MB", "5. MB"]
NO_SIZE += ["1,000 B", "1_000 B", "inf B", "nan B", "0x10 B", "10 MB/step", "10\tMB", "10\u00a0MB"]


@given(NUMBERS, st.sampled_from(sorted(FACTORS)), st.sampled_from(["", " "]))
@settings(deadline=None)
def test_size_is_number_times_unit(number: str, unit: str, gap: str) -> None:
    """A size is what is written before the unit, in bytes, with or without one space."""
    assert units.size(f"{number}{gap}{unit}") == float(number) * FACTORS[unit]


@pytest.mark.parametrize("text", NO_SIZE)
def test_size_refuses_what_has_two_readings(text: str) -> None:
    """No unit, a foreign unit, a sign, an exponent or stray space: refused, with what was found and an example."""
    with pytest.raises(ValueError, match="is not a size; write for example") as caught:
        units.size(text)
    assert str(caught.value).startswith(f'"{text}"')


@given(NUMBERS, st.sampled_from(sorted(FACTORS)), st.sampled_from(["step", "cycle"]))
@settings(deadline=None)
def test_rate_is_a_size_per_event(number: str, unit: str, per: str) -> None:
    """A rate is the size before the slash, for the event that is asked for and no other."""
    text = f"{number} {unit}/{per}"
    assert units.rate(text, per) == units.size(f"{number} {unit}")
    with pytest.raises(ValueError, match="is not a rate"):
        units.rate(text, "agent")


@pytest.mark.parametrize("text", ["", "0", "0 B", "0/step", "0 B/", "0 B/steps", "0 B / step", "0 B/step/step", "B/step", "-1 B/step"])
def test_rate_refuses_half_units(text: str) -> None:
    """A rate wants both its units."""
    with pytest.raises(ValueError, match='is not a rate; write for example "0 B/step"'):
        units.rate(text, "step")


@given(NUMBERS)
@settings(deadline=None)
def test_count_rate_is_its_number(number: str) -> None:
    """Things per event are the number before the slash."""
    assert units.count_rate(f"{number}/step", "step") == float(number)


@pytest.mark.parametrize("text", ["", "0", "/step", "0 /step", "0 B/step", "0/cycle", "-1/step", "0/step/step"])
def test_count_rate_refuses_other_units(text: str) -> None:
    """A count a step has no other unit, and no space."""
    with pytest.raises(ValueError, match='is not a count a step; write for example "0/step"'):
        units.count_rate(text, "step")


@given(NUMBERS, st.sampled_from(sorted(SECONDS)), st.sampled_from(["", " "]))
@settings(deadline=None)
def test_duration_is_number_times_unit(number: str, unit: str, gap: str) -> None:
    """A duration is in seconds, whatever it is written in."""
    assert units.duration(f"{number}{gap}{unit}") == pytest.approx(float(number) * SECONDS[unit])


@pytest.mark.parametrize("text", ["", "30", "30 S", "2 h", "1:30", "-1 s", "1e3 s", "30 s ", "30 seconds"])
def test_duration_refuses_what_has_no_unit(text: str) -> None:
    """A duration without ms, s or min is refused."""
    with pytest.raises(ValueError, match='is not a duration; write for example "30 s"'):
        units.duration(text)


@given(st.floats(1, 1e15))
@settings(deadline=None)
def test_shown_size_can_be_read_again(count: float) -> None:
    """What is shown is a size that a policy could hold, right to three digits."""
    assert units.size(units.show_size(count)) == pytest.approx(count, rel=0.006)


@given(st.floats(1, 1e15))
@settings(deadline=None)
def test_shown_loss_is_a_shown_gain_with_a_sign(count: float) -> None:
    """Less than nothing looks like more than nothing, with a minus before it."""
    assert units.show_size(-count) == f"-{units.show_size(count)}"


@given(st.floats(1, 1e15), st.sampled_from(["B/step", "B/agent"]))
@settings(deadline=None)
def test_shown_amount_carries_its_unit(value: float, unit: str) -> None:
    """An amount of bytes is a size and what it is for."""
    assert units.show_amount(value, unit) == f"{units.show_size(value)}/{unit.partition('/')[2]}"


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(0, "B/step", "0 B/step"), (1000, "B", "1 kB"), (0.01, "/step", "0.01/step"), (2, "", "2"), (1e12, "B/agent", "1000 GB/agent")],
)
def test_amounts_read_well(value: float, unit: str, shown: str) -> None:
    """No empty decimals, no exponent, a larger unit from a thousand on."""
    assert units.show_amount(value, unit) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 ms"), (0.25, "250 ms"), (1, "1.0 s"), (99.5, "99.5 s"), (100, "1 min 40 s"), (3600, "60 min 0 s")]
)
def test_times_read_well(seconds: float, shown: str) -> None:
    """Milliseconds below a second, minutes from a hundred seconds on."""
    assert units.show_time(seconds) == shown
