"""What an index of numpy selects from an array that is held in blocks; numpy itself reads the index."""

from collections.abc import Iterator
from itertools import pairwise, product
from math import prod
from types import EllipsisType, NoneType
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from gate.remedies.blocks import Blocks
from gate.remedies.elements import Array, Shape, piece
from gate.remedies.layouts import BLOCK

_READ = BLOCK * 7 // 8  # elements that are read at once, so that with what reading takes they are less than a block


def is_basic(key: tuple[Any, ...]) -> bool:
    """Tell whether numpy would give a view: whole numbers, slices, None and an ellipsis, no arrays."""
    return all(isinstance(part, int | np.integer | slice | NoneType | EllipsisType) and not isinstance(part, bool) for part in key)


def place(shape: Shape, key: tuple[Any, ...]) -> int | None:
    """Return the flat position that a whole number for each axis means; None for any other key, and for one out of bounds.

    >>> place((2, 3), (-1, np.int64(0))), place((2, 3), (-1, slice(None)))
    (3, None)
    """
    if len(key) != len(shape):
        return None
    at = 0
    for size, index in zip(shape, key, strict=True):
        if not isinstance(index, int | np.integer) or isinstance(index, bool) or not -size <= index < size:
            return None
        at = at * size + int(index) % size
    return at


def names_fields(key: Any) -> bool:  # noqa: ANN401 - a key of numpy
    """Tell whether the key is a name, or a list of names, of fields of a record."""
    return isinstance(key, str) or (isinstance(key, list) and bool(key) and all(isinstance(name, str) for name in key))


def read(held: Blocks, shape: Shape, key: tuple[Any, ...]) -> Array:
    """Return what a key of any kind selects, as a new array."""
    if not is_basic(key):
        return _gather(held, _positions(shape, key))
    at, sizes, steps = _selected(shape, key)
    if not prod(sizes):
        return np.empty(sizes, held.fill.dtype)
    if steps == _steps(sizes):
        return held.read(at, at + prod(sizes)).reshape(sizes)
    out = np.empty(sizes, held.fill.dtype)
    for part, start, stop, first in _boxes(at, sizes, steps):
        out[part] = _spread(held.read(start, stop), first, out[part].shape, steps)
    return out


def write(held: Blocks, shape: Shape, key: tuple[Any, ...], elements: Array) -> None:
    """Set what a key of any kind selects to elements of the raw dtype, broadcast."""
    if not is_basic(key):
        flat = _positions(shape, key)
        _scatter(held, flat.reshape(-1), np.broadcast_to(_fitted(elements, flat.ndim), flat.shape))
        return
    at, sizes, steps = _selected(shape, key)
    elements = np.broadcast_to(_fitted(elements, len(sizes)), sizes)
    if not elements.size:
        return
    if steps == _steps(sizes):
        stop = at + elements.size
        edges = [at, *range((at // held.step + 1) * held.step, stop, held.step), stop]
        for low, high in pairwise(edges):
            held.write(low, piece(elements, low - at, high - at))
        return
    for part, start, stop, first in _boxes(at, sizes, steps):
        dense = held.read(start, stop)
        _spread(dense, first, elements[part].shape, steps)[...] = elements[part]
        held.write(start, dense)


def _fitted(elements: Array, ndim: int) -> Array:
    """Drop leading axes of one, which an assignment may have too many of."""
    while elements.ndim > ndim and elements.shape[0] == 1:
        elements = elements[0]
    return elements


def _steps(shape: Shape) -> Shape:
    """Return how far apart neighbours are along each axis in C order, in elements; 0 along an axis of one.

    >>> _steps((2, 1, 4))
    (4, 0, 1)
    """
    return tuple(prod(shape[axis + 1 :]) if size > 1 else 0 for axis, size in enumerate(shape))


def _selected(shape: Shape, key: tuple[Any, ...]) -> tuple[int, Shape, Shape]:
    """Return where a basic key begins, its shape, and how far apart neighbours are, in elements."""
    # A map of one byte for each element: only its strides are there, and with the ellipsis at the end numpy reads none of it.
    ground = as_strided(np.empty(1, np.uint8), shape, [prod(shape[axis + 1 :]) for axis in range(len(shape))], writeable=False)
    found = ground[key if Ellipsis in key else (*key, ...)]
    at = found.__array_interface__["data"][0] - ground.__array_interface__["data"][0]
    return at, found.shape, tuple(step if size > 1 else 0 for size, step in zip(found.shape, found.strides, strict=True))


def _boxes(at: int, sizes: Shape, steps: Shape) -> Iterator[tuple[tuple[slice, ...], int, int, int]]:
    """Cut a selection into parts that reach less far than a block; yield each, its start, its stop, and how far in its first is."""
    parts = list(sizes)
    reach = [(size - 1) * abs(step) for size, step in zip(sizes, steps, strict=True)]
    for axis in sorted(range(len(sizes)), key=lambda axis: -reach[axis]):
        if sum(reach) < _READ:
            break
        rest = sum(reach) - reach[axis]
        parts[axis] = max(1, (_READ - 1 - rest) // abs(steps[axis]) + 1)
        reach[axis] = (parts[axis] - 1) * abs(steps[axis])
    for starts in product(*(range(0, size, part) for size, part in zip(sizes, parts, strict=True))):
        part = tuple(slice(start, min(start + some, size)) for start, some, size in zip(starts, parts, sizes, strict=True))
        first = at + sum(start * step for start, step in zip(starts, steps, strict=True))
        ends = [(chosen.stop - chosen.start - 1) * step for chosen, step in zip(part, steps, strict=True)]
        low = first + sum(end for end in ends if end < 0)
        yield part, low, first + sum(end for end in ends if end > 0) + 1, first - low


def _spread(dense: Array, first: int, sizes: Shape, steps: Shape) -> Array:
    """Return a view of some elements of `dense` (n,)."""
    return as_strided(dense[first:], sizes, [step * dense.itemsize for step in steps])


def _positions(shape: Shape, key: tuple[Any, ...]) -> Array:
    """Return the flat positions that a key with arrays selects, in its shape: numpy selects each coordinate."""
    flat: Array = np.zeros((), np.intp)
    for axis, size in enumerate(shape):
        coordinates = np.arange(0, size * prod(shape[axis + 1 :]), max(1, prod(shape[axis + 1 :]))).reshape(
            -1, *(1,) * (len(shape) - axis - 1)
        )
        flat = flat + np.broadcast_to(coordinates, shape)[key]
    return flat


def _by_block(flat: Array, step: int) -> Iterator[tuple[int, Array]]:
    """Yield the numbers of the blocks of `step` that positions (n,) are in, and which of the positions are in each, in their order."""
    numbers = flat // step
    order = np.argsort(numbers, kind="stable")
    found, starts = np.unique(numbers[order], return_index=True)
    yield from zip(found.tolist(), np.split(order, starts[1:]), strict=True)


def _gather(held: Blocks, positions: Array) -> Array:
    """Return the elements at some positions, in their shape."""
    flat = positions.reshape(-1)
    out = np.empty(flat.size, held.fill.dtype)
    for number, chosen in _by_block(flat, held.step) if flat.size else ():
        start, stop = held.span(number)
        out[chosen] = held.read(start, stop)[flat[chosen] - start]
    return out.reshape(positions.shape)


def _scatter(held: Blocks, flat: Array, elements: Array) -> None:
    """Set the elements at some positions (n,); of several at one position the last stays."""
    for number, chosen in _by_block(flat, held.step) if flat.size else ():
        start, stop = held.span(number)
        block = held.read(start, stop)
        block[flat[chosen] - start] = elements.flat[chosen]
        held.write(start, block)
