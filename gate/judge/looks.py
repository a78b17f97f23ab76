"""How long to look: the first table, twice as much while nothing is decided, four times as much before a leak is called one."""

from collections.abc import Sequence
from dataclasses import replace

from gate.facts import Estimate, Finding, Holder, Look, Outcome, Reading
from gate.facts.work import Question
from gate.units import show_amount

_SCREEN = 0.06  # seconds of work of the first look
_LONGER = 4  # times as many steps before growth is called a leak
_SURE = 0.1  # seconds of work that growth must last in the first process
_USUAL = 20_000  # steps in the second after which a cache of usual size is full
_LONG = 1.5  # seconds of work that stand for them when steps are slow
_ALIKE = 0.5  # share of the first slope that the second must reach
_SLIGHT = 8.0  # bytes a step below which a growth must last longer and stay more alike: caches that fill slowly look like this
_LONGER_SLIGHT = 8
_ALIKE_SLIGHT = 0.75
_STRAIGHT = 0.25  # width of an interval, by its slope, up to which growth is a line: what was filling beside it is full
_MARGIN = 1.5  # times the steps after which a declared bound should be reached
_WORTH = 1.2  # times the steps that the rest of a budget must allow to go on
_STEPS = 0.05  # items a step from which a container counts as growing with the steps


def first(questions: Sequence[Question]) -> Look:
    """Return the first look: as many steps as the policy wants, and long enough to tell the plain cases."""
    return Look(steps=max(question.steps for question in questions), seconds=_SCREEN)


def confirming(reading: Reading, found: Sequence[Finding]) -> Look:
    """Return the look of a second child: a leak goes on, what was still filling is full by then, and chance does not repeat."""
    steps = _steps(reading) * (_LONGER_SLIGHT if any(_is_slight(finding) for finding in found) else _LONGER)
    return Look(steps=steps, seconds=_LONG if steps < _USUAL else _SURE)


def next_look(questions: Sequence[Question], reading: Reading, found: Sequence[Finding], last: Look) -> Look | None:
    """Return how far to go on, or None when everything is decided or the budget will not allow more."""
    if reading.trouble or reading.ended or not found:
        return None
    budget = min(question.budget.cpu for question in questions)
    if last.seconds < _SURE and any(finding.outcome is Outcome.FAILED for finding in found):
        return Look(steps=_steps(reading), seconds=_SURE)
    filling = _filling(reading)
    if filling and any(finding.outcome is Outcome.FAILED for finding in found):
        steps = int(_until_full(filling, reading) * _MARGIN)
        cost = reading.cpu + reading.cpu / _steps(reading) * (steps - _steps(reading))
        return Look(steps=steps, seconds=last.seconds) if cost <= budget and steps > _steps(reading) else None
    longer = min(2.0, budget / max(reading.cpu, 1e-3))
    if all(finding.outcome is not Outcome.INCONCLUSIVE for finding in found) or longer < _WORTH:
        return None
    return Look(steps=int(_steps(reading) * longer), seconds=last.seconds)


def confirmed(question: Question, earlier: Finding, finding: Finding, reading: Reading) -> Finding:
    """Return what two children say together: FAILED only when both say so, for a growth that is alike."""
    if finding.outcome is not Outcome.FAILED:
        return finding
    filling = _filling(reading)
    if filling:
        settle = question.settle + int(_until_full(filling, reading) * _MARGIN)
        headline = (
            f"{finding.headline}; but {filling.path} ({filling.kind}) has {filling.items:,} of the {filling.bound:,} items that it may have"
        )
        act = (
            f"set settle: {settle} for {question.case}, to watch when it is full"
            if question.limit.place
            else f"take {settle:,} steps first"
        )
        return replace(finding, outcome=Outcome.INCONCLUSIVE, headline=headline, next_act=act)
    one, two = earlier.estimate, finding.estimate
    if one and two and _is_settling(one, two, _ALIKE_SLIGHT if _is_slight(finding) else _ALIKE):
        headline = f"{finding.headline}; it was {show_amount(one.value, finding.unit)} in a shorter run: it may be settling"
        return replace(finding, outcome=Outcome.INCONCLUSIVE, headline=headline)
    return finding


def _is_settling(one: Estimate, two: Estimate, alike: float) -> bool:
    """Tell whether the longer run shows clearly less than the shorter one, without being as straight as a line itself."""
    apart = two.high < one.low and two.value < alike * one.value
    return apart and two.high - two.low > _STRAIGHT * two.value


def _is_slight(finding: Finding) -> bool:
    return finding.unit.startswith("B") and finding.estimate is not None and finding.estimate.value < _SLIGHT


def _filling(reading: Reading) -> Holder | None:
    """Return the container that grows with the steps and says itself that it will stop."""
    growing = [holder for holder in reading.holders if holder.gained >= _STEPS or holder.bound]
    return next((holder for holder in growing if holder.bound > holder.items and holder.gained * 4 >= growing[0].gained), None)


def _until_full(holder: Holder, reading: Reading) -> float:
    """Return the steps, in all, after which a container is full at its pace."""
    return _steps(reading) + (holder.bound - holder.items) / holder.gained


def _steps(reading: Reading) -> int:
    return reading.series[0].counts[-1]
