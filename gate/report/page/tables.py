"""The tables of a page: each figure with the number that it is sorted by and the digest of its evidence."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isinf

from gate.facts import Change, Estimate, Evidence, Remedy
from gate.facts.rows import Counted, Dossier, Row, Standing, Verdict
from gate.facts.work import Question, Sweep
from gate.units import show_amount, show_size, show_time

SHORT = 12  # letters of a digest
_DAY = re.compile(r"(?<=\d)T(?=\d)")  # what ends the day of a moment
_ROWS = 12  # of what explains one question
_UNKNOWN = frozenset({"parts", "lines", "types", "holders"})  # pins that say why something was not explained
ORDER = list(Counted)
_WHY = {
    Counted.MISSING: "never ran on this tree",
    Counted.STALE: "last ran on another tree, policy or environment",
    Counted.OLD: "measured longer ago than the policy allows",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    key: float | None = None  # by which it is sorted, where that is not its text
    number: bool = False
    kind: str = ""  # outcome, code, digest
    share: float = 0.0  # of a limit: a bar under it


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One table that can be sorted by each of its columns."""

    name: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    digest: str = ""  # of the evidence that all of it is about, where no row names its own


def held(row: Row) -> Evidence | None:
    """Return the evidence that holds for this tree."""
    return row.evidence if row.standing is Standing.HOLDS else None


def memory(verdict: Verdict) -> Table | None:
    """Give every memory figure with its interval, its limit and what it rests on."""
    rows = []
    for row in verdict.rows:
        work, found = row.step.work, held(row)
        if not isinstance(work, Question):
            continue
        slope, unit = found.finding.estimate if found else None, work.limit.unit
        reading = found.reading if found else None
        readings = (reading.thinned or sum(len(series.values) for series in reading.series)) if reading else 0
        rows.append(
            (
                Cell(text=work.case),
                Cell(text=work.name),
                _class(row),
                _figure(slope, unit, work.limit.most),
                Cell(text=_interval(slope, unit), key=slope.low if slope else None, number=True),
                Cell(text=show_amount(work.limit.most, unit), key=_finite(work.limit.most), number=True),
                Cell(text=f"{readings:,}", key=readings, number=True),
                Cell(text=show_time(reading.cpu) if reading else "", key=reading.cpu if reading else 0, number=True),
                Cell(text=row.digest[:SHORT] if found else "", kind="digest"),
            )
        )
    heads = ("case", "question", "outcome", "measured", "interval", "limit", "readings", "CPU", "evidence")
    return Table(name="memory", heads=heads, rows=tuple(rows)) if rows else None


def checks(verdict: Verdict) -> Table:
    """Give every check with its outcome, its time and the command that repeats it; memory questions stand in a table of their own."""
    rows = []
    for row in verdict.rows:
        if isinstance(row.step.work, Question):
            continue
        found = held(row)
        took = found.reading.wall if found else 0.0
        reused = f", reused from tree {found.origin.tree[:SHORT]}" if found and found.origin else ""
        rows.append(
            (
                Cell(text=row.step.check),
                _class(row),
                Cell(text=found.finding.headline if found else "not measured on this tree"),
                Cell(text=show_time(took) if found else "", key=took, number=True),
                Cell(text=f"{_DAY.sub(' ', found.taken)}{reused}" if found else "", kind="moment"),
                Cell(text=row.digest[:SHORT] if found else "", kind="digest"),
                Cell(text=row.step.command, kind="code"),
            )
        )
    return Table(name="checks", heads=("check", "outcome", "what was found", "time", "taken", "evidence", "again"), rows=tuple(rows))


def compared(dossier: Dossier) -> Table | None:
    """Set a base beside the tree."""
    rows = []
    for pair in dossier.page.compared:
        work = pair.step.work
        if isinstance(work, Question):
            before, now = (row.evidence.finding.estimate if row.evidence else None for row in (pair.base, pair.now))
            unit, known, sign = work.limit.unit, pair.says != "cannot tell", "+" if pair.change > 0 else ""
            rows.append(
                (
                    Cell(text=work.case),
                    Cell(text=work.name),
                    _figure(before, unit),
                    _figure(now, unit),
                    Cell(
                        text=f"{sign}{show_amount(pair.change, unit)}" if known else "",
                        key=pair.change,
                        number=True,
                    ),
                    Cell(text=pair.says),
                    Cell(text=pair.why),
                    Cell(text=pair.base.digest[:SHORT], kind="digest"),
                )
            )
    heads = ("case", "question", "base", "now", "change", "says", "why", "evidence of the base")
    return Table(name="against the base", heads=heads, rows=tuple(rows)) if rows else None


def cleaned(verdict: Verdict) -> Table | None:
    """Count what the clean-up rules matched, by kind."""
    sweeps = [(row, found) for row in verdict.rows if isinstance(row.step.work, Sweep) and (found := held(row))]
    summed: dict[tuple[str, str], list[Change]] = {}
    for row, found in sweeps:
        for change in found.reading.changes:
            summed.setdefault((change.kind, row.digest), []).append(change)
    rows = []
    for (kind, digest), changes in summed.items():
        gone = [change for change in changes if change.act in {"removed", "trashed"}]
        figures = [(sum(change.paths for change in some), sum(change.size for change in some)) for some in (changes, gone)]
        cells = [Cell(text=f"{paths:,}, {show_size(size)}", key=size, number=True) for paths, size in figures]
        rows.append((Cell(text=kind), *cells, Cell(text=digest[:SHORT], kind="digest")))
    return Table(name="cleaned", heads=("kind", "matched", "removed", "evidence"), rows=tuple(rows)) if rows else None


def environment(verdict: Verdict) -> Table | None:
    """Name what measured; all of it where evidence differs."""
    facts: dict[str, dict[str, str]] = {}
    for row in verdict.rows:
        found = held(row)
        if found:
            pins = {name: text for name, text in found.reading.pins.items() if name not in _UNKNOWN}
            for name, text in (found.environment | found.reading.versions | pins).items():
                facts.setdefault(name, {}).setdefault(text, row.digest[:SHORT])
    rows = [
        (Cell(text=name), Cell(text="; ".join(said)), Cell(text=next(iter(said.values())), kind="digest"))
        for name, said in sorted(facts.items(), key=lambda fact: fact[0].lower())
    ]
    return Table(name="environment", heads=("what", "found", "evidence"), rows=tuple(rows)) if rows else None


def unknown(verdict: Verdict) -> Table | None:
    """List the checks of which nothing holds for this tree, with what makes it known."""
    rows = sorted((row for row in verdict.rows if row.open and not held(row)), key=lambda row: ORDER.index(row.counted))
    cells = tuple(
        (
            _class(row),
            Cell(text=row.step.check),
            Cell(text=row.damage or _WHY[row.counted]),
            Cell(text=row.step.command, kind="code"),
        )
        for row in rows
    )
    return Table(name="not known", heads=("outcome", "check", "why", "run"), rows=cells) if rows else None


def explained(found: Evidence, question: Question, digest: str) -> Iterator[Table]:
    """List the lines, the types and the containers that hold the bytes, the largest first."""
    reading, per = found.reading, question.limit.unit.partition("/")[2]
    unit = f"B/{per}"
    listed: dict[tuple[str, ...], list[tuple[Cell, ...]]] = {
        ("parts of the footprint", "part", "bytes"): [(Cell(text=row.name), _amount(row.size, unit)) for row in reading.parts],
        ("lines that allocate", "line", "code", "bytes"): [
            (_code(f"{row.path}:{row.line}"), _code(row.text), _amount(row.size, unit)) for row in reading.hotspots
        ],
        ("types", "type", f"objects per {per}", "bytes"): [
            (_code(row.name), _number(row.count), _amount(row.size, unit)) for row in reading.types
        ],
        ("holders", "path", "kind", "items", f"gained per {per}", "bytes"): [
            (_code(row.path), Cell(text=row.kind), _number(row.items), _number(row.gained), _amount(row.size, unit))
            for row in reading.holders
        ],
    }
    for (name, *heads), rows in listed.items():
        if rows:
            cut = f", the first {_ROWS} of {len(rows)}" if len(rows) > _ROWS else ""
            yield Table(name=name + cut, heads=tuple(heads), rows=tuple(rows[:_ROWS]), digest=digest[:SHORT])


def proposed(remedies: Sequence[Remedy], digest: str) -> Iterator[Table]:
    """List what one agent weighs after each remedy."""
    if remedies:
        rows = tuple(
            (
                Cell(text=str(at) if at else "", key=at, number=True),
                Cell(text=row.does or "as agents are now", kind="code" if row.does else ""),
                _amount(row.leaves, "B/agent"),
                Cell(text="measured" if row.tried else "predicted"),
                Cell(text=digest[:SHORT], kind="digest"),
            )
            for at, row in enumerate(remedies)
        )
        yield Table(name="remedies", heads=("order", "one after the other", "an agent weighs", "how that is known", "evidence"), rows=rows)


def _class(row: Row) -> Cell:
    return Cell(text=row.counted, key=ORDER.index(row.counted), kind="outcome")


def _figure(slope: Estimate | None, unit: str, most: float = 0.0) -> Cell:
    """Show a figure, and which share of its limit it is."""
    if slope is None:
        return Cell(text="not measured", number=True)
    share = slope.value / most if most > 0 and not isinf(most) else 0.0
    return Cell(text=show_amount(slope.value, unit), key=slope.value, number=True, share=max(0.0, share))


def _interval(slope: Estimate | None, unit: str) -> str:
    """Write both ends, and their unit once where it is the same."""
    if slope is None:
        return ""
    low, high = show_amount(slope.low, unit), show_amount(slope.high, unit)
    number, _, rest = low.partition(" ")
    return f"{number} to {high}" if rest and high.endswith(f" {rest}") else f"{low} to {high}"


def _amount(value: float, unit: str) -> Cell:
    return Cell(text=show_amount(value, unit), key=value, number=True)


def _code(text: str) -> Cell:
    return Cell(text=text, kind="code")


def _number(value: float) -> Cell:
    return Cell(text=f"{value:,.4g}" if value != int(value) else f"{int(value):,}", key=value, number=True)


def _finite(value: float) -> float | None:
    return None if isinf(value) else value
