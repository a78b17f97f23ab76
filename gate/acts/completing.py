"""One commit with its records and its task: all of it holds in the end, or none, whenever we are killed."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from gate import flow, tasking
from gate.acts.page import Drawn
from gate.errors import GateError, TaskError
from gate.facts.rows import Verdict
from gate.record import attempt as attempts
from gate.record import bundle, commit
from gate.record.attempt import Attempt
from gate.record.files import make_folders, replace_file
from gate.record.taskfile import TaskFile
from gate.record.tasks import Change, Store, Task, Tasks
from gate.repo import candidate, worktree


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What finishing left behind."""

    commit: str
    paths: tuple[str, ...]
    summary: str
    changes: tuple[Change, ...]  # of all tasks that are done now


class HookedError(GateError):
    """Git or a hook refused, or a hook changed what was to be committed: nothing was. Perhaps it changed files, too."""

    def __init__(self, message: str, what: str) -> None:
        """Keep what happened apart from what to do."""
        super().__init__(message)
        self.what = what


def carry_out(house: flow.House, verdict: Verdict, closed: Sequence[Task], drawn: Drawn, message: str, *, staged: bool) -> Finished:
    """Write the records, set the tasks to done, commit, and compare the commit with what was verified.

    Raises GateError, with every file, HEAD and the index as before, when anything is not as it should be.
    """
    root, workflow = house.root, house.policy.workflow
    store = tasking.open_store(root, workflow.tasks)
    text = root / workflow.record.summary.replace("{task}", closed[0].id)
    files = {text.with_name(drawn.name): drawn.bundle, text: drawn.text}
    gate = {
        "tree": verdict.tree,
        "summary": text.relative_to(root).as_posix(),
        "evidence": f"sha256:{hashlib.sha256(drawn.bundle).hexdigest()}",
    }
    changes = tuple(Change(id=one.id, status="done", at=tasking.now(), gate=gate) for one in closed)
    with attempts.held(root) as folder:
        begun = _begun(house, verdict, closed, changes, files, message)
        attempts.write(root, begun)
        try:
            make_folders(text.parent)
            for path, raw in files.items():
                replace_file(path, raw)
            tasking.change(root, store, changes)
            begun = _indexed(house, begun, folder, staged=staged)
            attempts.write(root, begun)
            made = _committed(root, begun, folder)
            _assert_kept(root, store, changes)
        except BaseException:
            _take_back(root, begun, store)
            raise
        return _settled(root, begun, made)


def resume(house: flow.House) -> tuple[Attempt, Finished | None] | None:
    """Bring what an earlier finish was killed in to its end: its commit is there and right, or all of it is taken back.

    Return what it was about, and the commit if there is one; None when nothing was left.
    """
    root = house.root
    if attempts.read(root) is None:
        return None
    with attempts.held(root):
        left = attempts.read(root)
        if left is None:
            return None
        made = _ours(root, left)
        if made and commit.whole_tree(root, made) == left.whole:
            return left, _settled(root, left, made)
        _take_back(root, left, tasking.open_store(root, house.policy.workflow.tasks))
    return left, None


def lost(root: Path, tasks: Tasks, changes: Sequence[Change]) -> Iterator[str]:
    """Say which of our changes are gone from the store."""
    ours = {change.id for change in changes}
    for task_id, what in tasking.lost(root, tasks):
        if task_id in ours:
            yield f"{tasks.place}: task {task_id} was {what}"


def records(house: flow.House, task_id: str) -> tuple[str, ...]:
    """Return the paths that finishing a task writes: its summary, the bundle beside it and the task store."""
    text = PurePosixPath(house.policy.workflow.record.summary.replace("{task}", task_id))
    return str(text), str(text.with_name(bundle.beside(text.name))), house.policy.workflow.tasks


def is_record(house: flow.House, path: str) -> bool:
    """Tell whether a path is under the record paths, which are no part of the tree id."""
    return any(PurePosixPath(path).is_relative_to(record) for record in house.policy.workflow.record.paths)


def _begun(
    house: flow.House, verdict: Verdict, closed: Sequence[Task], changes: tuple[Change, ...], files: dict[Path, bytes], message: str
) -> Attempt:
    """Write down everything as it is."""
    root, place = house.root, house.root / house.policy.workflow.tasks
    store = tasking.open_store(root, house.policy.workflow.tasks)
    text = next(reversed(files))
    kept = [attempts.saved(root, path, raw) for path, raw in files.items()]
    kept += [attempts.saved(root, path) for path in tasking.notes(root, store.tasks().tag, changes)]
    return Attempt(
        task=closed[0].id,
        tree=verdict.tree,
        parent=worktree.head(root),
        summary=text.relative_to(root).as_posix(),
        files=dict(kept),
        made=tuple(path.relative_to(root).as_posix() for path in (text.parent, *text.parent.parents) if not path.exists()),
        store=place.read_bytes() if isinstance(store, TaskFile) else None,
        held=tuple(Change(id=one.id, status=one.status or "pending", at=tasking.now(), gate=one.gate) for one in closed),
        changes=changes,
        message=message,
    )


def _indexed(house: flow.House, begun: Attempt, folder: Path, *, staged: bool) -> Attempt:
    """Write the index that is committed, and refuse one that holds anything but the verified tree and our records."""
    root, workflow = house.root, house.policy.workflow
    ours = records(house, begun.task)
    drawn = candidate.of_index(root, folder / attempts.INDEX, ours, staged=staged)
    if worktree.without(root, drawn.tree, workflow.record.paths) != begun.tree:
        message = "the work tree changed since it was verified; stop what writes there, then run finish again"
        raise GateError(message)
    names = drawn.names()
    strange = [path for path in names if is_record(house, path) and path not in ours]
    if strange:
        message = f"{strange[0]}: appeared under the record paths while we wrote; commit or move it by itself, then run finish again"
        raise GateError(message)
    return replace(begun, paths=names, whole=drawn.tree)


def _committed(root: Path, begun: Attempt, folder: Path) -> str:
    """Commit; tell apart who refused, and what a hook changed."""
    try:
        made = commit.commit(root, folder / attempts.INDEX, begun.message)
    except commit.RefusedError as error:
        raise HookedError(str(error), f"a hook refused and changed files: {error.told}") from error
    if commit.whole_tree(root, made) != begun.whole or commit.after(root, begun.parent) != made:
        commit.take_back(root, made, begun.parent)  # whatever a hook made of its message
        what = "a hook changed what was committed; the commit was taken back"
        message = f"{what}: let hooks change files and not the index alone, or run them before finish"
        raise HookedError(message, what)
    return made


def _assert_kept(root: Path, store: Store, changes: Sequence[Change]) -> None:
    """Refuse a commit that may hold what another program put back."""
    for said in lost(root, store.tasks(), changes):
        message = f"{said}; the commit was taken back: run finish again when that program is done"
        raise GateError(message)


def _settled(root: Path, begun: Attempt, made: str) -> Finished:
    """Let the user's index hold what was committed; nothing is left to do then."""
    commit.settle(root, begun.paths)
    attempts.end(root)
    return Finished(commit=made, paths=begun.paths, summary=begun.summary, changes=begun.changes)


def _ours(root: Path, begun: Attempt) -> str:
    """Return the commit that an attempt made, or "": one on its parent that names its task and tree."""
    made = commit.after(root, begun.parent)
    if not made:
        return ""
    said = commit.message_of(root, made).splitlines()
    is_ours = {f"Task: {begun.task}", f"Gate-Tree: {begun.tree}"} <= set(said)
    return made if is_ours or commit.whole_tree(root, made) == begun.whole else ""


def _take_back(root: Path, begun: Attempt, store: Store) -> None:
    """Put HEAD, the tasks and the files back; the user's index is as it was."""
    made = _ours(root, begun)
    if made:
        commit.take_back(root, made, begun.parent)
    try:
        tasking.undo(store, begun.changes, begun.held, begun.store)
    except TaskError as error:
        message = f"{error}; then run finish again, which sets task {begun.task} back first"
        raise GateError(message) from error
    attempts.put_back(root, begun)
    attempts.end(root)
