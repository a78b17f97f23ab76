"""First stage of a measured child: pin down everything that makes readings vary, then become the probe."""

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path

ADDR_NO_RANDOMIZE = 0x0040000  # <sys/personality.h>
MARK = "GATE_MEASURED_CHILD"  # its value is the child's process id; what the child starts inherits it
_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>

PINS = {
    "PYTHONMALLOC": "malloc",  # every object is the C allocator's, which the heap meter reads
    "PYTHONHASHSEED": "0",
    "MALLOC_ARENA_MAX": "1",
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.mmap_threshold=131072:glibc.malloc.mxfast=0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def main(request: str) -> None:
    """Bound and pin this process, then replace it by the probe; what cannot be pinned is noticed there."""
    wanted = json.loads(Path(request).read_text(encoding="utf-8"))
    _, hardest = resource.getrlimit(resource.RLIMIT_AS)
    memory = wanted["memory"] if hardest == resource.RLIM_INFINITY else min(wanted["memory"], hardest)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))  # a leak of descriptors is to be counted, not to end the child
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # no orphan when the gate is killed
        libc.personality(ADDR_NO_RANDOMIZE)
    words = [sys.executable, "-P", "-m", "gate.probe", request]
    os.execve(sys.executable, words, {**os.environ, **PINS, MARK: str(os.getpid())})  # noqa: S606 - no shell, our own interpreter


def end_marked(pid: int) -> None:
    """Kill every living process that a measured child started, also one that hid in a session of its own; the parent calls this."""
    mark = f"{MARK}={pid}".encode()
    for other in os.listdir("/proc") if sys.platform == "linux" else ():
        try:
            with open(f"/proc/{other}/environ", "rb") as file:
                found = other.isdigit() and mark in file.read().split(b"\0")
            if found:
                os.kill(int(other), signal.SIGKILL)
        except OSError:  # no process, or it ended meanwhile, or it is somebody else's
            continue


if __name__ == "__main__":
    main(sys.argv[1])
