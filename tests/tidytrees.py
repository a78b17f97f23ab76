"""A repository with much to clean, and a clean-up in a child that is killed at some moment."""

import os
import random
import signal
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from gate.facts.work import Rule, Sweep
from gate.tidy import sweep
from gate.tidy.journal import Journal, empty, runs, undo
from tests.conftest import POLICIES, Repository
from tests.trees import Snapshot, snapshot

SWEEP = Sweep(
    rules=(
        Rule(kind="bytecode", match=("*.pyc",), regenerable=True),
        Rule(kind="build", match=("build/",), regenerable=True),
        Rule(kind="backups", match=("*.bak", "drafts/")),
    )
)


POLICY = """version: 1
kinds:
  bytecode: {class: regenerable, match: ["*.pyc"]}
  build: {class: regenerable, match: [build/]}
  backups: {class: keepable, match: ["*.bak", drafts/]}
"""  # says what SWEEP does


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A repository and what must be there whatever happens to a clean-up."""

    root: Path
    kept: Snapshot  # all but what a tool makes again


def big(root: Path, *, folders: int, policies: bool = False) -> Scene:
    """Make a repository in which every folder has byte code, a build folder, a backup and a folder of drafts."""
    repository = Repository(root)
    repository.write(".gitignore", "__pycache__/\nbuild/\n")
    for number in range(folders):
        repository.write(f"p{number}/a.py", "x = 1\n")
    for name, text in POLICIES.items() if policies else ():
        repository.write(f"policies/{name}.yaml", POLICY if name == "cleanup" else text)
    repository.commit()
    for number in range(folders):
        repository.write(f"p{number}/a.py.bak", f"work {number}")
        repository.write(f"p{number}/drafts/deep/{number}.md", f"draft {number}")
    grow(root, folders)
    return Scene(root=root, kept=_lasting(root))


def grow(root: Path, folders: int) -> None:
    """Make again what tools make."""
    for number in range(folders):
        for path in (f"p{number}/__pycache__/a.cpython-311.pyc", f"p{number}/build/lib/a.bin"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text("made")


def clean(root: Path) -> None:
    """Draw and carry out, as the command does."""
    drawn = sweep.draw(SWEEP, root)
    with Journal.begin(root, "clean", "") as journal:
        sweep.carry_out(drawn, journal)


def killed_soon(scene: Scene, chance: random.Random, *, within: float = 0.03) -> bool:
    """Kill a clean-up in a child at a random moment after it began to change something; tell whether it still ran."""
    hear, tell = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a test runner has threads; the child uses none of them
        child = os.fork()
    if child == 0:
        try:
            drawn = sweep.draw(SWEEP, scene.root)
            os.write(tell, b"!")
            with Journal.begin(scene.root, "clean", "") as journal:
                sweep.carry_out(drawn, journal)
        finally:
            os._exit(0)
    os.close(tell)
    os.read(hear, 1)
    os.close(hear)
    time.sleep(chance.uniform(0, within))
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def assert_nothing_is_lost(scene: Scene, *, again: bool) -> None:
    """Undo what a killed run did, or first run again; everything that no tool makes must be as it was. Then make the tree dirty again."""
    if again:
        clean(scene.root)
        left = [change.path for change in sweep.draw(SWEEP, scene.root) if change.act != "kept"]
        assert left == []
    for run in reversed(runs(scene.root)):
        undo(scene.root, run.when)
    assert _lasting(scene.root) == scene.kept, "something is lost, or was added"
    empty(scene.root)
    grow(scene.root, len(list(scene.root.glob("p[0-9]*"))))


def _lasting(root: Path) -> Snapshot:
    """Take what no tool makes again."""
    return {path: found for path, found in snapshot(root).items() if not {b"__pycache__", b"build"}.intersection(path.split(b"/"))}
