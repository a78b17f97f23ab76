"""Which types multiplied: runs in a throw-away child, because looking at every object disturbs them."""

import json
import sys
from typing import Any

from pympler import muppy, summary

from gate.probe import once, target
from gate.probe.own import Own

_MOST = 10

Counts = dict[str, tuple[int, int]]  # name of a type -> objects, bytes


def look(wanted: dict[str, Any], until: float) -> list[tuple[str, float, float]]:
    """Return the types that gained the most bytes, per agent or per step, most first: name, objects, bytes."""
    count, steps, settle, churn = wanted["agents"], wanted["steps"], wanted["settle"], wanted["churn"]
    herd = target.Herd(wanted, count + 2)
    if not churn:
        herd.add(count if steps else 1)
        herd.move(0, settle, until)
    _summary()  # the first look fills caches of its own
    one = herd.cycle(settle) if churn else herd.round()
    target.take(one, steps // 4, (Own.monotonic() + until) / 2)
    before = _summary()
    taken = target.take(one, steps, until)
    if not steps:
        herd.add(count)
        herd.move(1, settle, until)
    after = _summary()
    per = (taken * (1 if churn else count)) or count
    return _gained(json.loads(before), json.loads(after), per)


def _gained(before: Counts, after: Counts, per: int) -> list[tuple[str, float, float]]:
    """Return the types that gained bytes, most first: name, objects and bytes per agent or step."""
    pairs = {name: (before.get(name, (0, 0)), now) for name, now in after.items()}
    rows = [(name, (now[0] - then[0]) / per, (now[1] - then[1]) / per) for name, (then, now) in pairs.items()]
    return sorted((row for row in rows if row[2] > 0), key=lambda row: -row[2])[:_MOST]


def _summary() -> str:
    """Count every living object by its type: name -> [number, bytes]; one text, which the next count does not see."""
    return json.dumps({name: (number, size) for name, number, size in summary.summarize(muppy.get_objects())})


if __name__ == "__main__":
    once.answer(sys.argv[1], look)
