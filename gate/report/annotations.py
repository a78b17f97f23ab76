"""A verdict as annotations of GitHub Actions: as many as a step shows, the worst first."""

from collections.abc import Iterator
from dataclasses import dataclass

from gate.facts.rows import Counted, Place, Row, Verdict
from gate.report import places
from gate.report.text import plain

MOST = 10  # of each level that a step shows; what is more is dropped without a word
_LEVELS = {
    Counted.BROKEN: "error",
    Counted.FAILED: "error",
    Counted.MISSING: "error",
    Counted.INCONCLUSIVE: "warning",
    Counted.STALE: "warning",
    Counted.OLD: "warning",
    Counted.WAIVED: "notice",
    Counted.SKIPPED: "notice",
}
LEVELS = ("error", "warning", "notice")


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotation:
    """One remark beside a line."""

    level: str
    title: str
    place: Place


def write(verdict: Verdict) -> str:
    """Write the workflow commands of what a step shows."""
    every = of(verdict)
    shown = [one for level in LEVELS for one in [one for one in every if one.level == level][:MOST]]
    return "".join(f"{_command(one)}\n" for one in shown)


def left_out(verdict: Verdict) -> int:
    """Count the annotations that a step does not show; at the most places.MOST of one check are made."""
    every = [one.level for one in of(verdict)]
    return sum(max(0, every.count(level) - MOST) for level in LEVELS)


def of(verdict: Verdict) -> tuple[Annotation, ...]:
    """Return every annotation, the worst check first, and of all checks first what is worst in each."""
    order = list(Counted)
    rows = sorted((row for row in verdict.rows if row.asked and row.counted in _LEVELS), key=lambda row: order.index(row.counted))
    ranked = [(at, order.index(row.counted), one) for row in rows for at, one in enumerate(_annotations(row))]
    return tuple(one for _, _, one in sorted(ranked, key=lambda entry: (min(entry[0], 1), entry[1])))


def _annotations(row: Row) -> Iterator[Annotation]:
    """Remark on each place of a check, or on its entry in the policy."""
    level = _LEVELS[row.counted]
    found = places.of(row)
    if not found:
        path, line = places.entry(row)
        found = (Place(path=path, line=line, message=_why(row)),)
    for place in found:
        title = f"{row.step.check} {place.code}" if place.code and not place.code.startswith("memory/") else row.step.check
        yield Annotation(level=level, title=title, place=place)


def _why(row: Row) -> str:
    """Say why a check that has no place counts as it does."""
    headline = row.evidence.finding.headline if row.evidence and row.counted in {Counted.BROKEN, Counted.SKIPPED, Counted.WAIVED} else ""
    return headline or f"{row.counted} on this tree; run {row.step.command}"


def _command(one: Annotation) -> str:
    """Write one workflow command."""
    place = one.place
    words = (("title", one.title), ("file", place.path), ("line", str(place.line)), ("endLine", str(place.line)))
    marks = ",".join(f"{name}={_property(plain(value))}" for name, value in words)
    return f"::{one.level} {marks}::{_data(plain(place.message))}"


def _data(text: str) -> str:
    """Write what follows the second "::", as toolkit's command.ts does."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
