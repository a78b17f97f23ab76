"""Which kind of store a file of tasks is."""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from gate.errors import TaskError
from gate.record import taskmaster
from gate.record.tasks import Store, Tasks
from gate.repo import revisions
from gate.tasking import plain

STORES: Mapping[str, Callable[[Path], Store]] = MappingProxyType(
    {
        ".json": taskmaster.open_store,
        ".yaml": plain.open_store,
        ".yml": plain.open_store,
    }
)


def of_revision(root: Path, revision: str, tasks: str) -> Tasks | None:
    """Return the tasks as a revision has them in a store at a path below the root; None where it has no such file.

    Raises TaskError when they are not to be read.
    """
    raw = revisions.content(root, revision, tasks)
    if raw is None:
        return None
    with tempfile.TemporaryDirectory(prefix="gate-") as scratch:
        path = Path(scratch) / Path(tasks).name
        path.write_bytes(raw)
        return open_store(Path(scratch), path.name).tasks()


def open_store(root: Path, tasks: str) -> Store:
    """Return the store at a path below the root; raise TaskError when no kind of store has names like this."""
    kind = STORES.get(Path(tasks).suffix)
    if kind is None:
        message = f"policies/workflow.yaml: tasks: {tasks} is no task store; write a path that ends with {', '.join(STORES)}"
        raise TaskError(message)
    return kind(Path(os.path.relpath(root / tasks)))  # as a reader at the prompt would type it
