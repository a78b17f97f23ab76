"""Gather facts and decide nothing: what tools, tests, documents and live agents say of this tree."""

from pathlib import Path

from gate.facts import Reading
from gate.measure import agents, documents, tools
from gate.work import Documents, Question, Step, Tool

__all__ = ["explain", "measure"]


def measure(step: Step, root: Path) -> Reading:
    """Take the reading that a step asks for."""
    match step.work:
        case Tool():
            return tools.measure(step.work, root)
        case Documents():
            return documents.measure(step.work, root)
        case Question():
            return agents.measure(step.work, root)
        case _:
            message = f"{step.check} is not measured"
            raise TypeError(message)


def explain(step: Step, root: Path, reading: Reading) -> Reading:
    """Add to the reading of a memory question which lines and types hold the memory."""
    return agents.explain(step.work, root, reading) if isinstance(step.work, Question) else reading
