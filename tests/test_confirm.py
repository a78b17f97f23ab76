"""Growth is called a leak only when a longer look in a second process says so too."""

import io
import re

import pytest

from gate import flow
from gate.cli import main
from gate.facts import Evidence, Mode
from gate.record import ledger
from tests.conftest import BOTS, Repository

GROWS = BOTS.replace('"""Keep nothing."""', '"""Keep things."""\n\n    kept: list[bytes] = []').replace("    del agent", "    {act}")


def verdict(house: Repository, act: str) -> tuple[int, str, Evidence]:
    """Measure a bot that does something each step; return exit code, report and evidence."""
    house.write("bots.py", GROWS.replace("{act}", act).replace("-> None", "").replace("agent: Bot)", "agent: Bot) -> None"))
    out = io.StringIO()
    code = main(["check", "memory"], out)
    found, _ = ledger.read(house.root, flow.enter(house.root, Mode.FIX).tree(), "memory/bot/growth")
    assert found is not None
    return code, out.getvalue(), found


@pytest.mark.parametrize("entries", [200, 260, 300, 700])
def test_cache_that_fills_for_most_of_the_run_passes(house: Repository, entries: int) -> None:
    """A bounded cache that was still filling when the first look ended is full in the second."""
    code, told, found = verdict(house, f"len(agent.kept) < {entries} and agent.kept.append(bytes(1000))")
    assert code == 0, told
    assert found.reading.samples <= 2


def test_leak_is_confirmed_and_says_so(house: Repository) -> None:
    """A leak fails after two looks, the second four times as long, and the line is named."""
    code, told, found = verdict(house, "agent.kept.append(bytes(100))")
    assert code == 1
    assert found.reading.samples == 2
    assert found.reading.series[0].counts[-1] >= 4 * 256
    assert "measured in 2 fresh processes" in told
    assert re.search(r"bots\.py:[0-9]+: 1[0-9]{2} B/step: agent\.kept\.append\(bytes\(100\)\)", told), told


def test_agent_that_fills_after_it_was_weighed_is_not_passed(house: Repository) -> None:
    """A bounded history that fills in the warm-up, after the footprint was weighed, is told with the settle that weighs it full."""
    policy = house.root / "policies/memory.yaml"
    policy.write_text(policy.read_text() + '      footprint: {max: 9 kB, because: "small"}\n')
    code, told, _ = verdict(house, "len(agent.kept) < 40 and agent.kept.append(bytes(1000))")
    assert code == 3
    assert re.search(r"one agent gained 3[0-9.]+ kB in its first [0-9,]+ steps, more than its whole footprint may be", told), told
    assert re.search(r"set settle: [0-9]+ for bot", told)
