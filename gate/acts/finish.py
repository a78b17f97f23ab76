"""The git phase: commit exactly the verified tree, set the task's status, write the completion summary."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gate import flow, tasking
from gate.acts import page
from gate.errors import GateError
from gate.facts import Evidence
from gate.facts.rows import Base, Verdict
from gate.facts.work import Phase
from gate.judge import verdict as verdicts
from gate.record import bundle, commit
from gate.record.files import make_folders, replace_file, restore
from gate.record.tasks import Change, Store, Task, Tasks
from gate.repo import worktree
from gate.units import show_count


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What finishing left behind."""

    commit: str
    paths: tuple[str, ...]
    summary: str
    tasks: tuple[str, ...]  # ids of all that are done now
    lost: tuple[str, ...] = ()  # what another program overwrote after the commit


def verdict_of(house: flow.House, task_id: str) -> tuple[Verdict, dict[Phase, Evidence | None]]:
    """Gather all evidence; where the task or the policy names checks for it, these decide."""
    tasks = tasking.open_store(house.root, house.policy.workflow.tasks).tasks()
    asked = tasking.asked(house.policy, tasks, tasks.find(task_id), [step.check for step in house.steps])
    whole, phases = flow.summarise(house)
    return (verdicts.of_task(whole, asked) if asked else whole), phases


def finish(
    house: flow.House, whole: Verdict, task_id: str, agree: Callable[[tuple[Task, ...]], None], base: Base | None = None
) -> Finished:
    """Commit the tree of a COMPLETED verdict together with its summary, compared with a base if there is one, and the task's new status.

    `agree` is told the open subtasks, if there are any, and raises GateError unless they are to be done too.
    Raises GateError, with every file and the index as before, when anything stands in the way.
    """
    start = time.perf_counter()
    workflow, root = house.policy.workflow, house.root
    _ready(root)
    store = tasking.open_store(root, workflow.tasks)
    tasks = store.tasks()
    task = tasks.find(task_id)
    paths = worktree.changed(root)
    if task.status == "done":
        message = f"{workflow.tasks}: task {task.id} is done already; name another task, or set it back: gate task start {task.id}"
        raise GateError(message)
    _only_ours(house, paths, task)
    children = tuple(tasks.find(child) for child in tasks.open_children(task.id))
    tasks.assert_may([Change(id=one.id, status="done", at="") for one in (*children, task)])
    if children:
        agree(children)
    headline = f"{show_count(len(paths), 'changed path')} in the verified tree; task {task.id} may be done"
    flow.note_git(house, whole.tree, headline, time.perf_counter() - start)
    verdict, phases = verdict_of(house, task_id)
    if verdict.tree != whole.tree or not verdict.completed:
        message = "the work tree changed since it was verified; run nox again"
        raise GateError(message)
    return _carry_out(house, verdict, (task, *children), store, phases, base)


def _only_ours(house: flow.House, paths: tuple[str, ...], task: Task) -> None:
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
    house: flow.House,
    verdict: Verdict,
    closed: tuple[Task, ...],
    store: Store,
    phases: dict[Phase, Evidence | None],
    base: Base | None,
) -> Finished:
    """Write the records, commit, and compare the commit with what was verified; take all back when they differ."""
    root, task = house.root, closed[0]
    text = root / house.policy.workflow.record.summary.replace("{task}", task.id)
    drawn = page.draw(house, verdict, phases, title=f"Task {task.id} {task.title}", file=text.name, task=task.id, base=base)
    files = {text.with_name(drawn.name): drawn.bundle, text: drawn.text}
    before = {path: path.read_bytes() if path.exists() else None for path in files}
    made = make_folders(text.parent)
    name = text.relative_to(root).as_posix()
    gate = {"tree": verdict.tree, "summary": name, "evidence": f"sha256:{hashlib.sha256(drawn.bundle).hexdigest()}"}
    changes = [Change(id=one.id, status="done", at=tasking.now(), gate=gate) for one in closed]
    written = time.monotonic()
    try:
        with commit.taken_back(root, verdict.commit), _done(root, store, changes):
            for path, raw in files.items():
                replace_file(path, raw)
            new, paths = commit.commit(root, _message(house, verdict, closed))
            _same(house, verdict)
            _kept(root, store, changes)
    except BaseException:
        for path, old in before.items():
            restore(path, old, made if path == text else ())  # the text is last, and the folders go with it
        raise
    time.sleep(max(0.0, written + _SETTLED - time.monotonic()))
    lost = tuple(_lost(root, store.tasks(), changes))
    return Finished(commit=new, paths=paths, summary=name, tasks=tuple(one.id for one in closed), lost=lost)


def _kept(root: Path, store: Store, changes: list[Change]) -> None:
    """Refuse a commit that may hold what another program put back."""
    for said in _lost(root, store.tasks(), changes):
        message = f"{said}; the commit was taken back: run finish again when that program is done"
        raise GateError(message)


def _lost(root: Path, tasks: Tasks, changes: list[Change]) -> Iterator[str]:
    """Say which of our changes are gone from the store."""
    ours = {change.id for change in changes}
    for task_id, what in tasking.lost(root, tasks):
        if task_id in ours:
            yield f"{tasks.place}: task {task_id} was {what}"


def _same(house: flow.House, verdict: Verdict) -> None:
    """Refuse a commit that does not hold exactly the verified tree."""
    if house.tree("HEAD") != verdict.tree:
        message = "a hook changed what was committed; the commit was taken back, run nox again and then finish"
        raise GateError(message)


@contextmanager
def _done(root: Path, store: Store, changes: list[Change]) -> Iterator[None]:
    """Set tasks to done; when what happens inside fails, only these are set back, and what others changed meanwhile stays."""
    take_back = tasking.change(root, store, changes)
    try:
        yield
    except BaseException:
        take_back()
        raise


def _message(house: flow.House, verdict: Verdict, closed: tuple[Task, ...]) -> str:
    """Word the commit from the evidence."""
    task = closed[0]
    decided = [row for row in verdict.rows if row.asked]
    lines = [f"{row.step.check}: {row.evidence.finding.headline}" for row in decided if row.evidence]
    lines += [f"not asked by this task: {text}" for text in verdict.aside]
    lines += [f"also done: {child.id}" for child in closed[1:]]
    return commit.message(house.policy.workflow.commit.type, task.id, task.title, lines, tree=verdict.tree, policy=verdict.policy)


_SETTLED = 1.0  # seconds after which a client that had read the store before we wrote has written, as a rule
