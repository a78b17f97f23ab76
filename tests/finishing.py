"""A repository in which a task can be finished within a moment, over invented evidence; and finishes that are killed in it."""

import contextlib
import io
import os
import random
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gate import flow
from gate.acts import verifying
from gate.cli import main
from gate.facts import Estimate, Evidence, Finding, Mode, Outcome, Reading, Series
from gate.facts.work import Question, Step
from gate.record import attempt, commit, ledger
from gate.repo import worktree
from tests.conftest import Repository, furnish

SUMMARY, EVIDENCE = "docs/completed/20.2-completion-summary.md", "docs/completed/20.2-evidence.json"
TASKS = """{
  "master": {
    "tasks": [
      {
        "id": 20,
        "title": "Make bots | lighter",
        "status": "in-progress",
        "dependencies": [],
        "mine": {"ünï": [1, 2.50]},
        "subtasks": [
          {"id": 1, "title": "Measure", "status": "done"},
          {"id": 2, "title": "Share", "status": "pending", "dependencies": [1]}
        ]
      }
    ],
    "metadata": {"created": "2026-01-01"}
  }
}"""
_CHANGING = ("replace", "mkdir", "unlink", "rmdir")
STAGED = "# staged\n"  # the last line of bots.py as the index has it, where only that is committed


def invented(house: flow.House, step: Step) -> Evidence:
    """Invent evidence of a pass, so that nothing has to run."""
    slope = Estimate(value=9.0, low=8.9, high=9.1, points=64) if isinstance(step.work, Question) else None
    series = Series(meter="heap", unit="B", over="steps", counts=tuple(range(64)), values=(7,) * 64)
    finding = Finding(outcome=Outcome.PASSED, headline=f"{step.check} is good", details=("more",), estimate=slope, unit="B/step")
    return flow.evidence(house, step, house.tree(), finding, Reading(wall=1.25, cpu=1.0, series=(series,), samples=1))


def proven(root: Path) -> list[Evidence]:
    """Record invented evidence for the tree as it is."""
    house = flow.enter(root, Mode.FIX)
    every = [invented(house, step) for step in house.steps]
    ledger.write_all(root, every)
    return every


def prepared(made: Repository) -> Repository:
    """Commit a house with tasks, then change two files: work to commit, and complete evidence for it."""
    furnish(made)
    made.write("tasks/tasks.json", TASKS)
    made.commit()
    made.write("bots.py", (made.root / "bots.py").read_text() + "\n\n# lighter\n")
    made.write("new.txt", "new")
    proven(made.root)
    return made


class Killed:
    """Let children finish a task, kill each, and run the same command again, as a person would."""

    def __init__(self, home: Path, *, staged: bool) -> None:
        """Prepare the repository that each of them gets; with `staged` there is more in the work tree than is to be committed."""
        self.staged, self.home = staged, home
        self.words = ["finish", "--task", "20.2", *(["--staged"] if staged else [])]
        made = prepared(Repository(home / "template"))
        if staged:
            proven(made.root)
            made.git("add", "-A")
            made.write("bots.py", (made.root / "bots.py").read_text() + STAGED)
            made.write("later.txt", "later")
        self.base = made.git("rev-parse", "HEAD").strip()
        self.whole = self.acts = 1.0  # seconds
        self.stopped = self.committed = 0  # finishes that had begun and were not done; those of them that had committed

    def at_random(self, chance: random.Random) -> None:
        """Kill one at a random moment of its life, or three times out of four among its acts."""
        child = self._forked()
        if chance.random() < 0.75:
            self._watched(child)
            time.sleep(chance.uniform(0, self.acts))
        else:
            time.sleep(chance.uniform(0, self.whole))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self._end()

    def at(self, act: int) -> bool:
        """Kill one before one of its acts: a program that it starts, or a change of a file; tell whether it came so far."""
        child = self._forked(act)
        _, status = os.waitpid(child, 0)
        self._end()
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return os.WIFSIGNALED(status)

    def once(self) -> None:
        """Let one come to its end, and see how long its life and its acts are."""
        start, child = time.monotonic(), self._forked()
        self._watched(child)
        begun = time.monotonic()
        assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 0
        self.whole, self.acts = time.monotonic() - start, time.monotonic() - begun
        self._end()

    def _watched(self, child: int) -> None:
        """Wait until a child begins to act, or ends."""
        while not self._begun() and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.0005)

    def _fresh(self) -> None:
        """Put the repository back."""
        os.chdir(self.home)
        shutil.rmtree(self.home / "repo", ignore_errors=True)
        shutil.copytree(self.home / "template", self.home / "repo", symlinks=True)
        os.chdir(self.home / "repo")

    def _forked(self, act: int | None = None) -> int:
        self._fresh()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a test runner has threads; the child uses none of them
            child = os.fork()
        if child == 0:
            code = 1
            try:
                _arm(act)
                self._act()
                code = 0
            finally:
                os._exit(code)
        return child

    def _act(self) -> None:
        out = io.StringIO()
        if main(self.words, out):
            raise RuntimeError(out.getvalue())

    def _begun(self) -> bool:
        return (self.home / "repo/.gate" / attempt.FOLDER / "journal.json").exists()

    def _end(self) -> None:
        """Run the same command again; then the task is done in one commit of the verified tree, and nothing is left or lost."""
        repo = Repository(self.home / "repo")
        self.stopped += self._begun()
        self.committed += self._begun() and repo.git("rev-parse", "HEAD").strip() != self.base
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stderr(err):
            code = main(self.words, out)
        assert code == 0, out.getvalue() + err.getvalue()
        assert repo.git("rev-list", f"{self.base}..HEAD").split() == [repo.git("rev-parse", "HEAD").strip()], "one commit"
        left = " M bots.py\n?? later.txt\n" if self.staged else ""
        assert repo.git("status", "--porcelain") == left, repo.git("status", "--porcelain")
        assert (repo.root / "bots.py").read_text().endswith(STAGED) == self.staged
        text = (repo.root / "tasks/tasks.json").read_text()
        assert text.count('"status": "done"') == 2
        assert repo.git("show", "HEAD:tasks/tasks.json") == text, "the store in the commit is the one in the work tree"
        checked = verifying.verify(repo.root, Path(SUMMARY), "HEAD")
        assert checked.wrong == (), checked.wrong
        assert not self._begun(), "nothing is left to do"


def _arm(act: int | None) -> None:
    """Let one of the acts that follow the first line of the journal be the last of this process."""
    left = [act if act is not None else sys.maxsize]
    begin = attempt.write

    def armed(root: Path, made: attempt.Attempt) -> None:
        setattr(attempt, "write", begin)  # noqa: B010 - as below
        begin(root, made)
        for owner, name in ((worktree, "run"), (commit, "run"), *((os, name) for name in _CHANGING)):
            setattr(owner, name, counted(getattr(owner, name)))

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def made(*words: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*words, **named)

        return made

    setattr(attempt, "write", armed)  # noqa: B010 - behind the door


def say(line: str) -> None:
    """Write one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
