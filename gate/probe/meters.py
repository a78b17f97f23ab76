"""The ways to read a quantity of this very process; a meter that is not there reads None."""

import ctypes
import os
import sys

import psutil

from gate.probe.launch import ADDR_NO_RANDOMIZE, PINS

_PR_SET_CHILD_SUBREAPER = 36  # <sys/prctl.h>
_STATUS = 4096  # bytes of /proc/self/status that hold all memory lines


class Meters:
    """Read this process; each reading leaves nothing behind."""

    def __init__(self) -> None:
        """Open what the readings need, so that they need nothing more."""
        self._self = psutil.Process()
        self._status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC) if sys.platform == "linux" else -1
        self.has_heap = hasattr(psutil, "heap_info")

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

    def end_children(self) -> int:
        """Kill every process that descends from this one; return how many there were."""
        left = self._self.children(recursive=True)
        for child in left:
            try:
                child.kill()
            except psutil.NoSuchProcess:  # it ended by itself meanwhile
                continue
        return len(left)


def adopt() -> None:
    """Become the parent of every orphan below, so that none can hide."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def pins() -> dict[str, str]:
    """Say of each pin whether it is in force."""
    held = {name: os.environ.get(name, "missing") for name in PINS}
    if sys.platform == "linux":
        now = ctypes.CDLL(None).personality(0xFFFFFFFF)
        held["ADDR_NO_RANDOMIZE"] = "on" if now != -1 and now & ADDR_NO_RANDOMIZE else "missing: the kernel or container refuses it"
    else:
        held["ADDR_NO_RANDOMIZE"] = f"missing: not on {sys.platform}"
    return held
