"""Known findings: what is new is told, what was there before is quiet, and a baseline shrinks, never grows by itself."""

import json
import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.acts import page, verifying
from gate.facts import Diagnostic, Estimate, Finding, Outcome, Reading
from gate.facts.rows import Ratchet
from gate.facts.work import Debt, Step, Tool
from gate.judge import baseline, debts
from gate.measure import scopes, tools
from gate.policy import load
from gate.record import bundle
from tests.conftest import Repository, call
from tests.edits import Tree, wrong
from tests.test_report import asked

DAY = "2026-06-01"
RUFF = Tool(
    name="ruff",
    argv=("ruff", "check", "--no-fix", "--isolated", "--no-cache", "--select=E711,E714,F541,D102,D103", "--output-format=json", "--", "."),
    reads="ruff",
)


def placed(source: str, *rows: tuple[int, str], path: str = "a.py") -> list[Diagnostic]:
    """Place complaints, each by line and message, in a source."""
    with TemporaryDirectory() as folder:
        Path(folder, path).write_text(source, encoding="utf-8")
        found = tuple(Diagnostic(path=path, line=line, code="X1", message=message) for line, message in rows)
        return list(scopes.place(Reading(diagnostics=found), (), Path(folder)).diagnostics)


SOURCE = '''import os

LIMIT: int = 3


@cached
def load(path):
    """Load."""
    if path:
        return 1
    return len(5)


class Bot:
    seen = []
    print("x")

    async def run(self):
        def inner():
            return 1 + 1

        try:
            return inner
        finally:
            pass


if LIMIT:
    OTHER = 1
# the end
'''


@pytest.mark.parametrize(
    ("line", "scope"),
    [
        (1, ""),
        (3, "LIMIT"),
        (6, "load"),
        (7, "load"),
        (10, "load"),
        (14, "Bot"),
        (15, "Bot.seen"),
        (16, "Bot"),
        (18, "Bot.run"),
        (20, "Bot.run.inner"),
        (25, "Bot.run"),
        (28, ""),
        (29, "OTHER"),
        (30, ""),
        (99, ""),
    ],
)
def test_scope_is_what_the_syntax_tree_has_at_the_line(line: int, scope: str) -> None:
    """Decorators belong to what they decorate, a value at the top of a file or a class to its name, the rest to the innermost scope."""
    assert placed(SOURCE, (line, "x"))[0].scope == scope


def test_what_is_about_a_file_has_no_scope() -> None:
    """A rule about the whole file is told at its first line, whatever stands there; what does not parse has no scopes either."""
    source = "def f():\n    pass\n"
    (inside,) = placed(source, (1, "x"))
    found = Reading(
        diagnostics=(Diagnostic(path="a.py", line=1, code="D100", message="x"), Diagnostic(path="b.py", line=1, code="X", message="x"))
    )
    with TemporaryDirectory() as folder:
        Path(folder, "a.py").write_text(source, encoding="utf-8")
        Path(folder, "b.py").write_text("def f(:\n", encoding="utf-8")
        whole, broken = scopes.place(found, (), Path(folder)).diagnostics
    assert (inside.scope, whole.scope, broken.scope, broken.shape) == ("f", "", "", "")


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        ("    print('a')\n    run(1,\n        2)\n", '  print( "a" ) # no\n\n  run(1, 2)\n', 4),
        (
            "    a = 1\n    b = 2\n    c = 3\n    d = 4\n    e = 5\n    f = 6\n",
            "    a = 1\n    b = 2\n    c = 3\n    d = 4\n    e = 5\n    g = 7\n",
            2,
        ),
        ("    a = 1\n    b = 2\n    c = 3\n", "    d = 1\n    e = 2\n    f = 3\n", 0),
    ],
    ids=["reformatted", "edited", "another"],
)
def test_shape_is_alike_for_what_is_alike(one: str, two: str, alike: int) -> None:
    """Layout and name of a function do not count; what it does counts the more, the more of it is the same."""
    shapes = [scopes.read(f"def {name}(x):\n{body}").shape(name) for name, body in (("f", one), ("g", two))]
    same = sum(shapes[0][at : at + 2] == shapes[1][at : at + 2] for at in (0, 2, 4, 6))
    assert same == 4 if alike == 4 else alike <= same < 4 if alike else same < 2


def compared(
    known: Sequence[Debt], found: Sequence[Diagnostic], there: Sequence[str] = (), *, check: str = "lint", day: str = DAY
) -> tuple[list[str], int, list[str]]:
    """Return the places of what is new, how much is known, and what is fixed."""
    ratchet = baseline.compare(known, [baseline.complaint(check, row) for row in found], there, day)
    return (
        [f"{one.found.path}:{one.found.line}" for one in ratchet.new if one.found],
        len(ratchet.known),
        [debt.scope for debt in ratchet.fixed],
    )


def adopt(found: Sequence[Diagnostic]) -> tuple[Debt, ...]:
    """Take findings for debts."""
    return debts.adopted(baseline.complaint("lint", row) for row in found)


def test_swap_is_caught_and_a_line_shift_is_quiet() -> None:
    """Mending one finding pays for no equal one elsewhere; that a line went down is nothing."""
    two = "def f():\n    len(5)\n\n\ndef g():\n    pass\n"
    known = adopt(placed(two, (2, "bad")))
    assert compared(known, placed(f"\n\n{two}", (4, "bad"))) == ([], 1, [])
    swapped = placed("def f():\n    pass\n\n\ndef g():\n    len(5)\n", (6, "bad"))
    assert compared(known, swapped, ["a.py:f"]) == (["a.py:6"], 0, ["a.py:f"])


def test_alike_are_counted() -> None:
    """Three equal findings where two are known are one new; one is one debt fixed."""
    source = "def f():\n    len(5)\n    len(5)\n    len(5)\n"
    known = adopt(placed(source, (2, "bad"), (3, "bad")))
    assert [(debt.count, debt.scope) for debt in known] == [(2, "a.py:f")]
    assert compared(known, placed(source, (2, "bad"), (3, "bad"), (4, "bad")))[:2] == (["a.py:4"], 2)
    assert compared(known, placed(source, (2, "bad"))) == ([], 1, ["a.py:f"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("line too long (150 > 140)", "line too long (143 > 140)"),
        ('Name "f" already defined on line 7', 'Name "f" already defined on line 12'),
        ("Redefinition of `x` from a/b.py:3:1", "Redefinition of `x` from a/b.py:9:7"),
        ('has type "T`-1"', 'has type "T`-7"'),
        ("a\x1b  b\u202e", "a b"),
    ],
)
def test_message_is_known_again(old: str, new: str) -> None:
    """Numbers that change with the code around a finding, and amounts that shrink, make no new finding."""
    source = "def f():\n    pass\n"
    known = adopt(placed(source, (1, old)))
    assert compared(known, placed(source, (1, new))) == ([], 1, [])


def test_amount_may_shrink_and_not_grow() -> None:
    """A function that gets more complex is a new finding, and after it got simpler the baseline knows less."""
    source = "def f():\n    pass\n"
    known = adopt(placed(source, (1, "`f` is too complex (12 > 10)")))
    assert compared(known, placed(source, (1, "`f` is too complex (13 > 10)"))) == (["a.py:1"], 0, [])
    simpler = [baseline.complaint("lint", row) for row in placed(source, (1, "`f` is too complex (11 > 10)"))]
    assert [debt.most for debt in debts.shrunk(baseline.compare(known, simpler, (), DAY))] == [11]


def test_debt_ends_on_its_day() -> None:
    """What is accepted until a day is new on the day after, and named."""
    found = placed("def f():\n    pass\n", (1, "bad"))
    known = [Debt(check="lint", rule="X1", scope="a.py:f", message="bad", reason="later", owner="ada", expires=DAY)]
    assert compared(known, found) == ([], 1, [])
    assert compared(known, found, day="2026-06-02") == (["a.py:1"], 0, [])
    lapsed = baseline.compare(known, [baseline.complaint("lint", row) for row in found], (), "2026-06-02").lapsed
    assert [debt.words for debt in lapsed] == ["lint X1 a.py:f: bad, until 2026-06-01 by ada: later"]


def test_scope_that_goes_to_another_file_takes_its_debts_along() -> None:
    """A function that is gone from one file and is in another is known there; while it stays where it was, or is another one, it is new."""
    source = "def f(x):\n    len(x)\n    print(1)\n    print(2)\n"
    known = adopt(placed(source, (2, "bad")))
    moved = placed(source, (2, "bad"), path="b.py")
    assert compared(known, moved) == ([], 1, [])
    assert compared(known, moved, ["a.py:f"]) == (["b.py:2"], 0, ["a.py:f"])
    other = placed("def f(x):\n    len(x)\n    run(7)\n    stop(8)\n    away(9)\n", (2, "bad"), path="b.py")
    assert compared(known, other) == (["b.py:2"], 0, ["a.py:f"])
    renamed = placed(source.replace("def f", "def g"), (2, "bad"))
    assert compared(known, renamed) == ([], 1, [])


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32))
def test_random_edits_miss_nothing_new(seed: int) -> None:
    """Moved, renamed, laid out anew, swapped, deleted or split: everything new is told, and what one edit leaves alone is quiet."""
    rng = random.Random(seed)
    tree = Tree(rng, "lint")
    before, known = _read(tree, ()), tree.known()
    done = tree.edit(rng.randint(1, 3))
    debts_then = adopt(before.diagnostics)
    now = _read(tree, debts_then)
    ratchet = baseline.compare(debts_then, [baseline.complaint("lint", row) for row in now.diagnostics], now.scopes, DAY)
    missed, news = wrong(tree, known, [(one.found.path, one.found.line) for one in ratchet.new if one.found])
    assert (missed, news if len(done) == 1 else 0) == (0, 0), done


def _read(tree: Tree, known: Sequence[Debt]) -> Reading:
    """Place what is found in a tree as ruff would tell it."""
    rows = tuple(Diagnostic(path=path, line=line, code="X", message=_told(text)) for path, line, text, _ in tree.where())
    with TemporaryDirectory() as folder:
        for path, text in tree.sources().items():
            Path(folder, path).write_text(text, encoding="utf-8")
        return scopes.place(Reading(diagnostics=rows), known, Path(folder))


def _told(text: str) -> str:
    return "header" if text.startswith("def ") else "value" if " = " in text else text.replace('"', "'")


@settings(deadline=None, max_examples=6)
@given(st.integers(0, 2**32))
def test_random_edits_by_real_ruff(seed: int) -> None:
    """The same with what ruff itself finds."""
    rng = random.Random(seed)
    tree = Tree(rng, "lint")
    with TemporaryDirectory() as folder:
        before, known = _ruff(tree, (), Path(folder)), tree.known()
        tree.edit(1)
        then = adopt(before.diagnostics)
        now = _ruff(tree, then, Path(folder))
    ratchet = baseline.compare(then, [baseline.complaint("lint", row) for row in now.diagnostics], now.scopes, DAY)
    assert wrong(tree, known, [(one.found.path, one.found.line) for one in ratchet.new if one.found]) == (0, 0)


def _ruff(tree: Tree, known: Sequence[Debt], root: Path) -> Reading:
    for old in root.glob("*.py"):
        old.unlink()
    for path, text in tree.sources().items():
        (root / path).write_text(text, encoding="utf-8")
    reading = tools.measure(RUFF, root)
    assert {(row.path, row.line) for row in reading.diagnostics} == {(path, line) for path, line, _, _ in tree.where()}
    return scopes.place(reading, known, root)


def judged(known: Sequence[Debt], outcome: Outcome, low: float = 9.0, *, strict: bool = False) -> tuple[Finding, Ratchet]:
    """Judge a memory question that has debts."""
    step = asked("growth", "B/step", 0)
    step = Step(check=step.check, phase=step.phase, does="", command="nox -s memory", work=step.work, debts=tuple(known))
    slope = Estimate(value=low + 0.5, low=low, high=low + 1, points=9)
    finding = Finding(outcome=outcome, headline="heap grows", details=("more",), next_act="stop it", estimate=slope, unit="B/step")
    return debts.judged(step, finding, Reading(), day=DAY, strict=strict)


def test_memory_question_keeps_what_it_measured_as_its_debt() -> None:
    """Growth up to what is known passes, more than that fails, and level growth leaves a debt that is fixed."""
    check = asked("growth", "B/step", 0).check
    (debt,) = debts.adopted(baseline.complaints(asked("growth", "B/step", 0), judged([], Outcome.FAILED)[0], Reading()), 10.0)
    assert (debt.check, debt.most, debt.unit) == (check, 10.1, "B/step")
    known, ratchet = judged([debt], Outcome.FAILED)
    assert (known.outcome, known.headline, len(ratchet.known)) == (Outcome.PASSED, f"heap grows; known, {check}, at most 10.1 B/step", 1)
    worse, _ = judged([debt], Outcome.FAILED, low=10.2)
    assert (worse.outcome, worse.details, worse.next_act) == (Outcome.FAILED, ("more",), "stop it")
    assert worse.headline == f"heap grows; more than is known ({check}, at most 10.1 B/step)"
    for strict, outcome in ((False, Outcome.PASSED), (True, Outcome.FAILED)):
        level, _ = judged([debt], Outcome.PASSED, strict=strict)
        assert (level.outcome, level.next_act) == (outcome, "take them out: gate baseline update")
    assert judged([debt], Outcome.INCONCLUSIVE)[0].outcome is Outcome.INCONCLUSIVE
    assert judged([debt], Outcome.BROKEN)[0].outcome is Outcome.BROKEN


@pytest.fixture
def owing(house: Repository) -> Repository:
    """Return a repository with two lint findings, which were adopted."""
    bots = (house.root / "bots.py").read_text()
    house.write(
        "bots.py",
        bots.replace('"""Bots."""\n', '"""Bots."""\n\nimport os\n').replace("    return Bot()", "    unused = 1\n    return Bot()"),
    )
    house.commit()
    assert call("baseline", "create", "lint", "docs")[0] == 0
    house.commit()
    return house


def lines(house: Repository) -> list[str]:
    """Return the debts as they are written down."""
    return [line for line in (house.root / "policies/baseline.yaml").read_text().splitlines() if line.startswith("  - ")]


def test_adoption_makes_known_findings_pass(owing: Repository) -> None:
    """On the first day everything found is written down, sorted, and the check passes and says so."""
    found = lines(owing)
    assert found == sorted(found)
    assert [line.partition("shape")[0] for line in found] == [
        '  - {check: "lint", scope: "bots.py", rule: "F401", message: "`os` imported but unused", ',
        '  - {check: "lint", scope: "bots.py:build", rule: "F841", message: "Local variable `unused` is assigned to but never used", ',
    ]
    code, told = call("check", "lint", "--check")
    assert (code, told.partition("  (")[0]) == (0, "PASSED       lint  ruff: 2 known debts, nothing new")


def test_baseline_is_made_once(owing: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A second adoption would hide what is new, and is refused."""
    before = lines(owing)
    assert call("baseline", "create")[0] == 2
    assert "there is a baseline already, and it only shrinks" in capsys.readouterr().err
    assert lines(owing) == before


def test_only_what_is_new_is_told(owing: Repository) -> None:
    """A new finding fails and stands alone; the known ones are a number."""
    bots = (owing.root / "bots.py").read_text()
    owing.write("bots.py", bots.replace("    del agent", "    other = 2\n    del agent"))
    code, told = call("check", "lint", "--check")
    assert code == 1
    assert "lint  ruff: 1 new finding, 2 known debts" in told
    assert told.count("F841") == 1
    assert "bots.py:19: Local variable `other` is assigned to but never used [F841]" in told
    code, told = call("baseline", "update")
    assert (code, "new, not written down: bots.py:19: " in told, len(lines(owing))) == (0, True, 2)


def test_fixed_debts_fail_in_ci_and_update_takes_them_out(owing: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locally a debt that is fixed is said, in CI it fails with the command that takes it out; also when nothing is left."""
    bots = (owing.root / "bots.py").read_text()
    owing.write("bots.py", bots.replace("    unused = 1\n", ""))
    owing.write("policies/quality.yaml", (owing.root / "policies/quality.yaml").read_text())
    assert call("check", "lint", "--check")[0] == 1
    monkeypatch.setenv("CI", "true")
    code, told = call("check", "lint")
    assert (code, "1 debt of policies/baseline.yaml fixed already" in told, "next: take them out: gate baseline update" in told) == (
        1,
        True,
        True,
    )
    assert call("baseline", "update") == (0, "lint: 2 debts, now 1\npolicies/baseline.yaml: 1 debt\n")
    code, told = call("baseline", "update", "--json")
    row = next(row for row in json.loads(told)["checks"] if row["check"] == "lint")
    assert (code, row["before"], len(row["after"]), row["new"]) == (0, row["after"], 1, [])
    assert call("check", "lint")[0] == 0
    owing.write("bots.py", bots.replace("    unused = 1\n", "").replace("\nimport os\n", ""))
    assert call("check", "lint")[0] == 1
    monkeypatch.delenv("CI")
    code, told = call("check", "lint")
    assert (code, "1 debt of policies/baseline.yaml fixed already" in told) == (0, True)
    call("baseline", "update")
    assert lines(owing) == []


def test_one_finding_is_accepted_by_somebody_until_a_day(owing: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """It grows by one finding, with reason, owner and a day within half a year; the summary names it until then."""
    bots = (owing.root / "bots.py").read_text()
    owing.write("bots.py", bots.replace("    del agent", "    other = 2\n    more = 3\n    del agent"))
    words = ("--reason", "the next task", "--owner", "ada", "--expires")
    for which, day, why in (
        ("F841", "2026-12-24", "2 new findings contain this, and one is accepted at a time; write more of one of them:"),
        ("no such", "2026-12-24", "no new finding contains this; write more of one of them:"),
        ("`other`", "2036-12-24", "more than 180 days ahead; write a nearer day, and renew it then"),
    ):
        assert call("baseline", "update", "--accept", which, *words, day)[0] == 2
        assert why in capsys.readouterr().err
    assert call("baseline", "update", "--accept", "`other`", "--owner", "ada")[0] == 2
    assert "--accept wants also --reason, --expires" in capsys.readouterr().err
    assert len(lines(owing)) == 2
    code, told = call("baseline", "update", "--accept", "`other`", *words, _soon())
    assert (code, told.splitlines()[0]) == (0, "lint: 2 debts, now 3")
    assert f'reason: "the next task", owner: "ada", expires: {_soon()}}}' in "".join(lines(owing))
    owing.write("bots.py", bots.replace("    del agent", "    other = 2\n    del agent"))
    assert call("check", "lint", "--check")[0] == 0
    call("summary", "--check")
    summary = (owing.root / ".gate/summary.md").read_text()
    assert "; 3 known debts\n" in summary
    assert "- lint: 3 known debts: F841 2, F401 1\n- accepted: lint F841 bots" in summary
    assert f"until {_soon()} by ada: the next task" in summary


def test_summary_with_debts_is_written_again_from_its_bundle(owing: Repository) -> None:
    """The bundle holds what was found and not what it counts for: a stranger judges it by the baseline of the tree, to the same words."""
    call("check", "lint", "--check")
    call("summary", "--check")
    raw = (owing.root / ".gate/summary-evidence.json").read_bytes()
    made = bundle.read(raw)
    (entry,) = [one for one in made.checks if one.check == "lint"]
    assert entry.evidence is not None
    assert (entry.evidence.finding.outcome, len(entry.evidence.reading.diagnostics)) == (Outcome.FAILED, 2)
    text = page.written(verifying.page_of(made, load(owing.root)), "summary-evidence.json", raw)
    assert text == (owing.root / ".gate/summary.md").read_bytes()
    assert b"- lint: 2 known debts: F401 1, F841 1\n" in text


def _soon() -> str:
    """Return a day that may be written."""
    return (date.today() + timedelta(days=30)).isoformat()  # noqa: DTZ011 - a policy's day is the reader's day


def test_day_that_has_passed_fails_and_is_named(owing: Repository) -> None:
    """After its day an accepted finding is new again, with the name of who was to end it."""
    file = owing.root / "policies/baseline.yaml"
    text = file.read_text().replace("}\n", ', reason: "soon", owner: "ada", expires: 2026-01-31}\n', 1)
    file.write_text(text)
    code, told = call("check", "lint", "--check")
    assert code == 1
    assert "ruff: 1 new finding, 1 known debt" in told
    assert "known until its day: lint F401 bots.py: `os` imported but unused, until 2026-01-31 by ada: soon" in told


def test_waiver_covers_only_what_is_not_known(owing: Repository) -> None:
    """Waivers and debts are one model: a waiver is about what is left when debts are taken out, and shows as waived."""
    owing.write("bots.py", (owing.root / "bots.py").read_text().replace("    del agent", "    other = 2\n    del agent"))
    workflow = (owing.root / "policies/workflow.yaml").read_text()
    waiver = f"waivers:\n  - {{check: lint, match: '`other`', reason: later, owner: ada, expires: {_soon()}}}\n"
    owing.write("policies/workflow.yaml", workflow + waiver)
    code, told = call("check", "lint", "--check")
    assert (code, f"waived until {_soon()} by ada: later" in told) == (0, True)


def test_other_checks_keep_no_debts(owing: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A debt of a check that cannot know a finding again is refused with its place, and so is a line that stands twice."""
    file = owing.root / "policies/baseline.yaml"
    text = file.read_text()
    file.write_text(text + '  - {check: "tests", rule: "failure"}\n')
    assert call("check", "lint")[0] == 2
    assert capsys.readouterr().err.startswith("gate: policies/baseline.yaml:7: what tests finds cannot be known again; write a waiver")
    file.write_text(text + text.splitlines()[-1] + "\n")
    assert call("check", "lint")[0] == 2
    assert "lint F841 bots.py:build is written twice; write it once, with its count" in capsys.readouterr().err


def test_command_whose_lines_are_read_keeps_debts(house: Repository) -> None:
    """A further linter whose findings stand one on a line is adopted like ruff; lines that are none are trouble, never a pass."""
    quality = (house.root / "policies/quality.yaml").read_text()
    printed = "print('bots.py:10:5: W1 old'); print('bots.py:10: note: why')"
    command = 'commands:\n  own: {run: [python, -c, "%s; exit(1)"], reads: lines}\n'
    house.write("policies/quality.yaml", quality + command % printed)
    assert call("baseline", "create", "lint/own") == (
        0,
        "lint/own: 1 known debt: W1 1\npolicies/baseline.yaml: 1 debt; they may become fewer, never more: commit it\n",
    )
    assert 'check: "lint/own", scope: "bots.py:build", rule: "W1", message: "old"' in lines(house)[0]
    house.write("policies/quality.yaml", quality + command % f"{printed}; print('bots.py:20: W2 new')")
    code, told = call("check", "lint", "--check")
    assert (code, "lint/own  own: 1 new finding, 1 known debt" in told, "bots.py:20: new [W2]" in told) == (1, True, True)
    house.write("policies/quality.yaml", quality + command % "print('boom')")
    code, told = call("check", "lint", "--check")
    assert (code, "answered what is not its format (no line is path:line: message)" in told) == (2, True)


def test_dead_links_are_debts_too(house: Repository) -> None:
    """A document with a dead link is adopted by its path and words; a second dead link is new."""
    house.write("README.md", "# Bots\n\nSee [the code](bots.py) and [more](gone.md).\n")
    assert call("baseline", "create", "docs")[0] == 0
    assert call("check", "docs", "--check")[0] == 0
    house.write("README.md", "# Bots\n\nNew.\n\nSee [more](gone.md) and [less](away.md).\n")
    code, told = call("check", "docs", "--check")
    assert (code, "docs/links: 1 new finding, 1 known debt" in told, "gone.md" in told) == (1, True, False)


def test_record_stays_what_was_measured(owing: Repository) -> None:
    """The evidence says FAILED with every finding in its scope; only what is told of it takes debts into account."""
    call("check", "lint", "--check")
    record = max((owing.root / ".gate/evidence").glob("*/lint.json"), key=lambda path: path.stat().st_mtime_ns)
    evidence = json.loads(record.read_text())["evidence"]
    assert evidence["finding"]["outcome"] == "FAILED"
    assert [row["scope"] for row in evidence["reading"]["diagnostics"]] == ["", "build"]
    code, told = call("summary", "--json")
    (row,) = [row for row in json.loads(told)["checks"] if row["check"] == "lint"]
    assert (code, row["outcome"], row["counted"], row["debts"], row["evidence"]["finding"]["outcome"]) == (
        1,
        "PASSED",
        "passed",
        2,
        "FAILED",
    )
