"""Real findings in released packages, reproduced with the container that holds the memory named by its path."""

from pathlib import Path

import pytest

from gate import inquiry
from gate.facts import Outcome
from gate.facts.work import Budget, Limit, Question, Subject

FOUND = {  # population -> bytes a step, what the explanation names
    "gridworld": ((100, 260), ".mind.prev_actions: list, +1 items/step"),
    "boltzmann": ((900, 1500), ".datacollector._agent_records: dict, +1 items/step"),
    "chat": ((400, 700), "._messages: list, +1 items/step"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FOUND)
def test_real_growth_is_found_and_its_holder_named(name: str) -> None:
    """Pymdp keeps its actions, mesa's data collector its rows, autogen's buffered context every message."""
    (low, high), holder = FOUND[name]
    subject = Subject(build=f"tests.populations.{name}:build", step=f"tests.populations.{name}:step")
    asked = Question(
        case=name,
        name="growth",
        subject=subject,
        limit=Limit(most=0, resolution=1, unit="B/step"),
        budget=Budget(seconds=120, cpu=4, memory=8 * 10**9, output=4000),
        sizes=(1, 2),
        settle=3,
        population=1,
        steps=64,
    )
    ((_, found),) = inquiry.answer([asked], Path(__file__).parents[1])
    assert found.outcome is Outcome.FAILED
    assert found.estimate is not None
    assert low < found.estimate.value < high
    assert any(holder in line for line in found.details), found.details
