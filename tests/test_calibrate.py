"""Calibration writes what was measured beside each limit, keeps every other byte, and names limits that are dead."""

import io
import re

import pytest

from gate.cli import main
from gate.errors import GateError
from gate.policy.patch import put
from tests.conftest import Repository, call

FLOW = "agents:\n  bot:\n    limits:\n      growth: {max: 0 B/step}  # none\n      handles: {max: 0/step}\n"
BLOCK = (
    "agents:\n  bot:\n    limits:\n      growth:\n        max: 8 B/step  # a list\n        because: it counts\n\n  # next\n  other: {}\n"
)
AT = ("agents", "bot", "limits", "growth")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (FLOW, "      growth: {max: 0 B/step, measured: {value: 2 B/step, date: 2026-01-02}}  # none\n      handles: {max: 0/step}\n"),
        (BLOCK, "        because: it counts\n        measured: {value: 2 B/step, date: 2026-01-02}\n\n  # next\n  other: {}\n"),
    ],
    ids=["flow", "block"],
)
def test_block_is_put_and_replaced_and_nothing_else_moves(text: str, wanted: str) -> None:
    """The block stands in its mapping, comments and spacing stay, and a second time it takes the place of the first."""
    once = put(text, AT, "measured", {"value": "2 B/step", "date": "2026-01-02"})
    assert once.endswith(wanted)
    assert put(once, AT, "measured", {"value": "2 B/step", "date": "2026-01-02"}) == once
    assert put(once, AT, "measured", {"value": "9 kB/step", "date": "2026-01-03"}) == once.replace("2 B/", "9 kB/").replace("-02}", "-03}")


@pytest.mark.parametrize("at", [("agents", "nobody"), (), ("agents", "bot", "limits", "growth", "max")])
def test_what_is_no_mapping_is_refused(at: tuple[str, ...]) -> None:
    """A path that leads to no mapping of the file is one clear error."""
    with pytest.raises(GateError, match="no mapping"):
        put("[]" if not at else FLOW, at, "measured", {})


def run(*words: str) -> tuple[int, str]:
    """Run the command."""
    return call("calibrate", *words)


def test_dead_limit_is_named_and_the_measured_value_is_written(house: Repository) -> None:
    """A limit far above what is measured is dead, a proposal has headroom, and the policy that was written loads."""
    policy = house.root / "policies/memory.yaml"
    policy.write_text(policy.read_text() + '      footprint: {max: 9 MB, because: "large"}  # why\n')
    before = policy.read_text()
    code, told = run("--check")
    assert (code, policy.read_text()) == (0, before)
    code, told = run()
    assert code == 0, told
    line = r"footprint: measured [0-9.]+ k?B, limit 9 MB/agent: dead; a limit with headroom: [0-9.]+ k?B$"
    assert re.search(line, told, re.MULTILINE), told
    assert told.endswith("policies/memory.yaml holds what was measured; 1 dead limit, above 3 times what was measured\n")
    after = policy.read_text()
    assert re.search(
        r'because: "large", measured: \{value: [0-9.]+ k?B, date: 20[0-9-]+, commit: [a-z0-9]+, where: "[^"]+"\}\}  # why', after
    )
    assert re.sub(r", measured: \{[^}]*\}", "", after) == before
    assert main(["policy", "check"], io.StringIO()) == 0


def test_what_cannot_be_measured_is_said(house: Repository) -> None:
    """A case whose module is gone is told with the reason, nothing is written for it, and the exit code says so."""
    (house.root / "bots.py").unlink()
    before = (house.root / "policies/memory.yaml").read_text()
    code, told = run()
    assert code == 2
    assert "measured nothing" in told
    assert "No module named 'bots'" in told
    assert (house.root / "policies/memory.yaml").read_text() == before
