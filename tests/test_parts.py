"""What a footprint consists of and which meter decides it: agents whose parts are known, real ones, and invented series."""

import sys
from pathlib import Path

import pytest

from gate.facts import Finding, Outcome, Part, Reading, Series
from gate.facts.work import Budget, Limit, Question, Subject
from gate.judge import limits
from gate.measure import agents, parts
from gate.probe import blocks
from gate.probe.meters import Meters
from tests.conftest import but_slow, planted

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the heap and /proc are read as Linux has them")
SIZE = 8 << 20
KNOWN = '''"""Agents of known size."""

import ctypes
import mmap
import pathlib
import time
from multiprocessing import resource_tracker, shared_memory

import numpy as np

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
SIZE = 8 << 20
WASTE = [bytes(1016) for _ in range(50_000)]
del WASTE[::2]  # free chunks, 16 B too large for what is built below


class Slots:
    """Hold one thing."""

    __slots__ = ("held",)

    def __init__(self, held):
        """Hold it."""
        self.held = held


def objects(index):
    """Hold 4,000 texts of 1,000 B, which with their heads take blocks of 1,056 B, and 8 B to refer to each."""
    return Slots([bytes(1000) for _ in range(4000)])


def array(index):
    """Hold an array."""
    return Slots(np.ones(SIZE // 8))


def native(index):
    """Hold what C allocated, as ctypes gives it: a number."""
    held = libc.malloc(SIZE)
    libc.memset(held, 1, SIZE)
    return Slots(held)


def mapped(index):
    """Hold memory that malloc never saw."""
    held = mmap.mmap(-1, SIZE)
    held[:] = bytes(SIZE)
    return Slots(held)


def memmap(index):
    """Hold a copy of its own of the pages of a file."""
    file = pathlib.Path("pages.bin")
    if not file.exists():
        file.write_bytes(bytes(SIZE))
    held = np.memmap(file, mode="c", dtype="u1")
    held[:] = 1
    return Slots(held)


def segment(index):
    """Hold a segment of shared memory; the process that tracks them has long started."""
    if index == 0:
        resource_tracker.ensure_running()
        time.sleep(0.5)
    held = shared_memory.SharedMemory(create=True, size=SIZE)
    held.buf[:] = bytes(SIZE)
    held.unlink()
    return Slots(held)


def step(agent):
    """Do nothing."""
'''
ZOO = '''"""Agents of which it is known what belongs to whom."""

import array
import collections
import ctypes
import weakref

import numpy as np

libc = ctypes.CDLL(None)
libc.calloc.restype = ctypes.c_void_p  # as malloc gives it, memory may hold addresses of what was there before
BOARD = {}
PAIRS = []


class Plain:
    """Have attributes."""


class Slots:
    """Have slots."""

    __slots__ = ("held", "__weakref__")


def live():
    """Keep something in a frame."""
    kept = bytearray(700)
    while True:
        yield len(kept)


def build(index):
    """Own one of each container; share 20 kB with the agent next door; leave 10 kB on a board."""
    agent = Plain()
    for at in range(20):
        setattr(agent, f"a{at}", at + index + 0.5)
    agent.__dict__["late"] = index + 0.25
    agent.slots = Slots()
    agent.slots.held = bytearray(3000)
    agent.weak = weakref.ref(agent.slots)
    agent.mapping = {(index, at): str(at) * 20 for at in range(100)}
    agent.ordered = collections.OrderedDict((at, [at]) for at in range(60))
    agent.counts = collections.Counter(range(1000 * index, 1000 * index + 90))
    agent.names = frozenset(f"{index}-{at}" for at in range(50))
    agent.queue = collections.deque((at + 0.5 for at in range(1000)), maxlen=2000)
    agent.life = live()
    next(agent.life)
    agent.numbers = array.array("d", bytes(4000))
    agent.later = lambda: (agent, index)
    agent.large = [at + 0.5 for at in range(20_000)]
    agent.kind = type(f"Kind{index}", (), {"rows": [index]})
    agent.matrix = np.ones((200, 200))
    agent.view = np.ones(5000)[10:20]
    agent.rows = np.empty(3, dtype=object)
    agent.rows[:] = [np.ones(3000), [1.5, index + 0.5], None]
    agent.native = ctypes.c_void_p(libc.calloc(1, 6000))
    agent.address = libc.calloc(1, 6000)
    if index % 2:
        PAIRS.append(bytearray(20_000))
    agent.pair = PAIRS[-1] if PAIRS else None
    BOARD[index] = bytearray(10_000)
    return agent


def step(agent):
    """Replace something."""
    agent.a0 += 1


class Model:
    """Know everyone, as frameworks do."""

    def __init__(self, count):
        """Build them, and keep 5 kB of its own for each."""
        self.agents = [Member(self) for _ in range(count)]
        self.notes = [bytearray(5000) for _ in range(count)]


class Member:
    """Know the model, and through it everyone."""

    def __init__(self, model):
        """Own 3 kB."""
        self.model, self.held = model, bytearray(3000)


def population(count):
    """Build a model and who is in it."""
    model = Model(count)
    return model, model.agents


def nothing(model):
    """Leave the model be."""
'''
POPULATIONS = {"gridworld": ((2, 6), "agents"), "trade": ((8, 24), "agents"), "queues": ((8, 24), "population")}


def question(build: str, step: str, *, form: str = "agents", sizes: tuple[int, ...] = (2, 4), limit: Limit | None = None) -> Question:
    """Ask what an agent weighs."""
    return Question(
        case="x",
        name="footprint",
        subject=Subject(step=step, build=build, form=form),
        limit=limit or Limit(most=1000, resolution=0, unit="B/agent", place="policies/memory.yaml:9"),
        budget=Budget(seconds=60, cpu=10, memory=8 << 30, output=4000),
        sizes=sizes,
        settle=3,
        population=1,
        steps=64,
    )


def split(asked: Question, root: Path, reading: Reading | None = None) -> tuple[float, dict[str, float]]:
    """Return the slope of the heap, and its parts."""
    reading = reading or agents.footprint(asked, root)
    assert not reading.trouble, reading.trouble
    told = parts.split(asked, root, reading)
    named = {part.name: part.size for part in told.parts}
    assert list(named) in ([], ["private", "shared", "framework", "unexplained"])
    return sum(named.values()), named


def zoo(tmp_path: Path) -> Question:
    """Ask about the agents of which everything is known."""
    (tmp_path / "zoo.py").write_text(ZOO)
    return question("zoo:build", "zoo:step", sizes=(2, 4))


@pytest.fixture(scope="module")
def footprint(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """Weigh them once."""
    folder = tmp_path_factory.mktemp("zoo")
    return agents.footprint(zoo(folder), folder)


def is_right(slope: float, found: dict[str, float]) -> bool:
    """Tell whether the parts are those of the zoo: 10 kB for each of a pair, all else the agent's own.

    On the board are 10 kB with their heads, and for each agent `object` notes that it has one subclass more.
    """
    return bool(
        abs(found["unexplained"]) < 0.002 * slope
        and found["shared"] == pytest.approx(10_000, rel=0.02)
        and found["framework"] == pytest.approx(10_500, rel=0.03)
        and found["private"] == pytest.approx(slope - 20_000, rel=0.002)
    )


def test_parts_of_every_kind_of_container_are_found(tmp_path: Path, footprint: Reading) -> None:
    """Objects, containers, arrays and C memory of an agent are its own, what two hold is shared, what nobody reaches the framework's."""
    slope, found = split(zoo(tmp_path), tmp_path, footprint)
    assert is_right(slope, found), (slope, found)


MUTANTS = {
    "sizes count twice": ("probe/parts.py", "+= self._new[start]", "+= 2 * self._new[start]"),
    "nothing is shared": ("probe/parts.py", "owner if had == _NOBODY else _SHARED", "owner"),
    "buffers are not seen": ("probe/parts.py", "if found and found != start:", "if False:"),
    "elements of arrays are not seen": ("probe/parts.py", "children += _elements(thing)", "pass"),
    "large blocks are not seen": ("probe/blocks.py", "found.append((at + _HEAD, length))", "pass"),
    "what the interpreter keeps is not seen": ("probe/parts.py", "walk.keep(roots)", "pass"),
}


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MUTANTS)
def test_a_planted_mistake_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, footprint: Reading, mistake: str) -> None:
    """A walk that counts twice, or overlooks something, does not pass the test above."""
    planted(tmp_path, monkeypatch, *MUTANTS[mistake])
    slope, found = split(zoo(tmp_path), tmp_path, footprint)
    assert not found or not is_right(slope, found), found


def test_model_of_a_population_is_the_frameworks(tmp_path: Path) -> None:
    """Agents that all reach each other through their model share nothing by that, and what the model keeps is the framework's."""
    zoo(tmp_path)
    _, found = split(question("zoo:population", "zoo:nothing", form="population", sizes=(8, 16)), tmp_path)
    assert found["private"] == pytest.approx(3000, rel=0.15)  # and the member that holds them
    assert found["shared"] == 0
    assert found["framework"] == pytest.approx(5000, rel=0.05)


@pytest.mark.parametrize("name", but_slow(POPULATIONS, *(set(POPULATIONS) - {"queues"})))
def test_parts_of_real_agents_add_up(name: str) -> None:
    """Of pymdp, mesa and simpy agents less than 1 % of the footprint is left unexplained."""
    sizes, form = POPULATIONS[name]
    build, step = ("build", "step") if form == "agents" else ("population", "run")
    slope, found = split(question(f"tests.populations.{name}:{build}", f"tests.populations.{name}:{step}", form=form, sizes=sizes), ROOT)
    assert abs(found["unexplained"]) < 0.01 * slope, found


def test_heap_that_does_not_add_up_is_refused() -> None:
    """Blocks that are not what the allocator says give no parts, rather than wrong ones."""

    class Wrong(Meters):
        def heap(self) -> int:
            return 2 * super().heap()

    before, after = blocks.Copy(Meters()), blocks.Copy(Wrong())
    with pytest.raises(blocks.Unreadable, match="its allocator says"):
        blocks.Difference(before, after)


def test_parts_that_cannot_be_told_are_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, footprint: Reading) -> None:
    """The reading names the reason instead of parts, and keeps its series."""
    planted(tmp_path, monkeypatch, "probe/blocks.py", "if abs(total - self._told)", "if abs(total + self._told)")
    told = parts.split(zoo(tmp_path), tmp_path, footprint)
    assert (told.parts, len(told.series)) == ((), 5)
    assert "Unreadable: the blocks of the C heap take" in told.pins["parts"]


def test_parts_are_one_line_of_an_explanation() -> None:
    """All parts stand on one line, with their units."""
    sizes = {"private": 198_000.0, "shared": 1200.0, "framework": 300.0, "unexplained": -12.0}
    reading = Reading(parts=tuple(Part(name=name, size=size) for name, size in sizes.items()), samples=3)
    found = limits.explained(question("m:b", "m:s"), reading, Finding(outcome=Outcome.FAILED, headline="too heavy"))
    assert found.details == ("parts: private 198 kB, shared 1.2 kB, framework 300 B, unexplained -12 B",)


@pytest.mark.parametrize(
    ("build", "truth", "meter"),
    [
        ("objects", 4000 * (1056 + 8), "heap"),
        ("array", SIZE, "heap"),
        ("native", SIZE, "heap"),
        ("mapped", SIZE, "resident"),
        pytest.param("memmap", SIZE, "resident", marks=pytest.mark.slow),
        pytest.param("segment", SIZE, "resident", marks=pytest.mark.slow),
    ],
)
def test_footprint_of_known_agents_is_right_within_a_thousandth(tmp_path: Path, build: str, truth: int, meter: str) -> None:
    """Wherever the bytes lie, one agent's are read right up to a page, and the headline names the meter that saw them."""
    (tmp_path / "known.py").write_text(KNOWN)
    asked = question(f"known:{build}", "known:step", sizes=(2, 5))
    found = limits.judge(asked, agents.footprint(asked, tmp_path))
    assert found.outcome is Outcome.FAILED
    assert found.headline.startswith(f"{meter} ")
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(truth, rel=0.001)


@pytest.mark.parametrize(
    ("size", "sizes"), [(1000, (2, 13, 24)), (15_000_000, (2, 7, 12)), pytest.param(150_000_000, (2, 3, 4), marks=pytest.mark.slow)]
)
def test_sizes_that_no_policy_names_follow_from_the_weight(tmp_path: Path, size: int, sizes: tuple[int, ...]) -> None:
    """Light agents are weighed in large populations, heavy ones in small, and the weight is right."""
    (tmp_path / "weights.py").write_text(f"def build(index): return bytearray({size})\ndef step(agent): pass\n")
    reading = agents.footprint(question("weights:build", "weights:step", sizes=()), tmp_path)
    assert reading.series[0].counts == sizes
    assert reading.series[0].values[0] == pytest.approx(2 * size, rel=0.1)


@pytest.mark.parametrize(
    ("build", "truth"), [("objects", 4000 * (1000 + 33 + 8)), pytest.param("array", SIZE, marks=pytest.mark.slow), ("native", 0)]
)
def test_traced_bytes_are_those_that_python_asked_for(tmp_path: Path, build: str, truth: int) -> None:
    """Beside the heap stands what Python and numpy asked for: no heads of an allocator, and nothing that C code took by itself."""
    (tmp_path / "known.py").write_text(KNOWN)
    limit = Limit(most=1000, resolution=0, unit="B/agent", meter="traced", place="policies/memory.yaml:9")
    asked = question(f"known:{build}", "known:step", sizes=(2, 5), limit=limit)
    found = limits.judge(asked, agents.footprint(asked, tmp_path))
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(truth, rel=0.001, abs=500)
    assert found.headline.startswith("traced ")


def judged(heap: tuple[int, ...], rss: tuple[int, ...] | None, *, meter: str = "", most: float = 1000) -> Finding:
    """Judge invented bytes at 8, 16 and 24 live agents."""
    rows = {"heap": heap} | ({"rss": rss} if rss else {})
    series = tuple(Series(meter=name, unit="B", over="agents", counts=(8, 16, 24), values=values) for name, values in rows.items())
    asked = question("m:b", "m:s", limit=Limit(most=most, resolution=0, unit="B/agent", meter=meter, place="policies/memory.yaml:9"))
    return limits.judge(asked, Reading(series=series, samples=3))


LIGHT, HEAVY = (800, 1600, 2400), (8 << 20, 16 << 20, 24 << 20)


def test_the_larger_meter_decides() -> None:
    """Resident memory decides where it is plainly more than the heap holds, for "larger" and for a policy that names no meter."""
    for meter in ("", "larger"):
        found = judged(LIGHT, HEAVY, meter=meter)
        assert (found.outcome, found.headline.split()[0]) == (Outcome.FAILED, "resident")


def test_noise_of_pages_decides_nothing() -> None:
    """Pages that exceed the heap by less than a quarter of a mebibyte in all leave the verdict to the heap, wherever they start."""
    found = judged(LIGHT, (10_000_000, 10_090_000, 10_200_000))
    assert (found.outcome, found.headline) == (Outcome.PASSED, "heap 100 B/agent [100 B/agent, 100 B/agent], limit 1 kB/agent")


def test_policy_may_name_the_meter() -> None:
    """A limit on the heap lets pages be, and one on resident memory the heap; both are told."""
    assert judged(LIGHT, HEAVY, meter="heap").outcome is Outcome.PASSED
    found = judged(HEAVY, LIGHT, meter="rss")
    assert (found.outcome, found.headline.split()[0], len(found.details)) == (Outcome.PASSED, "resident", 3)


def test_meter_that_is_missing_is_said() -> None:
    """Where resident memory is not told, a limit on it is skipped, and the larger meter is the heap."""
    assert judged(LIGHT, None, meter="rss").outcome is Outcome.SKIPPED
    assert judged(LIGHT, None).headline.startswith("heap ")


def test_pages_on_both_sides_of_the_limit_do_not_save_a_heavy_heap() -> None:
    """What the heap alone fails is failed, however widely pages vary."""
    found = judged((8_000_000, 16_000_000, 24_000_000), (8_000_000, 12_000_000, 32_000_000), most=900_000)
    assert (found.outcome, found.headline.split()[0]) == (Outcome.FAILED, "heap")
