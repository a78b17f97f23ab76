"""What makes the readings of a child exact, what bounds it, and how it is ended with everything that it started."""

import ctypes
import os
import signal
import sys
from pathlib import Path

from gate.probe.launch import ADDR_NO_RANDOMIZE

LAUNCH = Path(__file__).with_name("launch.py")
MARK = "GATE_MEASURED_CHILD"  # its value is known to the parent alone; what the child starts inherits it
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


def bound(memory: int) -> None:
    """Bound this process to `memory` bytes of address space, to no core files, and to the life of its parent."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - Windows has no such limits

    _, hardest = resource.getrlimit(resource.RLIMIT_AS)
    most = memory if hardest == resource.RLIM_INFINITY else min(memory, hardest)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))  # a leak of descriptors is to be counted, not to end the child
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # no orphan when the gate is killed


def held() -> dict[str, str]:
    """Say of each pin whether it is in force."""
    told = {name: os.environ.get(name, "missing") for name in PINS} | {"entropy": "seed 0 while importing"}
    if sys.platform == "linux":
        now = ctypes.CDLL(None).personality(0xFFFFFFFF)
        told["ADDR_NO_RANDOMIZE"] = "on" if now != -1 and now & ADDR_NO_RANDOMIZE else "missing: the kernel or container refuses it"
    else:
        told["ADDR_NO_RANDOMIZE"] = f"missing: not on {sys.platform}"
    return told


def end_marked(mark: str) -> None:
    """Kill every living process that a measured child started, also one that hid in a session of its own; the parent calls this."""
    wanted = f"{MARK}={mark}".encode()
    for other in os.listdir("/proc") if sys.platform == "linux" else ():
        try:
            with open(f"/proc/{other}/environ", "rb") as file:
                found = other.isdigit() and wanted in file.read().split(b"\0")
            if found:
                os.kill(int(other), signal.SIGKILL)
        except OSError:  # no process, or it ended meanwhile, or it is somebody else's
            continue
