"""Two agents side by side in a process of their own: do they stay the same, and what does a step of each cost."""

import json
import statistics
import sys
import time
from importlib import import_module
from typing import Any

import numpy as np


def compare(module: str, before: str, after: str, given: dict[str, Any], *, steps: int, every: int) -> dict[str, Any]:
    """Build an agent in two ways, let both take steps in turn, and compare their states every so many of them and at the end.

    Returns `same`: all states were equal bit for bit; `apart`: the largest L1 distance of two; `lost`: shares of the mass that all
    prunings took, 0 for what loses nothing; `states`, and how many of them were not zero: `nonzero`, and in the agent after `kept`;
    `before` and `after`: the median step in seconds.
    """
    room = import_module(module)
    pair = [getattr(room, name)(0, **given) for name in (before, after)]
    taken: tuple[list[float], list[float]] = ([], [])
    same, apart, kept = True, 0.0, 0
    for number in range(1, steps + 1):
        for agent, seconds in zip(pair, taken, strict=True):
            start = time.perf_counter()
            room.step(agent)
            seconds.append(time.perf_counter() - start)
        if number % every == 0 or number == steps:
            one, two = (agent.state() for agent in pair)
            if not np.array_equal(one.view(np.uint64), two.view(np.uint64)):
                same, apart = False, max(apart, float(np.abs(one - two).sum()))
            kept = max(kept, int(np.count_nonzero(two)))
    return {
        "steps": steps,
        "same": same,
        "apart": apart,
        "lost": getattr(pair[1], "lost", 0.0),
        "states": one.size,
        "nonzero": int(np.count_nonzero(one)),
        "kept": kept,
        "before": statistics.median(taken[0]),
        "after": statistics.median(taken[1]),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(compare(**json.loads(sys.argv[1]))) + "\n")
