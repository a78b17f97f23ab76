"""Sums over arrays that are held in blocks: the additions that numpy does on the dense array, in its order, one block at a time."""

from collections.abc import Sequence
from functools import reduce
from itertools import groupby
from math import prod
from typing import Any

import numpy as np

from gate.remedies.blocks import Blocks
from gate.remedies.elements import Array
from gate.remedies.layouts import BLOCK

_PART = BLOCK // 4  # elements that are added at once; little beside the block that they are in


def merged(shape: Sequence[int], roles: Sequence[Any]) -> list[tuple[int, Any]]:
    """Return sizes and roles with neighbours of one role made one, and axes of one left out.

    >>> merged((2, 3, 1, 4), "kkks")
    [(6, 'k'), (4, 's')]
    """
    axes = [(size, role) for size, role in zip(shape, roles, strict=True) if size != 1]
    return [(prod(size for size, _ in group), role) for role, group in groupby(axes, key=lambda axis: axis[1])]


class _Ahead:
    """Read an array from its beginning to its end in parts, each block once."""

    def __init__(self, held: Blocks) -> None:
        """Begin before the first block."""
        self.held, self._number, self._block = held, -1, held.fill

    def __call__(self, start: int, stop: int) -> Array:
        """Return some elements (n,) that nobody is to change."""
        numbers = range(start // self.held.step, -(-stop // self.held.step))
        if len(numbers) == 1:
            return self._part(numbers[0], start, stop)
        return np.concatenate([self._part(number, start, stop).copy() for number in numbers])  # a view would keep all of its block

    def _part(self, number: int, start: int, stop: int) -> Array:
        """Return those of the elements that are in one block."""
        first, last = self.held.span(number)
        if number != self._number:
            self._block = self.held.fill  # let the one before go, before the next is there
            self._number, self._block = number, self.held.read(first, last)
        return self._block[max(start, first) - first : min(stop, last) - first]


def total(held: Blocks, shape: Sequence[int], summed: Sequence[bool]) -> Array | None:
    """Return the sum over the chosen axes, flat, with the bits of numpy.add.reduce on the dense array in C order.

    None where that cannot be followed: in half precision, which numpy rounds once for a whole run of additions, and where a release of
    numpy that adds runs in parts goes on from the parts of one run to those of the next.
    """
    if held.fill.dtype.char == "e":
        return None
    axes, read = merged(shape, summed), _Ahead(held)
    size, innermost = axes[-1]
    if not innermost:
        start = np.add.reduce(np.full(1, -0.0).astype(held.fill.dtype))  # releases of numpy begin with 0.0 or with -0.0
        out = np.full([kept for kept, away in axes if not away], start)
        _fold(read, 0, axes, out)
        return out.reshape(-1)
    outer = tuple(axis for axis, (_, away) in enumerate(axes[:-1]) if away)
    if outer and _IN_PARTS and size > np.getbufsize():
        return None
    if size > _PART:
        rows = np.array([_run(read, start, start + size) for start in range(0, held.size, size)])
    else:
        step = _PART // size * size
        spans = [(start, min(start + step, held.size)) for start in range(0, held.size, step)]
        rows = np.concatenate([np.add.reduce(read(*span).reshape(-1, size), axis=1) for span in spans])
    return np.add.reduce(rows.reshape([kept for kept, _ in axes[:-1]]), axis=outer).reshape(-1) if outer else rows


def highest(held: Blocks) -> int:
    """Return the flat position of the first of the highest elements, as numpy.argmax does: a NaN is higher than all numbers."""
    best, at = held.fill[:0], 0
    for number, block in enumerate(held.data):
        start, stop = held.span(number)
        found, highest = _highest_of(held.read(start, stop) if block else held.fill)
        both = np.concatenate([best, highest])
        if np.argmax(both) == len(both) - 1:
            best, at = highest, start + found
    return at


def _highest_of(elements: Array) -> tuple[int, Array]:
    """Return where the first highest element is, and the element (1,)."""
    found = int(np.argmax(elements))
    return found, elements[found : found + 1].copy()


def _adds_in_parts() -> bool:
    """Tell whether numpy adds a long run in parts as long as its buffer, as it did for long, or all at once."""
    size = np.getbufsize()
    run = np.zeros(3 * size)
    run[[0, 2 * size - 1, -1]] = 2.0**53, 1.0, -(2.0**53)  # the one is lost if it is added to the first before the last
    return not np.add.reduce(run)


_IN_PARTS = _adds_in_parts()


def _run(read: _Ahead, start: int, stop: int) -> Any:  # noqa: ANN401 - a scalar of numpy
    """Add a run of elements."""
    if not _IN_PARTS:
        return _pairwise(read, start, stop)
    size = np.getbufsize()
    parts = (np.add.reduce(read(first, min(first + size, stop))) for first in range(start, stop, size))
    return reduce(np.add, parts)


def _pairwise(read: _Ahead, start: int, stop: int) -> Any:  # noqa: ANN401 - a scalar of numpy
    """Add a run in pairs of halves, as numpy does: it halves down to 128 numbers, at multiples of 8 (pairwise_sum in loops_utils.h.src)."""
    if stop - start <= _PART:
        return np.add.reduce(read(start, stop))
    numbers = 2 if read.held.fill.dtype.kind == "c" else 1
    half = (stop - start) * numbers // 2
    middle = start + (half - half % 8) // numbers
    return np.add(_pairwise(read, start, middle), _pairwise(read, middle, stop))


def _fold(read: _Ahead, start: int, axes: Sequence[tuple[int, bool]], out: Array) -> None:
    """Add the elements from `start` on, in their order, to `out`, which has the kept axes."""
    (size, away), rest = axes[0], axes[1:]
    inner = prod(each for each, _ in rest)
    sums = [away for _, away in axes]
    at_once = sum(sums) <= 1 and inner <= _PART  # numpy ends an inner sum before it goes on with the outer one
    step = max(1, _PART // inner) if at_once else 1
    for first in range(0, size, step):
        some = min(step, size - first)
        into = out if away else out[first : first + some]
        if not at_once:
            _fold(read, start + first * inner, rest, into if away else into[0])
            continue
        sizes = (some, *(each for each, _ in rest))
        _add(read(start + first * inner, start + (first + some) * inner).reshape(sizes), sums, into)  # which no name keeps alive


def _add(box: Array, sums: list[bool], out: Array) -> None:
    """Add what is in a box to `out`, in order, along the one axis that is summed, if there is one."""
    if any(sums):
        axis = sums.index(True)
        np.add.reduce(np.concatenate([np.expand_dims(out, axis), box], axis=axis), axis=axis, out=out)
    else:
        np.add(out, box, out=out)
