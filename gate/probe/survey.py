"""A live population looked at twice, some steps apart: what is equal, what never changed, what got longer, how it could be held."""

import hashlib
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gate.probe import arrays, classes
from gate.probe.blocks import taken
from gate.probe.edges import is_array
from gate.probe.meters import Meters
from gate.probe.own import Own
from gate.probe.parts import living, weighed
from gate.probe.reach import Reached, Room, Seen
from gate.probe.target import Herd, take

_SLIGHT = 0.002  # share of what an agent weighs below which a way is not told
_LEAST = 8  # items by which a container must have grown
_RAREST = 0.05  # and items a step
_STEADY = 0.75  # share of the gain of one half of the steps that the other half must reach

Row = dict[str, Any]


class Copy(NamedTuple):
    """One array or text that would be gone if its places held another."""

    seen: Seen
    content: bytes  # a fingerprint, the same for what is equal
    size: int  # bytes of heap, with all that it consists of


class _First(NamedTuple):
    """What is remembered of the first look; nothing stays alive by it."""

    prints: dict[int, tuple[weakref.ref[Any] | None, bytes]]  # by identity: of arrays and texts
    stored: dict[str, int]  # elements that differ from the most common one, the most of any array, by the way to it
    rooms: dict[tuple[int, str], Room]


class Survey:
    """Agents that live in this process, and what two looks say of them."""

    def __init__(self, herd: Herd, meters: Meters, *, size: int, settle: int, rest: Callable[[], None]) -> None:
        """Build and weigh `size` agents that have settled, beside a first one that pays for imports and caches.

        Raises RuntimeError where the heap cannot be read.
        """
        if meters.heap() < 0:
            message = "this platform has no exact heap meter; look at the agents on Linux with glibc"
            raise RuntimeError(message)
        herd.add(1)
        herd.move(0, settle)
        first, start = herd.agents[0], herd.count
        rest()
        Own.unfreeze()
        self._old = living()  # they stay alive, so that nothing new takes their places and passes for old
        meters.level()
        before = meters.heap()
        herd.add(size)
        herd.move(start, settle)
        rest()
        self.weight = (meters.heap() - before) / size
        self.agents, walls = weighed(herd, first, whole=herd.whole)
        self.walls = walls | set(map(id, self._old))
        self.copies: dict[str, list[Copy]] = {}  # of what is worth a word, by the way to it; in the order of the agents
        self._herd, self._meters, self._rest = herd, meters, rest

    def look(self, *, root: str, steps: int, until: float) -> Row:
        """Look, let everyone take `steps` steps, fewer when it gets late (monotonic seconds), and look again: see gate/facts/advice.py."""
        everyone, first = self._herd.round(), self._first()
        half = take(everyone, max(1, steps // 2), (Own.monotonic() + until) / 2)
        middle = Reached(self.agents, self.walls).rooms
        take(everyone, half)
        self._rest()
        made, held, rooms = self._last(first)
        return {
            "agents": len(self.agents),
            "steps": 2 * half,
            "weight": self.weight,
            "held": held,
            "classes": classes.look(made, self._meters, root=root, agents=len(self.agents)),
            "histories": list(_histories((first.rooms, middle, rooms), 2 * half, len(self.agents))),
        }

    def _first(self) -> _First:
        """Remember what is there."""
        reached, prints, most = Reached(self.agents, self.walls), dict[int, tuple[weakref.ref[Any] | None, bytes]](), dict[str, int]()
        for at, seen in reached.leaves.items():
            if not is_array(seen.value):
                prints[at] = None, _content(seen.value)
            elif arrays.is_plain(seen.value):
                prints[at] = weakref.ref(seen.value), _content(seen.value)
                if seen.value.nbytes >= _SLIGHT * self.weight:
                    most[seen.path] = max(most.get(seen.path, 0), arrays.stored(seen.value))
        return _First(prints, most, reached.rooms)

    def _last(self, first: _First) -> tuple[dict[type, list[object]], list[Row], dict[tuple[int, str], Room]]:
        """Compare what is there now; return instances by class, what is held by the way to it, and containers."""
        reached = Reached(self.agents, self.walls)
        parts = {at: seen for at, seen in reached.leaves.items() if seen.is_part()}
        ways: dict[str, list[Copy]] = {}
        changing, replaced = set[str](), set[str]()
        for seen in sorted(reached.leaves.values(), key=lambda seen: seen.agent):
            size = _size(seen, parts)
            if size:
                ref, was = first.prints.get(id(seen.value), (None, b""))
                copy = Copy(seen, _content(seen.value), size)
                ways.setdefault(seen.path, []).append(copy)
                if not was or (ref and ref() is not seen.value):
                    replaced.add(seen.path)
                elif copy.content != was:
                    changing.add(seen.path)
        least = _SLIGHT * self.weight * len(self.agents)
        worth = {path: row for path, row in ways.items() if path not in replaced and sum(copy.size for copy in row) >= least}
        self.copies = worth
        again = _again({path: copies for path, copies in worth.items() if path not in changing})
        rows = [_row(path, copies, first.stored, len(self.agents), again.get(path)) for path, copies in worth.items()]
        return reached.made, rows, reached.rooms


def _content(value: Any) -> bytes:
    """Return what equal arrays, or equal texts, have in common."""
    return arrays.fingerprint(value) if is_array(value) else hashlib.blake2b(value.encode("utf-8", "surrogatepass")).digest()


def _size(seen: Seen, parts: dict[int, Seen]) -> int:
    """Return the bytes of heap that go with an array or a text when its places hold another; 0 when something else keeps it."""
    if not seen.is_free():  # asked before anything here refers to it, too
        return 0
    value = seen.value
    if not is_array(value):
        return taken(str.__sizeof__(value))
    if not arrays.is_plain(value):
        return 0
    if value.base is None:
        return _whole(value) if value.flags.owndata else 0
    base = parts.get(id(value.base))  # as numpy.arange(6).reshape(2, 3) leaves it
    return _head(value) + _whole(value.base) if base and arrays.is_plain(value.base) and value.base.flags.owndata else 0


def _whole(array: Any) -> int:
    return _head(array) + taken(array.nbytes)


def _head(array: Any) -> int:
    """Return the bytes of what an array is beside its elements: an object, and its shape and strides."""
    return taken(type(array).__basicsize__) + taken(16 * max(1, array.ndim))


def _again(ways: dict[str, list[Copy]]) -> dict[str, int]:
    """Count on each way the copies that equal one of an agent before or another of the same one; those of the first agent count for none.

    What one more agent would share is told by those that come after the first.
    """
    known: set[bytes] = set()
    found = dict.fromkeys(ways, 0)
    for path, copy in sorted(((path, copy) for path, copies in ways.items() for copy in copies), key=lambda pair: pair[1].seen.agent):
        found[path] += copy.content in known and copy.seen.agent > 0
        known.add(copy.content)
    return found


def _row(path: str, copies: list[Copy], stored: dict[str, int], agents: int, again: int | None) -> Row:
    """Tell what is held on one way, per agent after the first."""
    value, later = copies[0].seen.value, max(1, agents - 1)
    row = {
        "path": path,
        "kind": "text",
        "copies": sum(copy.seen.agent > 0 for copy in copies) / later,
        "again": (again or 0) / later,
        "size": sum(copy.size for copy in copies) / len(copies),
        "changed": again is None,
    }
    if not is_array(value):
        return row
    forms = [arrays.form(copy.seen.value) for copy in copies]
    narrow = {arrays.narrow(copy.seen.value) for copy in copies} if again is not None else {""}
    return row | {
        "kind": f"{value.dtype} {'x'.join(map(str, value.shape)) or 'number'}",
        "elements": int(value.size),
        "itemsize": int(value.dtype.itemsize),
        "narrow": max(narrow, key=lambda name: int(name.lstrip("floatuin") or 0)) if "" not in narrow else "",
        "stored": max(stored.get(path, 0), *(arrays.stored(copy.seen.value) for copy in copies)),
        "width": max(width for width, _ in forms),
        "colours": max(colours for _, colours in forms) if all(colours for _, colours in forms) else 0,
    }


def _histories(looks: tuple[dict[tuple[int, str], Room], ...], steps: int, agents: int) -> Iterator[Row]:
    """Tell which containers got longer with the steps, in both halves of them, and declare no bound; what is inside of one is not told."""
    gains: dict[str, list[int]] = {}
    rooms: dict[str, Room] = {}
    for key, room in looks[-1].items():
        lengths = [look[key].items if key in look else 0 for look in looks[:-1]] + [room.items]
        total = gains.setdefault(key[1], [0, 0, 0])
        for at, gain in enumerate((lengths[1] - lengths[0], lengths[2] - lengths[1], room.items)):
            total[at] += gain
        rooms[key[1]] = room
    told: list[str] = []
    for path in sorted(gains, key=len):
        early, late, items = gains[path]
        grown = min(early, late) >= max(_STEADY * max(early, late), _RAREST * steps * agents / 2, _LEAST * agents / 2)
        if grown and not rooms[path].most and not any(path.startswith((f"{other}[", f"{other}.")) for other in told):
            told.append(path)
            rate, room = (early + late) / steps / agents, rooms[path]
            yield {"path": path, "kind": room.kind, "items": items // agents, "gained": rate, "size": rate * room.each, "bound": 0}
