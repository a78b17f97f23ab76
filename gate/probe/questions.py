"""The questions that a child can answer about agents: what they weigh, gain and hold open."""

import gc
import math
import time
from array import array
from collections.abc import Callable, Sequence

from gate.probe.meters import Meters, let_go

Build = Callable[[int], object]
StepAgent = Callable[[object], object]
Answer = dict[str, list[int]]

_NOISE_STEPS = 1000
_LARGE = 1 << 62
_ROUNDS = 10


def footprint(meters: Meters, build: Build, step: StepAgent, *, size: int, settle: int) -> Answer:
    """Weigh `size` live agents, each after `settle` steps; a first agent pays for imports and caches and is not weighed.

    Returns bytes: `heap` and `rss` before and after.
    """
    agents: list[object] = [None] * (size + 1)
    heap, rss = _row(2), _row(2)
    for at in (0, 1):
        for index in range(at, at + 1 if at == 0 else size + 1):
            agents[index] = build(index)
            for _ in range(settle):
                step(agents[index])
        rest()
        if at == 0:
            meters.level()
        rss[at] = meters.rss()
        heap[at] = meters.heap()
    return {"heap": list(heap), "rss": list(rss)}


def growth(
    meters: Meters, build: Build, step: StepAgent, *, population: int, settle: int, windows: int, per_window: int, until: float
) -> Answer:
    """Watch the heap while a population steps: the lowest reading of each window of steps.

    `settle` steps and a quarter of the run are warm-up and tell the pace; a window that would not fit before `until` (monotonic
    seconds) gets fewer steps. Returns bytes: `heap` and `rss`, one reading a window, fewer when time ran out; `noise`: the
    range of the heap over 1,000 steps that do nothing; `per_window`: the steps that a window had; `warm_up`: its steps after
    `settle`, and the bytes that the population gained in them.
    """
    agents = [build(index) for index in range(population)]
    nobody = [None] * population
    for agent in agents:
        for _ in range(settle):
            step(agent)
    _watch(meters, _nothing, nobody, _row(2), _row(2), _NOISE_STEPS, math.inf)  # warms the watch itself
    rest()
    weighed = meters.heap()
    pace, warmed = _warm(step, agents, windows * per_window // 4 + 1, until)
    rest()
    gained = meters.heap() - weighed
    quiet, heap, rss = _row(8), _row(windows), _row(windows)
    _watch(meters, _nothing, nobody, quiet, _row(8), _NOISE_STEPS // 8, math.inf)
    per_window = max(1, min(per_window, int((until - time.monotonic()) / pace / windows)))
    taken = _watch(meters, step, agents, heap, rss, per_window, until)
    noise = max(quiet) - min(quiet)
    told = {"noise": [noise], "per_window": [per_window], "warm_up": [warmed, gained]}
    return {"heap": list(heap[:taken]), "rss": list(rss[:taken]), **told}


def handles(meters: Meters, build: Build, step: StepAgent, *, population: int, settle: int, windows: int, per_window: int) -> Answer:
    """Count what a population holds open, at the end of each window of steps.

    Returns counts: `fds`, `threads` and `children`, one reading a window.
    """
    agents = [build(index) for index in range(population)]
    for agent in agents:
        for _ in range(settle + 1):
            step(agent)
    rest()
    fds, threads, children = _row(windows), _row(windows), _row(windows)
    for window in range(windows):
        for _ in range(per_window):
            for agent in agents:
                step(agent)
        rest()
        fds[window], threads[window], children[window] = meters.fds(), meters.threads(), meters.children()
    return {"fds": list(fds), "threads": list(threads), "children": list(children)}


ASK: dict[str, Callable[..., Answer]] = {"footprint": footprint, "growth": growth, "handles": handles}


def freeze() -> None:
    """Take what was imported out of all later collections, which then cost next to nothing; nothing of the agents is in it yet."""
    gc.collect()
    gc.freeze()


def rest() -> None:
    """Collect what is garbage, unless the user's code switched that off: then garbage stays for its users too."""
    for _ in range(_ROUNDS if gc.isenabled() else 0):  # finalisers may leave garbage in turn, a few of them for ever
        if not gc.collect():
            break
    let_go()


def _warm(step: StepAgent, agents: Sequence[object], steps: int, until: float) -> tuple[float, int]:
    """Step every agent, for a quarter of the time that is left at the most; return the seconds of one round, and the rounds."""
    start = time.monotonic()
    until = start + (until - start) / 4
    taken = 0
    while taken < steps and (taken == 0 or time.monotonic() < until):
        for agent in agents:
            step(agent)
        taken += 1
    return (time.monotonic() - start) / taken, taken


def _watch(
    meters: Meters, step: StepAgent, agents: Sequence[object], heap: "array[int]", rss: "array[int]", per_window: int, until: float
) -> int:
    """Fill the rows, one window after the other; return how many windows the time allowed."""
    read, collect = meters.heap, gc.collect
    for window in range(len(heap)):
        lowest = _LARGE
        for _ in range(per_window):
            for agent in agents:
                step(agent)
            lowest = min(read(), lowest)
        if gc.isenabled():
            collect()
        let_go()
        heap[window] = min(read(), lowest)
        rss[window] = meters.rss()
        if time.monotonic() > until:
            return window + 1
    return len(heap)


def _row(length: int) -> "array[int]":
    """Return a row for readings that needs no memory later."""
    return array("q", bytes(8 * length))


def _nothing(_agent: object) -> None:
    """Step nobody."""
