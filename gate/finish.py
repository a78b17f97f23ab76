"""The git phase: commit exactly the verified tree, set the task's status, write the completion summary."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from gate import flow, page, worktree
from gate.errors import GateError
from gate.facts import Evidence
from gate.record import bundle, commit, tasks
from gate.record.files import make_folders, replace_file, restore
from gate.rows import Base, Verdict
from gate.units import show_count
from gate.work import Phase


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What finishing left behind."""

    commit: str
    paths: tuple[str, ...]
    summary: str


def finish(house: flow.House, whole: Verdict, task_id: str, base: Base | None = None) -> Finished:
    """Commit the tree of a COMPLETED verdict together with its summary, compared with a base if there is one, and the task's new status.

    Raises GateError, with every file and the index as before, when anything stands in the way.
    """
    start = time.perf_counter()
    workflow, root = house.policy.workflow, house.root
    _ready(root)
    store = root / workflow.tasks
    task = tasks.find(store, task_id)
    paths = worktree.changed(root)
    if task.status == "done":
        message = f"{workflow.tasks}: task {task.id} is done already; name another task, or set it back first"
        raise GateError(message)
    _only_ours(house, paths, task)
    left = (*task.open_children, *task.open_dependencies)
    if left:
        message = f"{workflow.tasks}: task {task.id} cannot be done while {', '.join(left[:9])} are open; finish or cancel them first"
        raise GateError(message)
    headline = f"{show_count(len(paths), 'changed path')} in the verified tree; task {task.id} may be done"
    flow.note_git(house, whole.tree, headline, time.perf_counter() - start)
    verdict, phases = flow.summarise(house)
    if verdict.tree != whole.tree or not verdict.completed:
        message = "the work tree changed since it was verified; run nox again"
        raise GateError(message)
    return _carry_out(house, verdict, task, store, phases, base)


def _only_ours(house: flow.House, paths: tuple[str, ...], task: tasks.Task) -> None:
    """Refuse what no check has seen: a change under the record paths that is neither the task store nor this task's summary."""
    workflow = house.policy.workflow
    text = PurePosixPath(workflow.record.summary.replace("{task}", task.id))
    ours = {workflow.tasks, str(text), str(text.with_name(bundle.beside(text.name)))}
    records = [PurePosixPath(path) for path in workflow.record.paths]
    strange = [path for path in paths if path not in ours and any(PurePosixPath(path).is_relative_to(record) for record in records)]
    if strange:
        message = (
            f"{strange[0]}: changed under the record paths, which no check looks at; commit or move it by itself, then run finish again"
        )
        raise GateError(message)


def _ready(root: Path) -> None:
    """Refuse where a commit would not mean what it says."""
    doing = worktree.busy(root)
    if doing:
        message = f"git is in the middle of a {doing}; end it (git {doing} --continue or --abort), then run finish again"
        raise GateError(message)
    if not worktree.branch(root):
        message = "HEAD is detached, the commit would belong to no branch; git switch to one, then run finish again"
        raise GateError(message)


def _carry_out(
    house: flow.House, verdict: Verdict, task: tasks.Task, store: Path, phases: dict[Phase, Evidence | None], base: Base | None
) -> Finished:
    """Write the records, commit, and compare the commit with what was verified; take all back when they differ."""
    root = house.root
    text = root / house.policy.workflow.record.summary.replace("{task}", task.id)
    drawn = page.draw(house, verdict, phases, title=f"Task {task.id} {task.title}", file=text.name, task=task.id, base=base)
    written = {text.with_name(drawn.name): drawn.bundle, text: drawn.text}
    before = {path: path.read_bytes() if path.exists() else None for path in written}
    made = make_folders(text.parent)
    try:
        with commit.taken_back(root, verdict.commit), _done(store, task):
            for path, raw in written.items():
                replace_file(path, raw)
            new, paths = commit.commit(root, _message(house, verdict, task))
            _same(house, verdict)
    except BaseException:
        for path, old in before.items():
            restore(path, old, made if path == text else ())  # the text is last, and the folders go with it
        raise
    return Finished(commit=new, paths=paths, summary=text.relative_to(root).as_posix())


def _same(house: flow.House, verdict: Verdict) -> None:
    """Refuse a commit that does not hold exactly the verified tree."""
    if house.tree("HEAD") != verdict.tree:
        message = "a hook changed what was committed; the commit was taken back, run nox again and then finish"
        raise GateError(message)


@contextmanager
def _done(store: Path, task: tasks.Task) -> Iterator[None]:
    """Set the task to done; when what happens inside fails, only this task is set back, and what others changed meanwhile stays."""
    before = tasks.set_status(store, task.id, "done", _now())
    after = store.read_bytes()
    try:
        yield
    except BaseException:
        if store.read_bytes() == after:
            replace_file(store.resolve(), before)
        else:
            tasks.set_status(store, task.id, task.status, _now())
        raise


def _now() -> str:
    """Write the time as Task Master does."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(house: flow.House, verdict: Verdict, task: tasks.Task) -> str:
    """Word the commit from the evidence."""
    lines = [f"{row.step.check}: {row.evidence.finding.headline}" for row in verdict.rows if row.evidence]
    return commit.message(house.policy.workflow.commit.type, task.id, task.title, lines, tree=verdict.tree, policy=verdict.policy)
