"""The last so many entries of what agents go through; a file may keep those before them."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from gate.remedies.packing import Shape, exactly
from gate.remedies.pool import Array
from gate.remedies.spill import Spill


class _Ring:
    """Count entries that overwrite each other."""

    __slots__ = ("capacity", "total")

    def __init__(self, capacity: int) -> None:
        """Begin empty."""
        if capacity < 1:
            message = f"a capacity of {capacity} holds nothing; give at least 1"
            raise ValueError(message)
        self.capacity, self.total = capacity, 0

    @property
    def evicted(self) -> int:
        """Return how many entries were overwritten."""
        return max(0, self.total - self.capacity)

    def __len__(self) -> int:
        """Return how many entries there are."""
        return min(self.total, self.capacity)

    def __iter__(self) -> Iterator[Any]:
        """Return one entry after the other; raises RuntimeError when one was evicted meanwhile, since the others have moved."""
        at, evicted = 0, self.evicted
        while at < len(self):
            yield self[at]
            if self.evicted != evicted:
                message = "an entry was evicted while others were iterated; iterate over a copy of them: [:]"
                raise RuntimeError(message)
            at += 1

    def __getitem__(self, key: int | slice) -> Any:  # noqa: ANN401 - an entry, or several
        """Return what a key names, oldest first."""
        raise NotImplementedError

    def _chosen(self, key: int | slice) -> int | range:
        """Return which of the entries, oldest first, a key names."""
        try:
            return range(len(self))[key]
        except IndexError:
            message = f"index {key} is out of range: {len(self)} entries are held, {self.evicted} were evicted"
            raise IndexError(message) from None


class RingBuffer(_Ring):
    """The last `capacity` rows as one array, oldest first; `total` rows came so far.

    Rows are copied in and out. The memory grows with the rows, as that of a list, until the capacity is reached. Not for several
    threads at once.
    """

    __slots__ = ("_held",)

    def __init__(self, capacity: int, dtype: DTypeLike, shape: Shape = ()) -> None:
        """Begin empty; every row has this dtype and shape.

        Raises ValueError for a capacity below 1, TypeError for dtypes that hold Python objects: BoundedHistory holds those.
        """
        super().__init__(capacity)
        self._held: Array = np.empty((0, *shape), dtype)
        if self._held.dtype.hasobject:
            message = f"dtype {self._held.dtype} holds Python objects; BoundedHistory({capacity}) without a dtype keeps any"
            raise TypeError(message)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the dtype of the rows."""
        return self._held.dtype

    @property
    def shape(self) -> Shape:
        """Return the number of rows, then the shape of each."""
        return len(self), *self._held.shape[1:]

    def append(self, row: object) -> None:
        """Add one row; raises ValueError when its shape is another, or when the dtype would change it."""
        self._add(exactly(row, self.dtype, self._held.shape[1:])[np.newaxis])

    def extend(self, rows: Iterable[object]) -> None:
        """Add several rows, or none when one of them is refused as in append."""
        given = rows if isinstance(rows, np.ndarray) else list(rows)
        if len(given):
            self._add(exactly(given, self.dtype, (len(given), *self._held.shape[1:])))

    def __getitem__(self, key: int | slice) -> Any:  # noqa: ANN401 - a row: a number, a record or an array
        """Return a copy of one row, or of several as an array."""
        chosen, oldest = self._chosen(key), self._oldest()
        if isinstance(chosen, int):
            return self._held[(oldest + chosen) % self.capacity].copy()
        at = np.arange(oldest + chosen.start, oldest + chosen.stop, chosen.step)
        return self._held.take(at % self.capacity, axis=0)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:  # noqa: FBT001 - numpy's protocol
        """Return all rows, the caller's own."""
        if copy is False:
            message = "the rows of a ring are copied to be in order; ask without copy=False"
            raise ValueError(message)
        oldest = self._oldest()
        rows = np.concatenate((self._held[oldest : len(self)], self._held[:oldest]))
        return rows if dtype is None else rows.astype(dtype, copy=False)

    def _oldest(self) -> int:
        return self.total % self.capacity if self.total > self.capacity else 0

    def _add(self, rows: Array) -> None:
        total = self.total + len(rows)
        if len(self._held) < min(total, self.capacity):
            room = min(self.capacity, total + (total >> 3) + 6)  # as a list grows
            grown = np.empty((room, *self._held.shape[1:]), self.dtype)
            grown[: len(self._held)] = self._held
            self._held = grown
        kept = rows[-self.capacity :]
        at = (total - len(kept)) % self.capacity
        here = min(len(kept), self.capacity - at)
        self._held[at : at + here] = kept[:here]
        self._held[: len(kept) - here] = kept[here:]
        self.total = total


class BoundedHistory(_Ring, Sequence[Any]):
    """The last `capacity` entries in the ways of a list; `evicted` counts those that went, and a file may keep them.

    Without a dtype it holds any objects. With one, entries are packed as rows of an array: numbers, or tuples in a dtype of records,
    come back as Python's own; times, and entries with a shape, as numpy's. What is sliced out is a list, as of a list. Not for several
    threads at once.
    """

    __slots__ = ("_held", "_spill")

    def __init__(
        self,
        capacity: int,
        dtype: DTypeLike | None = None,
        shape: Shape = (),
        *,
        spill: str | os.PathLike[str] | None = None,
        codec: str = "zlib",
    ) -> None:
        """Begin empty; `spill` names a file to which evicted entries are added, to be read with gate.remedies.spill.spilled.

        Up to 16 KiB of them wait in memory: call flush() before the history is dropped. A pickled or copied history adds to the same
        file; a forked process adds to one of its own, FILE.PID. Raises ValueError and TypeError as RingBuffer does, ValueError for a
        spill without a dtype, and what CompressedArray raises for its codec.
        """
        super().__init__(capacity)
        self._held: list[Any] | RingBuffer = [] if dtype is None else RingBuffer(capacity, dtype, shape)
        self._spill: Spill | None = None
        if spill is not None:
            if isinstance(self._held, list):
                message = "a spill file holds no Python objects, since reading those runs code; give a dtype"
                raise ValueError(message)
            self._spill = Spill(Path(spill), self._held[:], codec)

    def append(self, entry: object) -> None:
        """Add one entry at the end; the oldest goes when there is no room.

        With a dtype, raises ValueError when the entry's shape is another, or when the dtype would change it. Raises OSError when the
        spill file cannot be written. In both cases nothing has happened.
        """
        if isinstance(self._held, RingBuffer):
            row = exactly(entry, self._held.dtype, self._held.shape[1:])
            if self._spill is not None and self.total >= self.capacity:
                self._spill.add(self._held[:1])
            self._held.append(row)
        elif self.total < self.capacity:
            self._held.append(entry)
        else:
            self._held[self.total % self.capacity] = entry
        self.total += 1

    def extend(self, entries: Iterable[object]) -> None:
        """Add one entry after the other."""
        for entry in list(entries) if entries is self else entries:
            self.append(entry)

    def __iadd__(self, entries: Iterable[object]) -> Self:
        """Add one entry after the other."""
        self.extend(entries)
        return self

    def __getitem__(self, key: int | slice) -> Any:  # noqa: ANN401 - whatever was put in
        """Return one entry, or a list of several."""
        chosen = self._chosen(key)
        return self._one(chosen) if isinstance(chosen, int) else [self._one(at) for at in chosen]

    def __eq__(self, other: object) -> bool:
        """Tell whether a list or another history has equal entries."""
        return list(self) == list(other) if isinstance(other, list | BoundedHistory) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # as a list

    def flush(self) -> None:
        """Write the evicted entries that wait; raises OSError when the file cannot be written, and they wait on."""
        if self._spill is not None:
            self._spill.flush()

    def _one(self, at: int) -> Any:  # noqa: ANN401 - whatever was put in
        if isinstance(self._held, list):
            return self._held[(self.evicted + at) % self.capacity]
        row = self._held[at]
        return row.item() if isinstance(row, np.generic) and row.dtype.kind not in "mM" else row
