"""Decide whether a figure has crept: each change slight enough to pass beside its base, and too much of all of them together."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from gate.facts import Estimate, Outcome
from gate.facts.rows import Counted, Difference, Mark
from gate.facts.work import Limit, Question, Slack
from gate.judge import comparing
from gate.units import show_amount, show_count, show_share


def crept(row: Difference, marks: Sequence[Mark], most: float) -> Difference:
    """Add to a compared figure how far it crept; it fails where a policy demands that it be no worse than the base."""
    work, found = row.step.work, row.now.evidence
    if not isinstance(work, Question) or row.says == "cannot tell" or found is None or found.finding.estimate is None:
        return row
    said = judge(marks, found.finding.estimate, work.limit, most)
    if not said:
        return row
    fails = work.limit.slack is not None and row.outcome is not Outcome.BROKEN and row.now.counted is not Counted.WAIVED
    return replace(row, drift=f"{said}; drift.most is {show_share(most)}", outcome=Outcome.FAILED if fails else row.outcome)


def judge(marks: Sequence[Mark], now: Estimate, limit: Limit, most: float) -> str:
    """Say how far a figure is above the first of its marks, the oldest first, and in what steps; "" when that is not surely too far.

    `most` is the share of the first mark that it may have gained. Both intervals decide, and never less than chance, nor than the
    growth that counts at all.
    """
    if not marks:
        return ""
    base = marks[0].estimate
    if now.low - base.high <= comparing.allowed(Slack(share=most), base, limit.resolution):
        return ""
    values = [mark.estimate.value for mark in marks] + [now.value]
    rises = [after - before for before, after in pairwise(values) if after > before]

    def shown(gained: float) -> str:
        return show_share(gained / base.value) if base.value > limit.resolution else show_amount(gained, limit.unit)

    steps = f"in {show_count(len(rises), 'step')} of at most {shown(max(rises))}" if len(rises) > 1 else "in one step"
    return f"{shown(now.value - base.value)} since {marks[0].name} {steps}: {show_amount(base.value, limit.unit)} then"
