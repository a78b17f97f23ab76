"""A small repository with agents that pass, leak and weigh too much, and a few commits of history, for the gallery."""

from collections.abc import Iterator
from pathlib import Path

from tests.conftest import Repository

_CODE = '''"""Agents of a help desk: three teams, one process."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Ticket:
    """One thing that somebody asked for."""

    number: int
    text: str


@dataclass(eq=False)
class Clerk:
    """Answer one ticket a step and keep nothing of it."""

    number: int
    answered: int = 0

    def step(self) -> None:
        """Answer one ticket."""
        ticket = Ticket(self.answered, f"ticket {self.answered}")
        self.answered += len(ticket.text) > 0


@dataclass(eq=False)
class Archivist:
    """File one ticket a step{{kept}}."""

    number: int
    drawer: dict[str, list[Ticket]] = field(default_factory=dict)
    {{room}}

    def step(self) -> None:
        """File one ticket."""
        drawer = self.drawer.setdefault("open", [])
        drawer.append(Ticket(len(drawer), f"ticket {len(drawer)} of archivist {self.number}"))
        {{close}}


@dataclass(eq=False)
class Planner:
    """Plan with a model of the world, which is the same for all planners."""

    number: int
    world: np.ndarray = field(default_factory=lambda: np.eye({{size}}))
    belief: np.ndarray = field(default_factory=lambda: np.full({{size}}, 1 / {{size}}))

    def step(self) -> None:
        """Believe what the world says."""
        belief = self.world @ self.belief
        self.belief[:] = belief / belief.sum()


def clerk(index: int) -> Clerk:
    """Hire a clerk."""
    return Clerk(index)


def archivist(index: int) -> Archivist:
    """Hire an archivist."""
    return Archivist(index)


def planner(index: int) -> Planner:
    """Hire a planner."""
    return Planner(index)


def step(agent: Clerk | Archivist | Planner) -> None:
    """Let an agent work."""
    agent.step()
'''
_TESTS = '''"""Tests of the desk."""

import desk


def test_clerk_answers() -> None:
    """A step answers one ticket."""
    clerk = desk.clerk(1)
    clerk.step()
    assert clerk.answered == 1
'''
_POLICIES = {
    "memory": """version: 1
agents:
  clerk:
    build: desk:clerk
    step: desk:step
    limits:
      footprint: {max: 500 B, because: "a desk seats 10,000 clerks in 5 MB"}
      peak: {max: 2 kB, because: "one ticket at a time"}
      growth: {max: 0 B/step}
      handles: {max: 0/step}
  archivist:
    build: desk:archivist
    step: desk:step
    settle: 35
    limits:
      footprint: {max: 12 kB, because: "a room of 32 tickets, and no more"}
      growth: {max: 0 B/step, because: "an archivist works for weeks"}
      handles: {max: 0/step}
  planner:
    build: desk:planner
    step: desk:step
    limits:
      footprint: {max: 50 kB, because: "1,000 planners fit in 50 MB"}
      growth: {max: 0 B/step}
""",
    "quality": "version: 1\npaths: [desk.py, test_desk.py]\ntests: {arguments: [-q, -p, no:cacheprovider]}\n",
    "cleanup": """version: 1
kinds:
  bytecode: {class: regenerable, match: ["*.pyc"], live: true}
  build: {class: regenerable, match: [build/]}
""",
    "docs": "version: 1\n",
    "workflow": "version: 1\ntasks: tasks/tasks.json\nrecord: {paths: [docs/completed, tasks/tasks.json]}\n",
}
_HISTORY = (  # what a commit does, the side of a planner's world, whether archivists close what they have filed
    ("feat: a desk", 48, True),
    ("feat: planners see further", 56, True),
    ("feat: planners see as far as the river", 72, True),
    ("fix: open tickets stay on file", 96, False),
)


def code(*, size: int, closed: bool) -> str:
    """Return the agents at one moment of their history."""
    words = {
        "size": str(size),
        "kept": " and close the oldest" if closed else "",
        "room": "room: int = 32" if closed else "room: int = 0",
        "close": "del drawer[: -self.room]" if closed else "self.room = max(self.room, len(drawer))",
    }
    text = _CODE
    for name, word in words.items():
        text = text.replace("{{" + name + "}}", word)
    return text


def history(root: Path) -> Iterator[bool]:
    """Write and commit the history; after each commit tell whether it is the last one."""
    made = Repository(root)
    for name, text in _POLICIES.items():
        made.write(f"policies/{name}.yaml", text)
    made.write("test_desk.py", _TESTS)
    made.write(".gitignore", "__pycache__/\n*.pyc\nbuild/\n.mypy_cache/\n.ruff_cache/\n")
    made.write("README.md", "# Desk\n\nSee [the code](desk.py).\n")
    for at, (subject, size, closed) in enumerate(_HISTORY, 1):
        made.write("desk.py", code(size=size, closed=closed))
        made.commit(subject)
        yield at == len(_HISTORY)
