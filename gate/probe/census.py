"""How many objects of each type live, and what they weigh: counted twice, to tell which types multiply."""

import gc
import sys
from collections.abc import Collection
from itertools import filterfalse
from typing import Any

from gate.probe.own import Own

Counts = dict[str, list[int]]  # name of a type -> objects, bytes


def count() -> str:
    """Count every object that the collector knows or that one of these refers to; one text, which the next count does not see.

    Bytes are those that each object tells of itself, without what it refers to.
    """
    Own.unfreeze()
    Own.collect()
    known = gc.get_objects()
    rest = list(filterfalse(gc.is_tracked, gc.get_referents(*known)))  # what is tracked is known
    living = [*known, *dict(zip(map(id, rest), rest, strict=True)).values()]
    sums: dict[type, list[int]] = {}
    for kind, taken in zip(map(type, living), _sizes(living), strict=True):
        row = sums.setdefault(kind, [0, 0])
        row[0] += 1
        row[1] += taken
    named: Counts = {}
    for kind, (number, total) in sums.items():
        row = named.setdefault(_name(kind), [0, 0])
        row[0] += number
        row[1] += total
    return Own.encode(named)


def size(thing: Any) -> int:
    """Return the bytes that an object says it takes; of one that says nothing, what every object of its kind takes at least."""
    try:
        return sys.getsizeof(thing)
    except Exception:  # noqa: BLE001 - asking may run code of the user's
        return int(type.__getattribute__(type(thing), "__basicsize__"))


def _sizes(things: Collection[Any]) -> list[int]:
    """Return the bytes of many objects; asking each by itself takes twice as long, and is needed only when one of them says nothing."""
    try:
        return list(map(sys.getsizeof, things))
    except Exception:  # noqa: BLE001 - asking may run code of the user's
        return [size(thing) for thing in things]


def gained(before: str, after: str, per: int) -> list[tuple[str, float, float]]:
    """Return every type that gained bytes between two counts, most first: name, objects and bytes, by `per`.

    >>> gained('{"list": [1, 56], "int": [3, 84]}', '{"list": [5, 456], "int": [3, 84]}', 4)
    [('list', 1.0, 100.0)]
    """
    old, new = Own.decode(before), Own.decode(after)
    pairs = [(name, old.get(name, (0, 0)), now) for name, now in new.items()]
    rows = [(name, (now[0] - then[0]) / per, (now[1] - then[1]) / per) for name, then, now in pairs if now[1] > then[1]]
    return sorted(rows, key=lambda row: -row[2])


def _name(kind: type) -> str:
    """Return the full name of a type, without running code of its metaclass.

    >>> _name(list), _name(type(gc.callbacks))
    ('list', 'list')
    """
    module, name = (type.__getattribute__(kind, part) for part in ("__module__", "__qualname__"))
    return str(name) if module == "builtins" else f"{module}.{name}"
