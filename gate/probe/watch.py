"""Watch what a population keeps while it steps: a bounded table of windows that says the same at any length."""

from array import array
from collections.abc import Callable
from itertools import repeat

from gate.probe.meters import Meters, let_go, most_files
from gate.probe.own import Own, leave_twin
from gate.probe.target import check

CAPACITY = 128  # windows; a full table is halved, two windows into one
_EARLY = 48  # windows of the shortest table that is told: of steps that are slow, one each
_STRIDE = 16  # windows between two moments at which a table is told
_SCREEN = 0.06  # seconds that the first table is meant to take
_SOME, _PACED = 4, 32  # steps that tell a pace: the fewest and the most
_LARGE = 1 << 62
_PLENTY = 4  # a table that is long enough ends with so much less memory
_CROWD = 500  # threads, processes and segments that are enough to judge by
_DESCRIPTORS = 0.8  # of those that a process may have
_READS = 64  # readings of the heap in one window, at the most
_SHARE = 0.1  # of the time of a window that readings may take
_COLLECTING = 0.5  # seconds of collecting everything for each second of steps
_CHEAP = 0.001  # seconds that collecting everything may take each time
_WAITING = 4  # seconds of waiting that count like one of work
NAMES = ("steps", "heap", "heap mean", "rss", "mapped", "fds", "threads", "children", "segments")


class Watch:
    """What is kept after each window of steps.

    Every window has as many steps as every other. `heap` is the lowest reading within it, so that what was let go within it does
    not count; `heap mean` is the mean of all readings, which for noise is the steadier figure. The rest is read at its end.
    All that must be remembered while the steps run lies in arrays made beforehand: a number of Python's own is an object, and the
    heap meter would see it.
    """

    def __init__(self, meters: Meters, step: Callable[[], object]) -> None:
        """Remember what to do; nothing is done yet."""
        self._meters, self._step = meters, step
        self._read = meters.heap  # a bound method is an object, too
        self._rows = {name: array("q", bytes(8 * CAPACITY)) for name in NAMES}
        self._steps, self._per, self._every, self._reads, self._low, self._sum = (array("q", [start]) for start in (0, 1, 1, 1, 0, 0))
        self._due, self._price = array("d", [0.0]), array("d", [0.0])  # seconds that collecting may take, and takes
        self._clock = array("d", [0.0, 0.0])  # what a reading and a window took
        self._taken = 0
        self._files = most_files()
        self._began = array("d", [0.0, 0.0])

    def pace(self) -> int:
        """Take some steps to learn how long one takes, and choose windows so that the first table takes a sixteenth of a second.

        Returns the steps that it took.
        """
        self._began[0], self._began[1] = Own.process_time(), Own.monotonic()
        taken = 0
        while taken < _PACED and (taken < _SOME or self._spent() < _SCREEN / 4):
            check(self._step())
            leave_twin()
            taken += 1
        pace = max(self._spent() / taken, 1e-7)
        self._steps[0] += taken
        while self._per[0] * CAPACITY * pace < _SCREEN:
            self._per[0] *= 2
        return taken

    def go_on(self, *, steps: int, seconds: float, enough: float, until: float, most: int) -> str:
        """Fill windows until there are `steps` in all and `seconds` of work in all, or `enough` seconds; say why it ended.

        Ends early at `until` (monotonic seconds) with "time"; when the heap has gained `most` bytes, or a quarter in enough windows,
        with "memory"; before the system runs out of descriptors or fills up with threads and processes with "handles"; else "".
        """
        heap = self._rows["heap"]
        while True:
            if self._taken == CAPACITY:
                self._halve()
            if not self._window(until):
                return "time"
            gained = heap[self._taken - 1] - heap[0]
            if gained > most or (gained > most / _PLENTY and self._taken >= _EARLY):
                return "memory"
            if self._crowded():
                return "handles"
            told = self._taken >= _EARLY and self._taken % _STRIDE == 0
            if told and (self._spent() >= enough or (self._steps[0] >= steps and self._spent() >= seconds)):
                return ""

    def _crowded(self) -> bool:
        """Tell whether more is open than a system bears for long."""
        last, rows = self._taken - 1, self._rows
        crowd = sum(rows[name][last] - rows[name][0] for name in ("threads", "children", "segments"))
        return crowd > _CROWD or rows["fds"][last] > _DESCRIPTORS * self._files

    def table(self) -> dict[str, list[int]]:
        """Return all windows: `steps` at the end of each, and one reading of each meter."""
        return {name: list(row[: self._taken]) for name, row in self._rows.items()}

    def _spent(self) -> float:
        """Return the seconds of work since the start; a while of waiting counts little."""
        return max(Own.process_time() - self._began[0], (Own.monotonic() - self._began[1]) / _WAITING)

    def _window(self, until: float) -> bool:
        """Take the steps of one window; return False for one that time cut short, which is not told."""
        step, read, low, total = self._step, self._read, self._low, self._sum
        every, reads, clock = self._every, self._reads, self._clock
        every[0] = self._per[0] // reads[0]
        low[0], total[0] = _LARGE, 0
        clock[0] = Own.perf_counter()
        for _ in repeat(None, reads[0]):
            for _ in repeat(None, every[0]):
                step()
            leave_twin()
            seen = read()
            total[0], low[0] = total[0] + seen, min(low[0], seen)
            del seen  # a number that lives is read by the next reading
            if Own.monotonic() > until:
                return False
        clock[1] = Own.perf_counter() - clock[0]
        self._collect()
        clock[0] = Own.perf_counter()
        seen = read()  # nothing of ours lives now that did not live at the window before
        clock[0] = 2 * (Own.perf_counter() - clock[0])
        total[0], low[0] = total[0] + seen, min(low[0], seen)
        del seen
        self._steps[0] += self._per[0]
        self._keep(total[0] // (reads[0] + 1))
        while reads[0] < min(_READS, self._per[0]) and 2 * reads[0] * clock[0] < _SHARE * clock[1]:
            reads[0] *= 2
        return True

    def _collect(self) -> None:
        """Collect what is garbage, unless the user's code switched that off; all of it only as often as its price allows."""
        if Own.is_collecting():
            self._due[0] += _COLLECTING * self._clock[1]
            start = Own.process_time()
            whole = self._price[0] <= max(self._due[0], _CHEAP)
            Own.collect(2 if whole else 1)
            if whole:
                self._due[0], self._price[0] = 0.0, Own.process_time() - start
        let_go()

    def _keep(self, mean: int) -> None:
        """Write one row."""
        rss, mapped = self._meters.resident()
        fds, threads, children, segments = self._meters.handles()
        for name, value in zip(NAMES, (self._steps[0], self._low[0], mean, rss, mapped, fds, threads, children, segments), strict=True):
            self._rows[name][self._taken] = value
        self._taken += 1

    def _halve(self) -> None:
        """Make one window of every two."""
        for name, row in self._rows.items():
            for at in range(CAPACITY // 2):
                one, two = row[2 * at], row[2 * at + 1]
                row[at] = min(one, two) if name == "heap" else (one + two) // 2 if name == "heap mean" else two
        self._taken //= 2
        self._per[0] *= 2
