"""A clone of a repository whose task was finished over invented evidence: what a stranger has, made within seconds."""

import io
from pathlib import Path

import pytest

from gate import flow
from gate.cli import main
from gate.facts import Estimate, Evidence, Finding, Mode, Outcome, Reading, Series
from gate.facts.work import Question, Step
from gate.record import ledger
from tests.conftest import Repository, calm, furnish
from tests.test_finish import TASKS

SUMMARY, EVIDENCE = "docs/completed/20.2-completion-summary.md", "docs/completed/20.2-evidence.json"


def invented(house: flow.House, step: Step) -> Evidence:
    """Invent evidence of a pass, so that nothing has to run."""
    slope = Estimate(value=9.0, low=8.9, high=9.1, points=64) if isinstance(step.work, Question) else None
    series = Series(meter="heap", unit="B", over="steps", counts=tuple(range(64)), values=(7,) * 64)
    finding = Finding(outcome=Outcome.PASSED, headline=f"{step.check} is good", details=("more",), estimate=slope, unit="B/step")
    return flow.evidence(house, step, house.tree(), finding, Reading(wall=1.25, cpu=1.0, series=(series,), samples=1))


def finished(home: Path) -> tuple[Path, Path]:
    """Finish task 20.2 in one repository and clone it; return the clone, with the records in it, and its summary."""
    made = Repository(home / "repo")
    with pytest.MonkeyPatch.context() as patch:
        calm(patch, home)
        patch.chdir(made.root)
        furnish(made)
        made.write("tasks/tasks.json", TASKS)
        made.commit()
        made.write("bots.py", (made.root / "bots.py").read_text() + "\n\n# lighter\n")
        house = flow.enter(made.root, Mode.FIX)
        every = [invented(house, step) for step in house.steps]
        ledger.write_all(made.root, every)
        main(["plan"], io.StringIO())
        if main(["finish", "--task", "20.2"], io.StringIO()):
            message = "the task could not be finished"
            raise RuntimeError(message)
        made.git("clone", "-q", str(made.root), str(home / "clone"))
        ledger.write_all(home / "clone", every)
    return home / "clone", home / "clone" / SUMMARY
