"""Every block that the C allocator has handed out, read from the heap itself: where it begins and what it takes."""

import bisect
import ctypes
import mmap
import sys
from array import array
from collections.abc import Iterator

from gate.probe.meters import Meters

_WORD = 8  # bytes of a pointer and of a size in the head of a block
_HEAD = 2 * _WORD  # from the head of a block to what malloc returned
_FLAGS = 7  # the lowest bits of a size: <malloc/malloc.c> of glibc, "malloc_chunk"
_IN_USE, _MAPPED = 1, 2
_PAGE = 4096
_LEAST_MAPPED = 128 * 1024  # bytes from which glibc maps a block of its own, as pinned in launch.py
_OFF = 0.001  # share of the heap by which the blocks may differ from what the allocator says


class Unreadable(Exception):  # noqa: N818 - a state of the heap, not a mistake
    """The heap is not laid out as glibc does it; the text says how that was noticed."""


class Copy:
    """The C heap as it was at one moment; making it adds a handful of small blocks and changes none.

    `start` is where the heap begins; words of it are read by address. Blocks that glibc maps on their own are listed, not copied.
    Raises Unreadable where there is no such heap, or when its blocks do not add up to what the allocator says.
    """

    def __init__(self, meters: Meters) -> None:
        """Copy the heap in one go, so that nothing happens meanwhile."""
        if sys.platform != "linux" or not meters.has_heap:
            message = "this platform has no heap of glibc"
            raise Unreadable(message)
        self.start, high, regions = _maps()
        self._large = _large(regions)
        self._room = mmap.mmap(-1, high - self.start)  # not malloc's: the copy is in no reading
        place = ctypes.addressof(ctypes.c_char.from_buffer(self._room))
        self._told = meters.heap()
        self.end = min(_break(), high)  # reading maps took and gave back: the heap may be shorter again
        ctypes.memmove(place, self.start, self.end - self.start)
        self._words = memoryview(self._room).cast("Q")[: (self.end - self.start) // _WORD]

    def blocks(self) -> dict[int, int]:
        """Return each block in use: what malloc returned, and the bytes that it takes with its head."""
        found = dict(self._walk())
        found.update(zip(self._large[::2], self._large[1::2], strict=True))
        total = sum(found.values())
        if abs(total - self._told) > max(_PAGE, _OFF * self._told):
            message = f"the blocks of the C heap take {total:,} B, its allocator says {self._told:,} B"
            raise Unreadable(message)
        return found

    def words(self, start: int, end: int) -> list[int]:
        """Return the words from one address to another, both inside of one block in use."""
        if self.start <= start < self.end:
            return self._words[(start - self.start) // _WORD : (end - self.start) // _WORD].tolist()
        return array("Q", ctypes.string_at(start, (end - start) // _WORD * _WORD)).tolist()

    def usable(self, start: int, size: int) -> int:
        """Return the bytes of a block that its user may use: one on the heap borrows a word from the head of the next."""
        return size - (_WORD if self.start <= start < self.end else _HEAD)

    def _walk(self) -> Iterator[tuple[int, int]]:
        """Go from block to block: each says how long it is, and the next whether it is in use."""
        words, at, last = self._words, 0, len(self._words) - 2
        while at < last:
            size = words[at + 1] & ~_FLAGS
            after = at + size // _WORD
            if size < 2 * _HEAD or after > last:  # the last one is what the heap has not handed out yet
                break
            if words[after + 1] & _IN_USE:
                yield self.start + at * _WORD + _HEAD, size
            at = after


class Index:
    """Some blocks, to be found by an address that points into one of them."""

    def __init__(self, sizes: dict[int, int]) -> None:
        """Sort them."""
        self.sizes, self._starts = sizes, sorted(sizes)
        self.low = self._starts[0] if sizes else 0
        self.high = self._starts[-1] + sizes[self._starts[-1]] if sizes else 0

    def holder(self, address: int) -> int:
        """Return the start of the block that an address lies in, 0 when it lies in none."""
        if address in self.sizes:
            return address
        if not self.low <= address < self.high:
            return 0
        start = self._starts[bisect.bisect_right(self._starts, address) - 1]
        return start if address < start + self.sizes[start] - _WORD else 0


def _break() -> int:
    """Return where the heap ends now."""
    ask = ctypes.CDLL(None).sbrk
    ask.restype, ask.argtypes = ctypes.c_void_p, [ctypes.c_ssize_t]
    return int(ask(0))


def _maps() -> tuple[int, int, list[tuple[int, int]]]:
    """Return where the heap begins and ends, and every other stretch that may hold blocks of their own."""
    low = high = 0
    others = []
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        for line in file:
            place, rights, _, _, _, *name = line.split(maxsplit=5)
            start, end = (int(half, 16) for half in place.split("-"))
            if name and name[0].strip() == "[heap]":
                low, high = low or start, end
            elif not name and rights == "rw-p":  # what numpy asks huge pages for is told in several stretches
                others.append((others.pop()[0] if others and others[-1][1] == start else start, end))
    if not high:
        message = "the C heap is nowhere in /proc/self/maps"
        raise Unreadable(message)
    return low, high, others


def _large(regions: list[tuple[int, int]]) -> "array[int]":
    """Return start and size of each block that glibc mapped on its own, one after the other."""
    found = array("Q")
    word = ctypes.c_uint64.from_address
    for start, end in regions:
        at = start
        while at + _LEAST_MAPPED <= end:
            before, size = word(at).value, word(at + _WORD).value
            length = size & ~_FLAGS
            if not before and size & _FLAGS == _MAPPED and length % _PAGE == 0 and _LEAST_MAPPED <= length <= end - at:
                found.extend((at + _HEAD, length))
                at += length
            else:
                at += _PAGE
    return found
