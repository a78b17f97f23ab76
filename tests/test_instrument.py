"""The instrument: fresh children read agents of known size exactly, and add nothing of their own."""

import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from gate import inquiry
from gate.facts import Outcome, Reading
from gate.facts.work import Budget, Limit, Question, Subject
from gate.judge import limits, looks
from gate.measure import agents
from tests.conftest import but_slow, planted

ROOT = Path(__file__).parents[1]
EXACT = sys.platform == "linux"
TWITCH = 0 if sys.version_info < (3, 12) else 64  # bytes by which objects of newer interpreters' own come and go: cause not found
KNOWN = '''"""Agents of known size."""

import ctypes
import mmap
import numpy as np

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p


class Slots:
    """Hold one thing."""

    __slots__ = ("held",)

    def __init__(self, held):
        """Hold it."""
        self.held = held


def small(index):
    """Hold 4,000 bytes of a Python object."""
    return bytearray(4000)


def array(index):
    """Hold an array above the threshold from which glibc maps."""
    return Slots(np.ones(125_000))


def native(index):
    """Hold what C allocated."""
    return Slots(libc.malloc(10_000))


def mapped(index):
    """Hold memory that malloc never saw."""
    held = mmap.mmap(-1, 4 << 20)
    held[:] = bytes(4 << 20)
    return Slots(held)


def step(agent):
    """Do nothing."""
'''


def question(build: str, step: str, name: str, **numbers: object) -> Question:
    """Ask about agents with usual numbers."""
    budget = Budget(seconds=60, cpu=10, memory=8 * 10**9, output=4000)
    unit = {"footprint": "B/agent", "growth": "B/step", "handles": "/step", "churn": "B/cycle"}[name]
    limit = Limit(most=0, resolution=0.01 if name == "handles" else 1, unit=unit)
    form = str(numbers.pop("form", "agents"))
    usual: dict[str, object] = {"sizes": (8, 16, 24), "settle": 3, "population": 1, "steps": 1024}
    subject = Subject(build=build, step=step, form=form)
    return Question(case="x", name=name, subject=subject, limit=limit, budget=budget, **{**usual, **numbers})  # type: ignore[arg-type] # mixed


def look(asked: Question, root: Path) -> Reading:
    """Take one look in one fresh child."""
    with agents.Fresh(asked, root) as child:
        return child.watch(looks.first([asked]))


def answer(asked: Question, root: Path) -> tuple[Outcome, str]:
    """Ask until it is decided; return the outcome and everything that is said."""
    (_, found), *_ = inquiry.answer([asked], root)
    return found.outcome, "\n".join([found.headline, *found.details])


def side_by_side(ask: Callable[[], Reading], times: int) -> list[Reading]:
    """Ask the same in several fresh children, two at a time."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return [job.result() for job in [pool.submit(ask) for _ in range(times)]]


def series(reading: Reading, meter: str = "heap") -> tuple[int, ...]:
    """Return the readings of one meter."""
    assert not reading.trouble, reading.trouble
    return next(row.values for row in reading.series if row.meter == meter)


def noise(tmp_path: Path, times: int) -> list[set[int]]:
    """Return, for several fresh children, by how much the heap differed over 1,024 steps that do nothing."""
    (tmp_path / "known.py").write_text(KNOWN)
    asked = question("known:small", "known:step", "growth", steps=1024)
    return [set(series(reading)) for reading in side_by_side(lambda: look(asked, tmp_path), times)]


@pytest.mark.skipif(not EXACT, reason="the heap meter is exact on Linux with glibc only")
def test_heap_meter_reads_no_growth_where_there_is_none(tmp_path: Path) -> None:
    """In 20 fresh children the heap does not move by one byte over more than 1,000 no-op calls; by 64 B at the most from Python 3.12 on."""
    assert all(max(values) - min(values) <= TWITCH for values in noise(tmp_path, 20))


@pytest.mark.skipif(not EXACT, reason="the heap meter is exact on Linux with glibc only")
def test_a_meter_that_leaks_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant of the probe that keeps each reading in a list is seen by the same test as growth."""
    mutant = tmp_path / "mutant"
    for source in (ROOT / "gate").glob("*.py"):
        (mutant / "gate").mkdir(parents=True, exist_ok=True)
        (mutant / "gate" / source.name).write_bytes(source.read_bytes())
    (mutant / "gate" / "probe").mkdir()
    for source in (ROOT / "gate" / "probe").glob("*.py"):
        text = source.read_text()
        healthy = "        return used + mapped"
        text = text.replace(healthy, f"        KEPT.append(used + mapped)\n{healthy}").replace(
            "class Meters:", "KEPT = []\n\n\nclass Meters:"
        )
        (mutant / "gate" / "probe" / source.name).write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(mutant))
    assert all(max(values) - min(values) > 1000 for values in noise(tmp_path, 2))


@pytest.mark.skipif(not EXACT, reason="the heap meter is exact on Linux with glibc only")
@pytest.mark.parametrize(
    ("build", "least"),
    [("known:small", 4000 + 57), ("known:array", 1_000_000 + 112), ("known:native", 10_000)],
)
def test_footprint_of_known_agents_is_right(tmp_path: Path, build: str, least: int) -> None:
    """Objects, arrays and C memory are weighed at their size plus at most a page of allocator rounding."""
    (tmp_path / "known.py").write_text(KNOWN)
    reading = agents.footprint(question(build, "known:step", "footprint"), tmp_path)
    gains = series(reading)
    slope = (gains[2] - gains[0]) / 16
    assert least <= slope <= least + 4200


@pytest.mark.skipif(not EXACT, reason="resident memory is read from Linux's /proc")
def test_memory_past_malloc_is_seen_and_never_passes(tmp_path: Path) -> None:
    """Shared anonymous maps are not malloc's: the heap is light, resident memory is not, and that decides."""
    (tmp_path / "known.py").write_text(KNOWN)
    asked = replace(question("known:mapped", "known:step", "footprint"), limit=Limit(most=10_000, resolution=0, unit="B/agent"))
    reading = agents.footprint(asked, tmp_path)
    assert series(reading)[2] < 4 << 20
    resident = series(reading, "rss")
    assert (resident[2] - resident[0]) / 16 == pytest.approx(4 << 20, rel=0.01)
    assert limits.judge(asked, reading).outcome is Outcome.FAILED


FORMS = {
    "async": "async def build(index): return []\nasync def step(agent): {act}",
    "a generator": "def build(index):\n    yield []\ndef step(agent): {act}",
    "an async generator": "async def build(index):\n    yield []\nasync def step(agent): {act}",
    "a context manager": (
        "from contextlib import contextmanager\n@contextmanager\ndef build(index):\n    yield []\ndef step(agent): {act}"
    ),
    "a coroutine of old": (
        "def build(index):\n    kept = []\n    while True:\n        yield\n        agent = kept\n        {act}\nstep = next"
    ),
}


@pytest.mark.parametrize("form", but_slow(FORMS, "a generator", "a context manager", "a coroutine of old"))
@pytest.mark.parametrize(("act", "outcome"), [("agent.append(bytes(100))", Outcome.FAILED), ("agent[:] = [0]", Outcome.PASSED)])
def test_agents_of_every_form_are_run(tmp_path: Path, form: str, act: str, outcome: Outcome) -> None:
    """Async functions, generators and context managers do their work before they are measured, so a leak in them is seen."""
    (tmp_path / "odd.py").write_text(FORMS[form].replace("{act}", act) + "\n")
    told = answer(question("odd:build", "odd:step", "growth"), tmp_path)
    assert told[0] is outcome, told


def test_one_model_steps_all_its_agents(tmp_path: Path) -> None:
    """A population is built whole and stepped by its model, and its growth is told per agent."""
    code = (
        "class Model:\n    def __init__(self, count): self.kept = [[] for _ in range(count)]\n"
        "def make(count):\n    model = Model(count)\n    return model, model.kept\n"
        "def step(model):\n    for kept in model.kept: kept.append(bytes(100))\n"
    )
    (tmp_path / "world.py").write_text(code)
    told = answer(question("world:make", "world:step", "growth", form="population", population=8), tmp_path)
    assert told[0] is Outcome.FAILED
    assert re.match(r"heap grows by 1[4-6][0-9] B/step", told[1]), told[1]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def build(index): pass\ndef step(agent): pass", "build(0) returned None, not an agent"),
        ("build = 3\ndef step(agent): pass", "odd:build is a int, not callable"),
    ],
)
def test_what_is_no_agent_is_refused(tmp_path: Path, code: str, said: str) -> None:
    """A forgotten return is refused, because measuring it measures nothing."""
    (tmp_path / "odd.py").write_text(f"{code}\n")
    assert said in look(question("odd:build", "odd:step", "growth", steps=64), tmp_path).trouble


def test_a_population_that_is_no_pair_is_refused(tmp_path: Path) -> None:
    """A population that does not hand over its agents cannot be told per agent."""
    (tmp_path / "odd.py").write_text("def make(count): return object()\ndef step(model): pass\n")
    asked = question("odd:make", "odd:step", "growth", form="population", population=2)
    assert "population(2) returned no pair of a model and its 2 agents" in look(asked, tmp_path).trouble


def test_garbage_that_nobody_collects_is_growth(tmp_path: Path) -> None:
    """A program that switches the collector off keeps its cycles, so the gate does not collect them for it."""
    code = "import gc\ngc.disable()\ndef build(index): return []\ndef step(agent):\n    a = [bytearray(1000)]\n    a.append(a)\n"
    (tmp_path / "loose.py").write_text(code)
    assert answer(question("loose:build", "loose:step", "growth"), tmp_path)[0] is Outcome.FAILED


def test_what_a_dropped_agent_leaves_is_churn(tmp_path: Path) -> None:
    """An agent that registers itself and never leaves is kept for ever; one that is let go leaves nothing."""
    code = "KEPT = []\nclass Bot:\n    def __init__(self, index): {act}\ndef step(agent): pass\n"
    for act, outcome in (("KEPT.append(self)", Outcome.FAILED), ("KEPT[:] = [self]", Outcome.PASSED)):
        (tmp_path / f"bots{outcome}.py").write_text(code.replace("{act}", act))
        assert answer(question(f"bots{outcome}:Bot", f"bots{outcome}:step", "churn"), tmp_path)[0] is outcome


def test_what_was_entered_is_left_when_it_is_dropped(tmp_path: Path) -> None:
    """The end of a context manager runs when its agent is dropped, so what it gives back does not count."""
    code = (
        "OPEN = set()\nclass Session:\n    def __init__(self, index): pass\n    def __enter__(self):\n        OPEN.add(self)\n"
        "        return self\n    def __exit__(self, *error): OPEN.discard(self)\ndef step(agent): assert agent in OPEN\n"
    )
    (tmp_path / "sessions.py").write_text(code)
    told = answer(question("sessions:Session", "sessions:step", "churn"), tmp_path)
    assert told[0] is Outcome.PASSED, told


def test_cycles_that_are_collected_are_no_growth(tmp_path: Path) -> None:
    """A full ring of objects that refer to themselves, old ones dropped, is level: nothing of the agent is kept from the collector."""
    code = (
        "from collections import deque\nclass Node:\n    def __init__(self): self.me = self\n"
        "def build(index): return deque(maxlen=2000)\ndef step(agent): agent.append(Node())\n"
    )
    (tmp_path / "ring.py").write_text(code)
    assert answer(question("ring:build", "ring:step", "growth", settle=2500), tmp_path)[0] is Outcome.PASSED


def test_garbage_is_collected_before_each_reading(tmp_path: Path) -> None:
    """Large cycles, too few for the collector to run by itself, are in no reading."""
    code = "def build(index): return []\ndef step(agent):\n    one = [bytearray(10_000)]\n    one.append(one)\n"
    (tmp_path / "cycles.py").write_text(code)
    values = series(look(question("cycles:build", "cycles:step", "growth", steps=64), tmp_path))[8:]
    assert max(values) - min(values) <= TWITCH


def test_agents_are_weighed_when_they_have_settled(tmp_path: Path) -> None:
    """What an agent gets in its first step is part of its weight."""
    (tmp_path / "lazy.py").write_text("def build(index): return []\ndef step(agent): agent or agent.append(bytearray(100_000))\n")
    asked = question("lazy:build", "lazy:step", "footprint", sizes=(2, 4))
    found = limits.judge(asked, agents.footprint(asked, tmp_path))
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(100_000, rel=0.01)


def test_readings_of_a_steady_leak_rise() -> None:
    """Every reading of a leak is told, in its order."""
    values = series(look(question("tests.populations.extremes:leaky", "tests.populations.extremes:step", "growth"), ROOT))
    assert list(values) == sorted(values)
    assert values[-1] > values[0]


def test_programs_that_ended_are_not_left_behind(tmp_path: Path) -> None:
    """A shell that starts something short in the background leaves nothing: what ended is not counted."""
    (tmp_path / "shell.py").write_text(
        "import subprocess\ndef build(index): return []\ndef step(agent): subprocess.run(['sh', '-c', '(true &)'], check=True)\n"
    )
    reading = look(question("shell:build", "shell:step", "handles", steps=64), tmp_path)
    assert reading.trouble == ""
    assert max(series(reading, "children")) <= 1


def test_agents_that_name_files_at_random_do_not_collide(tmp_path: Path) -> None:
    """Every child draws other random names, so that two of them can make a folder each."""
    (tmp_path / "names.py").write_text(
        f"import os, uuid\ndef build(index):\n    os.mkdir(f'{tmp_path}/{{uuid.uuid4()}}')\n    return []\ndef step(agent): pass\n"
    )
    asked = question("names:build", "names:step", "footprint")
    assert agents.footprint(asked, tmp_path).trouble == ""
    assert agents.footprint(asked, tmp_path).trouble == ""


POPULATIONS: dict[str, dict[str, object]] = {
    "gridworld": {"sizes": (4,)},
    "trade": {"sizes": (8,)},
    "boltzmann": {"sizes": (8,)},
    "belief": {"sizes": (2,), "settle": 1},
}


@pytest.mark.skipif(not EXACT, reason="the heap meter is exact on Linux with glibc only")
@pytest.mark.parametrize("name", but_slow(POPULATIONS, *(set(POPULATIONS) - {"belief"})))
def test_shipped_populations_weigh_the_same_to_the_byte(name: str) -> None:
    """Three fresh children read the same bytes for the same population; within 1 % where a container keeps addresses random."""
    asked = question(f"tests.populations.{name}:build", f"tests.populations.{name}:step", "footprint", **POPULATIONS[name])
    readings = side_by_side(lambda: agents.footprint(asked, ROOT), 3)
    totals = [series(reading)[0] for reading in readings]
    apart = max(totals) - min(totals)
    assert apart <= TWITCH or (readings[0].pins["ADDR_NO_RANDOMIZE"] != "on" and apart < 0.01 * min(totals)), totals


def verdict(build: str, name: str, **numbers: object) -> tuple[Outcome, str]:
    """Ask about one extreme until it is decided."""
    return answer(question(f"tests.populations.extremes:{build}", "tests.populations.extremes:step", name, **numbers), ROOT)


@pytest.mark.parametrize("build", ["steady", "staircase", "warm_up", "sawtooth"])
def test_sound_extremes_pass(build: str) -> None:
    """Agents that only look leaky pass, growth and handles both."""
    assert verdict(build, "growth")[0] is Outcome.PASSED
    assert verdict(build, "handles")[0] is Outcome.PASSED


def test_leaky_agent_fails_and_explains_itself() -> None:
    """Eight bytes a step fail, and the line that appends, the type and the container with its path are named."""
    outcome, told = verdict("leaky", "growth")
    assert outcome is Outcome.FAILED
    assert "self.kept.append(None)" in told
    assert "tests/populations/extremes.py:" in told
    assert "type list:" in told
    assert "memory mapped past malloc 0 B/step [0 B/step, 0 B/step]" in told
    assert re.search(r"agents\[0\]\.kept: list, \+1 items/step, \+[0-9.]+ B/step, [0-9,]+ items", told), told


def test_leaked_handles_fail() -> None:
    """One descriptor a step is counted as one descriptor a step."""
    outcome, told = verdict("handle_leak", "handles")
    assert outcome is Outcome.FAILED
    assert told.startswith("fds grow by 1/step [1/step, 1/step], limit 0/step")


def test_leaked_handles_are_no_heap_growth() -> None:
    """A descriptor that stays open holds no heap, so only the handle meter sees it."""
    assert verdict("handle_leak", "growth", steps=512)[0] is Outcome.PASSED


HANDLES = {
    "threads": "import threading\nEND = threading.Event()\ndef step(agent): threading.Thread(target=END.wait, daemon=True).start()",
    "children": "import subprocess\ndef step(agent): subprocess.Popen(['sleep', '60'])",
    "segments": (
        "from multiprocessing import shared_memory, resource_tracker\ndef step(agent):\n"
        "    made = shared_memory.SharedMemory(create=True, size=64)\n    resource_tracker.unregister(made._name, 'shared_memory')\n"
        "    open('names', 'a').write(made.name + '\\n')\n    made.close()"
    ),
}


@pytest.mark.parametrize("kind", but_slow(HANDLES, "children"))
def test_every_kind_of_handle_is_counted(tmp_path: Path, kind: str) -> None:
    """Threads that never end, children and segments of shared memory that stay are each told by their kind, one a step."""
    (tmp_path / "opens.py").write_text(f"{HANDLES[kind]}\ndef build(index): return []\n")
    try:
        outcome, told = answer(question("opens:build", "opens:step", "handles", steps=64), tmp_path)
    finally:
        names = tmp_path / "names"
        for name in names.read_text().split() if names.exists() else ():
            Path("/dev/shm", name).unlink(missing_ok=True)  # noqa: S108 - where Linux keeps segments
    assert outcome is Outcome.FAILED, told
    assert told.startswith(f"{kind} grow by 1/step"), told


BROKEN = {
    "dies": ("import os, signal\n    os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV before it answered"),
    "exits": ("import os\n    os._exit(7)", "exited with 7 before it answered"),
    "leaves early": ("import sys\n    sys.exit(0)", "bad.py:6: SystemExit: 0"),
    "raises": ("raise ValueError('no such room')", "bad.py:5: ValueError: no such room"),
    "hangs": ("import time\n    time.sleep(99)", "took longer than 2.0 s and was stopped"),
    "spins": ("while True: pass", "took longer than 2.0 s and was stopped"),
    "prints": ("print('x' * 9000)", "printed more than 4 kB"),
    "floods": ("while True: print('x' * 9000)", "printed more than 4 kB"),
    "ends the line": ("import os\n    os.closerange(3, 99)", "closed descriptors that it did not open"),
    "eats": ("agent.append(bytearray(10**10))", "MemoryError"),
    "missing": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_child_that_misbehaves_is_trouble_with_a_reason(tmp_path: Path, what: str) -> None:
    """Whatever a step does to its process, the answer is one reason, and never a number."""
    act, reason = BROKEN[what]
    (tmp_path / "bad.py").write_text(f"def build(index):\n    return []\n\ndef step(agent):\n    {act}\n")
    asked = question("bad:build", "bad:step", "growth", steps=64)
    hurried = Budget(seconds=2, cpu=2, memory=4 * 10**9, output=4000)
    reading = look(replace(asked, budget=hurried), tmp_path)
    assert reason in reading.trouble
    assert reading.series == ()


@pytest.mark.parametrize(
    "act",
    [
        "import os; os.close(1); os.close(2)",
        "import os; os.chdir('/')",
        "import gc; gc.collect = lambda *a: 0",
        "import signal; signal.signal(15, signal.SIG_IGN)",
    ],
)
def test_a_child_that_rearranges_its_process_still_answers(tmp_path: Path, act: str) -> None:
    """Closing the standard streams, changing folder, replacing gc.collect and ignoring signals do not silence the probe."""
    (tmp_path / "odd.py").write_text(f"def build(index):\n    {act}\n    return []\n\ndef step(agent):\n    pass\n")
    reading = look(question("odd:build", "odd:step", "growth", steps=64), tmp_path)
    assert reading.trouble == ""
    assert reading.series


def test_missing_pins_are_said(tmp_path: Path) -> None:
    """The evidence names each pin and whether it was in force."""
    (tmp_path / "known.py").write_text(KNOWN)
    pins = look(question("known:small", "known:step", "growth", steps=64), tmp_path).pins
    assert pins["PYTHONMALLOC"] == "malloc"
    assert pins["noise floor"] == "0 B over 1,000 steps of nothing"
    assert "ADDR_NO_RANDOMIZE" in pins


WORKER = """
import subprocess, sys

CODE = '''
import sys
kept = []
for _ in sys.stdin:
    kept.append(bytearray(40000))
    print(flush=True)
'''


def build(index):
    return subprocess.Popen([sys.executable, "-c", CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def step(agent):
    agent.stdin.write(b"next")
    agent.stdin.write(bytes([10]))
    agent.stdin.flush()
    agent.stdout.readline()
"""


def test_memory_of_processes_that_it_started_is_added(tmp_path: Path) -> None:
    """What a child process of the agent gains is resident memory of the agent, and the finding says how many processes that is."""
    (tmp_path / "worker.py").write_text(WORKER)
    outcome, told = answer(question("worker:build", "worker:step", "growth", steps=64), tmp_path)
    assert outcome is Outcome.FAILED, told
    assert re.match(r"resident memory grows by 4[0-9.]+ kB/step", told), told
    assert "resident memory counts 1 more process that it started" in told


OTHER = '''"""What a child measures where a meter is missing."""

import os

KEPT = []


def build(index):
    """Build nothing much."""
    return bytearray(4_000_000)


def step(agent):
    """Keep some bytes and a descriptor."""
    KEPT.append(bytes(100))
    os.open(os.devnull, os.O_RDONLY)
'''
NO_HEAP = ("probe/meters.py", 'return getattr(extension, "heap_info", None)', "return None")  # musl
NO_GIL = ("probe/meters.py", '"t" in getattr(sys, "abiflags", "")', "True")
OTHER_MALLOC = ("probe/meters.py", "gained >= size", "False")
NO_PAGES = ("probe/meters.py", 'if b"RssAnon:" not in text:', "if True:")  # an old kernel
NO_LINUX = ("probe/meters.py", "sys.platform", '"another"')


@pytest.mark.parametrize(
    ("missing", "growth", "footprint", "meters"),
    [
        (NO_HEAP, "not measured: this platform has no exact heap meter", "resident 4 MB/agent", {"rss", "mapped"}),
        pytest.param(
            NO_GIL, "not measured: this platform has no exact heap meter", "resident 4 MB/agent", {"rss", "mapped"}, marks=pytest.mark.slow
        ),
        pytest.param(
            OTHER_MALLOC,
            "not measured: this platform has no exact heap meter",
            "resident 4 MB/agent",
            {"rss", "mapped"},
            marks=pytest.mark.slow,
        ),
        pytest.param(NO_PAGES, "heap grows by ", "heap 4 MB/agent", {"heap", "heap mean"}, marks=pytest.mark.slow),
        pytest.param(NO_LINUX, "heap grows by ", "heap 4 MB/agent", {"heap", "heap mean"}, marks=pytest.mark.slow),
    ],
    ids=["no heap meter", "no GIL", "another malloc", "no resident memory", "another system"],
)
def test_meter_that_is_missing_gives_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, str, str], growth: str, footprint: str, meters: set[str]
) -> None:
    """Where a system lacks a meter its series is not there, what needs it is not measured, and all else is."""
    planted(tmp_path, monkeypatch, *missing)
    (tmp_path / "other.py").write_text(OTHER)
    asked = [question("other:build", "other:step", name, steps=64, sizes=(2, 4)) for name in ("growth", "handles", "footprint")]
    (reading, grows), (_, opens), (_, weighs) = inquiry.answer(asked, tmp_path)
    assert grows.headline.startswith(growth)
    assert opens.headline.startswith("fds grow by 1/step")
    assert weighs.headline.startswith(footprint)
    assert {row.meter for row in reading.series} - {"fds", "threads", "children", "segments"} == meters
