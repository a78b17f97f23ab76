"""Limits that are dead: far above what is measured they fail with the limit to write, whatever way they are asked about."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from gate.facts import Estimate, Finding, Outcome, Reading
from gate.facts.work import Question, Waiver
from gate.judge import dead, waivers
from tests.conftest import BOTS, Repository, call
from tests.test_report import asked

PLACE = "policies/memory.yaml:9"
WIDE = '      footprint: {max: 9 MB, because: "large"}\n'


def ask(name: str, unit: str, most: float, **about: bool) -> Question:
    """Invent a question of a policy."""
    work = asked(name, unit, most).work
    assert isinstance(work, Question)
    return replace(work, limit=replace(work.limit, place=PLACE, resolution=1.0 if name == "growth" else 0.0, **about))  # type: ignore[arg-type]


def found(value: float, spread: float = 0, outcome: Outcome = Outcome.PASSED) -> Finding:
    """Invent an answer."""
    return Finding(outcome=outcome, headline="measured", estimate=Estimate(value=value, low=value - spread, high=value + spread, points=3))


@pytest.mark.parametrize(
    ("question", "finding", "instead"),
    [
        (ask("footprint", "B/agent", 30_001), found(10_000), "12 kB"),
        (ask("footprint", "B/agent", 30_000), found(10_000), ""),
        (ask("footprint", "B/agent", 30_001), found(9_000, spread=1_001), ""),  # the upper end decides
        (ask("footprint", "B/agent", 3_001), found(50), "1.2 kB"),
        (ask("footprint", "B/agent", 3_000), found(50), ""),  # what is below a kilobyte is no reason to tell anybody
        (ask("growth", "B/step", 8), found(0), ""),
        (ask("growth", "B/step", 25), found(0), "0 B/step"),
        (ask("growth", "B/step", 700), found(200, spread=20), "270 B/step"),
        (ask("growth", "B/step", 0), found(0), ""),
        (ask("handles", "/step", 1), found(0), "0/step"),
        (ask("footprint", "B/agent", 90_000, shared=True), found(10_000), ""),  # another case may need it
        (ask("footprint", "B/agent", 90_000), found(10_000, outcome=Outcome.INCONCLUSIVE), None),
        (ask("footprint", "B/agent", float("inf")), found(10_000), ""),
    ],
)
def test_a_limit_is_dead_above_three_times_what_is_surely_measured(question: Question, finding: Finding, instead: str | None) -> None:
    """It fails with the limit to write; what is exactly three times, unsure, slight, shared or undecided is left alone."""
    told = dead.judged(question, finding)
    if not instead:
        assert told == finding
    else:
        assert told.outcome is Outcome.FAILED
        assert f": {instead} would do" in told.headline
        assert told.next_act.startswith(f"write max: {instead} at {PLACE}; ")
        ample = dead.judged(replace(question, limit=replace(question.limit, ample=True)), finding)
        assert (ample.outcome, ample.headline, ample.next_act) == (Outcome.PASSED, told.headline, "")


def test_the_limit_that_is_proposed_is_not_dead() -> None:
    """Whoever writes what is proposed is left alone, and the limit holds."""
    for value in (0.0, 3.0, 50.0, 999.0, 12_345.0, 34.5e6):
        for name, unit in (("footprint", "B/agent"), ("growth", "B/step")):
            question = ask(name, unit, 1e9)
            amount, _, size = dead.proposed(question.limit, value).partition(" ")
            most = float(amount) * {"B": 1, "kB": 1e3, "MB": 1e6}[size.partition("/")[0]]
            assert max(most, question.limit.resolution) >= value
            assert dead.judged(ask(name, unit, most), found(value)) == found(value)


def test_a_waiver_covers_a_dead_limit_for_a_while() -> None:
    """There is one way to live with a finding, also with this one."""
    step = replace(asked("footprint", "B/agent", 90_000), work=ask("footprint", "B/agent", 90_000))
    waiver = Waiver(check="memory/*/footprint", match="dead limit", reason="a release", owner="ada", expires="2026-12-01")
    counts = waivers.count(step, found(10_000), Reading(), [waiver], day="2026-11-30", strict=False)
    assert counts.held == (waiver,)
    assert waivers.count(step, found(10_000), Reading(), [waiver], day="2026-12-02", strict=False).held == ()


def test_a_dead_limit_fails_each_time_it_is_asked_about(house: Repository) -> None:
    """A check, the short way that reuses its evidence, and the summary say the same; tolerated, all three let it pass and say so."""
    policy = house.root / "policies/memory.yaml"
    policy.write_text(policy.read_text() + WIDE)
    house.commit()
    for _ in range(2):  # measured, then the short way
        code, told = call("check", "memory")
        assert code == 1, told
        assert "; a dead limit, " in told
        assert "would do" in told
        assert "next: write max: " in told
    code, told = call("summary")
    assert code != 0
    assert "memory/bot/footprint is FAILED: " in told
    policy.write_text(policy.read_text() + "dead_limits: tell\n")
    for _ in range(2):
        code, told = call("check", "memory")
        assert (code, "; a dead limit, " in told) == (0, True), told
    code, told = call("policy", "guard")
    assert (code, "dead_limits: fail, the default -> tell" in told) == (1, True), told


MANY = """version: 1
agents:
  bot:
    build: bots:build
    step: bots:step
    steps: 256
    parametrize: {spare: [1, 2]}
    limits:
      footprint: {max: MOST, because: "large"}
"""


@pytest.mark.parametrize(("most", "code"), [("9 MB", 1), ("1 kB", 0)])
def test_a_shared_limit_is_judged_where_all_are_seen(house: Repository, most: str, code: int) -> None:
    """Each case passes by itself; the summary fails the one that measured most, once all are measured, and a waiver covers that."""
    house.write("bots.py", BOTS.replace("def build(index: int)", "def build(index: int, spare: int)"))
    (house.root / "policies/memory.yaml").write_text(MANY.replace("MOST", most))
    house.commit()
    assert call("check", "memory")[0] == 0
    told = call("summary")[1]
    assert told.count("; a dead limit, ") == code, told
    assert told.count("/footprint is FAILED: ") == code, told
    if code:
        line = "waivers: [{check: memory/*, match: a dead limit, reason: old, owner: ada, expires: 2026-12-31}]\n"
        policy = house.root / "policies/workflow.yaml"
        policy.write_text(policy.read_text() + line.replace("2026-12-31", (date.today() + timedelta(days=9)).isoformat()))  # noqa: DTZ011 - as the policy
        assert call("check", "memory")[0] == 0
        told = call("summary")[1]
        assert "/footprint is waived, not passed: " in told, told
