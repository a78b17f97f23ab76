"""From an agent case to advice: look at it alive, propose, and try it out when asked to."""

from collections.abc import Sequence
from pathlib import Path

from gate.errors import GateError
from gate.facts import Holder, Reading, Remedy
from gate.facts.advice import Advised
from gate.facts.work import Question, Step
from gate.judge.advice import propose
from gate.measure import advice, nursery
from gate.units import show_size

_TOLD = 3  # proposals under a finding


@nursery.shared()
def advise(questions: Sequence[Question], root: Path, *, applied: bool = False) -> Advised:
    """Look at the population of some questions about one case, and propose; with `applied` try what is exact on live agents.

    Growth that one of the questions allows is not advised against.
    """
    asked = questions[0]
    seen = advice.survey(asked, root)
    if seen.trouble:
        return Advised(case=asked.case, survey=seen)
    grows = max((question.limit.most for question in questions if question.name == "growth"), default=0.0)
    proposals = propose(seen, build=asked.subject.build, grows=grows)
    exact = any(proposal.applies for proposal in proposals)
    tried = advice.trial(asked, root, seen, proposals) if applied and exact else None
    return Advised(case=asked.case, survey=seen, proposals=proposals, trial=tried)


def cases(steps: Sequence[Step]) -> list[list[Question]]:
    """Group the questions of memory steps by agent case; plain functions have no agents to look at.

    Raises GateError when there is no agent among them.
    """
    groups: dict[str, list[Question]] = {}
    for step in steps:
        if isinstance(step.work, Question) and step.work.subject.form != "call":
            groups.setdefault(step.work.case, []).append(step.work)
    if not groups:
        message = "advise: a function has no live agents to look at; name a case under agents: of policies/memory.yaml"
        raise GateError(message)
    return list(groups.values())


def noted(found: Advised) -> Reading:
    """Return what was seen and proposed as a reading: what agents hold by its path, and what they weigh after each proposal."""
    seen = found.survey
    held = sorted(seen.held, key=lambda row: -row.size * row.copies)
    weighs = [proposal for proposal in found.proposals if proposal.unit == "B/agent"]
    rows = [Remedy(does="", leaves=seen.weight, tried=True)]
    rows += [Remedy(does=f"{row.act} {', '.join(row.paths)}", leaves=row.leaves, tried=False) for row in weighs]
    if found.trial and not found.trial.trouble:
        rows.append(Remedy(does="what can be applied, tried", leaves=seen.weight - found.trial.achieved, tried=True))
    return Reading(
        wall=seen.wall,
        cpu=seen.cpu,
        holders=tuple(
            Holder(path=row.path, kind=row.kind, items=round(row.copies), gained=0.0, size=row.size * row.copies, bound=0) for row in held
        ),
        remedies=tuple(rows) if len(rows) > 1 else (),
        trouble=seen.trouble,
    )


def lines(found: Advised) -> tuple[str, ...]:
    """Return the proposals that save most, as lines under a footprint that failed."""
    if found.survey.trouble:
        return (f"advice: not measured: {found.survey.trouble.splitlines()[0]}",)
    best = [proposal for proposal in found.proposals if proposal.unit == "B/agent"][:_TOLD]
    saves = [f"saves {show_size(proposal.saves)}/agent, leaves {show_size(proposal.leaves)}/agent" for proposal in best]
    return tuple(f"next: {one.act} {', '.join(one.paths)}: {much}; {one.code}" for one, much in zip(best, saves, strict=True))
