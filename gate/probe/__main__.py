"""A measured child: answer one wish after the other, until there are no more."""

from __future__ import annotations

import os
import signal
import sys

from gate.probe import meters, pins, questions
from gate.probe.own import Own, leave_twin, worded

TYPE_CHECKING = False  # typing takes as long to load as the rest of us; a type checker takes this for True
if TYPE_CHECKING:
    from typing import Any

_SPARE = 1 << 20  # bytes that are let go when no memory is left, to say so
_TRIES = 5  # an error of a handler or a trace function ends it, and few come at a time


def main(request: str) -> None:
    """Answer every wish with one line; whatever the user's code does, an answer is a whole line or none."""
    with open(request, encoding="utf-8") as file:
        wanted = Own.decode(file.read())
    line = _Line(*(int(os.environ.pop(name)) for name in ("GATE_HEAR", "GATE_TELL")))
    pins.bound(wanted["memory"])
    asked = _Asked(wanted)
    while True:
        wish = line.hear()
        if not wish:
            break
        try:
            text = Own.encode(asked.answer(wish)).encode()
        except BaseException as error:  # noqa: BLE001 - no memory is left, or a handler came at the wrong moment
            text = b'{"error": "%s while the gate answered"}' % type(error).__name__.encode("ascii", "replace")
        _calm()
        leave_twin()
        line.tell(text)
    Own.leave(0)  # threads that never end and exit handlers are not part of the question


class _Line:
    """The two descriptors to the parent; what was closed, or closed and opened as something else, is not written to."""

    def __init__(self, hear: int, tell: int) -> None:
        """Know them again."""
        for descriptor in (hear, tell):
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - what the agents start does not hold our line
        self._hear, self._tell = hear, tell
        self._nodes = [Own.fstat(descriptor).st_ino for descriptor in (hear, tell)]

    def hear(self) -> bytes:
        """Read one line, byte by byte: it is short, and nothing of it stays."""
        self._check()
        line = b""
        while not line.endswith(b"\n"):
            more = Own.read(self._hear, 1)
            if not more:
                return b""
            line += more
        return line

    def tell(self, text: bytes) -> None:
        """Write one line."""
        self._check()
        rest = text + b"\n"
        while rest:
            rest = rest[Own.write(self._tell, rest) :]

    def _check(self) -> None:
        try:
            whole = self._nodes == [Own.fstat(descriptor).st_ino for descriptor in (self._hear, self._tell)]
        except OSError:
            whole = False
        if not whole:
            Own.leave(pins.CUT)


class _Asked:
    """The user's code, loaded with the first wish."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        """Read what the user's code may change before it comes."""
        self._wanted, self._reader, self._pins = wanted, meters.Meters(), pins.held()
        self._subject: questions.Subject | None = None
        self._spare = bytearray(_SPARE)
        self._blocked: set[signal.Signals | int] = set()
        if hasattr(signal, "pthread_sigmask"):
            self._blocked = set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    def answer(self, wish: bytes) -> dict[str, Any]:
        """Answer one wish; whatever the user's code raises is an answer too."""
        answer: dict[str, Any] = {}
        try:
            _resume(self._blocked)
            if self._subject is None:
                if b'"watch"' not in wish:  # what traces needs modules of Python's own, and a user may have a pickle.py
                    import tracemalloc  # noqa: F401, PLC0415 - a watch does not pay for it
                sys.path.insert(0, str(self._wanted["root"]))
                sys.argv = [str(self._wanted["root"])]
                self._subject = questions.Subject(self._wanted, self._reader)
            answer = self._subject.answer(Own.decode(wish.decode()))
        except BaseException as error:  # noqa: BLE001 - SystemExit too
            self._spare = bytearray()
            answer = {"error": worded(error, self._wanted["root"])} | (self._subject.so_far() if self._subject else {})
        return answer | {"cpu": Own.process_time(), "pins": self._pins, "python": Own.python}


def _calm() -> None:
    """Keep handlers, trace functions and profilers of the user's from running while nothing of the user's is asked for."""
    for _ in range(_TRIES):
        try:
            if hasattr(signal, "pthread_sigmask"):
                signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            sys.settrace(None)
            sys.setprofile(None)
        except BaseException:  # noqa: BLE001, S112 - what was raised by one of them ends it
            continue
        return


def _resume(blocked: set[signal.Signals | int]) -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except BaseException as last:  # noqa: BLE001 - never a traceback of ours
        try:
            Own.write(2, f"{worded(last, '')}\n".encode("utf-8", "replace"))
        finally:
            Own.leave(1)
