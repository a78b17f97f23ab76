"""Which lines of code hold the memory: a second look with traces, slower, only to explain."""

import linecache
import tracemalloc
from pathlib import Path

from gate.probe.own import Own
from gate.probe.target import Herd, take

_FRAMES = 16
_MOST = 10


def look(herd: Herd, *, root: str, settle: int, agents: int, steps: int, churn: bool, until: float) -> list[dict[str, object]]:
    """Return the lines that hold the most bytes: of `agents` new agents, per agent, or gained over `steps`, per step.

    With `steps` a population of `agents` lives while it steps, or with `churn` one agent after the other comes and goes.
    No step begins after `until` (monotonic seconds), except one for each of the two: the warm-up may take half of the time.
    """
    if steps and not churn:
        herd.add(agents)
    elif not steps:
        herd.add(1)
        herd.move(0, settle, until)
    tracemalloc.start(_FRAMES)  # before the warm-up, so that a block that grows later is known from its birth
    if not steps:
        before = _look()
        herd.add(agents)
        herd.move(1, settle, until)
        return _lines(before, _look(), root, agents)
    one = herd.cycle(settle) if churn else herd.round()
    take(one, (0 if churn else settle) + max(1, steps // 4), (Own.monotonic() + until) / 2)
    before = _look()
    taken = take(one, steps, until)
    return _lines(before, _look(), root, taken * (1 if churn else agents))


def _look() -> tracemalloc.Snapshot:
    """Take a snapshot of what is alive."""
    Own.collect()
    return tracemalloc.take_snapshot()


def _lines(before: tracemalloc.Snapshot, after: tracemalloc.Snapshot, root: str, per: int) -> list[dict[str, object]]:
    """Sum the difference by the line of the user's code that asked for it, largest first."""
    sums: dict[tuple[str, int], list[int]] = {}
    own = str(Path(__file__).parent)
    for change in after.compare_to(before, "traceback"):
        frames = [frame for frame in reversed(change.traceback) if not frame.filename.startswith((own, "<"))]
        if not frames or frames[0].filename == tracemalloc.__file__:
            continue
        frame = next((frame for frame in frames if _is_own(frame.filename, root)), frames[0])
        total = sums.setdefault((frame.filename, frame.lineno), [0, 0])
        total[0] += change.size_diff
        total[1] += change.count_diff
    worst = sorted(sums.items(), key=lambda item: -item[1][0])[:_MOST]
    return [
        {"path": path, "line": line, "text": linecache.getline(path, line).strip(), "size": size / per, "count": count / per}
        for (path, line), (size, count) in worst
        if size > 0
    ]


def _is_own(filename: str, root: str) -> bool:
    """Tell whether a file belongs to the repository and not to an environment inside it."""
    parts = Path(filename).parts
    return filename.startswith(root + "/") and "site-packages" not in parts and "dist-packages" not in parts
