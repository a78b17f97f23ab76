"""What makes the readings of a child exact, what bounds it, and how it is ended with everything that it started."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ADDR_NO_RANDOMIZE = 0x0040000  # <sys/personality.h>
_ASK = 0xFFFFFFFF  # as an argument of personality(): change nothing
MARK = "GATE_MEASURED_CHILD"  # its value is known to the parent alone; what the child starts inherits it
BIRTHS = "GATE_BIRTHS"  # environment variable of a child that talks: the socket by which it is asked to fork others
CUT = 97  # exit code of a child whose line to the gate was closed by the user's code
_ROUNDS = 50  # in which what multiplies is killed faster than it starts more
_MOMENT = 0.001  # seconds in which a program is started
_KERNEL = 0x00200000  # PF_KTHREAD of <linux/sched.h>
_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>

PINS = (
    {} if "t" in getattr(sys, "abiflags", "") else {"PYTHONMALLOC": "malloc"}
) | {  # every object is the C allocator's, if there is a GIL
    "PYTHONHASHSEED": "0",
    "MALLOC_ARENA_MAX": "1",
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.mmap_threshold=131072:glibc.malloc.mxfast=0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


@contextmanager
def steady_addresses() -> Iterator[None]:
    """Let programs that this thread starts have the same addresses each time; where the kernel refuses that, the child says so."""
    if sys.platform != "linux":
        yield
        return
    personality = ctypes.CDLL(None).personality  # of this thread alone; what it starts inherits it
    before = personality(_ASK)
    personality(before | ADDR_NO_RANDOMIZE)
    try:
        yield
    finally:
        personality(before)


class Mark:
    """The mark of this very process, where the kernel shows it to others; a forked child gets another one by writing over it."""

    def __init__(self) -> None:
        """Find it before the user's code comes: what is set later lies elsewhere."""
        self._own = os.environ
        find = ctypes.CDLL(None).getenv
        find.restype = ctypes.c_void_p
        self._at, self._length = find(MARK.encode()), len(os.environ.get(MARK, "").encode())

    def write(self, mark: str) -> None:
        """Write over it, for who looks at us and for what we start; what the user's code took out of the environment stays out."""
        if self._at and len(mark.encode()) == self._length:
            ctypes.memmove(self._at, mark.encode(), self._length)
        if MARK in self._own:
            self._own[MARK] = mark


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
        die_with_parent()
        with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")  # when memory runs out, the kernel ends us and not the gate


def die_with_parent() -> None:
    """Let the kernel end this process with the gate, so that none is left when the gate is killed; a fork forgets it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def held() -> dict[str, str]:
    """Say of each pin whether it is in force."""
    told = {name: os.environ.get(name, "missing") for name in PINS} | {"entropy": "seed 0 while importing"}
    if sys.platform == "linux":
        now = ctypes.CDLL(None).personality(_ASK)
        told["ADDR_NO_RANDOMIZE"] = "on" if now != -1 and now & ADDR_NO_RANDOMIZE else "missing: the kernel or container refuses it"
    else:
        told["ADDR_NO_RANDOMIZE"] = f"missing: not on {sys.platform}"
    return told


def marked(mark: str) -> list[int]:
    """Return every living process that a measured child started, also one that hid in a session of its own; the parent calls this.

    One that is in the middle of being started shows nothing yet and is looked at again.
    """
    found, starting = _marked(mark)
    for _ in range(_ROUNDS if starting else 0):
        time.sleep(_MOMENT)
        found, starting = _marked(mark)
        if not starting:
            break
    return found


def _marked(mark: str) -> tuple[list[int], bool]:
    """Return the processes that carry a mark, and whether there is one that may carry it in a moment."""
    wanted, found, starting = f"{MARK}={mark}".encode(), [], False
    for other in os.listdir("/proc") if sys.platform == "linux" else ():
        try:
            with open(f"/proc/{other}/environ", "rb") as file:
                words = file.read()
            if other.isdigit() and wanted in words.split(b"\0"):
                found.append(int(other))
            starting = starting or (not words and other.isdigit() and _is_starting(other))
        except OSError:  # no process, or it ended meanwhile, or it is somebody else's
            continue
    return found, starting


def _is_starting(pid: str) -> bool:
    """Tell whether a process without environment and arguments is neither a zombie nor the kernel's own: it is about to get them."""
    with open(f"/proc/{pid}/stat", "rb") as stat, open(f"/proc/{pid}/cmdline", "rb") as words:
        state, *_ = rest = stat.read().rpartition(b")")[2].split()
        return not words.read() and state not in {b"Z", b"X"} and not int(rest[6]) & _KERNEL


def end_marked(mark: str) -> None:
    """Kill every living process that a measured child started, and those that they start meanwhile."""
    for _ in range(_ROUNDS):
        left = marked(mark)
        for pid in left:
            with suppress(OSError):  # it ended meanwhile
                os.kill(pid, signal.SIGKILL)
        if not left:
            return
