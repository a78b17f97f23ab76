"""The shared pool: equal arrays are one memory, and nothing else about them changes."""

import gc
import threading
import time
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gate.remedies.pool import Array, SharedPool

RECORD = np.dtype([("id", "<i4"), ("at", "<f8", (2,)), ("name", "S3")])
SWAPPED = np.dtype({"names": ["a", "b"], "formats": ["<i4", "<i4"], "offsets": [4, 0]})  # has no dtype.descr
SHAPES = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
DTYPES = npst.scalar_dtypes() | npst.array_dtypes() | npst.byte_string_dtypes() | npst.unicode_string_dtypes()


def bits(pattern: int) -> Array:
    """Return one float64 with these bits."""
    return np.array([pattern], np.uint64).view(np.float64)


DIFFERENT: dict[str, tuple[Array, Array]] = {
    "values": (np.array([1.0]), np.array([2.0])),
    "signs of zero": (np.array([0.0]), np.array([-0.0])),
    "payloads of NaN": (bits(0x7FF8000000000000), bits(0x7FF8000000000001)),
    "widths with equal bytes": (np.zeros(2, "i4"), np.zeros(1, "i8")),
    "types with equal bytes": (np.zeros(1, "i8"), np.zeros(1, "f8")),
    "byte orders with equal values": (np.array([1], "<i4"), np.array([1], ">i4")),
    "byte orders with equal bytes": (np.array([0], "<i4"), np.array([0], ">i4")),
    "shapes": (np.zeros((2, 3)), np.zeros((3, 2))),
    "empty shapes": (np.zeros((0, 3)), np.zeros((3, 0))),
    "dimensions": (np.zeros(()), np.zeros(1)),
    "units of time": (np.zeros(1, "M8[s]"), np.zeros(1, "M8[ms]")),
    "names of fields": (np.zeros(1, [("a", "i4")]), np.zeros(1, [("b", "i4")])),
}

AWKWARD: dict[str, Array] = {
    "every second": np.arange(10)[::2],
    "backwards": np.arange(5)[::-1],
    "transposed": np.arange(6.0).reshape(2, 3).T,
    "Fortran order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "broadcast": np.broadcast_to(np.arange(3), (2, 3)),
    "one number": np.array(3.5),
    "nothing": np.zeros((0, 3)),
    "nothing wide": np.zeros((2, 3), "S0"),
    "records": np.array([(1, (2.0, 3.0), b"abc")], RECORD),
    "records out of order": np.array([(1, 2)], SWAPPED),
    "every second record": np.zeros(4, np.dtype([("a", "i1"), ("b", "f8")], align=True))[::2],
    "big endian": np.array([1, 256], ">u2"),
}


def test_equal_arrays_share_one_memory() -> None:
    """Equal arrays become one; what comes from the pool comes back as itself."""
    pool = SharedPool()
    one, two = pool.intern(np.arange(5)), pool.intern(np.arange(5))
    assert one is two
    assert np.shares_memory(one, two)
    assert pool.intern(one) is one
    assert len(pool) == 1


@pytest.mark.parametrize("what", DIFFERENT)
def test_different_arrays_stay_apart(what: str) -> None:
    """Whatever tells two arrays apart keeps them apart."""
    pool = SharedPool()
    one, two = (pool.intern(array) for array in DIFFERENT[what])
    assert not np.shares_memory(one, two)
    for given_, held in zip(DIFFERENT[what], (one, two), strict=True):
        assert (held.dtype, held.shape, held.tobytes()) == (given_.dtype, given_.shape, given_.tobytes())


@pytest.mark.parametrize("what", AWKWARD)
def test_awkward_arrays_keep_what_they_are(what: str) -> None:
    """Layout is the pool's business; dtype, shape and values are the caller's."""
    array = AWKWARD[what]
    held = SharedPool().intern(array)
    assert (held.dtype, held.shape) == (array.dtype, array.shape)
    assert np.array_equal(held, array)
    assert held.flags.c_contiguous
    assert held.flags.aligned


def test_layouts_of_equal_arrays_share() -> None:
    """C order, Fortran order and a view with gaps are one array when their values are."""
    pool = SharedPool()
    wide = np.zeros((2, 6))
    wide[:, ::2] = np.arange(6.0).reshape(2, 3)
    plain = np.arange(6.0).reshape(2, 3)
    assert pool.intern(plain) is pool.intern(np.asfortranarray(plain))
    assert pool.intern(plain) is pool.intern(wide[:, ::2])


def test_result_is_read_only() -> None:
    """Nobody can change what others hold, not even by asking; the caller's own array stays writeable and its own."""
    mine = np.arange(5)
    held = SharedPool().intern(mine)
    with pytest.raises(ValueError, match="read-only"):
        held[0] = 9
    with pytest.raises(ValueError, match="WRITEABLE"):
        held.flags.writeable = True
    mine[0] = 9
    assert held[0] == 0


@pytest.mark.parametrize(
    "array",
    [np.array([None]), np.zeros(1, [("a", "i4"), ("b", "O")]), np.array(["a"], np.dtypes.StringDType())],
    ids=["objects", "objects in records", "strings of any length"],
)
def test_addresses_are_refused(array: Array) -> None:
    """An array whose bytes are addresses cannot be shared by content."""
    with pytest.raises(TypeError, match="only plain numbers can be shared"):
        SharedPool().intern(array)


def test_arrays_that_mean_more_are_refused() -> None:
    """A mask is not among the bytes; it is never lost in silence."""
    with pytest.raises(TypeError, match=r"a MaskedArray means more than its bytes; give its plain array: numpy\.asarray"):
        SharedPool().intern(np.ma.masked_array([1, 2], mask=[True, False]))


def test_mapped_file_is_read_into_memory(tmp_path: Any) -> None:
    """A memory map is an array like any other."""
    mapped = np.memmap(tmp_path / "data", "f8", "w+", shape=(3,))
    pool = SharedPool()
    assert pool.intern(mapped) is pool.intern(np.zeros(3))


def test_last_holder_frees_it() -> None:
    """The pool keeps nothing alive, and forgets what nobody holds."""
    pool = SharedPool()
    one, two = pool.intern(np.arange(5)), pool.intern(np.arange(5))
    del one
    assert len(pool) == 1
    del two
    gc.collect()
    assert len(pool) == 0


def test_view_is_a_holder() -> None:
    """Who holds only a part of a shared array still shares it with those who come later."""
    pool = SharedPool()
    part = pool.intern(np.arange(5))[1:].reshape(2, 2)
    gc.collect()
    assert len(pool) == 1
    assert np.shares_memory(part, pool.intern(np.arange(5)))


def test_pools_share_nothing() -> None:
    """Each pool is a world of its own."""
    assert not np.shares_memory(SharedPool().intern(np.arange(5)), SharedPool().intern(np.arange(5)))


class SlowShelf(WeakValueDictionary[Any, Array]):
    """Take a while between looking and answering, as a thread does that loses its turn."""

    def get(self, key: Any, default: Any = None) -> Any:
        """Look, then wait."""
        found = super().get(key, default)
        time.sleep(0.001)
        return found


def test_threads_get_one_memory() -> None:
    """Eight threads that intern equal arrays at once get one array, again and again, whoever loses a turn where."""
    pool, gathered = SharedPool(), list[list[Array]]()
    pool._held = SlowShelf()
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        gathered.append([pool.intern(np.full(100, number)) for number in range(10)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(gathered) == 8
    assert [len({id(array) for array in row}) for row in zip(*gathered, strict=True)] == [1] * 10


def test_finaliser_may_come_in() -> None:
    """An agent that interns while it is collected, in a thread that is inside the pool, does not wait for itself."""
    pool = SharedPool()

    def inside() -> None:
        with pool._lock:
            pool.intern(np.arange(3))

    thread = threading.Thread(target=inside, daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert not thread.is_alive()


@given(npst.arrays(DTYPES, SHAPES), st.booleans())
@settings(deadline=None)
def test_round_trip(array: Array, fortran: bool) -> None:  # noqa: FBT001 - hypothesis gives it by position
    """Any array comes back equal in dtype, shape and every byte, whatever its layout, and equal ones come back as one."""
    pool = SharedPool()
    given_ = np.array(array, order="F" if fortran else "C")
    held = pool.intern(given_)
    assert (held.dtype, held.shape, held.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert pool.intern(array.copy()) is held


@given(npst.arrays(np.uint8, (2, 3)), npst.arrays(np.uint8, (2, 3)))
@settings(deadline=None)
def test_one_memory_means_equal(one: Array, two: Array) -> None:
    """Two arrays are one memory exactly when they are equal."""
    pool = SharedPool()
    assert (pool.intern(one) is pool.intern(two)) == np.array_equal(one, two)
