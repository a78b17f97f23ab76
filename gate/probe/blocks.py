"""Every block that the C allocator has handed out, read from the heap itself: where it begins and what it takes."""

import bisect
import ctypes
import functools
import mmap
import sys
from array import array
from collections.abc import Callable, Collection, Iterator

from gate.probe.meters import Meters

_WORD = 8  # bytes of a pointer and of a size in the head of a block
_HEAD = 2 * _WORD  # from the head of a block to what malloc returned
_FLAGS = 7  # the lowest bits of a size: struct malloc_chunk in malloc/malloc.c of glibc
_IN_USE, _MAPPED = 1, 2
_PAGE = 4096
_LEAST_MAPPED = 128 * 1024  # bytes from which glibc maps a block of its own, as pinned in launch.py
_OFF = 0.001  # share of the heap by which the blocks may differ from what the allocator says
_LAST = (1 << 62, 0)  # after every block

Block = tuple[int, int]  # what malloc returned, and the bytes that it takes with its head


class Unreadable(Exception):  # noqa: N818 - a state of the heap, not a mistake
    """The heap is not laid out as glibc does it; the text says how that was noticed."""


class Copy:
    """The C heap as it was at one moment; making it adds a handful of small blocks and changes none.

    Words of it are read by their addresses. Blocks that glibc maps on their own are listed, not copied: those are read where they lie.
    Raises Unreadable where there is no such heap.
    """

    def __init__(self, meters: Meters, *, level: bool = False) -> None:
        """Copy the heap in one go, so that nothing happens meanwhile; `level` fills it before, so that what comes next is all fresh."""
        if sys.platform != "linux" or meters.heap() < 0:
            message = "this platform has no heap of glibc"
            raise Unreadable(message)
        self.start, self._large = _maps()
        if level:
            meters.level()
        high = _break()() + _PAGE
        self._room = mmap.mmap(-1, high - self.start)  # not malloc's: the copy is in no reading
        place = ctypes.addressof(ctypes.c_char.from_buffer(self._room))
        self._told = meters.heap()
        self.end = min(_break()(), high)
        ctypes.memmove(place, self.start, self.end - self.start)
        self._words = memoryview(self._room).cast("Q")[: (self.end - self.start) // _WORD]

    def blocks(self) -> Iterator[Block]:
        """Go from block to block in use, in the order of their addresses; those that were mapped come last.

        Raises Unreadable at the end when they do not add up to what the allocator says.
        """
        words, at, last, total = self._words, 0, len(self._words) - 2, 0
        while at < last:
            size = words[at + 1] & ~_FLAGS  # each block says how long it is, and the next whether it is in use
            after = at + size // _WORD
            if size < 2 * _HEAD or after > last:  # the last one is what the heap has not handed out yet
                break
            if words[after + 1] & _IN_USE:
                total += size
                yield self.start + at * _WORD + _HEAD, size
            at = after
        yield from self._large
        total += sum(size for _, size in self._large)
        if abs(total - self._told) > max(_PAGE, _OFF * self._told):
            message = f"the blocks of the C heap take {total:,} B, its allocator says {self._told:,} B"
            raise Unreadable(message)

    def words(self, start: int, end: int) -> list[int]:
        """Return the words from one address to another, both inside of one block in use."""
        if self.start <= start < self.end:
            return self._words[(start - self.start) // _WORD : (end - self.start) // _WORD].tolist()
        return array("Q", ctypes.string_at(start, (end - start) // _WORD * _WORD)).tolist()

    def usable(self, start: int, size: int) -> int:
        """Return the bytes of a block that its user may use: one on the heap borrows a word from the head of the next."""
        return size - (_WORD if self.start <= start < self.end else _HEAD)

    def differences(self, before: "Copy") -> tuple[dict[int, int], int]:
        """Return the blocks that were not there before, and how many bytes of others were given back."""
        new, gone = {}, 0
        theirs, ours = before.blocks(), self.blocks()
        old, now = next(theirs, _LAST), next(ours, _LAST)
        while old is not _LAST or now is not _LAST:
            if old == now:
                old, now = next(theirs, _LAST), next(ours, _LAST)
            elif old < now:
                gone += old[1]
                old = next(theirs, _LAST)
            else:
                new[now[0]] = now[1]
                now = next(ours, _LAST)
        return new, gone

    def rewritten(self, before: "Copy", wanted: Collection[int]) -> set[int]:
        """Return which of the wanted words stand now where another stood before."""
        found: set[int] = set()
        length = _PAGE // _WORD
        for at in range(0, min(len(self._words), len(before._words)), length):
            old, now = before._words[at : at + length], self._words[at : at + length]
            if old != now:
                found.update(word for word, was in zip(now.tolist(), old.tolist(), strict=False) if word != was and word in wanted)
        return found


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
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
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
