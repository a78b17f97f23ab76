"""The process that has loaded the user's code and forks each measured child from itself; it builds and steps nothing."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import sys

from gate.probe import pins
from gate.probe.own import Own, descendants

TYPE_CHECKING = False  # see gate/probe/__main__.py
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Line(Protocol):
        """The two descriptors to the gate."""

        hears: int
        tells: int

        def tell(self, text: bytes) -> None:
            """Write one line."""

        def renew(self) -> None:
            """Know the descriptors again, which are others now."""


_LONGEST = 4096  # bytes of what a child is told
_PASSED = 5  # descriptors that come with it: standard input, output and error, and a line of its own
_ROOM = 64  # bytes in which they come
_STANDARD = (0, 1, 2)
_PR_GET_TID_ADDRESS = 40  # <sys/prctl.h>
_CLONE = {"x86_64": (56, 3), "aarch64": (220, 4)}  # <asm/unistd.h>: the number of the call, and which argument is child_tid
_FLAGS = 0x00008000 | 0x00200000 | 0x01000000  # CLONE_PARENT, CLONE_CHILD_CLEARTID and CLONE_CHILD_SETTID of <linux/sched.h>
_SHARED = b" rw-s "  # of a line of /proc/self/maps: what is written there, every process sees

Nodes = dict[str, tuple[int, int]]


class Nursery:
    """Children that are alike: each is a copy of this process as it was when the code had been loaded.

    A child is forked as a child of the gate (CLONE_PARENT), so that the gate waits for it as for any other and the kernel tells it the
    exact status and cost; nothing depends on this process any more once the child is there. A plain fork cannot do that.
    """

    def __init__(self) -> None:
        """Keep what is needed where the user's code does not replace it, and remember what is open before it comes."""
        births = int(os.environ.pop(pins.BIRTHS, "-1"))
        self._random = random.getstate, random.setstate
        self._fork = _forker() if births >= 0 else None
        if self._fork is None:
            return
        import _socket  # noqa: PLC0415 - where children are forked; socket itself takes long to load

        self._births = _socket.socket(fileno=births)
        os.set_inheritable(births, False)  # noqa: FBT003 - what the agents start does not hold it
        self._prctl, self._mark = pins.die_with_parent, pins.Mark()
        self._known = _open()

    def unfit(self, known: str) -> str:
        """Say why no child may be forked: what is known already, or what lives, is open or ticks here and all children would share."""
        if known or self._fork is None:
            return known or "this platform cannot fork it"
        timers = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
        with Own.open("/proc/self/maps", "rb") as file:
            shared = _SHARED in file.read()
        reasons = {
            "the import left threads running": len(Own.listdir("/proc/self/task")) > 1,
            "the import started processes": bool(descendants("self")),
            "the import opened or closed descriptors": _open() != self._known,
            "the import mapped memory that it would share": shared,
            "the import set a timer": any(Own.getitimer(timer)[0] for timer in timers),
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def serve(self, line: Line) -> dict[str, Any]:
        """Fork a child for each message of the gate; return in each child what it is told, and in the nursery never."""
        assert self._fork is not None  # noqa: S101 - it is fit
        chance = self._random[0]()
        while True:
            words, given, _, _ = self._births.recvmsg(_LONGEST, _ROOM)
            if not words:
                Own.leave(0)
            descriptors = memoryview(given[0][2]).cast("i").tolist() if given else []
            pid = self._fork()
            if not pid:
                told: dict[str, Any] = Own.decode(words.decode())
                self._begin(descriptors, line, str(told["mark"]))
                self._random[1](chance)  # what runs after a fork gave it another start, and agents are to be alike in all children
                line.tell(b"{}")
                return told
            for descriptor in descriptors:
                Own.close(descriptor)
            line.tell(b'{"pid": %d}' % pid)

    def _begin(self, descriptors: list[int], line: Line, mark: str) -> None:
        """Become a child of its own: with its own session, its own files, its own line to the gate and its own mark."""
        Own.setsid()
        self._prctl()
        Own.pid = Own.getpid()
        for descriptor, place in zip(descriptors, (*_STANDARD, line.hears, line.tells), strict=True):
            Own.dup2(descriptor, place, place in _STANDARD)
            Own.close(descriptor)
        self._births.close()
        line.renew()
        self._mark.write(mark)


def _open() -> Nodes:
    """Return what is open, each descriptor with what it leads to."""
    found: Nodes = {}
    for name in Own.listdir("/proc/self/fd"):
        try:
            seen = Own.fstat(int(name))
        except OSError:  # the descriptor by which they were listed
            continue
        found[name] = seen.st_dev, seen.st_ino
    return found


def _forker() -> Callable[[], int] | None:
    """Return what forks a child of our parent: its identity here, 0 in the child, -1 when the kernel refuses; None where it cannot be done.

    The C library has no such fork, so its own bookkeeping is done here: it keeps the identity of the thread at an address that the
    kernel knows and fills in again. Its locks and those of other libraries are free, because there is but one thread.
    """
    machine = os.uname().machine if sys.platform == "linux" else ""
    if machine not in _CLONE or sys.maxsize < 1 << 32:
        return None
    number, at = _CLONE[machine]
    place = ctypes.c_void_p()
    if ctypes.CDLL(None).prctl(_PR_GET_TID_ADDRESS, ctypes.byref(place)) or not place.value:
        return None
    if ctypes.c_int.from_address(place.value).value != Own.pid:  # another C library keeps something else there
        return None
    python = ctypes.PyDLL(None)  # a call that holds the interpreter's lock
    before, parent, child = python.PyOS_BeforeFork, python.PyOS_AfterFork_Parent, python.PyOS_AfterFork_Child
    clone = python.syscall
    clone.restype = ctypes.c_long
    words = [ctypes.c_long(0)] * 5
    words[0], words[at] = ctypes.c_long(_FLAGS | signal.SIGCHLD), ctypes.c_long(place.value)

    def fork() -> int:
        before()
        pid = int(clone(ctypes.c_long(number), *words))
        if pid:
            parent()
        else:
            child()
        return pid

    return fork
