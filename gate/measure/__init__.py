"""Gather facts and decide nothing; the way in for programs that ask one question about one callable."""

from collections.abc import Callable
from pathlib import Path

from gate.facts import Finding, Reading
from gate.facts.work import Documents, Duplicates, Step, Tool

__all__ = ["churn", "footprint", "growth", "handles", "measure", "peak"]

Code = str | Callable[..., object]  # "module:callable", "path/to/file.py:callable", or a function that a fresh process can import


# These five lead to the same inquiry as the command and the policies.


def growth(step: Code, *, setup: Code = "", limit: str = "0 B/call", seconds: float = 15.0, root: Path | None = None) -> Finding:
    """Decide whether calling `step` again and again keeps bytes, in fresh processes.

    `step` gets what `setup` returns, or nothing. `limit` is in bytes per call with its unit; `seconds` of work are spent at the most.
    `finding.estimate` is the slope in bytes per call with its interval. `root` (default: here) is on the path of the fresh process.
    Raises GateError for a limit that cannot be read and for a function that no other process can import.
    """
    return _ask("growth", step, setup, limit, seconds, root)


def handles(step: Code, *, setup: Code = "", limit: str = "0/call", seconds: float = 15.0, root: Path | None = None) -> Finding:
    """Decide whether calling `step` leaves descriptors, threads, processes or shared memory open; as `growth`, in handles per call."""
    return _ask("handles", step, setup, limit, seconds, root)


def churn(step: Code, *, setup: Code, limit: str = "0 B/cycle", seconds: float = 15.0, root: Path | None = None) -> Finding:
    """Decide whether an agent that `setup` builds, `step` uses once and nobody keeps leaves bytes; as `growth`, in bytes per cycle."""
    return _ask("churn", step, setup, limit, seconds, root)


def footprint(step: Code, *, setup: Code, limit: str = "", seconds: float = 15.0, root: Path | None = None) -> Finding:
    """Weigh one more live result of `setup`; as `growth`, in bytes per agent, and without a limit it only tells."""
    return _ask("footprint", step, setup, limit, seconds, root)


def peak(step: Code, *, setup: Code = "", limit: str = "", seconds: float = 15.0, root: Path | None = None) -> Finding:
    """Find the most bytes above rest that one call needs; as `growth`, in bytes, and without a limit it only tells."""
    return _ask("peak", step, setup, limit, seconds, root)


def measure(step: Step, root: Path) -> Reading:
    """Take the reading of a tool or of documents; agents are asked by the inquiry, which looks more than once."""
    match step.work:
        case Tool():
            from gate.measure import scopes, tools  # noqa: PLC0415 - who measures agents does not pay for parsers

            return scopes.place(tools.measure(step.work, root), step.debts, root)
        case Documents():
            from gate.measure import documents, scopes  # noqa: PLC0415 - as above

            return scopes.place(documents.measure(step.work, root), step.debts, root)
        case Duplicates():
            from gate.measure import duplicates  # noqa: PLC0415 - as above

            return duplicates.measure(step.work, root)
        case _:
            message = f"{step.check} is not measured here"
            raise TypeError(message)


def _ask(name: str, step: Code, setup: Code, limit: str, seconds: float, root: Path | None) -> Finding:
    """Go through the one door that asks about a callable."""
    from gate.acts import single  # noqa: PLC0415 - it stands above this room; only a program that asks by itself comes this way

    drawn = single.questions(single.named(step), [name], setup=single.named(setup), limits={name: limit}, seconds=seconds)
    ((_, _, finding),) = single.answer(drawn, root or Path.cwd())
    return finding
