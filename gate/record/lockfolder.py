"""The lock beside a file that Task Master takes too: a folder as proper-lockfile makes it, or the file of its older code."""

import fcntl
import json
import os
import shlex
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gate.errors import TaskError
from gate.facts import Fault

_STALE = 10.0  # seconds; what both styles call stale
_PATIENCE = 15.0  # seconds: longer than a lock stays fresh whose holder was killed
_LEAST = 2.0  # seconds that each gate tries when its patience went while others had their turn
_LONGEST_PAUSE = 0.05  # seconds
_COURTESY = 0.05  # seconds


@contextmanager
def held(paths: Sequence[Path]) -> Iterator[Callable[[], None]]:
    """Hold the locks of some files; give a check that they are still ours.

    Gates take turns among themselves first, so that one of them at a time contends with other programs and none waits for ever.
    Raises TaskError when another program holds a lock for long.
    """
    locks: dict[Path, os.stat_result] = {}

    def assert_held() -> None:
        """Stop a write that would come after our turn."""
        for lock, ours in locks.items():
            if not _is_held(lock, ours):
                message = f"{lock}: taken over by another program while this one stood still; nothing was written, run again"
                raise TaskError(message)

    until = time.monotonic() + _PATIENCE
    with ExitStack() as turns:
        for folder in sorted({path.parent.resolve() for path in paths}):
            turns.enter_context(_turn(folder))
        try:
            for path in paths:
                locks[_lock(path)] = _acquire(_lock(path), until)
            began = time.monotonic()
            yield assert_held
        finally:
            for lock, ours in locks.items():
                if _is_held(lock, ours):
                    lock.rmdir()
        # A client asks six times in three seconds and gives up: between the turns of many gates the lock is free as long as it was held.
        time.sleep(min(time.monotonic() - began, _COURTESY))


def left(path: Path) -> Iterator[Fault]:
    """Name the lock of a file when nobody can be holding it any more, and what its takers put aside."""
    lock = _lock(path)
    if os.path.lexists(lock):
        age = time.time() - lock.lstat().st_mtime
        if age > _STALE:
            blocks = "" if lock.is_dir() else ", and a lock of this kind stops Task Master for ever"
            yield Fault(place=str(lock), found=f"a lock that nobody has refreshed for {age:.0f} s{blocks}", act=_removal(lock))
    for aside in sorted(lock.parent.glob(f"{lock.name}.stale.*")):
        yield Fault(place=str(aside), found="a stale lock that somebody put aside", act=_removal(aside))


def _lock(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _removal(lock: Path) -> str:
    """Write the command that removes a lock and nothing else."""
    return f"{'rmdir' if lock.is_dir() else 'rm'} {shlex.quote(str(lock))}"


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Wait until no other gate works in a folder; the system ends a turn with its process."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _acquire(lock: Path, until: float) -> os.stat_result:
    """Make the lock folder, with patience; what its holder left behind is taken over."""
    until = max(until, time.monotonic() + min(_PATIENCE, _LEAST))
    pause = 0.01
    while True:
        try:
            lock.mkdir()
            return lock.lstat()
        except FileExistsError:
            _clear_stale(lock)
        if time.monotonic() > until:
            message = f"{lock}: held by another program for {_PATIENCE:g} s; run again, or when no program holds it: {_removal(lock)}"
            raise TaskError(message)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _is_held(lock: Path, ours: os.stat_result) -> bool:
    """Tell whether the lock is the one that we made."""
    try:
        found = lock.lstat()
    except FileNotFoundError:
        return False
    return (found.st_ino, found.st_mtime_ns) == (ours.st_ino, ours.st_mtime_ns)


def _clear_stale(lock: Path) -> None:
    """Remove a lock that nobody refreshes; it is our turn, so that no gate removes the new lock of another.

    A file goes only when the process that it names is no more: its holders do not refresh it.
    """
    try:
        found = lock.lstat()
        if time.time() - found.st_mtime <= _STALE:
            return
        if stat.S_ISDIR(found.st_mode):
            lock.rmdir()
        elif stat.S_ISREG(found.st_mode) and not _lives(lock):
            aside = lock.with_name(f"{lock.name}.stale.{os.getpid()}.{time.time_ns() // 1_000_000}")  # as Task Master names it
            lock.rename(aside)
            aside.unlink()
    except FileNotFoundError:
        return  # its holder was done meanwhile


def _lives(lock: Path) -> bool:
    """Tell whether the process that a lock file names is there; a file that names none has no holder."""
    try:
        told = json.loads(lock.read_bytes())
        pid = told.get("pid") if isinstance(told, dict) else None
        if not isinstance(pid, int) or pid < 1:
            return False
        os.kill(pid, 0)
    except (ValueError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
