"""Advice as a person reads it: what to write, where, and what it saves."""

from collections.abc import Iterator, Sequence

from gate.facts.advice import Advised, Proposal, Trial
from gate.report.text import plain
from gate.units import show_amount, show_count, show_size

_NAMED = 3  # of what one proposal is about


def text(advised: Sequence[Advised]) -> str:
    """Tell each case with its proposals, the one that saves most first."""
    return "".join(f"{plain(line)}\n" for found in advised for line in _case(found))


def _case(found: Advised) -> Iterator[str]:
    seen = found.survey
    if seen.trouble:
        first, *rest = seen.trouble.splitlines()
        yield f"{found.case}: not measured: {first}"
        yield from (f"   {line}" for line in rest)
        return
    number = show_count(len(found.proposals), "proposal") if found.proposals else "nothing to be gained"
    looked = f"{show_count(seen.agents, 'live agent')} looked at twice, {show_count(seen.steps, 'step')} apart"
    yield f"{found.case}: {number}; an agent weighs {show_size(seen.weight)}; {looked}"
    for rank, proposal in enumerate(found.proposals, 1):
        yield from _proposal(rank, proposal)
    if found.trial:
        yield _trial(found.trial)
        yield from (f"left out: {refused}; same actions: no" for refused in found.trial.refused)


def _proposal(rank: int, proposal: Proposal) -> Iterator[str]:
    saves = f"saves {show_amount(proposal.saves, proposal.unit)}"
    leaves = f", leaves {show_amount(proposal.leaves, proposal.unit)}" if proposal.unit == "B/agent" else ""
    more = len(proposal.paths) - _NAMED
    names = ", ".join(proposal.paths[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    yield f"{rank}. {proposal.act} {names}: {saves}{leaves}"
    yield f"   seen: {proposal.why}"
    yield f"   results: {proposal.exact}; cost of access: {proposal.cost}"
    yield f"   write: {proposal.code}"
    yield f"   where: {proposal.where}"


def _trial(trial: Trial) -> str:
    predicted = f"applied: predicted {show_amount(trial.predicted, 'B/agent')}"
    if trial.trouble:
        return f"{predicted}, achieved nothing; same actions: {trial.same} ({trial.trouble.splitlines()[0]})"
    return f"{predicted}, achieved {show_amount(trial.achieved, 'B/agent')}; same actions: {trial.same} ({trial.why})"
