"""What the elements of an array are: a fingerprint, what holds them exactly, how many differ from the rest; numpy is the user's."""

import hashlib
import sys
from typing import Any

_SAMPLES = 1024  # elements among which the most common one is looked for
_WORDS = {1, 2, 4, 8}  # bytes of elements that can be compared as whole numbers
_NARROWER = {"f": ("f4", "f2"), "i": ("i4", "i2", "i1"), "u": ("u4", "u2", "u1")}
_COLOURS = 256  # the most that a palette holds
_FEWEST = 64  # elements below which another form of them saves nothing


def is_plain(array: Any) -> bool:
    """Tell whether the bytes of an array are all that it is: no subclass, no objects, something in it."""
    return type(array) is sys.modules["numpy"].ndarray and not array.dtype.hasobject and array.nbytes > 0


def fingerprint(array: Any) -> bytes:
    """Return what equal arrays have in common: dtype, shape, order of the elements and every byte of them."""
    told = hashlib.blake2b(f"{array.dtype!r} {array.shape} {array.strides}".encode())
    told.update(_bytes(array))
    return told.digest()


def narrow(array: Any) -> str:
    """Return the narrowest dtype of the same kind that holds every element exactly, "" when it is as narrow as can be.

    Of floating-point numbers that is float32: narrower ones are emulated.
    """
    numpy = sys.modules["numpy"]
    kind, size = array.dtype.kind, array.dtype.itemsize
    if array.size < _FEWEST or not array.dtype.isnative:
        return ""
    if kind == "f" and size > 4:  # noqa: PLR2004 - bytes of a float32
        with numpy.errstate(all="ignore"):
            there = array.astype(numpy.float32)
        return "float32" if numpy.array_equal(_bytes(there.astype(array.dtype)), _bytes(array)) else ""
    if kind in "iu":
        low, high = int(array.min()), int(array.max())
        for width in (1, 2, 4):
            narrower = numpy.dtype(f"{kind}{width}")
            if width < size and numpy.iinfo(narrower).min <= low and high <= numpy.iinfo(narrower).max:
                return str(narrower)
    return ""


def stored(array: Any) -> int:
    """Return how many elements differ in any bit from the most common one."""
    if array.size < _FEWEST or array.dtype.itemsize not in _WORDS:
        return int(array.size)
    return int(sys.modules["numpy"].count_nonzero(_differs(array)))


def form(array: Any) -> tuple[int, int]:
    """Return how many bytes hold each of those elements exactly, and how many of them are different; 0 for more than a palette holds."""
    numpy = sys.modules["numpy"]
    if array.size < _FEWEST or array.dtype.itemsize not in _WORDS or not array.dtype.isnative:
        return int(array.dtype.itemsize), 0
    found = numpy.ascontiguousarray(array).reshape(-1)[_differs(array)]
    bits = found.view(f"u{array.dtype.itemsize}")
    colours = len(numpy.unique(bits)) if len(numpy.unique(bits[: 4 * _COLOURS])) <= _COLOURS else _COLOURS + 1
    width = array.dtype.itemsize
    if array.dtype.kind in "fiu" and found.size:
        with numpy.errstate(all="ignore"):
            narrower = [kind for kind in _NARROWER[array.dtype.kind] if numpy.dtype(kind).itemsize < width]
            exact = [kind for kind in narrower if (found.astype(kind).astype(array.dtype).view(bits.dtype) == bits).all()]
        width = min((numpy.dtype(kind).itemsize for kind in exact), default=width)
    return int(width), colours if colours <= _COLOURS else 0


def _differs(array: Any) -> Any:
    """Tell which elements differ in any bit from the most common one (n,)."""
    numpy = sys.modules["numpy"]
    bits = numpy.ascontiguousarray(array).reshape(-1).view(f"u{array.dtype.itemsize}")
    values, counts = numpy.unique(bits[:: max(1, bits.size // _SAMPLES)], return_counts=True)
    return bits != values[counts.argmax()]


def _bytes(array: Any) -> Any:
    """Return the bytes of an array, in the order of its indices, copied only where they do not lie so."""
    numpy = sys.modules["numpy"]
    return numpy.ascontiguousarray(array).reshape(-1).view(numpy.uint8)
