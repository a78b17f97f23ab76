"""The peak of a step: what it needs at its height, above what was held before it."""

import re
from pathlib import Path

import pytest

from gate import inquiry
from gate.facts import Finding, Outcome, Reading, Series
from gate.facts.work import Budget, Limit, Question, Subject
from gate.judge import limits
from gate.measure import agents

CODE = '''"""Agents whose steps need a known amount for a while."""

import mmap


def build(index):
    """Hold 50 kB for good."""
    return {"held": bytearray(50_000), "time": 0}


def lean(agent):
    """Need nothing."""


def scratch(agent):
    """Need 3 MB for a moment."""
    bytearray(3_000_000)


def rare(agent):
    """Need 3 MB in every fifth step."""
    agent["time"] += 1
    if agent["time"] % 5 == 0:
        bytearray(3_000_000)


def mapped(agent):
    """Need 8 MB that no tracer of Python sees."""
    with mmap.mmap(-1, 8 << 20) as room:
        for at in range(0, len(room), 4096):
            room[at] = 1


def grows(agent):
    """Keep what was needed, a thousand bytes a step."""
    agent.setdefault("kept", []).append(bytearray(1000))


def tired(agent):
    """Break down."""
    raise ValueError("tired")


def make(count):
    """Build a model that steps them all."""
    bots = [build(index) for index in range(count)]
    return bots, bots


def advance(bots):
    """Let each have its megabyte, all at a time."""
    [bytearray(1_000_000) for _ in bots]
'''


def question(step: str, most: float = 10_000_000, population: int = 1, form: str = "agents") -> Question:
    """Ask for the peak of a step."""
    return Question(
        case="bot",
        name="peak",
        subject=Subject(build="known:make" if form == "population" else "known:build", step=f"known:{step}", form=form),
        limit=Limit(most=most, resolution=0, unit="B/agent", place="policies/memory.yaml:9"),
        budget=Budget(seconds=30, cpu=10, memory=8 * 10**9, output=4000),
        sizes=(1, 2),
        settle=3,
        population=population,
        steps=64,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write the agents."""
    (tmp_path / "known.py").write_text(CODE)
    return tmp_path


def ask(asked: Question, root: Path) -> tuple[Reading, Finding]:
    """Ask in fresh children."""
    ((reading, finding),) = inquiry.answer([asked], root)
    return reading, finding


BATCH = 64 * 4096  # bytes by which the kernel may be late to count pages: it counts them in batches of 64


@pytest.mark.parametrize(
    ("step", "low", "high", "meter"),
    [
        ("lean", 0, 2_000, "traced"),
        ("scratch", 3_000_000, 3_002_000, "traced"),
        ("rare", 3_000_000, 3_002_000, "traced"),
        ("mapped", (8 << 20) - BATCH, (8 << 20) + 400_000, "resident"),
        ("grows", 1_000, 3_000, "traced"),
    ],
)
def test_peak_of_known_steps_is_right(root: Path, step: str, low: int, high: int, meter: str) -> None:
    """What a step needs for a moment is read to the byte where it is traced and to a page where it is not; what was held is not in it."""
    _, found = ask(question(step), root)
    assert found.outcome is Outcome.PASSED
    assert found.estimate is not None
    assert low <= found.estimate.value <= high
    assert f"({meter})" in found.headline


def test_peak_above_its_limit_fails_after_a_second_look(root: Path) -> None:
    """A step that needs more than it may is confirmed in a second fresh process, and the place of the limit is named."""
    reading, found = ask(question("scratch", most=2_000_000), root)
    assert found.outcome is Outcome.FAILED
    assert reading.samples == 2
    assert re.match(r"peak 3 MB/agent above rest in one step \(traced\), limit 2 MB/agent", found.headline)
    assert "policies/memory.yaml:9" in found.next_act


def test_peak_of_a_population_is_told_per_agent(root: Path) -> None:
    """A model whose four agents need a megabyte each at a time needs one megabyte an agent."""
    _, found = ask(question("advance", population=4, form="population"), root)
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(1_000_000, rel=0.01)


def test_peak_of_a_round_is_told_beside_it(root: Path) -> None:
    """Several agents are read one by one, and what a whole round keeps and needs is told as well."""
    _, found = ask(question("grows", population=3), root)
    assert any(re.match(r"a round of all 3: [34]\.[0-9]+ kB above rest", line) for line in found.details), found


def test_step_that_raises_is_no_number(root: Path) -> None:
    """A step that breaks down is BROKEN with its place."""
    _, found = ask(question("tired"), root)
    assert found.outcome is Outcome.BROKEN
    assert found.headline == "known.py:41: ValueError: tired"


def test_pages_count_only_beyond_their_noise() -> None:
    """Resident memory that is a little above what was traced is pages; far above it is memory that nobody traced."""
    for pages, value in ((1_200_000, 1_000_000), (5_000_000, 5_000_000)):
        rows = {"traced": (900_000, 1_000_000), "resident": (0, pages), "round": (1_000_000, 1_000_000)}
        series = tuple(Series(meter=name, unit="B", over="steps", counts=(1, 2), values=values) for name, values in rows.items())
        found = limits.judge(question("lean"), Reading(series=series, samples=1))
        assert found.estimate is not None
        assert found.estimate.value == value


def test_missing_meter_is_said() -> None:
    """Where resident memory cannot be reset, the traced peak stands alone and the finding says so."""
    series = tuple(Series(meter=name, unit="B", over="steps", counts=(1,), values=(5,)) for name in ("traced", "round"))
    assert "resident: not measured" in limits.judge(question("lean"), Reading(series=series, samples=1)).details


def test_a_peak_that_forgets_what_was_held_is_caught(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant that halves what it reads is seen by the sizes above."""
    real = agents.Fresh.ask

    def half(self: agents.Fresh, do: str, **how: object) -> tuple[agents.Answer, str]:
        told, trouble = real(self, do, **how)
        return {**told, "peak": {name: [value // 2 for value in values] for name, values in told["peak"].items()}}, trouble

    monkeypatch.setattr(agents.Fresh, "ask", half)
    _, found = ask(question("scratch"), root)
    assert found.estimate is not None
    assert found.estimate.value < 3_000_000


def test_line_of_the_height_is_named(root: Path) -> None:
    """Beside a peak above its limit stands the line that needs it, though nothing of it is left after the step."""
    reading, found = ask(question("scratch", most=2_000_000), root)
    assert [(spot.path, spot.size > 2_900_000) for spot in reading.hotspots] == [("known.py", True)]
    assert any("bytearray(3_000_000)" in line for line in found.details), found.details


def test_round_of_a_population_is_told_whole(root: Path) -> None:
    """Four agents that need a megabyte each at the same time need four together."""
    _, found = ask(question("advance", population=4, form="population"), root)
    assert "a round of all 4: 4 MB above rest" in found.details


def test_step_that_stops_the_tracing_is_no_number(root: Path) -> None:
    """What switches off the meter of a peak is BROKEN, with that reason."""
    (root / "known.py").write_text(CODE + "\n\ndef stops(agent):\n    import tracemalloc\n    tracemalloc.stop()\n")
    _, found = ask(question("stops"), root)
    assert found.outcome is Outcome.BROKEN
    assert "the step stops tracemalloc" in found.headline
