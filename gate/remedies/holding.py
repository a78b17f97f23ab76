"""One array, dense or in blocks, whichever is smaller: what it is, what an index reads and writes, and when it converts."""

import sys
from collections.abc import Iterator
from math import prod
from typing import Any, Self

import numpy as np

from gate.remedies import elements, indexing
from gate.remedies.blocks import Blocks
from gate.remedies.elements import Array, Shape
from gate.remedies.pool import plain

_HYSTERESIS = 7 / 8  # the part of its bytes below which what was dense is worth converting; so one at the border does not go to and fro


class Holding:
    """Hold an array; `BeliefArray` adds what numpy computes with it."""

    __slots__ = ("_box", "_dtype", "_held", "_shape")

    _held: Blocks | Array
    _dtype: np.dtype[Any]
    _shape: Shape  # of blocks; a dense array knows its own
    _box: tuple[int, int, int]  # the same, of three axes, where elements are stored as what they are; else nothing is within it

    def __init__(self, array: Any) -> None:  # noqa: ANN401 - what numpy takes
        """Hold the elements of `array`, which stays the caller's.

        Raises TypeError as `gate.remedies.pool.plain` does.
        """
        array = np.asanyarray(array)
        plain(array, "held by their bits")
        held = Blocks.of(array, array.nbytes)
        self._take(np.array(array, order="C", subok=False) if held is None else held, array.shape, array.dtype)

    @classmethod
    def _of(cls, held: Blocks | Array, shape: Shape, dtype: np.dtype[Any]) -> Self:
        """Return what holds this and copies nothing."""
        new = cls.__new__(cls)
        new._take(held, shape, dtype)  # noqa: SLF001 - its own
        return new

    def _take(self, held: Blocks | Array, shape: Shape, dtype: np.dtype[Any]) -> None:
        """Hold this from now on."""
        self._held, self._dtype = held, dtype
        self._shape = shape if isinstance(held, Blocks) else ()
        self._box = shape if isinstance(held, Blocks) and held.fill.dtype == dtype and len(shape) == 3 else (0, 0, 0)  # noqa: PLR2004 - as in __getitem__

    def _become(self, array: Array) -> None:
        """Hold a dense array, which nobody else changes, or its blocks if they are clearly smaller."""
        held = Blocks.of(array, array.nbytes * _HYSTERESIS)
        self._take(array if held is None else held, array.shape, array.dtype)

    def _settle(self) -> None:
        """Go back to the dense array if the blocks have outgrown it."""
        if isinstance(self._held, Blocks) and self.nbytes > self.size * self._dtype.itemsize:
            self._take(self._built(let_go=True), self.shape, self._dtype)

    def _writable(self) -> Array:
        """Return the dense array to write to and to become: the own one if it is held as it is, else a copy."""
        return self._built() if isinstance(self._held, Blocks) else self._held

    def _built(self, *, let_go: bool = False) -> Array:
        """Return the dense array, new; `let_go` frees each block when it has been read."""
        held = self._held
        if not isinstance(held, Blocks):
            return held.copy()
        out = np.empty(self.shape, self._dtype)
        flat = out.reshape(-1).view(held.fill.dtype)
        for number in range(len(held.data)):
            start, stop = held.span(number)
            flat[start:stop] = held.read(start, stop)
            if let_go:
                held.data[number] = b""
        return out

    def _dense(self) -> Array:
        """Return the dense array, read-only; a copy unless it is held as it is."""
        dense = (self._built() if isinstance(self._held, Blocks) else self._held).view()
        dense.flags.writeable = False
        return dense

    @property
    def shape(self) -> Shape:
        """Return the sizes of the axes."""
        return self._shape if isinstance(self._held, Blocks) else self._held.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the dtype of the array, however narrow its values are held."""
        return self._dtype

    @property
    def ndim(self) -> int:
        """Return how many axes there are."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Return how many elements there are."""
        return self._held.size

    @property
    def nbytes(self) -> int:
        """Return the bytes that are held now: of a dense array those of its elements, of blocks all that comes with them."""
        return self._held.weight if isinstance(self._held, Blocks) else self._held.nbytes

    def __sizeof__(self) -> int:
        """Return the bytes for sys.getsizeof."""
        return object.__sizeof__(self) + self.nbytes

    def __repr__(self) -> str:
        """Tell what is held, and how."""
        held = self._held
        how = f"{held.stored:,} stored beside {self._own(held.fill)[0]}" if isinstance(held, Blocks) else "dense"
        return f"<{type(self).__name__} {self.shape} {self._dtype}: {how}, {self.nbytes:,} B>"

    def __len__(self) -> int:
        """Return the size of the first axis; raises TypeError if there is none."""
        return len(range(*self.shape[:1])) if self.shape else len(self._dense())

    def __iter__(self) -> Iterator[Any]:
        """Go along the first axis."""
        return (self[index] for index in range(len(self)))

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - as numpy
        """Return one element, or a copy of several: read-only where numpy would give a view."""
        if type(key) is tuple and len(key) == 3:  # noqa: PLR2004 - the way into most beliefs, in as little time as Python takes
            i, j, k = key
            x, y, z = self._box
            if type(i) is type(j) is type(k) is int and 0 <= i < x and 0 <= j < y and 0 <= k < z:
                return self._held.get((i * y + j) * z + k)  # type: ignore[union-attr] # there is a box beside blocks only
        return self._selected(key)

    def __setitem__(self, key: Any, value: Any) -> None:  # noqa: ANN401 - as numpy
        """Set what an index selects; costs the blocks that it touches."""
        key, value = dense(key), dense(value)
        if not isinstance(self._held, Blocks):
            self._held[key] = value
        elif indexing.names_fields(key):
            array = self._built()
            array[key] = value
            self._become(array)
        else:
            elements = (value if isinstance(value, np.ndarray) else np.asarray(value, self._dtype)).astype(self._dtype, copy=False)
            indexing.write(self._held, self.shape, key if isinstance(key, tuple) else (key,), elements.view(self._held.fill.dtype))
            self._settle()

    def _selected(self, key: Any) -> Any:  # noqa: ANN401 - as numpy
        """Return what an index of any kind selects."""
        key = dense(key)
        keys = key if isinstance(key, tuple) else (key,)
        if not isinstance(self._held, Blocks) or indexing.names_fields(key):
            found = self._dense()[key]
            return found if not isinstance(found, np.ndarray) or found.flags.writeable else _frozen(found.copy())
        if (at := indexing.place(self._shape, keys)) is not None:
            return self._own(np.array([self._held.get(at)]))[0]
        found = self._own(indexing.read(self._held, self._shape, keys))
        return _frozen(found) if indexing.is_basic(keys) else found

    def _own(self, elements: Array) -> Array:
        """Return elements of the raw dtype as what they are."""
        return elements.view(self._dtype)

    def _part(self, start: int, stop: int) -> Array:
        """Return some elements in C order (n,), read-only."""
        return self._own(self._held.read(start, stop)) if isinstance(self._held, Blocks) else elements.piece(self._dense(), start, stop)

    def copy(self) -> Self:
        """Return a copy; the two share all blocks that neither changes."""
        return self._of(self._held.copy(), self.shape, self._dtype)

    def __copy__(self) -> Self:
        """Return a copy."""
        return self.copy()

    def __deepcopy__(self, memo: object) -> Self:
        """Return a copy."""
        return self.copy()

    def __getstate__(self) -> tuple[Any, ...]:
        """Return what pickle keeps: elements or blocks as they are, and the byte order of this machine."""
        held = self._held
        if isinstance(held, Blocks):
            return self.shape, self._dtype, sys.byteorder, held.fill, (held.step, held.data)
        plain = held if self._dtype.isnative else held.view(elements.raw(self._dtype))  # numpy would take up another byte order as its own
        return self.shape, self._dtype, sys.byteorder, plain, None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take up what pickle kept; raises ValueError for that of a machine with another byte order."""
        shape, dtype, order, kept, data = state
        if order != sys.byteorder:
            message = f"pickled on a {order}-endian machine, and this one is {sys.byteorder}-endian; pickle numpy.asarray(belief) there"
            raise ValueError(message)
        self._take(kept.view(dtype) if data is None else Blocks(prod(shape), kept, *data), shape, dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:  # noqa: ANN401, FBT001 - as numpy calls it
        """Return the dense array: one to write to if `copy`, else read-only; raises ValueError where `copy=False` cannot be had."""
        if copy is False and (isinstance(self._held, Blocks) or dtype not in {None, self._dtype}):
            message = "the dense array is not there to be shared; let it be made: numpy.asarray(belief)"
            raise ValueError(message)
        array = self._built() if copy else self._dense()
        return array if dtype is None else array.astype(dtype, copy=False)

    def to_scipy(self) -> Any:  # noqa: ANN401 - coo_array or csr_array
        """Return a scipy.sparse array that stores what has other bits than zero: csr of two axes, coo of any other number.

        Raises ValueError if most elements are another number than zero, which scipy cannot leave out.
        """
        from scipy import sparse  # noqa: PLC0415 - who does not ask for it need not have it

        zero = np.zeros(1, elements.raw(self._dtype))
        if not isinstance(self._held, Blocks):
            flat = self._held.reshape(-1)
            where = np.flatnonzero(elements.differs(flat.view(zero.dtype), zero))
            values = flat[where]
        elif elements.differs(self._held.fill, zero).any():
            message = (
                f"most elements are {self._own(self._held.fill)[0]}, and scipy leaves out nothing but zeros; take numpy.asarray(belief)"
            )
            raise ValueError(message)
        else:
            parts = [(np.empty(0, np.intp), self._held.fill[:0]), *self._held.entries()]
            where, values = (np.concatenate(each) for each in zip(*parts, strict=True))
        places: Any = np.unravel_index(where, self.shape)
        found = sparse.coo_array((self._own(values), places), shape=self.shape)
        return found.tocsr() if self.ndim == 2 else found  # noqa: PLR2004 - csr has two axes


def dense(value: Any) -> Any:  # noqa: ANN401 - arguments of any kind
    """Return the value with every holding in it, however deep in tuples, lists and dicts, in the shape of a dense array."""
    if isinstance(value, Holding):
        return value._dense()  # noqa: SLF001 - its own
    if isinstance(value, tuple | list):
        return type(value)(map(dense, value)) if any(isinstance(each, Holding | tuple | list | dict) for each in value) else value
    return {name: dense(each) for name, each in value.items()} if isinstance(value, dict) else value


def _frozen(array: Array) -> Array:
    """Make an array read-only."""
    array.flags.writeable = False
    return array
