"""The ways to read a quantity of this very process; a meter that is not there reads None."""

import ctypes
import os
import random
import sys
from collections.abc import Callable

import psutil

from gate.probe.launch import ADDR_NO_RANDOMIZE, PINS

_PR_SET_CHILD_SUBREAPER = 36  # <sys/prctl.h>
_CHUNKS = (*range(65536, 1024, -1024), *range(1032, 8, -16))  # usable sizes, large to small
_STATUS = 4096  # bytes of /proc/self/status that hold all memory lines


# Python 3.13 renamed it; getattr because the stubs know one name or the other.
_clear_caches: Callable[[], object] = getattr(sys, "_clear_internal_caches" if sys.version_info >= (3, 13) else "_clear_type_cache")


class Meters:
    """Read this process; each reading leaves nothing behind."""

    def __init__(self) -> None:
        """Open what the readings need, so that they need nothing more."""
        self._self = psutil.Process()
        self._status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC) if sys.platform == "linux" else -1
        self.has_heap = hasattr(psutil, "heap_info")
        if sys.platform == "linux":
            libc = ctypes.CDLL(None)
            self._malloc, self._sbrk = libc.malloc, libc.sbrk
            self._malloc.restype = self._sbrk.restype = ctypes.c_void_p
            self._malloc.argtypes = self._sbrk.argtypes = [ctypes.c_size_t]

    def heap(self) -> int:
        """Return the bytes that the C allocator has handed out: heap and mapped."""
        info = psutil.heap_info()
        return info.heap_used + info.mmap_used

    def rss_anon(self) -> int:
        """Return the resident anonymous bytes, or -1 where the kernel does not tell."""
        if self._status < 0:
            return -1
        text = os.pread(self._status, _STATUS, 0)
        at = text.find(b"RssAnon:")
        return int(text[at + 8 : text.index(b"kB", at)]) * 1024 if at >= 0 else -1

    def fds(self) -> int:
        """Return the number of open file descriptors, or -1 on Windows."""
        return self._self.num_fds() if hasattr(self._self, "num_fds") else -1

    def threads(self) -> int:
        """Return the number of threads."""
        return self._self.num_threads()

    def children(self) -> int:
        """Return the number of living processes that descend from this one."""
        return len(self._self.children(recursive=True))

    def level(self) -> None:
        """Use up every free chunk of the C heap, so that what comes next is cut to size from fresh memory.

        A freed chunk that is up to 16 bytes too large is handed out whole and counts whole: without this, the bytes of an agent
        depend on what was freed before it was built. From large to small, each size is asked for until the heap has to grow.
        """
        if sys.platform != "linux":
            return
        for size in _CHUNKS:
            end = self._sbrk(0)
            while self._sbrk(0) == end:
                self._malloc(size)

    def end_children(self) -> int:
        """Kill every process that descends from this one; return how many there were."""
        left = self._self.children(recursive=True)
        for child in left:
            try:
                child.kill()
            except psutil.NoSuchProcess:  # it ended by itself meanwhile
                continue
        return len(left)


def let_go() -> None:
    """Let go what the interpreter keeps by itself: names in its type cache hold strings alive for a while."""
    _clear_caches()


def fix_entropy() -> None:
    """Make what the operating system's entropy decides the same in every child; unseeded imports then build the same things.

    scipy.stats for example draws random numbers at import to write docstrings, whose lengths differ from process to process.
    """
    os.urandom = random._urandom = random.Random(0).randbytes  # type: ignore[attr-defined] # noqa: S311, SLF001 - not for secrets
    random.seed(0)


def adopt() -> None:
    """Become the parent of every orphan below, so that none can hide."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def pins() -> dict[str, str]:
    """Say of each pin whether it is in force."""
    held = {name: os.environ.get(name, "missing") for name in PINS} | {"entropy": "seed 0"}
    if sys.platform == "linux":
        now = ctypes.CDLL(None).personality(0xFFFFFFFF)
        held["ADDR_NO_RANDOMIZE"] = "on" if now != -1 and now & ADDR_NO_RANDOMIZE else "missing: the kernel or container refuses it"
    else:
        held["ADDR_NO_RANDOMIZE"] = f"missing: not on {sys.platform}"
    return held
