"""Surveys and trials of live populations, each in a fresh child that is thrown away."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from gate.facts import Holder
from gate.facts.advice import Held, Proposal, Slottable, Survey, Trial
from gate.facts.work import Question
from gate.measure.agents import Answer, Fresh

_FEWEST, _USUAL, _MOST = 2, 4, 8  # live agents: one alone shares nothing
_SECONDS = 2.0  # of stepping between the two looks, at the most
_SHARE = 0.2  # of the work that a question may take


def survey(question: Question, root: Path) -> Survey:
    """Look at a live population twice, as many steps apart as the case watches, or as two seconds allow."""
    size, seconds = _size(question), min(_SECONDS, question.budget.cpu * _SHARE)
    with _child(question, root) as child:
        told, trouble = child.ask("survey", size=size, settle=question.settle, steps=question.steps, seconds=seconds, slots={})
        took = child.reading(told, trouble)
    seen = Survey(agents=size, steps=0, weight=0.0, trouble=trouble) if trouble else _survey(told)
    return replace(seen, wall=took.wall, cpu=took.cpu)


def trial(question: Question, root: Path, seen: Survey, proposals: Sequence[Proposal]) -> Trial:
    """Carry out what is exact on a population, leave another one as it is, and compare what they weigh and do in as many steps again.

    Where agents then do something else, each bold proposal is tried alone, and those that make them do so are left out.
    """
    applied = [proposal for proposal in proposals if proposal.applies]
    plain, trouble = _tried(question, root, seen, applied, as_is=True)
    if not plain:
        return Trial(predicted=sum(one.saves for one in applied), achieved=0.0, same="not known", why=trouble, trouble=trouble)
    found = _beside(plain, question, root, seen, applied)
    alone = [(one, _beside(plain, question, root, seen, [one])) for one in applied if one.bold] if found.same == "no" else []
    wrong = [(one, told) for one, told in alone if told.same == "no"]
    if not wrong:
        return found
    left = [one for one in applied if one not in [other for other, _ in wrong]]
    nothing = Trial(predicted=0.0, achieved=0.0, same="yes", why="nothing is left of it")
    told = _beside(plain, question, root, seen, left) if left else nothing
    return replace(told, refused=tuple(f"{one.act} {', '.join(one.paths)}: {bad.why.splitlines()[0]}" for one, bad in wrong))


def _beside(plain: Answer, question: Question, root: Path, seen: Survey, applied: Sequence[Proposal]) -> Trial:
    """Carry out some proposals, and compare with the population that stayed as it is."""
    predicted = sum(proposal.saves for proposal in applied)
    lighter, trouble = _tried(question, root, seen, applied)
    if not lighter:
        return Trial(predicted=predicted, achieved=0.0, same="no", why=trouble, trouble=trouble)
    same, why = _compared(plain, lighter, lambda: _tried(question, root, seen, applied, as_is=True)[0], seen)
    return Trial(predicted=predicted, achieved=plain["weight"] - lighter["weight"] + lighter["saved"], same=same, why=why)


def _compared(plain: Answer, lighter: Answer, once_more: Callable[[], Answer], seen: Survey) -> tuple[str, str]:
    """Say whether lighter agents do the same as they do as they are; if not, whether these do the same each time."""
    what = {"returned": "what steps returned", "state": "what agents are after them"}
    differ = [word for name, word in what.items() if plain[name] != lighter[name]]
    if not differ:
        return "yes", f"{' and '.join(what.values())} in {seen.steps:,} steps of {seen.agents:,} agents"
    again = once_more()
    if any(again.get(name) != plain[name] for name in what):
        return "not known", "the agents differ from run to run as they are; let them follow from their index alone"
    return "no", f"{' and '.join(differ)} differ"


def _tried(question: Question, root: Path, seen: Survey, applied: Sequence[Proposal], *, as_is: bool = False) -> tuple[Answer, str]:
    """Survey a population again, just as long, with some proposals carried out unless it is to stay as it is, and step on."""
    names = {path for proposal in applied for path in proposal.paths}
    slots = {row.name: row.slots for row in seen.classes if row.name in names}
    how = {"size": seen.agents, "settle": question.settle, "steps": seen.steps, "seconds": question.budget.seconds}
    with _child(question, root) as child:
        surveyed, trouble = child.ask("survey", **how, slots=slots, slotted=bool(slots) and not as_is)
        if trouble:
            return {}, trouble
        told, trouble = child.ask("trial", how={} if as_is else _how(seen, applied), steps=seen.steps)
    return ({}, trouble) if trouble else (told | {"weight": surveyed["weight"]}, "")


def _how(seen: Survey, applied: Sequence[Proposal]) -> dict[str, list[str]]:
    """Return the ways to what is held by what is done to it: see gate/probe/trial.py."""
    narrow, how = {row.path: row.narrow for row in seen.held}, dict[str, list[str]]()
    for proposal in applied:
        for path in proposal.paths if proposal.act != "slots" else ():
            how.setdefault(narrow[path] if proposal.act == "narrow" else proposal.act, []).append(path)
    return how


def _child(question: Question, root: Path) -> Fresh:
    return Fresh(question, root, most=_size(question) + 1)


def _size(question: Question) -> int:
    """Return how many agents are looked at."""
    return min(_MOST, max(_FEWEST, question.sizes[0] if question.sizes else _USUAL))


def _survey(told: Answer) -> Survey:
    """Take over what a child saw."""
    return Survey(
        agents=told["agents"],
        steps=told["steps"],
        weight=told["weight"],
        held=tuple(Held(**row) for row in told["held"]),
        classes=tuple(Slottable(**row | {"slots": tuple(row["slots"])}) for row in told["classes"]),
        histories=tuple(Holder(**row) for row in told["histories"]),
    )
