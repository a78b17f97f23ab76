"""The status of a task in a Task Master file, changed under its lock and byte by byte."""

import fcntl
import os
import re
import shlex
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from gate.errors import TaskError
from gate.record.files import replace_file
from gate.record.jsonspan import Document, Edit, Node, beside, listed, replaced, shown

STATUSES = ("pending", "in-progress", "done", "review", "deferred", "cancelled", "blocked")

_CLOSED = frozenset({"done", "cancelled", "completed"})  # Task Master reads `completed` as done, and writes it no more
_ID = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_FLAT = "master"  # the tag that Task Master gives to a file without tags
_STALE = 10.0  # seconds; what proper-lockfile, the lock of Task Master, calls stale
_PATIENCE = 5.0  # seconds
_LONGEST_PAUSE = 0.05  # seconds; waiters that sleep in step get one turn a pause


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What a task says of itself, and what stands between it and done."""

    id: str  # "20", or "20.2" for subtask 2 of task 20
    title: str  # untrusted prose
    status: str  # as the file has it; "" when it has none
    open_children: tuple[str, ...]  # ids of subtasks that are neither done nor cancelled
    open_dependencies: tuple[str, ...]  # ids, those included that no task has


def find(path: Path, task_id: str) -> Task:
    """Return one task of the current tag.

    Raises TaskError when the file cannot be read or has no such task.
    """
    with _told(path):
        return _Store(path.read_bytes(), str(path), _current_tag(path)).task(task_id)


def patched(raw: bytes, task_id: str, status: str, tag: str, now: str) -> bytes:
    """Return the file with `status` and `updatedAt` of one task set to `status` and `now`, and no other byte changed.

    An empty `tag` means `master`, or the only tag there is.
    Raises TaskError when the file is broken, or when the task is not there or may not change like this.
    """
    return _Store(raw, "tasks.json", tag).patched(task_id, status, now)


def set_status(path: Path, task_id: str, status: str, now: str) -> bytes:
    """Change one task of the current tag on disk, under the lock that Task Master takes too; return the bytes before.

    Raises TaskError as `patched` does, and when the lock or the file cannot be had. The file is then as it was.
    """
    with _told(path):
        real = Path(os.path.realpath(path, strict=True))  # a rename over a link would leave a file in its place
        with _locked(real) as assert_held:
            before = real.read_bytes()
            after = _Store(before, str(path), _current_tag(path)).patched(task_id, status, now)
            replace_file(real, after, last_check=assert_held)
        return before


class _Store(Document):
    """A Task Master file: the tasks and subtasks of one tag by full id."""

    def __init__(self, raw: bytes, place: str, tag: str) -> None:
        """Read the file; refuse what is no Task Master file."""
        super().__init__(raw, place)
        tags = self._tags()
        self._tag = tag or (_FLAT if _FLAT in tags or len(tags) != 1 else next(iter(tags)))
        if self._tag not in tags:
            self.refuse(f"no tag {shown(self._tag)} with tasks, only {listed(tags)}; choose one: task-master tags use NAME")
        self._index: dict[str, dict[str, Node]] = {}
        for task in self.items(tags[self._tag]):
            parent = self._enter(task, "")
            for child in self.items(self.members(task).get("subtasks")):
                self._enter(child, f"{parent}.")

    def task(self, task_id: str) -> Task:
        """Find a task by its full id."""
        if not _ID.fullmatch(task_id):
            self.refuse(f"{shown(task_id)} is no task id; write 20, or 20.2 for subtask 2 of task 20")
        if task_id not in self._index:
            near = listed(get_close_matches(task_id, self._index, cutoff=0))
            self.refuse(f"tag {shown(self._tag)} has no task {task_id}; near it: {near}; write the id of a task that is there")
        members = self._index[task_id]
        return Task(
            id=task_id,
            title=_text(members.get("title")),
            status=_text(members.get("status")),
            open_children=tuple(key for key in self._index if key.startswith(f"{task_id}.") and not self._closed(key)),
            open_dependencies=tuple(key for key in self._dependencies(task_id) if not self._closed(key)),
        )

    def patched(self, task_id: str, status: str, now: str) -> bytes:
        """Change one task in the text, when it may change."""
        if status not in STATUSES:
            self.refuse(f"{shown(status)} is no status; write one of {', '.join(STATUSES)}")
        task = self.task(task_id)
        for what, found in (("subtasks", task.open_children), ("dependencies", task.open_dependencies)):
            if found and status == "done":
                self.refuse(f"task {task_id} cannot be done: its {what} {listed(found)} are open; finish or cancel them first")
        return self.edited(self._edits(self._index[task_id], {"status": status, "updatedAt": now}))

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
        self._index[full] = members
        return full

    def _dependencies(self, task_id: str) -> Iterator[str]:
        """Name what the task waits for by full id."""
        parent, dot, _ = task_id.rpartition(".")
        for node in self.items(self._index[task_id].get("dependencies")):
            # In a subtask a bare number means a sibling. Some writers turn numbers into texts, so the type does not tell.
            name = _plain(node) or self.source(node)
            sibling = f"{parent}{dot}{name}"
            yield sibling if sibling in self._index else name

    def _closed(self, task_id: str) -> bool:
        """Tell whether nothing is left to do; a task that is not there is open."""
        return _text(self._index.get(task_id, {}).get("status")) in _CLOSED

    def _edits(self, members: dict[str, Node], values: dict[str, str]) -> Iterator[Edit]:
        """Replace each value that is there; put the others behind the one before, the first behind `id`."""
        anchor = members["id"]
        new: dict[int, str] = {}
        for key, value in values.items():
            if key not in members:
                new[anchor.end] = new.get(anchor.end, "") + beside(anchor, key, value)
                continue
            anchor = members[key]
            if isinstance(anchor.value, dict | list):
                self.refuse(f"{key} is {shown(self.source(anchor))}, wanted a text; correct it by hand", anchor)
            yield replaced(anchor, value)
        yield from ((end, end, text) for end, text in new.items())


def _current_tag(path: Path) -> str:
    """Return the tag that Task Master works on, or "" when it does not say."""
    state = path.absolute().parent.parent / "state.json"
    try:
        told = Document(state.read_bytes(), str(state)).root.value
    except FileNotFoundError:
        return ""
    return _text(told.get("currentTag")) if isinstance(told, dict) else ""


def _plain(node: Node | None) -> str:
    """Write an id, which may be a number or a text, as text; "" for anything else."""
    value = node.value if node else None
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""


def _text(node: Node | None) -> str:
    """Return a text; "" for anything else."""
    return node.value if node and isinstance(node.value, str) else ""


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the system refuses into a sentence."""
    try:
        yield
    except FileNotFoundError:
        message = f"{path}: not there; make it with task-master init, or name the right file in the policy"
        raise TaskError(message) from None
    except OSError as error:
        message = f"{path}: cannot be read or changed ({error}); mend that and run again"
        raise TaskError(message) from error


@contextmanager
def _locked(path: Path) -> Iterator[Callable[[], None]]:
    """Hold the lock of Task Master; give a check that it is still ours."""
    lock = path.with_name(f"{path.name}.lock")
    ours = _acquire(lock)

    def assert_held() -> None:
        """Stop a write that would come after our turn."""
        if not _held(lock, ours):
            message = f"{lock}: taken over by another program while this one stood still; nothing was written, run again"
            raise TaskError(message)

    try:
        yield assert_held
    finally:
        if _held(lock, ours):
            lock.rmdir()


def _acquire(lock: Path) -> os.stat_result:
    """Make the lock folder, with patience; what its holder left behind is taken over when it is a folder, never when it is a file."""
    until = time.monotonic() + _PATIENCE
    pause = 0.01
    while True:
        try:
            lock.mkdir()
            return lock.lstat()
        except FileExistsError:
            _clear_stale(lock)
        if time.monotonic() > until:
            remove = f"{'rmdir' if lock.is_dir() else 'rm'} {shlex.quote(str(lock))}"
            message = f"{lock}: held by another program for {_PATIENCE:g} s; run again, or when no program holds it: {remove}"
            raise TaskError(message)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _held(lock: Path, ours: os.stat_result) -> bool:
    """Tell whether the lock is the one that we made."""
    try:
        found = lock.lstat()
    except FileNotFoundError:
        return False
    return (found.st_ino, found.st_mtime_ns) == (ours.st_ino, ours.st_mtime_ns)


def _clear_stale(lock: Path) -> None:
    """Remove a lock folder that nobody refreshes; one gate at a time, so that none removes the new lock of another."""
    folder = os.open(lock.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        found = lock.lstat()
        if stat.S_ISDIR(found.st_mode) and time.time() - found.st_mtime > _STALE:
            lock.rmdir()
    except FileNotFoundError:
        return  # its holder was done meanwhile
    finally:
        os.close(folder)
