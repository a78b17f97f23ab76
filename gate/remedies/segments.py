"""Equal arrays, held once for all processes of a user: mapped files that the kernel's locks keep, and nothing else does."""
# ruff: noqa: PTH102, PTH108, PTH118, PTH120, PTH123, PTH208 - Python 3.12 keeps the parts of every Path for ever; ours never come again

import mmap
import os
import stat
import sys
import tempfile
import threading
import weakref
from contextlib import ExitStack, suppress
from hashlib import blake2b
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from gate.remedies.pool import Kind, SharedPool, plain

try:
    import fcntl
except ImportError:  # Windows: said when it is used, not when it is imported
    fcntl = None  # type: ignore[assignment] # there is no other way to say that a module may be missing

SMALLEST = mmap.PAGESIZE  # bytes from which an array is worth a file; smaller ones are shared within the process
_Bytes = NDArray[np.uint8]
_PIECE = 1 << 20  # bytes compared at a time


class Segments:
    """Hold one read-only copy of equal arrays for all processes of this user; use it where a SharedPool would be used.

    Each array is a file named by the digest of its bytes, in `/dev/shm/heapgate-<uid>` or in `folder`. Who holds it, or a view of it, holds
    a shared lock on the file, which the kernel drops when the process ends, however it ends. The last holder removes the file; what
    holders that were killed have left is removed when the next Segments begins. Forked children hold what their parent held.

    One array takes two file descriptors of each process, one from Python 3.13, and whole pages. Not for network file systems, whose
    locks are another matter. Safe to use from several threads.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        """Open the shared memory of this user and remove what nobody holds.

        Raises NotImplementedError where there is no flock, PermissionError when somebody else could reach the files.
        """
        if fcntl is None:
            message = (
                f"{sys.platform} has no fcntl.flock, which tells whether a holder lives; use SharedPool, which shares within one process"
            )
            raise NotImplementedError(message)
        self.folder = _private(os.path.join(folder or _shared_memory(), f"heapgate-{os.geteuid()}"))
        for left in os.listdir(self.folder):
            if left.endswith((".part", ".segment")):
                _remove(os.path.join(self.folder, left))
        self._held: WeakValueDictionary[str, _Bytes] = WeakValueDictionary()
        self._small = SharedPool()
        self._lock = threading.RLock()  # a finaliser may come here while its own thread is inside

    def intern(self, array: NDArray[Kind]) -> NDArray[Kind]:
        """Return a read-only array that equals `array` in dtype, shape and every byte, over the one memory that all processes share.

        Any shape, in C order; below `SMALLEST` bytes within this process only. Makes one copy for the time of the call. Raises TypeError
        as `plain` does, OSError when there is no room or when a file is not what its name says.
        """
        plain(array)
        if array.nbytes < SMALLEST:
            return self._small.intern(array)
        content = array.tobytes()  # of our own: nobody changes it between digest, file and comparison
        name = blake2b(content, digest_size=20).hexdigest()
        with self._lock:
            held = self._held.get(name)
            if held is None:
                held = self._held[name] = _shared(os.path.join(self.folder, f"{name}.segment"), content)
        return np.ndarray(array.shape, array.dtype, buffer=held)

    def __len__(self) -> int:
        """Return how many different contents this process holds."""
        return len(self._small) + len(self._held)


def _shared_memory() -> str:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()  # noqa: S108 - the folder in it is checked by _private


def _private(folder: str) -> str:
    """Make a folder that no other user reaches; refuse one that another can."""
    with suppress(FileExistsError):
        os.mkdir(folder, mode=0o700)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        message = f"{folder} is a link, or not this user's alone (mode 700 is wanted); remove it, or give Segments another folder"
        raise PermissionError(message)
    return folder


def _shared(path: str, content: bytes) -> _Bytes:
    """Map the file of this content, which is made if it is not there; it stays locked for as long as the result lives."""
    lock: int | None = None
    while lock is None:  # between two looks others may make the file or remove it
        lock = _locked(path, wait=True)
        if lock is None:
            lock = _made(path, content)
    with ExitStack() as undo:
        undo.callback(_let_go, lock, path)
        if os.fstat(lock).st_size != len(content) or not _equal(held := np.frombuffer(_mapped(path), np.uint8), content):
            message = f"{path} does not hold what its name says: it was damaged; end the processes that use it, and intern again"
            raise OSError(message)
        undo.pop_all()
        weakref.finalize(held, _let_go, lock, path)  # at the end of the process, too
    return held


def _locked(path: str, *, wait: bool) -> int | None:
    """Return a descriptor with a lock on the file of this name; None when there is none, or when it is held.

    The lock is shared with other holders if we may wait, and else exclusive: it is got when nobody holds the file.
    """
    try:
        _refuse_foreign(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with ExitStack() as undo:
        undo.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        if not _names(path, descriptor):
            return None
        undo.pop_all()
    return descriptor


def _made(path: str, content: bytes) -> int | None:
    """Make the file, whole from the first moment, and return a descriptor with a shared lock on it; None when others came before us."""
    folder = os.path.dirname(path)
    descriptor, part = tempfile.mkstemp(".part", dir=folder)
    with ExitStack() as undo:
        undo.callback(os.close, descriptor)
        with ExitStack() as always:
            always.callback(_unlink, part)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if not _names(part, descriptor):  # somebody who began took it for what a killed process left
                return None
            _write(descriptor, content, folder)
            try:
                os.link(part, path)  # and not renamed, which would replace the file of another who was faster
            except FileExistsError:
                return None
        undo.pop_all()
    return descriptor


def _write(descriptor: int, content: bytes, folder: str) -> None:
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)  # and not mapped and filled, which would end the process when there is no room
        os.fchmod(descriptor, stat.S_IRUSR)
    except OSError as error:
        message = f"cannot write {len(content):,} B to {folder}: {error.strerror}; give Segments a folder with room for it"
        raise OSError(error.errno, message) from error


def _mapped(path: str) -> mmap.mmap:
    """Map a file through a descriptor of its own: that of the lock must be closed to let go, in each forked child by itself."""
    with open(path, "rb") as file:
        if sys.version_info >= (3, 13):
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ, trackfd=False)
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _equal(held: _Bytes, content: bytes) -> bool:
    """Compare as many bytes on both sides, without another copy."""
    mine = np.frombuffer(content, np.uint8)
    return all(np.array_equal(held[at : at + _PIECE], mine[at : at + _PIECE]) for at in range(0, len(mine), _PIECE))


def _let_go(lock: int, path: str) -> None:
    """Drop our lock, and the file with it when that was the last one."""
    os.close(lock)
    _remove(path)


def _remove(path: str) -> None:
    """Remove a file that nobody holds."""
    descriptor = _locked(path, wait=False)
    if descriptor is not None:
        try:
            _unlink(path)
        finally:
            os.close(descriptor)


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):  # somebody who cleans by hand was faster
        os.unlink(path)


def _names(path: str, descriptor: int) -> bool:
    """Tell whether the path still names the open file."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _refuse_foreign(path: str) -> None:
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        message = f"{path} is a link, or another user's; remove it"
        raise PermissionError(message)
