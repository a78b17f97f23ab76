"""Which lines of C and Python hold memory that no traced line explains: runs in a throw-away child, with memray."""

import os
import sys
from pathlib import Path
from typing import Any

import memray

from gate.probe import once, target
from gate.probe.own import Own

_MOST = 10
_FEWEST = 3  # blocks: what was asked for once or twice is no growth
_FRAMES = 64


def look(wanted: dict[str, Any], until: float) -> list[tuple[str, str, int, float, float]]:
    """Return what was allocated while stepping and never freed: function, file, line, and bytes and blocks per step."""
    count, steps, settle, churn = wanted["agents"], wanted["steps"], wanted["settle"], wanted["churn"]
    herd = target.Herd(wanted)
    herd.room(count + 1)
    if not churn:
        herd.add(count)
        herd.move(0, settle, until)
    one = herd.cycle(settle) if churn else herd.round()
    target.take(one, max(1, steps // 4), (Own.monotonic() + until) / 2)
    file = Path(wanted["scratch"], "trace.bin")
    with memray.Tracker(file, native_traces=True):
        taken = target.take(one, steps, until)
    return _kept(file, wanted["root"], taken * (1 if churn else count))


def _kept(file: Path, root: str, per: int) -> list[tuple[str, str, int, float, float]]:
    """Sum what was not freed by the frame that stands for it: the innermost native one that is known, or the user's own line."""
    sums: dict[tuple[str, str, int], list[int]] = {}
    with memray.FileReader(file) as reader:
        for record in reader.get_leaked_allocation_records(merge_threads=True):
            total = sums.setdefault(_frame(record.hybrid_stack_trace(_FRAMES), root), [0, 0])
            total[0] += record.size
            total[1] += record.n_allocations
    again = [item for item in sums.items() if item[1][1] >= _FEWEST]
    worst = sorted(again, key=lambda item: -item[1][0])[:_MOST]
    return [(function, path, line, size / per, count / per) for (function, path, line), (size, count) in worst]


def _frame(stack: list[tuple[str, str, int]], root: str) -> tuple[str, str, int]:
    """Choose a frame: the innermost native one with a source, not the interpreter's allocator; else the user's own line."""
    if not stack:
        return "unknown", "", 0
    known = [frame for frame in stack if frame[1] not in {"", "<unknown>"} and not frame[1].endswith("obmalloc.c")]
    own = next((frame for frame in known if frame[1].startswith(root + os.sep)), None)
    if known and known[0] is not own and not known[0][1].endswith(".py"):
        return known[0]
    if own is None:
        return stack[0]
    return "a library without symbols", own[1], own[2]


if __name__ == "__main__":
    once.answer(sys.argv[1], look)
