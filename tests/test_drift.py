"""Slow creep: invented figures, and a real repository whose agents gain a little with each commit since a tag."""

import json
import re
import shutil

import pytest

from gate import flow
from gate.acts import drifting, page
from gate.facts import Estimate, Finding, Mode, Outcome
from gate.facts.rows import Base, Difference, Mark
from gate.facts.work import Limit, Slack
from gate.judge import comparing, drift
from gate.repo import revisions
from tests.conftest import POLICIES, Repository, call
from tests.test_comparing import BOT, weighed
from tests.test_report import gathered

CHECK = "memory/bot/footprint"
WEIGHT = Limit(most=9_000, resolution=0, unit="B/agent")
GROWTH = Limit(most=0, resolution=1, unit="B/step")
MEMORY = """version: 1
agents:
  bot:
    build: bots:build
    step: bots:step
    sizes: [8, 16]
    limits:
      footprint: {max: 12 kB, because: "small", no_worse_than_base: 5 %}
"""
SIZES = (5000, 5125, 5250, 5375)  # in steps of 2.5 %


def sure(value: float, spread: float = 0) -> Estimate:
    """Invent a figure."""
    return Estimate(value=value, low=value - spread, high=value + spread, points=3)


def marks(*values: float, spread: float = 0) -> tuple[Mark, ...]:
    """Invent what is on record, the oldest first."""
    return tuple(Mark(name="c0ffee" if at else "v1.2", commit="c", estimate=sure(value, spread)) for at, value in enumerate(values))


@pytest.mark.parametrize(
    ("past", "now", "limit", "said"),
    [
        (marks(1000, 1010, 1020, 1030, 1040), sure(1050), WEIGHT, ""),  # no more than may be
        (marks(1000, 1010, 1020, 1031), sure(1051), WEIGHT, "5.1 % since v1.2 in 4 steps of at most 2 %: 1 kB/agent then"),
        (marks(1000, 1120, 1110), sure(1120), WEIGHT, "12 % since v1.2 in 2 steps of at most 12 %: 1 kB/agent then"),
        (marks(1000), sure(1120), WEIGHT, "12 % since v1.2 in one step: 1 kB/agent then"),
        (marks(1000, 1060, spread=40), sure(1120, 40), WEIGHT, ""),  # the intervals leave 40 for sure, and 50 may be
        (marks(1000, 1200), sure(1000), WEIGHT, ""),  # it came back
        (marks(0, 0.5), sure(0.9), GROWTH, ""),  # no growth that counts
        (marks(0, 1, 2), sure(3), GROWTH, "3 B/step since v1.2 in 3 steps of at most 1 B/step: 0 B/step then"),
        ((), sure(1120), WEIGHT, ""),  # nothing is on record
    ],
)
def test_creep_is_told_when_it_is_surely_too_far(past: tuple[Mark, ...], now: Estimate, limit: Limit, said: str) -> None:
    """Both intervals decide, steps are counted, and what nobody is sure of is not told."""
    assert drift.judge(past, now, limit, 0.05) == said


def compared(slack: Slack | None, now: float, base: float) -> Difference:
    """Compare two weights."""
    rows = comparing.compare(gathered([weighed(slack, now)]), Base(revision="main", commit="c", tree="t", rows=(weighed(slack, base),)), [])
    return rows[0]


def test_creep_fails_what_may_be_no_worse_and_is_told_of_the_rest() -> None:
    """A change that is let pass beside its base fails by what led there, when its policy demands to be no worse; else it is only told."""
    told = "12 % since v1.2 in 2 steps of at most 11 %: 1 kB/agent then; drift.most is 5 %"
    for slack, outcome in ((Slack(share=0.05), Outcome.FAILED), (None, Outcome.PASSED)):
        row = compared(slack, 1120, 1110)
        assert row.outcome is Outcome.PASSED
        found = drift.crept(row, marks(1000, 1110), 0.05)
        assert (found.outcome, found.drift) == (outcome, told)
    assert drift.crept(row, marks(1000, 1110), 0.2) == row
    assert Finding(outcome=Outcome.PASSED, headline="").estimate is None


@pytest.fixture
def creeping(bare: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository with a tag and two commits behind it, all measured, and a third change that is not committed."""
    monkeypatch.chdir(bare.root)
    for name, text in POLICIES.items():
        bare.write(f"policies/{name}.yaml", text)
    bare.write("policies/memory.yaml", MEMORY)
    bare.write("policies/quality.yaml", f"{POLICIES['quality']}without: {{format: quick, lint: quick, types: quick, tests: quick}}\n")
    bare.write(".gitignore", "__pycache__/\n")
    for at, size in enumerate(SIZES[:-1]):
        bare.write("bots.py", BOT.format(top="", size=size, end=""))
        bare.commit(f"feat: {size}")
        if not at:
            bare.git("tag", "v1.2")
        assert call("check", "memory")[0] == 0
    bare.write("bots.py", BOT.format(top="", size=SIZES[-1], end=""))
    return bare


def test_creep_since_the_last_tag_fails_a_change_that_its_base_lets_pass(creeping: Repository) -> None:
    """Changes of 2.5 % each pass beside their base, and the third fails by all three, in JSON too; a wider policy lets it pass."""
    code, told = call("compare", "HEAD")
    assert code == 1, told
    assert re.search(r"drift: 7\.\d % since v1\.2 in 3 steps of at most 2\.\d %: 5\.15 kB/agent then; drift\.most is 5 %\n", told), told
    assert told.endswith("WORSE than the base: 0 new findings, 0 fixed; FAILED memory/bot/footprint\n")
    answer = json.loads(call("compare", "HEAD", "--json")[1])
    assert answer["since"] == "v1.2"
    assert ["% since v1.2" in row["drift"] for row in answer["checks"] if row["check"] == CHECK] == [True]
    creeping.write("policies/memory.yaml", f"{MEMORY}drift: {{most: 10 %}}\n")
    assert call("compare", "HEAD")[0] == 0


def test_what_is_on_record_comes_from_commits_too(creeping: Repository) -> None:
    """A clone without any store knows the figure of a tag from the bundle beside its summary; another machine's says nothing."""
    creeping.git("stash", "-q")
    creeping.git("switch", "-q", "--detach", "v1.2")
    house = flow.enter(creeping.root, Mode.CHECK)
    whole, phases = flow.summarise(house)
    creeping.write("docs/completed/1-evidence.json", page.draw(house, whole, phases, title="Task 1", file="1-completion-summary.md").bundle)
    creeping.commit("chore: finish 1")
    creeping.git("tag", "v1.3")
    creeping.write("bots.py", BOT.format(top="", size=SIZES[1], end=""))
    creeping.commit()
    shutil.rmtree(creeping.root / ".gate")
    house = flow.enter(creeping.root, Mode.CHECK)
    since, found = drifting.find(house, [CHECK], house.tree())
    assert (since, [mark.name for mark in found[CHECK]]) == ("v1.3", ["v1.3"])
    assert 5000 < found[CHECK][0].estimate.value < 5200  # with what the list itself weighs
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drifting, "environment", lambda: {"python": "PyPy 3.11.2", "platform": "Linux"})
        assert drifting.find(house, [CHECK], house.tree())[1] == {CHECK: ()}


def test_since_when_it_is_looked(bare: Repository) -> None:
    """The last tag of the pattern, also one that HEAD is at while something is changed; without one, as many commits as may be."""
    commits = [bare.commit(str(at)) for at in range(4)]
    assert revisions.since(bare.root, "*", 100) == ("", commits)
    assert revisions.since(bare.root, "*", 2) == ("", commits[1:])
    bare.git("tag", "v1", commits[1])
    bare.git("tag", "-a", "-m", "two", "w2", commits[3])
    assert revisions.since(bare.root, "v*", 100) == ("v1", commits[1:])
    assert revisions.since(bare.root, "v*", 1) == ("", commits[2:])  # too far away
    assert revisions.since(bare.root, "*", 100) == ("v1", commits[1:])  # w2 says what HEAD says
    bare.write("new.txt")
    assert revisions.since(bare.root, "*", 100) == ("w2", commits[3:])
