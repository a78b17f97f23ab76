"""The shared pool: equal arrays are one memory, and nothing else about them changes."""

import gc
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from gate import measure
from gate.facts import Outcome
from gate.probe.pins import PINS
from gate.remedies.pool import Array, Kind, SharedPool, share, writable
from gate.remedies.pruning import track
from gate.remedies.segments import SMALLEST, Segments
from tests.proofs import pools

ROOT = Path(__file__).parents[1]

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


ADDRESSES: dict[str, Array] = {
    "objects": np.array([None]),
    "objects in records": np.zeros(1, [("a", "i4"), ("b", "O")]),
}
if hasattr(np.dtypes, "StringDType"):  # numpy 2
    ADDRESSES["strings of any length"] = np.array(["a"], np.dtypes.StringDType())


@pytest.mark.parametrize("what", ADDRESSES)
def test_addresses_are_refused(what: str) -> None:
    """An array whose bytes are addresses cannot be shared by content."""
    with pytest.raises(TypeError, match="only plain numbers can be shared"):
        SharedPool().intern(ADDRESSES[what])


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


class SlowShelf(dict[Any, Any]):
    """Take a while between looking and putting, as a thread does that loses its turn."""

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Look, wait, then put."""
        found = self.get(key)
        time.sleep(0.001)
        if found is None:
            self[key] = found = default
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


def test_pooled_array_comes_back_without_a_copy() -> None:
    """What is in the pool already is found by the bytes that it stands on."""
    pool = SharedPool()
    held = pool.intern(np.arange(100_000))
    below = held.base
    assert isinstance(below, bytes)
    tracemalloc.start()
    assert pool.intern(held) is held
    assert pool.intern(np.frombuffer(below, np.int64)) is held
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2000


def test_bytes_of_others_are_copied() -> None:
    """Bytes can change after all: numpy lets who unpickles an array write into them; nobody who shares is touched by that."""
    theirs = pickle.loads(pickle.dumps(np.arange(1000)))  # noqa: S301 - our own
    assert isinstance(theirs.base, bytes)
    assert theirs.flags.writeable
    pool = SharedPool()
    held = pool.intern(theirs)
    theirs[0] = 9
    assert held[0] == 0
    assert pool.intern(theirs)[0] == 9
    assert len(pool) == 1


def test_first_write_makes_a_private_copy() -> None:
    """Copy-on-write: a shared array is copied once, an own one never, and the other holders see no change."""
    pool = SharedPool()
    mine, yours = pool.intern(np.arange(5)), pool.intern(np.arange(5))
    own = writable(mine)
    own[0] = 9
    assert writable(own) is own
    assert (yours[0], own.tolist()) == (0, [9, 1, 2, 3, 4])
    assert pool.intern(own) is pool.intern(np.array([9, 1, 2, 3, 4]))


def model() -> dict[str, Any]:
    """Build what an agent holds: arrays in object arrays, lists, tuples and dicts, and a list that holds itself."""
    matrices = np.empty(2, object)
    matrices[:] = [np.eye(3), np.array(0.5)]
    round_: list[Any] = [np.arange(3)]
    round_.append(round_)
    return {"B": matrices, "D": (np.arange(3), {"names": ("a", "b"), 4: [np.eye(3)]}), "round": round_}


def test_arrays_inside_of_structures_are_shared() -> None:
    """Two agents with equal models hold each array once, in the containers that they had."""
    pool, one, two = SharedPool(), model(), model()
    containers = one["B"], one["round"], one["D"][1]
    assert share(one, pool.intern) is one
    share(two, pool.intern)
    assert all(new is old for new, old in zip((one["B"], one["round"], one["D"][1]), containers, strict=True))
    assert len(pool) == 3
    assert one["B"][0] is two["B"][0] is one["D"][1][4][0]
    assert one["B"][1] is two["B"][1]
    assert one["D"][0] is two["D"][0] is one["round"][0]
    assert one["round"][1] is one["round"]


def test_what_cannot_be_shared_stays(tmp_path: Path) -> None:
    """Masked arrays, memory maps, objects without dimensions and tuples without arrays are left as they are."""
    mapped = np.memmap(tmp_path / "data", "f8", "w+", shape=(3,))
    odd = [np.ma.masked_array([1]), mapped, np.empty((), object), (1, "a"), np.array(["a", None]), None]
    kept = list(odd)
    assert all(new is old for new, old in zip(share(odd, SharedPool().intern), kept, strict=True))


def test_pool_costs_little_more_than_it_saves() -> None:
    """An array without an equal weighs at most 256 B more in a pool or in Segments, by the heap meter in a pinned process."""
    program = """
import gc
import tempfile
import numpy as np
from gate.probe.meters import Meters
from gate.remedies.pool import SharedPool
from gate.remedies.segments import SMALLEST, Segments

meters = Meters()

def weigh(build, number):
    held = [None] * number
    build(0)
    gc.collect()
    before = meters.heap()
    for index in range(number):
        held[index] = build(index)
    gc.collect()
    return (meters.heap() - before) / number

for shape in (), (1,), (3, 4, 5), (300,), (2,) * 8, (1, 70, 300):
    for number in (200, 1366) if np.prod(shape) < 1000 else (200,):  # at 1366 the dictionary has just grown
        pool = SharedPool()
        dense = weigh(lambda index: np.full(shape, float(index)), number)
        print(weigh(lambda index: pool.intern(np.full(shape, float(index))), number) - dense)
with tempfile.TemporaryDirectory() as folder:
    shared = Segments(folder)
    dense = weigh(lambda index: np.full(SMALLEST // 8, float(index)), 100)
    print(weigh(lambda index: shared.intern(np.full(SMALLEST // 8, float(index))), 100) - dense)
"""
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=os.environ | PINS, capture_output=True, text=True, check=True)
    more = [float(line) for line in ran.stdout.split()]
    assert len(more) == 12
    assert max(more) <= 256


def cycle() -> Array:
    """Intern what an agent has, also for all processes, change one's own copy, prune a belief, and let go."""
    pool = SharedPool()
    mine = writable(share(model(), pool.intern)["D"][0])
    mine[0] = 9
    Segments(tempfile.gettempdir()).intern(np.zeros(SMALLEST, "u1"))
    track(lose=0.1, floor=0.01).prune([0.5, 0.45, 0.05])
    return pool.intern(mine)


def test_churn_is_nothing() -> None:
    """The gate itself finds no byte that these remedies leave behind."""
    found = measure.growth(cycle, root=ROOT)
    assert found.outcome is Outcome.PASSED, found.headline


@pytest.mark.parametrize("shelf", [{}, SlowShelf()], ids=["sound", "slow"])
def test_proof_finds_nothing(shelf: dict[Any, Any]) -> None:
    """Eight threads for a moment: one memory for one content, and no update is lost."""
    pool = SharedPool()
    pool._held = shelf
    assert pools.prove(pool, seconds=0.2).broken == ()


class Twins(SharedPool):
    """Forget now and then that there is one."""

    def intern(self, array: NDArray[Kind]) -> NDArray[Kind]:
        """Make another at every third value."""
        return SharedPool().intern(array) if int(array.flat[0]) % 3 == 0 else super().intern(array)


class Loose(SharedPool):
    """Hand out what everybody may write to."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.loose: dict[bytes, Any] = {}

    def intern(self, array: NDArray[Kind]) -> NDArray[Kind]:
        """Keep nothing apart."""
        found: NDArray[Kind] = self.loose.setdefault(array.tobytes(), array)
        return found


@pytest.mark.parametrize(("broken", "says"), [(Twins, "two memories"), (Loose, "changed")])
def test_proof_finds_what_is_broken(broken: type[SharedPool], says: str) -> None:
    """A pool that makes two of one, and one whose arrays can be written, do not pass the proof."""
    told = pools.prove(broken(), seconds=0.2)
    assert any(says in line for line in told.broken)


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
