"""What we wrote into a task store, noted beside the evidence, so that a later look finds what another program overwrote."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gate.record.files import replace_file, restore
from gate.record.taskfile import TaskFile
from gate.record.tasks import Change, Store, Task, Tasks
from gate.repo import worktree

VERSION = 1
_FOLDER = "tasks"


def now() -> str:
    """Write the time as Task Master does."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def change(root: Path, store: Store, changes: Sequence[Change]) -> Callable[[], None]:
    """Make changes in a store and note them; return what takes both back."""
    take_back = store.change(changes)
    tag, branch = store.tasks().tag, worktree.branch(root)
    notes = {_note(root, tag, made.id): made for made in changes}
    before = {path: path.read_bytes() if path.exists() else None for path in notes}

    def forget() -> None:
        take_back()
        for path, note in before.items():
            restore(path, note)

    try:
        _write(notes, branch, tag)
    except BaseException:
        forget()
        raise
    return forget


def notes(root: Path, tag: str, changes: Sequence[Change]) -> tuple[Path, ...]:
    """Return where changes are noted."""
    return tuple(_note(root, tag, made.id) for made in changes)


def undo(store: Store, changes: Sequence[Change], held: Sequence[Change], before: bytes | None) -> None:
    """Take back those changes that are in a store; `held` are the same tasks as they were, `before` the bytes of a store in one file."""
    if isinstance(store, TaskFile):
        store.sweep()
    tasks = store.tasks()
    made = [change for change in changes if change.id in tasks.every and _is_ours(tasks.every[change.id], change)]
    if not made:
        return
    if isinstance(store, TaskFile) and before is not None and len(made) == len(changes):
        store.undo(changes, before)
        return
    ours = {change.id for change in made}
    store.change([change for change in held if change.id in ours])


def lost(root: Path, tasks: Tasks) -> Iterator[tuple[str, str]]:
    """Yield the id of each task of the list in use whose change by us on this branch is gone, and what is there instead.

    A client that read before we wrote puts the old task back: then the time of the last change is not ours and not later, or our
    reference to evidence is missing. A change that somebody made after ours is theirs to make.
    """
    here = (worktree.branch(root), tasks.tag)  # another branch has another store
    for path in sorted(_note(root, tasks.tag, "").parent.glob("*.json")):
        noted = _read(path)
        if noted is None or noted[:2] != here:
            continue
        made = noted[2]
        task = tasks.every.get(made.id)
        if task is None:
            yield made.id, f"set to {made.status} at {made.at}, and it is not there any more"
        elif _is_gone(task, made):
            yield made.id, f"set to {made.status} at {made.at}, and another program put back {task.status or 'no status'}"


def _is_ours(task: Task, made: Change) -> bool:
    """Tell whether a task is as we changed it."""
    return task.status == made.status and (made.gate is None or task.gate == made.gate)


def _write(notes: Mapping[Path, Change], branch: str, tag: str) -> None:
    """Note each change."""
    for path, made in notes.items():
        path.parent.mkdir(exist_ok=True)
        body = {"version": VERSION, "branch": branch, "tag": tag, "id": made.id, "status": made.status, "at": made.at}
        replace_file(path, (json.dumps({**body, "gate": dict(made.gate or {})}) + "\n").encode())


def _is_gone(task: Task, made: Change) -> bool:
    """Tell whether what is there was written by somebody who did not know of our change."""
    if made.gate and task.gate != made.gate:
        return True
    return task.status != made.status and task.updated <= made.at


def _note(root: Path, tag: str, task_id: str) -> Path:
    """Return where a change is noted; a tag may hold any letter."""
    return worktree.store(root) / _FOLDER / f"{task_id}-{hashlib.sha256(tag.encode()).hexdigest()[:12]}.json"


def _read(path: Path) -> tuple[str, str, Change] | None:
    """Read a note: its branch, its tag and the change; one that is damaged is none."""
    try:
        body = json.loads(path.read_bytes())
        made = Change(id=str(body["id"]), status=str(body["status"]), at=str(body["at"]), gate=dict(body["gate"]))
        return (str(body["branch"]), str(body["tag"]), made) if body["version"] == VERSION else None
    except (ValueError, KeyError, TypeError):
        return None
