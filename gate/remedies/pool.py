"""Equal arrays, held once: the remedy that comes before all others."""

import threading
import weakref
from collections.abc import Callable
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Kind = TypeVar("Kind", bound=np.generic)
Held = TypeVar("Held")


class SharedPool:
    """Hold one read-only copy of arrays that are equal byte for byte.

    The pool keeps no array alive: the last holder, of the array or of a view of it, frees it. Safe to use from several threads.
    An array that no other equals costs at most 256 B more than a plain one, whatever its size.

    >>> pool = SharedPool()
    >>> mine, yours = pool.intern(np.zeros(3)), pool.intern(np.zeros(3))
    >>> mine is yours
    True
    >>> mine = writable(mine)  # the first write pays for a copy, those after it nothing
    >>> mine[0] = 1
    >>> mine, yours = pool.intern(mine), pool.intern(np.array([1.0, 0.0, 0.0]))
    >>> mine is yours
    True
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._held: dict[_Entry, _Entry] = {}
        self._lock = threading.RLock()  # a finaliser may come here while its own thread is inside
        pool = weakref.ref(self)  # entries that held the pool would be garbage only a collector frees

        def forget(entry: weakref.ref[Any]) -> None:
            if (found := pool()) is not None and isinstance(entry, _Entry):
                found._held.pop(entry, None)  # noqa: SLF001 - it is ours; a probe that was never held is not there

        self._forget = forget

    def intern(self, array: NDArray[Kind]) -> NDArray[Kind]:
        """Return a read-only array that equals `array` in dtype, shape and every byte; equal ones share one memory.

        Any shape, in C order. What comes from this pool comes back at once; for all else one copy is made, and dropped when an
        equal array is there. Raises TypeError as `plain` does.
        """
        plain(array)
        with self._lock:
            known = self._held.get(_Entry(array)) if _whole(array) else None
            held: NDArray[Kind] | None = known() if known else None
        if held is None:
            # Over bytes of its own, so that no flag makes it writeable, nobody else changes it, and views of it keep it alive.
            mine: NDArray[Kind] = np.ndarray(array.shape, array.dtype, buffer=array.tobytes())
            entry = _Entry(mine, self._forget)
        with self._lock:
            while held is None:  # an equal array may die between being found and being taken
                held = self._held.setdefault(entry, entry)()
        return held

    def __len__(self) -> int:
        """Return how many different arrays are alive."""
        return len(self._held)


def writable(array: NDArray[Kind]) -> NDArray[Kind]:
    """Return `array` itself when it may be written, else a copy that is the caller's own: copy-on-write, on demand.

    What comes from a pool is never writeable. Intern the array again after the last write, and it is shared again.
    """
    return array if array.flags.writeable else array.copy()


def share(held: Held, intern: Callable[[Array], Array]) -> Held:
    """Intern every plain array inside of lists, dicts, tuples and object arrays, at any depth; return what stands for `held`.

    Lists, dicts and object arrays are changed in place, tuples and the array itself are replaced: `agent.A = share(agent.A, pool.intern)`.
    What `plain` refuses, memory maps, and containers of other kinds stay as they are.
    """
    return _share(held, intern, {})


def plain(array: Array, use: str = "shared by content") -> None:
    """Refuse what is more than its bytes, and say for what `use` it cannot be taken.

    Raises TypeError for dtypes that hold Python objects or strings of any length, whose bytes are addresses, and for subclasses
    such as masked arrays, which mean more than their bytes.
    """
    if array.dtype.hasobject:
        message = f"dtype {array.dtype} holds Python objects; only plain numbers can be {use}"
        raise TypeError(message)
    no_subclass(array)


def no_subclass(array: Array) -> None:
    """Raise TypeError for subclasses such as masked arrays, which mean more than their bytes."""
    if type(array) not in {np.ndarray, np.memmap}:
        message = f"a {type(array).__name__} means more than its bytes; give its plain array: numpy.asarray(array)"
        raise TypeError(message)


class _Entry(weakref.ref[Any]):
    """An array over bytes as a key that does not keep it alive: equal while alive to what is equal, when dead to itself only.

    Leaner than a WeakValueDictionary, whose keys of dtype, shape and bytes cost up to 170 B more an array.
    """

    __slots__ = ("_hash",)
    _hash: int

    def __new__(cls, array: Array, callback: Callable[[weakref.ref[Any]], object] | None = None) -> Self:
        entry = super().__new__(cls, array, callback)
        entry._hash = hash(_content(array))
        return entry

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        one, two = self(), other() if isinstance(other, _Entry) else None
        return self is other or (one is not None and two is not None and _content(one) == _content(two))


def _content(array: Array) -> tuple[object, ...]:
    return array.dtype, array.shape, array.base


def _whole(array: Array) -> bool:
    """Tell whether the array is all of some bytes, as those of the pool are and others may be."""
    return isinstance(array.base, bytes) and array.nbytes == len(array.base) and array.flags.c_contiguous


def _share(held: Held, intern: Callable[[Array], Array], seen: dict[int, object]) -> Held:
    found: object = held
    if type(found) is np.ndarray and not found.dtype.hasobject:
        return intern(found)  # type: ignore[return-value] # an array for an array
    if type(found) is tuple:
        parts = tuple(_share(part, intern, seen) for part in found)
        return held if all(new is old for new, old in zip(parts, found, strict=True)) else parts  # type: ignore[return-value]
    if id(found) not in seen:  # a container may hold itself
        seen[id(found)] = found
        for key, old in _rows(found):
            if (new := _share(old, intern, seen)) is not old:
                found[key] = new  # type: ignore[index] # only containers have rows
    return held


def _rows(found: object) -> list[tuple[object, object]]:
    if isinstance(found, list):
        return list(enumerate(found))
    if isinstance(found, dict):
        return list(found.items())
    if type(found) is np.ndarray and found.dtype == object and found.ndim:  # without dimensions numpy would unpack what it is given
        return list(np.ndenumerate(found))
    return []
