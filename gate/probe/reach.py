"""What live agents hold of their own: each array, text and container that they reach, and all the places where it is held."""

import sys
from collections import deque
from typing import Any, NamedTuple

from gate.probe.edges import FLAT, Edge, Put, edges, is_array
from gate.probe.holders import CONTAINERS, bound, length, share

_HEAPTYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that was made, not built in
_NODES = 2_000_000  # objects that are visited at the most: what lies beyond is not advised on


class Place(NamedTuple):
    """Where a reference is held, and how another is put there."""

    holder: object
    put: Put
    key: object


class Seen:
    """One array or text that agents reach."""

    __slots__ = ("agent", "fixed", "path", "places", "value")

    def __init__(self, value: Any, agent: int, path: str) -> None:
        """Be reached by an agent, as its first."""
        self.value, self.agent, self.path = value, agent, path
        self.places: list[Place] = []
        self.fixed = 0  # references that nothing can be put in the place of: keys, items of tuples and sets, bases of views

    def is_free(self) -> bool:
        """Tell whether it is gone once every place is given something else: nobody beyond refers to it, and no view is left."""
        return not self.fixed and sys.getrefcount(self.value) == len(self.places) + _OURS

    def is_part(self) -> bool:
        """Tell whether a view is all that refers to an array, so that it goes with the view."""
        return self.fixed == 1 and not self.places and sys.getrefcount(self.value) == self.fixed + _OURS


class Room(NamedTuple):
    """One container or array of an agent, or all that share one way to them."""

    kind: str
    items: int
    each: float  # bytes of an entry, with what it refers to at first hand
    most: int  # items that it may have, as it declares, 0 when it declares nothing


class Reached:
    """Everything that agents reach, up to walls."""

    def __init__(self, agents: list[Any], walls: set[int]) -> None:
        """Go out from all agents at once, so that each thing is told by its shortest way; `walls` are identities at which it ends."""
        self.leaves: dict[int, Seen] = {}
        self.rooms: dict[tuple[int, str], Room] = {}
        self.made: dict[type, list[object]] = {}  # instances of classes, which are no containers of Python's own
        known = {*walls, *map(id, agents)}
        todo = deque((agent, number, "agent") for number, agent in enumerate(agents))
        while todo and len(known) < len(walls) + _NODES:
            item, number, path = todo.popleft()
            if type(item).__flags__ & _HEAPTYPE and not is_array(item):
                self.made.setdefault(type(item), []).append(item)
            for edge in edges(item):
                self._note(item, edge, number, path + edge.label, walls)
                if id(edge.value) not in known and not issubclass(type(edge.value), FLAT):
                    known.add(id(edge.value))
                    todo.append((edge.value, number, path + edge.label))

    def _note(self, holder: object, edge: Edge, number: int, path: str, walls: set[int]) -> None:
        """Note a reference to a text, an array or a container."""
        value, kind = edge.value, type(edge.value)
        if kind is str or is_array(value):
            seen = self.leaves.setdefault(id(value), Seen(value, number, path))
            if edge.put is None:
                seen.fixed += 1
            else:
                seen.places.append(Place(holder, edge.put, edge.key))
        if id(value) in walls or not (is_array(value) or issubclass(kind, CONTAINERS)):
            return
        room = _room(value, holder)
        had = self.rooms.get((number, path))
        if had:  # several share this way
            room = Room(had.kind, had.items + room.items, max(had.each, room.each), max(had.most, room.most))
        self.rooms[number, path] = room


def _room(value: Any, holder: object) -> Room:
    if is_array(value):
        return Room("numpy.ndarray", int(value.size), value.itemsize, 0)
    items = length(value)
    return Room(type(value).__name__, items, share(value) if items else 0.0, bound(value, [holder]))


_LONE = Seen(object(), 0, "")
_OURS = sys.getrefcount(_LONE.value)  # references to what was seen by nobody else: ours, and the argument's while it is asked
