"""What a check comes to when its known debts are taken into account, and what a baseline holds after it has shrunk."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gate.facts import Finding, Outcome, Reading
from gate.facts.rows import Complaint, Ratchet
from gate.facts.work import Debt, Question, Step, Tool
from gate.judge import baseline
from gate.units import show_count, show_tally

FILE = "policies/baseline.yaml"
_SHOWN = 20  # findings that a finding repeats
_NOISE = 0.01  # of a measured amount: fresh processes of the same code have been seen 0.5 % apart
_DIGITS = 3
_FINEST = 0.001  # the smallest difference that a written amount shows


def judged(step: Step, finding: Finding, reading: Reading, *, day: str, strict: bool) -> tuple[Finding, Ratchet]:
    """Return the finding of a check as it counts on a day, and what is new, known and fixed in it.

    Findings that are all known pass. With `strict` a debt fails that is fixed and still written down.
    """
    if not step.debts or finding.outcome not in {Outcome.PASSED, Outcome.FAILED}:
        return finding, Ratchet()
    found = baseline.complaints(step, finding, reading)
    if finding.outcome is Outcome.FAILED and not found:
        return finding, Ratchet()
    ratchet = baseline.compare(step.debts, found, reading.scopes, day)
    return _worded(step, finding, ratchet, strict=strict), ratchet


def adopted(found: Iterable[Complaint], highest: float | None = None) -> tuple[Debt, ...]:
    """Return the debts that cover findings; `highest` is the most that a memory question may have measured."""
    return baseline.counted(
        Debt(
            check=one.check,
            rule=one.rule,
            scope=one.scope,
            message=one.message,
            most=_most(one, highest),
            unit=one.unit,
            shape=one.shape,
        )
        for one in found
    )


def shrunk(ratchet: Ratchet, highest: float | None = None) -> tuple[Debt, ...]:
    """Return the debts without what is fixed, each where its finding is now and measuring no more than that does; none is added."""
    kept = baseline.slots((*ratchet.lapsed, *ratchet.exceeded))
    for one, slot in ratchet.known:
        now = _most(one, highest)
        most = slot.most if slot.most is None or now is None else min(slot.most, now)
        kept.append(replace(slot, scope=one.scope, most=most, shape=one.shape))
    return baseline.counted(replace(slot, place="") for slot in kept)


def told(debts: Sequence[Debt]) -> str:
    """Count debts by rule, the most frequent first."""
    counts: Counter[str] = Counter()
    for debt in debts:
        counts[debt.rule] += debt.count
    return show_tally(counts)


def number(debts: Iterable[Debt]) -> int:
    """Count debts one by one."""
    return sum(debt.count for debt in debts)


def _worded(step: Step, finding: Finding, ratchet: Ratchet, *, strict: bool) -> Finding:
    """Word what is new first, or that nothing is."""
    known = show_count(len(ratchet.known), "known debt")
    fixed = number(ratchet.fixed)
    stale = tuple(f"fixed, and still in {FILE}: {debt.words}" for debt in ratchet.fixed[:_SHOWN])
    is_measured = isinstance(step.work, Question)
    if ratchet.new:
        lines = () if is_measured else _lines([one.line for one in ratchet.new])
        over = tuple(f"known until its day: {debt.words}" for debt in ratchet.lapsed[:_SHOWN])
        headline = f"{_name(step)}: {show_count(len(ratchet.new), 'new finding')}, {known}"
        if is_measured:
            bound = ", ".join(debt.words for debt in step.debts)
            headline = f"{finding.headline}; more than is known ({bound})" if not ratchet.lapsed else finding.headline
        details = (*lines, *over, *(finding.details if is_measured else ()), *stale)
        act = finding.next_act if is_measured else f"mend what is new, then: {step.command}"
        return replace(finding, headline=headline, details=details, next_act=act)
    rest = f"; {show_count(fixed, 'debt')} of {FILE} fixed already" if fixed else ""
    headline = finding.headline
    if ratchet.known:
        headline = f"{headline}; known, {ratchet.known[0][1].words}" if is_measured else f"{_name(step)}: {known}, nothing new"
    details = finding.details if is_measured or not ratchet.known else _lines([f"known: {one.line}" for one, _ in ratchet.known])
    act = "take them out: gate baseline update" if fixed else ""
    outcome = Outcome.FAILED if fixed and strict else Outcome.PASSED
    return replace(finding, outcome=outcome, headline=headline + rest, details=(*stale, *details), next_act=act)


def _name(step: Step) -> str:
    return step.work.name if isinstance(step.work, Tool) else step.check


def _lines(every: Sequence[str]) -> tuple[str, ...]:
    more = len(every) - _SHOWN
    return (*every[:_SHOWN], *([f"and {more} more"] if more > 0 else []))


def _most(one: Complaint, highest: float | None) -> float | None:
    amount = one.amount if highest is None else highest
    return None if amount is None else _upwards(amount, one.unit)


def _upwards(amount: float, unit: str = "") -> float:
    """Round an amount up to what is written of it; of one with a unit add what chance may.

    >>> _upwards(12), _upwards(7.511, "B/step"), _upwards(69_000_001, "B/agent"), _upwards(0.00001, "/step")
    (12, 7.59, 69700000.0, 0.001)
    """
    if not unit:
        return amount
    amount *= 1 + _NOISE
    step = max(10.0 ** (math.floor(math.log10(amount)) - _DIGITS + 1), _FINEST) if amount > 0 else _FINEST
    return round(math.ceil(amount / step) * step, _DIGITS)
