"""Rings: the last entries in the ways of a list and of an array, and a file that holds those before them."""

import copy
import io
import os
import pickle
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.remedies import spill
from gate.remedies.ring import BoundedHistory, RingBuffer
from gate.remedies.spill import spilled
from tests.conftest import assert_nothing_is_left

ROOT = Path(__file__).parents[1]
FEW = settings(deadline=None, max_examples=40)
EXACT = sys.platform == "linux"
RECORD = np.dtype([("action", "i4"), ("reward", "f8"), ("name", "U3")])
KEYS = st.integers(-12, 12) | st.slices(12)


def read(path: Path) -> list[Any]:
    """Return all entries of a spill file."""
    return [entry for rows in spilled(path) for entry in rows.tolist()]


def run(code: str, *words: str) -> str:
    """Return what a fresh process prints, in which each byte that Python takes is the C heap's."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONMALLOC": "malloc", "MALLOC_ARENA_MAX": "1"}
    environment["GLIBC_TUNABLES"] = "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0"
    return subprocess.run([sys.executable, "-c", code, *words], env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def outcome(sequence: Any, key: int | slice) -> Any:
    """Return what a key names, or that it names nothing."""
    try:
        return sequence[key]
    except IndexError:
        return IndexError


@given(st.integers(1, 8), st.lists(st.lists(st.integers(-(2**40), 2**40), max_size=12), max_size=6), KEYS)
@FEW
def test_ring_reads_as_the_end_of_an_array(capacity: int, batches: list[list[int]], key: int | slice) -> None:
    """However rows came, one by one or many at once, the ring is the last rows of the array of them all."""
    held, every = RingBuffer(capacity, "i8"), list[int]()
    for batch in batches:
        for row in batch[:2]:
            held.append(row)
        held.extend(batch[2:])
        every += batch
    plain = np.array(every[-capacity:], "i8")
    assert (len(held), held.shape, held.dtype) == (len(plain), plain.shape, plain.dtype)
    assert (held.total, held.evicted) == (len(every), len(every) - len(plain))
    assert np.array_equal(np.asarray(held), plain)
    assert np.array_equal(outcome(held, key), outcome(plain, key))
    assert np.array_equal(np.asarray(pickle.loads(pickle.dumps(held))), plain)  # noqa: S301 - our own


def test_ring_of_arrays() -> None:
    """Rows may be arrays; a row that was read stays what it was."""
    held = RingBuffer(3, "f4", (2,))
    held.extend(np.arange(10, dtype="f4").reshape(5, 2))
    first = held[0]
    held.append(np.zeros(2, "f4"))
    assert first.tolist() == [4, 5]
    assert np.asarray(held).tolist() == [[6, 7], [8, 9], [0, 0]]
    assert [row.tolist() for row in held] == [[6, 7], [8, 9], [0, 0]]
    assert np.asarray(held, "f8").dtype == "f8"
    with pytest.raises(ValueError, match="ask without copy=False"):
        held.__array__(copy=False)


@given(
    st.integers(1, 8),
    st.lists(st.lists(st.integers() | st.text() | st.tuples(st.integers()) | st.none(), max_size=12), max_size=4),
    KEYS,
)
@FEW
def test_history_reads_as_the_end_of_a_list(capacity: int, batches: list[list[Any]], key: int | slice) -> None:
    """Any objects: index, slice, iterate, search, compare, copy and pickle as the list of the last ones."""
    held, every = BoundedHistory(capacity), list[Any]()
    for batch in batches:
        held.extend(batch)
        held += batch[:1]
        every += batch + batch[:1]
    plain = every[-capacity:]
    assert (len(held), list(held), list(reversed(held))) == (len(plain), plain, plain[::-1])
    assert (held.total, held.evicted) == (len(every), len(every) - len(plain))
    assert held == plain == held[:] == pickle.loads(pickle.dumps(held)) == copy.deepcopy(held)  # noqa: S301 - our own
    assert held != [*plain, 1]
    assert outcome(held, key) == outcome(plain, key)
    assert all((entry in held, held.index(entry), held.count(entry)) == (True, plain.index(entry), plain.count(entry)) for entry in plain)


@given(
    st.integers(1, 8), st.lists(st.tuples(st.integers(-(2**31), 2**31 - 1), st.floats(allow_nan=False), st.text("abc", max_size=3))), KEYS
)
@FEW
def test_packed_history_reads_as_the_end_of_a_list(capacity: int, entries: list[Any], key: int | slice) -> None:
    """Tuples in a dtype of records come back as the same tuples of Python's own numbers and texts."""
    held = BoundedHistory(capacity, RECORD)
    held.extend(entries)
    plain = entries[-capacity:]
    assert held == plain == pickle.loads(pickle.dumps(held)) == copy.deepcopy(held)  # noqa: S301 - our own
    assert outcome(held, key) == outcome(plain, key)
    assert {type(value) for entry in held for value in entry} <= {int, float, str}


@pytest.mark.parametrize(
    ("dtype", "entry"),
    [("i8", 5), ("f8", 0.1), ("?", True), ("S3", b"ab"), ("M8[ns]", np.datetime64(5, "ns")), ("c16", 1j)],
    ids=str,
)
def test_numbers_come_back_as_they_are(dtype: str, entry: object) -> None:
    """One entry of each kind is equal to what was given, and of its type."""
    held = BoundedHistory(2, dtype)
    held.append(entry)
    assert (held[0], type(held[0])) == (entry, type(entry))


def test_overwritten_objects_are_freed() -> None:
    """What was evicted is no longer held."""
    held = BoundedHistory(2)
    first = ["first"]
    count = sys.getrefcount(first)
    held.append(first)
    held += [1, 2]
    assert sys.getrefcount(first) == count


def test_iterating_over_what_moves_is_an_error() -> None:
    """A history that is iterated may grow, as a list may; when an entry is evicted, none of the others is skipped in silence."""
    held = BoundedHistory(3)
    held += [1, 2]
    rows = iter(held)
    for entry in (1, 2):
        assert next(rows) == entry
        held.append(entry * 10)
    with pytest.raises(RuntimeError, match=r"iterate over a copy of them: \[:\]"):
        next(rows)
    held.extend(held)
    assert held == [2, 10, 20]


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: RingBuffer(0, "f8"), ValueError, "a capacity of 0 holds nothing; give at least 1"),
        (lambda: BoundedHistory(-1), ValueError, "a capacity of -1 holds nothing"),
        (lambda: RingBuffer(3, object), TypeError, r"dtype object holds Python objects; BoundedHistory\(3\) without a dtype"),
        (lambda: RingBuffer(3, "i4").append(1.5), ValueError, "dtype int32 makes 1 of 1.5"),
        (lambda: RingBuffer(3, "i4").extend([[1]]), ValueError, r"an entry of shape \(1, 1\) came"),
        (lambda: BoundedHistory(3, RECORD).append(5), ValueError, "makes"),
        (lambda: BoundedHistory(3)[0], IndexError, "index 0 is out of range: 0 entries are held, 0 were evicted"),
        (lambda: BoundedHistory(3, spill="x"), ValueError, "a spill file holds no Python objects"),
        (lambda: BoundedHistory(3, "S0", (0,), spill="x"), ValueError, "have no bytes; there is nothing to spill"),
        (lambda: BoundedHistory(3, "f8", spill="x", codec="rar"), ValueError, "codec 'rar' is not known"),
    ],
)
def test_refusals(make: Any, error: type[Exception], said: str) -> None:
    """What cannot be held is refused, with what to do."""
    with pytest.raises(error, match=said):
        make()


def test_hashing_is_refused_as_by_a_list() -> None:
    """What changes has no hash."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(BoundedHistory(1))


# --- spill files ------------------------------------------------------------------------


@given(st.integers(1, 8), st.lists(st.integers(-(2**31), 2**31 - 1), max_size=40), st.integers(0, 40))
@FEW
def test_nothing_is_lost(tmp_path_factory: pytest.TempPathFactory, capacity: int, entries: list[int], flushed: int) -> None:
    """File and history together are all entries, in their order, wherever a flush, a pickle or a copy came between."""
    path = tmp_path_factory.mktemp("spill") / "file"
    held = BoundedHistory(capacity, "i4", spill=path)
    held.extend(entries[:flushed])
    held = pickle.loads(pickle.dumps(held))  # noqa: S301 - our own
    held.extend(entries[flushed:])
    held.flush()
    held.flush()
    assert (read(path) if path.exists() else []) + held[:] == entries


def test_frames_are_small_and_compressed(tmp_path: Path) -> None:
    """Entries are written when 16 KiB of them wait, as frames of their own dtype and shape."""
    held = BoundedHistory(10, "f8", (2, 4), spill=tmp_path / "file")
    held.extend(np.full((2, 4), at // 100) for at in range(1000))
    rows = list(spilled(tmp_path / "file"))
    assert {(row.dtype.str, row.shape) for row in rows} == {("<f8", (256, 2, 4))}
    assert (tmp_path / "file").stat().st_size < 768 * 64 / 20
    held.flush()
    assert sum(map(len, spilled(tmp_path / "file"))) == held.evicted == 990


def test_empty_file_holds_nothing(tmp_path: Path) -> None:
    """A file to which nothing was written yet is no error; one that is not there is."""
    (tmp_path / "file").touch()
    assert read(tmp_path / "file") == []
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "other")


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Return a file of three frames of an entry each."""
    held = BoundedHistory(1, "i8", spill=tmp_path / "file")
    for at in range(4):
        held.append(at)
        held.flush()
    return tmp_path / "file"


def test_torn_last_frame_is_left_out_and_said(frames: Path) -> None:
    """Wherever the last write was cut, the frames before it are read, and what is left out is told by its place."""
    whole = frames.read_bytes()
    last = whole.rindex(b"hgf1")
    for end in range(last + 1, len(whole)):
        frames.write_bytes(whole[:end])
        with pytest.warns(RuntimeWarning, match=f"bytes {last} to {end} are no whole frame, and are left out"):
            assert read(frames) == [0, 1]


def test_damage_costs_its_frame_only(frames: Path) -> None:
    """A byte that changed, in any place of the second frame, never changes a value: the frame is left out, and the next is found."""
    whole = bytearray(frames.read_bytes())
    for at in range(whole.index(b"hgf1", 1), whole.rindex(b"hgf1")):
        damaged = whole.copy()
        damaged[at] ^= 0x40
        frames.write_bytes(damaged)
        with pytest.warns(RuntimeWarning, match="no whole frame"):
            assert read(frames) == [0, 2]


def test_history_goes_on_after_a_torn_frame(frames: Path) -> None:
    """Who begins again with a file that ends in a torn frame adds to it, and nothing of what is added is lost."""
    frames.write_bytes(frames.read_bytes()[:-5])
    held = BoundedHistory(1, "i8", spill=frames)
    held += [7, 8]
    held.flush()
    with pytest.warns(RuntimeWarning, match="no whole frame"):
        assert read(frames) == [0, 1, 7]


def test_file_runs_nothing(frames: Path) -> None:
    """A frame that holds a pickle is refused, not run."""
    file = io.BytesIO()
    np.save(file, np.array([print], object))
    head = spill._HEAD.pack(spill._MAGIC, b"zlib", len(file.getvalue()), len(file.getvalue()))
    check = spill._CHECK.pack(zlib.crc32(file.getvalue(), zlib.crc32(head)))
    frames.write_bytes(head + check + file.getvalue())
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read(frames)


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """When the file cannot be written, append raises and has done nothing; once it can, all goes on where it was."""
    folder = tmp_path / "later"
    held = BoundedHistory(1, "i8", (1024,), spill=folder / "file")  # a row is half a frame
    rows = [np.full(1024, at) for at in range(6)]
    for row in rows[:3]:
        held.append(row)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            held.append(rows[3])
    assert (held.total, held[0][0]) == (3, 2)
    folder.mkdir()
    for row in rows[3:]:
        held.append(row)
    held.flush()
    assert [row[0] for part in spilled(folder / "file") for row in part] == [0, 1, 2, 3, 4]


KILLED = """
import sys
import warnings
import zlib
from gate.remedies.ring import BoundedHistory

held, at = BoundedHistory(10, "i8", spill=sys.argv[1]), 0
while True:
    held.append(at)
    at += 1
    if at == 10_000:
        print("on its way", flush=True)
"""


def test_killed_process_leaves_a_readable_file(tmp_path: Path) -> None:
    """After a kill in the middle of its work, the file holds an unbroken row of entries from the first on."""
    words = [sys.executable, "-c", KILLED, str(tmp_path / "file")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a torn frame may be there or not
        entries = read(tmp_path / "file")
    assert len(entries) > 8_000
    assert entries == list(range(len(entries)))


FORKED = """
import os, sys
from gate.remedies.ring import BoundedHistory

held = BoundedHistory(1, "i8", spill=sys.argv[1])
held += [0, 1]  # 0 waits
pid = os.fork()
held += [2, 3] if pid else [10, 11]
held.flush()
if pid:
    os.waitpid(pid, 0)
    print(pid)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_forked_process_writes_its_own_file(tmp_path: Path) -> None:
    """What waits is written once, by who gathered it; after a fork the child adds to a file of its own."""
    pid = run(FORKED, str(tmp_path / "file")).strip()
    assert (read(tmp_path / "file"), read(tmp_path / f"file.{pid}")) == ([0, 1, 2], [1, 10])


# --- measured by the gate ---------------------------------------------------------------

WEIGHED = """
import gc
from collections import deque
from gate.probe.meters import Meters
from gate.remedies.ring import BoundedHistory

heap = Meters().heap
gc.disable()


tuples = [(at, at / 7) for at in range(1000)]
record = [("action", "i4"), ("reward", "f8")]


def weight(make, rows):
    for _ in range(2):  # the first round pays for what is loaded once
        before = heap()
        made = make()
        made.extend(rows)
        bytes_ = heap() - before
        del made
    return bytes_


for count in (0, 3, 100, 1000):
    rows = tuples[:count]
    makes = list, lambda: deque(maxlen=100), lambda: BoundedHistory(100), lambda: BoundedHistory(100, record)
    print(*(weight(make, rows[-100:] if make is list else rows) for make in makes))
"""


@pytest.mark.skipif(not EXACT, reason="the heap meter is exact on Linux with glibc only")
def test_never_256_bytes_larger_than_a_list_by_the_heap_meter() -> None:
    """Without its entries a history takes at most 256 bytes more of the heap than a list of the last 100; packed it has them within."""
    weights = [[int(word) for word in line.split()] for line in run(WEIGHED).splitlines()]
    assert all(held <= plain + 256 for plain, _, held, _ in weights)
    entry = sum(map(sys.getsizeof, ((1, 1.0), 999, 1.0)))
    packed = [row[3] for row in weights]
    assert packed[0] < 400
    assert max(packed) < 100 * entry / 5


COMES_AND_GOES = """
import os
from gate.remedies.ring import BoundedHistory


def build():
    return BoundedHistory(5, "f8"), BoundedHistory(5, "f8", (300,), spill=os.devnull), BoundedHistory(5)


def step(histories):
    packed, spilling, plain = histories
    for at in range(12):
        packed.append(at / 7)
        spilling.append([at / 7] * 300)
        plain.append(str(at))
    assert packed[3] == spilling[3][0] == 10 / 7
"""


@pytest.mark.skipif(not EXACT, reason="the heap meter is exact on Linux with glibc only")
def test_the_gate_finds_nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Histories that come, spill and go leave 0 B a cycle, says the gate."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert_nothing_is_left(COMES_AND_GOES, "lives:build", tmp_path)
