"""A flat run of elements in blocks of 65,536: a change costs the blocks that it touches, and copies share the others."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gate.remedies import elements, layouts
from gate.remedies.elements import Array, piece
from gate.remedies.layouts import BLOCK, BYTES, RANKS

_OBJECT = 640  # bytes of what is there once: two objects, a list, the fill, the shape
_SAMPLE = 1024  # elements that tell whether encoding all is worth it
_PAGE = 4096
_MAPPED = 1 << 17  # bytes from which glibc maps whole pages


class Blocks:
    """Hold `size` elements of a raw dtype, of which all but `stored` are `fill` (1,), in about `weight` bytes."""

    __slots__ = ("data", "fill", "nothing", "size", "stored", "weight")

    def __init__(self, size: int, fill: Array, data: list[bytes] | None = None) -> None:
        """Begin with nothing but the fill, or with blocks that somebody encoded beside it."""
        self.size, self.fill, self.nothing = size, fill, fill[0]  # the scalar is made once, for it is read most
        self.data = [b""] * -(-size // BLOCK) if data is None else data
        self.stored = sum(map(layouts.count, filter(None, self.data)))
        self.weight = _OBJECT + fill.nbytes + sum(8 + _weight(block) for block in self.data)

    @classmethod
    def of(cls, array: Array, most: float) -> "Blocks | None":
        """Return the elements of an array of any shape and dtype, in C order, if they weigh less than `most` bytes."""
        if array.nbytes <= _OBJECT:
            return None
        kind = elements.raw(array.dtype)
        step = array.size // _SAMPLE | 1  # odd, as most rows are not, so that it meets all columns
        sample = np.ascontiguousarray(array.reshape(-1)[::step] if array.flags.c_contiguous else array.flat[::step]).view(kind)
        fill = elements.commonest(sample)
        if len(layouts.encode(sample, fill)) * array.nbytes >= most * sample.nbytes:
            return None
        held = cls(array.size, fill)
        for number in range(len(held.data)):
            held.replace(number, layouts.encode(piece(array, *held.span(number)).view(kind), fill))
            if held.weight >= most:
                return None
        return held

    def copy(self) -> "Blocks":
        """Return what changes by itself; the blocks are shared, because nobody changes one in place."""
        return Blocks(self.size, self.fill, self.data.copy())

    def span(self, number: int) -> tuple[int, int]:
        """Return where a block begins and ends."""
        start = number * BLOCK
        return start, min(start + BLOCK, self.size)

    def replace(self, number: int, block: bytes) -> None:
        """Put an encoded block in the place of another."""
        was = self.data[number]
        self.weight += _weight(block) - _weight(was)
        self.stored += (layouts.count(block) if block else 0) - (layouts.count(was) if was else 0)
        self.data[number] = block

    def get(self, at: int) -> Any:  # noqa: ANN401 - a scalar of numpy
        """Return one element."""
        block = self.data[at >> 16]
        if not block:
            return self.nothing
        if block[-2] & 3 == BYTES:  # as in layouts.rank, because a call would take as long as this
            first, last = RANKS(block, len(block) - 518 + (at >> 7 & 510))
            rank = block.find(at & 255, first, last)
            if rank < 0:
                return self.nothing
        length = min(BLOCK, self.size - (at & -BLOCK))
        rank = layouts.rank(block, length, at & BLOCK - 1)
        return layouts.value(block, length, rank, self.fill.dtype) if rank >= 0 else self.nothing

    def read(self, start: int, stop: int) -> Array:
        """Return the elements from `start` to before `stop` (n,), as a new array."""
        out = np.full(stop - start, self.fill, self.fill.dtype)
        for number in range(start // BLOCK, -(-stop // BLOCK)):
            if self.data[number]:
                first, last = self.span(number)
                low, high = max(start, first), min(stop, last)
                layouts.lay(self.data[number], last - first, low - first, out[low - start : high - start])
        return out

    def write(self, start: int, elements: Array) -> None:
        """Set the elements from `start` on to those given (n,), contiguous and of the raw dtype."""
        stop = start + len(elements)
        for number in range(start // BLOCK, -(-stop // BLOCK)):
            first, last = self.span(number)
            low, high = max(start, first), min(stop, last)
            block = elements[low - start : high - start]
            if high - low < last - first:
                part, block = block, self.read(first, last)
                block[low - first : high - first] = part
            self.replace(number, layouts.encode(block, self.fill))

    def entries(self) -> Iterator[tuple[Array, Array]]:
        """Yield what is not the fill, in order: flat positions (n,) and values (n,), at most 65,536 at once."""
        kind = np.dtype(np.int32 if self.size < 1 << 31 else np.int64)
        for run in self._runs():
            blocks, starts = [self.data[number] for number in run], np.array(run, kind) * BLOCK
            if layouts.chains(blocks[0]) and self.span(run[-1])[1] % BLOCK == 0:
                yield layouts.chained(blocks, starts, self.fill.dtype)
                continue
            start, stop = self.span(run[0])
            flat = np.arange(start, stop, dtype=kind)[layouts.positions(blocks[0], stop - start)]
            yield flat, np.broadcast_to(layouts.values(blocks[0], stop - start, self.fill.dtype), flat.shape)

    def _runs(self) -> Iterator[list[int]]:
        """Yield the numbers of blocks: one, or several that can be read as one."""
        run, room, layout = list[int](), 0, -1
        for number, block in enumerate(self.data):
            if not block:
                continue
            stored = layouts.count(block)
            if block[-2] != layout or stored > room or not layouts.chains(block) or (number + 1) * BLOCK > self.size:
                if run:
                    yield run
                run, room, layout = [], BLOCK, block[-2]
            run.append(number)
            room -= stored
        if run:
            yield run


def _weight(block: bytes) -> int:
    """Return the bytes that the C allocator hands out for one block."""
    size = (len(block) + 33 + 8 + 15) & -16 if block else 0  # what Python, and what the allocator, put in front of it
    return size if size < _MAPPED else -(-(size + 8) // _PAGE) * _PAGE
