"""The ways to read a quantity of this very process; a meter that is not there reads None."""

import ctypes
import math
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec

from gate.probe.own import Own, descendants

_CHUNKS = (*range(65536, 1024, -1024), *range(1032, 8, -16))  # usable sizes, large to small
_PROOF = 1 << 20  # bytes that a heap meter must see
_STATUS = 4096  # bytes of /proc/self/status that hold all memory lines


# Python 3.13 renamed it; getattr because the stubs know one name or the other.
_clear_caches: Callable[[], object] = getattr(sys, "_clear_internal_caches" if sys.version_info >= (3, 13) else "_clear_type_cache")


class _MallInfo(ctypes.Structure):
    """What glibc tells of its heap: struct mallinfo2 of <malloc.h>."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    )


class Meters:
    """Read this process; each reading leaves nothing behind."""

    def __init__(self) -> None:
        """Open what the readings need, so that they need nothing more."""
        self._status = _status()
        self._heap = None if "t" in getattr(sys, "abiflags", "") else _heap_meter()  # without the GIL objects are not malloc's
        self._info: Callable[[], _MallInfo] | None = None
        if sys.platform == "linux":
            libc = ctypes.CDLL(None)
            self._malloc, self._free, self._sbrk = libc.malloc, libc.free, libc.sbrk
            self._free.argtypes = [ctypes.c_void_p]
            self._malloc.restype = self._sbrk.restype = ctypes.c_void_p
            self._malloc.argtypes = self._sbrk.argtypes = [ctypes.c_size_t]
            self._info = getattr(libc, "mallinfo2", None)  # glibc 2.33 and later
            if self._info is not None:
                self._info.restype = _MallInfo
        if self._heap is not None and sys.platform == "linux" and not self._sees(_PROOF):
            self._heap = None  # another malloc stands in the place of glibc's
        self.segments: set[str] = set()
        _count_segments(self.segments)

    def reopen(self) -> None:
        """Read this process, after a fork, and not the one that it was forked from."""
        if self._status >= 0:
            Own.close(self._status)
            self._status = _status()

    def heap(self) -> int:
        """Return the bytes that the C allocator has handed out, heap and mapped; -1 where it does not tell.

        psutil asks glibc as `mapped` does; a call through ctypes would leave now 48 bytes and now none.
        """
        if self._heap is None:
            return -1
        used, mapped, *_ = self._heap()
        return used + mapped

    def _sees(self, size: int) -> bool:
        """Tell whether the heap meter sees what malloc hands out."""
        before, block = self.heap(), self._malloc(size)
        gained = self.heap() - before
        self._free(block)
        return gained >= size

    def resident(self) -> tuple[int, int]:
        """Return two amounts of bytes, each -1 where the system does not tell.

        The first is what is resident and no file holds, private and shared, of this process and of those that it started; the second
        is what is mapped past malloc: private writable address space that is neither the C heap's nor its large blocks'.
        """
        if self._status < 0:
            return -1, -1
        text = Own.pread(self._status, _STATUS, 0)
        if b"RssAnon:" not in text:
            return -1, -1
        rss = _kilobytes(text, b"RssAnon:") + _kilobytes(text, b"RssShmem:") + sum(_rss_of(pid) for pid in descendants("self"))
        return rss, self._mapped(text)

    def _mapped(self, text: bytes) -> int:
        if self._info is None:
            return -1
        info = self._info()
        return _kilobytes(text, b"VmData:") - int(info.arena) - int(info.hblkhd)

    def handles(self) -> tuple[int, int, int, int]:
        """Return the open descriptors, threads, living descendants and segments of shared memory; -1 for what is not known."""
        if sys.platform == "linux":
            return len(Own.listdir("/proc/self/fd")), len(Own.listdir("/proc/self/task")), len(descendants("self")), self._segments()
        import psutil  # noqa: PLC0415 - where it is needed

        this = psutil.Process()
        return this.num_fds() if hasattr(this, "num_fds") else -1, this.num_threads(), len(this.children(recursive=True)), -1

    def _segments(self) -> int:
        """Count the POSIX segments that this process made and nobody unlinked; a name that another process unlinked counts no more."""
        return sum(Own.access(f"/dev/shm/{name}", os.F_OK) for name in self.segments) if self.segments else 0  # noqa: S108 - where Linux keeps them

    def level(self) -> None:
        """Use up every free chunk of the C heap, so that what comes next is cut to size from fresh memory.

        A freed chunk that is up to 16 bytes too large is handed out whole and counts whole: without this, the bytes of an agent
        depend on what was freed before it was built. From large to small, each size is asked for until the heap has to grow.
        """
        if sys.platform != "linux" or self._heap is None:
            return
        for size in _CHUNKS:
            end = self._sbrk(0)
            while self._sbrk(0) == end:
                self._malloc(size)


def _status() -> int:
    """Open what tells the memory of this very process; -1 where nothing does."""
    return Own.descriptor("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC) if sys.platform == "linux" else -1


def _heap_meter() -> Callable[[], Sequence[int]] | None:
    """Return what tells the bytes that the C allocator handed out, on its heap and mapped; None where nothing does.

    On Linux psutil's extension is loaded without its package, whose import takes longer than most verdicts.
    """
    spec = find_spec("psutil")
    part = PathFinder.find_spec("_psutil_linux", spec.submodule_search_locations) if spec else None
    if sys.platform == "linux" and part and part.loader:
        extension = module_from_spec(part)
        part.loader.exec_module(extension)
        return getattr(extension, "heap_info", None)
    import psutil  # noqa: PLC0415 - its extension has another name here

    return getattr(psutil, "heap_info", None)


def let_go() -> None:
    """Let go what the interpreter keeps by itself: names in its type cache hold strings alive for a while."""
    _clear_caches()


def most_files() -> float:
    """Return how many descriptors this process may have."""
    if sys.platform == "win32":
        return math.inf
    import resource  # noqa: PLC0415 - Windows has no such limits

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@contextmanager
def fixed_entropy() -> Iterator[None]:
    """Make imports draw the same random numbers in every child; agents then get real ones again, so that their names differ.

    scipy.stats for example draws random numbers at import to write docstrings, whose lengths differ from process to process.
    """
    real = os.urandom
    os.urandom = random._urandom = random.Random(0).randbytes  # type: ignore[attr-defined] # noqa: S311, SLF001 - not for secrets
    random.seed(0)
    try:
        yield
    finally:
        os.urandom = random._urandom = real  # type: ignore[attr-defined] # noqa: SLF001 - as above


def _kilobytes(text: bytes, name: bytes) -> int:
    """Return the bytes of one line of /proc/self/status."""
    at = text.index(name) + len(name)
    return int(text[at : text.index(b"kB", at)]) * 1024


def _rss_of(pid: str) -> int:
    """Return the resident bytes of another process that no file holds; 0 when it has ended."""
    try:
        with Own.open(f"/proc/{pid}/status", "rb") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return _kilobytes(text, b"RssAnon:") + _kilobytes(text, b"RssShmem:") if b"RssAnon:" in text else 0


def _count_segments(names: set[str]) -> None:
    """Note the name of each POSIX shared-memory segment that Python code makes, and forget it when it is unlinked."""
    try:
        import _posixshmem  # type: ignore[import-not-found] # noqa: PLC0415 - not on every platform, and no stubs
    except ImportError:
        return
    make, unlink = _posixshmem.shm_open, _posixshmem.shm_unlink

    def shm_open(path: str, flags: int, mode: int = 511) -> int:
        made: int = make(path, flags, mode=mode)
        if flags & os.O_CREAT:
            names.add(path.lstrip("/"))
        return made

    def shm_unlink(path: str) -> None:
        unlink(path)
        names.discard(path.lstrip("/"))

    _posixshmem.shm_open, _posixshmem.shm_unlink = shm_open, shm_unlink
