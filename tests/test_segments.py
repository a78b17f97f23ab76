"""Segments: equal arrays are one memory for all processes of a user, and nothing stays when its holders are gone."""

import gc
import itertools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gate.remedies import segments
from gate.remedies.pool import Array
from gate.remedies.segments import SMALLEST, Segments
from tests.conftest import but_slow
from tests.proofs import pools
from tests.test_pool import AWKWARD, DIFFERENT, DTYPES, SHAPES

ROOT = Path(__file__).parents[1]
LARGE = 1 << 20  # numbers of an array that two processes share


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a new folder in shared memory, in which arrays of any size are shared between processes."""
    monkeypatch.setattr(segments, "SMALLEST", 1)
    made = Path(tempfile.mkdtemp(dir=segments._shared_memory()))
    yield made
    gc.collect()
    shutil.rmtree(made)


def files(folder: Path) -> list[Path]:
    """Return what is in the folder of all Segments."""
    return sorted(path for path in folder.glob("*/*") if path.is_file())


def hold(folder: Path) -> "subprocess.Popen[str]":
    """Start a process that holds a large array, and wait until it does."""
    program = f"""
import sys
import numpy as np
from gate.remedies.segments import Segments

held = Segments({str(folder)!r}).intern(np.arange({LARGE}))
held.sum()
print("held", flush=True)
sys.stdin.read()
"""
    child = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def kill(child: "subprocess.Popen[str]") -> None:
    """Kill a process, and wait for its end and of our lines to it."""
    child.kill()
    child.communicate(timeout=30)


def mapped(pid: int | str, what: str) -> dict[str, int]:
    """Return what the kernel tells about the mapping of a file: kB by word, and its inode."""
    lines = Path(f"/proc/{pid}/smaps").read_text().splitlines()
    start = next(at for at, line in enumerate(lines) if line.endswith(what))
    told = {words[0].rstrip(":"): int(words[1]) for line in lines[start + 1 : start + 20] if (words := line.split())[-1] == "kB"}
    return told | {"inode": int(lines[start].split()[4])}


def test_equal_arrays_share_one_memory(folder: Path) -> None:
    """Equal arrays become one file, and arrays with equal bytes as well, whatever they mean."""
    shared = Segments(folder)
    one, two, other = shared.intern(np.arange(5)), shared.intern(np.arange(5)), shared.intern(np.arange(5).view("M8[s]"))
    assert np.shares_memory(one, two)
    assert np.shares_memory(one, other)
    assert (len(shared), len(files(folder))) == (1, 1)


@pytest.mark.parametrize("what", but_slow(DIFFERENT, *list(DIFFERENT)[6:]))
def test_different_arrays_stay_apart(folder: Path, what: str) -> None:
    """Whatever tells two arrays apart is told apart."""
    shared = Segments(folder)
    for array in DIFFERENT[what]:
        held = shared.intern(array)
        assert (held.dtype, held.shape, held.tobytes()) == (array.dtype, array.shape, array.tobytes())


@pytest.mark.parametrize("what", but_slow(AWKWARD, *list(AWKWARD)[6:]))
def test_awkward_arrays_keep_what_they_are(folder: Path, what: str) -> None:
    """Layout is ours; dtype, shape and values are the caller's."""
    array = AWKWARD[what]
    held = Segments(folder).intern(array)
    assert (held.dtype, held.shape) == (array.dtype, array.shape)
    assert np.array_equal(held, array)
    assert held.flags.c_contiguous
    assert held.flags.aligned


@given(array=npst.arrays(DTYPES, SHAPES), fortran=st.booleans())
@settings(deadline=None, max_examples=30)
def test_round_trip(array: Array, fortran: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """Any array comes back equal in dtype, shape and every byte, whatever its size and layout."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "SMALLEST", 1)
        shared = Segments(name)
        held = shared.intern(np.array(array, order="F" if fortran else "C"))
        assert (held.dtype, held.shape, held.tobytes()) == (array.dtype, array.shape, array.tobytes())
        assert array.nbytes == 0 or np.shares_memory(held, shared.intern(array.copy()))


def test_result_is_read_only(folder: Path) -> None:
    """Nobody can change what other processes hold, not even by asking."""
    held = Segments(folder).intern(np.arange(5))
    with pytest.raises(ValueError, match="read-only"):
        held[0] = 9
    with pytest.raises(ValueError, match="WRITEABLE"):
        held.flags.writeable = True


def test_small_arrays_take_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file for less than a page would weigh more than it saves."""
    monkeypatch.setattr(segments, "SMALLEST", SMALLEST)
    shared = Segments(folder)
    small, large = shared.intern(np.zeros(SMALLEST - 1, "u1")), shared.intern(np.zeros(SMALLEST, "u1"))
    assert small is shared.intern(np.zeros(SMALLEST - 1, "u1"))
    assert len(shared) == 2
    assert [path.stat().st_size for path in files(folder)] == [large.nbytes]


def test_what_cannot_be_shared_is_refused(folder: Path) -> None:
    """What a pool refuses is refused here."""
    with pytest.raises(TypeError, match="only plain numbers can be shared"):
        Segments(folder).intern(np.array([None]))


def test_last_holder_removes_it(folder: Path) -> None:
    """A view is a holder; when the last one goes, the file and all descriptors go."""
    before = len(list(Path("/dev/fd").iterdir()))
    part = Segments(folder).intern(np.arange(5))[1:].reshape(2, 2)
    assert len(files(folder)) == 1
    Segments(folder)  # another begins meanwhile
    assert len(files(folder)) == 1
    assert part.tolist() == [[1, 2], [3, 4]]
    del part
    assert files(folder) == []
    assert len(list(Path("/dev/fd").iterdir())) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much of a mapping is shared")
def test_two_processes_hold_one_memory_and_a_killed_one_leaves_it_to_the_other(folder: Path) -> None:
    """The kernel counts half of the pages to each; when one is killed the other keeps them, and the last one removes the file."""
    child = hold(folder)
    held: Any = Segments(folder).intern(np.arange(LARGE))
    assert held.sum() == LARGE * (LARGE - 1) // 2
    name = files(folder)[0].name
    ours, theirs = mapped("self", name), mapped(child.pid, name)
    kill(child)
    assert ours["inode"] == theirs["inode"]
    assert ours["Rss"] == theirs["Rss"] == held.nbytes // 1024
    assert ours["Pss"] == theirs["Pss"] == held.nbytes // 2048
    Segments(folder)
    assert [path.name for path in files(folder)] == [name]
    assert held[-1] == LARGE - 1
    del held
    assert files(folder) == []


def test_killed_holder_leaves_nothing_after_the_next_start(folder: Path) -> None:
    """A process that is killed cannot clean up; who begins next does."""
    child = hold(folder)
    kill(child)
    assert len(files(folder)) == 1
    Segments(folder)
    assert files(folder) == []


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_kill_at_any_line_leaves_no_half_file_and_nothing_after_the_next_start() -> None:
    """The proof, with few kills at random: no line and no moment of a write is one at which a kill does harm; an end leaves nothing."""
    words = [sys.executable, "-m", "tests.proofs.segments", "--kills", "5"]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "no half file, nothing left" in ran.stdout


ACTS: dict[str, Callable[[Path], Any]] = {
    "intern": lambda folder: Segments(folder).intern(np.arange(5)),
    "let go": lambda folder: Segments(folder).intern(np.arange(5)) is None,
    "begin": lambda folder: Segments(folder) and None,
}


class Paused:
    """Act in a thread that stops before one line of ours until others have done what they want, or wait for it."""

    def __init__(self, act: Callable[[], Any], line: int) -> None:
        """Begin, and come back when the thread has stopped or ended."""
        self.left, self.result, self.stopped, self.going = line, None, threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, args=(act,))
        self.thread.start()
        self.stopped.wait(timeout=30)

    def end(self) -> bool:
        """Let the thread come to its end, and tell whether it had stopped."""
        self.going.set()
        self.thread.join(timeout=30)
        assert not self.thread.is_alive()
        return self.left <= 0

    def _run(self, act: Callable[[], Any]) -> None:
        sys.settrace(self._trace)
        self.result = act()
        sys.settrace(None)
        self.stopped.set()

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename != segments.__file__:
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                self.stopped.set()
                self.going.wait(timeout=0.005)  # others may wait for a lock that we hold
        return self._trace


MEETINGS = [  # who is stopped, who comes, and whether a killed holder left the file
    *itertools.product(["intern", "let go"], ACTS, [False]),
    *itertools.product(["intern", "begin"], ["intern", "begin"], [True]),
]


@pytest.mark.parametrize(("paused", "comes", "left"), MEETINGS)
def test_any_two_meet_without_harm_at_any_line(folder: Path, paused: str, comes: str, left: bool) -> None:  # noqa: FBT001 - a parameter
    """One is stopped before each of its lines, while another begins, interns or lets go: who holds the same holds one memory."""
    array = np.arange(5)
    Segments(folder)
    for line in itertools.count(1):
        if left:
            name = f"heapgate-{os.geteuid()}/{blake2b(array.tobytes(), digest_size=20).hexdigest()}.segment"
            (folder / name).write_bytes(array.tobytes())
        first = Paused(lambda: ACTS[paused](folder), line)
        second = ACTS[comes](folder)
        stopped = first.end()
        held = [result for result in (first.result, second) if isinstance(result, np.ndarray)]
        assert all(result.tolist() == [0, 1, 2, 3, 4] for result in held)
        assert len(files(folder)) == bool(held), f"{paused} stopped at line {line}"
        del first, second, held
        assert files(folder) == []
        if not stopped:
            break
    assert line > 10


def test_finaliser_may_come_in(folder: Path) -> None:
    """An agent that interns while it is collected, in a thread that is inside, does not wait for itself."""
    shared = Segments(folder)

    def inside() -> None:
        with shared._lock:
            shared.intern(np.arange(3))

    thread = threading.Thread(target=inside, daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_proof_of_the_pool_holds(folder: Path) -> None:
    """Eight threads for a moment: one memory for one content, and no update is lost."""
    assert pools.prove(Segments(folder), seconds=0.3).broken == ()
    assert files(folder) == []


def foreign_link(folder: Path) -> None:
    """Put a link in the place of the folder."""
    (folder / "elsewhere").mkdir(mode=0o700)
    (folder / f"heapgate-{os.geteuid()}").symlink_to(folder / "elsewhere")


def open_to_all(folder: Path) -> None:
    """Make the folder with the mode that mkdir has."""
    (folder / f"heapgate-{os.geteuid()}").mkdir(mode=0o755)


def another_users(folder: Path) -> None:
    """Give the folder to somebody."""
    (folder / f"heapgate-{os.geteuid()}").mkdir(mode=0o700)
    try:
        os.chown(folder / f"heapgate-{os.geteuid()}", 12345, 12345)
    except PermissionError:
        pytest.skip("only root gives folders away")


@pytest.mark.parametrize("plant", [foreign_link, open_to_all, another_users])
def test_folder_that_others_reach_is_refused(folder: Path, plant: Callable[[Path], None]) -> None:
    """Nobody else can have put there what we would read."""
    plant(folder)
    with pytest.raises(PermissionError, match=r"not this user's alone \(mode 700 is wanted\); remove it, or give Segments another folder"):
        Segments(folder)


def test_link_in_the_place_of_a_segment_is_refused(folder: Path) -> None:
    """A link leads somewhere else; it is neither followed nor removed."""
    shared = Segments(folder)
    held = shared.intern(np.arange(5))
    path = files(folder)[0]
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(PermissionError, match=r"segment is a link, or another user's; remove it"):
        Segments(folder)
    path.unlink()
    assert held[0] == 0


@pytest.mark.parametrize("damage", [b"", bytes(40), bytes(80)], ids=["empty", "other bytes", "longer"])
def test_damaged_segment_is_refused(folder: Path, damage: bytes) -> None:
    """What a file holds is compared with what the caller has; a name is only a name."""
    shared = Segments(folder)
    held = shared.intern(np.arange(5))
    path = files(folder)[0]
    path.unlink()
    path.write_bytes(damage)
    del held
    path.write_bytes(damage)
    with pytest.raises(OSError, match="does not hold what its name says"):
        shared.intern(np.arange(5))
    assert shared.intern(np.arange(5)).tolist() == [0, 1, 2, 3, 4]


def test_no_room_is_one_clear_error(folder: Path) -> None:
    """A full folder raises; nothing of the file stays, and small arrays still go."""
    shared = Segments(folder)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=r"cannot write 80,000 B to .*: File too large; give Segments a folder with room for it"):
            shared.intern(np.arange(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert files(folder) == []
    assert shared.intern(np.arange(5))[4] == 4


def test_platform_without_locks_says_so_when_it_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows imports this as others do."""
    monkeypatch.setattr(segments, "fcntl", None)
    with pytest.raises(NotImplementedError, match=r"has no fcntl\.flock.*use SharedPool"):
        Segments(folder)
