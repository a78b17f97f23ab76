"""The git phase: commit exactly the verified tree, set the task's status, write the completion summary."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gate import flow, worktree
from gate.errors import GateError
from gate.facts import Evidence, Phase, Verdict
from gate.record import commit, tasks
from gate.record.files import replace_file, restore
from gate.report import summary
from gate.units import show_count


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What finishing left behind."""

    commit: str
    paths: tuple[str, ...]
    summary: str


def finish(house: flow.House, whole: Verdict, task_id: str) -> Finished:
    """Commit the tree of a COMPLETED verdict together with its summary and the task's new status.

    Raises GateError, with every file and the index as before, when anything stands in the way.
    """
    start = time.perf_counter()
    workflow, root = house.policy.workflow, house.root
    _ready(root)
    store = root / workflow.tasks
    task = tasks.find(store, task_id)
    left = (*task.open_children, *task.open_dependencies)
    if left:
        message = f"{workflow.tasks}: task {task.id} cannot be done while {', '.join(left[:9])} are open; finish or cancel them first"
        raise GateError(message)
    paths = worktree.changed(root)
    headline = f"{show_count(len(paths), 'changed path')} in the verified tree; task {task.id} may be done"
    flow.note_git(house, whole.tree, headline, time.perf_counter() - start)
    verdict, phases = flow.summarise(house)
    if verdict.tree != whole.tree or not verdict.completed:
        message = "the work tree changed since it was verified; run nox again"
        raise GateError(message)
    return _carry_out(house, verdict, task, store, phases)


def _ready(root: Path) -> None:
    """Refuse where a commit would not mean what it says."""
    doing = worktree.busy(root)
    if doing:
        message = f"git is in the middle of a {doing}; end it (git {doing} --continue or --abort), then run finish again"
        raise GateError(message)
    if not worktree.branch(root):
        message = "HEAD is detached, the commit would belong to no branch; git switch to one, then run finish again"
        raise GateError(message)


def _carry_out(house: flow.House, verdict: Verdict, task: tasks.Task, store: Path, phases: dict[Phase, Evidence | None]) -> Finished:
    """Write the records, commit, and compare the commit with what was verified; take all back when they differ."""
    root, workflow = house.root, house.policy.workflow
    page = root / workflow.record.summary.format(task=task.id)
    before = page.read_bytes() if page.exists() else None
    page.parent.mkdir(parents=True, exist_ok=True)
    text = summary.write(verdict, f"Task {task.id} {task.title}", phases)
    replace_file(page, text.encode("utf-8", "backslashreplace"))
    stored: bytes | None = None
    try:
        stored = tasks.set_status(store, task.id, "done", datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))
        paths = _paths(root, [page.relative_to(root).as_posix(), workflow.tasks])
        made = commit.commit(root, paths, _message(house, verdict, task))
        _same(house, verdict)
    except BaseException:
        restore(page, before)
        if stored is not None:
            restore(store.resolve(), stored)
        raise
    return Finished(commit=made, paths=paths, summary=page.relative_to(root).as_posix())


def _same(house: flow.House, verdict: Verdict) -> None:
    """Take the commit back when it does not hold exactly the verified tree."""
    if house.tree("HEAD") != verdict.tree:
        commit.undo(house.root, verdict.commit)
        message = "a hook changed what was committed; the commit was taken back, run nox again and then finish"
        raise GateError(message)


def _paths(root: Path, records: list[str]) -> tuple[str, ...]:
    """Return every path that the commit holds; a record that git ignores stays out."""
    hidden = worktree.ignored(root, records)
    return tuple(dict.fromkeys([*worktree.changed(root), *(path for path in records if path not in hidden)]))


def _message(house: flow.House, verdict: Verdict, task: tasks.Task) -> str:
    """Word the commit from the evidence."""
    lines = [f"{row.step.check}: {row.evidence.finding.headline}" for row in verdict.rows if row.evidence]
    return commit.message(house.policy.workflow.commit.type, task.id, task.title, lines, tree=verdict.tree, policy=verdict.policy)
