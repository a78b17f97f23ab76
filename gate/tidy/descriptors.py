"""System calls below an open folder: part by part, never through a link, never over a name that is taken."""

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from gate.errors import GateError

FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_NO_REPLACE, _EXCHANGE = 1, 2  # flags of renameat2(2)
_UNKNOWN = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})  # the file system, or the kernel, has no such rename
_CHUNK = 2**20


def open_root(path: "os.PathLike[str]") -> int:
    """Open the folder below which everything happens.

    Raises GateError where the platform cannot work relative to it.
    """
    if not {os.unlink, os.open, os.rmdir, os.stat, os.rename, os.mkdir} <= os.supports_dir_fd:
        message = f"{path}: this platform cannot change files relative to a directory descriptor; clean by hand"
        raise GateError(message)
    return os.open(path, FOLDER)


@contextmanager
def folder(root: int, path: str) -> Iterator[int]:
    """Open a folder below the root for a while."""
    at = open_folder(root, path)
    try:
        yield at
    finally:
        os.close(at)


@contextmanager
def place(root: int, path: str) -> Iterator[tuple[int, str]]:
    """Open the folder above a path for a while; yield it with the name in it."""
    above, name = os.path.split(path)
    with folder(root, above) as at:
        yield at, name


def open_folder(root: int, path: str) -> int:
    """Open a folder below the root part by part; a link on the way is refused with an OSError."""
    at = os.open(".", FOLDER, dir_fd=root)
    for part in path.split("/") if path else ():
        try:
            deeper = os.open(part, FOLDER, dir_fd=at)
        finally:
            os.close(at)
        at = deeper
    return at


def look(root: int, path: str) -> os.stat_result | None:
    """Return what lies at a path, a link as itself, or None."""
    try:
        with place(root, path) as (at, name):
            return os.stat(name, dir_fd=at, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def holds_file(root: int, path: str) -> bool:
    """Tell whether anything but folders lies in a folder."""
    with folder(root, path) as at, os.scandir(at) as entries:
        listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    return any(not is_folder or holds_file(root, f"{path}/{name}") for name, is_folder in listed)


def read(root: int, path: str) -> bytes:
    """Read a regular file, never through a link; a pipe in its place is an OSError and not a wait."""
    with place(root, path) as (at, name):
        handle = os.open(name, _FILE, dir_fd=at)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", path)
        return b"".join(iter(lambda: os.read(handle, _CHUNK), b""))
    finally:
        os.close(handle)


def write_new(at: int, name: str, data: bytes, mode: int) -> os.stat_result:
    """Write a file that was not there, on disk before this returns."""
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600, dir_fd=at)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        os.fchmod(handle, mode)
        os.fsync(handle)
        return os.fstat(handle)
    finally:
        os.close(handle)


def make_folders(root: int, path: str) -> None:
    """Make a folder and those above it, where they are missing."""
    for part in folders_of(path):
        with place(root, part) as (at, name), suppress(FileExistsError):
            os.mkdir(name, dir_fd=at)


def folders_of(path: str) -> list[str]:
    """Return a folder after those above it.

    >>> folders_of("a/b/c"), folders_of("")
    (['a', 'a/b', 'a/b/c'], [])
    """
    parts = path.split("/") if path else []
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def rename_new(at: int, name: str, to: int, new: str) -> None:
    """Rename to a name that must be free.

    Raises FileExistsError when it is taken, OSError (EXDEV) when it lies on another file system.
    """
    if not _renameat2(at, name, to, new, _NO_REPLACE):
        _rename_by_link(at, name, to, new)


def exchange(at: int, name: str, to: int, other: str) -> None:
    """Let two names change places in one step.

    Raises OSError where the kernel or the file system has no such step.
    """
    if not _renameat2(at, name, to, other, _EXCHANGE):
        raise OSError(errno.ENOTSUP, "this file system cannot exchange two files in one step", name)


def _rename_by_link(at: int, name: str, to: int, new: str) -> None:
    """Rename where there is no such system call: a second name that must be free, then the first one goes."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
        os.link(name, new, src_dir_fd=at, dst_dir_fd=to, follow_symlinks=False)
        os.unlink(name, dir_fd=at)
        return
    if look(to, new):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)
    os.rename(name, new, src_dir_fd=at, dst_dir_fd=to)  # a folder has no second name; it replaces an empty one at the most


def _renameat2(at: int, name: str, to: int, new: str, flags: int) -> bool:
    """Call renameat2(2); return False where it is not known."""
    call = _system_call()
    if call is None:
        return False
    if call(at, os.fsencode(name), to, os.fsencode(new), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        return False
    raise OSError(number, os.strerror(number), name, None, new)


@cache
def _system_call() -> "ctypes._NamedFuncPointer | None":
    """Find renameat2 in the C library; None where there is none."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # an old C library, macOS, Windows
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return call
