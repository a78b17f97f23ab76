"""A clone of a repository whose task was finished over invented evidence: what a stranger has, made within seconds."""

import io
from pathlib import Path

import pytest

from gate.cli import main
from gate.record import ledger
from tests.conftest import Repository, calm
from tests.finishing import EVIDENCE, SUMMARY, invented, prepared, proven

__all__ = ["EVIDENCE", "SUMMARY", "finished", "invented"]


def finished(home: Path) -> tuple[Path, Path]:
    """Finish task 20.2 in one repository and clone it; return the clone, with the records in it, and its summary."""
    made = Repository(home / "repo")
    with pytest.MonkeyPatch.context() as patch:
        calm(patch, home)
        patch.chdir(made.root)
        patch.setattr("gate.acts.finish._SETTLED", 0.0)  # no client writes here
        every = proven(prepared(made).root)
        main(["plan"], io.StringIO())
        if main(["finish", "--task", "20.2"], io.StringIO()):
            message = "the task could not be finished"
            raise RuntimeError(message)
        made.git("clone", "-q", str(made.root), str(home / "clone"))
        ledger.write_all(home / "clone", every)
    return home / "clone", home / "clone" / SUMMARY
