"""The most that a step needs: what is allocated at its height above what is held before it."""

import _tracemalloc
import ctypes
import os
import sys
from array import array
from collections.abc import Callable
from itertools import repeat
from types import FrameType
from typing import Any

from gate.probe.lines import Line, told
from gate.probe.own import Own
from gate.probe.target import Herd

_WARM = 3  # rounds before anything is read: caches of the first steps are not the steps' own
_MOST = 64  # steps that are read, each twice
_FEWEST = 8
_SECONDS = 0.5  # that reading may take, for each of the two meters
_HIGHER = 1.01  # times what was reached before: a line that only holds it is not the one that asked for it
_RESET = b"5"  # to /proc/self/clear_refs: forget the highest resident size, see man proc


def look(herd: Herd, *, population: int, settle: int) -> dict[str, list[int]]:
    """Return bytes above rest at the height of single steps: `traced` (Python and arrays, exact) and `resident` (pages; -1 where unknown).

    `round` is what a round of the whole population needs, traced. Each list has one reading a step or round.
    """
    herd.add(population)
    herd.move(0, settle + _WARM)
    steps, everyone = herd.steps(), herd.round()
    resident = _read(steps, _resident)
    _tracemalloc.start()
    try:
        traced, rounds = _read(steps, _traced), _read([everyone], _traced)
        if not _tracemalloc.is_tracing():
            message = "the step stops tracemalloc, by which its peak is read; let it leave that alone"
            raise RuntimeError(message)
    finally:
        _tracemalloc.stop()
    return {"resident": resident, "traced": traced, "round": rounds}


def lines(herd: Herd, *, population: int, settle: int, root: str) -> list[Line]:
    """Return the line of the user's code at which a step reaches its height, with the calls that led there and the bytes above rest.

    Every line of one step is followed, which takes many times as long as the step itself.
    """
    herd.add(population)
    herd.move(0, settle + _WARM)
    one = herd.steps()[0]
    highest, at = 0, None
    last: FrameType | None = None
    place = ""

    def follow(frame: FrameType, _event: str, _what: Any) -> Any:
        """Take what was needed since the line before as that line's."""
        nonlocal highest, at, last, place
        _, reached = _tracemalloc.get_traced_memory()
        if last is not None and reached - rest > highest * _HIGHER:
            highest, at = reached - rest, [place, *_callers(last.f_back, root)]
        _tracemalloc.reset_peak()
        own = frame.f_code.co_filename.startswith(root + os.sep)
        if own:
            last, place = frame, f"{frame.f_code.co_filename}:{frame.f_lineno}"
        return follow

    _tracemalloc.start()
    rest, _ = _tracemalloc.get_traced_memory()
    sys.settrace(follow)
    try:
        one()
    finally:
        sys.settrace(None)
        _tracemalloc.stop()
    if at is None:
        return []
    path, _, line = at[0].rpartition(":")
    return [told(path, int(line), highest, 1, at[::-1])]


def _callers(frame: FrameType | None, root: str) -> list[str]:
    """Return the places of the user's code from which a frame was called, the last call first."""
    found = []
    while frame is not None:
        if frame.f_code.co_filename.startswith(root + os.sep):
            found.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
        frame = frame.f_back
    return found


def _read(steps: list[Callable[[], object]], above: Callable[[Callable[[], object]], int]) -> list[int]:
    """Read some steps, in turn of their agents, until there are enough or the time is over."""
    row, taken, start = array("q", bytes(8 * _MOST)), 0, Own.monotonic()
    for _ in repeat(None, _MOST):
        row[taken] = above(steps[taken % len(steps)])
        taken += 1
        if taken >= _FEWEST and Own.monotonic() - start > _SECONDS:
            break
    return list(row[:taken])


def _traced(step: Callable[[], object]) -> int:
    """Return the traced bytes at the height of a step above those before it."""
    _tracemalloc.reset_peak()
    before, _ = _tracemalloc.get_traced_memory()
    step()
    _, highest = _tracemalloc.get_traced_memory()
    return highest - before


def _resident(step: Callable[[], object]) -> int:
    """Return the resident bytes at the height of a step above those before it; free pages of the heap are given back first."""
    if sys.platform != "linux":
        step()
        return -1
    ctypes.CDLL(None).malloc_trim(0)
    try:
        with Own.open("/proc/self/clear_refs", "wb", buffering=0) as file:
            file.write(_RESET)
    except OSError:  # a container may forbid it
        step()
        return -1
    before = _line(b"VmRSS:")
    step()
    return max(0, _line(b"VmHWM:") - before)


def _line(name: bytes) -> int:
    """Return the bytes of one line of /proc/self/status."""
    handle = os.open("/proc/self/status", os.O_RDONLY)
    try:
        text = Own.read(handle, 4096)
    finally:
        os.close(handle)
    at = text.index(name) + len(name)
    return int(text[at : text.index(b"kB", at)]) * 1024
