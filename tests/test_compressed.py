"""Compressed blocks: equal to the plain array in everything that is read, and never larger."""

import copy
import os
import pickle
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gate.remedies.compressed import CompressedArray, CompressedHistory
from gate.remedies.packing import exactly, pack, unpack
from gate.remedies.pool import Array
from tests.conftest import assert_nothing_is_left

ROOT = Path(__file__).parents[1]
FEW = settings(deadline=None, max_examples=40)
DTYPES = npst.scalar_dtypes() | npst.array_dtypes() | npst.byte_string_dtypes() | npst.unicode_string_dtypes()
SHAPES = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
RECORD = np.dtype([("id", "<i4"), ("at", "<f8", (2,)), ("name", "S3")])
CODECS = {"zlib": "zlib", "lz4": "lz4.frame", "zstd": "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"}
NOISE = np.random.default_rng(1).integers(0, 256, 200_000, np.uint8)  # nothing makes it smaller
EXACT = sys.platform == "linux"

AWKWARD: dict[str, Array] = {
    "every second": np.arange(10_000)[::2],
    "backwards": np.arange(5)[::-1],
    "transposed": np.arange(60_000.0).reshape(200, 300).T,
    "Fortran order": np.asfortranarray(np.arange(60_000.0).reshape(200, 300)),
    "broadcast": np.broadcast_to(np.arange(3), (2000, 3)),
    "one number": np.array(3.5),
    "nothing": np.zeros((0, 3)),
    "nothing wide": np.zeros((2, 3), "S0"),
    "records": np.array([(1, (2.0, 3.0), b"abc")] * 5000, RECORD),
    "big endian": np.arange(5000, dtype=">u2"),
    "signs of zero and NaN": np.array([0.0, -0.0, np.nan, -np.inf] * 5000),
    "times": np.arange(5000).astype("M8[ns]"),
    "noise": NOISE,
}


def equal(one: Array, two: Array) -> bool:
    """Tell whether two arrays are equal in dtype, shape and every byte."""
    return (one.dtype, one.shape, one.tobytes()) == (two.dtype, two.shape, two.tobytes())


@pytest.mark.parametrize("what", AWKWARD)
def test_awkward_arrays_come_back(what: str) -> None:
    """Any layout and dtype comes back equal, whole and after a copy and a pickle."""
    array = AWKWARD[what]
    held = CompressedArray(array)
    assert (held.dtype, held.shape, held.ndim, held.size, held.nbytes) == (
        array.dtype, array.shape, array.ndim, array.size, array.size * array.itemsize
    )  # fmt: skip
    for one in (held, copy.deepcopy(held), pickle.loads(pickle.dumps(held))):  # noqa: S301 - our own
        assert equal(np.asarray(one), array)


def test_padding_is_no_value() -> None:
    """Records with gaps between their fields come back with equal fields; nobody promises what is in a gap."""
    padded = np.array([(1, 2.0), (3, 4.0)] * 4, np.dtype([("a", "i1"), ("b", "f8")], align=True))[::2]
    read = np.asarray(CompressedArray(padded))
    assert (read.dtype, read.tolist()) == (padded.dtype, padded.tolist())


@given(npst.arrays(DTYPES, SHAPES), st.booleans(), st.sampled_from([1, 16, 50, 32768]))
@FEW
def test_round_trip(array: Array, fortran: bool, block: int) -> None:  # noqa: FBT001 - hypothesis gives it by position
    """Any array comes back equal in dtype, shape and every byte, whatever its layout and the size of a block."""
    laid = np.array(array, order="F" if fortran else "C")
    assert equal(np.asarray(CompressedArray(laid, block=block)), array)


@given(st.data(), npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9), st.sampled_from([8, 40, 32768]))
@FEW
def test_reads_as_numpy(data: st.DataObject, shape: tuple[int, ...], block: int) -> None:
    """Every key returns what it returns of the plain array: integers, slices, ellipses, new axes, index arrays and masks."""
    plain = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    held = CompressedArray(plain, block=block)
    keys: st.SearchStrategy[Any] = npst.basic_indices(shape, allow_ellipsis=True, allow_newaxis=True)
    if plain.size and shape:
        keys = st.one_of(keys, npst.integer_array_indices(shape), npst.arrays(np.bool_, shape))
    key = data.draw(keys)
    got, wanted = held[key], plain[key]
    assert type(got) is type(wanted)
    assert equal(got, wanted)


@pytest.mark.parametrize("key", [7, -8, (0, 3), (0, 0, 0), "a", (slice(None), 5)], ids=str)
def test_wrong_keys_are_refused_as_by_numpy(key: Any) -> None:
    """A key that the plain array does not know is an IndexError here too."""
    with pytest.raises(IndexError):
        CompressedArray(np.zeros((7, 3)))[key]


def test_calculates_as_numpy() -> None:
    """Arithmetic, comparisons, reductions and matrix products are those of the plain array."""
    plain = np.arange(12.0).reshape(3, 4)
    held = CompressedArray(plain)
    assert equal(held + 1, plain + 1)
    assert equal(2 * held, 2 * plain)
    assert equal(held @ held[0], plain @ plain[0])
    assert equal(held == plain, plain == plain)  # noqa: PLR0124 - what is wanted of the other side
    assert [np.sum(held), np.max(held), np.argmin(held), np.linalg.norm(held[:1])] == [66, 11, 0, np.linalg.norm(plain[:1])]
    assert equal(np.asarray(held, "f4"), plain.astype("f4"))
    assert [row.tolist() for row in held] == plain.tolist()
    assert len(held) == 3


def test_nothing_is_written_in_vain() -> None:
    """What is read is read-only, and writing into the compressed array itself is refused: no write is lost in silence."""
    held = CompressedArray(np.zeros(30_000))
    with pytest.raises(ValueError, match="read-only"):
        held[:5][0] = 1
    with pytest.raises(TypeError, match="does not support item assignment"):
        held[0] = 1  # type: ignore[index] # on purpose
    with pytest.raises(TypeError, match="cannot be written into; calculate a plain one"):
        held += 1
    with pytest.raises(ValueError, match="ask without copy=False"):
        held.__array__(copy=False)
    np.asarray(held)[0] = 1  # the caller's own


def test_random_access_costs_one_block() -> None:
    """Reading a number, and a small part that lies in two blocks, needs a block or two for a moment, not the whole array."""
    held = CompressedArray(np.arange(1_000_000.0))
    for key, most in ((500_000, 1), (slice(4090, 4100), 2)):
        tracemalloc.start()
        held[key]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < (most + 1) * 32768 + 2000  # and what the decompressor itself needs


def test_a_part_does_not_hold_the_whole() -> None:
    """A column of an array is a column in memory, not a view of all that had to be read."""
    column = CompressedArray(np.zeros((1000, 1000)))[:, 0]
    assert column.base is None


def test_the_last_block_is_kept_only_out_of_what_was_saved() -> None:
    """The block that was read last is kept, unless compressed and kept bytes together would be more than the plain ones."""
    large, small = CompressedArray(np.zeros(100_000)), CompressedArray(np.zeros(1000))
    before = large.nbytes_stored, small.nbytes_stored
    assert (large[0], small[0]) == (0, 0)
    assert (large.nbytes_stored - before[0], small.nbytes_stored - before[1]) == (32768, 0)
    assert large[9] == large[90_000] == 0
    assert large.nbytes_stored - before[0] == 32768


@pytest.mark.parametrize("codec", CODECS)
def test_codecs(codec: str) -> None:
    """Each codec gives back what it got, and never more than it is asked for."""
    pytest.importorskip(CODECS[codec])
    plain = np.arange(100_000) // 7
    held = CompressedArray(plain, codec=codec)
    assert held.nbytes_stored < plain.nbytes / 4
    assert equal(np.asarray(pickle.loads(pickle.dumps(held))), plain)  # noqa: S301 - our own
    bomb = pack(bytes(10_000_000), codec)
    assert unpack(bomb, 1000, codec) == bytes(1000)
    with pytest.raises(ValueError, match="a block of 10000001 bytes holds only 10000000; it is damaged"):
        unpack(bomb, 10_000_001, codec)


def test_a_codec_that_is_not_there_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown codec names the known ones; one that is not installed names its extra; both when the store is made."""
    with pytest.raises(ValueError, match="codec 'xz' is not known; take one of zlib, lz4, zstd"):
        CompressedHistory("f8", codec="xz")
    from gate.remedies import packing  # noqa: PLC0415 - its memory of modules is in the way

    packing._tools.cache_clear()
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    with pytest.raises(ImportError, match=r"codec 'lz4' is not installed; it comes with pip install \"heapgate\[lz4\]\""):
        CompressedArray(np.zeros(3), codec="lz4")


@pytest.mark.parametrize(
    "array",
    [np.array([None]), np.zeros(1, [("a", "i4"), ("b", "O")]), np.array(["a"], np.dtypes.StringDType())],
    ids=["objects", "objects in records", "strings of any length"],
)
def test_addresses_are_refused(array: Array) -> None:
    """An array whose bytes are addresses cannot be compressed, so no pickle of ours holds a pickle of theirs."""
    with pytest.raises(TypeError, match="only plain numbers can be compressed"):
        CompressedArray(array)
    with pytest.raises(TypeError, match="only plain numbers can be compressed"):
        CompressedHistory(array.dtype)


def test_arrays_that_mean_more_are_refused() -> None:
    """A mask is not among the bytes; it is never lost in silence."""
    masked = np.ma.masked_array([1.0, 2.0], mask=[True, False])
    with pytest.raises(TypeError, match=r"a MaskedArray means more than its bytes; give its plain array: numpy\.asarray"):
        CompressedArray(masked)
    with pytest.raises(TypeError, match="a MaskedArray means more"):
        CompressedHistory("f8").extend(masked)


# --- histories --------------------------------------------------------------------------


@given(st.data(), st.lists(st.integers(-(2**31), 2**31 - 1), max_size=60), st.sampled_from([4, 20, 32768]))
@FEW
def test_history_reads_as_the_array_of_its_entries(data: st.DataObject, entries: list[int], block: int) -> None:
    """However entries came, one by one or several at once, every key returns what it returns of the array of them all."""
    plain, held = np.array(entries, "i4"), CompressedHistory("i4", block=block)
    while len(held) < len(entries):
        held.append(entries[len(held)])
        held.extend(entries[len(held) : len(held) + data.draw(st.integers(0, 20))])
    assert (held.shape, list(held), len(held)) == (plain.shape, entries, len(entries))
    assert equal(np.asarray(pickle.loads(pickle.dumps(held))), plain)  # noqa: S301 - our own
    key = data.draw(npst.basic_indices(plain.shape))
    assert equal(held[key], plain[key])


def test_history_of_arrays_and_of_records() -> None:
    """Entries may be arrays or records, also larger than a block."""
    arrays, records = CompressedHistory("f8", (100, 50)), CompressedHistory(RECORD)
    arrays.extend(np.full((100, 50), float(at)) for at in range(20))
    records.append((1, (2.0, float("nan")), b"abc"))
    assert [entry[3, 4] for entry in arrays] == list(range(20))
    assert arrays.nbytes_stored < arrays.nbytes / 10
    assert records[0]["name"] == b"abc"


def test_history_is_smaller_than_its_entries_and_grows_with_none() -> None:
    """A thousand small entries share a block; noise is kept as it is."""
    steps, noise = CompressedHistory("i8"), CompressedHistory("u1")
    steps.extend(range(100_000))
    noise.extend(NOISE)
    assert steps.nbytes_stored < steps.nbytes / 4
    assert noise.nbytes_stored == noise.nbytes


@pytest.mark.parametrize(
    ("dtype", "entry", "said"),
    [
        ("f4", 0.1, "dtype float32 makes 0.10000000149011612 of 0.1; choose a dtype that holds it"),
        ("i4", 1.5, "dtype int32 makes 1 of 1.5"),
        ("S3", b"abcd", r"dtype \|S3 makes b'abc' of b'abcd'"),
        ("f8", None, "dtype float64 makes nan of None"),
        ("f8", 2**53 + 1, "dtype float64 makes"),
        ("f8", [1.0, 2.0], r"an entry of shape \(2,\) came, \(\) is wanted"),
    ],
    ids=str,
)
def test_entries_that_would_change_are_refused(dtype: str, entry: object, said: str) -> None:
    """A history is lossless: what its dtype cannot hold exactly is refused, and nothing of it is kept."""
    held = CompressedHistory(dtype)
    with pytest.raises(ValueError, match=said):
        held.append(entry)
    with pytest.raises(ValueError, match=r"makes|came"):
        held.extend([entry])
    assert len(held) == 0


def test_exactly_takes_equal_values() -> None:
    """NaN equals NaN, an integer equals a float of the same value, and nested values are compared one by one."""
    assert np.isnan(exactly(float("nan"), np.dtype("f4"), ()))
    assert exactly([[1, 2.0], (3, np.float32(0.5))], np.dtype("f8"), (2, 2)).tolist() == [[1, 2], [3, 0.5]]


def test_entries_of_no_bytes_are_refused() -> None:
    """Where there is nothing to hold, nothing could be counted."""
    with pytest.raises(ValueError, match=r"shape \(0,\) has no bytes; there is nothing to compress"):
        CompressedHistory("f8", (0,))


# --- measured by the gate ---------------------------------------------------------------

WEIGHED = """
import gc, pickle, sys
import numpy as np
from gate.probe.meters import Meters
from gate.remedies.compressed import CompressedArray

heap, worst = Meters().heap, 0
gc.disable()
for array in pickle.load(open(sys.argv[1], "rb")):
    for _ in range(2):  # the first round pays for what is loaded once
        before = heap()
        plain = np.array(array, order="C")
        dense = heap() - before
        held = CompressedArray(array)
        np.asarray(held[-1:] if held.ndim else held[()])  # a block may be kept now
        more = heap() - before - 2 * dense
    worst = max(worst, more)
print(worst)
"""


@pytest.mark.skipif(not EXACT, reason="the heap meter is exact on Linux with glibc only")
def test_never_256_bytes_larger_by_the_heap_meter(tmp_path: Path) -> None:
    """Of any array, small, noisy, empty or awkward, the compressed one takes no more of the heap than the plain one and 256 bytes."""
    arrays = list(AWKWARD.values())
    for size in (0, 1, 300, 4000, 32767, 32768, 32769, 65536, 200_000):
        arrays += [NOISE[:size], np.arange(size), np.where(NOISE[:size] < 240, 0, NOISE[:size])]

    @given(npst.arrays(DTYPES, SHAPES))
    @FEW
    def gather(array: Array) -> None:
        arrays.append(array)

    gather()
    (tmp_path / "arrays").write_bytes(pickle.dumps(arrays))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONMALLOC": "malloc", "MALLOC_ARENA_MAX": "1"}
    environment["GLIBC_TUNABLES"] = "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0"
    words = [sys.executable, "-c", WEIGHED, str(tmp_path / "arrays")]
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) <= 256


COMES_AND_GOES = """
import numpy as np
from gate.remedies.compressed import CompressedArray, CompressedHistory


def build():
    return CompressedHistory("f8", (10,), block=400)


def step(held):
    for at in range(12):
        held.append(np.full(10, float(at)))
    assert CompressedArray(held[:])[11, 9] == held[11, 9] == 11
"""


@pytest.mark.skipif(not EXACT, reason="the heap meter is exact on Linux with glibc only")
def test_the_gate_finds_nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Histories and arrays that come and go leave 0 B a cycle, says the gate."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert_nothing_is_left(COMES_AND_GOES, "lives:build", tmp_path)
