"""Findings as lines of text, styled or not: what a terminal shows and what a pipe gets."""

from collections.abc import Iterator, Sequence

from gate.facts import Finding, Outcome
from gate.report.text import plain
from gate.units import show_time
from gate.work import Step

_COLOURS = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "bold red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.SKIPPED: "cyan",
    Outcome.BROKEN: "bold magenta",
}
_ORDER = (Outcome.BROKEN, Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.SKIPPED, Outcome.PASSED)

Told = Sequence[tuple[Step, Finding, float]]  # step, finding, seconds
Line = tuple[str | tuple[str, str], ...]  # parts; a part with its style is a pair


def findings(told: Told, *, explain: bool = False) -> Iterator[Line]:
    """Yield the worst first, whole; then what passed, a line each."""
    for step, finding, seconds in sorted(told, key=lambda row: _ORDER.index(row[1].outcome)):
        outcome = (f"{finding.outcome:<12}", _COLOURS[finding.outcome])
        yield outcome, f" {plain(step.check)}  {plain(finding.headline)}  ", (f"({show_time(seconds)})", "dim")
        if finding.outcome is not Outcome.PASSED or explain:
            yield from ((f"             {plain(line)}",) for line in finding.details)
            if finding.next_act:
                yield (f"             next: {plain(finding.next_act)}",)


def text(rows: Iterator[Line]) -> str:
    """Return lines without their styles."""
    return "".join("".join(part if isinstance(part, str) else part[0] for part in row) + "\n" for row in rows)
