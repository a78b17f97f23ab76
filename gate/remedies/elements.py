"""Elements by their bits: how they are compared, and the smallest exact form of some of them."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]

PALETTE = 63  # the code of values; 0 is as they are, and the others are those of the narrower types
ONE = PALETTE, 1
NARROWER = tuple(np.dtype(name) for name in ("f4", "f2", "c8", "u1", "i1", "u2", "i2", "u4", "i4"))
_CHAINS = {"d": ((1, 29), (2, 42)), "f": ((2, 13),), "D": ((3, 29),)}  # codes, and how many bits they lack; each needs the one before
_INTEGERS = tuple((code, np.iinfo(NARROWER[code - 1])) for code in range(4, 10))
_COLOURS = 256  # the most that a palette holds
_WORDS = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}  # numpy takes as long to read a name as to look at thousands of elements
_PROBE = _COLOURS + 1  # values that tell, if all differ, that there are too many


def raw(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which elements are stored: their own if it is a plain number of this machine, else one of as many bits.

    >>> [raw(np.dtype(name)).kind for name in ("f8", ">f8", "<f8", "S3")].count("f")
    2
    """
    if dtype.isnative and dtype.kind in "biufc" and dtype.char not in "gG":  # a long double has bits that mean nothing
        return dtype
    return np.dtype(f"u{dtype.itemsize}" if dtype.itemsize in {1, 2, 4, 8} else f"V{dtype.itemsize}")


def piece(array: Array, start: int, stop: int) -> Array:
    """Return some elements of an array in C order (n,), contiguous, without copying the others."""
    return array.reshape(-1)[start:stop] if array.flags.c_contiguous else np.asarray(array.flat[start:stop])


def words(elements: Array) -> Array:
    """Return the bits of elements (n,) as unsigned numbers (n,), or several a row (n, k)."""
    size = elements.dtype.itemsize
    word = min(size & -size, 8)
    found = elements.view(_WORDS[word])
    return found if word == size else found.reshape(len(elements), -1)


def differs(elements: Array, fill: Array) -> NDArray[np.bool_]:
    """Tell which of `elements` (n,), contiguous, have other bits than `fill` (1,)."""
    found: NDArray[np.bool_] = words(elements) != words(fill)
    return found if found.ndim == 1 else np.logical_or.reduce(found, axis=1)


def commonest(elements: Array) -> Array:
    """Return the element (1,) whose bits are found most often in `elements` (n,), contiguous and of a raw dtype."""
    ((found, _),) = Counter(elements.view(f"V{elements.itemsize}").tolist()).most_common(1)
    return np.frombuffer(found, elements.dtype)


def packed(stored: Array) -> tuple[int, int, bytes | memoryview]:
    """Return the code, the size of the palette and the bytes of the smallest exact form of some values."""
    if len(stored) == 1:
        return *ONE, stored.tobytes()
    code, narrow = _narrowed(stored)
    bits = words(stored)
    palette = _palette(bits) if bits.ndim == 1 else None
    if palette is None or palette.nbytes + len(bits) * (len(palette) > 1) >= narrow.nbytes:
        return code, 1, narrow.view(np.uint8).data  # copied once, when the block is joined
    told = palette.tobytes()
    return PALETTE, len(palette), told + palette.searchsorted(bits).astype(np.uint8).tobytes() if len(palette) > 1 else told


def _palette(bits: Array) -> Array | None:
    """Return the different ones, sorted, if they are few and some of them equal."""
    some = bits[:_PROBE].copy()
    some.sort()
    if not np.count_nonzero(some[1:] == some[:-1]):
        return None  # too many, or no more of one than a palette would have
    found = _different(bits[: 8 * _PROBE])
    if len(found) <= _COLOURS and len(bits) > 8 * _PROBE:
        near = found.searchsorted(bits)
        if not np.array_equal(found.take(near, mode="clip"), bits):
            found = _different(bits)
    return found if len(found) <= _COLOURS else None


def _different(bits: Array) -> Array:
    """Return what numpy.unique does, which loads numpy.ma for it."""
    found = np.sort(bits)
    return np.asarray(found[np.append(True, found[1:] != found[:-1])])


def _narrowed(stored: Array) -> tuple[int, Array]:
    """Return the code and the values in the narrowest type that gives their bits back."""
    if stored.dtype.kind in "iu":
        low, high = int(stored.min()), int(stored.max())
        for code, info in _INTEGERS:
            if info.min <= low and high <= info.max and info.bits < 8 * stored.dtype.itemsize:
                return code, stored.astype(info.dtype)
    best = 0, stored
    for code, lacking in _CHAINS.get(stored.dtype.char, ()):
        if np.bitwise_or.reduce(words(stored[:_PROBE]), axis=None) & ((1 << lacking) - 1):
            break
        with np.errstate(all="ignore"):
            narrow = stored.astype(NARROWER[code - 1])
            if differs(narrow.astype(stored.dtype), stored).any():
                break
        best = code, narrow
    return best
