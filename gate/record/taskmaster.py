"""The tasks.json of Task Master: its tags, ids and words read as its client reads them, and patched byte by byte."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from gate.facts import Fault
from gate.record import generated
from gate.record.jsonspan import Document, Edit, Node, beside, indented, listed, replaced, shown
from gate.record.taskfile import TaskFile
from gate.record.tasks import Change, Task, Tasks

_FLAT = "master"  # the tag that Task Master gives to a file without tags
_TAG = "TASKMASTER_TAG"  # goes before what state.json says, as in the client


def open_store(path: Path) -> TaskFile:
    """Return the store of a tasks.json; the tag in use is looked up anew at each reading."""
    return TaskFile(path, lambda raw: Page(raw, str(path), current_tag(path)), partial(_faults, path))


def current_tag(path: Path) -> str:
    """Return the tag that Task Master works on, or "" when it does not say.

    Raises TaskError when state.json is broken: the tag is not guessed.
    """
    told = os.environ.get(_TAG, "")
    if told:
        return told
    state = _state(path)
    try:
        said = Document(state.read_bytes(), str(state)).root.value
    except FileNotFoundError:
        return ""
    return (_text(said.get("currentTag")) or _text(said.get("activeTag"))) if isinstance(said, dict) else ""


class Page(Document):
    """One reading of a tasks.json: the tasks and subtasks of one tag by full id."""

    def __init__(self, raw: bytes, place: str, tag: str) -> None:
        """Read the file; refuse what is no Task Master file. Without a tag it is `master`, or the only one there is."""
        super().__init__(raw, place)
        tags = self._tags()
        tag = tag or (_FLAT if _FLAT in tags or len(tags) != 1 else next(iter(tags)))
        if tag not in tags:
            self.refuse(f"no tag {shown(tag)} with tasks, only {listed(tags)}; choose one: task-master tags use NAME")
        self._index: dict[str, Node] = {}
        for task in self.items(tags[tag]):
            parent = self._enter(task, "")
            for child in self.items(self.members(task).get("subtasks")):
                self._enter(child, f"{parent}.")
        self.tasks = Tasks(place, tag, {key: self._task(key, node) for key, node in self._index.items()})

    def changed(self, changes: Sequence[Change]) -> bytes:
        """Return the file with status, time and reference of some tasks changed, and no other byte."""
        return self.edited([edit for change in changes for edit in self._edits(self._index[change.id], change)])

    def _tags(self) -> dict[str, Node]:
        """Return the list of tasks of each tag; a file of the old kind, without tags, has one."""
        root = self.members(self.root)
        flat = {_FLAT: root["tasks"]} if "tasks" in root and isinstance(root["tasks"].value, list) else {}
        return flat | {name: tag.value["tasks"] for name, tag in root.items() if isinstance(tag.value, dict) and "tasks" in tag.value}

    def _enter(self, node: Node, parent: str) -> str:
        """Add one task to the index; return its full id."""
        members = self.members(node)
        own = _plain(members.get("id"))
        if not own:
            self.refuse('a task without an id; give it one, such as "id": 7', node)
        full = parent + own.removeprefix(parent)  # some writers give a subtask its full id
        if full in self._index:
            self.refuse(f"the id {shown(full)} is there twice; give one of the two another id", members["id"])
        self._index[full] = node
        return full

    def _task(self, task_id: str, node: Node) -> Task:
        """Take what the gate knows of a task out of it."""
        members = self.members(node)
        return Task(
            id=task_id,
            title=_text(members.get("title")),
            status=_text(members.get("status")),
            updated=_text(members.get("updatedAt")),
            details=_text(members.get("details")),
            dependencies=tuple(self._dependencies(task_id, members)),
            gate={key: _text(value) for key, value in _members(_members(members.get("metadata")).get("gate")).items()},
        )

    def _dependencies(self, task_id: str, members: Mapping[str, Node]) -> Iterator[str]:
        """Name what the task waits for by full id."""
        parent, dot, _ = task_id.rpartition(".")
        for node in self.items(members.get("dependencies")):
            # In a subtask a bare number means a sibling. Some writers turn numbers into texts, so the type does not tell.
            name = _plain(node) or self.source(node)
            sibling = f"{parent}{dot}{name}"
            yield sibling if sibling in self._index else name

    def _edits(self, task: Node, change: Change) -> Iterator[Edit]:
        """Replace each value that is there; put the others behind the one before, the first behind `id`."""
        members = self.members(task)
        anchor = members["id"]
        new = ""
        for key, value in {"status": change.status, "updatedAt": change.at}.items():
            if key not in members:
                new += beside(anchor, key, json.dumps(value))
                continue
            if new:
                yield anchor.end, anchor.end, new
            anchor, new = members[key], ""
            if isinstance(anchor.value, dict | list):
                self.refuse(f"{key} is {shown(self.source(anchor))}, wanted a text; correct it by hand", anchor)
            yield replaced(anchor, json.dumps(value))
        if change.gate is not None:
            place, written = self._reference(task, anchor, change.gate)
            if place[0] == place[1] == anchor.end:
                new += written
            else:
                yield *place, written
        if new:
            yield anchor.end, anchor.end, new

    def _reference(self, task: Node, anchor: Node, gate: Mapping[str, str]) -> tuple[tuple[int, int], str]:
        """Say where and how `metadata.gate` is written: the one place that survives everything that the client does."""
        found = self.members(task).get("metadata")
        value: object = dict(gate) or None
        step = indented(task, anchor)
        if found is None:
            return (anchor.end, anchor.end), beside(anchor, "metadata", _laid(anchor, {"gate": value}, step))
        if found.value is None or found.value == {}:
            return (found.start, found.end), _laid(found, {"gate": value}, step)
        members = self.members(found)
        if "gate" in members:
            old = members["gate"]
            return (old.start, old.end), _laid(old, value, step)
        last = next(reversed(members.values()))
        return (last.end, last.end), beside(last, "gate", _laid(last, value, step))


def _laid(beside_it: Node, value: object, step: str) -> str:
    """Write a value as its neighbours are laid out: over lines where they have lines of their own."""
    if not step or not beside_it.line_break:
        return json.dumps(value)
    return json.dumps(value, indent=step).replace("\n", beside_it.line_break)


def _faults(path: Path, tasks: Tasks) -> Iterator[Fault]:
    """Name copies of tasks that say something else than the store."""
    yield from generated.stale(path.parent, tasks)


def _state(path: Path) -> Path:
    """Return the state file of a store, also of one at the old place, tasks/tasks.json."""
    above = path.absolute().parent.parent
    return above / "state.json" if above.name == ".taskmaster" else above / ".taskmaster" / "state.json"


def _plain(node: Node | None) -> str:
    """Write an id, which may be a number or a text, as text; "" for anything else."""
    value = node.value if node else None
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""


def _text(node: Node | None) -> str:
    """Return a text; "" for anything else."""
    return node.value if node and isinstance(node.value, str) else ""


def _members(node: Node | None) -> Mapping[str, Node]:
    """Return the members of an object; none for anything else."""
    return node.value if node and isinstance(node.value, dict) else {}
