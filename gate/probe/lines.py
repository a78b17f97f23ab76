"""Which lines of code hold the memory, and which types multiply: a second look with traces, slower, only to explain."""

import linecache
import tracemalloc
from pathlib import Path
from typing import Any

from gate.probe import census
from gate.probe.own import Own
from gate.probe.target import Herd, take

_FRAMES = 16
_MOST = 10


Line = dict[str, object]


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
    tracemalloc.start(_FRAMES)  # before the warm-up, so that a block that grows later is known almost from its birth
    take(one, (0 if churn else settle) + max(1, steps // 4) if steps else 0, start + third)
    before = _look()
    per = act(start + 2 * third)
    lines = _lines(before, _look(), root, per)
    tracemalloc.stop()
    del before
    counted = census.count()
    per = act(until)
    return {"lines": lines, "types": census.gained(counted, census.count(), per)}


def told(path: str, line: int, size: float, count: float, trace: list[str]) -> Line:
    """Tell one line of code with its text."""
    return {"path": path, "line": line, "text": linecache.getline(path, line).strip(), "size": size, "count": count, "trace": trace}


def _look() -> tracemalloc.Snapshot:
    """Take a snapshot of what is alive."""
    Own.collect()
    return tracemalloc.take_snapshot()


def _lines(before: tracemalloc.Snapshot, after: tracemalloc.Snapshot, root: str, per: int) -> list[Line]:
    """Sum the difference by the line of the user's code that asked for it, largest first."""
    sums: dict[tuple[str, int], list[int]] = {}
    traces: dict[tuple[str, int], tuple[int, list[str]]] = {}  # of what gained the most at a line
    own = str(Path(__file__).parent)
    for change in after.compare_to(before, "traceback"):
        frames = [frame for frame in reversed(change.traceback) if not frame.filename.startswith((own, "<"))]
        if not frames or frames[0].filename == tracemalloc.__file__:
            continue
        frame = next((frame for frame in frames if _is_own(frame.filename, root)), frames[0])
        place = frame.filename, frame.lineno
        total = sums.setdefault(place, [0, 0])
        total[0] += change.size_diff
        total[1] += change.count_diff
        if change.size_diff > traces.get(place, (0, []))[0]:
            traces[place] = change.size_diff, [f"{frame.filename}:{frame.lineno}" for frame in reversed(frames)]
    worst = sorted(sums.items(), key=lambda item: -item[1][0])[:_MOST]
    return [told(path, line, size / per, count / per, traces[path, line][1]) for (path, line), (size, count) in worst if size > 0]


def _is_own(filename: str, root: str) -> bool:
    """Tell whether a file belongs to the repository and not to an environment inside it."""
    parts = Path(filename).parts
    return filename.startswith(root + "/") and "site-packages" not in parts and "dist-packages" not in parts
