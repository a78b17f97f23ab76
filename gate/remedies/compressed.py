"""Arrays and histories that are seldom read, in compressed blocks."""

from collections.abc import Iterable, Iterator
from math import prod
from operator import index
from typing import Any, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import DTypeLike

from gate.remedies.packing import Shape, check_codec, exactly, pack, unpack
from gate.remedies.pool import Array, no_subclass

BLOCK = 32768  # bytes: deflate, the default, looks back no further
_PIECE = 72  # bytes that one more block costs beside its content: the head of its object, its place in a list, what malloc rounds up


class _Compressed(NDArrayOperatorsMixin):
    """Bytes in compressed blocks, read as numpy reads an array.

    What is read is a copy, and read-only, since a write into it would be lost. A key of integers and slices decompresses the
    blocks from the first to the last element that its leading integers and one slice reach; every other key, and all arithmetic,
    makes the whole array for a moment. The one block that was read last is kept when compression has saved more than that.
    Several threads may read at once. Pickles hold the compressed bytes and the dtype, no objects.
    """

    __slots__ = ("_block", "_codec", "_last", "_pieces", "_saved", "dtype")

    def __init__(self, dtype: np.dtype[Any], codec: str, block: int) -> None:
        """Begin with no blocks; `block` is the bytes of each, before compression."""
        if dtype.hasobject:
            message = f"dtype {dtype} holds Python objects; only plain numbers can be compressed"
            raise TypeError(message)
        check_codec(codec)  # what is missing is told now, not at the first full block
        self.dtype, self._codec, self._block = dtype, codec, block
        self._pieces: list[bytes] = []
        self._saved = 0
        self._last: tuple[int, bytes] | None = None

    @property
    def shape(self) -> Shape:
        """Return the shape of the plain array."""
        raise NotImplementedError

    @property
    def ndim(self) -> int:
        """Return the number of dimensions of the plain array."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Return the number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Return the bytes that the elements take in the plain array."""
        return self.size * self.dtype.itemsize

    @property
    def nbytes_stored(self) -> int:
        """Return the bytes that the elements take here, without the heads of objects."""
        return sum(map(len, self._pieces)) + (len(self._last[1]) if self._last else 0)

    def __len__(self) -> int:
        """Return the length of the first dimension; raises TypeError when there is none."""
        if not self.shape:
            message = "len() of unsized object"
            raise TypeError(message)
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - what numpy takes, and what it returns
        """Return what the plain array returns for this key."""
        keys = key if isinstance(key, tuple) else (key,)
        first, shape, rest = _narrowed(self.shape, keys) if all(map(_is_basic, keys)) else (0, self.shape, key)
        part = self._part(first, shape)
        found = part[rest]
        if found.nbytes < part.nbytes:
            found = found.copy()  # a view would hold all of the part
        if isinstance(found, np.ndarray):
            found.flags.writeable = False
        return found

    def __iter__(self) -> Iterator[Any]:
        """Return one row after the other, from one block after the other."""
        rows = max(1, self._block * len(self) // max(1, self.nbytes))
        for at in range(0, len(self), rows):
            yield from self[at : at + rows]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:  # noqa: FBT001 - numpy's protocol
        """Return the plain array, the caller's own."""
        if copy is False:
            message = "a compressed array has no plain memory to share; ask without copy=False"
            raise ValueError(message)
        whole = self._part(0, self.shape)
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - numpy's protocol
        """Calculate with the plain array; nothing can be written into a compressed one."""
        if any(isinstance(one, _Compressed) for one in named.get("out", ())):
            message = "a compressed array cannot be written into; calculate a plain one, and compress that"
            raise TypeError(message)
        return getattr(ufunc, method)(*(np.asarray(one) if isinstance(one, _Compressed) else one for one in given), **named)

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """Return what a copy needs: everything but the block that was read last."""
        _, slots = cast("tuple[None, dict[str, Any]]", super().__getstate__())
        return None, slots | {"_last": None}

    def _push(self, raw: bytes) -> None:
        piece = pack(raw, self._codec)
        self._pieces.append(piece)
        self._saved += len(raw) - len(piece) - _PIECE

    def _part(self, first: int, shape: Shape) -> Array:
        """Return the elements from `first` on, in C order, as many as fill the shape."""
        begin = first * self.dtype.itemsize
        end = begin + prod(shape) * self.dtype.itemsize
        read = np.empty(end - begin, np.uint8)
        for at in range(begin // self._block, -(-end // self._block)):
            start = at * self._block
            raw = np.frombuffer(self._raw(at), np.uint8)[max(0, begin - start) : end - start]
            offset = max(0, start - begin)
            read[offset : offset + len(raw)] = raw
        return np.ndarray(shape, self.dtype, buffer=read)

    def _raw(self, at: int) -> bytes:
        """Return one block as it was before it was compressed."""
        last = self._last
        if last is not None and last[0] == at:
            return last[1]
        piece = self._pieces[at]
        raw = unpack(piece, min(self._block, self.nbytes - at * self._block), self._codec)
        if raw is not piece and self._saved > self._block:
            self._last = (at, raw)
        return raw


class CompressedArray(_Compressed):
    """An array that does not change, in compressed blocks; where compression gains nothing, as its plain bytes in one block.

    So it is never more than 256 bytes larger than the plain array. Its elements are in C order, whatever order they came in.
    """

    __slots__ = ("_shape",)

    def __init__(self, array: Array, *, codec: str = "zlib", block: int = BLOCK) -> None:
        """Compress a copy of `array`, of any shape, in blocks of about `block` bytes; `codec` is zlib, lz4 or zstd.

        Raises ValueError for a codec that is not known, ImportError for one that is not installed, TypeError for dtypes that hold
        Python objects or strings of any length, whose bytes are addresses, and for subclasses, which mean more than their bytes.
        """
        no_subclass(array)
        items = max(1, block // max(1, array.dtype.itemsize))
        super().__init__(array.dtype, codec, max(1, items * array.dtype.itemsize))
        self._shape = array.shape
        flat = array.reshape(-1) if array.flags.c_contiguous else array.flat  # a reshape of anything else would copy all of it
        for at in range(0, array.size, items):
            self._push(flat[at : at + items].tobytes())
        if self._saved <= 0:
            self._pieces, self._block, self._saved = [array.tobytes()], max(1, array.size * array.dtype.itemsize), 0

    @property
    def shape(self) -> Shape:
        """Return the shape of the plain array."""
        return self._shape


class CompressedHistory(_Compressed):
    """An array that gets longer, entry by entry: full blocks are compressed, and the last ones wait until they fill a block.

    Replaces a list of numbers or of arrays of one shape. Each block holds many entries, since one entry alone only grows when it is
    compressed; a block that would grow is kept as it is. One thread at a time may append, and nobody may read meanwhile.
    """

    __slots__ = ("_entry", "_tail")

    def __init__(self, dtype: DTypeLike, shape: Shape = (), *, codec: str = "zlib", block: int = BLOCK) -> None:
        """Begin empty; every entry has this dtype and shape. `codec` and `block` are as those of CompressedArray.

        Raises ValueError and ImportError for the codec, TypeError for dtypes that hold Python objects, ValueError for entries of no bytes.
        """
        model = np.empty(shape, dtype)
        if not model.nbytes:
            message = f"an entry of dtype {model.dtype} and shape {model.shape} has no bytes; there is nothing to compress"
            raise ValueError(message)
        super().__init__(model.dtype, codec, max(1, block // model.nbytes) * model.nbytes)
        self._entry = model.shape
        self._tail = bytearray()

    @property
    def shape(self) -> Shape:
        """Return the number of entries, then the shape of each."""
        held = len(self._pieces) * self._block + len(self._tail)
        return held // (prod(self._entry) * self.dtype.itemsize), *self._entry

    @property
    def nbytes_stored(self) -> int:
        """Return the bytes that the elements take here, without the heads of objects."""
        return super().nbytes_stored + len(self._tail)

    def append(self, entry: object) -> None:
        """Add one entry; raises ValueError when its shape is another, or when the dtype would change it."""
        self._add(exactly(entry, self.dtype, self._entry)[np.newaxis])

    def extend(self, entries: Iterable[object]) -> None:
        """Add several entries, or none when one of them is refused as in append."""
        given = entries if isinstance(entries, np.ndarray) else list(entries)
        if len(given):
            self._add(exactly(given, self.dtype, (len(given), *self._entry)))

    def _add(self, rows: Array) -> None:
        while len(rows):
            room = (self._block - len(self._tail)) // rows[0].nbytes
            self._tail += rows[:room].tobytes()
            rows = rows[room:]
            if len(self._tail) == self._block:
                self._push(bytes(self._tail))
                self._tail.clear()

    def _raw(self, at: int) -> bytes:
        return bytes(self._tail) if at == len(self._pieces) else super()._raw(at)


def _is_basic(key: object) -> bool:
    return isinstance(key, int | np.integer | slice) and not isinstance(key, bool)


def _narrowed(shape: Shape, keys: tuple[Any, ...]) -> tuple[int, Shape, tuple[Any, ...]]:
    """Return the first element that integers and slices reach, the shape of a part that holds them all, and the keys into it.

    >>> _narrowed((4, 5, 6), (1, slice(4, 1, -2), 3))
    (42, (3, 6), (slice(None, None, -2), 3))
    """
    first = 0
    while keys and shape and not isinstance(keys[0], slice):
        at, length = index(keys[0]), shape[0]
        if not -length <= at < length:
            message = f"index {at} is out of bounds for {length} rows"
            raise IndexError(message)
        shape, keys = shape[1:], keys[1:]
        first += at % length * prod(shape)
    if keys and shape:
        rows = range(shape[0])[keys[0]]
        low, high = (min(rows[0], rows[-1]), max(rows[0], rows[-1]) + 1) if rows else (0, 0)
        first += low * prod(shape[1:])
        shape, keys = (high - low, *shape[1:]), (slice(None, None, rows.step), *keys[1:])
    return first, shape, keys
