"""Every reference that an object holds: how a program writes it, and how another object is put in its place."""

import gc
import sys
from collections import deque
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any, NamedTuple

from gate.probe.holders import length, short

FLAT = (str, bytes, bytearray, int, float, complex, type(None), type(Ellipsis), range)  # refer to nothing
_FEW = 8  # entries that have a name each; those of a longer container share one
_SKIPPED = (ModuleType, CodeType, type)
_BARE = {dict, list, tuple, deque, set, frozenset}  # these have no attributes beside their items
_PAIRS, _ROWS, _SETS = dict, (list, deque, tuple), (set, frozenset)

Put = Callable[[Any, Any, Any], object]  # (holder, key, value) -> anything


class Edge(NamedTuple):
    """One reference: how it is written behind its holder, what it refers to, and `put(holder, key, other)`, None if nothing can be put."""

    label: str
    value: object
    put: Put | None
    key: object


def edges(item: Any) -> Iterator[Edge]:
    """Yield every reference of an object that leads to something of its own, each once, without running code of the user's.

    It reads the `__dict__` of an instance, which from then on is an object of its own: only for a process that is thrown away.
    """
    kind = type(item)
    if issubclass(kind, (*FLAT, *_SKIPPED)):
        return
    if is_array(item):
        yield from _elements(item)
        return
    told: set[int] = set()
    for found in (_entries(item), () if kind in _BARE else _attributes(item, told)):
        for edge in found:
            told.add(id(edge.value))
            yield edge
    if kind in _BARE:
        return
    if kind in {FunctionType, BuiltinFunctionType}:
        told |= {id(getattr(item, "__globals__", None)), id(getattr(item, "__builtins__", None))}
    for value in gc.get_referents(item):
        if id(value) not in told and not issubclass(type(value), _SKIPPED):
            yield Edge(f".<{type(value).__name__}>", value, None, None)


def is_array(thing: object) -> bool:
    """Tell whether something is an array of numpy, when the user's code has loaded it."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and issubclass(type(thing), numpy.ndarray)


def _entries(item: Any) -> Iterator[Edge]:
    """Yield the items of a container."""
    kind = type(item)
    many = issubclass(kind, (_PAIRS, *_ROWS)) and length(item) > _FEW
    if issubclass(kind, _PAIRS):
        for key, value in list(dict.items(item)):
            yield Edge("[...]" if many else f"[{short(key)}]", value, dict.__setitem__, key)
            yield Edge(".keys()", key, None, None)
    elif issubclass(kind, _ROWS):
        base = next(base for base in _ROWS if issubclass(kind, base))
        put: Put | None = None if base is tuple else getattr(base, "__setitem__")  # noqa: B009 - mypy knows none of a tuple
        for at, value in enumerate(base.__iter__(item)):
            yield Edge("[...]" if many else f"[{at}]", value, put, at)
    elif issubclass(kind, _SETS):
        for value in (set if issubclass(kind, set) else frozenset).__iter__(item):
            yield Edge("[...]", value, None, None)


def _elements(array: Any) -> Iterator[Edge]:
    """Yield the elements of an array of objects, and what a view looks at; the collector knows neither."""
    numpy = sys.modules["numpy"]
    if array.base is not None:
        yield Edge(".base", array.base, None, None)
    if array.dtype == object:
        put = numpy.ndarray.__setitem__ if array.ndim and array.flags.writeable else None
        for index in numpy.ndindex(array.shape):
            label = "[...]" if array.size > _FEW else f"[{', '.join(map(str, index))}]"
            yield Edge(label, numpy.ndarray.__getitem__(array, index), put, index)


def _attributes(item: object, told: set[int]) -> Iterator[Edge]:
    """Yield what an instance has by name, from its dictionary and its slots; the dictionary is told as one that was seen."""
    try:
        named = object.__getattribute__(item, "__dict__")
    except (AttributeError, TypeError):  # it has none, or a class of its own in its place
        named = None
    if type(named) is dict:
        told.add(id(named))
        for name, value in list(named.items()):
            yield Edge(f".{name}", value, _set_attribute, name)
    for kind in type(item).__mro__:
        for name, slot in list(vars(kind).items()):
            if type(slot) is MemberDescriptorType:
                try:
                    yield Edge(f".{name}", slot.__get__(item), _set_slot, slot)
                except AttributeError:  # nothing was put into it
                    continue


def _set_attribute(item: object, name: Any, value: object) -> None:
    object.__getattribute__(item, "__dict__")[name] = value


def _set_slot(item: object, slot: Any, value: object) -> None:
    slot.__set__(item, value)
