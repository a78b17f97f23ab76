"""The git phase: commit exactly the verified tree, set the task's status, write the completion summary."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from gate import flow, tasking
from gate.acts import against, completing, entering, page, standing, tidying
from gate.acts.completing import Finished
from gate.errors import GateError, TaskError
from gate.facts import Evidence, Reading
from gate.facts.intake import Entering
from gate.facts.rows import Counted, Row, Verdict
from gate.facts.work import Phase, Question, Step, Sweep, Tool
from gate.judge import verdict as verdicts
from gate.record import commit
from gate.record.attempt import Attempt
from gate.record.tasks import Change, Task
from gate.repo import worktree
from gate.units import show_count

AGAIN = 2  # times that what hooks changed is verified again
_UNKNOWN = {Counted.MISSING, Counted.STALE, Counted.OLD}
_LIVED_WITH = {Counted.SKIPPED, Counted.WAIVED}
_SETTLED = 1.0  # seconds after which a client that had read the store before we wrote has written, as a rule


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is to be finished, and how."""

    task: str
    message: str = ""  # the subject instead of the task's title
    staged: bool = False  # only what is staged
    detached: bool = False  # also where HEAD is on no branch
    against: str = ""  # a revision
    agree: Callable[[tuple[Task, ...]], None] = field(
        default=lambda _: None
    )  # told the open subtasks, raises unless they are to be done too


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """What finishing would do."""

    entering: Entering
    verdict: Verdict
    closed: tuple[Task, ...]  # the task first
    records: tuple[str, ...]  # paths that it would write
    message: str
    runs: tuple[str, ...] = ()  # checks that must run first


class Told(Protocol):
    """Whom finish tells what it does."""

    def enters(self, drawn: Entering, records: Sequence[str]) -> None:
        """Hear what goes in, and which records are written beside it."""

    def stands(self, whole: Verdict) -> None:
        """Hear where the tree stands."""

    def again(self, why: str) -> None:
        """Hear that a hook changed the tree, which is verified again."""

    def left(self, attempt: Attempt, done: Finished | None) -> None:
        """Hear what became of an earlier finish that was killed."""


def verdict_of(house: flow.House, task_id: str, there: flow.House | None = None) -> tuple[Verdict, dict[Phase, Evidence | None]]:
    """Gather all evidence, of `there` where that is another work tree; where the task or the policy names checks, these decide."""
    tasks = tasking.open_store(house.root, house.policy.workflow.tasks).tasks()
    there = there or house
    asked = tasking.asked(there.policy, tasks, tasks.find(task_id), [step.check for step in there.steps])
    whole, phases = flow.summarise(there)
    whole = replace(whole, commit=worktree.head(house.root), branch=worktree.branch(house.root))
    whole = verdicts.of_task(whole, asked) if asked else whole
    return standing.stand(house.root, there.policy, whole, there.root), phases


def preview(house: flow.House, wish: Wish) -> Drawn:
    """Say what finishing would do; nothing is run or written. Raises GateError where it would refuse."""
    entering.ready(house, staged=wish.staged, detached=wish.detached)
    closed = _closing(house, wish)
    drawn = entering.draw(house, staged=wish.staged)
    _assert_only_ours(house, drawn, closed)
    with entering.measured(house, staged=wish.staged) as there:
        whole, _ = verdict_of(house, wish.task, there)
    return Drawn(
        entering=drawn,
        verdict=whole,
        closed=closed,
        records=_records(house, wish.task),
        message=_message(house, wish, whole, closed),
        runs=tuple(step.check for step in _unknown(whole)),
    )


def finish(house: flow.House, wish: Wish, told: Told) -> tuple[int, Finished | None]:
    """Run what is missing; commit the tree of a COMPLETED verdict with its summary and the task's new status. Return the exit code.

    What an earlier finish was killed in is brought to its end first.
    Raises GateError, with every file and the index as before, when anything stands in the way.
    """
    left = completing.resume(house)
    if left:
        told.left(*left)
        if left[1] and left[0].task == wish.task:
            return 0, left[1]
    done = _done_already(house, wish)
    if done:
        return 0, done
    for attempt in range(AGAIN + 1):
        code, done, why = _once(house, wish, told)
        if not why:
            return code, done
        if attempt == AGAIN:
            message = f"{why}; it was verified again {AGAIN} times: hooks must leave alone what they have mended, so run them by hand first"
            raise GateError(message)
        told.again(why)
    return 1, None


def settled(house: flow.House, done: Finished, *, since: float) -> tuple[str, ...]:
    """Wait until a client that had read the store before has written; say what it overwrote."""
    time.sleep(max(0.0, since + _SETTLED - time.monotonic()))
    store = tasking.open_store(house.root, house.policy.workflow.tasks)
    return tuple(completing.lost(house.root, store.tasks(), done.changes))


def _once(house: flow.House, wish: Wish, told: Told) -> tuple[int, Finished | None, str]:
    """Do all of it one time; return the exit code, the commit, and what a hook did when that is to be verified anew."""
    start = time.perf_counter()
    entering.ready(house, staged=wish.staged, detached=wish.detached)
    closed = _closing(house, wish)
    drawn = entering.draw(house, staged=wish.staged)
    _assert_only_ours(house, drawn, closed)
    told.enters(drawn, _records(house, wish.task))
    if drawn.refused:
        return 1, None, ""
    with entering.measured(house, staged=wish.staged) as there:
        whole = _complete(house, there, wish.task)
        told.stands(whole)
        if not whole.completed:
            return verdicts.overall(whole), None, ""
        base = against.measure(house, wish.against) if wish.against else None
        headline = f"{show_count(len(drawn.items), 'changed path')} in the verified tree; task {wish.task} may be done"
        flow.note(there, "git/verify", Phase.GIT, "nox -s finish", whole.tree, headline, Reading(wall=time.perf_counter() - start))
        verdict, phases = verdict_of(house, wish.task, there)
        if verdict.tree != whole.tree or not verdict.completed:
            message = "the work tree changed since it was verified; run finish again"
            raise GateError(message)
        name = completing.records(house, wish.task)[0].rpartition("/")[2]
        title = f"Task {closed[0].id} {closed[0].title}"
        text = page.draw(there, verdict, phases, title=title, file=name, task=closed[0].id, base=base)
        message = _message(house, wish, verdict, closed)
        try:
            done = completing.carry_out(house, verdict, closed, text, message, staged=wish.staged)
        except completing.HookedError as error:
            if house.tree() == verdict.tree or wish.staged:
                raise
            return 1, None, error.what
    return 0, done, ""


def _complete(house: flow.House, there: flow.House, task_id: str) -> Verdict:
    """Run what is asked and not known of this tree, and change nothing: what must be mended first is a finding."""
    whole, _ = verdict_of(house, task_id, there)
    steps = _unknown(whole)
    if steps:
        sweeps = [step for step in steps if isinstance(step.work, Sweep)]
        if sweeps:  # before anything leaves caches behind
            tidying.clean(there, everything=False, shared=False, watch=lambda _: None)
        flow.check(there, [step for step in steps if step not in sweeps])
        whole, _ = verdict_of(house, task_id, there)
    return whole


def _unknown(whole: Verdict) -> list[Step]:
    return [row.step for row in whole.rows if row.open and row.counted in _UNKNOWN]


def _closing(house: flow.House, wish: Wish) -> tuple[Task, ...]:
    """Return the task and its open subtasks, which close together; refuse what the store's rules refuse."""
    tasks = tasking.open_store(house.root, house.policy.workflow.tasks).tasks()
    task = tasks.find(wish.task)
    if task.status == "done":
        place = house.policy.workflow.tasks
        message = f"{place}: task {task.id} is done already; name another task, or set it back: gate task start {task.id}"
        raise GateError(message)
    children = tuple(tasks.find(child) for child in tasks.open_children(task.id))
    tasks.assert_may([Change(id=one.id, status="done", at="") for one in (*children, task)])
    if children:
        wish.agree(children)
    return task, *children


def _done_already(house: flow.House, wish: Wish) -> Finished | None:
    """Return the commit at HEAD when it is the one that finished the task, and there is nothing more to commit."""
    store = tasking.open_store(house.root, house.policy.workflow.tasks)
    task, head = store.tasks().find(wish.task), worktree.head(house.root)
    if task.status != "done" or not task.gate or not head:
        return None
    if worktree.ask(house.root, "diff-index", "--cached", "--name-only", "-z", "HEAD") if wish.staged else worktree.changed(house.root):
        return None
    said = commit.message_of(house.root, head).splitlines()
    if not {f"Task: {task.id}", f"Gate-Tree: {task.gate.get('tree')}"} <= set(said):
        return None
    change = Change(id=task.id, status=task.status, at=task.updated, gate=task.gate)
    return Finished(commit=head, paths=(), summary=task.gate.get("summary", ""), changes=(change,))


def _assert_only_ours(house: flow.House, drawn: Entering, closed: Sequence[Task]) -> None:
    """Refuse nothing at all, and what no check has seen: a change of records that are not ours, or of other tasks to done."""
    ours = completing.records(house, closed[0].id)
    if not drawn.items and not _records(house, closed[0].id):
        message = "nothing to commit: every file is as HEAD has it, and git ignores what would be recorded"
        raise GateError(message)
    strange = [item.path for item in drawn.items if item.path not in ours and completing.is_record(house, item.path)]
    if strange:
        message = (
            f"{strange[0]}: changed under the record paths, which no check looks at; commit or move it by itself, then run finish again"
        )
        raise GateError(message)
    try:
        before = tasking.of_revision(house.root, "HEAD", house.policy.workflow.tasks) if worktree.head(house.root) else None
    except TaskError:  # a link there, or broken: nothing to compare with
        before = None
    if before is None:
        return
    now = tasking.open_store(house.root, house.policy.workflow.tasks).tasks()
    for key, task in now.every.items():
        old, related = before.every.get(key), key == closed[0].id or key.startswith(f"{closed[0].id}.")
        if task.status == "done" and not related and not (old and old.closed):
            message = f"{now.place}: task {key} is done there and not in HEAD, and this commit would say so unproven; finish it by itself"
            raise GateError(message)


def _records(house: flow.House, task_id: str) -> tuple[str, ...]:
    """Return the records that a commit would hold: git may ignore some."""
    ours = completing.records(house, task_id)
    ignored = worktree.ignored(house.root, ours)
    return tuple(path for path in ours if path not in ignored)


def _message(house: flow.House, wish: Wish, verdict: Verdict, closed: Sequence[Task]) -> str:
    """Word the commit from the evidence: what was cleaned, fixed, measured and checked."""
    task = closed[0]
    told: dict[str, list[str]] = {"Not passed": [], "Cleaned": [], "Fixed": [], "Measured": [], "Checked": []}
    for row in verdict.rows:
        if row.asked and row.evidence:
            why = f"{row.counted}, {row.evidence.finding.headline}" if row.counted in _LIVED_WITH else row.evidence.finding.headline
            by = "".join(f"; until {one.expires} by {one.owner}: {one.reason}" for one in row.waivers)
            told[_heading(row)].append(f"- {row.step.check}: {why}{by}")
    told["Not asked"] = [f"- not asked by this task: {text}" for text in verdict.aside]
    told["Tasks"] = [f"- also done: {child.id}" for child in closed[1:]]
    body = [line for heading, lines in told.items() if lines for line in (f"{heading}:", *lines, "")]
    kind = house.policy.workflow.commit.type
    return commit.message(kind, task.id, wish.message or " ".join(task.title.split()), body[:-1], tree=verdict.tree, policy=verdict.policy)


def _heading(row: Row) -> str:
    """Sort a check by what it did; what is only lived with stands first."""
    if row.counted in _LIVED_WITH:
        return "Not passed"
    match row.step.work:
        case Sweep():
            return "Cleaned"
        case Question():
            return "Measured"
        case Tool() if row.evidence and row.evidence.reading.changes:
            return "Fixed"
        case _:
            return "Checked"
