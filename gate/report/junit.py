"""A verdict as JUnit XML, for what shows test results: a suite for each phase, a case for each check."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from gate.facts.rows import Counted, Row, Standing, Verdict
from gate.facts.work import Phase
from gate.report import places
from gate.report.text import plain

# What is not decided is no pass, and who reads JUnit knows no third word for it: INCONCLUSIVE is a failure of that type.
_TAGS = {
    Counted.BROKEN: "error",
    Counted.MISSING: "error",
    Counted.STALE: "error",
    Counted.OLD: "error",
    Counted.FAILED: "failure",
    Counted.INCONCLUSIVE: "failure",
    Counted.SKIPPED: "skipped",
    Counted.WAIVED: "skipped",
}
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_COUNTED = ("tests", "failures", "errors", "skipped")


def write(verdict: Verdict) -> str:
    """Write one document."""
    suites = ET.Element("testsuites", name="gate")
    for phase in Phase:
        rows = [row for row in verdict.rows if row.step.phase is phase]
        if rows:
            suites.append(_suite(phase, rows))
    for name in _COUNTED:
        suites.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _suite(phase: Phase, rows: Sequence[Row]) -> ET.Element:
    """Write the checks of a phase."""
    tags = [_TAGS.get(row.counted) for row in rows]
    counts = (len(rows), tags.count("failure"), tags.count("error"), tags.count("skipped"))
    suite = ET.Element("testsuite", {"name": f"gate.{phase}"} | dict(zip(_COUNTED, map(str, counts), strict=True)))
    # questions that one watch answered have one reading, and its time passed once
    walls = {(row.evidence.reading.wall, row.evidence.reading.cpu): _seconds(row) for row in rows if row.evidence}
    suite.set("time", f"{sum(walls.values()):.3f}")
    suite.extend([_case(row) for row in rows])
    return suite


def _case(row: Row) -> ET.Element:
    """Write one check."""
    head, _, name = row.step.check.rpartition("/")
    group = ".".join(["gate", *filter(None, head.split("/"))])
    case = ET.Element("testcase", classname=_text(group), name=_text(name), time=f"{_seconds(row):.3f}")
    found = places.of(row)
    if found:
        case.set("file", _text(found[0].path))
        case.set("line", str(found[0].line))
    tag = _TAGS.get(row.counted)
    if tag:
        outcome = row.evidence.finding.outcome if _holds(row) and row.evidence else row.counted
        said = ET.SubElement(case, tag, message=_text(_headline(row)), type=str(outcome))
        said.text = "\n".join(map(_text, _told(row)))
    return case


def _headline(row: Row) -> str:
    """Say what is wrong in one line."""
    if row.counted is Counted.WAIVED:
        return "; ".join(f"waived until {one.expires} by {one.owner}: {one.reason}" for one in row.waivers)
    if _holds(row) and row.evidence:
        return row.evidence.finding.headline
    return f"{row.counted} on this tree" + (f": {row.damage}" if row.damage else "")


def _told(row: Row) -> list[str]:
    """Say it whole."""
    finding = row.evidence.finding if _holds(row) and row.evidence else None
    lines = [finding.headline, *finding.details, *([f"next: {finding.next_act}"] if finding.next_act else [])] if finding else []
    return [*lines, f"again: {row.step.command}"]


def _holds(row: Row) -> bool:
    return row.standing is Standing.HOLDS and not row.damage


def _seconds(row: Row) -> float:
    """Return what a check took on this tree."""
    return row.evidence.reading.wall if _holds(row) and row.evidence and not row.evidence.origin else 0.0


def _text(text: str) -> str:
    """Keep foreign text to one line of letters that XML may hold."""
    return _NO_XML.sub("\ufffd", plain(text)).replace("##[", "## [")
