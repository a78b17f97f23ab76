"""Every check beside the base: what is new and what is fixed, figures with a demand, the base measured once and by itself."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from gate import flow, inquiry, reuse
from gate.cli import main
from gate.errors import GateError
from gate.facts import Diagnostic, Estimate, Finding, Mode, Outcome, Reading
from gate.facts.rows import Base, Comparison, Difference, Row
from gate.facts.work import Question, Slack, Step, Tool
from gate.judge import comparing
from gate.measure import tools
from gate.repo import revisions
from gate.report import comparing as report
from tests.conftest import Repository, call
from tests.test_report import asked, evidence, gathered, placed
from tests.test_report import step as planned

RUFF = Tool(name="ruff", argv=("ruff",), reads="ruff")
PYTEST = Tool(name="pytest", argv=("pytest",), reads="pytest")
MEMORY = """version: 1
agents:
  bot:
    build: bots:build
    step: bots:step
    sizes: [8, 16]
    limits:
      footprint: {max: 10 kB, because: "small", no_worse_than_base: 100 B}
"""
BOT = '''"""A bot."""
{top}

def build(index: int) -> list[bytes]:
    """Build a bot."""
    return [bytes({size})]


def step(agent: list[bytes]) -> None:
    """Do nothing."""
    del agent
{end}'''
UNUSED = "\nimport json\n"
LOCAL = '''

def count() -> int:
    """Count."""
    total = 3
    return "a"
'''


def row(step: Step, outcome: Outcome, *lines: str, trouble: str = "") -> Row:
    """Invent what a check found: one complaint a line, at line 7 of the scope `run`."""
    found = tuple(Diagnostic(path="bots.py", line=7, code="X1", message=line, scope="run", shape="aabbccdd") for line in lines)
    headline = trouble or f"{len(found)} findings"
    return placed(step, evidence(step, Finding(outcome=outcome, headline=headline), Reading(diagnostics=found)))


def compared(now: Row, base: Row) -> Difference:
    """Compare one check with its base."""
    (told,) = comparing.compare(gathered([now]), Base(revision="main", commit="c", tree="t", rows=(base,)), ["bots.py:run"])
    return told


def counts(told: Difference) -> tuple[str, Outcome, int, int, int]:
    """Return what a comparison comes to."""
    return told.says, told.outcome, len(told.new), sum(debt.count for debt in told.fixed), told.unchanged


def test_what_is_new_is_told_from_what_was_there() -> None:
    """A swap is one new and one fixed; what was found before is quiet; fewer is better; the same finding twice is one new."""
    lint, bad, good = planned("lint", work=RUFF), Outcome.FAILED, Outcome.PASSED
    base = row(lint, bad, "a", "b")
    assert counts(compared(row(lint, bad, "a", "b"), base)) == ("same", good, 0, 0, 2)
    assert counts(compared(row(lint, bad, "a", "c"), base)) == ("worse", bad, 1, 1, 1)
    assert counts(compared(row(lint, bad, "a", "b", "b"), base)) == ("worse", bad, 1, 0, 2)
    assert counts(compared(row(lint, bad, "b"), base)) == ("better", good, 0, 1, 1)
    assert counts(compared(row(lint, good), base)) == ("better", good, 0, 2, 0)
    assert counts(compared(base, row(lint, good))) == ("worse", bad, 2, 0, 0)


def test_a_failing_test_is_known_by_its_name() -> None:
    """A test that failed before may say something else now; another one that fails is new."""
    tests = planned("tests", work=PYTEST)
    base = row(tests, Outcome.FAILED, "test_a[1]: assert 1 == 2")
    assert counts(compared(row(tests, Outcome.FAILED, "test_a[1]: assert 3 == 4"), base)) == ("same", Outcome.PASSED, 0, 0, 1)
    assert counts(compared(row(tests, Outcome.FAILED, "test_a[2]: assert 1 == 2"), base)) == ("worse", Outcome.FAILED, 1, 1, 0)


def test_what_could_not_look_decides_nothing_unless_it_could_before() -> None:
    """Nobody can tell what is new where the base could not be looked at; what broke since is the gate's trouble, never a pass."""
    lint = planned("lint", work=RUFF)
    broken, found = row(lint, Outcome.BROKEN, trouble="no config"), row(lint, Outcome.FAILED, "a")
    told = compared(found, broken)
    assert (told.says, told.outcome, told.why) == ("cannot tell", Outcome.PASSED, "BROKEN on the base: no config")
    told = compared(broken, found)
    assert (told.says, told.outcome, told.why) == ("cannot tell", Outcome.BROKEN, "BROKEN now: no config")
    assert compared(broken, broken).outcome is Outcome.PASSED
    skipped = row(lint, Outcome.SKIPPED, trouble="not installed")
    assert (compared(skipped, found).says, compared(skipped, found).outcome) == ("cannot tell", Outcome.PASSED)


def test_outcomes_stand_in_for_findings_that_nobody_can_know_again() -> None:
    """A program that only says yes or no is worse when it says no and said yes."""
    site = planned("lint/site")
    good, bad = row(site, Outcome.PASSED), row(site, Outcome.FAILED)
    assert [(told.says, told.outcome) for told in (compared(bad, good), compared(bad, bad), compared(good, bad))] == [
        ("worse", Outcome.FAILED),
        ("same", Outcome.PASSED),
        ("better", Outcome.PASSED),
    ]


def weighed(slack: Slack | None, value: float, spread: float = 0.0, outcome: Outcome = Outcome.PASSED) -> Row:
    """Invent a weight."""
    step = asked("footprint", "B/agent", 2000)
    assert isinstance(step.work, Question)
    limit = replace(step.work.limit, slack=slack, resolution=0.0, place="policies/memory.yaml:9")
    step = replace(step, work=replace(step.work, limit=limit))
    slope = Estimate(value=value, low=value - spread, high=value + spread, points=3)
    return placed(step, evidence(step, Finding(outcome=outcome, headline=f"{value} B", estimate=slope, unit="B/agent")))


@pytest.mark.parametrize(
    ("slack", "now", "spread", "says", "outcome", "why"),
    [
        (None, 1500, 0, "worse", Outcome.PASSED, "the difference is more than both intervals"),
        (
            Slack(amount=100),
            1101,
            0,
            "worse",
            Outcome.FAILED,
            "at least 101 B/agent above the base, and no_worse_than_base lets 100 B/agent pass",
        ),
        (Slack(amount=100), 1100, 0, "worse", Outcome.PASSED, "no more than 100 B/agent above the base"),
        (Slack(share=0.2), 1199, 0, "worse", Outcome.PASSED, "no more than 200 B/agent above the base"),
        (Slack(share=0.2), 1201, 0, "worse", Outcome.FAILED, "at least 201 B/agent above the base"),
        (Slack(amount=0), 1009, 0, "same", Outcome.PASSED, "no more than 10 B/agent above the base"),
        (Slack(amount=100), 1090, 20, "worse", Outcome.INCONCLUSIVE, "70 B/agent to 110 B/agent above the base"),
        (Slack(amount=100), 500, 20, "better", Outcome.PASSED, "no more than 100 B/agent above the base"),
    ],
)
def test_a_demand_is_decided_with_both_intervals(
    slack: Slack | None, now: float, spread: float, says: str, outcome: Outcome, why: str
) -> None:
    """Without a demand more weight is only told; with one it fails when it is surely more, passes when it surely is not, else is open."""
    told = compared(weighed(slack, now, spread), weighed(slack, 1000))
    assert (told.says, told.outcome) == (says, outcome)
    assert told.why.startswith(why)


def test_a_limit_that_held_and_does_not_now_is_worse() -> None:
    """A limit that is broken on both sides is no news until the figure goes further."""
    bad = Outcome.FAILED
    assert compared(weighed(None, 3000, outcome=bad), weighed(None, 1000)).outcome is bad
    assert compared(weighed(None, 3000, outcome=bad), weighed(None, 3000, outcome=bad)).outcome is Outcome.PASSED
    assert compared(weighed(None, 4000, outcome=bad), weighed(None, 3000, outcome=bad)).outcome is bad
    unmeasured = weighed(Slack(amount=1), 1000)
    assert unmeasured.evidence
    gone = replace(unmeasured, evidence=replace(unmeasured.evidence, finding=Finding(outcome=Outcome.SKIPPED, headline="no meter")))
    assert (compared(unmeasured, gone).says, compared(unmeasured, gone).outcome) == ("cannot tell", Outcome.INCONCLUSIVE)


def test_report_of_a_comparison() -> None:
    """The whole text: a line for each check, what is new and fixed below it, and one for all."""
    lint, site = planned("lint", work=RUFF), planned("lint/site")
    pairs = [
        compared(row(lint, Outcome.FAILED, "a", "c"), row(lint, Outcome.FAILED, "a", "b")),
        compared(row(site, Outcome.PASSED), row(site, Outcome.PASSED)),
        compared(weighed(Slack(amount=100), 1500), weighed(None, 1000)),
    ]
    base = Base(revision="main", commit="c" * 40, tree="b" * 40, rows=())
    assert report.write(Comparison(base=base, tree="a" * 40, rows=tuple(pairs))) == (
        "against main: commit cccccccccccc, tree bbbbbbbbbbbb; now tree aaaaaaaaaaaa\n"
        "worse        lint: 1 new, 1 fixed, 1 unchanged\n"
        "             new: bots.py:7: c [X1]\n"
        "             fixed: lint X1 bots.py:run: b\n"
        "same         lint/site: PASSED on both: 0 findings\n"
        "worse        memory/bot/footprint: 1 kB/agent [1 kB/agent, 1 kB/agent], now 1.5 kB/agent [1.5 kB/agent, 1.5 kB/agent], "
        "+500 B/agent; at least 500 B/agent above the base, and no_worse_than_base lets 100 B/agent pass: policies/memory.yaml:9\n"
        "WORSE than the base: 1 new finding, 1 fixed; FAILED lint, memory/bot/footprint\n"
    )


def told(*words: str) -> tuple[int, dict[str, dict[str, Any]], dict[str, Any]]:
    """Run gate compare --json; return its exit code, its checks by name, and all of it."""
    code, text = call("compare", *words, "--json")
    whole = json.loads(text)
    return code, {one["check"]: one for one in whole["checks"]}, whole


def test_work_on_a_branch_beside_where_it_began(house: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """One new type error, one new lint error and a heavier agent are found beside one debt that is old and one that is fixed.

    The base is measured once; neither checkout nor branches are touched, and what main did since is no part of it.
    """
    house.write("policies/memory.yaml", MEMORY)
    house.write("policies/docs.yaml", "version: 1\n")
    house.write("bots.py", BOT.format(top=UNUSED + "import os\n", size=1000, end=""))
    began = house.commit()
    house.git("branch", "work")
    house.write("later.py", '"""Later."""\n')
    house.commit("feat: of others")
    house.git("switch", "-q", "work")
    house.write("bots.py", BOT.format(top="\n# It has moved.\nimport os\n", size=3000, end=LOCAL))
    before = [house.git(*words) for words in (["status", "--porcelain"], ["branch", "-a"], ["worktree", "list"])]
    code, checks, whole = told()
    assert (code, whole["base"]["revision"], whole["base"]["commit"]) == (1, "main", began)
    assert [one["line"] for one in checks["types"]["new"]] == [
        'bots.py:20: Incompatible return value type (got "str", expected "int") [return-value]'
    ]
    assert [one["rule"] for one in checks["lint"]["new"]] == ["F841"]
    assert checks["lint"]["fixed"] == ["lint F401 bots.py: `json` imported but unused"]
    assert checks["lint"]["unchanged"] == 1
    weight = checks["memory/bot/footprint"]
    assert (weight["says"], weight["outcome"]) == ("worse", "FAILED")
    assert 1900 < weight["change"] < 2100
    assert "no_worse_than_base lets 100 B/agent pass: policies/memory.yaml:8" in weight["why"]
    assert {name for name, one in checks.items() if one["outcome"] != "PASSED"} == {"types", "lint", "memory/bot/footprint"}
    monkeypatch.setattr(inquiry, "answer", None)
    monkeypatch.setattr(tools, "measure", None)
    monkeypatch.setattr(revisions, "checked_out", None)
    assert told() == (code, checks, whole)
    assert [house.git(*words) for words in (["status", "--porcelain"], ["branch", "-a"], ["worktree", "list"])] == before


def test_the_base_is_judged_without_the_checkouts_configuration(house: Repository) -> None:
    """A configuration that only the work tree has does not reach up into the base: what it asks for is new."""
    house.write("policies/memory.yaml", "version: 1\nwithout: no agent yet\n")
    house.write("policies/quality.yaml", "version: 1\npaths: [bots.py]\nwithout: {types: not now}\n")
    house.commit()
    house.write("ruff.toml", 'lint.select = ["D", "T20"]\n')
    house.write("pytest.ini", "[pytest]\naddopts = --no-such-option\n")
    house.write("bots.py", (house.root / "bots.py").read_text() + 'print("x")\n')
    code, checks, _ = told("HEAD")
    assert code == 2
    assert (checks["lint"]["base"]["outcome"], [one["rule"] for one in checks["lint"]["new"]]) == ("PASSED", ["T201"])
    assert (checks["tests"]["base"]["outcome"], checks["tests"]["outcome"]) == ("PASSED", "BROKEN")


def test_what_somebody_answers_for_is_told_and_passes(house: Repository) -> None:
    """A new finding that the baseline takes on is listed as accepted and fails nothing."""
    house.write("policies/memory.yaml", "version: 1\nwithout: no agent yet\n")
    house.write("policies/quality.yaml", "version: 1\npaths: [bots.py]\nwithout: {tests: not now, types: not now}\n")
    house.write("bots.py", (house.root / "bots.py").read_text() + "import os\n")
    house.commit()
    house.write("bots.py", (house.root / "bots.py").read_text() + "import json\n")
    assert told("HEAD")[0] == 1
    assert main(["baseline", "create", "lint"], io.StringIO()) == 0
    code, checks, _ = told("HEAD")
    assert (code, checks["lint"]["new"], [one["rule"] for one in checks["lint"]["accepted"]]) == (0, [], ["I001", "F401"])


def test_a_finding_that_is_mended_here_and_made_there_is_new(house: Repository) -> None:
    """A function that is still there, mended, has not become the other one that does the same: this is a swap."""
    house.write("policies/memory.yaml", "version: 1\nwithout: no agent yet\n")
    house.write("policies/quality.yaml", "version: 1\npaths: [bots.py]\nwithout: {tests: not now, types: not now}\n")
    whole = (house.root / "bots.py").read_text()
    house.write("bots.py", whole + LOCAL)
    house.commit()
    house.write("bots.py", whole + LOCAL.replace("    total = 3\n", "") + LOCAL.replace("count", "again"))
    code, checks, _ = told("HEAD")
    assert (code, [one["scope"] for one in checks["lint"]["new"]]) == (1, ["bots.py:again"])
    assert checks["lint"]["fixed"] == ["lint F841 bots.py:count: Local variable `total` is assigned to but never used"]


def test_base_of_a_branch(bare: Repository) -> None:
    """The base is where the branch left its upstream, origin's default branch, main or master; its own copy on a remote is none."""
    first = bare.commit()
    assert revisions.fork(bare.root) == ("main", first)
    bare.git("switch", "-q", "-c", "work")
    bare.commit()
    assert revisions.fork(bare.root) == ("main", first)
    bare.git("branch", "-m", "main", "trunk")
    with pytest.raises(GateError, match="no upstream, no origin/HEAD, no main and no master to compare with; name a revision"):
        revisions.fork(bare.root)
    bare.git("branch", "-q", "--set-upstream-to", "trunk")
    assert revisions.fork(bare.root) == ("trunk", first)
    bare.git("update-ref", "refs/remotes/origin/work", "HEAD")
    bare.git("update-ref", "refs/remotes/origin/trunk", first)
    bare.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    bare.git("config", "remote.origin.url", "x")
    bare.git("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    bare.git("branch", "-q", "--set-upstream-to", "origin/work")
    assert revisions.fork(bare.root) == ("origin/trunk", first)
    bare.git("checkout", "-q", "--orphan", "alone")
    bare.commit("feat: another root")
    with pytest.raises(GateError, match="origin/trunk: this clone holds no commit from which both it and HEAD come"):
        revisions.fork(bare.root)


@pytest.mark.parametrize(
    ("written", "slack"),
    [("1 %", Slack(share=0.01)), ("12.5%", Slack(share=0.125)), ("100 kB", Slack(amount=100_000)), ("0 B", Slack(amount=0))],
)
def test_a_demand_is_written_in_percent_or_as_a_quantity(house: Repository, written: str, slack: Slack) -> None:
    """Both mean themselves in the plan; whether it is demanded decides nothing about what is measured, so evidence holds on."""
    house.write("policies/memory.yaml", MEMORY.replace("100 B", written))
    step = next(step for step in flow.enter(house.root, Mode.CHECK).steps if isinstance(step.work, Question))
    assert isinstance(step.work, Question)
    assert step.work.limit.slack == slack
    free = replace(step, work=replace(step.work, limit=replace(step.work.limit, slack=None)))
    assert reuse.asked(free) == reuse.asked(step)


@pytest.mark.parametrize("written", ["1", "5 % of it", "1 B/step", "-1 kB"])
def test_a_demand_that_means_nothing_is_refused(house: Repository, capsys: pytest.CaptureFixture[str], written: str) -> None:
    """What is neither is one line with its place and both forms."""
    house.write("policies/memory.yaml", MEMORY.replace("100 B", written))
    assert call("compare")[0] == 2
    said = f'limits.footprint.no_worse_than_base: "{written}" is not a size; write for example "10 MB", or "1 %"\n'
    assert capsys.readouterr().err == f"gate: policies/memory.yaml:8: agents.bot.{said}"
