"""One callable and no policy: the same questions, the same verdicts, asked from a command line or a test."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from math import inf
from pathlib import Path

from gate import inquiry, units
from gate.errors import GateError
from gate.facts import Finding, Reading
from gate.facts.work import Budget, Limit, Phase, Question, Step, Subject
from gate.probe import pins

SECONDS = 15.0  # of work that one callable may take by default
_FEWEST = 48  # steps that are watched at the least
_WAITING = 6  # seconds of waiting for each second of work
_STARTING = 30  # seconds that importing may take
_MEMORY = 16 * 10**9
_OUTPUT = 16 * 10**6
_UNITS = {"growth": "B/call", "handles": "/call", "churn": "B/cycle", "footprint": "B/agent", "peak": "B/call"}
_RESOLUTION = {"growth": 1.0, "handles": 0.01, "churn": 8.0}
_NEEDS_SETUP = ("churn", "footprint")


def asked(which: str, *, setup: str) -> tuple[str, ...]:
    """Return the questions that a word stands for: "all" is everything that has an answer without a limit.

    Raises GateError when a question is about agents and nothing says how to build one.
    """
    if which == "all":
        return ("growth", "handles", "churn", "footprint", "peak") if setup else ("growth", "handles", "peak")
    if which in _NEEDS_SETUP and not setup:
        message = f"measure --question {which}: it builds agents, and nothing says how; add --setup TARGET:SETUP"
        raise GateError(message)
    return ("growth", "handles") if which == "default" else (which,)


def questions(
    target: str, names: Sequence[str], *, setup: str = "", limits: dict[str, str] | None = None, seconds: float = SECONDS, steps: int = 0
) -> list[Question]:
    """Draw up questions about `target` (module:callable or path.py:callable), called with what `setup` returns.

    `limits` are written with their units: {"growth": "8 B/call"}; a growth without a limit may be 0, a footprint or a peak anything.
    Raises GateError for a limit that cannot be read.
    """
    subject = Subject(step=target, build=setup, form="call")
    budget = Budget(seconds=seconds * _WAITING + _STARTING, cpu=seconds, memory=_MEMORY, output=_OUTPUT)
    drawn = []
    for name in names:
        unit = _UNITS[name]
        limit = Limit(most=_most(name, unit, (limits or {}).get(name, "")), resolution=_RESOLUTION.get(name, 0.0), unit=unit)
        drawn.append(
            Question(
                case=target,
                name=name,
                subject=subject,
                limit=limit,
                budget=budget,
                sizes=(),
                settle=0,
                population=1,
                steps=max(_FEWEST, steps),
            )
        )
    return drawn


def named(code: str | Callable[..., object]) -> str:
    """Return how a fresh process finds a function: by its module, or by its file when it is a script's.

    >>> named("a:b"), named(json.dumps)
    ('a:b', 'json:dumps')

    Raises GateError for a lambda, a function within a function and whatever else has no name of its own.
    """
    if isinstance(code, str):
        return code
    name, module = getattr(code, "__qualname__", ""), getattr(code, "__module__", "")
    if not name or "<" in name or not module:
        message = f"{code!r} cannot be imported by a fresh process; define it with def or class at the top of a module, or name it as text"
        raise GateError(message)
    if module == "__main__":
        module = str(sys.modules["__main__"].__dict__.get("__file__", ""))
        if not module:
            message = f"{name} lives in no file; write it into one, and name it as path/to/file.py:{name}"
            raise GateError(message)
    return f"{module}:{name}"


def answer(drawn: Sequence[Question], root: Path, *, explained: bool | None = None) -> list[tuple[Step, Reading, Finding]]:
    """Ask in fresh children with `root` on the path; return each question as a step, with what was read and found.

    Raises GateError inside of a measured child: a script that asks about itself would ask again in each of its children.
    """
    if pins.MARK in os.environ:
        message = 'a measured child asks to measure; put what asks under if __name__ == "__main__":'
        raise GateError(message)
    told = inquiry.answer(drawn, root, explained=explained)
    steps = [
        Step(check=question.name, phase=Phase.QUALITY, does=f"ask about {question.case}", command="gate measure", work=question)
        for question in drawn
    ]
    return [(step, reading, finding) for step, (reading, finding) in zip(steps, told, strict=True)]


def as_json(told: Sequence[tuple[Step, Reading, Finding]]) -> str:
    """Return everything that was asked, read and found as one JSON object."""
    answers = [
        {"question": step.check, **asdict(finding), "reading": asdict(reading), "asked": asdict(step.work)}
        for step, reading, finding in told
    ]
    for row in answers:
        limit = row["asked"]["limit"]
        limit["most"] = None if limit["most"] == inf else limit["most"]
    return json.dumps({"version": 1, "answers": answers}, indent=1) + "\n"


def _most(name: str, unit: str, text: str) -> float:
    """Read a limit in its unit.

    >>> _most("growth", "B/call", "8 B/call"), _most("footprint", "B/agent", "")
    (8.0, inf)
    """
    if not text:
        return 0.0 if name in _RESOLUTION else inf
    head, _, per = unit.partition("/")
    try:
        if name in {"footprint", "peak"}:
            return units.size(text)
        return units.rate(text, per) if head else units.count_rate(text, per)
    except ValueError as error:
        message = f"limit of {name}: {error}"
        raise GateError(message) from error
