"""A tasks.yaml for who has no Task Master: the same keys, read as strictly as a policy, changed one value at a time."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from gate.errors import TaskError
from gate.policy.patch import KeyPath, Written, set_values
from gate.policy.reader import Located, read
from gate.record.jsonspan import listed, shown
from gate.record.taskfile import TaskFile
from gate.record.tasks import Change, Task, Tasks

_BOM = b"\xef\xbb\xbf"


def open_store(path: Path) -> TaskFile:
    """Return the store of a tasks.yaml."""
    return TaskFile(path, lambda raw: Page(raw, str(path)))


class Page:
    """One reading of a tasks.yaml: a list of tasks under `tasks:`."""

    def __init__(self, raw: bytes, place: str) -> None:
        """Read the file; raise TaskError, with the line, for what is no list of tasks."""
        self._place = place
        self._raw = raw
        self._located = read(raw)
        for line, path, what in self._located.mistakes[:1]:
            more = len(self._located.mistakes) - 1
            self._refuse(path, f"{what}{f' ({more} more mistakes below)' if more else ''}", line)
        self._paths: dict[str, KeyPath] = {}
        self._members: dict[str, Mapping[str, object]] = {}
        top = self._mapping(self._located.value, ())
        for at, task in enumerate(self._list(top, "tasks", ())):
            parent = self._enter(task, ("tasks", at), "")
            for child_at, child in enumerate(self._list(self._members[parent], "subtasks", ("tasks", at))):
                self._enter(child, ("tasks", at, "subtasks", child_at), f"{parent}.")
        self.tasks = Tasks(place, "", {key: self._task(key) for key in self._paths})

    def changed(self, changes: Sequence[Change]) -> bytes:
        """Return the file with status, time and reference of some tasks changed, and no other byte."""
        text = self._raw.decode("utf-8-sig")
        for change in changes:
            path, members = self._paths[change.id], self._members[change.id]
            values: dict[str, Written] = {"status": change.status, "updatedAt": change.at}
            if change.gate is not None and "metadata" not in members:
                values["metadata"] = {"gate": change.gate}
            text = set_values(text, path, values, behind="id")
            if change.gate is not None and "metadata" in members:
                text = set_values(text, (*path, "metadata"), {"gate": change.gate}, behind="")
        return (_BOM if self._raw.startswith(_BOM) else b"") + text.encode()

    def _enter(self, found: object, path: KeyPath, parent: str) -> str:
        """Add one task to the index; return its full id."""
        members = self._mapping(found, path)
        own = members.get("id")
        if not isinstance(own, int | str) or isinstance(own, bool):
            self._refuse((*path, "id"), f"the id is {shown(own)}, wanted a whole number, or text in quotes; write for example id: 7")
        full = parent + str(own).removeprefix(parent)
        if full in self._paths:
            self._refuse((*path, "id"), f"the id {shown(full)} is there twice; give one of the two another id")
        self._paths[full] = path
        self._members[full] = members
        return full

    def _task(self, task_id: str) -> Task:
        """Take what the gate knows of a task out of it."""
        members, path = self._members[task_id], self._paths[task_id]
        metadata = members.get("metadata")
        if metadata is not None and not (isinstance(metadata, Mapping) and metadata):
            self._refuse((*path, "metadata"), "metadata is no mapping with keys; write keys below it, or delete it")
        gate = metadata.get("gate") if isinstance(metadata, Mapping) else None
        return Task(
            id=task_id,
            title=self._text(task_id, "title"),
            status=self._text(task_id, "status"),
            updated=self._text(task_id, "updatedAt"),
            details=self._text(task_id, "details"),
            dependencies=tuple(self._dependencies(task_id)),
            gate={str(key): str(value) for key, value in gate.items()} if isinstance(gate, Mapping) else {},
        )

    def _dependencies(self, task_id: str) -> Iterator[str]:
        """Name what the task waits for by full id; in a subtask a bare number means a sibling."""
        parent, dot, _ = task_id.rpartition(".")
        path = self._paths[task_id]
        for at, found in enumerate(self._list(self._members[task_id], "dependencies", path)):
            if not isinstance(found, int | str) or isinstance(found, bool):
                self._refuse((*path, "dependencies", at), f"{shown(found)} is no id; write 3, or in quotes '20.2'")
            sibling = f"{parent}{dot}{found}"
            yield sibling if sibling in self._paths else str(found)

    def _text(self, task_id: str, key: str) -> str:
        """Return a text of a task, "" when it has none."""
        found = self._members[task_id].get(key)
        if found is not None and not isinstance(found, str):
            self._refuse((*self._paths[task_id], key), f"{key} is {shown(found)}, wanted a text; write it in quotes")
        return found or ""

    def _mapping(self, found: object, path: KeyPath) -> Mapping[str, object]:
        """Take a value for a mapping."""
        if not isinstance(found, Mapping):
            self._refuse(path, f"found {shown(found)}, wanted keys and values; write for example id: 7 and title: ... below each other")
        return found

    def _list(self, members: Mapping[str, object], key: str, path: KeyPath) -> Sequence[object]:
        """Take a member for a list; none and null are an empty one."""
        found = members.get(key)
        if found is None and (path or key in members):
            return ()
        if not isinstance(found, tuple):
            keys = "" if path else f"; the keys there are {listed(members)}"
            self._refuse((*path, key), f"{key} is no list; write each one behind a dash{keys}")
        return found

    def _refuse(self, path: KeyPath, what: str, line: int = 0) -> NoReturn:
        """Raise TaskError for a place in the file."""
        message = f"{self._place}:{line or _line(self._located, path)}: {what}"
        raise TaskError(message)


def _line(located: Located, path: KeyPath) -> int:
    return located.line(path)
