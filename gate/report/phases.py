"""The five phases with what became of each and the time that it took; nothing is estimated, and what is reused took no time."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gate.facts import Evidence, Outcome
from gate.facts.rows import Counted, Row, Standing, Verdict
from gate.facts.work import Phase
from gate.units import show_time

_WORST = (Outcome.BROKEN, Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.SKIPPED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One phase."""

    phase: Phase
    outcome: str  # the worst one; what is waived or skipped is counted, not hidden
    tree: str  # which it speaks of, when that is another one
    count: str
    seconds: float | None  # None: nothing was measured on this tree
    took: str


def told(verdict: Verdict, others: Mapping[Phase, Evidence | None]) -> Iterator[Told]:
    """Tell all phases in their order; `others` is evidence of phases that are no checks."""
    for phase in Phase:
        planned = [row for row in verdict.rows if row.step.phase is phase]
        found = [row.evidence for row in planned if row.standing is Standing.HOLDS and row.evidence]
        other = others.get(phase)
        found += [other] if other else []
        new = [evidence for evidence in found if not evidence.origin]
        # questions that one watch answered have one reading, and its time passed once
        walls = {(evidence.reading.wall, evidence.reading.cpu): evidence.reading.wall for evidence in new}
        seconds = sum(walls.values()) if new else None
        outcome, tree = _outcome(planned, other, verdict.tree)
        yield Told(
            phase=phase,
            outcome=outcome,
            tree=tree,
            count=f"{len(found)} of {len(planned) or len(found)}" + (f", {len(found) - len(new)} reused" if len(new) < len(found) else ""),
            seconds=seconds,
            took="reused" if found and seconds is None else "not measured" if seconds is None else show_time(seconds),
        )


def _outcome(rows: Sequence[Row], other: Evidence | None, tree: str) -> tuple[str, str]:
    """Name the worst outcome of a phase, and the other tree that it is about."""
    held = [(row, row.evidence) for row in rows if row.standing is Standing.HOLDS and row.evidence]
    lived = Counter(row.counted for row in rows if not row.open and row.counted is not Counted.PASSED)
    seen = {found.finding.outcome for row, found in held if row.open} | ({other.finding.outcome} if other else set())
    worst = next((outcome for outcome in _WORST if outcome in seen), None)
    if worst:
        return worst, ""
    if len(held) < len(rows):
        return "incomplete", ""
    if other and other.tree != tree:
        return Outcome.PASSED, other.tree
    if not held and not other:
        return "not run", ""
    return ", ".join([Outcome.PASSED, *(f"{number} {name}" for name, number in lived.items())]), ""
