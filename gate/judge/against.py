"""A tree against a base: what weighs less, what weighs more, and what nobody can tell."""

from gate.facts import Estimate, Finding, Outcome
from gate.facts.rows import Base, Compared, Counted, Row, Verdict
from gate.facts.work import Question
from gate.units import show_amount

NOISE = 0.01  # of the base: fresh processes of the same code have been seen 0.5 % apart, which no interval of one of them shows
_MEASURED = {Counted.PASSED, Counted.FAILED, Counted.WAIVED, Counted.INCONCLUSIVE}


def compare(whole: Verdict, base: Base) -> tuple[Compared, ...]:
    """Set every memory question of a tree beside the same question of the base."""
    before = {row.step.check: row for row in base.rows}
    return tuple(_compared(row, before[row.step.check]) for row in whole.rows if row.step.check in before)


def _compared(now: Row, base: Row) -> Compared:
    """Say which of two is less, when they are further apart than either interval and than chance."""
    old, new = _estimate(base), _estimate(now)
    if old is None or new is None:
        side = "at the base" if old is None else "now"
        return Compared(
            step=now.step, base=base, now=now, says="cannot tell", why=f"not measured {side}: {_trouble(base if old is None else now)}"
        )
    change = new.value - old.value
    apart = _apart(old, new)
    says = "same" if not apart else "better" if change < 0 else "worse"
    why = "the difference is more than both intervals" if apart else "the difference is within the intervals, or below 1 % of the base"
    return Compared(step=now.step, base=base, now=now, says=says, change=change, why=why + _met(base, old))


def differs(recorded: Row, now: Finding) -> str:
    """Say how a check that was run again came out otherwise than recorded, or return ""; times and small differences do not count."""
    old = recorded.evidence.finding if recorded.evidence else None
    if old is None or recorded.counted not in {*_MEASURED, Counted.SKIPPED, Counted.BROKEN}:
        return ""
    if old.outcome is not now.outcome:
        return f"recorded {old.outcome}, now {now.outcome}: {now.headline}"
    if old.estimate and now.estimate and _apart(old.estimate, now.estimate):
        shown = [
            f"{show_amount(row.value, old.unit)} [{show_amount(row.low, old.unit)}, {show_amount(row.high, old.unit)}]"
            for row in (old.estimate, now.estimate)
        ]
        return f"recorded {shown[0]}, now {shown[1]}: more than both intervals apart"
    return ""


def _apart(old: Estimate, new: Estimate) -> bool:
    """Tell whether two figures differ by more than either interval, and by more than chance."""
    return abs(new.value - old.value) > max(old.high - old.low, new.high - new.low, NOISE * abs(old.value))


def _met(base: Row, old: Estimate) -> str:
    """Say that there was nothing to do: the limit held before any work."""
    work, found = base.step.work, base.recorded
    if (
        found is None or found.finding.outcome is not Outcome.PASSED or not isinstance(work, Question)
    ):  # a known debt is no limit that is met
        return ""
    return f"; limit met at the base commit too: {show_amount(old.value, work.limit.unit)}"


def _estimate(row: Row) -> Estimate | None:
    """Return what was measured, if anything was."""
    return row.evidence.finding.estimate if row.evidence and row.counted in _MEASURED else None


def _trouble(row: Row) -> str:
    """Say why there is no figure."""
    return row.evidence.finding.headline if row.evidence else row.counted
