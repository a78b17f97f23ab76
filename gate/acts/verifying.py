"""A stranger's check of a committed summary: tree, policies, records and every word of the text."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gate import flow, plan, tasking
from gate.acts import guarding, page
from gate.errors import GateError, PolicyError, TaskError
from gate.facts import Evidence, Mode, Outcome
from gate.facts.rows import Base, Page, Row, Verdict
from gate.facts.work import Phase, Step
from gate.judge import against
from gate.judge import verdict as verdicts
from gate.policy import FOLDER, Policy, load
from gate.policy.models import ALL
from gate.record import bundle
from gate.repo import revisions, worktree
from gate.report.summary import word

_SHOWN = 5  # lines that differ
_BEFORE, _BEHIND = 40, 60  # letters of a line that are shown on either side of where it begins to differ
_MOST = 16 * 2**20  # bytes of a summary
_PHASES = {"plan": Phase.PLAN, "git/verify": Phase.GIT}


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What became of a check of a summary."""

    commit: str
    word: str  # COMPLETED or not, as the evidence has it
    wrong: tuple[str, ...]  # what does not hold
    open: tuple[str, ...] = ()  # what could not be measured again
    notes: tuple[str, ...] = ()  # what holds, and what nobody can check here


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """What a revision itself says: nothing of it comes from a summary."""

    commit: str
    tree: str  # tree id
    policy: Policy


def verify(root: Path, file: Path, revision: str, *, again: bool = False) -> Checked:
    """Compare a summary and its bundle with each other, and with the tree and the policies of a revision; `again` runs every check.

    Raises GateError when there is nothing to compare.
    """
    commit, name = revisions.commit_of(root, revision or "HEAD"), bundle.beside(file.name)
    text, raw = _file(file), _file(file.with_name(name))
    if text is None:
        message = f"{file}: not found; name a summary that finish or gate summary wrote"
        raise GateError(message)
    try:
        said = truth(root, commit)
    except PolicyError as error:
        return Checked(commit=commit, word="", wrong=error.mistakes)
    wrong, drawn, made = differences(said, text, raw, name)
    if drawn is None or made is None:
        return Checked(commit=commit, word="", wrong=tuple(wrong))
    if made.tree != said.tree:
        wrong += _elsewhere(root, file, said.policy, made.tree)
    wrong += [*_of_task(root, said, made), *_loosened(root, said)]
    notes = [f"{len(made.checks)} checks, {sum(entry.evidence is not None for entry in made.checks)} records"]
    notes += _base(root, said.policy, made.base, wrong)
    checked = Checked(commit=commit, word=word(drawn.verdict), wrong=tuple(wrong), notes=tuple(notes))
    return _again(root, made, drawn.verdict, checked) if again and not wrong else checked


def truth(root: Path, commit: str) -> Truth:
    """Ask a commit for its tree and its policies.

    Raises PolicyError when they hold mistakes.
    """
    policy = _policy(root, commit)
    return Truth(commit=commit, tree=worktree.tree_id(root, policy.workflow.record.paths, commit), policy=policy)


def differences(said: Truth, text: bytes, raw: bytes | None, name: str) -> tuple[list[str], Page | None, bundle.Bundle | None]:
    """Compare a text and its bundle, of this name, with what a revision says; return what differs, and what the evidence says."""
    if raw is None:
        return [f"its evidence is not there: {name}"], None, None
    try:
        made = bundle.read(raw)
        drawn = page_of(made, said.policy)
    except (ValueError, OverflowError) as error:
        return [str(error)], None, None
    wrong = [
        *_about(said, made),
        *_unlike({step.check for step in plan.steps(said.policy)}, {entry.check for entry in made.checks}),
        *_lines(text, page.written(drawn, name, raw)),
    ]
    return wrong, drawn, made


def page_of(made: bundle.Bundle, policy: Policy) -> Page:
    """Judge the evidence of a bundle again by these policies, as if it had just been recorded.

    Raises ValueError or OverflowError for a moment that is none.
    """
    now = verdicts.Now(
        tree=made.tree,
        policy=made.policy,
        environment=made.environment,
        day=made.day,
        moment=made.moment,
        oldest=flow.oldest(policy, made.moment),
        waivers=plan.waivers(policy),
        strict=made.strict,
    )
    steps = plan.steps(policy)
    whole = verdicts.verdict(_rows(made.checks, steps, now), now=now, commit=made.commit, branch=made.branch)
    whole = verdicts.of_task(whole, made.asked) if made.asked else whole
    phases: dict[Phase, Evidence | None] = {_PHASES[entry.check]: entry.evidence for entry in made.phases if entry.check in _PHASES}
    base = None
    if made.base:
        revision, commit, tree = made.base
        base = Base(revision=revision, commit=commit, tree=tree, rows=_rows(made.before, steps, replace(now, tree=tree)))
    return Page(title=made.title, verdict=whole, phases=phases, base=base, compared=against.compare(whole, base) if base else ())


def _file(path: Path) -> bytes | None:
    """Read a file with its lines ended as git keeps them, or return None; a longer one than any of ours is cut, and will differ."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST).replace(b"\r\n", b"\n")
    except FileNotFoundError:
        return None


def _policy(root: Path, commit: str) -> Policy:
    """Read the policies of a revision."""
    with _policies(root, commit) as scratch:
        return load(scratch)


@contextmanager
def _policies(root: Path, commit: str) -> Iterator[Path]:
    """Write the policies of a revision aside, as they lie in a work tree."""
    with tempfile.TemporaryDirectory(prefix="gate-") as scratch:
        (Path(scratch) / FOLDER).mkdir()
        for name in ALL:
            raw = revisions.content(root, commit, f"{FOLDER}/{name}.yaml")
            if raw is not None:
                (Path(scratch) / FOLDER / f"{name}.yaml").write_bytes(raw)
        yield Path(scratch)


def _loosened(root: Path, said: Truth) -> Iterator[str]:
    """Name what HEAD lets through that its base does not, and nobody says why; of other commits nobody knows the base."""
    if said.commit == worktree.head(root):
        with _policies(root, said.commit) as there:
            found = guarding.guard(root, said.policy, there=there)
        yield from (f"policy/guard: {field.words}" for field in found.fields if found.open)


def _about(truth: Truth, made: bundle.Bundle) -> Iterator[str]:
    """Say whether tree and policies of the revision are not those of the summary."""
    if truth.tree != made.tree:
        yield f"the summary is about tree {made.tree}, and commit {truth.commit[:12]} holds {truth.tree}"
    if truth.policy.digest != made.policy:
        yield f"the summary is about policies sha256:{made.policy}, and commit {truth.commit[:12]} holds sha256:{truth.policy.digest}"


def _elsewhere(root: Path, file: Path, policy: Policy, tree: str) -> Iterator[str]:
    """Name the commit that brought the summary, when it holds for that one."""
    path = file.resolve()
    last = revisions.last_change(root, str(path.relative_to(root))) if path.is_relative_to(root) else ""
    if last and worktree.tree_id(root, policy.workflow.record.paths, last) == tree:
        yield f"it is about the tree of {last[:12]}: gate verify-summary {file} {last[:12]}"


def _of_task(root: Path, truth: Truth, made: bundle.Bundle) -> Iterator[str]:
    """Say whether the task store of the revision does not have the task as done, or wants it decided by other checks."""
    name = truth.policy.workflow.tasks
    place = f"{name} of commit {truth.commit[:12]}"
    try:
        tasks = tasking.of_revision(root, truth.commit, name) if made.task else None
        if tasks is None:
            if made.task or made.asked:
                yield f"{place} is not there, and the summary is about task {made.task or 'none'}"
            return
        task = tasks.find(made.task)
        asked = tasking.asked(truth.policy, tasks, task, [step.check for step in plan.steps(truth.policy)])
    except TaskError as error:
        yield f"{place} is not to be read: {error}"
        return
    if task.status != "done":
        yield f"{place} says that task {made.task} is {task.status or 'without a status'}, not done"
    if still := tasks.open_children(task.id):
        yield f"{place} says that subtasks of task {made.task} are open: {', '.join(still[:_SHOWN])}"
    if asked != made.asked:
        right, found = (", ".join(names) or "all checks" for names in (asked, made.asked))
        yield f"task {made.task} is decided by {right}, and the summary by {found}"


def _unlike(wanted: set[str], found: set[str]) -> Iterator[str]:
    """Name the checks of the policies that the bundle leaves out, and those that it makes up."""
    yield from (f"{check}: the policies ask for it, and the bundle has nothing about it" for check in sorted(wanted - found))
    yield from (f"{check}: the bundle has it, and the policies do not know it" for check in sorted(found - wanted))


def _rows(entries: Sequence[bundle.Entry], steps: Sequence[Step], now: verdicts.Now) -> tuple[Row, ...]:
    """Place each check of the policies by its entry."""
    known = {entry.check: entry for entry in entries}
    rows = []
    for step in steps:
        entry = known.get(step.check)
        if entry and entry.evidence:
            rows.append(verdicts.row(step, entry.evidence, entry.damage, now=now, digest=entry.digest))
        elif entry:
            rows.append(Row(step=step, standing=entry.standing, damage=entry.damage))
    return tuple(rows)


def _lines(text: bytes, wanted: bytes) -> list[str]:
    """Show the first lines in which a text is not what its evidence says."""
    if text == wanted:
        return []
    found, right = (part.decode("utf-8", "backslashreplace").split("\n") for part in (text, wanted))
    most = max(len(found), len(right))
    rows = zip(range(1, most + 1), found + ["nothing"] * (most - len(found)), right + ["nothing"] * (most - len(right)), strict=True)
    bad = [
        f"line {at}: it says {_around(one, other)!r}, and its evidence {_around(other, one)!r}" for at, one, other in rows if one != other
    ]
    return [*bad[:_SHOWN], *([f"and {len(bad) - _SHOWN} lines more"] if len(bad) > _SHOWN else [])]


def _around(line: str, other: str) -> str:
    """Return the part of a line where another begins to differ."""
    least = min(len(line), len(other))
    at = next((at for at in range(least) if line[at] != other[at]), least)
    return line[max(0, at - _BEFORE) : at + _BEHIND]


def _base(root: Path, policy: Policy, base: tuple[str, str, str] | None, wrong: list[str]) -> Iterator[str]:
    """Compare the tree of the base too, where its commit is in this clone."""
    if base is None:
        return
    _, commit, tree = base
    try:
        known = worktree.tree_id(root, policy.workflow.record.paths, revisions.commit_of(root, commit))
    except GateError:
        yield f"the base, commit {commit[:12]}, is not in this clone: that its tree is {tree} nobody can check here"
        return
    if known != tree:
        wrong.append(f"the base is said to be tree {tree}, and commit {commit[:12]} holds {known}")


def _again(root: Path, made: bundle.Bundle, whole: Verdict, checked: Checked) -> Checked:
    """Run every check again on this very tree, record nothing, and say what came out otherwise."""
    house = replace(flow.enter(root, Mode.CHECK), strict=made.strict)
    if house.tree() != made.tree:
        message = f"the work tree is not tree {made.tree}; git switch --detach {checked.commit[:12]} in a clean clone, and verify there"
        raise GateError(message)
    found = {one.check: one.finding for one in flow.check(house, house.steps, recorded=False, fresh=True)}
    told = {
        row.step.check: (words, found[row.step.check].outcome)
        for row in whole.rows
        if (words := against.differs(row, found[row.step.check]))
    }
    here = flow.today(house).environment
    other = [
        f"{name} was {text}, and is {here.get(name, 'not there')} here" for name, text in made.environment.items() if here.get(name) != text
    ]
    undecided = {Outcome.BROKEN, Outcome.SKIPPED, Outcome.INCONCLUSIVE}
    return replace(
        checked,
        wrong=tuple(f"{check}: {words}" for check, (words, outcome) in told.items() if outcome not in undecided),
        open=tuple(f"{check}: {words}" for check, (words, outcome) in told.items() if outcome in undecided),
        notes=(*checked.notes, f"{len(found)} checks run again, {len(found) - len(told)} came out as recorded", *other),
    )
