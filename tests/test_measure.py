"""Any callable of any code gets a verdict: from the command line, as JSON, and from a program."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gate import measure
from gate.errors import GateError
from gate.facts import Outcome
from tests.conftest import but_slow, call, planted

DRIVER = '''"""A driver."""

import asyncio, ctypes
import mmap
import os
import sqlite3

HELD = []


def setup():
    return {"kept": [], "time": 0}


def needy():
    raise RuntimeError("no database")


def clean(context):
    context["time"] += 1


def leaky(context):
    context["kept"].append(bytes(100))


def native(context):
    context["kept"].append(sqlite3.connect(":memory:"))


def mapped():
    HELD.append(mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE))


def opens():
    os.open(os.devnull, os.O_RDONLY)


async def later(context):
    await asyncio.sleep(0)
    context["kept"].append(bytes(100))


class Bounded:
    def __init__(self, most=400_000):
        self.max_items = most
        self.items = []

    def add(self):
        self.items.append(bytes(100))
        if len(self.items) > self.max_items:
            self.items.clear()


def bounded():
    return Bounded()


def larger():
    return Bounded(9_000_000)


def add(context):
    context.add()


def heavy():
    return bytearray(1_000_000)


def raises(context):
    context["time"] += 1
    if context["time"] > 100:
        raise ValueError("tired")


def deep(context):
    leaky(context)


def yields(context):
    context["kept"].append(bytes(100))
    yield


async def yields_later(context):
    context["kept"].append(bytes(100))
    yield


class Bot:
    def step(self):
        HELD.append(bytes(100))


BOT = Bot()


async def alone(context):
    HELD.append(bytes(100))


def wrapped():
    return alone(None)


def lost():
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(bytearray(100)))
'''


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the driver outside any repository and go there."""
    (tmp_path / "driver.py").write_text(DRIVER)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "driver.py"


def run(*words: str) -> tuple[int, str]:
    """Run the command."""
    return call("measure", *words)


CASES = {  # callable, setup -> exit code, what is said
    "a clean function": ("clean", "setup", 0, "PASSED       growth  heap: no steady growth of 1 B/call or more in "),
    "a leaky function": ("leaky", "setup", 1, "FAILED       growth  heap grows by 15"),
    "memory of C code": ("native", "setup", 1, "FAILED       growth  heap grows by "),
    "memory past malloc": ("mapped", "", 1, "memory mapped past malloc grows by 4.1 kB/call"),
    "a descriptor a call": ("opens", "", 1, "FAILED       handles  fds grow by 1/call [1/call, 1/call], limit 0/call"),
    "a coroutine": ("later", "setup", 1, "FAILED       growth  heap grows by 15"),
    "a coroutine without setup": ("alone", "", 1, "FAILED       growth  heap grows by 15"),
    "a generator": ("yields", "setup", 1, "FAILED       growth  heap grows by 15"),
    "an asynchronous generator": ("yields_later", "setup", 1, "FAILED       growth  heap grows by 15"),
    "a bound method": ("BOT.step", "", 1, "FAILED       growth  heap grows by 15"),
    "a coroutine that nobody awaits": ("wrapped", "", 2, "TypeError: the step returned a coroutine, which nobody awaits"),
    "a step that raises": ("raises", "setup", 2, "driver.py:74: ValueError: tired"),
    "a setup that raises": ("clean", "needy", 2, "driver.py:16: RuntimeError: no database"),
    "a name that is not there": ("nobody", "", 2, "AttributeError: module 'driver' has no attribute 'nobody'"),
}


@pytest.mark.parametrize(
    "case", but_slow(CASES, "memory of C code", "a coroutine without setup", "a generator", "an asynchronous generator")
)
def test_callable_gets_its_verdict(driver: Path, case: str) -> None:
    """Each kind of callable ends with the exit code and the words that it deserves."""
    step, setup, code, said = CASES[case]
    words = [f"{driver}:{step}"] + (["--setup", f"{driver}:{setup}"] if setup else [])
    told = run(*words)
    assert (told[0], said in told[1]) == (code, True), told[1]


def test_leak_explains_itself(driver: Path) -> None:
    """The line, the type and the container with its path are told, and what to do next where no policy is."""
    _, told = run(f"{driver}:leaky", "--setup", f"{driver}:setup")
    assert "driver.py:24: 1" in told
    assert 'context["kept"].append(bytes(100))' in told
    assert "type bytes: 133 B/call in 1 objects" in told
    assert "agents[0]['kept']: list, +1 items/call" in told
    assert "next: stop the growth; if it has a bound, let --setup fill it; or allow it: --max" in told
    assert "policies" not in told


def test_verdict_alone_is_to_be_had(driver: Path) -> None:
    """With --no-explain the same leak fails by the same figure, and nobody looks for its line."""
    code, told = run(f"{driver}:leaky", "--setup", f"{driver}:setup", "--no-explain")
    assert code == 1
    assert "FAILED       growth  heap grows by " in told
    assert "driver.py:24" not in told


def test_containers_of_the_gate_are_never_named(driver: Path) -> None:
    """Where C code lost what grows, no container is told, least of all one of the gate's own; nobody searches for the way to it."""
    _, told = run(f"{driver}:lost", "--question", "growth", "--no-explain", "--json")
    assert json.loads(told)["answers"][0]["reading"]["holders"] == []


def test_line_that_opens_is_told(driver: Path) -> None:
    """Handles that stay open name the line that opens them, with how many it opens in each call."""
    _, told = run(f"{driver}:opens", "--question", "handles")
    assert "driver.py:36: 1/call: os.open(os.devnull, os.O_RDONLY)" in told, told


def test_calls_that_led_to_the_line_are_told(driver: Path) -> None:
    """The traceback of the worst line begins where the step does."""
    _, told = run(f"{driver}:deep", "--setup", f"{driver}:setup", "--question", "growth")
    assert "  by way of driver.py:78 > driver.py:24 (most recent call last)" in told


def test_native_leak_names_its_line(driver: Path) -> None:
    """What no traced line explains is asked natively, and the line that called into C is named."""
    _, told = run(f"{driver}:native", "--setup", f"{driver}:setup", "--question", "growth")
    assert re.search(r"\.(c|py):[0-9]+: 1[0-9.]+ kB/call: in [\w ]+ \(native\)", told), told


def test_container_that_declares_its_bound_is_no_leak(driver: Path) -> None:
    """A cache that would fill for longer than the budget is undecided, and says how full it is and how many steps it needs."""
    code, told = run(f"{driver}:add", "--setup", f"{driver}:larger", "--question", "growth", "--budget-seconds", "2")
    assert code == 3, told
    assert "agents[0].items (list) has " in told
    assert "of the 9,000,000 items that it may have" in told
    assert "next: take " in told


@pytest.mark.slow
def test_container_is_watched_until_it_is_full(driver: Path) -> None:
    """The same cache within a larger budget is watched beyond its bound, and then passes."""
    code, told = run(f"{driver}:add", "--setup", f"{driver}:bounded", "--question", "growth", "--budget-seconds", "30")
    assert code in {0, 3}, told
    assert "FAILED" not in told


def test_limit_is_the_users(driver: Path) -> None:
    """A growth within --max passes and one above fails; the limit is told in its unit."""
    words = (f"{driver}:leaky", "--setup", f"{driver}:setup", "--question", "growth")
    assert run(*words, "--max", "200 B/call")[0] == 0
    code, told = run(*words, "--max", "100 B/call")
    assert code == 1
    assert "limit 100 B/call" in told


def test_what_a_context_weighs_is_told(driver: Path) -> None:
    """Footprint is the slope over live contexts; without a limit it only tells."""
    code, told = run(f"{driver}:id", "--setup", f"{driver}:heavy", "--question", "footprint")
    assert code == 2  # the driver has no such function
    code, told = run("builtins:id", "--setup", f"{driver}:heavy", "--question", "footprint")
    assert code == 0, told
    assert "heap 1 MB/agent [1 MB/agent, 1 MB/agent], limit none" in told


def test_everything_as_json(driver: Path) -> None:
    """JSON carries each question with its finding, what was asked and every reading."""
    code, told = run(f"{driver}:clean", "--setup", f"{driver}:setup", "--json")
    body = json.loads(told)
    assert code == 0
    assert [row["question"] for row in body["answers"]] == ["growth", "handles"]
    first = body["answers"][0]
    assert (first["outcome"], first["unit"]) == ("PASSED", "B/call")
    assert {series["meter"] for series in first["reading"]["series"]} >= {"heap", "rss", "fds", "threads", "children"}
    assert first["asked"]["limit"]["most"] == 0


USAGE = {
    "no steps": (["a:b", "--steps", "0"], "argument --steps: '0' is no number of steps; write for example 1024"),
    "no seconds": (["a:b", "--budget-seconds", "long"], "'long' is no number of seconds; write for example 15"),
    "footprint without setup": (["a:b", "--question", "footprint"], "add --setup TARGET:SETUP"),
    "a limit of nothing": (["a:b", "--max", "8 B/call"], "which question has this limit? add for example --question growth"),
    "a limit without a unit": (
        ["a:b", "--question", "growth", "--max", "8"],
        'limit of growth: "8" is not a rate; write for example "0 B/call"',
    ),
}


@pytest.mark.parametrize("case", USAGE)
def test_wrong_use_is_one_clear_error(capsys: pytest.CaptureFixture[str], case: str) -> None:
    """What cannot be asked ends with exit code 2 and the word that is missing."""
    words, said = USAGE[case]
    assert run(*words)[0] == 2
    assert said in capsys.readouterr().err


def grows() -> None:
    """Keep something."""
    KEPT.append(bytes(100))


KEPT: list[bytes] = []


def test_program_asks_by_itself() -> None:
    """The library gives the same finding as the command, for a function or its name, with the slope in bytes a call."""
    root = Path(__file__).parents[1]
    for step in (grows, "tests.test_measure:grows"):
        found = measure.growth(step, root=root)
        assert found.outcome is Outcome.FAILED
        assert found.estimate is not None
        assert 130 < found.estimate.low <= found.estimate.value <= found.estimate.high < 180
    assert measure.growth(os.getpid).outcome is Outcome.PASSED


@pytest.mark.parametrize("code", [lambda: None, 3])
def test_function_that_no_process_can_import_is_refused(code: object) -> None:
    """A lambda or a number has no name that a fresh process could find."""
    with pytest.raises(GateError, match="cannot be imported by a fresh process"):
        measure.growth(code)  # type: ignore[arg-type] # that is the point


def test_script_that_asks_about_itself_is_refused(tmp_path: Path) -> None:
    """A script without a guard is run again by its own measured child, which says so instead of asking once more."""
    script = "from gate import measure\ndef step(): pass\nprint(measure.growth(step))\n"
    (tmp_path / "script.py").write_text(script)
    ran = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "BROKEN" in ran.stdout
    assert 'put what asks under if __name__ == "__main__":' in ran.stdout


def test_what_is_not_measured_is_undecided(driver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a heap meter growth gets no number, and the exit code does not say passed."""
    planted(driver.parent, monkeypatch, "probe/meters.py", "gained >= size", "False")
    code, told = run(f"{driver}:clean", "--setup", f"{driver}:setup", "--question", "growth")
    assert code == 3
    assert told.startswith("SKIPPED      growth  not measured: this platform has no exact heap meter")


def test_module_of_the_users_does_not_stand_in_for_pythons_own(driver: Path) -> None:
    """A pickle.py beside the driver is the user's; what traces has loaded Python's own before."""
    (driver.parent / "pickle.py").write_text("raise RuntimeError('not the one that was meant')")
    code, told = run(f"{driver}:heavy", "--question", "peak")
    assert code == 0, told
