"""Reuse: a check whose inputs are unchanged is not run again and says so; whatever it may have read makes it run."""

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gate import environment, flow, inquiry, reuse
from gate.cli import main
from gate.facts import Evidence, Mode, Outcome
from gate.facts.work import Question
from gate.measure import agents, inputs, seeds
from gate.record import ledger
from gate.repo import worktree
from tests.conftest import Repository

MEMORY = "version: 1\nagents:\n"
CASE = "  {name}: {{build: {module}:build, step: {module}:step, steps: 64, {more}limits: {{growth: {{max: 0 B/step}}}}}}\n"
STEADY = '''"""Agents."""


def build(index: int) -> object:
    """Build one."""
    return object()


def step(agent: object) -> None:
    """Do nothing."""
'''


def gate(*words: str, code: int = 0) -> str:
    """Run one verb; return what it printed."""
    out = io.StringIO()
    assert main(list(words), out) == code, out.getvalue()
    return out.getvalue()


def policy(house: Repository, **modules: str) -> None:
    """Write cases, each about the module of its name; the text may hold more keys."""
    lines = [CASE.format(name=name, module=name, more=more) for name, more in modules.items()]
    house.write("policies/memory.yaml", MEMORY + "".join(lines))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the cases of the children that are started from now on, one entry a child."""
    names: list[str] = []
    start = agents.Fresh.__init__

    def counted(self: agents.Fresh, question: Question, root: Path, **more: Any) -> None:
        names.append(question.case)
        start(self, question, root, **more)

    monkeypatch.setattr(agents.Fresh, "__init__", counted)
    return names


def evidence(house: Repository, check: str) -> Evidence:
    """Read the evidence of a check for the tree as it is."""
    found, damage = ledger.read(house.root, flow.enter(house.root, Mode.FIX).tree(), check)
    assert found, damage
    return found


def test_only_cases_that_read_a_changed_module_are_measured_again(house: Repository, started: list[str]) -> None:
    """A second run starts no child; after one module is touched, exactly the cases that import it get children."""
    house.write("shared.py", '"""Shared."""\n\nSIZE = 1\n')
    house.write("one.py", STEADY + "\n\nimport shared\n")
    house.write("two.py", STEADY + "\n\nimport shared\n")
    house.write("three.py", STEADY)
    policy(house, one="", two="", three="")
    gate("check", "memory")
    assert sorted(set(started)) == ["one", "three", "two"]
    started.clear()
    told = gate("check", "memory", "--verbose")
    taken = evidence(house, "memory/one/growth").taken
    assert started == []
    assert f"reused from {taken}, tree {evidence(house, 'memory/one/growth').tree[:12]}" in told
    house.write("shared.py", '"""Shared."""\n\nSIZE = 2\n')
    told = gate("check", "memory", "--verbose")
    assert sorted(set(started)) == ["one", "two"]
    assert told.count("reused from ") == 1
    assert evidence(house, "memory/three/growth").origin


READER = """

import contextlib
import sqlite3
from pathlib import Path

import helper.deep

HERE = Path(__file__).parent
SIZE = int((HERE / "size.txt").read_text()) + int(Path("build/ignored.txt").read_text())
with contextlib.suppress(FileNotFoundError):
    SIZE = int(Path("local.txt").read_text())
NAMES = sorted(path.name for path in (HERE / "data").iterdir())
with contextlib.suppress(ImportError):
    import plugin
sqlite3.connect(HERE / "build/base.db").close()
Path("build/made.txt").write_text("own")
Path("build/made.txt").read_text()
"""


def appended(path: str) -> Callable[[Repository], object]:
    """Return what adds a line to a file."""
    return lambda house: house.write(path, (house.root / path).read_bytes() + b"\n# more\n" if (house.root / path).exists() else "")


def exchanged(old: str, new: str) -> Callable[[Repository], object]:
    """Return what changes the policy of the case."""
    return lambda house: house.write("policies/memory.yaml", (house.root / "policies/memory.yaml").read_text().replace(old, new))


AGAIN = {
    "its module": appended("one.py"),
    "a module of a package that it imports": appended("helper/deep.py"),
    "a file that it reads": appended("size.txt"),
    "an ignored file that it reads": appended("build/ignored.txt"),
    "a database that it opens": appended("build/base.db"),
    "a file that was not there": appended("local.txt"),
    "a file in a folder that it lists": appended("data/b.csv"),
    "a module that was not there": appended("plugin.py"),
    "a package that hides one of Python": appended("sqlite3/__init__.py"),
    "a module beside those of a package": appended("helper/more.py"),
    "its limit": exchanged("{max: 0 B/step}", "{max: 1 B/step, because: x}"),
    "its steps": exchanged("steps: 64", "steps: 65"),
    "its declared variables": exchanged("[ONE]", "[ONE, TWO]"),
    "that the policy forbids it": exchanged("env:", "reuse: never, env:"),
}
STILL = {
    "a document": appended("README.md"),
    "a module that it does not read": appended("bots.py"),
    "what it makes itself": appended("build/made.txt"),
    "where the limit stands": exchanged("agents:", "# a line more\nagents:"),
    "byte code": appended("__pycache__/one.cpython-399.pyc"),
    "a cache of a tool": appended(".mypy_cache/x"),
}


@pytest.fixture
def measured(house: Repository) -> Repository:
    """Return a repository whose one case reads in every way, and was measured."""
    house.write("helper/__init__.py")
    house.write("helper/deep.py", "X = 1\n")
    house.write("size.txt", "1")
    house.write("build/ignored.txt", "1")
    house.write("data/a.csv")
    house.write("one.py", STEADY + READER)
    policy(house, one="env: [ONE], ")
    subprocess.run(
        ["python3", "-c", "import sqlite3; sqlite3.connect('build/base.db').execute('create table a (b)')"], cwd=house.root, check=True
    )
    gate("check", "memory")
    assert evidence(house, "memory/one/growth").inputs.never == ""
    return house


def known(house: Repository) -> set[str]:
    """Name what would be answered by what was recorded."""
    inside = flow.enter(house.root, Mode.FIX)
    return set(reuse.find(inside.present(inside.tree()), map(reuse.asked, inside.steps)))


def reused(house: Repository) -> bool:
    """Tell whether the case would be answered by what was recorded."""
    return "memory/one/growth" in known(house)


def test_whatever_a_case_read_makes_it_run_again(measured: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of input that changes, or appears, ends reuse, and taking it back brings it back; what is no input changes nothing."""
    for name, change in {**AGAIN, **STILL}.items():
        before = measured.root.with_name("before")
        shutil.copytree(measured.root, before, symlinks=True)
        change(measured)
        assert reused(measured) is (name in STILL), name
        shutil.rmtree(measured.root)
        before.rename(measured.root)
        assert reused(measured), name
    monkeypatch.setenv("ONE", "declared")
    assert not reused(measured)
    monkeypatch.delenv("ONE")
    monkeypatch.setenv("OTHER", "not declared")
    assert reused(measured)
    monkeypatch.setattr(environment, "environment", lambda: {"distributions": "others"})
    assert not reused(measured)
    monkeypatch.undo()
    monkeypatch.chdir(measured.root)
    monkeypatch.setattr(environment, "source", lambda: "another gate")
    assert not reused(measured)


ASKS = """

from pathlib import Path

SIZE = Path("settings/local.toml").exists() + Path("data/b.csv").is_file()
"""


def test_files_that_are_only_asked_about_are_inputs(house: Repository) -> None:
    """Code that looks whether a file is there opens nothing: that one comes, grows or goes is seen, and only by who may ask."""
    for path in ("data/a.csv", "settings/default.toml", "build/x"):
        house.write(path)
    house.write("one.py", STEADY + ASKS)
    house.write("two.py", STEADY)
    policy(house, one="", two="")
    gate("check", "memory")
    assert known(house) == {"memory/one/growth", "memory/two/growth"}
    house.write("bots.py", (house.root / "bots.py").read_text().replace("nothing", "anythin"))
    assert known(house) == {"memory/one/growth", "memory/two/growth"}
    for path, text in {"data/b.csv": "", "settings/local.toml": "x", "build/ignored": "x", "data/a.csv": "more"}.items():
        before = (house.root / path).read_bytes() if (house.root / path).exists() else None
        house.write(path, text)
        assert known(house) == {"memory/two/growth"}, path
        if before is None:
            (house.root / path).unlink()
        else:
            house.write(path, before)
    assert known(house) == {"memory/one/growth", "memory/two/growth"}


def test_files_of_libraries_that_open_them_themselves_are_inputs(house: Repository) -> None:
    """A library that opens files past Python raises no event: whatever was written below the repository since then ends reuse."""
    house.write("data/a.h5", "1")
    house.write("h5py.py", '"""Opens files in C."""\n')
    house.write("one.py", STEADY + "\n\nimport h5py\n")
    house.write("two.py", STEADY)
    policy(house, one="", two="")
    gate("check", "memory")
    assert known(house) == {"memory/one/growth", "memory/two/growth"}
    house.write("data/a.h5", "2")
    assert known(house) == {"memory/two/growth"}


def test_old_and_edited_evidence_is_not_reused(measured: Repository) -> None:
    """Evidence beyond the policy's max_age is taken again, and so is what was edited."""
    workflow = (measured.root / "policies/workflow.yaml").read_text()
    measured.write("policies/workflow.yaml", workflow.replace("record: {", "record: {max_age: 0 min, "))
    assert not reused(measured)
    measured.write("policies/workflow.yaml", workflow)
    assert reused(measured)
    path = next((measured.root / ".gate/evidence").glob("*/memory__one__growth.json"))
    path.write_text(path.read_text().replace('"taken":"20', '"taken":"19'))
    assert not reused(measured)


def test_fresh_and_explained_runs_measure(measured: Repository, started: list[str]) -> None:
    """--fresh and --explain ask children, and so does a run with other steps, which is not recorded either."""
    for words in (["--fresh"], ["--explain"], ["--steps", "128"]):
        gate("check", "memory", *words)
        assert started.pop() == "one"
        started.clear()
    gate("check", "memory")
    assert started == []
    assert reused(measured)


NEVER = {
    "connects": ("import socket\nsocket.socket(socket.AF_UNIX).connect_ex('/nowhere')", "it uses a socket"),
    "runs": ("import subprocess\nsubprocess.run(['true'])", "it starts a program"),
    "shell": ("import os\nos.system('true')", "it starts a program"),
    "forks": ("import os\nif not os.fork():\n    os._exit(0)\nos.wait()", "it forks"),
    "loads": (
        "import contextlib, ctypes\nwith contextlib.suppress(OSError):\n    ctypes.CDLL('./libown.so')",
        "it loads a native library of its own",
    ),
    "seeds": ("import random, time\nrandom.seed(time.time_ns())", "seeds.py:14 seeds from a clock or from chance"),
    "lists": ("import os\nos.listdir(os.open('data', os.O_RDONLY))", "it lists a folder that it opened before"),
    "writes": ("with open('build/log.txt', 'a') as file:\n    file.write('x')", "build/log.txt changed while it was measured"),
    "policy": ("", "the policy says so"),
}


def test_what_no_file_answers_for_is_never_reused(house: Repository, started: list[str]) -> None:
    """Sockets, programs, forks, native libraries, clocks, folders by descriptor, own logs: the record says why, and children run again."""
    house.write("build/x")
    house.write("data/a.csv")
    for name, (code, _) in NEVER.items():
        house.write(f"{name}.py", f"{STEADY}\n\n{code}\n")
    policy(house, **{name: "reuse: never, " if name == "policy" else "" for name in NEVER})
    gate("check", "memory")
    assert {name: evidence(house, f"memory/{name}/growth").inputs.never for name in NEVER} == {
        name: why for name, (_, why) in NEVER.items()
    }
    started.clear()
    gate("check", "memory")
    assert set(started) == set(NEVER)


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("random.seed(time.time())", 1),
        ("x = 1\nrng = np.random.default_rng(seed=int(time.time_ns()) % 7)", 2),
        ("random.Random(os.urandom(8))", 1),
        ("random.seed(20)\nstart = time.time()", 0),
        ("def broken(", 0),
    ],
)
def test_seeds_from_clocks_are_seen(code: str, line: int) -> None:
    """A seed that holds a call of a clock or of the machine's chance is named by its line; a fixed seed and a plain clock are not."""
    assert seeds.seeded_by_clock(code.encode()) == line


EXACT = """

class Agent:
    def __init__(self):
        self.kept = bytearray(100_000)
        self.gen = self.steps()
        next(self.gen)

    def steps(self):
        while True:
            yield open(__file__).close()


def build(index):
    return Agent()


def step(agent):
    import os
    id(agent)
    next(agent.gen)
    os.listdir('.')
"""


def test_notes_do_not_move_the_readings(house: Repository) -> None:
    """Agents that open and list in every step weigh the same with notes and without, but for the rest of a chunk, and grow by nothing."""
    house.write("one.py", EXACT)
    house.write(
        "policies/memory.yaml",
        MEMORY
        + "  one: {build: one:build, step: one:step, steps: 64, limits: {footprint: {max: 1 MB, because: x}, growth: {max: 0 B/step}}}\n",
    )
    asked = [step.work for step in flow.enter(house.root, Mode.FIX).steps if isinstance(step.work, Question)]
    plain = inquiry.answer(asked, house.root)
    with inputs.gathering(house.root) as seen:
        noted = inquiry.answer(asked, house.root)
        found = seen.inputs()
    assert "one.py" in found.files
    assert [finding.outcome for _, finding in noted] == [Outcome.PASSED] * 2
    heaps = [next(series.values for series in reading.series if series.meter == "heap") for reading, _ in (plain[0], noted[0])]
    assert all(abs(one - other) <= 32 for one, other in zip(*heaps, strict=True)), heaps  # what malloc cannot split off
    assert [reading.series[0].values[-1] - reading.series[0].values[0] for reading, _ in (plain[1], noted[1])] == [0, 0]


CLOSES = """

import contextlib
import os

for at in range(3, 99):
    with contextlib.suppress(OSError):
        if os.readlink(f"/proc/self/fd/{at}").endswith("notes"):
            os.close(at)
own = open("build/own.txt", "w")
open("size.txt").read()
"""


def test_notes_survive_code_that_closes_every_descriptor(house: Repository) -> None:
    """Code that closes what it did not open loses no note, and none lands in a file of its own."""
    house.write("size.txt", "1")
    house.write("build/x")
    house.write("one.py", STEADY + CLOSES)
    policy(house, one="")
    gate("check", "memory")
    assert "size.txt" in evidence(house, "memory/one/growth").inputs.files
    assert (house.root / "build/own.txt").read_text() == ""


def test_reused_evidence_holds_for_the_new_tree(house: Repository, started: list[str]) -> None:
    """A document more, and the case is reused: the record is about the new tree, says where it was measured, and so does the summary."""
    gate("check", "memory")
    first = evidence(house, "memory/bot/growth")
    digest = json.loads(next((house.root / ".gate/evidence").glob("*/memory__bot__growth.json")).read_text())["digest"]
    house.write("README.md", "# Bots\n")
    started.clear()
    gate("check", "memory")
    second = evidence(house, "memory/bot/growth")
    assert started == []
    assert second.tree != first.tree
    assert second.origin
    assert (second.origin.tree, second.origin.digest, second.taken) == (first.tree, digest, first.taken)
    house.write("README.md", "# Bots, again\n")
    gate("check", "memory")
    assert evidence(house, "memory/bot/growth").origin == second.origin
    gate("summary", code=1)
    page = (house.root / ".gate/summary.md").read_text()
    assert f"{first.taken}, reused from tree `{first.tree[:12]}`" in page
    assert "1 of 6, 1 reused" in page or "1 of 5, 1 reused" in page


def test_tools_are_reused_for_the_same_tree(house: Repository) -> None:
    """Ruff, tests and links hold for one tree, mypy for the same Python; failed tests run again, for what they print is not recorded."""
    for words in ("lint", "tests", "docs", "types"):
        gate("check", words)
        assert "reused from" in gate("check", words), words
    house.write("README.md", "# Bots\n")
    assert [("reused from" in gate("check", words)) for words in ("lint", "tests", "docs", "types")] == [False, False, False, True]
    house.write("build/generated.py", "x: int = 1\n")
    assert "reused from" not in gate("check", "types")
    house.write("test_bots.py", '"""T."""\n\n\ndef test_no() -> None:\n    """Fail."""\n    assert not 1\n')
    quality = (house.root / "policies/quality.yaml").read_text()
    house.write("policies/quality.yaml", quality.replace("no:hypothesispytest]", "no:hypothesispytest, test_bots.py]"))
    assert [("reused from" in gate("check", "tests", code=1)) for _ in range(2)] == [False, False]


def test_cleaning_is_never_reused(house: Repository) -> None:
    """A sweep acts on what no tree holds, so it looks each time."""
    assert [("reused from" in gate("clean")) for _ in range(2)] == [False, False]
    assert json.loads(next((worktree.store(house.root) / "evidence").glob("*/clean.json")).read_text())["evidence"]["inputs"]["never"]
