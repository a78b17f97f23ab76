"""Which checks decide whether a task is done: those that its own text or the policy names for it, or else all."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from gate.errors import TaskError
from gate.policy import Policy
from gate.policy.reader import read
from gate.record.jsonspan import shown
from gate.record.tasks import Task, Tasks

# `gate:` at the beginning of a line with a flow mapping, or with nothing; then every line that is indented more.
_BLOCK = re.compile(r"^(?P<indent>[ \t]*)gate:[ \t]*(?:\{[^\n]*)?(?:\n(?P=indent)[ \t]+\S[^\n]*)*$", re.MULTILINE)


def asked(policy: Policy, tasks: Tasks, task: Task, known: Sequence[str]) -> tuple[str, ...]:
    """Return the checks and patterns of checks that decide about a task, () when all do.

    What the policy names and what the task's text names are asked together, and then the floor of the policy is, too.
    Raises TaskError when one of them names no check that is known, with the nearest.
    """
    place = f"{tasks.place}: task {task.id}"
    named = dict.fromkeys(_of_text(place, task.details), f"{place}: its details")
    if task.id in policy.workflow.gate:
        where = policy.places.get(f"workflow.gate.{task.id}.checks", "policies/workflow.yaml")
        named |= dict.fromkeys(policy.workflow.gate[task.id].checks, where)
    if named:
        floor = {
            pattern: policy.places.get(f"workflow.floor.{at}", "policies/workflow.yaml") for at, pattern in enumerate(policy.workflow.floor)
        }
        named = {**floor, **named}
    for pattern, where in named.items():
        if not any(fnmatchcase(check, pattern) for check in known):
            near = get_close_matches(pattern, known, n=1, cutoff=0)
            advice = f"; did you mean {near[0]}?" if near else ""
            message = f"{where}: no check is named {shown(pattern)}{advice}"
            raise TaskError(message)
    return tuple(named)


def _of_text(place: str, details: str) -> Iterator[str]:
    """Yield what `gate: {checks: [...]}` in a task's text names."""
    blocks = list(_BLOCK.finditer(details))
    if len(blocks) > 1:
        message = f"{place}: its details say gate: {len(blocks)} times; keep one"
        raise TaskError(message)
    for block in blocks:
        line = details.count("\n", 0, block.start()) + 1
        located = read(textwrap.dedent(block[0]).encode("utf-8", "replace"))
        for at, _, what in located.mistakes[:1]:
            message = f"{place}: line {line + at - 1} of its details: {what}"
            raise TaskError(message)
        said = located.value["gate"] if isinstance(located.value, Mapping) else None
        checks = said.get("checks") if isinstance(said, Mapping) and set(said) == {"checks"} else None
        if not isinstance(checks, tuple) or not checks or not all(isinstance(check, str) and check for check in checks):
            message = (
                f"{place}: line {line} of its details: no list of checks; write for example gate: {{checks: [tests, memory/belief/*]}}"
            )
            raise TaskError(message)
        yield from checks
