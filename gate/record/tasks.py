"""What a task is, when it may be done, and what every kind of task store can do."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn, Protocol

from gate.errors import TaskError
from gate.facts import Fault
from gate.record.jsonspan import listed, shown

STATUSES = ("pending", "in-progress", "done", "review", "deferred", "cancelled", "blocked")  # Task Master's vocabulary
CLOSED = frozenset({"done", "cancelled", "completed"})  # Task Master reads `completed` as done, and writes it no more
_ID = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What a store says of one task."""

    id: str  # "20", or "20.2" for subtask 2 of task 20
    title: str  # untrusted prose
    status: str  # as the store has it; "" when it has none
    updated: str = ""  # ISO 8601, UTC, milliseconds; "" when the store does not say
    details: str = ""  # untrusted prose
    dependencies: tuple[str, ...] = ()  # ids, those included that no task has
    gate: Mapping[str, str] = field(default_factory=dict)  # our reference to evidence: tree, summary, evidence

    @property
    def closed(self) -> bool:
        """Tell whether nothing is left to do."""
        return self.status in CLOSED


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What is to become of one task."""

    id: str
    status: str
    at: str  # ISO 8601, UTC, milliseconds, as Task Master writes it
    gate: Mapping[str, str] | None = None  # the reference to evidence; None leaves what is there


class Store(Protocol):
    """A place where tasks are kept. To add a kind, write these three and name it in gate.tasking.STORES."""

    def tasks(self) -> "Tasks":
        """Read every task of the list in use; raise TaskError, with the place, when that is not possible."""

    def change(self, changes: Sequence[Change]) -> Callable[[], None]:
        """Make all changes or none, and no other one; return what takes them back.

        Raises TaskError when the rules of `Tasks.assert_may` forbid it at the moment of writing, or when writing fails.
        """

    def faults(self) -> Iterator[Fault]:
        """Name what is amiss around the store: left locks, a broken state, copies that say something else."""


class Tasks:
    """Every task of one list by its full id, in order."""

    def __init__(self, place: Path | str, tag: str, every: Mapping[str, Task]) -> None:
        """Keep the tasks with the place and the name of their list, for messages."""
        self.place = place
        self.tag = tag  # "" where a store has one list only
        self.every = every

    def find(self, task_id: str) -> Task:
        """Return one task; raise TaskError when there is none, or when this is no id."""
        if not _ID.fullmatch(task_id):
            self._refuse(f"{shown(task_id)} is no task id; write 20, or 20.2 for subtask 2 of task 20")
        if task_id not in self.every:
            near = listed(get_close_matches(task_id, self.every, cutoff=0))
            where = f"tag {shown(self.tag)}" if self.tag else "the list"
            self._refuse(f"{where} has no task {task_id}; near it: {near}; write the id of a task that is there")
        return self.every[task_id]

    def open_children(self, task_id: str) -> tuple[str, ...]:
        """Return the ids of the subtasks that are not closed."""
        return tuple(key for key, task in self.every.items() if key.startswith(f"{task_id}.") and not task.closed)

    def open_dependencies(self, task_id: str) -> tuple[str, ...]:
        """Return the ids that the task waits for; one that no task has is open for ever."""
        return tuple(key for key in self.every[task_id].dependencies if key not in self.every or not self.every[key].closed)

    def assert_may(self, changes: Sequence[Change]) -> None:
        """Raise TaskError unless all changes together leave no done task with open subtasks or dependencies."""
        closing = {change.id for change in changes if change.status in CLOSED}
        for change in changes:
            if change.status not in STATUSES:
                self._refuse(f"{shown(change.status)} is no status; write one of {', '.join(STATUSES)}")
            self.find(change.id)
            for what, found in (("subtasks", self.open_children(change.id)), ("dependencies", self.open_dependencies(change.id))):
                left = [key for key in found if key not in closing]
                if left and change.status == "done":
                    self._refuse(f"task {change.id} cannot be done: its {what} {listed(left)} are open; finish or cancel them first")

    def _refuse(self, what: str) -> NoReturn:
        message = f"{self.place}: {what}"
        raise TaskError(message)
