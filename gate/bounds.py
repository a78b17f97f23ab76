"""What bounds a child: the time that it may take, what it may print, how many it may become; and how it is ended with its group."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from gate.probe import pins
from gate.probe.own import descendants

LOOK = 0.05  # seconds between two looks at a bounded child
_CROWD = 1_000  # processes and threads by which the machine may fill up while a child runs
_KILL = getattr(signal, "SIGKILL", 9)  # Windows has none


class Watch:
    """Kill a child that takes too long or prints too much."""

    def __init__(self, pid: int, seconds: float, output: int, files: Sequence[IO[bytes]], *, mark: str) -> None:
        """Start to look; what carries the mark in its environment belongs to the child too."""
        self.stopped, self._mark = "", mark
        self._pid, self._files = pid, files
        self._deadline, self._output = time.monotonic() + seconds, output
        self._over, self._most = threading.Event(), _living() + _CROWD
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(LOOK):
            late = time.monotonic() > self._deadline
            crowd = _living() > self._most and self._is_crowd()
            if late or crowd or self.has_printed_enough():
                self.stopped = "crowd" if crowd else "time" if late else "output"
                stop(self._pid)
                return

    def allow(self, seconds: float) -> None:
        """Let it take so many seconds more from now on."""
        self._deadline = time.monotonic() + seconds

    def has_printed_enough(self) -> bool:
        """Tell whether more was printed than may be."""
        return sum(os.fstat(file.fileno()).st_size for file in self._files) > self._output

    def _is_crowd(self) -> bool:
        """Tell whether the crowd is the child's; its group is halted while it is counted, or it would grow faster than that."""
        kill(self._pid, signal.SIGSTOP)
        try:
            return _is_crowd(self._pid, self._mark)
        finally:
            kill(self._pid, signal.SIGCONT)

    def end(self) -> None:
        """Stop looking; the child has ended."""
        self._over.set()
        self._thread.join()


def stop(pid: int) -> None:
    """Kill a child that nobody has waited for yet, its group, and what descends from it in another group."""
    family = [str(pid), *descendants(str(pid))]
    kill(pid)
    for member in family if hasattr(os, "killpg") else ():
        with suppress(ProcessLookupError, PermissionError):
            os.kill(int(member), signal.SIGKILL)


def kill(group: int, by: int = _KILL) -> bool:
    """Kill what is left of a process group, or halt it; tell whether anything was."""
    with suppress(ProcessLookupError, PermissionError, AttributeError):  # gone; macOS for a group of zombies; Windows has no groups
        os.killpg(group, by)
        return True
    return False


def _living() -> int:
    """Return how many processes and threads live on this machine, 0 where nobody tells."""
    try:
        with open("/proc/loadavg", encoding="ascii") as file:  # noqa: PTH123 - read twenty times a second
            return int(file.read().split()[3].partition("/")[2])
    except FileNotFoundError:
        return 0


def _is_crowd(leader: int, mark: str) -> bool:
    """Tell whether too many threads live in the session of a process, its own and those of what it started, or carry its mark elsewhere."""
    found, others = 0, []
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - there are many, and a Path for each is slow
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - as above
                fields = file.read().rpartition(b")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[3]) == leader:
            found += int(fields[17])
        else:
            others.append(int(pid))
        if found > _CROWD:
            return True
    return bool(mark) and found + len(set(others).intersection(pins.marked(mark))) > _CROWD
