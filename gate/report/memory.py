"""The memory part of a summary: every figure with its interval and limit, and beside what was measured on a base."""

from collections.abc import Iterator, Sequence

from gate.facts import Estimate, Evidence
from gate.facts.rows import Base, Compared, Page, Row
from gate.facts.work import Question
from gate.report.parts import Part
from gate.report.text import code, head, markdown, row
from gate.units import show_amount, show_time

_SHORT = 12  # letters of a digest that a row names
_UNCLAIMED = "No base was measured, so nothing here says that anything got better; to compare: `gate summary --against REV`"


def write(held: Sequence[tuple[Row, Evidence]], page: Page, *, spare: int) -> Iterator[Part]:
    """Give every memory figure with its interval, meter, samples and limit; then what the base had."""
    rows = []
    for one, found in held:
        work = one.step.work
        if not isinstance(work, Question):
            continue
        value, interval = _shown(found.finding.estimate, work.limit.unit)
        readings = found.reading.thinned or sum(len(series.values) for series in found.reading.series)
        costs = (show_amount(work.limit.most, work.limit.unit), str(readings), str(found.reading.samples), show_time(found.reading.cpu))
        rows.append(row((markdown(work.case), markdown(work.name), value, interval, *costs)))
    if rows:
        top = head("case|question|measured:|interval|limit:|readings:|children:|CPU:")
        yield Part(above="## Memory", top=top, rows=tuple(rows), noun="figure", spare=spare)
        if page.base:
            yield _against(page.base, page.compared, spare=spare)
        else:
            yield Part(rows=(_UNCLAIMED,))


def _against(base: Base, compared: Sequence[Compared], *, spare: int) -> Part:
    """Set the base beside the tree."""
    about = f"Measured in the same environment under the same policies: commit {code(base.commit)}, tree {code(base.tree)}."
    rows = []
    for pair in compared:
        work = pair.step.work
        if not isinstance(work, Question):
            continue
        unit = work.limit.unit
        change = "" if pair.says == "cannot tell" else f"{'+' if pair.change > 0 else ''}{show_amount(pair.change, unit)}"
        figures = (*_shown(_estimate(pair.base), unit), *_shown(_estimate(pair.now), unit), change, markdown(pair.says), markdown(pair.why))
        rows.append(row((markdown(work.case), markdown(work.name), *figures, code(pair.base.digest[:_SHORT]))))
    top = head("case|question|base:|interval|now:|interval|change:|says|why|evidence of the base")
    return Part(above=f"## Against {markdown(base.revision)}\n\n{about}", top=top, rows=tuple(rows), noun="comparison", spare=spare)


def _shown(slope: Estimate | None, unit: str) -> tuple[str, str]:
    """Write a figure and its interval."""
    if slope is None:
        return "not measured", ""
    return show_amount(slope.value, unit), f"{show_amount(slope.low, unit)} to {show_amount(slope.high, unit)}"


def _estimate(one: Row) -> Estimate | None:
    return one.evidence.finding.estimate if one.evidence else None
