"""A flat run of elements in blocks of 65,536 or fewer: a change costs the blocks that it touches, and copies share the others."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gate.remedies import elements, layouts
from gate.remedies.elements import Array, piece
from gate.remedies.layouts import ALL, BITMAP, BLOCK, INDEX, LOW, RANK, RANKS

_OBJECT = 816  # bytes of what is there once: two objects, a list, the fill, the shape
_SAMPLE = 1024  # elements that tell whether encoding all is worth it
_PAGE = 4096
_MAPPED = 1 << 17  # bytes from which glibc maps whole pages
_HEAVY = 15 / 16 * _MAPPED  # bytes of a block of 65,536 elements from which shorter ones are taken: half a page would be lost for each
_BITS = int.from_bytes  # the last byte is the lowest


class Blocks:
    """Hold `size` elements of a raw dtype, of which all but `stored` are `fill` (1,), in about `weight` bytes and blocks of `step`."""

    __slots__ = ("data", "fill", "known", "nothing", "size", "step", "stored", "weight")

    def __init__(self, size: int, fill: Array, step: int = BLOCK, data: list[bytes] | None = None) -> None:
        """Begin with nothing but the fill, or with blocks that somebody encoded beside it."""
        self.size, self.fill, self.step, self.nothing = size, fill, step, fill[0]  # the scalar is made once, for it is read most
        self.data = [b""] * -(-size // step) if data is None else data
        width, low, ranks = fill.itemsize, layouts.lead(LOW, step), layouts.lead(BITMAP, step)
        front = layouts.front(layouts.used(BITMAP, 0, step), width) - width  # less the element itself, which its rank then counts
        unpack, one = layouts.scalar(fill.dtype)
        plain = 0 if one is None else size // step  # blocks of which all are whole, and whose numbers Python can read
        self.known = step, plain, low, ranks, front, width, unpack, one  # for `get`
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
        encoded = layouts.encode(sample, fill)
        guess = (len(encoded) - sum(encoded[-1:]) * kind.itemsize) / len(sample)  # a palette is no larger beside more elements
        if guess * array.size >= most:
            return None
        held = cls(array.size, fill, BLOCK if guess * BLOCK < _HEAVY else max(256, int(_HEAVY / guess) & -256))
        for number in range(len(held.data)):
            held.replace(number, layouts.encode(piece(array, *held.span(number)).view(kind), fill))
            if held.weight >= most:
                return None
        return held

    def cut(self, step: int) -> "Blocks":
        """Return the same in blocks of another length."""
        held = Blocks(self.size, self.fill, step)
        for number in range(len(held.data)):
            start, stop = held.span(number)
            held.replace(number, layouts.encode(self.read(start, stop), self.fill))
        return held

    def copy(self) -> "Blocks":
        """Return what changes by itself; the blocks are shared, because nobody changes one in place."""
        return Blocks(self.size, self.fill, self.step, self.data.copy())

    def span(self, number: int) -> tuple[int, int]:
        """Return where a block begins and ends."""
        start = number * self.step
        return start, min(start + self.step, self.size)

    def replace(self, number: int, block: bytes) -> None:
        """Put an encoded block in the place of another."""
        was = self.data[number]
        self.weight += _weight(block) - _weight(was)
        self.stored += (layouts.count(block) if block else 0) - (layouts.count(was) if was else 0)
        self.data[number] = block

    def get(self, at: int) -> Any:  # noqa: ANN401 - a scalar of numpy
        """Return one element: as `layouts.get`, for plain numbers in whole blocks all in one, since a call takes as long as half of it."""
        step, plain, low, ranks, front, size, unpack, one = self.known
        number = at // step
        block = self.data[number]
        if not block:
            return self.nothing
        at %= step
        layout = block[-2]
        if number >= plain or layout > ALL:
            found = layouts.get(block, min(step, self.size - number * step), at, self.fill.dtype)
            return self.nothing if found is None else found
        if layout == LOW:
            first, after = RANKS(block, at >> 8 << 1)
            found = block.find(at & 255, first, after)
            if found < 0:
                return self.nothing
            place = len(block) - 4
            (value,) = unpack(block, place - ((place - low) // (size + 1) + low - found) * size)
        elif layout == BITMAP:
            group = at >> 10
            bits = _BITS(block[ranks + (group << 7) : ranks + 1 + (at >> 3)]) >> (~at & 7)  # those of the group up to this one
            if not bits & 1:
                return self.nothing
            (value,) = unpack(block, front + (RANK(block, group << 1)[0] + bits.bit_count()) * size)
        elif layout == INDEX:
            end = len(block) - 4
            stored = end // (size + 2)
            rank = layouts.found(block, at, 2 * stored)
            if rank < 0:
                return self.nothing
            (value,) = unpack(block, end - (stored - rank) * size)
        else:
            (value,) = unpack(block, at * size)
        return one * value if value == value else layouts.get(block, step, at, self.fill.dtype)  # noqa: PLR0124 - as there

    def read(self, start: int, stop: int) -> Array:
        """Return the elements from `start` to before `stop` (n,), as a new array."""
        out = np.full(stop - start, self.fill, self.fill.dtype)
        for number in range(start // self.step, -(-stop // self.step)):
            if self.data[number]:
                first, last = self.span(number)
                low, high = max(start, first), min(stop, last)
                layouts.lay(self.data[number], last - first, low - first, out[low - start : high - start])
        return out

    def write(self, start: int, elements: Array) -> None:
        """Set the elements from `start` on to those given (n,), contiguous and of the raw dtype."""
        stop = start + len(elements)
        for number in range(start // self.step, -(-stop // self.step)):
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
            blocks, starts = [self.data[number] for number in run], np.array(run, kind) * self.step
            start, stop = self.span(run[-1])
            if layouts.chains(blocks[0]):
                yield layouts.chained(blocks, starts, stop - start, self.fill.dtype)
                continue
            flat = np.arange(start, stop, dtype=kind)[layouts.positions(blocks[0], stop - start)]
            yield flat, np.broadcast_to(layouts.values(blocks[0], stop - start, self.fill.dtype), flat.shape)

    def _runs(self) -> Iterator[list[int]]:
        """Yield the numbers of blocks: one, or several of one layout and length that can be read as one."""
        run, room, layout = list[int](), 0, -1
        for number, block in enumerate(self.data):
            if not block:
                continue
            stored = layouts.count(block)
            if block[-2] != layout or stored > room or not layouts.chains(block) or (number + 1) * self.step > self.size:
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
