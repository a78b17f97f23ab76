"""One run at a time in one repository: a lock that says whose it is, and that the kernel frees when its owner dies."""

import errno
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from gate.units import show_time

# flock and not filelock: the text of the owner lies in the locked file itself, which filelock empties with each attempt,
# and importing filelock takes longer than everything that happens here.
if sys.platform != "win32":
    import fcntl

MARK = "GATE_LOCKS"  # what we start inherits it, and does not wait for us
_MOMENT = 0.05  # seconds between two attempts
_STARTED = 19  # the field of /proc/<pid>/stat behind the name: when it started, in ticks since the machine did


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """Who holds a lock."""

    pid: int
    started: int  # ticks, which tells a process from a later one with the same number; 0 where nobody tells
    host: str
    command: str
    since: float  # seconds since the epoch
    token: str


@contextmanager
def held(file: Path, command: str, say: Callable[[str], object]) -> Iterator[None]:
    """Hold the lock of a repository; when another holds it, say whose it is at once, and wait.

    Who runs inside the owner, as a test that calls the gate on its own repository does, shares its lock.
    """
    if sys.platform == "win32":
        say("not locked: this platform has no flock; let only one gate run in a repository at a time")
        yield
        return
    handle = _taken(file, say)
    if handle is None:
        yield
        return
    before, token = os.environ.get(MARK, ""), secrets.token_hex(8)
    owner = Owner(
        pid=os.getpid(), started=_started(os.getpid()), host=socket.gethostname(), command=command, since=time.time(), token=token
    )
    _write(handle, json.dumps(asdict(owner)))
    os.environ[MARK] = os.pathsep.join(filter(None, [before, token]))
    try:
        yield
    finally:
        os.environ[MARK] = before
        _write(handle, "")
        os.close(handle)


def _taken(file: Path, say: Callable[[str], object]) -> int | None:
    """Return the descriptor of the lock once it is ours, or None when we run inside its owner."""
    told = ""
    while True:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            free = _try(handle)
            owner = _read(handle)
            if free and _is_same(handle, file):
                if owner:
                    say(f"{_named(owner)} ended without giving back its lock; taken over")
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if free:  # somebody removed the file meanwhile
            continue
        if owner and owner.token in os.environ.get(MARK, "").split(os.pathsep):
            return None
        if owner and owner.token != told:
            told = owner.token
            gone = "" if _is_alive(owner) else "; its process is gone, but something that it started still holds the lock"
            say(f"waiting for {_named(owner)}, for {show_time(max(0.0, time.time() - owner.since))} now{gone}")
        time.sleep(_MOMENT)


def _try(handle: int) -> bool:
    """Take the lock when it is free; tell whether it is ours."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
            raise
        return False
    return True


def _is_same(handle: int, file: Path) -> bool:
    """Tell whether what we locked is still what others will lock."""
    ours = os.fstat(handle)
    try:
        theirs = file.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)


def _read(handle: int) -> Owner | None:
    """Return who wrote into the lock last and did not give it back; what is cut or foreign names nobody."""
    try:
        return Owner(**json.loads(os.pread(handle, 1 << 16, 0)))
    except (ValueError, TypeError):
        return None


def _write(handle: int, text: str) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, text.encode(), 0)


def _named(owner: Owner) -> str:
    since = datetime.fromtimestamp(owner.since, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"{owner.command} (pid {owner.pid} on {owner.host}, since {since})"


def _is_alive(owner: Owner) -> bool:
    """Tell whether the very process lives that took the lock, not a later one that got its number."""
    if owner.host != socket.gethostname() or not Path("/proc/self/stat").exists():
        return True  # nobody here can tell
    return owner.started != 0 and _started(owner.pid) == owner.started


def _started(pid: int) -> int:
    """Return when a process started, or 0."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0
    return int(fields[_STARTED])
