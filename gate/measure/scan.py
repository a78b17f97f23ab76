"""Which types multiplied: runs in a throw-away child, because looking at every object disturbs them."""

import json
import os
import sys

from pympler import muppy, summary

from gate.probe import target

_MOST = 10

Counts = dict[str, tuple[int, int]]  # name of a type -> objects, bytes


def main(request: str) -> None:
    """Print the types that gained the most bytes, per agent or per step, as the last line: [[name, count, bytes], …]."""
    wanted = json.loads(request)
    sys.path.insert(0, wanted["root"])
    count, steps, settle, churn = wanted["agents"], wanted["steps"], wanted["settle"], wanted["churn"]
    herd = target.Herd(wanted, count + 2)
    if not churn:
        herd.add(count if steps else 1)
        herd.move(0, settle)
    _summary()  # the first look fills caches of its own
    one = herd.cycle(settle) if churn else herd.round()
    for _ in range(steps // 4):
        one()
    before = _summary()
    for _ in range(steps):
        one()
    if not steps:
        herd.add(count)
        herd.move(1, settle)
    after = _summary()
    per = (steps * (1 if churn else count)) or count
    print(json.dumps(_gained(json.loads(before), json.loads(after), per)), flush=True)  # noqa: T201 - the child's answer
    os._exit(0)


def _gained(before: Counts, after: Counts, per: int) -> list[tuple[str, float, float]]:
    """Return the types that gained bytes, most first: name, objects and bytes per agent or step."""
    pairs = {name: (before.get(name, (0, 0)), now) for name, now in after.items()}
    rows = [(name, (now[0] - then[0]) / per, (now[1] - then[1]) / per) for name, (then, now) in pairs.items()]
    return sorted((row for row in rows if row[2] > 0), key=lambda row: -row[2])[:_MOST]


def _summary() -> str:
    """Count every living object by its type: name -> [number, bytes]; one text, which the next count does not see."""
    return json.dumps({name: (number, size) for name, number, size in summary.summarize(muppy.get_objects())})


if __name__ == "__main__":
    main(sys.argv[1])
