"""One import serves all children of a case, and each child is as fresh, as exact and as bounded as if it had its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gate import inquiry
from gate.facts import Outcome
from gate.facts.work import Question
from gate.measure import agents, nursery
from gate.probe import pins
from tests.test_instrument import question

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are forked on Linux only")

COUNTED = "with open('imports', 'a') as file: file.write('.')\n"
BOTS = COUNTED + "KEPT = []\ndef build(index): return []\ndef step(agent): {act}\n"
ONCE, ANEW = "once, for all children of the case", "anew in each child: "


def asked(root: Path, code: str, name: str = "growth", **numbers: object) -> Question:
    """Write code and ask about it."""
    (root / "bots.py").write_text(code)
    return question("bots:build", "bots:step", name, **{"steps": 64, "sizes": (2, 4, 6), **numbers})


def told(asked: Question, root: Path, do: str = "footprint", **how: object) -> tuple[agents.Answer, str]:
    """Put one wish to a fresh child."""
    with agents.Fresh(asked, root, most=8) as child:
        return child.ask(do, **(how or {"size": 2, "settle": 1} if do == "footprint" else how))


def weight(child: tuple[agents.Answer, str]) -> int:
    """Return what its agents weigh; the heap beneath them differs by a page or two between children, and a slope does not see it."""
    empty, full = child[0]["heap"]
    return int(full - empty)


def imports(root: Path) -> int:
    """Return how many times the code was imported."""
    return len((root / "imports").read_text())


def test_all_children_of_a_case_share_one_import(tmp_path: Path) -> None:
    """A leak with a footprint takes six children: two watches, three weights and one that explains; the code is imported once."""
    code = BOTS.format(act="KEPT.append(bytes(100))")
    both = [asked(tmp_path, code), asked(tmp_path, code, "footprint")]
    (reading, grows), (_, weighs) = inquiry.answer(both, tmp_path)
    assert grows.outcome is Outcome.FAILED
    assert any("KEPT.append(bytes(100))" in line for line in grows.details)
    assert weighs.headline.startswith("heap ")
    assert reading.pins["import"] == ONCE
    assert imports(tmp_path) == 1


def test_cost_of_the_import_is_told_once(tmp_path: Path) -> None:
    """The seconds that the import took are the first child's; the next ones tell only their own."""
    wanted = asked(tmp_path, "import time\nwhile time.process_time() < 0.5: pass\n" + BOTS.format(act="pass"))
    with nursery.shared():
        costs = []
        for _ in range(3):
            with agents.Fresh(wanted, tmp_path) as child:
                costs.append(child.reading(*child.ask("peak")).cpu)
    assert costs[0] > 0.5
    assert max(costs[1:]) < 0.4


BAD = {
    "dies": ("os.kill(os.getpid(), 11)", "the measured child was killed by SIGSEGV before it answered"),
    "aborts": ("os.abort()", "the measured child was killed by SIGABRT before it answered"),
    "leaves": ("os._exit(7)", "the measured child exited with 7 before it answered"),
    "ends its group": ("os.killpg(0, 9)", "the measured child was killed by SIGKILL before it answered"),
    "prints": ("print('x' * 100000, flush=True)", "printed more than 4 kB"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_one_child_does_does_not_reach_the_next(tmp_path: Path, what: str) -> None:
    """The exact end of one child is told, and the next one of the same import weighs what it weighs alone."""
    act, reason = BAD[what]
    code = "import os\n" + BOTS.format(act=f"os.path.exists('bad') and {act}")
    with nursery.shared():
        first = told(asked(tmp_path, code), tmp_path)
        (tmp_path / "bad").touch()
        _, trouble = told(asked(tmp_path, code), tmp_path)
        assert reason in trouble
        (tmp_path / "bad").unlink()
        again = told(asked(tmp_path, code), tmp_path)
    assert (weight(first), "") == (weight(again), again[1])
    assert imports(tmp_path) == 1


SHARES = {
    "threads": ("import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()", "threads running"),
    "processes": ("import subprocess\nCHILD = subprocess.Popen(['sleep', '60'])", "started processes"),
    "files": ("FILE = open(__file__)", "opened or closed descriptors"),
    "closed files": ("import os\nos.close(0)", "opened or closed descriptors"),
    "memory": ("import mmap\nROOM = mmap.mmap(-1, 4096)", "mapped memory that it would share"),
    "timers": (
        "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None)\nsignal.setitimer(signal.ITIMER_REAL, 60, 60)",
        "set a timer",
    ),
}


@pytest.mark.parametrize("what", SHARES)
def test_what_children_would_share_is_imported_anew(tmp_path: Path, what: str) -> None:
    """Threads, processes, descriptors, shared memory and timers of an import are each child's own, by its own import; that is said."""
    code, reason = SHARES[what]
    wanted = asked(tmp_path, f"{code}\n{BOTS.format(act='pass')}", "footprint")
    with nursery.shared():
        reading = agents.footprint(wanted, tmp_path)
    assert reading.trouble == ""
    assert reading.pins["import"].startswith(ANEW)
    assert reason in reading.pins["import"]
    assert imports(tmp_path) == 3


def test_each_child_reads_a_file_of_the_import_from_its_start(tmp_path: Path) -> None:
    """The position in a file that the import opened is not shared: every child reads its first line."""
    (tmp_path / "lines").write_text("first\nsecond\nthird\n")
    code = "FILE = open('lines', buffering=1)\ndef build(index): return FILE.readline() == 'first\\n' or 1 / 0\ndef step(agent): pass\n"
    with nursery.shared():
        for _ in range(2):
            _, trouble = told(
                asked(tmp_path, code), tmp_path, "watch", steps=8, seconds=0, enough=1, until=time.monotonic() + 9, most=10**9
            )
            assert trouble == ""


def test_import_that_fails_is_not_tried_again(tmp_path: Path) -> None:
    """An error of the import, and its death, are told alike to all that ask, after one attempt."""
    for code, reason in ((f"{COUNTED}1 / 0\n", "bots.py:2: ZeroDivisionError"), (f"{COUNTED}import os\nos.abort()\n", "killed by SIGABRT")):
        (tmp_path / "imports").unlink(missing_ok=True)
        with nursery.shared():
            troubles = [told(asked(tmp_path, code), tmp_path)[1] for _ in range(3)]
        assert len(set(troubles)) == 1
        assert reason in troubles[0]
        assert imports(tmp_path) == 1


def test_forked_child_reads_its_own_memory(tmp_path: Path) -> None:
    """Resident memory is that of the child: shared pages that nobody counts, a megabyte an agent, are seen."""
    code = (
        "import mmap\ndef build(index):\n    held = mmap.mmap(-1, 1 << 20)\n    held[:] = bytes(1 << 20)\n    return held\n"
        "def step(agent): pass\n"
    )
    with nursery.shared():
        few, many = (told(asked(tmp_path, code), tmp_path, "footprint", size=size, settle=0)[0] for size in (1, 3))
    assert many["pins"]["import"] == ONCE
    gained = many["rss"][1] - many["rss"][0] - few["rss"][1] + few["rss"][0]
    assert gained == pytest.approx(2 << 20, rel=0.05)


def test_chance_is_alike_in_all_children(tmp_path: Path) -> None:
    """What agents draw from `random` is the same in each child, as in processes of their own; names from the system differ."""
    code = (
        "import random, os\ndef build(index):\n    with open('drawn', 'a') as file: file.write(f'{random.random()} {os.urandom(8)}\\n')\n"
        "    return []\ndef step(agent): pass\n"
    )
    with nursery.shared():
        for _ in range(3):
            assert told(asked(tmp_path, code), tmp_path, "peak")[1] == ""
    rows = [row.partition(" ") for row in (tmp_path / "drawn").read_text().splitlines()]
    drawn = [row[0] for row in rows]
    each = len(drawn) // 3
    assert drawn[:each] == drawn[each : 2 * each] == drawn[2 * each :]
    assert len({row[2] for row in rows}) == len(rows)


def test_ending_one_child_leaves_the_others_alone(tmp_path: Path) -> None:
    """Two children of one import live side by side; what one of them hides in another session ends with it and not before."""
    act = "agent or agent.append(subprocess.Popen(['sleep', '300'], start_new_session=True))"
    wanted = asked(tmp_path, "import subprocess\n" + BOTS.format(act=act))
    with nursery.shared(), agents.Fresh(wanted, tmp_path, most=4) as one:
        assert one.ask("footprint", size=1, settle=1)[1] == ""
        with agents.Fresh(wanted, tmp_path, most=4) as other:
            assert other.ask("footprint", size=1, settle=1)[1] == ""
            process = other._process
            assert process is not None
            assert process.child is not None
            hidden = set(pins.marked(process.mark)) - {process.child.pid}
            assert len(hidden) == 3
        assert not any(_lives(pid) for pid in hidden)
        mine = one._process
        assert mine is not None
        assert len(pins.marked(mine.mark)) == 4
        assert one.ask("peak")[1] == ""


def test_nursery_that_was_killed_is_done_without(tmp_path: Path) -> None:
    """When the process that loaded the code is gone, a child that it forked goes on, and the next one imports anew, which is said."""
    wanted = asked(tmp_path, BOTS.format(act="pass"))
    with nursery.shared(), agents.Fresh(wanted, tmp_path, most=4) as child:
        assert child.ask("footprint", size=1, settle=1)[1] == ""
        opened = nursery._OPEN.get()
        assert opened is not None
        (home,) = opened.values()
        assert home._process is not None
        assert home._process.child is not None
        os.kill(home._process.child.pid, signal.SIGKILL)
        assert child.ask("peak")[1] == ""
        answer, trouble = told(wanted, tmp_path)
    assert trouble == ""
    assert answer["pins"]["import"] == f"{ANEW}the process that had loaded it could fork no child"


def test_nothing_is_left_when_the_gate_is_killed(tmp_path: Path) -> None:
    """With the gate end the process that loaded the code and the child that it forked, even one that steps for ever."""
    (tmp_path / "bots.py").write_text("import time\ndef step(): time.sleep(300)\n")
    mark = f"{tmp_path}/here"
    words = [sys.executable, "-m", "gate", "measure", "bots.py:step"]
    gate = subprocess.Popen(words, cwd=tmp_path, env={**os.environ, "NURSERY_TEST": mark})
    try:
        assert _until(lambda: len(_marked(mark)) == 3)
    finally:
        gate.kill()
        gate.wait()
    assert _until(lambda: not _marked(mark))


def test_budgets_bound_each_child(tmp_path: Path) -> None:
    """A step that never ends is stopped after the seconds of one child, and the next child has as many."""
    wanted = asked(tmp_path, "import os\n" + BOTS.format(act="[0 for _ in iter(lambda: os.path.exists('bad'), False)]"))
    hurried = replace(wanted, budget=replace(wanted.budget, seconds=2))
    (tmp_path / "bad").touch()
    with nursery.shared():
        start = time.monotonic()
        assert "took longer than 2.0 s and was stopped" in told(hurried, tmp_path)[1]
        assert time.monotonic() - start < 8
        (tmp_path / "bad").unlink()
        assert told(hurried, tmp_path)[1] == ""


def _until(holds: Callable[[], bool], seconds: float = 30) -> bool:
    """Wait until something holds; tell whether it does."""
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.02)
    return holds()


def _lives(pid: int) -> bool:
    """Tell whether a process lives and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _marked(mark: str) -> list[str]:
    """Return the processes that were started with a mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"NURSERY_TEST={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(entry.name)
        except OSError:  # it ended meanwhile
            continue
    return found
