"""Every block that the C allocator has handed out, read from the heap itself: where it begins and what it takes."""

import bisect
import ctypes
import functools
import mmap
import sys
from array import array
from collections.abc import Callable, Collection

from gate.probe.meters import Meters
from gate.probe.own import Own

_WORD = 8  # bytes of a pointer and of a size in the head of a block
_HEAD = 2 * _WORD  # from the head of a block to what malloc returned
_FLAGS = 7  # the lowest bits of a size
_IN_USE, _MAPPED = 1, 2
_PAGE = 4096
_LEAST_MAPPED = 128 * 1024  # bytes from which glibc maps a block of its own, as pinned in pins.py
_OFF = 0.001  # share of the heap by which the blocks may differ from what the allocator says
_LEAST = 2 * _HEAD  # bytes of the smallest block
_END = 1 << 60  # after every block

Block = tuple[int, int]  # what malloc returned, and the bytes that it takes with its head


def taken(asked: int) -> int:
    """Return the bytes that glibc takes for a block of so many, with its head: request2size of malloc/malloc.c.

    >>> taken(1), taken(24), taken(25), taken(200_000)
    (32, 32, 48, 200704)
    """
    size = max(_LEAST, (asked + _WORD + _HEAD - 1) // _HEAD * _HEAD)
    return size if size < _LEAST_MAPPED else (size + _WORD + _PAGE - 1) // _PAGE * _PAGE


class Unreadable(Exception):  # noqa: N818 - a state of the heap, not a mistake
    """The heap is not laid out as glibc does it; the text says how that was noticed."""


class Copy:
    """The C heap as it was at one moment; making it adds a handful of small blocks and changes none.

    Words of it are read by their addresses. Blocks that glibc maps on their own are listed, not copied: those are read where they lie.
    Raises Unreadable where there is no such heap. Layout: malloc_chunk in malloc/malloc.c of glibc.
    """

    def __init__(self, meters: Meters, *, level: bool = False) -> None:
        """Copy the heap in one go, so that nothing happens meanwhile; `level` fills it before, so that what comes next is all fresh."""
        if sys.platform != "linux" or meters.heap() < 0:
            message = "this platform has no heap of glibc"
            raise Unreadable(message)
        self.start, self.large = _maps()
        if Own.is_collecting():
            Own.collect()  # empties the stores in which the interpreter keeps lists and tuples that were given back
        if level:
            meters.level()
        high = _break()() + _PAGE
        self._room = mmap.mmap(-1, high - self.start)  # not malloc's: the copy is in no reading
        place = ctypes.addressof(ctypes.c_char.from_buffer(self._room))
        self._told = meters.heap()
        self.end = min(_break()(), high)
        ctypes.memmove(place, self.start, self.end - self.start)
        self.raw = memoryview(self._room).cast("Q")[: (self.end - self.start) // _WORD]

    def compare(self, total: int) -> None:
        """Raise Unreadable when the blocks that were found are not what the allocator said."""
        if abs(total - self._told) > max(_PAGE, _OFF * self._told):
            message = f"the blocks of the C heap take {total:,} B, its allocator says {self._told:,} B"
            raise Unreadable(message)

    def words(self, start: int, end: int) -> list[int]:
        """Return the words from one address to another, both inside of one block in use."""
        if self.start <= start < self.end:
            return self.raw[(start - self.start) // _WORD : (end - self.start) // _WORD].tolist()
        return array("Q", ctypes.string_at(start, (end - start) // _WORD * _WORD)).tolist()

    def usable(self, start: int, size: int) -> int:
        """Return the bytes of a block that its user may use: one on the heap borrows a word from the head of the next."""
        return size - (_WORD if self.start <= start < self.end else _HEAD)

    def rewritten(self, before: "Copy", wanted: Collection[int]) -> set[int]:
        """Return which of the wanted words stand now where another stood before."""
        found: set[int] = set()
        length = _PAGE // _WORD
        for at in range(0, min(len(self.raw), len(before.raw)), length):
            old, now = before.raw[at : at + length], self.raw[at : at + length]
            if old != now:
                found.update(word for word, was in zip(now.tolist(), old.tolist(), strict=False) if word != was and word in wanted)
        return found


class Difference:
    """What became of the blocks between two copies.

    `new` are the blocks that were not there before, `gone` the bytes of others that were given back. Raises Unreadable when the blocks
    of a copy do not add up to what the allocator said.
    """

    def __init__(self, before: Copy, after: Copy) -> None:
        """Go through both in step."""
        self._start = after.start
        self._same = array("Q")  # words from the start of the heap to the head of each block that stayed
        stayed, gone, new = self._in_step(before.raw, after.raw)
        gone += [block for block in before.large if block not in after.large]
        new += [block for block in after.large if block not in before.large]
        large = sum(size for _, size in after.large if (_, size) in before.large)
        self.new, self.gone = dict(new), sum(size for _, size in gone)
        before.compare(stayed + large + self.gone)
        after.compare(stayed + large + sum(self.new.values()))
        self._words = after.raw

    def same(self, start: int) -> int:
        """Return the bytes of a block that was in use before and is now, 0 when there is none."""
        at = (start - _HEAD - self._start) // _WORD
        place = bisect.bisect_left(self._same, at)
        return self._words[at + 1] & ~_FLAGS if place < len(self._same) and self._same[place] == at else 0

    def _in_step(self, old: "memoryview[int]", now: "memoryview[int]") -> tuple[int, list[Block], list[Block]]:
        """Return the bytes of blocks on the heap that stayed, and the blocks that are gone and new.

        Each block says how long it is, and the next whether it is in use.
        """
        at, end, stayed = 0, min(len(old), len(now)) - 2, 0
        gone: list[Block] = []
        new: list[Block] = []
        while at < end:
            size = now[at + 1] & ~_FLAGS
            after = at + size // _WORD
            if (
                size >= _LEAST
                and after <= end
                and not (now[at + 1] ^ old[at + 1]) & ~_FLAGS
                and not (now[after + 1] ^ old[after + 1]) & _IN_USE
            ):
                if now[after + 1] & _IN_USE:
                    stayed += size
                    self._same.append(at)
                at = after
                continue
            one = two = at
            while one == at or one != two:
                if one <= two:
                    one = self._step(old, one, gone)
                else:
                    two = self._step(now, two, new)
            at = one
        return stayed, gone, new

    def _step(self, words: "memoryview[int]", at: int, found: list[Block]) -> int:
        """Go on to the next block and note the one that was left when it is in use; the last one is what was not handed out yet."""
        size = words[at + 1] & ~_FLAGS
        after = at + size // _WORD
        if size < _LEAST or after > len(words) - 2:
            return _END
        if words[after + 1] & _IN_USE:
            found.append((self._start + at * _WORD + _HEAD, size))
        return after


class Index:
    """Some blocks, to be found by an address that points into one of them."""

    def __init__(self, sizes: dict[int, int]) -> None:
        """Sort them."""
        self.sizes, self._starts = sizes, sorted(sizes)

    def add(self, start: int, size: int) -> None:
        """Take one more block in."""
        self.sizes[start] = size
        bisect.insort(self._starts, start)

    def holder(self, address: int) -> int:
        """Return the start of the block that an address lies in, 0 when it lies in none."""
        if address in self.sizes:
            return address
        at = bisect.bisect_right(self._starts, address) - 1
        start = self._starts[at] if at >= 0 else 0
        return start if start and address < start + self.sizes[start] - _WORD else 0


@functools.cache
def _break() -> Callable[[], int]:
    """Return what tells where the heap ends."""
    ask = ctypes.CDLL(None).sbrk
    ask.restype, ask.argtypes = ctypes.c_void_p, [ctypes.c_ssize_t]
    return functools.partial(ask, 0)


def _maps() -> tuple[int, list[Block]]:
    """Return where the heap begins, and the blocks that are mapped on their own; nothing else of what is read here stays."""
    low, others = 0, array("Q")
    with Own.open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        for line in file:
            place, rights, _, _, _, *name = line.split(maxsplit=5)
            start, end = [int(half, 16) for half in place.split("-")]
            if name and name[0].strip() == "[heap]":
                low = low or start
            elif not name and rights == "rw-p":
                if others and others[-1] == start:  # what numpy asks huge pages for is told in several stretches
                    others[-1] = end
                else:
                    others.extend([start, end])
    if not low:
        message = "the C heap is nowhere in /proc/self/maps"
        raise Unreadable(message)
    return low, _large(others)


def _large(regions: "array[int]") -> list[Block]:
    """Return each block that glibc mapped on its own; regions are starts and ends in turn."""
    found = []
    word = ctypes.c_uint64.from_address
    for start, end in zip(regions[::2], regions[1::2], strict=True):
        at = start
        while at + _LEAST_MAPPED <= end:
            before, size = word(at).value, word(at + _WORD).value
            length = size & ~_FLAGS
            if not before and size & _FLAGS == _MAPPED and length % _PAGE == 0 and _LEAST_MAPPED <= length <= end - at:
                found.append((at + _HEAD, length))
                at += length
            else:
                at += _PAGE
    return found
