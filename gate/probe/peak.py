"""The most that a step needs: what is allocated at its height above what is held before it."""

import ctypes
import os
import sys
import time
import tracemalloc
from array import array
from collections.abc import Callable
from itertools import repeat

from gate.probe.target import Herd

_WARM = 3  # rounds before anything is read: caches of the first steps are not the steps' own
_MOST = 64  # steps that are read, each twice
_FEWEST = 8
_SECONDS = 0.5  # that reading may take, for each of the two meters
_RESET = b"5"  # to /proc/self/clear_refs: forget the highest resident size, see man proc


def look(herd: Herd, *, population: int, settle: int) -> dict[str, list[int]]:
    """Return bytes above rest at the height of single steps: `traced` (Python and arrays, exact) and `resident` (pages; -1 where unknown).

    `round` is what a round of the whole population needs, traced. Each list has one reading a step or round.
    """
    herd.add(population)
    herd.move(0, settle + _WARM)
    steps, everyone = herd.steps(), herd.round()
    resident = _read(steps, _resident)
    tracemalloc.start()
    try:
        traced, rounds = _read(steps, _traced), _read([everyone], _traced)
    finally:
        tracemalloc.stop()
    return {"resident": resident, "traced": traced, "round": rounds}


def _read(steps: list[Callable[[], object]], above: Callable[[Callable[[], object]], int]) -> list[int]:
    """Read some steps, in turn of their agents, until there are enough or the time is over."""
    row, taken, start = array("q", bytes(8 * _MOST)), 0, time.monotonic()
    for _ in repeat(None, _MOST):
        row[taken] = above(steps[taken % len(steps)])
        taken += 1
        if taken >= _FEWEST and time.monotonic() - start > _SECONDS:
            break
    return list(row[:taken])


def _traced(step: Callable[[], object]) -> int:
    """Return the traced bytes at the height of a step above those before it."""
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    step()
    _, highest = tracemalloc.get_traced_memory()
    return highest - before


def _resident(step: Callable[[], object]) -> int:
    """Return the resident bytes at the height of a step above those before it; free pages of the heap are given back first."""
    if sys.platform != "linux":
        step()
        return -1
    ctypes.CDLL(None).malloc_trim(0)
    try:
        with open("/proc/self/clear_refs", "wb", buffering=0) as file:
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
        text = os.read(handle, 4096)
    finally:
        os.close(handle)
    at = text.index(name) + len(name)
    return int(text[at : text.index(b"kB", at)]) * 1024
