"""Components that keep more and more, each in the way that programs do: 8 bytes or more a call, or one handle in 20 calls."""

import atexit
import ctypes
import functools
import mmap
import os
import random
import threading
import weakref
from array import array
from collections.abc import Callable

from tests.corpus.clean import Act, Maker

_RARE = (1, 1, 2, 5, 25)  # calls among which one leaks
_RARE_HANDLE = (1, 2, 5, 10, 20)


def _now_and_then(choose: random.Random, leak: Callable[[int, int], object]) -> Act:
    """Leak in one of so many calls, and the rarer the more: (number, size)."""
    every = choose.choice(_RARE)
    size = every * choose.choice((16, 40, 100, 1000))
    return lambda at: leak(at, size) if at % every == 0 else None


def append(choose: random.Random, _: random.Random) -> Act:
    """Append to a list that nobody empties."""
    kept: list[bytes] = []
    return _now_and_then(choose, lambda _, size: kept.append(bytes(size)))


def slots(_: random.Random, __: random.Random) -> Act:
    """Append what is there anyway: 8 bytes a call, in steps that get rarer."""
    kept: list[None] = []
    return lambda _: kept.append(None)


def packed(_: random.Random, __: random.Random) -> Act:
    """Append two numbers to an array: 16 bytes a call."""
    kept = array("d")
    return lambda at: kept.extend((at, at))


def keys(choose: random.Random, _: random.Random) -> Act:
    """Set an ever new key."""
    kept: dict[int, bytes] = {}
    return _now_and_then(choose, lambda at, size: kept.__setitem__(at, bytes(size)))


def names(choose: random.Random, _: random.Random) -> Act:
    """Remember every name in a set."""
    kept: set[str] = set()
    return _now_and_then(choose, lambda at, size: kept.add(f"{at:0{size}}"))


def closures(_: random.Random, __: random.Random) -> Act:
    """Wrap what was there before in one more function."""
    last: list[Callable[[], object]] = [int]

    def act(at: int) -> None:
        before = last[0]
        last[0] = lambda: (before, at)

    return act


class _Knot:
    """One half of a cycle."""

    other: "_Knot"


def knots(_: random.Random, __: random.Random) -> Act:
    """Keep cycles in a registry that a collector may not empty."""
    registry: list[_Knot] = []

    def act(_: int) -> None:
        one, two = _Knot(), _Knot()
        one.other, two.other = two, one
        registry.append(one)

    return act


def native(choose: random.Random, _: random.Random) -> Act:
    """Forget to free what C code allocated."""
    malloc = ctypes.CDLL(None).malloc
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    return _now_and_then(choose, lambda _, size: malloc(size))


def mapped(choose: random.Random, _: random.Random) -> Act:
    """Map memory and never unmap it."""
    kept: list[mmap.mmap] = []
    every = choose.choice(_RARE_HANDLE)
    return lambda at: kept.append(mmap.mmap(-1, mmap.PAGESIZE)) if at % every == 0 else None


def descriptors(choose: random.Random, _: random.Random) -> Act:
    """Open a file and never close it."""
    every = choose.choice(_RARE_HANDLE)
    return lambda at: os.open(os.devnull, os.O_RDONLY) if at % every == 0 else None


def threads(choose: random.Random, _: random.Random) -> Act:
    """Start a thread that waits for ever."""
    every, never = choose.choice(_RARE_HANDLE), threading.Event()
    return lambda at: threading.Thread(target=never.wait, daemon=True).start() if at % every == 0 else None


def classes(choose: random.Random, _: random.Random) -> Act:
    """Make a class and register it."""
    registry: list[type] = []
    every = choose.choice(_RARE)
    return lambda at: registry.append(type(f"Kind{at}", (), {})) if at % every == 0 else None


def buffer(choose: random.Random, _: random.Random) -> Act:
    """Write to a buffer that nobody reads."""
    kept = bytearray()
    return _now_and_then(choose, lambda _, size: kept.extend(bytes(size)))


def arrays(choose: random.Random, _: random.Random) -> Act:
    """Keep an array of each call."""
    import numpy as np  # noqa: PLC0415 - only who draws it pays for it

    kept: list[np.ndarray] = []
    return _now_and_then(choose, lambda _, size: kept.append(np.zeros(size // 8)))


def unbounded(choose: random.Random, _: random.Random) -> Act:
    """Cache without a maximum."""
    size = choose.choice((16, 100, 1000))

    @functools.cache
    def computed(at: int) -> bytes:
        return bytes(size + at % 3)

    return computed


def listeners(_: random.Random, __: random.Random) -> Act:
    """Subscribe to an object that outlives everybody."""
    subject: dict[str, list[Callable[[], object]]] = {"changed": []}
    return lambda at: subject["changed"].append(functools.partial(int, at))


def errors(_: random.Random, __: random.Random) -> Act:
    """Keep every error with its frames."""
    kept: list[BaseException] = []
    empty: dict[int, int] = {}

    def act(at: int) -> None:
        try:
            empty[at]
        except KeyError as error:
            kept.append(error)

    return act


def finalizers(choose: random.Random, _: random.Random) -> Act:
    """Register callbacks that wait for something that never ends."""
    every, alive = choose.choice((1, 2, 5)), _Knot()
    return lambda at: weakref.finalize(alive, int, at) if at % every == 0 else None


def exits(choose: random.Random, _: random.Random) -> Act:
    """Register something for the end of the process in each call."""
    every = choose.choice((1, 2, 5))
    return lambda at: atexit.register(int, at) if at % every == 0 else None


def environment(_: random.Random, __: random.Random) -> Act:
    """Set a variable of the environment to ever new values: glibc keeps every one, because somebody may hold a pointer to it."""

    def act(at: int) -> None:
        os.environ["CORPUS_NOTE"] = f"{at:09}"

    return act


def chain(_: random.Random, __: random.Random) -> Act:
    """Link each result to the one before."""
    last: list[object] = [None]

    def act(at: int) -> None:
        last[0] = (at, last[0])

    return act


KINDS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        append,
        slots,
        packed,
        keys,
        names,
        closures,
        knots,
        native,
        mapped,
        descriptors,
        threads,
        classes,
        buffer,
        arrays,
        unbounded,
        listeners,
        errors,
        finalizers,
        exits,
        chain,
        environment,
    )
}
