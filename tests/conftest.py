"""Real git repositories for tests, with the user's own configuration out of the way."""

import compileall
import io
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import pytest
from _pytest.mark.structures import ParameterSet

from gate import measure
from gate.cli import main
from gate.facts import Outcome

Case = TypeVar("Case")
ROOT = Path(__file__).parents[1]
POLICIES = {
    "memory": """version: 1
agents:
  bot:
    build: bots:build
    step: bots:step
    steps: 256
    limits:
      growth: {max: 0 B/step}
""",
    "quality": "version: 1\npaths: [bots.py]\ntests: {arguments: [-q, -p, no:cacheprovider, -p, no:hypothesispytest]}\n",
    "cleanup": """version: 1
kinds:
  bytecode: {class: regenerable, match: ["*.pyc"], live: true}
  tool-caches: {class: regenerable, match: [.mypy_cache/, .ruff_cache/], live: true}
  build: {class: regenerable, match: [build/, ".coverage", ".coverage.*"]}
protect: [.coveragerc]
""",
    "docs": "version: 1\n",
    "workflow": "version: 1\ntasks: tasks/tasks.json\nrecord: {paths: [docs/completed, tasks/tasks.json]}\n",
}
BOTS = '''"""Bots."""


class Bot:
    """Keep nothing."""


def build(index: int) -> Bot:
    """Build a bot."""
    del index
    return Bot()


def step(agent: Bot) -> None:
    """Do nothing."""
    del agent
'''
TESTS = '''"""Tests of bots."""

from bots import build


def test_build() -> None:
    """A bot is built."""
    assert build(1) is not None
'''


def pytest_configure(config: pytest.Config) -> None:
    """Compile the gate once: where nobody writes bytecode, each of a thousand children would compile it anew."""
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(ROOT / "gate", quiet=2)


class Repository:
    """A git repository to be used as a person would."""

    def __init__(self, root: Path) -> None:
        """Begin with git init."""
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@example.org")

    def git(self, *words: str) -> str:
        """Run git and return what it printed."""
        return subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True, text=True).stdout

    def write(self, path: str, text: str | bytes = "") -> Path:
        """Write a file and the folders above it."""
        whole = self.root / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(text if isinstance(text, bytes) else text.encode())
        return whole

    def commit(self, message: str = "chore: all") -> str:
        """Commit everything; return the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()


def call(*words: str) -> tuple[int, str]:
    """Run the command; return its exit code and what it printed."""
    out = io.StringIO()
    return main(list(words), out), out.getvalue()


def but_slow(cases: Iterable[Case], *slow: Case) -> list[Case | ParameterSet]:
    """Return cases for a test, of which some are asked by `nox -s slow` alone."""
    return [pytest.param(case, marks=pytest.mark.slow) if case in slow else case for case in cases]


def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, old: str, new: str) -> None:
    """Let children run a probe with one mistake in it."""
    mutant = tmp_path / "mutant"
    shutil.copytree(ROOT / "gate", mutant / "gate", ignore=shutil.ignore_patterns("__pycache__"))
    text = (mutant / "gate" / path).read_text()
    assert old in text
    (mutant / "gate" / path).write_text(text.replace(old, new))
    monkeypatch.setenv("PYTHONPATH", str(mutant))


@pytest.fixture(autouse=True)
def _calm(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the user's git configuration and the runner's CI variables out of the tests."""
    calm(monkeypatch, tmp_path_factory.getbasetemp())


def calm(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Forget what the user configured for git, and who runs us."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "no-such-gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("MYPY_CACHE_DIR", str(home / "mypy"))  # what mypy knows of the standard library is read once for all tests
    for name in ("CI", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "GITHUB_BASE_REF", "GIT_DIR", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bare(tmp_path: Path) -> Repository:
    """Return a repository with nothing in it."""
    return Repository(tmp_path / "repo")


@pytest.fixture
def house(bare: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository that passes its gate, with the current directory in it."""
    furnish(bare)
    monkeypatch.chdir(bare.root)
    return bare


def furnish(bare: Repository) -> None:
    """Commit what passes its gate."""
    for name, text in POLICIES.items():
        bare.write(f"policies/{name}.yaml", text)
    bare.write("bots.py", BOTS)
    bare.write("test_bots.py", TESTS)
    bare.write(".gitignore", "__pycache__/\n*.pyc\nbuild/\n.coverage\n.coverage.*\n.mypy_cache/\n.ruff_cache/\n")
    bare.write("README.md", "# Bots\n\nSee [the code](bots.py).\n")
    bare.commit()


def assert_nothing_is_left(code: str, build: str, folder: Path) -> None:
    """Let agents of a module of this code come, take `step` once and go, and let the gate say that 0 B a cycle are left."""
    (folder / "lives.py").write_text(code)
    found = measure.churn("lives:step", setup=build, root=folder)
    assert found.outcome is Outcome.PASSED, found.headline
