"""Values that are loaded at first touch, and let go when others need the room."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from time import perf_counter
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")
Key = TypeVar("Key", bound=Hashable)

_ABSENT: Any = object()


class Lazy(Generic[T]):
    """An attribute that is loaded when it is first read: `weights = Lazy(load)` in the body of a class.

    `load` gets the instance. Of several threads that read at once one loads, and the others wait for it; an error goes to who loads,
    and the next one tries again. `del agent.weights` frees the value, and the next read loads it anew; what is set replaces it, also
    while it is loaded. The value lies in the instance as `_lazy_weights`, a name for `__slots__` in a class that has them.
    `Agent.weights.loads`, `.seconds` and `.nbytes` tell what first touches cost in all; bytes are of values that tell theirs.
    """

    def __init__(self, load: Callable[[Any], T]) -> None:
        """Load nothing yet."""
        self._load, self._name, self._place = load, "", ""
        self.loads, self.seconds, self.nbytes = 0, 0.0, 0

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn where the values lie; raises TypeError, which Python 3.11 wraps, when instances have no room for them."""
        self._name, self._place = f"{owner.__qualname__}.{name}", f"_lazy_{name}"
        if not owner.__dictoffset__ and not hasattr(owner, self._place):
            message = f"{self._name} has no room in its instances; add {self._place!r} to __slots__ of {owner.__name__}"
            raise TypeError(message)

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...
    def __get__(self, instance: object | None, owner: type | None = None) -> Self | T:
        """Return the value, from the instance or from the loader; raises RuntimeError when the loader waits for itself."""
        if instance is None:
            return self
        try:  # at once, since this is what nearly every read is
            found: T = object.__getattribute__(instance, self._place)
        except AttributeError:
            return self._first(instance)
        return found

    def __set__(self, instance: object, value: T) -> None:
        """Replace the value; one that is being loaded is not kept."""
        key = self._key(instance)
        with _LOADS.lock:
            _LOADS.under_way.pop(key, None)
            freed = self._put(instance, value)
        del freed  # outside of the lock, since it may run a finaliser

    def __delete__(self, instance: object) -> None:
        """Free the value, if there is one; one that is being loaded is not kept."""
        key = self._key(instance)
        with _LOADS.lock:
            _LOADS.under_way.pop(key, None)
            freed = self._find(instance)
            if freed is not _ABSENT:
                object.__delattr__(instance, self._place)
        del freed  # as above

    def _first(self, instance: object) -> T:
        """Load, or wait for who does."""
        key, find, load = self._key(instance), lambda: self._find(instance), lambda: self._load(instance)
        value: T
        value, seconds = _LOADS.once(key, self._name, find, load, lambda value: self._put(instance, value))
        if seconds is not None:
            with _LOADS.lock:
                self.loads, self.seconds = self.loads + 1, self.seconds + seconds
                self.nbytes += getattr(value, "nbytes", 0)
        return value

    def _find(self, instance: object) -> Any:  # noqa: ANN401 - the value or its absence
        try:  # not by way of __dict__: who asks for that makes the instance larger and slower for the rest of its life
            return object.__getattribute__(instance, self._place)
        except AttributeError:
            return _ABSENT

    def _put(self, instance: object, value: T) -> object:
        """Hold a value; return what was in its place."""
        freed = self._find(instance)
        object.__setattr__(instance, self._place, value)
        return freed

    def _key(self, instance: object) -> tuple[int, int]:
        if not self._place:
            message = "a Lazy was given to a class after its body, and knows no name; call its __set_name__(owner, name) once"
            raise TypeError(message)
        return id(self), id(instance)


class Evictable(Generic[Key, T]):
    """A store of what can be loaded again: `store[key]` loads at first touch, and those used least recently go when room is needed.

    Of several threads that touch a key at once one loads, and the others wait for it; errors are not held. A value that was handed
    out lives on while somebody holds it, and what is changed in it is lost when it goes. `hits`, `loads`, `evictions` and the
    `seconds` of all loads are counted; `nbytes` is what is held now, never more than `budget`.
    """

    def __init__(self, load: Callable[[Key], T], budget: int, *, size: Callable[[T], int] | None = None) -> None:
        """Hold nothing yet, and up to `budget` bytes; `size` weighs a value once, by its `nbytes` if nothing else is said."""
        self._load, self._size, self.budget = load, size or _nbytes, budget
        self._held: OrderedDict[Key, tuple[T, int]] = OrderedDict()
        self.nbytes = self.hits = self.loads = self.evictions = 0
        self.seconds = 0.0

    def __getitem__(self, key: Key) -> T:
        """Return the value of a key; one that is larger than the whole budget is loaded at each touch and not held.

        Raises what the loader raises, TypeError for a value of unknown size, RuntimeError when the loader waits for itself.
        """
        with _LOADS.lock:
            if key in self._held:
                self._held.move_to_end(key)
                self.hits += 1
                return self._held[key][0]
        pair: tuple[T, int]
        pair, seconds = _LOADS.once(
            (id(self), key), repr(key), lambda: self._find(key), lambda: self._loaded(key), lambda pair: self._keep(key, pair)
        )
        with _LOADS.lock:
            if seconds is None:
                self.hits += 1
            else:
                self.loads, self.seconds = self.loads + 1, self.seconds + seconds
        return pair[0]

    def discard(self, key: Key) -> None:
        """Free the value of a key, if it is held; the next touch loads it anew, and one that is being loaded is not kept."""
        with _LOADS.lock:
            _LOADS.under_way.pop((id(self), key), None)
            freed = self._held.pop(key, None)
            self.nbytes -= freed[1] if freed else 0
        del freed  # outside of the lock, since it may run a finaliser

    def __contains__(self, key: object) -> bool:
        """Tell whether the value of a key is held now."""
        return key in self._held

    def __len__(self) -> int:
        """Return how many values are held now."""
        return len(self._held)

    def __iter__(self) -> Iterator[Key]:
        """Return the keys of what is held now, those used least recently first."""
        with _LOADS.lock:
            return iter(list(self._held))

    def _find(self, key: Key) -> Any:  # noqa: ANN401 - a value with its size, or its absence
        return self._held.get(key, _ABSENT)

    def _loaded(self, key: Key) -> tuple[T, int]:
        value = self._load(key)
        return value, self._size(value)

    def _keep(self, key: Key, pair: tuple[T, int]) -> object:
        """Hold a value when it fits; return what had to go."""
        freed = []
        if pair[1] <= self.budget:
            while self.nbytes + pair[1] > self.budget:
                freed.append(self._held.popitem(last=False)[1])
                self.nbytes -= freed[-1][1]
                self.evictions += 1
            self._held[key] = pair
            self.nbytes += pair[1]
        return freed


class _Load:
    """A load that is under way in a thread."""

    __slots__ = ("over", "thread", "value")

    def __init__(self) -> None:
        """Begin."""
        self.thread, self.over, self.value = threading.get_ident(), False, _ABSENT


class _Loads:
    """All loads that are under way in this process, of every store, so that no thread waits for what waits for it."""

    def __init__(self) -> None:
        """Begin with none."""
        self.begin()

    def begin(self) -> None:
        """Forget everything: in a forked process no other thread will end its load or give up the lock."""
        self.lock = threading.RLock()  # never held while something loads; reentrant, since a finaliser may come in at any time
        self.under_way: dict[tuple[int, Hashable], _Load] = {}
        self._ended = threading.Condition(self.lock)
        self._waits: dict[int, _Load] = {}  # thread: what it waits for

    def once(
        self,
        key: tuple[int, Hashable],
        name: str,
        find: Callable[[], Any],
        load: Callable[[], Any],
        keep: Callable[[Any], object],
    ) -> tuple[Any, float | None]:
        """Return what `load` returns, in this thread or in another that is at it, and the seconds if it was in this one.

        `keep` gets the value unless its key left `under_way` meanwhile; what it returns is dropped outside of the lock.
        """
        mine = _Load()
        try:
            with self.lock:
                while (running := self.under_way.setdefault(key, mine)) is not mine:
                    value = self._awaited(running, name)
                    if value is not _ABSENT:
                        return value, None
            mine.value = find()  # another load may have ended before this one began
            if mine.value is not _ABSENT:
                return mine.value, None
            began = perf_counter()
            value = load()
            seconds = perf_counter() - began
            with self.lock:
                freed = keep(value) if self.under_way.get(key) is mine else None
                mine.value = value
            del freed
            return value, seconds
        finally:
            with self.lock:
                if self.under_way.get(key) is mine:
                    del self.under_way[key]
                mine.over = True
                self._ended.notify_all()

    def _awaited(self, running: _Load, name: str) -> Any:  # noqa: ANN401 - the value or its absence
        """Wait for the end of a load; return its value, or nothing when it failed."""
        me = threading.get_ident()
        at: _Load | None = running
        while at is not None and not at.over:
            if at.thread == me:
                message = f"{name} is touched while it is loaded, by what its loader waits for; give the loader what it needs another way"
                raise RuntimeError(message)
            at = self._waits.get(at.thread)
        self._waits[me] = running
        try:
            while not running.over:
                self._ended.wait()
        finally:
            self._waits.pop(me, None)
        return running.value


def _nbytes(value: object) -> int:
    size = getattr(value, "nbytes", None)
    if size is None:
        message = f"a {type(value).__name__} does not tell its nbytes; give Evictable a function that weighs it: size=..."
        raise TypeError(message)
    return int(size)


_LOADS = _Loads()
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_LOADS.begin)
