"""What an agent's bytes belong to: to it alone, to several agents, or to the framework that keeps something for each."""

import ctypes
import gc
import sys
from array import array
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any, NamedTuple

from gate.probe.blocks import Copy, Difference, Index
from gate.probe.meters import Meters
from gate.probe.own import Own
from gate.probe.target import Herd

_GC_HEAD = 16  # bytes before an object that the collector may track: PyGC_Head
_PRE_HEAD = 16  # bytes before that, of an instance with a dictionary or weak references: CPython 3.11 to 3.13
_HAS_GC = 1 << 14  # Py_TPFLAGS_HAVE_GC
_HAS_PRE_HEAD = 1 << 4 | (1 << 3 if sys.version_info >= (3, 12) else 0)  # Py_TPFLAGS_MANAGED_DICT, from 3.12 Py_TPFLAGS_PREHEADER
_WORD = 8
_MOST_REFERENCES = 1 << 40  # what is larger is no count of references
_LONGEST = 1 << 20  # bytes of a buffer of unknown layout that are read
_DATA = (str, bytes, int, float, complex)  # refer to nothing
_BARE = (tuple, FunctionType, BuiltinFunctionType, CodeType)  # tell the collector all that they refer to, and have no buffers
_FLAT = (list, dict, set, frozenset, bytearray, array)  # have buffers that refer to no further buffer
_NOBODY, _SHARED, _FRAMEWORK = -1, -2, -3


def look(herd: Herd, meters: Meters, *, size: int, settle: int, whole: bool, rest: Callable[[], None]) -> dict[str, int]:
    """Return the bytes of `size` live agents that are `private`, `shared` and the `framework`'s.

    `whole` tells that agents come as a population with a model. A first agent is built before, as for a footprint, and what it
    brought belongs to nobody. Bytes are those of whole blocks of the C heap with their heads. `framework` is what no agent reaches
    but the interpreter does, less what was given back. Raises blocks.Unreadable where the heap is not laid out as glibc does it.
    """
    herd.add(1)
    herd.move(0, settle)
    first, start = herd.agents[0], herd.count
    rest()
    Own.unfreeze()
    old = living()  # they stay alive, so that nothing new takes their places and passes for old
    before = Copy(meters, level=True)
    herd.add(size)
    herd.move(start, settle)
    rest()
    after = Copy(meters)
    gc.disable()
    roots = gc.get_objects()  # first of all: nothing of the walk itself is among them
    walk = _Walk(before, after, old)
    agents, walls = weighed(herd, first, whole=whole)
    for number, agent in enumerate(agents):
        walk.reach(agent, number, walls)
    walk.keep(roots)
    return walk.weights()


def weighed(herd: Herd, first: object, *, whole: bool) -> tuple[list[object], set[int]]:
    """Return the agents to be weighed, and the identities at which a walk from one of them ends: all agents, and their model."""
    if not whole:
        return herd.agents[1 : herd.count], {id(agent) for agent in herd.agents[: herd.count]}
    model, built = herd.agents[0]
    agents = list(built.values() if isinstance(built, Mapping) else built)
    return agents, {id(first), id(model), *map(id, agents)}


def living() -> list[object]:
    """Return everything that may refer to something and that the collector can find."""
    found = last = gc.get_objects()
    seen: set[int] = set()
    while last:
        told = {id(thing): thing for thing in gc.get_referents(*last) if type(thing) not in _DATA and not gc.is_tracked(thing)}
        last = [thing for at, thing in told.items() if at not in seen]
        seen.update(told)
        found += last
    return found


class _Kind(NamedTuple):
    """What the walk has to know of a type."""

    head: int  # bytes from the start of its block to the object
    size: int  # bytes of an object, 0 when they differ
    tracked: bool  # the collector can say what it refers to
    blind: bool  # but not all of it: C code keeps references that it tells nobody
    data: bool
    bare: bool
    flat: bool


_UNKNOWN = _Kind(head=0, size=0, tracked=True, blind=False, data=False, bare=False, flat=False)  # who holds a buffer


def _look_at(kind: type) -> _Kind:
    """Say what the walk has to know of a type."""
    flags = kind.__flags__
    tracked = bool(flags & _HAS_GC)
    silent = [base for base in kind.__mro__ if not base.__flags__ & _HAS_GC and base.__basicsize__ > object.__basicsize__]
    data = issubclass(kind, _DATA)
    return _Kind(
        head=_GC_HEAD * tracked + (_PRE_HEAD if flags & _HAS_PRE_HEAD else 0),
        size=0 if kind.__itemsize__ else kind.__basicsize__,
        tracked=tracked,
        blind=bool(silent) and not data and not issubclass(kind, bytearray),
        data=data,
        bare=issubclass(kind, _BARE) or kind is object,
        flat=issubclass(kind, _FLAT) and not issubclass(kind, OrderedDict),
    )


class _Walk:
    """Go from agents and from the interpreter to the new blocks; every block is given one colour."""

    def __init__(self, before: Copy, heap: Copy, old: list[object]) -> None:
        """Know the new blocks by their starts, and what is old."""
        self._before, self._heap, self._known = before, heap, {id(old), *map(id, old)}
        self._difference = Difference(before, heap)
        self._new, self._gone = self._difference.new, self._difference.gone
        self._index = Index(self._new)
        self._owner: dict[int, int] = {}
        self._objects: dict[int, int] = {}
        self._kinds: dict[type, _Kind] = {}
        self._types = _types()

    def weights(self) -> dict[str, int]:
        """Return the bytes of each colour."""
        found = {"private": 0, "shared": 0, "framework": -self._gone}
        names = {_SHARED: "shared", _FRAMEWORK: "framework"}
        for start, owner in self._owner.items():
            found[names.get(owner, "private")] += self._new[start]
        return found

    def reach(self, agent: object, number: int, walls: set[int]) -> None:
        """Colour what one agent reaches among new blocks: its own, or shared when another one has been there."""
        stack = [agent]
        while stack:
            thing = stack.pop()
            start = self._fresh(thing)
            if start and self._claim(start, number):
                stack += [child for child in self._within(thing, start, number) if id(child) not in walls]

    def keep(self, roots: list[object]) -> None:
        """Colour what no agent reaches but the interpreter keeps: what the collector tracks, and what that holds."""
        near = {start + head for start in self._new for head in (0, _GC_HEAD, _GC_HEAD + _PRE_HEAD)}
        told = gc.get_referents(*roots)
        dicts = {id(thing): thing for thing in told if type(thing) is dict and not gc.is_tracked(thing)}  # other old things never change
        stack = [thing for thing in roots if id(thing) not in self._known]
        stack += {id(thing): thing for thing in (*told, *gc.get_referents(*dicts.values())) if id(thing) in near}.values()
        while stack:
            thing = stack.pop()
            start = self._fresh(thing)
            if start and self._claim(start, _FRAMEWORK):
                stack += self._within(thing, start, _FRAMEWORK)
        wanted = {start for start in self._new if start not in self._owner and not self._object_at(start)}
        for start in self._heap.rewritten(self._before, wanted):  # an old container has got a new buffer
            self._take(start, start, None, _UNKNOWN, _FRAMEWORK)

    def _fresh(self, thing: object) -> int:
        """Return the block of an object that was not there before, 0 for an old one; its block may have been an old one's."""
        kind = self._kind(type(thing))
        start = id(thing) - kind.head
        if start in self._new:
            return start
        if kind.data or id(thing) in self._known or not self._heap.start < start < self._heap.end:
            return 0
        size = self._difference.same(start)
        if size:
            self._index.add(start, size)
            self._gone += size
        return start if size else 0

    def _claim(self, start: int, owner: int) -> bool:
        """Colour a block; tell whether what it refers to has to be coloured too."""
        had = self._owner.get(start, _NOBODY)
        if had in {owner, _SHARED} or (owner == _FRAMEWORK and had != _NOBODY):
            return False
        self._owner[start] = owner if had == _NOBODY else _SHARED
        return True

    def _within(self, thing: Any, start: int, owner: int) -> list[object]:
        """Colour the buffers of an object and return the objects that it refers to."""
        kind = self._kind(type(thing))
        if kind.data:
            if isinstance(thing, int) and owner >= 0 and thing in self._new and not self._object_at(thing):  # an address as ctypes gives it
                self._claim(thing, owner)
            return []
        children = gc.get_referents(thing) if kind.tracked else []
        if kind.blind:
            children += _elements(thing)
        for word in self._words(thing, kind, start) if not kind.bare else ():
            found = self._index.holder(word)
            if found and found != start:
                children += self._take(found, word, thing, kind, owner)
        return children

    def _take(self, start: int, word: int, thing: object, kind: _Kind, owner: int) -> list[object]:
        """Colour the buffer that a word of an object points into, and the buffers behind it; return objects that nobody else tells of."""
        found: list[object] = []
        todo = [(start, word)]
        while todo:
            at, word = todo.pop()
            known = self._object_at(at)
            if known:
                if kind.blind and word == known:
                    found.append(ctypes.cast(known, ctypes.py_object).value)
            elif self._claim(at, owner) and not kind.flat and self._new[at] <= _LONGEST and not _is_array(thing):
                words = self._heap.words(at, self._end(at))
                if kind.blind:
                    todo += ((self._index.holder(word), word) for word in words if self._index.holder(word))
                else:
                    todo += ((word, word) for word in words if word in self._new)
        return found

    def _kind(self, kind: type) -> _Kind:
        """Look at each type once."""
        if kind not in self._kinds:
            self._kinds[kind] = _look_at(kind)
        return self._kinds[kind]

    def _words(self, thing: object, kind: _Kind, start: int) -> list[int]:
        """Return the words of an object in which it keeps what is its own."""
        end = min(self._end(start), id(thing) + kind.size) if kind.size else self._end(start)
        before = self._heap.words(start, start + _PRE_HEAD) if kind.head > _GC_HEAD else []
        return before + self._heap.words(id(thing), end)

    def _end(self, start: int) -> int:
        """Return where the usable bytes of a block end."""
        return start + self._heap.usable(start, self._new[start])

    def _object_at(self, start: int) -> int:
        """Return the address of the Python object in a new block, 0 when there is none."""
        if start not in self._objects:
            last = min(self._end(start), start + _GC_HEAD + _PRE_HEAD + 2 * _WORD)
            words = array("Q", ctypes.string_at(start, last - start))  # as it is now: what was given back meanwhile is no object
            self._objects[start] = 0
            for at in range(0, len(words) - 1, 2):
                kind = self._types.get(words[at + 1])
                if kind and 0 < words[at] < _MOST_REFERENCES and self._kind(kind).head == at * _WORD:
                    self._objects[start] = start + at * _WORD
        return self._objects[start]


def _types() -> dict[int, type]:
    """Return every type by its address."""
    found: dict[int, type] = {}
    todo: list[type] = [object]
    while todo:
        one = todo.pop()
        if id(one) not in found:
            found[id(one)] = one
            todo += type.__subclasses__(one)
    return found


def _elements(thing: Any) -> list[object]:
    """Return what an array of numpy refers to; its buffer may come from a store of numpy's own and look old."""
    if not _is_array(thing) or not thing.dtype.hasobject:
        return []
    numpy = sys.modules["numpy"]
    items: list[object] = numpy.ndarray.tolist(numpy.ndarray.ravel(thing))
    return gc.get_referents(*items) if thing.dtype.names else items


def _is_array(thing: object) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and issubclass(type(thing), numpy.ndarray)
