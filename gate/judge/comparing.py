"""Every check against the same check of the base: what is new, what is fixed, what weighs more than it may."""

from collections.abc import Iterable
from dataclasses import replace

from gate.facts import Estimate, Outcome
from gate.facts.rows import Base, Compared, Complaint, Counted, Difference, Row, Verdict
from gate.facts.work import Question, Slack, Tool
from gate.judge import against, baseline, debts
from gate.units import show_amount

_DECIDED = {Outcome.PASSED, Outcome.FAILED}


def compare(whole: Verdict, base: Base, there: Iterable[str]) -> tuple[Difference, ...]:
    """Set every check of a tree beside the same check of the base; `there` names scopes of the base's findings that the tree still has."""
    before = {row.step.check: row for row in base.rows}
    weighed = {pair.step.check: pair for pair in against.compare(whole, base) if isinstance(pair.step.work, Question)}
    left = frozenset(there)
    rows = []
    for now in whole.rows:
        check = now.step.check
        if check in weighed:
            rows.append(_weighed(weighed[check]))
        elif check in before:
            rows.append(_found(now, before[check], left, whole.day))
    return tuple(rows)


def complaints(row: Row) -> tuple[Complaint, ...]:
    """Return each finding of a check as it is known again in another tree, whoever lives with it."""
    found, work = row.recorded, row.step.work
    if found is None or found.finding.outcome is not Outcome.FAILED:
        return ()
    if isinstance(work, Tool) and work.reads == "pytest":  # a test fails, whatever it says then
        told = (baseline.complaint(row.step.check, one) for one in found.reading.diagnostics)
        return tuple(replace(one, message=one.message.partition(": ")[0], amount=None) for one in told)
    return baseline.complaints(row.step, found.finding, found.reading)


def _found(now: Row, base: Row, there: frozenset[str], day: str) -> Difference:
    """Compare findings one by one where both sides tell them, else the outcomes."""
    old, new = _outcome(base), _outcome(now)
    before, after = complaints(base), complaints(now)
    silent = (old is Outcome.FAILED and not before) or (new is Outcome.FAILED and not after)
    if not {old, new} <= _DECIDED or silent or not (before or after):
        return _by_outcome(now, base)
    ratchet = baseline.compare(debts.adopted(before), after, there, day)
    known = {one for one, _ in now.ratchet.known}
    accepted = tuple(one for one in ratchet.new if one in known or now.counted is Counted.WAIVED)
    fresh = tuple(one for one in ratchet.new if one not in accepted)
    return Difference(
        step=now.step,
        base=base,
        now=now,
        says="worse" if ratchet.new else "better" if ratchet.fixed else "same",
        outcome=Outcome.FAILED if fresh else Outcome.PASSED,
        new=fresh,
        accepted=accepted,
        fixed=ratchet.fixed,
        unchanged=len(ratchet.known),
    )


def _by_outcome(now: Row, base: Row) -> Difference:
    """Compare two outcomes; what could not look now and could on the base is the gate's own trouble."""
    old, new = _outcome(base), _outcome(now)
    outcome = Outcome.PASSED
    if {old, new} <= _DECIDED:
        says = "same" if old is new else "worse" if new is Outcome.FAILED else "better"
        is_lived_with = now.counted in {Counted.WAIVED, Counted.PASSED}
        outcome = Outcome.FAILED if says == "worse" and not is_lived_with else Outcome.PASSED
        why = f"{old} on the base, now {new}: {_headline(now)}" if old is not new else f"{new} on both: {_headline(now)}"
    else:
        says = "cannot tell"
        side = base if old not in _DECIDED else now
        why = f"{_outcome(side) or side.counted} {'on the base' if side is base else 'now'}: {_headline(side)}"
        outcome = Outcome.BROKEN if new is Outcome.BROKEN and old is not Outcome.BROKEN else outcome
    return Difference(step=now.step, base=base, now=now, says=says, outcome=outcome, why=why)


def _weighed(pair: Compared) -> Difference:
    """Decide what a comparison of figures counts for: a limit broken that held, one broken further, or a demand of the policy."""
    work = pair.step.work
    limit = work.limit if isinstance(work, Question) else None
    old, new = _outcome(pair.base), _outcome(pair.now)
    outcome, why = Outcome.PASSED, pair.why
    if pair.now.counted is Counted.FAILED and new is Outcome.FAILED:
        if old is Outcome.PASSED:
            outcome, why = Outcome.FAILED, f"its limit held on the base: {_headline(pair.now)}"
        elif old is Outcome.FAILED and pair.says == "worse":
            outcome, why = Outcome.FAILED, f"above its limit on the base, and further above it now: {_headline(pair.now)}"
    elif new is Outcome.BROKEN and old is not Outcome.BROKEN:
        outcome = Outcome.BROKEN
    if limit and limit.slack and outcome is Outcome.PASSED:
        outcome, demanded = _demanded(pair, limit.slack)
        why = f"{demanded}, as {limit.place or 'the policy'} demands" if outcome is Outcome.PASSED else f"{demanded}: {limit.place}"
    return Difference(step=pair.step, base=pair.base, now=pair.now, says=pair.says, outcome=outcome, why=why, change=pair.change)


def _demanded(pair: Compared, slack: Slack) -> tuple[Outcome, str]:
    """Decide with both intervals whether a figure is no more above the base than a policy lets pass."""
    work = pair.step.work
    if not isinstance(work, Question) or pair.says == "cannot tell":
        return Outcome.INCONCLUSIVE, f"{pair.why}; no_worse_than_base demands a figure of both"
    old, new = _estimate(pair.base), _estimate(pair.now)
    unit = work.limit.unit
    most = allowed(slack, old, work.limit.resolution)
    low, high = new.low - old.high, new.high - old.low
    lets = f"no_worse_than_base lets {show_amount(most, unit)} pass"
    if low > most:
        return Outcome.FAILED, f"at least {show_amount(low, unit)} above the base, and {lets}"
    if high > most:
        between = f"{show_amount(low, unit)} to {show_amount(high, unit)} above the base"
        return Outcome.INCONCLUSIVE, f"{between}, and {lets}: the intervals are too wide to tell"
    return Outcome.PASSED, f"no more than {show_amount(most, unit)} above the base"


def allowed(slack: Slack, base: Estimate, resolution: float) -> float:
    """Return how far above the base a figure may be: never less than chance, nor than the smallest growth that counts.

    >>> there = Estimate(value=1000, low=990, high=1010, points=3)
    >>> allowed(Slack(share=0.1), there, 0), allowed(Slack(amount=5), there, 0), allowed(Slack(amount=5), there, 64)
    (100.0, 10.0, 64)
    """
    return max(slack.amount, slack.share * abs(base.value), against.NOISE * abs(base.value), resolution)


def _outcome(row: Row) -> Outcome | None:
    found = row.recorded
    return found.finding.outcome if found else None


def _headline(row: Row) -> str:
    found = row.recorded
    return found.finding.headline if found else row.counted


def _estimate(row: Row) -> Estimate:
    """Return the figure of a row that has one."""
    found = row.recorded
    if found is None or found.finding.estimate is None:
        message = f"{row.step.check} has no figure"
        raise TypeError(message)
    return found.finding.estimate
