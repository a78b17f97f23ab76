"""Gather facts and decide nothing: what tools, tests, documents and live agents say of this tree."""

from pathlib import Path

from gate.facts import Reading
from gate.work import Documents, Step, Tool

__all__ = ["measure"]


def measure(step: Step, root: Path) -> Reading:
    """Take the reading of a tool or of documents; agents are asked by the inquiry, which looks more than once."""
    match step.work:
        case Tool():
            from gate.measure import tools  # noqa: PLC0415 - who measures agents does not pay for parsers

            return tools.measure(step.work, root)
        case Documents():
            from gate.measure import documents  # noqa: PLC0415 - as above

            return documents.measure(step.work, root)
        case _:
            message = f"{step.check} is not measured here"
            raise TypeError(message)
