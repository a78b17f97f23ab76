"""Which lines of code hold the memory, and which types multiply: a second look with traces, slower, only to explain."""

import _tracemalloc  # see gate/probe/questions.py
import os
from collections.abc import Sequence
from typing import Any

from gate.probe import census
from gate.probe.own import Own
from gate.probe.target import Herd, take

_FRAMES = 16
_MOST = 10
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


Line = dict[str, object]
Frame = tuple[str, int]  # file and line
Trace = Sequence[Any]  # domain, bytes, frames with the last call first, and what differs between interpreters
Sums = dict[tuple[Frame, ...], list[int]]  # bytes and blocks


def look(herd: Herd, *, root: str, settle: int, agents: int, steps: int, churn: bool, until: float) -> dict[str, list[Any]]:
    """Return the `lines` and the `types` that hold the most bytes: of `agents` new agents, per agent, or gained over `steps`, per step.

    With `steps` a population of `agents` lives while it steps, or with `churn` one agent after the other comes and goes.
    No step begins after `until` (monotonic seconds), except one for each of them: the warm-up may take a third of the time, and so may
    each of the two. Types are counted when nothing is traced any more, because a trace of what counting takes is slow.
    """
    start = Own.monotonic()
    third = (until - start) / 3

    def act(last: float) -> int:
        """Do what is to be explained; return by how many agents or steps it is to be divided."""
        if steps:
            return take(one, steps, last) * (1 if churn else agents)
        if herd.whole:
            herd.drop(0)  # the one before is not to be subtracted
        first = herd.count
        herd.add(agents)
        herd.move(first, settle, last)
        return agents

    if not churn:
        herd.add(agents if steps else 1)
        herd.move(0, 0 if steps else settle, until)
    one = herd.cycle(settle) if churn else herd.round()
    take(one, 1 if steps else 0)  # what it imports is not to be traced: that is slow
    _tracemalloc.start(_FRAMES)  # before the warm-up, so that a block that grows later is known almost from its birth
    take(one, (0 if churn else settle) + max(1, steps // 4) if steps else 0, start + third)
    before = _look()
    per = act(start + 2 * third)
    after = _look()
    _tracemalloc.stop()  # what follows would be slow
    lines = _lines(_summed(before), _summed(after), root, per)
    del before, after
    counted = census.count()
    per = act(until)
    return {"lines": lines, "types": census.gained(counted, census.count(), per)}


def told(path: str, line: int, size: float, count: float, trace: list[str]) -> Line:
    """Tell one line of code; the gate itself reads its text."""
    return {"path": path, "line": line, "size": size, "count": count, "trace": trace}


def _look() -> Sequence[Trace]:
    """Return what is alive; a Snapshot of tracemalloc is made of the same, and takes several times as long to compare."""
    Own.collect()
    return _tracemalloc._get_traces()  # noqa: SLF001 - as above


def _summed(traces: Sequence[Trace]) -> Sums:
    """Sum blocks by the frames that asked for them."""
    sums: Sums = {}
    for _, size, frames, *_ in traces:
        row = sums.setdefault(tuple(frames), [0, 0])
        row[0] += size
        row[1] += 1
    return sums


def _lines(before: Sums, after: Sums, root: str, per: int) -> list[Line]:
    """Sum the difference by the line of the user's code that asked for it, largest first."""
    sums: dict[Frame, list[int]] = {}
    traces: dict[Frame, tuple[int, list[str]]] = {}  # of what gained the most at a line
    for trace in before.keys() | after.keys():
        (old, fewer), (new, more) = (look.get(trace, (0, 0)) for look in (before, after))
        if (old, fewer) == (new, more):
            continue
        frames = [frame for frame in trace if not frame[0].startswith((_HERE, "<"))]
        if not frames:
            continue
        place = next((frame for frame in frames if _is_own(frame[0], root)), frames[0])
        total = sums.setdefault(place, [0, 0])
        total[0] += new - old
        total[1] += more - fewer
        if new - old > traces.get(place, (0, []))[0]:
            traces[place] = new - old, [f"{path}:{line}" for path, line in reversed(frames)]
    worst = sorted(sums.items(), key=lambda item: -item[1][0])[:_MOST]
    return [told(path, line, size / per, count / per, traces[path, line][1]) for (path, line), (size, count) in worst if size > 0]


def _is_own(path: str, root: str) -> bool:
    """Tell whether a file belongs to the repository and not to an environment inside it."""
    return path.startswith(root + os.sep) and not {"site-packages", "dist-packages"}.intersection(path.split(os.sep))
