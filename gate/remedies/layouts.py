"""One block of at most 65,536 elements as a few bytes: the smallest of some layouts that lose nothing."""

import sys
from bisect import bisect_left
from functools import lru_cache
from struct import Struct
from typing import Any

import numpy as np

from gate.remedies.elements import NARROWER, ONE, PALETTE, Array, differs, packed

BLOCK = 1 << 16

INDEX, LOW, BITMAP, ALL = range(4)  # how positions are told
_PAGE = 256  # elements that share a rank, of low bytes
_GROUP = 1024  # elements that share a rank, of a bitmap
_FEW = 128  # positions through which a search for bytes is faster than one that halves
_TAIL = Struct("HBB")
RANK = Struct("H").unpack_from
RANKS = Struct("HH").unpack_from
_UNPACK = {char: Struct(char).unpack_from for char in "bBhHiIlLqQefd"}


def encode(block: Array, fill: Array) -> bytes:
    """Return the smallest layout of `block` (n,), contiguous and of a raw dtype, whose most common element is `fill` (1,).

    A block tells which of its elements are not the fill, and what they are:

        ranks       for low bytes, where those of each 256 elements begin and end; for a bitmap, how many are stored before each 1,024
                    elements (uint16)
        positions   a uint16 each; or, above a density of about 0.8 %, their low bytes; or, above about 12 %, a bitmap; or, where all
                    elements are stored, nothing
        values      as they are, or in a narrower type that gives the same bits back, or a palette of up to 256 and a byte each
        tail        how many are stored (uint16, less one), the layout (uint8), the size of the palette (uint8, less one)

    A block of nothing but the fill has no bytes at all. Elements are compared by their bits: -0.0 is not 0.0, and each NaN is itself.
    """
    mask = differs(block, fill)
    number = int(np.count_nonzero(mask))
    if number in {0, len(block)}:
        return _joined(ALL, number, packed(block), b"", block.dtype) if number else b""
    kind = min((INDEX, LOW, BITMAP), key=lambda kind: used(kind, number, len(block)))
    (chosen,) = mask.nonzero()  # a mask as an index takes numpy several times as long
    form, told = packed(block.take(chosen, mode="wrap")), _told(kind, chosen, mask)  # wraps nothing, and looks for nothing out of bounds
    width = int(form[1] > 1) or len(form[2]) // number  # bytes of one more value, at least: beside the fill none gets narrower
    if form[:2] != ONE and len(told) > width * (len(block) - number):
        whole = packed(block)
        if len(whole[2]) <= len(form[2]) + len(told):
            return _joined(ALL, len(block), whole, b"", block.dtype)
    return _joined(kind, number, form, told, block.dtype)


def revalued(data: bytes, length: int, stored: Array, fill: Array) -> bytes:
    """Return the block of `length` with other values in the same places (one for all, or each its own), beside another fill."""
    if differs(stored, fill).all():
        kind, number = data[-2] & 3, count(data)
        return _joined(kind, number, packed(stored), data[: used(kind, number, length)], stored.dtype)
    block = np.full(length, fill, stored.dtype)
    block[positions(data, length)] = stored
    return encode(block, fill)


def count(data: bytes) -> int:
    """Return how many elements a block stores."""
    return int(_TAIL.unpack_from(data, len(data) - 4)[0]) + 1


def values(data: bytes, length: int, dtype: np.dtype[Any]) -> Array:
    """Return the stored values (count,) in the order of their positions, or the one (1,) that all of them are."""
    number, code, colours = count(data), data[-2] >> 2, data[-1] + 1
    kept = _kept(code, dtype)
    first = front(used(data[-2] & 3, number, length), kept.itemsize)
    if code == PALETTE:
        palette = np.frombuffer(data, dtype, colours, first)
        return palette if colours == 1 else palette[np.frombuffer(data, np.uint8, number, first + palette.nbytes)]
    return np.frombuffer(data, kept, number, first).astype(dtype, copy=False)


def positions(data: bytes, length: int) -> Any:  # noqa: ANN401 - what numpy takes as an index
    """Return what selects the stored elements of the block: rising numbers (count,), or the slice of all."""
    kind = data[-2] & 3
    if kind == INDEX:
        return np.frombuffer(data, np.uint16, count(data)).astype(np.intp)  # which numpy would do again and again, for parts of it
    if kind == LOW:
        return _merged([data], [count(data)], np.zeros(1, np.intp), length)
    return np.flatnonzero(_mask(data, length, 0, length)) if kind == BITMAP else slice(None)


def is_full(data: bytes, length: int) -> bool:
    """Tell whether every element of the block is stored."""
    return bool(data) and count(data) == length


def chains(data: bytes) -> bool:
    """Tell whether a block can be read as one with others of the same layout and length."""
    return data[-2] & 3 in {INDEX, LOW} and data[-2] >> 2 != PALETTE


def chained(blocks: list[bytes], starts: Array, length: int, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Return the flat positions (n,) and the values (n,) of such blocks of one length, which begin at `starts`, as if they were one."""
    kind, code, counts = blocks[0][-2] & 3, blocks[0][-2] >> 2, [count(data) for data in blocks]
    kept = _kept(code, dtype)
    firsts = [front(used(kind, number, length), kept.itemsize) for number in counts]
    spans = [slice(first, first + number * kept.itemsize) for first, number in zip(firsts, counts, strict=True)]
    stored = b"".join([memoryview(data)[span] for data, span in zip(blocks, spans, strict=True)])
    if kind == LOW:
        flat = _merged(blocks, counts, starts, length)
    else:
        low = b"".join([memoryview(data)[: 2 * number] for data, number in zip(blocks, counts, strict=True)])
        flat = np.repeat(starts, counts) + np.frombuffer(low, np.uint16)
    return flat, np.frombuffer(stored, kept).astype(dtype, copy=False)


def lay(data: bytes, length: int, start: int, out: Array) -> None:
    """Lay the stored elements from `start` on over `out` (n,), which holds the fill."""
    stored, stop = values(data, length, out.dtype), start + len(out)
    if data[-2] & 3 == BITMAP and len(out) < length:
        chosen, first = np.flatnonzero(_mask(data, length, start, stop)), before(data, length, start)
        last = first + len(chosen)
    else:
        chosen = positions(data, length)
        if isinstance(chosen, slice):
            first, last = start, stop
        elif len(out) < length:
            first, last = chosen.searchsorted(np.array((start, stop)))
            chosen = chosen[first:last] - start
        else:
            first, last = 0, len(chosen)
    out[chosen] = stored[first:last] if len(stored) > 1 else stored


@lru_cache(64)
def scalar(dtype: np.dtype[Any]) -> Any:  # noqa: ANN401 - a function and a scalar of numpy
    """Return what unpacks a number of this dtype, and the one, times which it is a scalar of it; None where there is no exact way."""
    unpack = _UNPACK.get(dtype.char)
    one = dtype.type(1) if unpack else None
    return (unpack, one) if unpack and type(one * unpack(bytes(8))[0]) is dtype.type else (unpack, None)  # numpy 1 widens


def get(data: bytes, length: int, at: int, dtype: np.dtype[Any]) -> Any:  # noqa: ANN401 - a scalar of numpy
    """Return the element at `at` of a block of any layout and dtype, or None if that is the fill."""
    kind, code, colours, number = data[-2] & 3, data[-2] >> 2, data[-1] + 1, count(data)
    if kind == LOW:
        rank = data.find(at & 255, *RANKS(data, at >> 8 << 1)) - lead(kind, length)
    elif kind == INDEX:
        rank = found(data, at, 2 * number)
    elif kind == BITMAP:
        rank = before(data, length, at) if data[lead(kind, length) + (at >> 3)] << (at & 7) & 128 else -1
    else:
        rank = at
    if rank < 0:
        return None
    kept = _kept(code, dtype)
    first = front(used(kind, number, length), kept.itemsize)
    if code == PALETTE:
        rank = data[first + colours * kept.itemsize + rank] if colours > 1 else 0
    place, (unpack, _), (_, one) = first + rank * kept.itemsize, scalar(kept), scalar(dtype)
    if unpack and one is not None:
        (value,) = unpack(data, place)
        if value == value:  # noqa: PLR0124 - of what is no number, Python may not keep the bits
            return one * value  # several times as fast as the type
    return np.frombuffer(data, kept, 1, place).astype(dtype, copy=False)[0]


def found(data: bytes, at: int, end: int) -> int:
    """Return which of the positions, which end at byte `end`, is `at`; below zero if none is."""
    if end > 2 * _FEW:
        places = memoryview(data)[:end].cast("H")
        rank = bisect_left(places, at)
        return rank if rank < len(places) and places[rank] == at else -1
    key = at.to_bytes(2, sys.byteorder)
    place = data.find(key, 0, end)
    while place > 0 and place & 1:  # the bytes of two neighbours
        place = data.find(key, place + 1, end)
    return place >> 1


def before(data: bytes, length: int, at: int) -> int:
    """Return how many elements before the one at `at` a bitmap says are stored."""
    group, ranks = at >> 10, lead(BITMAP, length)
    bits = int.from_bytes(data[ranks + (group << 7) : ranks + 1 + (at >> 3)])
    return int(RANK(data, group << 1)[0]) + (bits >> 8 - (at & 7)).bit_count()


def _mask(data: bytes, length: int, start: int, stop: int) -> Array:
    """Return which of the elements from `start` to before `stop` a bitmap says are stored."""
    bits = np.frombuffer(data, np.uint8, (stop + 7 >> 3) - (start >> 3), lead(BITMAP, length) + (start >> 3))
    return np.unpackbits(bits)[start & 7 :][: stop - start].view(np.bool_)


def _merged(blocks: list[bytes], counts: list[int], starts: Array, length: int) -> Array:
    """Return the positions (n,) that low bytes tell in blocks of one length that begin at `starts`."""
    first = lead(LOW, length)
    low = np.frombuffer(b"".join([data[first : first + number] for data, number in zip(blocks, counts, strict=True)]), np.uint8)
    ranks = np.frombuffer(b"".join([data[:first] for data in blocks]), np.uint16).reshape(len(blocks), -1)
    pages = starts[:, None] + np.arange(0, length, _PAGE).astype(starts.dtype)
    return np.repeat(pages.reshape(-1), (ranks[:, 1:] - ranks[:, :-1]).reshape(-1)) + low


def _told(kind: int, chosen: Array, mask: Array) -> bytes:
    """Return the bytes of ranks and positions."""
    if kind == INDEX:
        return chosen.astype(np.uint16).tobytes()
    if kind == LOW:
        ranks = chosen.searchsorted(np.arange(0, len(mask) + _PAGE, _PAGE)) + lead(kind, len(mask))
        return ranks.astype(np.uint16).tobytes() + chosen.astype(np.uint8).tobytes()
    ranks = chosen.searchsorted(np.arange(0, len(mask), _GROUP))
    return ranks.astype(np.uint16).tobytes() + np.packbits(mask).tobytes()


@lru_cache(256)
def lead(kind: int, length: int) -> int:
    """Return the bytes of the ranks."""
    return (0, 2 * (-(-length // _PAGE) + 1), 2 * -(-length // _GROUP), 0)[kind]


def used(kind: int, number: int, length: int) -> int:
    """Return the bytes of ranks and positions."""
    return lead(kind, length) + (2 * number, number, -(-length // 8), 0)[kind]


def front(used: int, size: int) -> int:
    """Return where values of this size begin after those: where numpy is fast, and so that their number can be told from all bytes."""
    return used + -used % min(size & -size, 8)


def _kept(code: int, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which values, or those of a palette, are."""
    return NARROWER[code - 1] if 0 < code < PALETTE else dtype


def _joined(kind: int, number: int, form: tuple[int, int, bytes | memoryview], told: bytes, dtype: np.dtype[Any]) -> bytes:
    """Return a whole block."""
    code, colours, stored = form
    padded = told.ljust(front(len(told), _kept(code, dtype).itemsize), b"\0")
    return b"".join((padded, stored, _TAIL.pack(number - 1, kind | code << 2, colours - 1)))
