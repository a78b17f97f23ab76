"""A repository whose documents lie scattered, with links of every kind between them; and a child that moves them and is killed."""

import os
import random
import signal
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TypeVar

from gate import cli, flow, plan
from gate.acts import consolidation
from gate.errors import GateError
from gate.facts import Mode
from gate.facts.work import Documents
from gate.policy import load
from gate.tidy import consolidate, journal
from tests.conftest import Repository, furnish
from tests.killing import killed_at
from tests.trees import Snapshot, snapshot

Result = TypeVar("Result")
POLICY = """version: 1
destinations:
  docs/archived:
    path: [old/]
    front_matter: {status: [archived, superseded]}
  docs/api:
    name: ["api*"]
    assets: ["*.png"]
  docs/operations:
    heading: ["*runbook*"]
index: null  # what moves is told alone
"""
DOCUMENTS = {
    "README.md": '# Top\n\n[api](API-notes.md#use "t") ![p](pic.png) [old](old/a/notes.md)\n'
    "`[x](API-notes.md)`\n\n[dead](gone.md) [l][l]\n\n"
    "[l]: <Run Book.md>\n\n```\n[x](API-notes.md)\n```\n",
    "API-notes.md": '# Use\r\n[readme](./README.md) <img src="pic.png"> [self](API-notes.md#use)',
    "Run Book.md": "# The Runbook\n\n| a |\n|---|\n| [b](API-notes.md) |\n",
    "old/a/notes.md": "one [two](../b/notes.md) [r](../../README.md#top)\n",
    "old/b/notes.md": "two [one](../a/notes.md)\n",
    "old/b/NOTES.md": "three [two](notes.md)\n",
    "src/x.md": "---\nstatus: Archived\n---\n# X\n\n> [a](../API-notes.md)\n",
    "src/stays.md": "[x](x.md) [b](/Run%20Book.md)\n",
    "docs/index.md": "[api](../API-notes.md)\n",
    "docs/api/README.md": "# API\n",
    "mkdocs.yml": "site_name: x\nnav:\n  - Home: index.md\n  - Archive: 'old.md'\n",
    "docs/old.md": "---\nstatus: superseded\n---\n[i](index.md)\n",
}
FEW = ("README.md", "API-notes.md", "old/a/notes.md", "old/b/notes.md")  # enough for every kind of act
PICTURE = b"\x89PNG\r\n\0\xff"


def scatter(repo: Repository, paths: Iterable[str] = DOCUMENTS) -> Repository:
    """Commit a house with scattered documents, one of which git does not know."""
    furnish(repo)
    repo.write("policies/docs.yaml", POLICY)
    for path in paths:
        repo.write(path, DOCUMENTS[path])
    repo.write("pic.png", PICTURE)
    repo.commit()
    repo.write("STRAY.md", "[x](old/b/NOTES.md)\n")
    return repo


def state(repo: Repository) -> tuple[Snapshot, str, str]:
    """Return every byte of the tree, git's index, and what git says of both."""
    return snapshot(repo.root), repo.git("ls-files", "--stage"), repo.git("status", "--porcelain", "-uall")


def gate(*words: str) -> tuple[int, str]:
    """Call the gate here; return its exit code and what it printed."""
    out = StringIO()
    return cli.main(words, out), out.getvalue()


class Killed:
    """Let children move documents, kill each, and end every case in one of the ways in which a person would."""

    def __init__(self, repo: Repository, chance: random.Random) -> None:
        """Look once at the beginning, at the end, and at how long the way takes."""
        self.repo, self.chance = repo, chance
        self.before = state(repo)
        child, start = forked(lambda: gate("docs")), time.monotonic()
        os.waitpid(child, 0)
        self.whole, self.written = time.monotonic() - start, self._written()
        self.after = _contents(state(repo))
        self._back()
        self.stopped = 0  # children that were killed after they had begun and before they were done

    def at_random(self, number: int) -> None:
        """Kill a child at a random moment of its whole life, or three times out of four among its acts, however slow the machine is."""
        child = forked(lambda: gate("docs"))
        if self.chance.random() < 0.75:
            far = self.chance.uniform(0, self.written)
            while self._written() < far and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                time.sleep(0.0005)
            time.sleep(self.chance.uniform(0, 0.005))
        else:
            time.sleep(self.chance.uniform(0, self.whole))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self._end(number)

    def in_turn(self, calls: Iterable[int]) -> int:
        """Kill a child before each of these system calls that change something, until one comes through; return how many were killed."""
        root = self.repo.root
        work = next(step.work for step in plan.steps(load(root)) if isinstance(step.work, Documents))
        killed = 0
        for call in calls:
            drawn = consolidate.draw(work, root)
            came = killed_at(call, partial(consolidate.carry_out, drawn, root, ""))
            self._end(call)
            killed += came
            if not came:
                break
        return killed

    def _written(self) -> int:
        """Return the bytes of the journal of a child."""
        return sum(path.stat().st_size for path in (self.repo.root / ".gate/trash").glob("*/journal.jsonl"))

    def _end(self, number: int) -> None:
        """Undo, or run again and undo."""
        self.stopped += bool(patient(lambda: consolidate.stopped(self.repo.root)))
        if number % 2:
            patient(lambda: consolidation.move(flow.enter(self.repo.root, Mode.FIX)))
            found = _contents(state(self.repo))
            assert found == self.after, f"case {number}, run again: {_differences(found, self.after)}"
        self._back()

    def _back(self) -> None:
        for run in reversed(journal.runs(self.repo.root)):
            patient(partial(journal.undo, self.repo.root, run.when))
        found = state(self.repo)
        assert found == self.before, f"undo: {_differences(found, self.before)}"
        journal.empty(self.repo.root)


def patient(act: Callable[[], Result]) -> Result:
    """Do as the gate says while the git that a killed child had just started is at work: wait, and run again."""
    late = time.monotonic() + 10
    while True:
        try:
            return act()
        except GateError as error:
            busy = "another run is changing files" in str(error) or "index.lock" in str(error)
            if not busy or time.monotonic() > late:
                raise
            time.sleep(0.01)


def forked(act: Callable[[], object]) -> int:
    """Let a child act; return its process id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a test runner has threads; the child uses none of them
        child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    return child


def _contents(found: tuple[Snapshot, str, str]) -> tuple[dict[bytes, tuple[str, int, bytes]], str]:
    """Leave out when files were written, and what the second of two ends says of the first."""
    tree, index, _ = found
    return {path: what[:3] for path, what in tree.items()}, index


def _differences(found: Sequence[object], wanted: Sequence[object]) -> str:
    """Say what is not as it should be."""
    parts = [set(part.items() if isinstance(part, dict) else str(part).splitlines()) for part in found]
    others = [set(part.items() if isinstance(part, dict) else str(part).splitlines()) for part in wanted]
    return "; ".join(f"{sorted(map(str, part ^ other))}" for part, other in zip(parts, others, strict=True) if part != other)


def named(root: Path) -> list[str]:
    """List every Markdown file."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.md") if ".gate" not in path.parts)
