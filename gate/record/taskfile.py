"""A task store in one file: read whole, changed under its lock by compare and swap, every byte kept that does not change."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from gate.errors import TaskError
from gate.facts import Fault
from gate.record import lockfolder
from gate.record.files import replace_file, sweep
from gate.record.tasks import Change, Tasks

_TRIES = 20  # times that a file may change between our reading and our writing: others who take no lock


class Page(Protocol):
    """One reading of the file."""

    tasks: Tasks

    def changed(self, changes: Sequence[Change]) -> bytes:
        """Return the file with these changes and no other byte different."""


class TaskFile:
    """The store of one file; what differs between formats is how its bytes are read."""

    def __init__(self, path: Path, read: Callable[[bytes], Page], more: Callable[[Tasks], Iterator[Fault]] | None = None) -> None:
        """Take a path, how a page is read from bytes, and what else of this format may be amiss."""
        self.path = path
        self._read = read
        self._more = more

    def tasks(self) -> Tasks:
        """Read every task."""
        with _told(self.path):
            return self._read(self.path.read_bytes()).tasks

    def change(self, changes: Sequence[Change]) -> Callable[[], None]:
        """Make all changes or none under the lock; return what takes them back and leaves what others changed meanwhile."""
        before, _ = self._swap(lambda page: page.changed(changes), changes)
        return partial(self.undo, changes, before)

    def undo(self, changes: Sequence[Change], before: bytes) -> None:
        """Take changes back that were made when the file held `before`, and leave what others changed meanwhile."""
        page = self._read(before)
        back = [_back(change, page.tasks) for change in changes]
        self._swap(lambda page: page.changed(back), (), shortcut=(page.changed(changes), before))

    def sweep(self) -> None:
        """Remove what a change of ours that was killed left beside the file."""
        with _told(self.path), lockfolder.held(places := self._places()):
            sweep(places[-1])

    def faults(self) -> Iterator[Fault]:
        """Name left locks, and what else the format knows; a store that cannot be read is a fault itself."""
        try:
            with _told(self.path):
                places = self._places()
            for path in places:
                yield from lockfolder.left(path)
            tasks = self.tasks()
        except TaskError as error:
            yield Fault(place=str(self.path), found=str(error).removeprefix(f"{self.path}: "), act="mend it, then run gate doctor again")
            return
        if self._more:
            yield from self._more(tasks)

    def _places(self) -> list[Path]:
        """Return the file and, when it is a link, the file that it leads to: others may lock beside either."""
        real = Path(os.path.realpath(self.path, strict=True))  # a rename over a link would leave a file in its place
        return [self.path, real] if self.path.is_symlink() else [self.path]

    def _swap(
        self, change: Callable[[Page], bytes], changes: Sequence[Change], shortcut: tuple[bytes, bytes] | None = None
    ) -> tuple[bytes, bytes]:
        """Exchange the file for a changed one unless it changed meanwhile; read it again then. Return both.

        A file that equals the first of `shortcut` becomes the second.
        """
        with _told(self.path), lockfolder.held(places := self._places()) as assert_held:
            real = places[-1]
            for _ in range(_TRIES):
                before = real.read_bytes()
                if shortcut and before == shortcut[0]:
                    after = shortcut[1]
                else:
                    page = self._read(before)
                    page.tasks.assert_may(changes)
                    after = change(page)
                try:
                    replace_file(real, after, last_check=partial(_compare, real, before, assert_held))
                except _ChangedError:
                    continue
                return before, after
        message = f"{self.path}: another program writes it again and again without its lock; stop that program, then run again"
        raise TaskError(message)


class _ChangedError(Exception):
    """The file is not what was read."""


def _compare(path: Path, before: bytes, assert_held: Callable[[], None]) -> None:
    """Raise unless the locks are ours and the file is as it was read."""
    assert_held()
    if path.read_bytes() != before:
        raise _ChangedError


def _back(change: Change, held: Tasks) -> Change:
    """Return the change that undoes another."""
    old = held.find(change.id)
    return replace(change, status=old.status or "pending", gate=old.gate if change.gate is not None else None)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the system refuses into a sentence."""
    try:
        yield
    except FileNotFoundError:
        message = f"{path}: not there; make it (task-master init begins one), or name the right file in policies/workflow.yaml: tasks"
        raise TaskError(message) from None
    except OSError as error:
        message = f"{path}: cannot be read or changed ({error}); mend that and run again"
        raise TaskError(message) from error
