"""Hostile code: whatever it does to its process, the verdict is right or one clear reason, and nothing of it stays."""

import io
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gate import cli
from gate.acts import single
from gate.facts import Outcome
from gate.probe import pins
from tests.conftest import Repository, but_slow

MARK = "ROBUST_TEST"


def step(act: str, before: str = "") -> str:
    """Write a driver whose step does something."""
    return f"{before}\ndef setup(): return []\ndef step(agent):\n    {act}\n"


def setup(act: str, before: str = "", then: str = "pass") -> str:
    """Write a driver whose setup does something."""
    return f"{before}\ndef setup():\n    {act}\n    return []\ndef step(agent):\n    {then}\n"


def left(mark: str) -> list[str]:
    """Return the command lines of processes that began below this test and live on."""
    found = []
    for pid in (entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        try:
            if int(pid) != os.getpid() and f"{MARK}={mark}".encode() in Path("/proc", pid, "environ").read_bytes().split(b"\0"):
                found.append(Path("/proc", pid, "cmdline").read_text())
        except OSError:  # it ended meanwhile
            continue
    return found


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Hand out a folder for temporary files, and insist that neither files nor processes stay."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv(MARK, str(tmp_path))
    yield place
    until = time.monotonic() + 2
    while left(str(tmp_path)) and time.monotonic() < until:  # what was killed takes a moment to go
        time.sleep(0.02)
    assert left(str(tmp_path)) == []
    assert list(place.iterdir()) == []


def told(root: Path, code: str, name: str = "growth", *, seconds: float = 5, wall: float = 40) -> tuple[Outcome, str]:
    """Ask one question about a driver; return the outcome and everything that is said."""
    (root / "driver.py").write_text(code)
    drawn = single.questions("driver.py:step", [name], setup="driver.py:setup" if "def setup" in code else "", seconds=seconds)
    asked = [replace(question, budget=replace(question.budget, seconds=wall)) for question in drawn]
    ((_, _, finding),) = single.answer(asked, root)
    return finding.outcome, "\n".join([finding.headline, *finding.details])


FAKES = (
    "for name in ('read', 'write', 'listdir', 'pread', 'open', 'getpid', '_exit'): setattr(os, name, lambda *a, **k: 1/0)\n"
    "builtins.open = lambda *a, **k: 1/0"
)
CLOCKS = "('monotonic', 'process_time', 'perf_counter', 'time')"
FROZEN = (
    f"real = {{id(getattr(time, name)) for name in {CLOCKS}}}\nfor module in list(sys.modules.values()):\n"
    "    for name, value in list(vars(module).items()):\n        if id(value) in real: setattr(module, name, lambda: 5.0)"
)
WEIRD = (
    "class Weird:\n    def __getattribute__(self, name): raise RuntimeError(name)\n    __class__ = property(lambda self: 1/0)\n"
    "    def __len__(self): raise RuntimeError\n    __eq__ = __hash__ = __bool__ = __iter__ = __repr__ = __len__\n"
    "ONE = Weird()\ndef setup(): return ONE\ndef step(agent): pass\n"
)
HANDLER = (
    "import signal\n    def tick(*_): {act}\n    signal.signal(signal.SIGALRM, tick); signal.setitimer(signal.ITIMER_REAL, {pace}, {pace})"
)
TREE = "import os, time\n    if not os.fork():\n        os.setsid()\n        if not os.fork(): time.sleep(300)\n        os._exit(0)"
SOUND = {
    "an exit handler ends with 7": step("pass", "import atexit, os\natexit.register(os._exit, 7)"),
    "a fork at import comes back": step("pass", "import os\nos.fork()"),
    "a fork in setup comes back": setup("import os; os.fork()"),
    "forks in steps come back": step("os.fork()", "import os"),
    "threads never end": setup(
        "for daemon in (True, False): threading.Thread(target=END.wait, daemon=daemon).start()", "import threading\nEND = threading.Event()"
    ),
    "standard streams are closed": setup("import sys; sys.stdout.close(); sys.stderr.close(); sys.stdin.close()"),
    "the folder changes at import": step("pass", "import os\nos.chdir('/')"),
    "the folder is removed": setup("import os, shutil; shutil.rmtree(os.getcwd())"),
    "a timer ticks": setup(HANDLER.format(act="pass", pace=0.002)),
    "signals are ignored": setup("import signal\n    for one in (15, 2, 1, 17): signal.signal(one, signal.SIG_IGN)"),
    "the collector is faked": step(
        "a = [1]; a.append(a)", "import gc\ngc.collect = gc.freeze = lambda *a: 1/0\ngc.isenabled = lambda: 1/0"
    ),
    "the collector is switched": step("gc.disable(); gc.freeze(); gc.enable()", "import gc"),
    "time stands still": step("pass", f"import sys, time\n{FROZEN}"),
    "time raises": step("pass", f"import time\nfor name in {CLOCKS}: setattr(time, name, lambda: 1/0)"),
    "json is faked": step("pass", "import json\njson.dumps = json.loads = lambda *a, **k: 1/0"),
    "files are faked": step("pass", f"import builtins, os\n{FAKES}"),
    "agents are weird": WEIRD,
    "steps are traced": setup("import sys; sys.settrace(lambda *a: None); sys.setprofile(lambda *a: None)"),
    "modules are gone": step("pass", "import sys\nsys.modules.clear()"),
    "memory is traced": step("[0] * 100", "import tracemalloc\ntracemalloc.start(5)"),
    "the environment is cleared": step("pass", "import os\nos.environ.clear()"),
    "a daemon is left": setup(TREE),
    "a program is left": setup("subprocess.Popen(['sleep', '300'], start_new_session=True)", "import subprocess"),
    "pools work": step("agent or agent.append(m.get_context('spawn').Pool(1)); agent[0].map(abs, [1])", "import multiprocessing as m"),
    "the locale changes": step("pass", "import locale\nlocale.setlocale(locale.LC_ALL, 'C.UTF-8')"),
    "warnings are errors": step("pass", "import warnings\nwarnings.simplefilter('error')"),
    "the recursion limit is low": setup("import sys; sys.setrecursionlimit(40)"),
    "tasks end": "import asyncio\nasync def setup(): return []\nasync def step(agent): await asyncio.sleep(0)\n",
    "setup and step share a class": "class A: pass\ndef setup(): return A()\ndef step(agent): assert isinstance(agent, A)\n",
}


@pytest.mark.parametrize("what", but_slow(SOUND, *list(SOUND)[::3]))
def test_code_that_keeps_nothing_passes(tmp_path: Path, what: str) -> None:
    """What rearranges its process but keeps nothing passes: the probe needs nothing that the code can take away."""
    (tmp_path / "room").mkdir()
    outcome, said = told(tmp_path / "room", SOUND[what])
    assert outcome is Outcome.PASSED, said


CLOSED = "closed descriptors that it did not open, the gate's among them"
BROKEN = {
    "dies at import": ("import os\nos.kill(os.getpid(), 11)\n" + step("pass"), "was killed by SIGSEGV before it answered"),
    "leaves in setup": (setup("import os; os._exit(0)"), "exited with 0 before it answered"),
    "leaves at import": ("import os\nos._exit(7)\n" + step("pass"), "exited with 7 before it answered"),
    "becomes a daemon": (setup("import os\n    if os.fork(): os._exit(0)\n    os.setsid()"), "exited with 0 before it answered"),
    "leaves a program and dies": (
        setup("import os, subprocess; subprocess.Popen(['sleep', '300'], start_new_session=True); os._exit(3)"),
        "exited with 3 before it answered",
    ),
    "exits": ("import sys\nsys.exit('bye')\n" + step("pass"), "driver.py:2: SystemExit: bye"),
    "interrupts": (step("raise KeyboardInterrupt"), "driver.py:4: KeyboardInterrupt"),
    "ends a generator": (setup("raise GeneratorExit"), "driver.py:3: GeneratorExit"),
    "raises the base": (step("raise BaseException('all')"), "driver.py:4: BaseException: all"),
    "cannot be shown": (
        "class E(Exception):\n    def __str__(self): raise ValueError\n" + step("raise E"),
        "E; showing it raises ValueError",
    ),
    "says a lot": (step("raise ValueError('x' * 10**7)"), "… (10,000,000 characters)"),
    "runs deep": (step("def deep(): deep()\n    deep()"), "RecursionError: maximum recursion depth exceeded"),
    "wants too much": (setup("bytearray(10**12)"), "driver.py:3: MemoryError"),
    "eats all that it left": (
        setup(
            "import resource; resource.setrlimit(resource.RLIMIT_AS, (60 * 2**20,) * 2)",
            "KEPT = []",
            "while True: KEPT.append(bytearray(99))",
        ),
        "MemoryError",
    ),
    "closes all": (step("os.closerange(0, 4096)", "import os"), CLOSED),
    "opens others": (
        setup("os.closerange(3, 99)\n    FILES[:] = [open(f'f{n}', 'w') for n in range(20)]", "import os\nFILES = []"),
        CLOSED,
    ),
    "writes to all": (
        setup("for n in range(3, 30):\n        try: os.write(n, b'[1]\\n')\n        except OSError: pass", "import os"),
        "the code wrote into the gate's own descriptor",
    ),
    "ticks and raises": (setup(HANDLER.format(act="raise TimeoutError('tick')", pace=0.02)), "TimeoutError: tick"),
    "traces and raises": (setup("import sys; sys.settrace(lambda *a: 1/0)\n    len([])"), "ZeroDivisionError"),
    "prints": (step("print('x' * 100000)"), "printed more than 16 MB; silence it"),
    "complains": (step("print('x' * 100000, file=sys.stderr)", "import sys"), "printed more than 16 MB; silence it"),
    "reads": (step("input()"), "EOFError: EOF when reading a line"),
    "allows no files": (setup("import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))"), "Too many open files"),
    "imports relatively": (step("pass", "from . import x"), "attempted relative import with no known parent package"),
    "is no Python": ("def step(:\n", "SyntaxError: invalid syntax (driver.py, line 1)"),
    "has no step": ("x = 1\n", "AttributeError: module 'driver' has no attribute 'step'"),
    "multiplies": (
        step("while True:\n        if not os.fork(): time.sleep(300)", "import os, time"),
        "more than 1,000 processes and threads",
    ),
}


@pytest.mark.parametrize("what", but_slow(BROKEN, *list(BROKEN)[::3]))
def test_code_that_cannot_be_measured_says_why(tmp_path: Path, what: str) -> None:
    """Whatever keeps a child from its answer is one reason, in few words, and nothing of ours is in it."""
    code, reason = BROKEN[what]
    (tmp_path / "room").mkdir()
    outcome, said = told(tmp_path / "room", code)
    assert outcome is Outcome.BROKEN, said
    assert reason in said
    assert "Traceback" not in said
    assert "gate/probe" not in said
    assert len(said) < 3000


@pytest.mark.parametrize("place", ["import", "setup", "step", "stopped"])
def test_nothing_hangs_beyond_its_budget(tmp_path: Path, place: str) -> None:
    """An endless loop anywhere, and a process that stopped itself, end with the budget, which is named as measure names it."""
    loop = "while True: pass"
    codes = {
        "import": f"{loop}\n{step('pass')}",
        "setup": setup(loop),
        "step": step(loop),
        "stopped": step("import os; os.kill(os.getpid(), 19)"),
    }
    start = time.monotonic()
    outcome, said = told(tmp_path, codes[place], wall=1)
    assert outcome is Outcome.BROKEN
    assert "took longer than 1.0 s and was stopped; --budget-seconds gives it more" in said
    assert time.monotonic() - start < 30  # a machine may be busy; an endless loop has no end


def test_a_step_that_waits_is_decided_in_few_calls(tmp_path: Path) -> None:
    """Steps of 20 ms, most of it waiting, are decided within at most 60 calls."""
    outcome, said = told(tmp_path, step("time.sleep(0.05)", "import time"))
    assert outcome is Outcome.PASSED, said
    assert "in 52 calls" in said


def test_a_forked_child_is_never_heard(tmp_path: Path) -> None:
    """A twin that comes back to the probe with an error of its own does not answer in the place of the measured child."""
    code = step("pass", "import os\nif not os.fork(): raise ValueError('the twin')\nos.wait()")
    outcome, said = told(tmp_path, code)
    assert outcome is Outcome.PASSED, said


EXPLAINED = {
    "is slow when traced": step("sum(range(20000)); KEPT.append(bytes(100))", "KEPT = []"),
    "prints and has a thread": setup(
        "threading.Thread(target=time.sleep, args=(300,)).start()",
        "import threading, time\nKEPT = []",
        "KEPT.append(bytes(100)); print('hi')",
    ),
}


@pytest.mark.parametrize("what", but_slow(EXPLAINED, "is slow when traced"))
def test_explaining_is_bounded(tmp_path: Path, what: str) -> None:
    """A step that is slow when traced is explained by fewer steps; what prints and never ends is explained too."""
    start = time.monotonic()
    outcome, said = told(tmp_path, EXPLAINED[what], seconds=2, wall=60)
    assert outcome is Outcome.FAILED, said
    assert "KEPT.append(bytes(100))" in said
    assert "type bytes: 13" in said
    assert time.monotonic() - start < 25


NAMES = {
    "": "'' names no callable",
    ":step": "':step' names no callable",
    "driver.py": "'driver.py' names no callable",
    "driver.py:": "'driver.py:' names no callable",
    "missing.py:step": "missing.py is no Python file",
    "folder.py:step": "folder.py is no Python file",
    "driver:step": "driver is no Python file: its name must end in .py",
    "no_such:step": "No module named 'no_such'",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_that_name_nothing_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A wrong name costs one line, and says what a right one looks like."""
    (tmp_path / "driver").write_text(step("pass"))
    (tmp_path / "folder.py").mkdir()
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    assert cli.main(["measure", name, "--question", "growth"], out) == 2
    assert NAMES[name] in out.getvalue()


@pytest.mark.parametrize("name", ["json.py", "queue.py", "os.py", "trace back.py", "größe/übung.py"])
def test_files_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A file beside the driver or the driver itself may be called like a module of Python's; its neighbours are found."""
    place = tmp_path / name
    place.parent.mkdir(exist_ok=True)
    place.write_text("import neighbour\n" + step("pass"))
    (place.parent / "neighbour.py").write_text("")
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    assert cli.main(["measure", f"{name}:step", "--setup", f"{name}:setup", "--question", "growth"], out) == 0, out.getvalue()


EVIL = """version: 1
agents:
  evil: {build: evil:build, step: evil:step, steps: 64, budget: {time: 30s}, limits: {growth: {max: 0 B/step}}}
  good: {build: bots:build, step: bots:step, steps: 64, limits: {growth: {max: 0 B/step}, handles: {max: 0/step}}}
  late: {build: bots:build, step: bots:step, steps: 64, limits: {growth: {max: 0 B/step}}}
"""
CRIMES = {
    "multiplies in sessions": (
        step("while True:\n        if not os.fork(): os.setsid(); time.sleep(300)", "import os, time"),
        "started more than 1,000 processes and threads and was stopped",
    ),
    "kills its group": (step("os.killpg(0, 9)", "import os"), "was killed by SIGKILL before it answered"),
    "removes temporary files": (
        step("shutil.rmtree(os.environ['GATE_MEASURED_CHILD']); os._exit(0)", "import os, shutil"),
        "exited with 0 before it answered",
    ),
}


@pytest.mark.parametrize("crime", but_slow(CRIMES, *list(CRIMES)[1:]))
def test_the_other_cases_of_a_suite_are_unaffected(house: Repository, crime: str) -> None:
    """One evil case is broken, with its reason; every other one has its verdict and its evidence."""
    act, reason = CRIMES[crime]
    house.write("policies/memory.yaml", EVIL)
    house.write("evil.py", act + "\n\ndef build(index):\n    return setup()\n")
    house.commit()
    out = io.StringIO()
    assert cli.main(["check", "memory", "--verbose"], out) == 2
    assert out.getvalue().count("PASSED") == 3, out.getvalue()
    assert re.findall("BROKEN +(.*)", out.getvalue())[0].startswith(f"memory/evil/growth  the measured child {reason}")
    assert out.getvalue().count("BROKEN") == 1
    summary = io.StringIO()
    cli.main(["summary", "--json"], summary)
    rows = {row["check"]: row["outcome"] for row in json.loads(summary.getvalue())["checks"] if row["check"].startswith("memory/")}
    assert rows == {
        "memory/evil/growth": "BROKEN",
        "memory/good/growth": "PASSED",
        "memory/good/handles": "PASSED",
        "memory/late/growth": "PASSED",
    }


def test_what_is_being_started_is_ended_too(tmp_path: Path) -> None:
    """Programs that a dying child starts without pause are all found, also those that show no environment yet."""
    act = "for _ in range(20): subprocess.Popen(['sleep', '300'], start_new_session=True)\n    os._exit(3)"
    outcome, said = told(tmp_path, setup(act, "import os, subprocess"))
    assert outcome is Outcome.BROKEN
    assert "exited with 3" in said
    assert pins.marked("no such mark") == []
