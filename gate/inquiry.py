"""From a question to its answer: look, judge, look again for longer, confirm in a second process, explain."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gate.facts import Finding, Look, Outcome, Reading
from gate.judge import limits, looks
from gate.measure import agents
from gate.work import Question

Answer = tuple[Reading, Finding]


def watch(questions: Sequence[Question], root: Path) -> list[Answer]:
    """Answer questions that one watch can answer, growth and handles of one case, with one child, and a second for what fails."""
    first, found = _settle(questions, root, looks.first(questions))
    failed = [question for question, finding in zip(questions, found, strict=True) if finding.outcome is Outcome.FAILED]
    if not failed:
        return [(first, finding) for finding in found]
    second, again = _settle(failed, root, looks.confirming(failed, first), spent=first.cpu, remember=True)
    whole = replace(second, wall=first.wall + second.wall, cpu=first.cpu + second.cpu, samples=2)
    confirmed = {
        question.name: (whole, looks.confirmed(question, earlier, limits.judge(question, whole), whole))
        for question, earlier, _ in zip(failed, [f for f in found if f.outcome is Outcome.FAILED], again, strict=True)
    }
    return [confirmed.get(question.name, (first, finding)) for question, finding in zip(questions, found, strict=True)]


def _settle(
    questions: Sequence[Question], root: Path, look: Look, *, spent: float = 0.0, remember: bool = False
) -> tuple[Reading, list[Finding]]:
    """Watch one fresh child until everything is decided or its budget is spent."""
    wanted: Look | None = look
    with agents.Fresh(questions[0], root, remember=remember) as child:
        while wanted:
            reading = child.watch(wanted)
            found = [limits.judge(question, reading) for question in questions] if reading.series else []
            if remember and not reading.trouble and not reading.ended:
                reading = child.holders(reading)
            wanted = looks.next_look(questions, reading, found, wanted, spent)
        return reading, found
