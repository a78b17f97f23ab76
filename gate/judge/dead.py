"""Limits that are dead: so far above what is measured that what they are there to stop would pass."""

import math
from dataclasses import replace

from gate.facts import Finding, Outcome
from gate.facts.work import Limit, Question
from gate.units import show_amount

TIMES = 3  # what is measured, from which on a limit is dead
# what counts as measured where less is
_LEAST = {"B/agent": 1000.0, "B/step": 8.0, "B/call": 8.0, "B/cycle": 8.0}
_FEWEST = 0.01  # likewise, of handles
_HEADROOM = 1.2
_DIGITS = 2


def bar(limit: Limit) -> float:
    """Return the figure below which a limit is dead, or 0 when none would make it so.

    >>> bar(Limit(most=30_000, resolution=0, unit="B/agent", place="policies/memory.yaml:9"))
    10000.0
    >>> bar(Limit(most=8, resolution=1, unit="B/step", place="policies/memory.yaml:9"))  # nothing is measured as less than 8 B/step
    0.0
    """
    if not limit.place or limit.shared or math.isinf(limit.most):
        return 0.0
    return limit.most / TIMES if limit.most > TIMES * _LEAST.get(limit.unit, _FEWEST) else 0.0


def judged(question: Question, finding: Finding) -> Finding:
    """Return what a finding comes to when its limit is dead: it fails with the limit to write, or only says so where that is tolerated.

    What is compared is the upper end of the interval, so that a figure which nobody is sure of kills no limit.
    """
    limit = question.limit
    if finding.outcome is not Outcome.PASSED or finding.estimate is None or not max(0.0, finding.estimate.high) < bar(limit):
        return finding
    high, instead = max(0.0, finding.estimate.high), proposed(limit, finding.estimate.high)
    over = f"{limit.most / high:,.0f} times what is measured" if high >= limit.resolution and high else "and nothing is measured"
    headline = f"{finding.headline}; a dead limit, {over}: {instead} would do"
    if limit.ample:
        return replace(finding, headline=headline)
    act = f"write max: {instead} at {limit.place}; dead_limits: tell in policies/memory.yaml only tells of all of them"
    return replace(finding, outcome=Outcome.FAILED, headline=headline, next_act=act)


def proposed(limit: Limit, high: float) -> str:
    """Return the limit to write for what is measured, as a policy writes it: with headroom, or nothing where nothing is gained."""
    weighs = limit.unit == "B/agent"
    value = max(high, _LEAST[limit.unit]) if weighs else high if high >= limit.resolution else 0.0
    return show_amount(rounded(value), limit.unit).removesuffix("/agent")


def rounded(value: float) -> float:
    """Add headroom and round up to two digits.

    >>> rounded(210_000), rounded(0)
    (260000.0, 0)
    """
    if not value:
        return 0
    step = 10.0 ** (math.floor(math.log10(value * _HEADROOM)) - _DIGITS + 1)
    return math.ceil(value * _HEADROOM / step) * step
