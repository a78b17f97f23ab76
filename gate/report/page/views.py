"""What a page tells about checks and cases, the worst first: words, no layout."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gate.facts import Finding
from gate.facts.rows import Counted, Row, Verdict
from gate.facts.work import Question
from gate.report.page.studio import Drawings, Studio
from gate.report.page.tables import ORDER, SHORT, held


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One check told whole."""

    check: str
    anchor: str
    counted: str
    headline: str
    details: tuple[str, ...] = ()
    next_act: str = ""
    command: str = ""
    digest: str = ""
    waived: tuple[str, ...] = ()
    drawings: Drawings | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One agent case: what is not told among the failures already."""

    name: str
    counted: str  # the worst of its questions
    says: tuple[tuple[str, str], ...]  # question, headline
    drawings: Drawings


def counts(verdict: Verdict) -> list[tuple[str, int]]:
    """Count every check in its one class, the worst first."""
    found = Counter(row.counted for row in verdict.rows)
    return [(str(name), found[name]) for name in Counted if found[name]]


def urgent(verdict: Verdict, studio: Studio) -> Iterator[Card]:
    """Tell what was found and separates the tree from COMPLETED, the worst first."""
    for row in sorted((row for row in verdict.rows if row.open), key=lambda row: ORDER.index(row.counted)):
        found = held(row)
        if found:
            lapsed = [f"the waiver by {gone.owner} at {gone.place} expired on {gone.expires}: {gone.reason}" for gone in row.lapsed]
            card, drawings = _card(row, found.finding, lapsed), studio.of(row, whole=True)
            yield replace(card, next_act=found.finding.next_act, command=row.step.command, drawings=drawings)


def lived_with(verdict: Verdict) -> Iterator[Card]:
    """Tell what is waived, or skipped where it may be: not passed."""
    for row in verdict.rows:
        found = held(row)
        if found and not row.open and row.asked and row.counted is not Counted.PASSED:
            words = [f"until {one.expires} by {one.owner} ({one.place}): {one.reason}" for one in row.waivers]
            yield _card(row, found.finding, [*words, *([f"optional: {row.optional}"] if row.optional else [])])


def _card(row: Row, said: Finding, waived: Sequence[str]) -> Card:
    """Tell what was found, and what it is waived by or was."""
    return Card(
        check=row.step.check,
        anchor=anchor(row.step.check),
        counted=row.counted,
        headline=said.headline,
        details=said.details,
        digest=row.digest[:SHORT],
        waived=tuple(waived),
    )


def cases(verdict: Verdict, studio: Studio) -> Iterator[Case]:
    """Draw each agent case; what is told among the failures is not told again."""
    groups: dict[str, list[Row]] = {}
    for row in verdict.rows:
        if isinstance(row.step.work, Question) and held(row):
            groups.setdefault(row.step.work.case, []).append(row)
    for case, rows in groups.items():
        rest = [row for row in rows if not row.open]
        drawn = [studio.of(row, whole=False) for row in rest]
        whole = Drawings(
            plots=tuple(plot for one in drawn for plot in one.plots),
            maps=tuple(made for one in drawn for made in one.maps),
            tables=tuple(table for one in drawn for table in one.tables),
            level=tuple(line for one in drawn for line in one.level),
            left_out=any(one.left_out for one in drawn),
        )
        asked = [(row.step.work, found) for row in rows if (found := held(row))]
        says = tuple((work.name, found.finding.headline) for work, found in asked if isinstance(work, Question))
        yield Case(name=case, counted=min((row.counted for row in rows), key=ORDER.index), says=says, drawings=whole)


def anchor(check: str) -> str:
    """Return a name for a check that a link can have."""
    return "check-" + "".join(letter if letter.isascii() and letter.isalnum() else f"-{ord(letter):x}-" for letter in check)
