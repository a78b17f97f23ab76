"""What can be said in a moment before a commit: style, lint and types of what changed, and what is recorded of this very tree."""

from collections.abc import Sequence

from gate import flow, reuse
from gate.acts import glance
from gate.acts.glance import Looked
from gate.facts import Finding, Outcome, Reading
from gate.facts.called import HEADS
from gate.facts.rows import Told
from gate.facts.work import Step, Tool
from gate.flow import House
from gate.judge import judge
from gate.judge import waivers as exceptions
from gate.threads import answer, side_by_side


def look(house: House, files: Sequence[str]) -> Looked:
    """Ask the tools about the files among the policy's paths; nothing is changed and nothing is recorded.

    What is recorded of the whole tree says more than a look at a few files, and is taken instead.
    """
    present = house.present(house.tree())
    flow.keep_plan(house, present)
    found = reuse.find(present, map(reuse.asked, house.steps))
    chosen = glance.among(files, house.policy.quality.paths)
    ran = [step for step in house.steps if step.check in HEADS and step.check not in found and _asked(step)] if chosen else []
    with side_by_side(len(HEADS)) as later:
        asked = [later(_look, house, glance.narrowed(step, chosen)) for step in ran]
        told: list[Told] = [row for each in asked if (row := answer(each))]
    kept = {step.check: found[step.check] for step in house.steps if step.check in found}
    for step in house.steps:
        one = kept.get(step.check)
        if one and one.finding.outcome is not Outcome.PASSED:
            told.append(Told(check=step.check, finding=_counted(house, step, one.finding, one.reading), took=one.source, step=step))
    said = {one.check for one in told}
    passed = sum(one.finding.outcome is Outcome.PASSED for one in kept.values())
    unknown = tuple(step.check for step in house.steps if step.check not in kept and step.check not in said and _asked(step))
    return Looked(told=told, known=passed, unknown=unknown)


def _asked(step: Step) -> bool:
    """Tell whether the policy asks this check."""
    return not (isinstance(step.work, Tool) and step.work.left)


def _look(house: House, step: Step) -> Told | None:
    """Run one tool and let known debts and waivers count."""
    reading = glance.ask(step, house.root)
    if reading is None:
        return None
    finding = _counted(house, step, judge(step, reading, house.mode), reading)
    return Told(check=step.check, finding=finding, took=reading.wall, step=step, reading=reading)


def _counted(house: House, step: Step, finding: Finding, reading: Reading) -> Finding:
    """Return a finding as known debts and waivers let it count today; what is mended is for the whole check to say."""
    return exceptions.count(step, finding, reading, house.waivers, day=flow.day(), strict=False).finding
