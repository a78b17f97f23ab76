"""From a question to its answer: look, judge, look again for longer, confirm in a second process, explain."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from gate.facts import Finding, Look, Outcome, Reading
from gate.facts.work import Question
from gate.judge import limits, looks
from gate.measure import agents, nursery, parts

_WATCHED = ("growth", "churn", "handles")

Answer = tuple[Reading, Finding]
Spent = Callable[[Question, float], object]  # a question, and the seconds of work that it took so far


def nobody(_question: Question, _seconds: float) -> None:
    """Stand for who does not ask how far it is."""


def watch(questions: Sequence[Question], root: Path, spent: Spent = nobody) -> list[Answer]:
    """Answer questions that one watch can answer, growth and handles of one case: with one child, and a second for what fails."""
    first, found = _settle(questions, root, looks.first(questions), spent)
    failed = [at for at, finding in enumerate(found) if finding.outcome is Outcome.FAILED]
    answers = [(first, finding) for finding in found]
    if failed:
        asked = [questions[at] for at in failed]
        look = looks.confirming(first, [found[at] for at in failed])
        second, again = _settle(asked, root, look, spent, first=first)
        for at, finding in zip(failed, again, strict=True):
            answers[at] = second, looks.confirmed(questions[at], found[at], finding, second)
    return [(reading, limits.full(question, reading, finding)) for question, (reading, finding) in zip(questions, answers, strict=True)]


@nursery.shared()
def answer(questions: Sequence[Question], root: Path, *, explained: bool | None = None, spent: Spent = nobody) -> list[Answer]:
    """Answer every question about one agent case; what fails explains itself, with `explained` everything, or with False nothing."""
    taken: dict[str, Answer] = {}
    together = {churns: [q for q in questions if q.name in _WATCHED and q.churns is churns] for churns in (False, True)}
    for watched in together.values():
        if watched:
            taken |= {
                question.name + question.limit.unit: told for question, told in zip(watched, watch(watched, root, spent), strict=True)
            }
    for question in questions:
        key = question.name + question.limit.unit
        if key not in taken:
            taken[key] = _peak(question, root) if question.name == "peak" else _weigh(question, root)
            spent(question, taken[key][0].cpu)
        reading, finding = taken[key]
        failed, decided = finding.outcome is Outcome.FAILED, finding.outcome not in {Outcome.BROKEN, Outcome.SKIPPED}
        if failed if explained is None else (explained and decided):
            sized = _sized(question, reading)
            reading = agents.explain(sized, root, reading)
            reading = parts.split(sized, root, reading) if question.name == "footprint" else reading
            taken[key] = reading, limits.explained(question, reading, finding)
            if question.name == "footprint":
                taken[key] = _advised([sized, *questions], root, *taken[key])
    return [taken[question.name + question.limit.unit] for question in questions]


def _advised(questions: Sequence[Question], root: Path, reading: Reading, finding: Finding) -> Answer:
    """Add to an explained footprint what would make agents lighter, and what looking for it took."""
    from gate import advise  # noqa: PLC0415 - who is not advised does not pay for it

    found = advise.advise(questions, root)
    more = advise.noted(found)
    wall, cpu = reading.wall + more.wall, reading.cpu + more.cpu
    spent = replace(reading, wall=wall, cpu=cpu, holders=more.holders, remedies=more.remedies)
    return spent, replace(finding, details=(*finding.details, *advise.lines(found)))


def _sized(question: Question, reading: Reading) -> Question:
    """Return a question with the population sizes that were weighed."""
    counts = next((row.counts for row in reading.series if row.over == "agents"), question.sizes)
    return replace(question, sizes=counts)


def _weigh(question: Question, root: Path) -> Answer:
    """Weigh one more live agent, each size in a fresh process of its own; what is too heavy is weighed again."""
    first = agents.footprint(question, root)
    found = limits.judge(question, first)
    if found.outcome is not Outcome.FAILED:
        return first, found
    sizes = _sized(question, first).sizes
    second = agents.footprint(replace(question, sizes=(sizes[0], sizes[-1])), root)
    both = {"wall": first.wall + second.wall, "cpu": first.cpu + second.cpu, "samples": first.samples + second.samples}
    again = limits.judge(question, second)
    if again.outcome is Outcome.FAILED:
        whole = replace(first, **both)  # type: ignore[arg-type] # mixed
        return whole, limits.judge(question, whole)
    whole = replace(second, **both)  # type: ignore[arg-type] # mixed
    return whole, limits.unlike(found, limits.judge(question, whole))


def _peak(question: Question, root: Path) -> Answer:
    """Find the most that a step needs; what exceeds its limit must do so in a second fresh process."""
    first = agents.peak(question, root)
    found = limits.judge(question, first)
    if found.outcome is not Outcome.FAILED:
        return first, found
    second = agents.peak(question, root)
    whole = replace(second, wall=first.wall + second.wall, cpu=first.cpu + second.cpu, samples=2)
    return whole, limits.judge(question, whole)


def _settle(
    questions: Sequence[Question], root: Path, look: Look, spent: Spent, *, first: Reading | None = None
) -> tuple[Reading, list[Finding]]:
    """Watch one fresh child until everything is decided or its budget is spent; a second child also says which containers grew."""
    wanted: Look | None = look
    with agents.Fresh(questions[0], root, remember=first is not None, spent=first.cpu if first else 0.0) as child:
        while wanted:
            reading = child.watch(wanted)
            for question in questions:
                spent(question, reading.cpu + (first.cpu if first else 0.0))
            if first:
                reading = replace(reading, wall=first.wall + reading.wall, cpu=first.cpu + reading.cpu, samples=2)
            found = [limits.judge(question, reading) for question in questions]
            if first and not reading.trouble and any(finding.outcome is Outcome.FAILED for finding in found):
                reading = child.holders(reading)
            wanted = looks.next_look(questions, reading, found, wanted)
        return reading, found
