"""Which lines of code open descriptors, threads and processes: asked of the interpreter's own audit events, only to explain."""

import sys
from typing import TYPE_CHECKING

from gate.probe.lines import Line, told
from gate.probe.own import Own
from gate.probe.target import Herd, take

if TYPE_CHECKING:
    from types import FrameType

_EVENTS = {"open", "socket.__new__", "subprocess.Popen", "os.fork", "os.posix_spawn", "_thread.start_new_thread", "mmap.__new__"}
_MOST = 10


def look(herd: Herd, *, root: str, settle: int, agents: int, steps: int, churn: bool, until: float) -> list[Line]:
    """Return the lines of the user's code that open something, with how many times a step, most first; some may close it again.

    The hook stays for as long as the process lives, so this is asked of a child that answers nothing else.
    """
    if not churn:
        herd.add(agents)
        herd.move(0, settle, until)
    one = herd.cycle(settle) if churn else herd.round()
    take(one, max(1, steps // 4), (Own.monotonic() + until) / 2)
    seen: dict[tuple[str, int], int] = {}

    def hook(event: str, _words: object) -> None:
        if event in _EVENTS:
            frame = _caller()
            while frame and not frame.f_code.co_filename.startswith(f"{root}/"):
                frame = frame.f_back
            if frame:
                place = frame.f_code.co_filename, frame.f_lineno
                seen[place] = seen.get(place, 0) + 1

    sys.addaudithook(hook)
    per = take(one, steps, until) * (1 if churn else agents)
    worst = sorted(seen.items(), key=lambda item: -item[1])[:_MOST]
    return [told(path, line, number / per, number / per, []) for (path, line), number in worst]


def _caller() -> "FrameType | None":
    """Return the frame that raised the event of the hook that asks."""
    return sys._getframe(2)  # noqa: SLF001 - `inspect` would give the same
