"""Adoption in its order: look, find candidates, measure, draw every file, and write what is new."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gate import policy
from gate.acts import calibrate, merging
from gate.adopt import cases, classes, judged, pages, texts
from gate.adopt.pages import Page
from gate.adopt.project import Project, look
from gate.facts import Change
from gate.judge import debts
from gate.repo import worktree
from gate.threads import answer, side_by_side
from gate.tidy import trash
from gate.tidy.journal import Journal

_MEASURING = 25.0  # seconds after which no further candidate is begun: a minute in all
_LARGE = 1_000_000  # bytes of one file that is still read for classes

Watch = Callable[[str], None]  # what is being done


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """Everything that adoption would write, and what it is drawn from."""

    project: Project
    judged: judged.Judged | None  # None when no policy is missing: then nothing is measured
    cases: tuple[cases.Case, ...]
    pages: tuple[Page, ...]
    notes: tuple[str, ...]


def propose(root: Path, *, heapgate: str, watch: Watch) -> Proposal:
    """Draw everything; nothing of the tree is changed.

    Raises GateError when there is no Python code, and when what was drawn is no sound policy.
    """
    start = time.monotonic()
    watch("looking at the project")
    project, wanted = look(root), pages.missing(root)
    found: tuple[cases.Case, ...] = ()
    said = judged.Judged(paths=project.code, without={}, passing={}, debts={}, dead={}, commands=())
    drawn: dict[str, str] = {}
    if wanted:
        with side_by_side(2) as later:  # the tools take their time, and agents must not wait for them
            watch("asking the tools that it uses")
            asked = later(judged.judge, project, root) if {"quality", "docs"} & set(wanted) else None
            if "memory" in wanted:
                candidates = classes.find(_texts(root, project, code=True), project.roots, _texts(root, project, code=False))
                found = cases.measure(candidates, root, until=start + _MEASURING, watch=lambda name: watch(f"measuring {name}"))
            said = answer(asked) if asked else said
        where = {key: word for key, word in calibrate.provenance(root, "").items() if key != "value"}
        drawn = texts.policies(project, said, found, where)
        policy.parse({name: text.encode() for name, text in drawn.items()})  # what we write is what we read
    files, notes = pages.draw(
        root, project, said, {name: text for name, text in drawn.items() if name in wanted or name == "baseline"}, heapgate
    )
    return Proposal(project=project, judged=said if wanted else None, cases=found, pages=files, notes=notes)


def write(root: Path, proposal: Proposal, *, merge: bool) -> tuple[Page, ...]:
    """Write what is new, and with `merge` also what changes files that were there; each act can be taken back."""
    chosen = tuple(page for page in proposal.pages if merge or not page.merges)
    if chosen:
        with Journal.begin(root, "init", worktree.tree_id(root)) as journal:
            for page in chosen:
                journal.rewrite(page.path, page.before, page.after)
    return chosen


def let_merge(root: Path, written: Sequence[Page]) -> tuple[str, ...]:
    """Let git call the merge driver in this clone when a baseline was written; return what was configured."""
    return merging.configure(root) if any(page.path == debts.FILE for page in written) else ()


def undo(root: Path) -> tuple[Change, ...]:
    """Take back the newest adoption."""
    return trash.undo(root, "", "init")


def forget_merge(root: Path, gone: Sequence[Change]) -> bool:
    """Take the merge driver out of git's configuration when the baseline is gone; tell whether it was there."""
    return any(change.path == debts.FILE for change in gone) and merging.forget(root)


def _texts(root: Path, project: Project, *, code: bool) -> dict[str, str]:
    """Read the Python files of the project's code, or all others."""
    found = {}
    for path in project.files:
        inside = any(path == place or path.startswith(f"{place}/") for place in project.code)
        whole = root / path
        if path.endswith(".py") and inside is code and whole.is_file() and whole.stat().st_size < _LARGE:
            found[path] = whole.read_text(encoding="utf-8", errors="replace")
    return found
