"""What was just found of a few checks, as the verdict that reports are written from."""

from collections.abc import Sequence
from dataclasses import replace

from gate import flow
from gate.facts.rows import Row, Told, Verdict
from gate.judge import verdict as verdicts
from gate.record import bundle


def verdict(house: flow.House, told: Sequence[Told], *, recorded: bool) -> Verdict:
    """Judge the checks that were asked for alone; what is not `recorded` is judged as if it were."""
    names = [one.check for one in told]
    now = replace(flow.today(house), tree=house.tree())
    if recorded:
        rows = [row for row in flow.summarise(house, now.tree)[0].rows if row.step.check in names]
    else:
        rows = [_row(one, now) for one in told if one.step]
    whole = flow.summarise(replace(house, steps=()), now.tree)[0]
    judged = verdicts.verdict(rows, now=now, commit=whole.commit, branch=whole.branch)
    return replace(judged, idle=())  # a waiver that these checks do not need may be another's


def _row(one: Told, now: verdicts.Now) -> Row:
    """Place a check by the evidence that was taken just now."""
    assert one.step  # noqa: S101 - the caller has looked
    return verdicts.row(one.step, one.evidence, "", now=now, digest=bundle.digest(one.evidence) if one.evidence else "")
