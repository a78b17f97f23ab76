"""Watch what a population keeps while it steps: a bounded table of windows that says the same at any length."""

import gc
import time
from array import array
from collections.abc import Callable

from gate.probe.meters import Meters, let_go

CAPACITY = 128  # windows; a full table is halved, two windows into one
_EARLY = CAPACITY // 2  # windows of the shortest table that is told
_STRIDE = CAPACITY // 4  # windows between two moments at which a table is told
_SCREEN = 0.1  # seconds that the first table is meant to take
_SOME = 4  # steps that tell a pace
_LARGE = 1 << 62
_READS = 64  # readings of the heap in one window, at the most
_SHARE = 0.1  # of the time of a window that readings may take
_WAITING = 4  # seconds of waiting that count like one of work
NAMES = ("steps", "heap", "heap mean", "rss", "mapped", "fds", "threads", "children", "segments")


class Watch:
    """What is kept after each window of steps.

    Every window has as many steps as every other. `heap` is the lowest reading within it, so that what was let go within it does
    not count; `heap mean` is the mean of all readings, which for noise is the steadier figure. The rest is read at its end.
    """

    def __init__(self, meters: Meters, step: Callable[[], object]) -> None:
        """Take the first steps to learn their pace, without looking."""
        self._meters, self._step = meters, step
        self._rows = {name: array("q", bytes(8 * CAPACITY)) for name in NAMES}
        self._taken, self._per, self._steps = 0, 1, 0
        self._began = time.process_time(), time.monotonic()

    def pace(self) -> None:
        """Take some steps to learn how long one takes, and choose windows so that the first table takes about a tenth of a second."""
        start, taken = self._spent(), 0
        while taken < _STRIDE and (taken < _SOME or self._spent() - start < _SCREEN / 4):
            self._step()
            taken += 1
        pace = max((self._spent() - start) / taken, 1e-7)
        self._steps += taken
        while 2 * self._per * _EARLY * pace < _SCREEN:
            self._per *= 2

    def go_on(self, *, steps: int, seconds: float, until: float, most: int) -> str:
        """Fill windows until there are `steps` in all and `seconds` of work in all; say why it ended.

        Ends early at `until` (monotonic seconds) with "time" and when the heap has gained `most` bytes with "memory"; else "".
        """
        heap, first = self._rows["heap"], 0
        while True:
            if self._taken == CAPACITY:
                self._halve()
            self._window(until)
            first = heap[0]
            if time.monotonic() > until:
                return "time"
            if heap[self._taken - 1] - first > most:
                return "memory"
            told = self._taken >= _EARLY and self._taken % _STRIDE == 0
            if told and self._steps >= steps and self._spent() >= seconds:
                return ""

    def table(self) -> dict[str, list[int]]:
        """Return all windows: `steps` at the end of each, and one reading of each meter."""
        return {name: list(row[: self._taken]) for name, row in self._rows.items()}

    def _spent(self) -> float:
        """Return the seconds of work since the start; a while of waiting counts little."""
        return max(time.process_time() - self._began[0], (time.monotonic() - self._began[1]) / _WAITING)

    def _window(self, until: float) -> None:
        """Take the steps of one window; one that time cuts short is not told."""
        step, read, per = self._step, self._meters.heap, self._per
        start = time.perf_counter()
        lowest = read()
        cost = time.perf_counter() - start
        step()
        pace = max(time.perf_counter() - start - cost, 1e-7)
        reads = max(1, min(_READS, int(_SHARE * per * pace / cost)))
        every, total, number, left = max(1, per // reads), 0, 0, per - 1
        lowest = _LARGE
        while left > 0:
            for _ in range(min(every, left)):
                step()
            left -= every
            seen = read()
            lowest, total, number = min(seen, lowest), total + seen, number + 1
            if time.monotonic() > until:
                break
        if gc.isenabled():
            gc.collect()
        let_go()
        seen = read()
        self._steps += per - max(0, left)
        if left <= 0:
            self._keep(min(seen, lowest), (total + seen) // (number + 1))

    def _keep(self, lowest: int, mean: int) -> None:
        """Write one row."""
        rss, mapped = self._meters.resident()
        fds, threads, children, segments = self._meters.handles()
        for name, value in zip(NAMES, (self._steps, lowest, mean, rss, mapped, fds, threads, children, segments), strict=True):
            self._rows[name][self._taken] = value
        self._taken += 1

    def _halve(self) -> None:
        """Make one window of every two."""
        for name, row in self._rows.items():
            for at in range(CAPACITY // 2):
                one, two = row[2 * at], row[2 * at + 1]
                row[at] = min(one, two) if name == "heap" else (one + two) // 2 if name == "heap mean" else two
        self._taken //= 2
        self._per *= 2
