"""One block of at most 65,536 elements as a few bytes: the smallest of some layouts that lose nothing."""

import sys
from struct import Struct
from typing import Any

import numpy as np

from gate.remedies.elements import NARROWER, ONE, PALETTE, Array, differs, packed

BLOCK = 1 << 16

_INDEX, BYTES, _BITMAP, _ALL = range(4)  # how positions are told
RANKS = Struct("HH").unpack_from  # two of them, 518 bytes from the end of a block of low bytes and more
_RANKS = 2 * 257  # bytes of the ranks of low bytes, the last of which is the number of all
_PAGES = np.arange(0, BLOCK, 256).astype(np.uint16)  # where each begins whose elements share a rank
_GROUP = 512  # elements of a bitmap that share a rank
_TAIL = Struct("HBB")
_NONE = b"", b""
_RANK = Struct("H").unpack_from
_UNPACK = {char: Struct(char).unpack_from for char in "?bBhHiIlLqQefd"}


def encode(block: Array, fill: Array) -> bytes:
    """Return the smallest layout of `block` (n,), contiguous and of a raw dtype, whose most common element is `fill` (1,).

    A block tells which of its elements are not the fill, and what they are:

        positions   a uint16 each; or, above a density of about 0.8 % of a whole block, their low bytes; or, above about 12 %, a bitmap; or,
                    where all elements are stored, nothing
        values      as they are, or in a narrower type that gives the same bits back, or a palette of up to 256 and a byte each
        ranks       how many are stored before each 256 elements, for low bytes, or before each 512, for a bitmap (uint16)
        tail        how many are stored (uint16, less one), the layout (uint8), the size of the palette (uint8, less one)

    A block of nothing but the fill has no bytes at all. Elements are compared by their bits: -0.0 is not 0.0, and each NaN is itself.
    """
    mask = differs(block, fill)
    number = int(np.count_nonzero(mask))
    if number in {0, len(block)}:
        return _joined(_ALL, number, number, packed(block), _NONE) if number else b""
    kind = min((_INDEX, BYTES, _BITMAP), key=lambda kind: _size(kind, number, len(block)))
    chosen = mask if kind == _BITMAP else np.flatnonzero(mask)
    form = packed(block[chosen])
    width = int(form[1] > 1) or len(form[2]) // number  # bytes of one more value, at least: beside the fill none gets narrower
    if form[:2] != ONE and _size(kind, number, len(block)) > width * (len(block) - number):
        whole = packed(block)
        if len(whole[2]) <= len(form[2]) + _size(kind, number, len(block)):
            return _joined(_ALL, len(block), len(block), whole, _NONE)
    return _joined(kind, number, len(block), form, _told(kind, chosen))


def revalued(data: bytes, length: int, stored: Array, fill: Array) -> bytes:
    """Return the block of `length` with other values in the same places (one for all, or each its own), beside another fill."""
    if differs(stored, fill).all():
        kind, number = data[-2] & 3, count(data)
        told = data[: _front(kind, number, length)], data[len(data) - 4 - _ranks(kind, length) : -4]
        return _joined(kind, number, length, packed(stored), told)
    block = np.full(length, fill, stored.dtype)
    block[positions(data, length)] = stored
    return encode(block, fill)


def count(data: bytes) -> int:
    """Return how many elements a block stores."""
    return int(_TAIL.unpack_from(data, len(data) - 4)[0]) + 1


def values(data: bytes, length: int, dtype: np.dtype[Any]) -> Array:
    """Return the stored values (count,) in the order of their positions, or the one (1,) that all of them are."""
    number, code, colours = count(data), data[-2] >> 2, data[-1] + 1
    front = _front(data[-2] & 3, number, length)
    if code == PALETTE:
        palette = np.frombuffer(data, dtype, colours, front)
        return palette if colours == 1 else palette[np.frombuffer(data, np.uint8, number, front + palette.nbytes)]
    if code:
        return np.frombuffer(data, NARROWER[code - 1], number, front).astype(dtype)
    return np.frombuffer(data, dtype, number, front)


def positions(data: bytes, length: int) -> Any:  # noqa: ANN401 - what numpy takes as an index
    """Return what selects the stored elements of the block: rising numbers (count,), a mask (length,), or the slice of all."""
    kind = data[-2] & 3
    if kind == _INDEX:
        return np.frombuffer(data, np.uint16, count(data))
    if kind == BYTES:
        return _merged([data], [count(data)], np.zeros(1, np.uint16))
    if kind == _BITMAP:
        bits = np.frombuffer(data, np.uint8, -(-length // 8))
        return np.unpackbits(bits, count=length, bitorder="little").view(np.bool_)
    return slice(None)


def is_full(data: bytes, length: int) -> bool:
    """Tell whether every element of the block is stored."""
    return bool(data) and count(data) == length


def chains(data: bytes) -> bool:
    """Tell whether a whole block can be read as one with others of the same layout."""
    return data[-2] & 3 in {_INDEX, BYTES} and data[-2] >> 2 != PALETTE


def chained(blocks: list[bytes], starts: Array, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Return the flat positions (n,) and the values (n,) of such blocks, which begin at `starts`, as if they were one."""
    kind, code, counts = blocks[0][-2] & 3, blocks[0][-2] >> 2, [count(data) for data in blocks]
    kept = NARROWER[code - 1] if code else dtype
    spans = [(front := _front(kind, number, BLOCK), front + number * kept.itemsize) for number in counts]
    stored = b"".join([memoryview(data)[first:last] for data, (first, last) in zip(blocks, spans, strict=True)])
    if kind == BYTES:
        flat = _merged(blocks, counts, starts)
    else:
        low = b"".join([memoryview(data)[: 2 * number] for data, number in zip(blocks, counts, strict=True)])
        flat = np.repeat(starts, counts) + np.frombuffer(low, np.uint16)
    return flat, np.frombuffer(stored, kept).astype(dtype, copy=False)


def lay(data: bytes, length: int, start: int, out: Array) -> None:
    """Lay the stored elements from `start` on over `out` (n,), which holds the fill."""
    stored, chosen, edges = values(data, length, out.dtype), positions(data, length), (start, start + len(out))
    if isinstance(chosen, slice):
        chosen, (first, last) = slice(None), edges
    elif chosen.dtype == bool:
        first, last = (int(np.count_nonzero(chosen[:edge])) for edge in edges)
        chosen = chosen[start : edges[1]]
    elif len(out) < length:
        first, last = chosen.searchsorted(np.array(edges))
        chosen = chosen[first:last] - np.intp(start)
    else:
        first, last, chosen = 0, len(chosen), chosen.astype(np.intp)  # which numpy would do again and again, for parts of it
    out[chosen] = stored[first:last] if len(stored) > 1 else stored


def rank(data: bytes, length: int, at: int) -> int:
    """Return how many stored elements of the block come before the one at `at`, or -1 if that is the fill."""
    kind = data[-2] & 3
    if kind == BYTES:
        first, last = RANKS(data, len(data) - 518 + (at >> 8 << 1))
        return data.find(at & 255, first, last)
    if kind == _INDEX:
        end, key = 2 * count(data), at.to_bytes(2, sys.byteorder)
        found = data.find(key, 0, end)
        while found > 0 and found & 1:  # the bytes of two neighbours
            found = data.find(key, found + 1, end)
        return found >> 1
    if kind == _ALL:
        return at
    if not data[at >> 3] >> (at & 7) & 1:
        return -1
    group = at // _GROUP
    before = int.from_bytes(data[group * (_GROUP // 8) : (at >> 3) + 1], "little") & (1 << at % _GROUP) - 1
    return int(_RANK(data, len(data) - 4 - _ranks(kind, length) + 2 * group)[0]) + before.bit_count()


def value(data: bytes, length: int, rank: int, dtype: np.dtype[Any]) -> Any:  # noqa: ANN401 - a scalar of numpy
    """Return one of the stored values."""
    less, layout, colours = _TAIL.unpack_from(data, len(data) - 4)
    at, code, size = _front(layout & 3, less + 1, length), layout >> 2, dtype.itemsize
    if code == PALETTE:
        rank = data[at + (colours + 1) * size + rank] if colours else 0
    elif code:
        narrow = NARROWER[code - 1]
        return np.frombuffer(data, narrow, 1, at + rank * narrow.itemsize).astype(dtype)[0]
    unpack = _UNPACK.get(dtype.char)
    return dtype.type(unpack(data, at + rank * size)[0]) if unpack else np.frombuffer(data, dtype, 1, at + rank * size)[0]


def _merged(blocks: list[bytes], counts: list[int], starts: Array) -> Array:
    """Return the positions (n,) that low bytes tell in blocks that begin at `starts`."""
    low = np.frombuffer(b"".join([data[:number] for data, number in zip(blocks, counts, strict=True)]), np.uint8)
    ranks = np.frombuffer(b"".join([data[-_RANKS - 4 : -4] for data in blocks]), np.uint16).reshape(len(blocks), -1)
    return np.repeat((starts[:, None] + _PAGES).reshape(-1), (ranks[:, 1:] - ranks[:, :-1]).reshape(-1)) + low


def _told(kind: int, chosen: Array) -> tuple[bytes, bytes]:
    """Return the bytes of positions, or of the bitmap of a mask, and of the ranks."""
    if kind == _INDEX:
        return chosen.astype(np.uint16).tobytes(), b""
    if kind == BYTES:
        ranks = chosen.searchsorted(np.arange(0, BLOCK + 1, 256))
        return chosen.astype(np.uint8).tobytes(), ranks.astype(np.uint16).tobytes()
    groups = np.add.reduceat(chosen, np.arange(0, len(chosen), _GROUP), dtype=np.intp)
    return np.packbits(chosen, bitorder="little").tobytes(), (np.cumsum(groups) - groups).astype(np.uint16).tobytes()


def _front(kind: int, number: int, length: int) -> int:
    """Return where the values begin."""
    if kind == _BITMAP:
        return -(-length // _GROUP) * (_GROUP // 8)
    return (2 * number, number, 0, 0)[kind] + 7 & -8


def _ranks(kind: int, length: int) -> int:
    """Return the bytes of the ranks."""
    return (0, _RANKS, -(-length // _GROUP) * 2, 0)[kind]


def _size(kind: int, number: int, length: int) -> int:
    """Return the bytes that positions take; only whole blocks have ranks of low bytes."""
    return _front(kind, number, length) + _ranks(kind, length) if kind != BYTES or length == BLOCK else sys.maxsize


def _joined(kind: int, number: int, length: int, form: tuple[int, int, bytes], told: tuple[bytes, bytes]) -> bytes:
    """Return a whole block, the values at a multiple of 8 and the length even."""
    code, colours, stored = form
    front = told[0].ljust(_front(kind, number, length), b"\0")
    return b"".join((front, stored, b"\0" * (len(stored) & 1), told[1], _TAIL.pack(number - 1, kind | code << 2, colours - 1)))
