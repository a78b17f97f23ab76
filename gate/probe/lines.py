"""Which lines of code hold the memory: a second look with traces, slower, only to explain."""

import gc
import linecache
import tracemalloc
from collections.abc import Callable
from pathlib import Path

_FRAMES = 16
_MOST = 10


def footprint(
    build: Callable[[int], object], step: Callable[[object], object], *, root: str, size: int, settle: int
) -> list[dict[str, object]]:
    """Return the lines that hold the most bytes of `size` new agents, per agent."""
    agents: list[object] = [None] * (size + 1)

    def add(index: int) -> None:
        agents[index] = build(index)
        for _ in range(settle):
            step(agents[index])

    add(0)
    tracemalloc.start(_FRAMES)
    before = _look()
    for index in range(1, size + 1):
        add(index)
    return _lines(before, _look(), root, size)


def growth(
    build: Callable[[int], object], step: Callable[[object], object], *, root: str, population: int, settle: int, steps: int
) -> list[dict[str, object]]:
    """Return the lines that hold the most bytes gained over `steps`, per step of one agent."""
    agents = [build(index) for index in range(population)]

    def move(times: int) -> None:
        for _ in range(times):
            for agent in agents:
                step(agent)

    tracemalloc.start(_FRAMES)  # before the warm-up, so that a block that grows later is known from its birth
    move(settle + max(1, steps // 4))
    before = _look()
    move(steps)
    return _lines(before, _look(), root, steps * population)


def _look() -> tracemalloc.Snapshot:
    """Take a snapshot of what is alive."""
    gc.collect()
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
