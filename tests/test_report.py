"""Reports as whole texts, foreign text that cannot act in them, and the exit code of every combination of rows."""

import hashlib
import io
import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console

from gate.facts import Change, Diagnostic, Estimate, Evidence, Finding, Mode, Outcome, Reading, Series
from gate.facts.rows import Counted, Page, Row, Standing, Told, Verdict
from gate.facts.work import Budget, Limit, Phase, Question, Rule, Step, Subject, Sweep, Tool, Waiver
from gate.judge import exits, waivers
from gate.judge import verdict as verdicts
from gate.report import machine, summary, terminal
from gate.report.text import code, markdown, plain

ASSETS = Path(__file__).with_name("assets") / "reports"
TREE, OTHER, POLICY, COMMIT = "a1" * 20, "b2" * 20, "c3" * 32, "d4" * 20
TAKEN = "2026-01-02T03:04:05Z"
ENVIRONMENT = {"gate": "0.1.0", "python": "CPython 3.11.7", "platform": "Linux-6.1", "cores": "2"}
COMMONMARK = MarkdownIt("commonmark").enable("table")

HOSTILE = {
    "word": "word",
    "HTML": "<img src=x onerror=alert(1)><script>x</script><!-- ",
    "link": "](javascript:x) [a](b.md) ![c](d.png) <https://example.org> https://example.org www.example.org",
    "cells": "| a | b |",
    "a second line": "first\n::error file=x::second\r\n\n# third\u2028fourth\x0bfifth",
    "order to a runner": "  ::stop-commands::x",
    "old order to a runner": "see ##[add-path]/tmp and ##[error]x",
    "mention": "@team and #1 and GH-1@a:bomb:@b",
    "backticks": "``` a ` b `` c ```",
    "one backtick": "`",
    "code and a bar": "a `|` b",
    "escape sequences": "\x1b[2J\x1b]8;;https://example.org\x07x\x1b]8;;\x07 \x9b31m",
    "right to left": "abc\u202egpj.exe\u2066x\u200b",
    "lone surrogate": "x\udcff",
    "endless": "x" * 10_000,
    "endless bars": "|" * 10_000,
    "rich markup": "[bold]x[/] [/] [link=https://example.org]y[/link] a.py:100: :bomb:",
    "backslashes": "\\[bold]\\\\[/]\\| \\",
    "entity": "&lt;b&gt; &#64;team",
    "emphasis": "**x** _y_ ~~z~~ $x$",
    "list": "- x",
    "number": "1. x",
    "quotation": "> x",
    "heading": "# x",
    "rule": "---",
    "underline": "===",
    "fence": "~~~",
    "indented": "        x",
    "definition": "[x]: https://example.org",
    "blank": " ",
    "nothing": "",
}


@pytest.fixture(autouse=True)
def _plain_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what asks for colour out of the tests."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def step(check: str, phase: Phase = Phase.QUALITY, work: Tool | Sweep | Question | None = None, command: str = "") -> Step:
    """Invent a step."""
    return Step(
        check=check, phase=phase, does=f"do {check}", command=command or f"nox -s {check}", work=work or Tool(name="x", argv=("x",))
    )


def asked(name: str, unit: str, most: float) -> Step:
    """Invent a question about memory."""
    work = Question(
        case="bot",
        name=name,
        subject=Subject(build="bots:build", step="bots:step"),
        limit=Limit(most=most, resolution=1, unit=unit),
        budget=Budget(seconds=60, cpu=10, memory=10**9, output=4000),
        sizes=(8, 16, 24),
        settle=3,
        population=1,
        steps=4096,
    )
    return step(f"memory/bot/{name}", work=work, command="nox -s memory -- bot")


def evidence(planned: Step, finding: Finding, reading: Reading | None = None, tree: str = TREE) -> Evidence:
    """Invent the record of a step."""
    return Evidence(
        check=planned.check,
        phase=planned.phase,
        tree=tree,
        policy=POLICY,
        commit=COMMIT,
        taken=TAKEN,
        command=planned.command,
        mode=Mode.FIX,
        finding=finding,
        reading=reading or Reading(wall=0.25),
        environment=ENVIRONMENT,
    )


def passed(headline: str = "nothing found") -> Finding:
    """Invent a finding without complaint."""
    return Finding(outcome=Outcome.PASSED, headline=headline)


NOW = verdicts.Now(tree=TREE, policy=POLICY, environment=ENVIRONMENT, day="2026-01-02", moment="2026-01-02T04:00:00Z")
DEBT = Waiver(check="lint/debt", match="[F401]", reason="old code", owner="ada", expires="2026-01-02", place="policies/workflow.yaml:3")
GONE = replace(DEBT, check="lint/gone", place="policies/workflow.yaml:4")


def placed(planned: Step, found: Evidence | None = None, damage: str = "", *, waivers: tuple[Waiver, ...] = ()) -> Row:
    """Place a row as the flow does."""
    now = replace(NOW, environment=found.environment if found else ENVIRONMENT, waivers=waivers)
    return verdicts.row(planned, found, damage, now=now, digest=hashlib.sha256(planned.check.encode()).hexdigest())


def gathered(rows: Sequence[Row], waivers: tuple[Waiver, ...] = ()) -> Verdict:
    """Gather rows as the flow does."""
    return verdicts.verdict(rows, now=replace(NOW, waivers=waivers), commit=COMMIT, branch="main")


def written(whole: Verdict, title: str = "Gate", phases: dict[Phase, Evidence | None] | None = None) -> str:
    """Write the summary of a verdict."""
    return summary.write(Page(title=title, verdict=whole, phases=phases or {}))


def series(meter: str, over: str, values: tuple[int, ...]) -> Series:
    """Invent readings."""
    return Series(meter=meter, unit="B", over=over, counts=tuple(range(len(values))), values=values)


SWEEP = step("clean", Phase.CLEAN, Sweep(rules=(Rule(kind="build", match=("build/",)),)))
CHANGES = (
    Change(path="build", kind="build", size=1_500_000, act="removed", reason="git ignores it"),
    Change(path="dist", kind="build", size=500, act="removed", reason="git ignores it"),
    Change(path=".coverage", kind="coverage", size=2048, act="removed", reason="git ignores it"),
    Change(path="dist/a.whl", kind="build", size=7, act="kept", reason="git tracks it"),
)
FAILED = Finding(
    outcome=Outcome.FAILED,
    headline="ruff: 2 findings",
    details=("bots.py:3: Unused import [F401]", "bots.py:100: list[int] | None [X1]"),
    next_act="mend them, then: nox -s lint",
)
BROKEN = Finding(outcome=Outcome.BROKEN, headline="the measured child was killed by SIGKILL before it answered", next_act="mend this")
SKIPPED = Finding(outcome=Outcome.SKIPPED, headline="not measured: npm is not installed")
WEIGHED = Finding(
    outcome=Outcome.PASSED,
    headline="129 B/agent [128 B/agent, 130 B/agent], limit 2 kB/agent",
    estimate=Estimate(value=129.3, low=128, high=130.2, points=3),
    unit="B/agent",
)
UNDECIDED = Finding(
    outcome=Outcome.INCONCLUSIVE,
    headline="heap 0.5 B/step, net 2 B/step: neither within 0 B/step nor clearly above",
    details=("heap 0.5 B/step [-1 B/step, 2 B/step] over 4,096 steps",),
    next_act="set steps: 16384 for bot in policies/memory.yaml",
    estimate=Estimate(value=0.5, low=-1, high=2, points=128),
    unit="B/step",
)


def rows() -> list[Row]:
    """Invent one row of each kind."""
    optional = Tool(name="x", argv=("x",), needs="npm", optional="not every machine has npm")
    lint, away, tests = step("lint"), step("lint/away", command="nox -s lint", work=optional), step("tests")
    debt, complaint = step("lint/debt", command="nox -s lint"), Diagnostic(path="a.py", line=1, code="F401", message="Unused import")
    weigh, grow, handles = asked("footprint", "B/agent", 2000), asked("growth", "B/step", 0), asked("handles", "/step", 0)
    weighed = Reading(wall=3.2, cpu=2.5, series=(series("heap", "agents", (1, 2, 3)), series("rss", "agents", (1, 2, 3))), samples=3)
    grown = Reading(wall=125, cpu=120, series=(series("heap", "steps", (1,) * 128),), samples=1, pins={"hash seed": "0", "types": "gone"})
    return [
        placed(step("format"), evidence(step("format"), passed())),
        placed(SWEEP, evidence(SWEEP, passed("removed 3 artefacts, 1.5 MB; kept 1"), Reading(wall=0.004, changes=CHANGES))),
        placed(step("docs", Phase.DOCS), evidence(step("docs", Phase.DOCS), passed("old news"), tree=OTHER)),
        placed(lint, evidence(lint, FAILED, Reading(wall=1.5, versions={"ruff": "0.17.0"}))),
        placed(away, evidence(away, SKIPPED, Reading())),
        placed(step("types"), damage="its record is damaged"),
        placed(tests, evidence(tests, passed("12 tests passed, 0 failed, 1 skipped"), Reading(wall=99.94))),
        placed(weigh, evidence(weigh, WEIGHED, weighed)),
        placed(grow, evidence(grow, UNDECIDED, grown)),
        placed(handles, evidence(handles, BROKEN, Reading(wall=2, trouble="killed"))),
        placed(debt, evidence(debt, FAILED, Reading(wall=0.5, diagnostics=(complaint,))), waivers=(DEBT, GONE)),
    ]


def planning(tree: str = TREE) -> dict[Phase, Evidence | None]:
    """Invent the evidence of the phases that are no checks."""
    return {Phase.PLAN: evidence(step("plan", Phase.PLAN), passed("10 checks planned"), tree=tree), Phase.GIT: None}


def told(tell: Callable[[Console], None]) -> str:
    """Return what is written to a file instead of a terminal."""
    out = io.StringIO()
    tell(terminal.console(out))
    return out.getvalue()


def found(planned: Step, finding: Finding, reading: Reading | None = None) -> Told:
    """Invent what one check found, as `gate check` tells it."""
    reading = reading or Reading(wall=1)
    return Told(check=planned.check, finding=finding, took=reading.wall, step=planned, reading=reading)


def checked(whole: Verdict) -> list[Told]:
    """Return the findings of a verdict as `gate check` tells them."""
    return [found(row.step, row.evidence.finding, row.evidence.reading) for row in whole.rows if row.evidence]


def marked(placed_: Sequence[Row]) -> list[Told]:
    """Return the findings of rows with the word of their waivers, as `gate check` tells them."""
    words = [_waived(one) for one in checked(gathered(placed_))]
    return [replace(one, finding=replace(one.finding, waived=word)) for one, word in zip(checked(gathered(placed_)), words, strict=True)]


def _waived(one: Told) -> str:
    assert one.step
    return waivers.count(one.step, one.finding, one.reading or Reading(), (DEBT, GONE), day=NOW.day, strict=False).finding.waived


# --- whole texts ----------------------------------------------------------------------


def test_summary_of_an_unfinished_tree() -> None:
    """Every kind of row is told, what is missing first and the worst of it first."""
    text = written(gathered(rows(), (DEBT, GONE)), "Task 20.2 Weigh agents", planning(OTHER))
    assert text == (ASSETS / "unfinished.md").read_text(encoding="utf-8")


def test_summary_of_a_finished_tree() -> None:
    """Nothing is missing: the word COMPLETED, what was waived and skipped, and the figures."""
    whole = gathered([row for row in rows() if not row.open], (DEBT,))
    phases = {**planning(), Phase.GIT: evidence(step("git/verify", Phase.GIT), passed("3 changed paths"))}
    assert written(whole, "Gate", phases) == (ASSETS / "finished.md").read_text(encoding="utf-8")


def test_summary_of_nothing() -> None:
    """Before the first commit, on no branch, with nothing planned, the summary still says what it knows and no more."""
    text = written(verdicts.verdict([], now=NOW, commit="", branch=""))
    assert "on top of commit `none yet`, branch none (detached)" in text
    assert [line for line in text.splitlines() if line.startswith("#")] == ["# Gate: COMPLETED", "## Phases", "## Checks"]
    assert "| quality | not run | 0 of 0 | not measured |" in text


def test_nothing_removed_is_said() -> None:
    """A sweep that took nothing says so, by the same counts before and after."""
    row = placed(SWEEP, evidence(SWEEP, passed(), Reading(changes=CHANGES[3:])))
    assert _table_rows(written(gathered([row])), "## Cleaned")[-1].endswith("| 0 |")
    nothing = placed(SWEEP, evidence(SWEEP, passed(), Reading()))
    assert "## Cleaned\n\nNo rule of the policy matched anything.\n" in written(gathered([nothing]))


def test_bad_news_comes_first() -> None:
    """What is missing or did not pass stands before any figure, the worst first, whatever the order of the plan."""
    for order in (rows(), rows()[::-1]):
        text = written(gathered(order))
        parts = ["## What is missing", ": BROKEN\n", ": FAILED\n", ": INCONCLUSIVE\n", "## Waived", "## Skipped", "## Phases", "## Checks"]
        places = [text.index(part) for part in parts]
        assert places == sorted(places)
        missing = text[places[0] :].split("\n\n")[1]
        kinds = [re.findall("BROKEN|FAILED|INCONCLUSIVE|is stale|never ran", line)[0] for line in missing.splitlines()]
        assert kinds[:3] == ["BROKEN", "FAILED", "INCONCLUSIVE"]
        assert kinds[3:] == ["never ran", "is stale"]
        assert (
            "- 11 checks: 1 broken, 1 failed, 1 inconclusive, 1 missing, 1 stale, 0 too old, 1 skipped, 1 waived, 4 passed; 0 reused\n"
            in text
        )


def test_verdict_for_machines() -> None:
    """JSON carries every row with its evidence as recorded, or null where none holds."""
    text = machine.write(gathered(rows()[2:6]), 1)
    assert text == (ASSETS / "unfinished.json").read_text(encoding="utf-8")
    body = json.loads(text)
    assert {row["check"]: row["evidence"] is None for row in body["checks"] if row["standing"] != "holds"} == {"docs": True, "types": True}


def test_findings_at_a_terminal() -> None:
    """The worst first and whole, each with what shows it again, what passed in one line, without colour codes in a file."""
    assert (
        told(lambda screen: terminal.findings(screen, marked(rows())))
        == """\
BROKEN       memory/bot/handles  the measured child was killed by SIGKILL before it answered  (2.0 s)
             next: mend this
             again: nox -s memory -- bot
FAILED       lint  ruff: 2 findings  (1.5 s)
             bots.py:3: Unused import [F401]
             bots.py:100: list[int] | None [X1]
             next: mend them, then: nox -s lint
FAILED       lint/debt  ruff: 2 findings  (500 ms)
             bots.py:3: Unused import [F401]
             bots.py:100: list[int] | None [X1]
             waived until 2026-01-02 by ada: old code
             next: mend them, then: nox -s lint
INCONCLUSIVE memory/bot/growth  heap 0.5 B/step, net 2 B/step: neither within 0 B/step nor clearly above  (2 min 5 s)
             heap     ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  +0 B in 127 steps
             limit    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  +0 B
             heap 0.5 B/step [-1 B/step, 2 B/step] over 4,096 steps
             next: set steps: 16384 for bot in policies/memory.yaml
             again: nox -s memory -- bot
SKIPPED      lint/away  not measured: npm is not installed  (0 ms)
PASSED       5 checks  format  nothing found; clean  removed 3 artefacts, 1.5 MB; kept 1; docs  old news; \
tests  12 tests passed, 0 failed, 1 skipped; \
memory/bot/footprint  129 B/agent [128 B/agent, 130 B/agent], limit 2 kB/agent  (1 min 43 s)
"""
    )


def test_findings_explained() -> None:
    """With --explain what passed is told whole too."""
    finding = replace(WEIGHED, details=("heap 129 B/agent",), next_act="nothing")
    text = told(lambda screen: terminal.findings(screen, [found(step("x"), finding)], explain=True))
    assert text.splitlines()[1:] == ["             heap 129 B/agent", "             next: nothing"]


def test_verdict_at_a_terminal() -> None:
    """A line when all is well, otherwise what is missing with the command that mends it."""
    whole = gathered([placed(step("format"), evidence(step("format"), passed()))])
    assert told(lambda screen: terminal.verdict(screen, whole)) == "COMPLETED every required check passed on tree a1a1a1a1a1a1\n"
    assert (
        told(lambda screen: terminal.verdict(screen, gathered(rows())))
        == """\
NOT COMPLETED tree a1a1a1a1a1a1 misses 5:
  memory/bot/handles is BROKEN: the measured child was killed by SIGKILL before it answered
  lint is FAILED: ruff: 2 findings
  memory/bot/growth is INCONCLUSIVE: heap 0.5 B/step, net 2 B/step: neither within 0 B/step nor clearly above
  types never ran on this tree: nox -s types (its record is damaged)
  docs is stale: it last ran on another tree, policy or environment: nox -s docs
  lint/away is skipped, not passed: not every machine has npm
  lint/debt is waived, not passed: until 2026-01-02 by ada: old code
  11 checks: 1 broken, 1 failed, 1 inconclusive, 1 missing, 1 stale, 1 skipped, 1 waived, 4 passed
"""
    )


def test_long_lines_are_not_broken() -> None:
    """A path can be copied whole from the report, however narrow the terminal is."""
    change = replace(CHANGES[0], path="a/" * 100 + "x.py")
    assert change.path in told(lambda screen: terminal.cleaning(screen, [change], whole=True, seconds=1.0))


# --- foreign text ---------------------------------------------------------------------


def spoiled(text: str) -> Verdict:
    """Put one foreign text wherever others can write."""
    spoilt = []
    for row in rows():
        work = row.step.work
        if isinstance(work, Question):
            work = replace(work, case=text, name=text)
        planned = replace(row.step, check=text, command=text, does=text, work=work)
        found = row.evidence
        if found:
            changes = tuple(replace(gone, path=text, kind=text, reason=text) for gone in found.reading.changes)
            reading = replace(found.reading, changes=changes, versions={text: text}, pins={text: text})
            finding = replace(found.finding, headline=text, details=(text, text), next_act=text)
            found = replace(found, taken=text, finding=finding, reading=reading, environment={text: text})
        waivers = tuple(replace(waiver, check=text, reason=text, owner=text, expires=text, place=text) for waiver in row.waivers)
        spoilt.append(replace(row, step=planned, evidence=found, damage=text if row.standing is Standing.NEVER else "", waivers=waivers))
    whole = gathered(spoilt, tuple(replace(GONE, check=text, reason=text, owner=text, expires=text, place=text) for _ in range(2)))
    return replace(whole, branch=text, commit=text or COMMIT)


def flat(tokens: Sequence[Token]) -> list[Token]:
    """Return all tokens, those within paragraphs and cells too."""
    return [inner for token in tokens for inner in (token, *flat(token.children or []))]


def shape(page: str) -> list[str]:
    """Return the blocks of a page, without what is in them."""
    return [token.type for token in COMMONMARK.parse(page)]


INERT = {"text", "code_inline"}


@pytest.mark.parametrize("what", HOSTILE)
def test_foreign_text_is_inert_in_the_summary(what: str) -> None:
    """No foreign text makes a tag, a link, a picture, a cell or a line, and none is lost."""
    text = HOSTILE[what]
    page = written(spoiled(text), text, {Phase.PLAN: evidence(step("plan", Phase.PLAN), passed(text), tree=OTHER)})
    tokens = flat(COMMONMARK.parse(page))
    marked = {token.type for token in tokens if token.type in {"strong_open", "html_block", "html_inline", "link_open", "image", "em_open"}}
    assert marked <= {"strong_open"}  # our own "next"
    if text.strip():
        benign = written(spoiled("word"), "word", {Phase.PLAN: evidence(step("plan", Phase.PLAN), passed("word"), tree=OTHER)})
        assert shape(page) == shape(benign)
        assert "".join(token.content for token in tokens[1].children or []).startswith(plain(text).strip())
    assert_quiet(page)


@pytest.mark.parametrize("what", HOSTILE)
def test_foreign_text_is_inert_at_a_terminal(what: str) -> None:
    """No foreign text adds a line, a colour, a picture or an order to what a terminal or a runner reads."""
    whole, plainer = spoiled(HOSTILE[what]), spoiled("word")

    def tell(screen: Console, verdict: Verdict) -> None:
        terminal.findings(screen, checked(verdict), explain=True)
        terminal.verdict(screen, verdict)
        drawn = [change for row in verdict.rows if row.evidence for change in row.evidence.reading.changes]
        terminal.cleaning(screen, drawn, whole=True, seconds=1.0)

    text = told(lambda screen: tell(screen, whole))
    assert not HOSTILE[what] or text.count("\n") == told(lambda screen: tell(screen, plainer)).count("\n")
    assert plain(HOSTILE[what]) in text
    assert_quiet(text)


@pytest.mark.parametrize("what", HOSTILE)
def test_foreign_text_is_inert_for_machines(what: str) -> None:
    """JSON gives every foreign text back as it was, and no line of it is an order."""
    whole = spoiled(HOSTILE[what])
    text = machine.write(whole, 1)
    assert json.loads(text)["branch"] == HOSTILE[what]
    assert json.loads(text)["checks"][3]["evidence"]["finding"]["details"] == [HOSTILE[what]] * 2
    assert_quiet(text)


def assert_quiet(text: str) -> None:
    """Nothing in a report moves the cursor, turns the writing round or is obeyed by GitHub's runner."""
    assert {unicodedata.category(letter) for letter in text} & {"Cc", "Cf", "Cs", "Zl", "Zp"} <= {"Cc"}
    assert {letter for letter in text if unicodedata.category(letter) == "Cc"} == {"\n"}
    assert not [line for line in text.split("\n") if line.lstrip().startswith("::")]
    assert "##[" not in text


def test_rich_markup_is_printed_as_written() -> None:
    """Brackets, backslashes and ":100:" of a foreign text mean themselves at a terminal."""
    for text in (r"[bold]x[/]", "[/]", "[red", "x\\", "\\\\\\", "a.py:100: :bomb: [link=x]y[/link]", "[@click=f]x[/]"):
        finding = Finding(outcome=Outcome.FAILED, headline=text, details=(text,), next_act=text)
        one = found(step("x"), finding)
        lines = told(lambda screen, one=one: terminal.findings(screen, [one]))  # type: ignore[misc] # bound now
        assert lines == f"FAILED       x  {text}  (1.0 s)\n             {text}\n             next: {text}\n             again: nox -s x\n"


WILD = st.text(alphabet="`|[]()<>!*_~#-+=:@&;\\$\"' \n\t\u202e1.axw/", max_size=30) | st.text(max_size=30)


@given(WILD)
@settings(deadline=None)
def test_any_text_is_shown_as_the_letters_that_it_has(text: str) -> None:
    """In a list, in a heading, in a paragraph and in a cell, as prose and as code, any text reads as itself."""
    wanted = plain(text).strip()
    for shown in (markdown(text), code(text)):
        for page, place in ((f"- {shown}\n", 3), (f"# {shown}\n", 1), (f"{shown}\n", 1)):
            inner = flat(COMMONMARK.parse(page))
            words = [token for token in inner if token.type in INERT]
            assert "".join(token.content for token in words) == wanted
            assert not wanted or {token.type for token in inner[place].children or []} <= INERT
    for shown in (markdown(text), code(text, cell=True)):
        cells = [token for token in COMMONMARK.parse(f"| a | b |\n| --- | --- |\n| {shown} | {shown} |\n") if token.type == "inline"][2:]
        assert ["".join(child.content for child in cell.children or []) for cell in cells] == [wanted, wanted]
        assert {child.type for cell in cells for child in cell.children or []} <= INERT


@given(st.text(max_size=600))
@settings(deadline=None)
def test_plain_text_is_one_quiet_line(text: str) -> None:
    """Any text becomes one bounded line that nothing obeys; a text that was one already is left alone."""
    shown = plain(text)
    assert len(shown) <= 300
    assert_quiet(shown + "\n")
    assert plain(shown) == shown


# --- the whole tree -------------------------------------------------------------------

CODES = {Outcome.BROKEN: 2, Outcome.FAILED: 1, Outcome.INCONCLUSIVE: 3}
MILD = {Outcome.FAILED, Outcome.SKIPPED, Outcome.INCONCLUSIVE}
STATES = st.tuples(st.sampled_from([*Standing, Standing.HOLDS]), st.sampled_from(Outcome), st.booleans())


def invented(standing: Standing, outcome: Outcome, waived: bool) -> Row:  # noqa: FBT001 - hypothesis gives it by position
    """Invent a row as it can be: what never ran has no evidence."""
    planned = step("x")
    found = None if standing is Standing.NEVER else evidence(planned, Finding(outcome=outcome, headline=str(outcome)))
    if standing is not Standing.HOLDS:
        return Row(step=planned, standing=standing, evidence=found)
    return placed(planned, found, waivers=(replace(DEBT, check="*", match=""),) if waived else ())


@given(st.lists(STATES, max_size=5))
@settings(deadline=None)
def test_completed_and_exit_code(states: list[tuple[Standing, Outcome, bool]]) -> None:
    """COMPLETED means that every row holds and passed, or is waived and not BROKEN; 0 means COMPLETED; other codes name the worst."""
    whole = gathered([invented(*state) for state in states])
    open_ = [
        state for state in states if not (state[0] is Standing.HOLDS and (state[1] is Outcome.PASSED or (state[2] and state[1] in MILD)))
    ]
    known = {outcome for standing, outcome, _ in open_ if standing is Standing.HOLDS}
    worst = next((code_ for outcome, code_ in CODES.items() if outcome in known), 1 if open_ else 0)
    assert (whole.completed, len(whole.missing)) == (not open_, len(open_))
    assert (verdicts.overall(whole), summary.word(whole) == "COMPLETED") == (worst, not open_)


@given(st.lists(STATES, max_size=5), STATES)
@settings(deadline=None)
def test_more_rows_complete_nothing(states: list[tuple[Standing, Outcome, bool]], more: tuple[Standing, Outcome, bool]) -> None:
    """A check that is added never completes a tree that was not."""
    before, after = (gathered([invented(*state) for state in given_]) for given_ in (states, [*states, more]))
    assert before.completed or not after.completed


@given(st.lists(st.sampled_from(Outcome)))
@settings(deadline=None)
def test_exit_code_of_outcomes(outcomes: list[Outcome]) -> None:
    """BROKEN before FAILED before INCONCLUSIVE before 0; the order of the checks means nothing."""
    wanted = next((code_ for outcome, code_ in CODES.items() if outcome in outcomes), 0)
    assert exits.exit_code(outcomes) == exits.exit_code(reversed(outcomes)) == wanted


def test_waivers_cover_every_complaint_until_their_day() -> None:
    """A waiver holds on its last day and not on the next; those with a text must together cover every complaint; BROKEN is never waived."""
    planned, both = step("lint/debt"), tuple(Diagnostic(path="a.py", line=1, code=code_, message="x") for code_ in ("F401", "E1"))
    found = evidence(planned, FAILED, Reading(diagnostics=both))
    other = replace(DEBT, match="[E1]", owner="bob")

    def covered(day: str, *held: Waiver, finding: Finding = FAILED) -> tuple[int, int]:
        told_ = waivers.covering(held, planned.check, finding, found.reading.diagnostics, day)
        return len(told_[0]), len(told_[1])

    assert covered("2026-01-02", DEBT, other) == (2, 0)
    assert covered("2026-01-03", DEBT, other) == (0, 2)
    assert covered("2026-01-02", DEBT) == (0, 0)
    assert covered("2026-01-02", replace(DEBT, check="lint/*", match="")) == (1, 0)
    assert covered("2026-01-02", replace(DEBT, check="lint", match="")) == (0, 0)
    assert covered("2026-01-02", replace(DEBT, match=""), finding=BROKEN) == (0, 0)
    late = verdicts.row(planned, found, "", now=replace(NOW, day="2026-01-03", waivers=(replace(DEBT, match=""),)))
    assert (late.counted, late.open) == (Counted.FAILED, True)
    assert gathered([late]).missing == (
        "lint/debt is FAILED: ruff: 2 findings (waiver by ada at policies/workflow.yaml:3 expired on 2026-01-02: old code)",
    )


def test_evidence_speaks_of_its_own_tree_and_policy() -> None:
    """Evidence of another tree or another policy is stale, whoever hands it over; none is none."""
    planned = step("x")
    good = evidence(planned, passed())
    assert placed(planned, good).standing is Standing.HOLDS
    assert verdicts.row(planned, good, "", now=replace(NOW, oldest=TAKEN)).standing is Standing.HOLDS
    old = verdicts.row(planned, good, "", now=replace(NOW, oldest="2026-01-02T03:04:06Z"))
    assert (old.counted, old.open) == (Counted.OLD, True)
    assert "x is too old: it was measured at 2026-01-02T03:04:05Z" in gathered([old]).missing[0]
    assert placed(planned, replace(good, tree=OTHER)).standing is Standing.STALE
    assert placed(planned, replace(good, policy="old")).standing is Standing.STALE
    assert placed(planned, damage="x").standing is Standing.NEVER


def _table_rows(page: str, head: str) -> list[str]:
    """Return the rows of the table under a heading."""
    return [line for line in page.split(f"{head}\n")[1].split("\n\n", maxsplit=1)[0].splitlines() if line.startswith("|")][2:]


# --- pages that are too long ----------------------------------------------------------


def many(number: int, outcome: Outcome = Outcome.FAILED, size: int = 5) -> list[Row]:
    """Invent many rows of one outcome."""
    finding = Finding(outcome=outcome, headline="it <b>grew", details=("| a line of what was found" * size,) * size, next_act="mend it")
    steps = [step(f"lint/{outcome.lower()}{at:04}") for at in range(number)]
    return [placed(planned, evidence(planned, finding)) for planned in steps]


def test_long_parts_fold() -> None:
    """What is missing is shown, beyond thirty entries behind a label; tables fold whole, and Markdown is still read within."""
    page = written(gathered([*many(31), *many(40, Outcome.PASSED)]))
    labels = re.findall(r"<details>\n<summary>(.*)</summary>\n\n", page)
    assert labels == ["1 more", "1 more", "71 checks"]
    assert page.count("\n\n</details>") == 3
    blocks = shape(page)
    assert (blocks.count("table_open"), blocks.count("html_block")) == (3, 6)
    assert "### lint/failed0030: FAILED" in page
    assert not re.findall("<details>", written(gathered(rows())))


def test_long_findings_fold() -> None:
    """Of one check twelve lines and the next act are shown, the others behind a label."""
    page = written(gathered(many(1, size=20)))
    shown, hidden = page.split("<summary>8 more</summary>")
    assert (shown.count("a line of what was found") > 0, "**next:** mend it" in shown, "**next:**" in hidden) == (True, True, False)


@pytest.mark.parametrize("most", [1_048_576, 60_000])
def test_page_is_never_too_large(most: int) -> None:
    """However much there is to tell, the page keeps within its bytes; the least important goes first, and is counted."""
    whole = gathered([*many(500, size=12), *many(500, Outcome.PASSED)])
    text = summary.write(Page(title="Gate", verdict=whole), most)
    assert most - 30_000 < len(text.encode()) <= most
    assert "## Environment\n\n4 rows left out" in text
    assert text.startswith("# Gate: NOT COMPLETED: 500 missing\n\n- 1,000 checks: ")
    gone = int(re.findall(r"([\d,]+) rows left out", text.split("## Checks")[1])[0].replace(",", ""))
    kept = {name: len(re.findall(rf"^\| lint/{name}\d+ ", text, re.MULTILINE)) for name in ("failed", "passed")}
    assert gone == 1000 - sum(kept.values())
    assert kept["failed"] == 500 or kept["passed"] == 0
    told = text.count("\n### lint/failed")
    assert told + sum(int(one.replace(",", "")) for one in re.findall(r"([\d,]+) rows? left out", text.split("## Phases")[0])) >= 500
    marked = {token.type for token in flat(COMMONMARK.parse(text))} & {"html_inline", "link_open", "image"}
    assert not marked


def test_page_that_fits_loses_nothing() -> None:
    """A page that may be exactly as large as it is, is whole; one byte less, and something is left out."""
    whole = gathered([*many(40), *many(40, Outcome.PASSED)])
    text = written(whole)
    page = Page(title="Gate", verdict=whole)
    assert summary.write(page, len(text.encode())) == text
    less = summary.write(page, len(text.encode()) - 1)
    assert len(less.encode()) < len(text.encode())
    assert "rows left out" in less
