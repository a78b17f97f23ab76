"""A measured child, or the nursery of many: load the code, then answer one wish after the other, until there are no more."""

from __future__ import annotations

import os
import signal
import sys

from gate.probe import inputs, meters, pins, questions
from gate.probe.nursery import Nursery
from gate.probe.own import Own, leave_twin, worded

TYPE_CHECKING = False  # typing takes as long to load as the rest of us; a type checker takes this for True
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Answer = dict[str, Any]

_SPARE = 1 << 20  # bytes that are let go when no memory is left, to say so
_TRIES = 5  # an error of a handler or a trace function ends it, and few come at a time


def main(request: str) -> None:
    """Load the user's code, say so, fork a child for each one that is asked for, and in each child answer every wish with one line."""
    with open(request, encoding="utf-8") as file:
        wanted = Own.decode(file.read())
    line = _Line(*(int(os.environ.pop(name)) for name in ("GATE_HEAR", "GATE_TELL")))
    pins.bound(wanted["memory"])
    if wanted.get("notes"):
        inputs.watch(wanted["notes"], str(wanted["root"]), wanted["skip"])
    asked, nursery = _Asked(wanted), Nursery()  # in this order: what is open then is what the code finds open
    _say(line, asked.load, nursery)
    if asked.shared:
        asked.begin(nursery.serve(line))
    while True:
        wish = line.hear()
        if not wish:
            break
        _say(line, asked.answer, wish)
    Own.leave(0)  # threads that never end and exit handlers are not part of the question


def _say(line: _Line, ask: Callable[[Any], Answer], about: object) -> None:
    """Answer with one line; whatever the user's code does, an answer is a whole line or none."""
    try:
        text = Own.encode(ask(about)).encode()
    except BaseException as error:  # noqa: BLE001 - no memory is left, or a handler came at the wrong moment
        text = b'{"error": "%s while the gate answered"}' % type(error).__name__.encode("ascii", "replace")
    _calm()
    leave_twin()
    line.tell(text)


class _Line:
    """The two descriptors to the parent; what was closed, or closed and opened as something else, is not written to."""

    def __init__(self, hear: int, tell: int) -> None:
        """Know them again."""
        for descriptor in (hear, tell):
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - what the agents start does not hold our line
        self.hears, self.tells = hear, tell
        self.renew()

    def renew(self) -> None:
        """Know what is behind them."""
        self._nodes = [Own.fstat(descriptor).st_ino for descriptor in (self.hears, self.tells)]

    def hear(self) -> bytes:
        """Read one line, byte by byte: it is short, and nothing of it stays."""
        self._check()
        line = b""
        while not line.endswith(b"\n"):
            more = Own.read(self.hears, 1)
            if not more:
                return b""
            line += more
        return line

    def tell(self, text: bytes) -> None:
        """Write one line."""
        self._check()
        rest = text + b"\n"
        while rest:
            rest = rest[Own.write(self.tells, rest) :]

    def _check(self) -> None:
        try:
            whole = self._nodes == [Own.fstat(descriptor).st_ino for descriptor in (self.hears, self.tells)]
        except OSError:
            whole = False
        if not whole:
            Own.leave(pins.CUT)


class _Asked:
    """The user's code, loaded once, and what is asked about it."""

    def __init__(self, wanted: Answer) -> None:
        """Read what the user's code may change before it comes."""
        self._wanted, self._reader, self._pins = wanted, meters.Meters(), pins.held()
        self._subject: questions.Subject | None = None
        self._began = self.shared = False
        self._spare = bytearray(_SPARE)
        self._blocked: set[signal.Signals | int] = set()
        if hasattr(signal, "pthread_sigmask"):
            self._blocked = set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    def load(self, nursery: Nursery) -> Answer:
        """Load the code; say what that took, and why no child may be forked from here if so: `alone`."""
        try:
            sys.path.insert(0, str(self._wanted["root"]))
            sys.argv = [str(self._wanted["root"])]
            self._subject = questions.Subject(self._wanted, self._reader)
            alone = nursery.unfit(str(self._wanted.get("alone", "")))
        except BaseException as error:  # noqa: BLE001 - SystemExit too
            return self._failed(error)
        self._pins["import"] = f"anew in each child: {alone}" if alone else "once, for all children of the case"
        self.shared = not alone
        return self._told({"alone": alone})

    def begin(self, wanted: Answer) -> None:
        """Become a child that was forked, and is asked about the code in its own way."""
        self._wanted |= wanted
        self._reader.reopen()

    def answer(self, wish: bytes) -> Answer:
        """Answer one wish; whatever the user's code raises is an answer too."""
        try:
            _resume(self._blocked)
            assert self._subject is not None  # noqa: S101 - what was not loaded is not asked
            if not self._began:
                self._subject.begin(self._wanted)
                self._began = True
            return self._told(self._subject.answer(Own.decode(wish.decode())))
        except BaseException as error:  # noqa: BLE001 - SystemExit too
            return self._failed(error)

    def _failed(self, error: BaseException) -> Answer:
        """Say what the user's code raised, and what was seen before."""
        self._spare = bytearray()
        return self._told({"error": worded(error, self._wanted["root"])} | (self._subject.so_far() if self._subject else {}))

    def _told(self, answer: Answer) -> Answer:
        """Add what this process says of itself."""
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
