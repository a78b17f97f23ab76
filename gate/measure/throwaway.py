"""A child that only explains: which native lines hold on; slow, and what it disturbs is thrown away."""

import json
import signal
import sys
import tempfile
from importlib import util
from pathlib import Path
from typing import Any

from gate.command import run
from gate.facts import Hotspot
from gate.facts.work import Question
from gate.probe import pins
from gate.units import show_time

_SHARE = 0.75  # of the seconds of work that a question may take: an explanation may step as long
_WIDE = 200  # letters of a line that a child printed
_ABSENT = "no line of Python holds it: memory of C code; pip install 'heapgate[native]' to name the native line"


def native(question: Question, root: Path, agents: int, steps: int) -> tuple[tuple[Hotspot, ...], float, str]:
    """Ask which native lines hold what was gained; memray answers, an extra of its own."""
    if not util.find_spec("memray"):
        return (), 0.0, _ABSENT
    rows, wall, trouble = _ask("gate.measure.native", question, root, agents, steps)
    found = tuple(
        Hotspot(path=path.removeprefix(f"{root}/"), line=line, text=f"in {function} (native)", size=size, count=count)
        for function, path, line, size, count in rows
    )
    return found, wall, trouble or ("" if found else "no line of Python or C holds it: it may be garbage that nobody collects")


def seconds(question: Question) -> float:
    """Return how long the steps of one explanation may go on."""
    return question.budget.cpu * _SHARE


def tail(text: str, lines: int) -> list[str]:
    """Return the last lines of what a child printed, none of them very long."""
    return [line[:_WIDE] for line in text[-(_WIDE * _WIDE) :].strip().splitlines()[-lines:]]


def ended(code: int) -> str:
    """Word how a process ended."""
    if code >= 0:
        return f"exited with {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {-code}"


def _ask(module: str, question: Question, root: Path, agents: int, steps: int) -> tuple[list[Any], float, str]:
    """Run one module on the user's code; return its rows, the seconds it took and, when it could not tell, why."""
    subject, budget = question.subject, question.budget
    wanted = {
        "memory": budget.memory,
        "seconds": seconds(question),
        "root": str(root),
        "build": subject.build,
        "step": subject.step,
        "form": subject.form,
        "given": subject.given,
        "agents": agents,
        "settle": question.settle,
        "steps": steps,
        "churn": question.churns,
    }
    name = module.rpartition(".")[2]
    with tempfile.TemporaryDirectory(prefix="gate-", ignore_cleanup_errors=True) as scratch:
        words = [sys.executable, "-P", "-m", module, json.dumps({**wanted, "scratch": scratch})]
        try:
            ran = run(words, cwd=root, seconds=budget.seconds, output=budget.output, env={pins.MARK: scratch})
        finally:
            pins.end_marked(scratch)
    if ran.stopped or ran.code:
        late = f"took longer than {show_time(budget.seconds)}"
        over = {"time": late, "output": "printed too much", "crowd": "started too many processes"}
        why = over.get(ran.stopped) or ": ".join([ended(ran.code), *tail(ran.err, 1)])
        return [], ran.wall, f"not measured: the {name} child {why}"
    try:
        rows: list[Any] = json.loads(ran.out.splitlines()[-1])
    except (ValueError, IndexError):
        return [], ran.wall, f"not measured: the {name} child ended before it answered"
    return rows, ran.wall, ""
