"""A repository that never heard of the gate adopts it: what is found, what is measured, what is written, and what is never touched."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gate.adopt import cases, classes, project
from gate.adopt.pages import Page
from gate.errors import GateError
from tests.conftest import Repository, call

HERD = '''"""A herd."""

import random


class Sheep:
    """One that walks."""

    def __init__(self, place: int = 0) -> None:
        """Stand somewhere."""
        self.place = place

    def step(self) -> None:
        """Walk."""
        self.place += random.choice((-1, 1))  # noqa: S311


class Hoarder:
    """One that keeps what it saw."""

    def __init__(self) -> None:
        """Have nothing."""
        self.seen: list[bytes] = []

    def act(self) -> None:
        """Keep something."""
        self.seen.append(bytes(1000))


class Pen:
    """A place with room."""

    def __init__(self, room: int) -> None:
        """Be empty."""
        self.room = room
        self.inside: list[Sheep] = []

    def enter(self, sheep: Sheep) -> None:
        """Take one in."""
        self.inside.append(sheep)


class Dog:
    """Needs a master."""

    def __init__(self, master: object) -> None:
        """Obey."""
        self.master = master

    def step(self) -> None:
        """Run."""
        self.master = None


class _Hidden:
    def step(self) -> None:
        self.x = 1


class Odd(ValueError):
    """No agent."""


def flock(size: int) -> list[Sheep]:
    """Return some."""
    return [Sheep(at) for at in range(size)]


SIZE   = 3
'''
TESTS = '''"""Tests."""

from herd import Pen, flock


def test_flock() -> None:
    """There are as many."""
    assert len(flock(3)) == 3
    assert Pen(room=12).room == 12
'''


@pytest.fixture
def stranger(bare: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a small project that uses ruff, in which some things are not as the gate wants them."""
    bare.write(
        "pyproject.toml",
        '[project]\nname = "herd"\nversion = "1"\n\n[tool.ruff.lint]\nselect = ["F"]\n\n[tool.pytest.ini_options]\npythonpath = ["."]\n',
    )
    bare.write("herd.py", HERD)
    bare.write("tests/test_herd.py", TESTS)
    bare.write("README.md", "# Herd\n\n[nowhere](gone.md)\n")
    bare.write("GUIDE.md", "# Guide\n")
    bare.write(".gitignore", "*.pyc\n# mine")
    bare.commit()
    monkeypatch.chdir(bare.root)
    return bare


def test_classes_are_found_by_how_they_are_written() -> None:
    """Steps, containers, state and arguments of tests are seen; what is private, abstract or an error is no candidate."""
    found = classes.find({"src/herd.py": HERD, "src/broken.py": "def ("}, ["src"], {"tests/test_herd.py": TESTS})
    assert [(one.target, one.step, one.stateful, one.held, one.missing, one.given, one.whence) for one in found] == [
        ("herd:Sheep", "step", True, "src/herd.py:66", (), {}, ""),
        ("herd:Hoarder", "act", True, "", (), {}, ""),
        ("herd:Pen", "", True, "", ("room",), {"room": 12}, "tests/test_herd.py:9"),
        ("herd:Dog", "step", True, "", ("master",), {}, ""),
    ]


@pytest.mark.parametrize(
    ("code", "step", "missing"),
    [
        ("class A:\n    def step(self, model): self.x = 1", "", ()),
        ("class A:\n    def step(self, model=None): self.x = 1", "step", ()),
        ("class A:\n    def step(self, *, model): self.x = 1", "", ()),
        ("class A:\n    @property\n    def step(self): self.x = 1", "", ()),
        ("class B:\n    def __init__(self, y): self.y = y\nclass A(B):\n    def tick(self): self.y = 1", "tick", ("y",)),
        ("class A:\n    def __init__(self, a, b=1, *, c, d=2): self.a = a\n    def act(self): self.a += 1", "act", ("a", "c")),
        (
            "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n    y: int = 1\n    def step(self): self.x = 2",
            "step",
            ("x",),
        ),
        ("class A:\n    def __init__(self): self.d = {}\n    def put(self, k): self.d[k] = 1", "", ()),
    ],
)
def test_what_a_class_needs(code: str, step: str, missing: tuple[str, ...]) -> None:
    """Steps that need an argument are none; arguments without defaults are named, through bases and dataclasses too."""
    found = {one.name: one for one in classes.find({"a.py": code}, [""], {})}
    assert (found["A"].step, found["A"].missing) == (step, missing)


def test_nothing_that_only_looks_like_an_agent() -> None:
    """Exceptions, enumerations, protocols, abstract classes and classes that never change are left out."""
    step = "\n    def step(self): self.x = 1\n"
    odd = [f"class A({base}):{step}" for base in ("ValueError", "enum.Enum", "typing.Protocol")]
    odd += ["class B(abc.ABC):\n    @abc.abstractmethod\n    def step(self): ...", "class Still:\n    def look(self): return 1"]
    assert [classes.find({"a.py": code}, [""], {}) for code in odd] == [()] * len(odd)
    assert classes.find({"a.py": f"class Fine(object):{step}"}, [""], {}) != ()


def test_project_says_how_it_is_installed(bare: Repository) -> None:
    """An extra comes before a file of requirements, that before tox; code below src/ is found; a tool is known by its configuration."""
    bare.write("src/pkg/__init__.py")
    bare.write("tests/test_a.py")
    bare.write("tox.ini", "[testenv]\ndeps =\n    pytest\n    {env:X}\ncommands = pytest --ignore=tests/slow tests\n[flake8]\n")
    bare.write("tests/slow/test_b.py")
    bare.write("pyproject.toml", "[build-system]\nrequires = []\n")
    found = project.look(bare.root)
    assert (found.code, found.roots, found.tests, found.install) == (("src/pkg",), ("src",), ("tests",), ("-e", ".", "pytest"))
    assert (found.tools, found.skips) == ({"pytest": "tox.ini pytest", "flake8": "tox.ini flake8"}, ("tests/slow",))
    bare.write("requirements-dev.txt", "pytest\n")
    assert project.look(bare.root).install == ("-e", ".", "-r", "requirements-dev.txt")
    extra = '[project]\nname = "p"\nrequires-python = ">=3.12"\n[project.optional-dependencies]\ndev = []\ntest = []\n'
    bare.write("pyproject.toml", extra + "[dependency-groups]\ntests = []\n")
    found = project.look(bare.root)
    assert (found.install, found.groups, found.pythons) == (("-e", ".[test]"), ("tests",), ("3.12", "3.13"))


def test_no_python_and_broken_toml_are_clear(bare: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be adopted is one line with the next act, exit 2."""
    monkeypatch.chdir(bare.root)
    bare.write("README.md", "# No code\n")
    assert call("init")[0] == 2
    assert "no Python package" in capsys.readouterr().err
    bare.write("a.py")
    bare.write("pyproject.toml", "[project\n")
    with pytest.raises(GateError, match=r"pyproject\.toml: cannot be read .*; correct it"):
        project.look(bare.root)


def test_init_leaves_a_gate_that_passes(stranger: Repository) -> None:
    """Files are new or only added to, debts are left out with their reason, limits come from measurement, and it can be taken back."""
    before = {path: (stranger.root / path).read_bytes() for path in stranger.git("ls-files").split()}
    code, told = call("init")
    assert code == 0, told
    changed = {line[3:] for line in stranger.git("status", "--porcelain", "-uall").splitlines()}
    policies = {f"policies/{name}.yaml" for name in ("memory", "quality", "cleanup", "docs", "workflow")}
    assert changed == policies | {"noxfile.py", ".github/workflows/gate.yml", ".pre-commit-config.yaml", ".gitignore"}
    assert (
        (stranger.root / ".gitignore").read_bytes().startswith(before[".gitignore"] + b"\n\n# what the gate and its tools write\n.gate/\n")
    )
    assert all((stranger.root / path).read_bytes() == text for path, text in before.items() if path != ".gitignore")
    assert "left out format: today ruff would format 1 file anew, of 2; format them, then delete this line" in told
    assert "asked    lint, tests, docs, memory" in told
    assert "left out 1 document with 1 dead link" in told
    memory = (stranger.root / "policies/memory.yaml").read_text()
    assert re.search(r"step: herd:Sheep\.step\n.*\n.*\n      footprint:\n        max: \d", memory), memory
    assert re.search(r"hoarder:\n(.*\n){5}.*footprint:\n(.*\n){3}      growth:\n        max: 1\.\d+ kB/step\n        because: ", memory), (
        memory
    )
    assert "parametrize: {room: [12]}  # as at tests/test_herd.py:9" in memory
    assert "#   # herd.py:43: needs master: write a function (index) -> Dog, and name it as build" in memory
    assert call("policy", "check")[0] == 0
    for what in ("format", "lint", "docs", "tests", "memory"):
        code, said = call("check", what)
        assert code == 0, said
    assert call("check", "format")[1].startswith("SKIPPED      format  not measured: left out by policies/quality.yaml: today ruff would")
    assert call("init")[1].splitlines()[-2] == "nothing to do: everything is there"
    assert call("init", "--undo")[0] == 0
    assert stranger.git("status", "--porcelain", "-uall") == ""


def test_what_is_there_is_only_shown(stranger: Repository) -> None:
    """A noxfile, a pre-commit configuration and a policy of somebody's stay byte for byte; --merge adds to the first two, and once."""
    mine = {
        "noxfile.py": '"""Mine."""\n\nimport nox\n\n\n@nox.session\ndef lint(session):\n    session.run("ruff")\n',
        ".pre-commit-config.yaml": "repos:\n- repo: builtin\n  hooks:\n  - id: trailing-whitespace\n",
        "policies/memory.yaml": "version: 1\nwithout: nothing yet\n",
        "policies/quality.yaml": "version: 1\npaths: [herd.py]\nwithout: {types: later, lint: later, format: later, tests: later}\n",
    }
    for path, text in mine.items():
        stranger.write(path, text)
    stranger.commit()
    code, told = call("init")
    assert (code, [path for path, text in mine.items() if (stranger.root / path).read_text() != text]) == (0, [])
    assert "kept     noxfile.py (shown, not written)" in told
    assert "+    - id: gate" in told
    assert "+def gate(session: nox.Session) -> None:" in told
    assert (call("check", "lint")[0], call("check", "memory")[0]) == (0, 0)
    assert "would write" not in told
    assert call("init", "--merge")[0] == 0
    ast.parse((stranger.root / "noxfile.py").read_text())
    assert (stranger.root / "noxfile.py").read_text().startswith('"""Mine."""\n\nimport os\nimport nox\n')
    assert (stranger.root / ".pre-commit-config.yaml").read_text().startswith(mine[".pre-commit-config.yaml"] + "- repo: local\n  hooks:\n")
    assert "run: nox -s gate" in (stranger.root / ".github/workflows/gate.yml").read_text()
    assert "nothing to do" in call("init", "--merge")[1]


@pytest.mark.parametrize("words", [["--dry-run"], ["--check"]])
def test_a_dry_run_writes_nothing(stranger: Repository, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    """Every file is shown whole, and none is written."""
    monkeypatch.setattr(cases, "measure", lambda *_, **__: ())
    code, told = call("init", *words)
    assert (code, stranger.git("status", "--porcelain", "-uall")) == (0, "")
    assert told.count("--- /dev/null") == 8
    assert "nothing was written" in told
    assert '+without: "no class looks like an agent"' in told


def test_no_agent_is_said_and_not_hidden(house: Repository) -> None:
    """A repository without a case passes, and every look at its memory says that none is named and why."""
    house.write("policies/memory.yaml", 'version: 1\nwithout: "the agents come next week"\n')
    code, told = call("check", "memory")
    assert code == 0
    assert told.startswith("SKIPPED      memory  not measured: left out by policies/memory.yaml: the agents come next week")
    assert "the agents come next week" in call("summary")[1]


def test_agents_are_built_without_an_index(house: Repository) -> None:
    """With index: false a class whose arguments all have defaults is built as it is; with an index it would have been given one."""
    house.write(
        "bots.py", "class Bot:\n    def __init__(self, *, size=10):\n        self.held = bytes(size)\n    def step(self):\n        pass\n"
    )
    case = "version: 1\nagents:\n  bot:\n    build: bots:Bot\n    step: bots:Bot.step\n    limits: {growth: {max: 0 B/step}}\n"
    house.write("policies/memory.yaml", case)
    assert call("check", "memory")[0] == 2
    house.write("policies/memory.yaml", case.replace("    step", "    index: false\n    step"))
    assert call("check", "memory")[0] == 0


def test_what_is_generated_is_sound(stranger: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workflow obeys GitHub's schema and zizmor, the noxfile is formatted, lints and lists its sessions."""
    monkeypatch.setattr(cases, "measure", lambda *_, **__: ())
    assert call("init")[0] == 0
    tools = Path(sys.executable).parent
    for words in (
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", ".github/workflows/gate.yml"],
        ["zizmor", "--offline", "--no-progress", "--quiet", "--strict-collection", "--pedantic", ".github"],
        ["ruff", "check", "--isolated", "--line-length=140", "--select=ALL", "--ignore=COM812,CPY001,D203,D213", "noxfile.py"],
        ["ruff", "format", "--isolated", "--line-length=140", "--check", "noxfile.py"],
        ["nox", "--list"],
    ):
        ran = subprocess.run([str(tools / words[0]), *words[1:]], capture_output=True, text=True, check=False, cwd=stranger.root)
        assert ran.returncode == 0, (words, ran.stdout + ran.stderr)
    assert "* summary -> Write the summary from recorded evidence" in ran.stdout
    assert tmp_path.exists()


def test_a_diff_shows_a_missing_newline() -> None:
    """What a page changes is shown as git shows it."""
    page = Page(path="a", before=b"x", after=b"x\ny\n", merges=True)
    assert page.diff == "--- a/a\n+++ b/a\n@@ -1 +1,2 @@\n-x\n\\ No newline at end of file\n+x\n+y\n"


def test_what_is_not_installed_is_no_debt(indebted: Repository) -> None:
    """Without its dependencies mypy's findings become no debts: the modules and what to do are named; that done, debts are known."""
    indebted.write("herd.py", HERD.replace("import random\n", "import random\nimport fodder.hay\nfrom fodder import grass\nimport zaun\n"))
    indebted.commit()
    code, told = call("init")
    assert code == 0, told
    assert "asked    lint, tests, docs, memory\n" in told, told
    assert "known    types" not in told
    assert (
        "left out types: not installed where mypy ran: fodder, zaun; what it finds without them is no debt: pip install -e ., "
        "or ignore_missing_imports for what nobody installs; then gate init --undo and gate init\n"
    ) in told
    assert "types" not in (indebted.root / "policies/baseline.yaml").read_text()
    assert call("init", "--undo")[0] == 0
    table = '\n[[tool.mypy.overrides]]\nmodule = ["fodder.*", "zaun"]\nignore_missing_imports = true\n'
    indebted.write("pyproject.toml", (indebted.root / "pyproject.toml").read_text() + table)
    code, told = call("init")
    assert "known    types: 1 debt, may shrink, never grow: return-value 1\n" in told, told


@pytest.fixture
def indebted(stranger: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return the same project with mypy too, and with mistakes of both tools, some of which ruff could mend."""
    monkeypatch.setattr(cases, "measure", lambda *_, **__: ())
    pyproject = (stranger.root / "pyproject.toml").read_text()
    stranger.write("pyproject.toml", pyproject + "\n[tool.mypy]\nstrict = true\n")
    stranger.write("herd.py", HERD.replace("SIZE   = 3", "SIZE = 3").replace("import random\n", "import os\nimport random\n"))
    stranger.write("barn.py", '"""A barn."""\n\nimport sys\n\n\ndef size() -> str:\n    """Tell."""\n    return 3\n\n\nX   = 1\n')
    stranger.commit()
    return stranger


def test_debts_are_asked_from_the_first_day(indebted: Repository) -> None:
    """What ruff and mypy find is known and passes, nothing of it is mended, what is planted fails alone, and all can be taken back."""
    before = {path: (indebted.root / path).read_bytes() for path in ("herd.py", "barn.py", "tests/test_herd.py")}
    code, told = call("init")
    assert code == 0, told
    assert "asked    format, lint, types, tests, docs, memory" in told, told
    assert "known    format: 1 debt, may shrink, never grow: unformatted 1\n" in told
    assert "known    lint: 2 debts, may shrink, never grow: F401 2\n" in told
    assert "known    types: 1 debt, may shrink, never grow: return-value 1\n" in told
    assert "wrote    policies/baseline.yaml (new)\nwrote    .gitattributes (new)\n" in told
    assert "set      git config merge.gate-baseline.driver: " in told
    assert "-m gate baseline merge %O %A %B %P" in indebted.git("config", "merge.gate-baseline.driver")
    for words in (("format",), ("lint",), ("types",)):
        code, said = call("check", *words)
        assert (code, "nothing new" in said) == (0, True), said
    assert {path: (indebted.root / path).read_bytes() for path in before} == before
    assert "nothing to do: everything is there" in call("init")[1]
    indebted.write("barn.py", before["barn.py"].decode() + 'import json\n\nWIDTH: int = "wide"\n')
    (code, said), (more, types) = call("check", "lint"), call("check", "types")
    assert (code, more) == (1, 1)
    planted = [line.strip() for line in (said + types).splitlines() if re.match(r" +\S+\.py:\d+: ", line)]
    assert planted == [
        "barn.py:12: `json` imported but unused [F401]",
        'barn.py:14: Incompatible types in assignment (expression has type "str", variable has type "int") [assignment]',
    ]
    assert "lint  ruff: 1 new finding, 2 known debts" in said
    code, said = call("init", "--undo")
    assert (code, "took back git's merge driver for baselines" in said) == (0, True), said
    assert indebted.git("config", "--local", "--list").count("gate-baseline") == 0
