"""One import for all children of one case: a process that has loaded the user's code forks each fresh child from itself."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from gate.command import Born, Child, NotBorn, Ran
from gate.facts.work import Question
from gate.measure import inputs, throwaway
from gate.probe import inputs as notes
from gate.probe import pins
from gate.units import show_size, show_time

Answer = dict[str, Any]  # JSON to and from a child: see gate/probe

_TAIL = 5  # lines of what a broken child printed


@contextmanager
def shared() -> Iterator[None]:
    """Let all children that are asked for within the block, in this thread and about the same code, come from one import."""
    if _OPEN.get() is not None:
        yield
        return
    nurseries: dict[str, Nursery] = {}
    token = _OPEN.set(nurseries)
    try:
        yield
    finally:
        _OPEN.reset(token)
        for nursery in nurseries.values():
            nursery.close()


def child(question: Question, root: Path, how: Answer) -> "Process":
    """Return a fresh process that has loaded the code of a question and built nothing; `how` tells it in what way it will be asked."""
    nurseries = _OPEN.get()
    if nurseries is None:
        with shared():  # once the child is there it needs no nursery any more
            return child(question, root, how)
    wanted = _wanted(question, root)
    return nurseries.setdefault(json.dumps(wanted), Nursery(wanted)).child(question, root, how)


class Process:
    """A process that has loaded the user's code, or could not, with the mark of everything that it starts; nothing of it stays."""

    def __init__(self, loaded: Answer) -> None:
        """Find a mark; nothing is started yet."""
        self._scratch = tempfile.TemporaryDirectory(prefix="gate-", ignore_cleanup_errors=True)
        self.mark = self._scratch.name
        self.child: Child | None = None
        self.loaded = loaded
        self.cpu = 0.0  # seconds that loading took in another process, told with the first child alone

    def start(self, question: Question, root: Path, wanted: Answer) -> None:
        """Start the interpreter and let it load the code."""
        request, budget = Path(self.mark, "request.json"), question.budget
        request.write_text(json.dumps(wanted | inputs.wanted()), encoding="utf-8")
        words, env = [sys.executable, "-P", "-m", "gate.probe", str(request)], {**pins.PINS, pins.MARK: self.mark}
        self.child = Child(words, cwd=root, seconds=budget.seconds, output=budget.output, env=env, talks=True)
        told, why = answer(self.child.hear())
        self.loaded = told or {"error": why or trouble(self.child.end(), question)}

    def fork(self, question: Question, how: Answer) -> "Process":
        """Let it fork another one that is as it is; raises NotBorn."""
        assert self.child is not None  # noqa: S101 - who has not started cannot
        other, budget = Process(self.loaded), question.budget
        try:
            other.child = Born(self.child, how, seconds=budget.seconds, output=budget.output, mark=other.mark)
        except BaseException:
            other.end()
            raise
        return other

    def end(self, *error: object) -> None:
        """End it, and everything that it started."""
        try:
            if self.child is not None:
                self.child.__exit__(*error)
                pins.end_marked(self.mark)
        finally:
            self._scratch.cleanup()


class Nursery:
    """What the children of one case come from: forked while that is possible, else each with an import of its own."""

    def __init__(self, wanted: Answer) -> None:
        """Know what is to be loaded; nothing is started yet."""
        self._wanted = wanted
        self._process: Process | None = None
        self._failed: Answer = {}

    def child(self, question: Question, root: Path, how: Answer) -> Process:
        """Return a fresh process; code that could not be loaded once is not loaded again."""
        if self._failed:
            return Process(self._failed)
        if self._process is not None:
            return self._forked(self._process, question, root, how)
        process = Process({})
        try:
            process.start(question, root, self._wanted | how)
        except BaseException:
            process.end()
            raise
        if "error" in process.loaded:
            self._failed = process.loaded | {"cpu": 0.0}
        if process.loaded.get("alone", "error"):
            return process
        self._process = process
        first = self._forked(process, question, root, how)
        first.cpu = float(process.loaded["cpu"])
        return first

    def _forked(self, process: Process, question: Question, root: Path, how: Answer) -> Process:
        """Let one be forked, or when that cannot be, start another."""
        try:
            return process.fork(question, how)
        except NotBorn:
            self._wanted["alone"] = "the process that had loaded it could fork no child"
            self.close()
            return self.child(question, root, how)

    def close(self) -> None:
        """End what children were forked from; they live on."""
        if self._process is not None:
            self._process.end()
            self._process = None


_OPEN: ContextVar[dict[str, Nursery] | None] = ContextVar("nurseries", default=None)


def answer(line: str) -> tuple[Answer, str]:
    """Read what a child says, nothing when it ended instead; and why it cannot be what the probe said."""
    try:
        told = json.loads(line) if line else {}
    except ValueError:
        told = None
    if not isinstance(told, dict) or (told and not {"cpu", "pins"} <= told.keys()):
        return {}, "the code wrote into the gate's own descriptor; let it write only to descriptors that it opened"
    return told, ""


def trouble(ran: Ran, question: Question) -> str:
    """Say why a child that has ended gave no answer."""
    budget = question.budget
    if ran.stopped == "time":
        act = "raise budget.time or lower steps" if question.limit.place else "--budget-seconds gives it more"
        why = f"took longer than {show_time(budget.seconds)} and was stopped; {act}"
    elif ran.stopped == "output":
        act = "silence it or raise budget.output" if question.limit.place else "silence it"
        why = f"printed more than {show_size(budget.output)}; {act}"
    elif ran.stopped == "crowd":
        why = "started more than 1,000 processes and threads and was stopped; bound what it starts"
    elif ran.code == notes.UNNOTED:
        why = "could not note what it read; make room for temporary files, and let the code leave them alone"
    elif ran.code == pins.CUT:
        why = "closed descriptors that it did not open, the gate's among them, before it answered; let it close only its own"
    else:
        why = f"{throwaway.ended(ran.code)} before it answered"
    return "\n".join([f"the measured child {why}", *throwaway.tail(ran.err.strip() or ran.out, _TAIL)])


def _wanted(question: Question, root: Path) -> Answer:
    """Say what is to be loaded; what differs here cannot come from one import."""
    subject = question.subject
    return {
        "root": str(root),
        "build": subject.build,
        "step": subject.step,
        "form": subject.form,
        "given": subject.given,
        "memory": question.budget.memory,
    }
