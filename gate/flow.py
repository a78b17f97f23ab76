"""The rooms in their order: policy, plan, tidy, measure, judge, report, record."""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from gate import again, inquiry, plan, reuse
from gate.environment import environment
from gate.errors import GateError
from gate.facts import Change, Evidence, Finding, Inputs, Mode, Outcome, Reading
from gate.facts.rows import Row, Told, Verdict
from gate.facts.work import Documents, Duplicates, Index, Phase, Question, Step, Sweep, Tool, Waiver
from gate.judge import beside, judge
from gate.judge import verdict as verdicts
from gate.judge import waivers as exceptions
from gate.judge.reports import broken
from gate.measure import inputs, measure
from gate.measure.hashes import Hashes
from gate.policy import ALL, Policy, load
from gate.record import bundle, ledger, pruning
from gate.repo import worktree
from gate.threads import answer, side_by_side
from gate.tidy import index, style

_NAMED = 5  # paths that an error names
_MOST_AT_ONCE = 8  # agents have weight; more side by side could fill the machine

Kind = TypeVar("Kind", Sweep, Documents, Duplicates)

Watch = Callable[[Step, float | None], object]  # a step, and the seconds of work that it took so far; None: it is over
Tidied = tuple[tuple[Change, ...], float]  # what was changed, and the seconds that it took


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """One repository with its policy, entered in one mode."""

    root: Path
    policy: Policy
    mode: Mode
    steps: tuple[Step, ...]
    waivers: tuple[Waiver, ...]
    commit: str  # HEAD as the house was entered: what evidence was taken on top of
    strict: bool = False  # a debt that is fixed and still written down fails

    def tree(self, revision: str = "") -> str:
        """Return the tree id of the work tree, or of a revision."""
        return worktree.tree_id(self.root, self.policy.workflow.record.paths, revision)

    def work(self, kind: type[Kind]) -> Kind:
        """Return the one work of a kind that every policy asks for."""
        return next(step.work for step in self.steps if isinstance(step.work, kind))

    def present(self, tree: str) -> reuse.Present:
        """Return what evidence about a tree must be about to hold now."""
        return reuse.Present(
            root=self.root,
            tree=tree,
            policy=self.policy.digest,
            most=self.policy.workflow.record.max_age,
            hashes=Hashes(self.root),
            base=reuse.base(),
        )


def enter(start: Path, mode: Mode) -> House:
    """Find the repository, read its policies and draw the plan."""
    root = worktree.find_root(start)
    policy, head = load(root), worktree.head(root)
    told, waivers = plan.steps(policy), plan.waivers(policy)
    return House(root=root, policy=policy, mode=mode, steps=told, waivers=waivers, commit=head, strict=mode is Mode.CHECK)


def check(
    house: House,
    steps: Sequence[Step],
    *,
    swept: Tidied | None = None,
    explained: bool | None = None,
    recorded: bool = True,
    fresh: bool = False,
    watch: Watch = lambda _step, _spent: None,
) -> list[Told]:
    """Carry out steps: tidy first, then measure side by side, judge, record; return what was found, in the order of the plan.

    What nothing changed for is not measured again, unless `fresh` or to be `explained`. `swept` is what the clean-up did, which `tidying`
    carries out; `watch` is told of each step as it begins, goes on and ends; steps that are not those of the policy are not `recorded`.
    Raises GateError when the tree changed while it was measured.
    """
    began = time.time()
    tidied = {step.check: _mended(house, step) for step in _changers(house, steps)}
    tidied |= {step.check: swept for step in steps if swept and isinstance(step.work, Sweep)}
    present = house.present(house.tree())
    reused = {} if fresh or explained or not recorded else reuse.find(present, map(reuse.asked, steps))
    rest = [step for step in steps if step.check not in reused]
    for step in (step for step in steps if step.check in reused):
        watch(step, None)
    told: dict[str, Evidence] = {}

    def take(group: Sequence[Step]) -> None:
        for step in group:
            watch(step, 0.0)
        for step, taken in zip(group, _take(house, group, tidied, present, explained=explained, watch=watch), strict=True):
            told[taken.check] = taken
            watch(step, None)

    alone = [step for step in rest if isinstance(step.work, Tool) and step.work.stream]
    with side_by_side(_MOST_AT_ONCE) as later:
        for each in [later(take, group) for group in together([step for step in rest if step not in alone])]:
            answer(each)
    for step in alone:
        take([step])
    if rest and house.tree() != present.tree:
        raise GateError(_disturbed(house, began))
    if recorded:
        moved = [found.moved(present, house.commit) for found in reused.values() if found.is_new]
        ledger.write_all(house.root, [*told.values(), *moved])
        _keep(house, present)
    return [_said(house, step, told.get(step.check) or reused[step.check]) for step in steps]


def _disturbed(house: House, began: float) -> str:
    """Word a refusal: what was measured is the tree of no moment."""
    names = ", ".join(worktree.written_since(house.root, began)[:_NAMED]) or "something was removed"
    return f"the work tree changed while it was measured ({names}); nothing was recorded: stop what writes there, or let git ignore it"


def summarise(house: House, tree: str = "") -> tuple[Verdict, dict[Phase, Evidence | None]]:
    """Gather all evidence for the tree as it is now, or for a tree id."""
    now = replace(today(house), tree=tree or house.tree())
    rows = [_row(house, step, now) for step in house.steps]
    whole = verdicts.verdict(rows, now=now, commit=worktree.head(house.root), branch=worktree.branch(house.root))
    # A plan comes before what changes the tree, so the newest one counts; the report says for which tree it was drawn.
    return whole, {Phase.PLAN: ledger.newest(house.root, "plan"), Phase.GIT: ledger.read(house.root, now.tree, "git/verify")[0]}


def today(house: House) -> verdicts.Now:
    """Say what evidence must be about to hold here today; of which tree is left open."""
    moment = _now()
    return verdicts.Now(
        tree="",
        policy=house.policy.digest,
        environment=environment(),
        day=day(),
        moment=moment,
        oldest=oldest(house.policy, moment),
        waivers=house.waivers,
        strict=house.strict,
    )


def day() -> str:
    """Return today: a policy's day is the reader's day."""
    return date.today().isoformat()  # noqa: DTZ011


def oldest(policy: Policy, moment: str) -> str:
    """Return the time before which evidence was too old to be used again at a moment."""
    since = datetime.fromisoformat(moment) - timedelta(seconds=policy.workflow.record.max_age)
    return _written(since)


def keep_plan(house: House, present: reuse.Present) -> None:
    """Keep the plan for the short ways of who asks again."""
    code = again.code(house.policy.quality.paths, house.steps, waived=bool(house.waivers))
    again.remember(present, [reuse.asked(step) for step in house.steps], names=ALL, leave_out=house.policy.workflow.record.paths, code=code)


def note(house: House, check: str, phase: Phase, again: str, tree: str, headline: str, reading: Reading) -> None:
    """Record a phase that is no check."""
    step = Step(check=check, phase=phase, does="", command=again, work=Tool(name="gate", argv=()))
    ledger.write(house.root, evidence(house, step, tree, Finding(outcome=Outcome.PASSED, headline=headline), reading))


def together(steps: Sequence[Step]) -> list[list[Step]]:
    """Group the questions about one agent case; everything else stands alone."""
    groups: dict[str, list[Step]] = {}
    for step in steps:
        groups.setdefault(f"case {step.work.case}" if isinstance(step.work, Question) else step.check, []).append(step)
    return list(groups.values())


def evidence(house: House, step: Step, tree: str, finding: Finding, reading: Reading, taken: str = "") -> Evidence:
    """Put everything that a reader needs beside a finding; it was taken now, if nothing else is said."""
    return Evidence(
        check=step.check,
        phase=step.phase,
        tree=tree,
        policy=house.policy.digest,
        commit=house.commit,
        taken=taken or _now(),
        command=step.command,
        mode=house.mode,
        finding=finding,
        reading=reading,
        environment=environment(),
    )


def _changers(house: House, steps: Sequence[Step]) -> list[Step]:
    """Return the steps that mend first: one style step serves for all, because each mends the same things."""
    return [step for step in steps if isinstance(step.work, Tool) and step.work.fixes][:1] if house.mode is Mode.FIX else []


def _mended(house: House, step: Step) -> Tidied:
    """Let a tool mend what it can; return the changes and the seconds they took."""
    start = time.perf_counter()
    changes = style.fix(step.work, house.root) if isinstance(step.work, Tool) else ()
    return changes, time.perf_counter() - start


def _take(
    house: House, steps: Sequence[Step], tidied: dict[str, Tidied], present: reuse.Present, *, explained: bool | None, watch: Watch
) -> list[Evidence]:
    """Measure and judge what is measured together: all questions about one agent case, or one step of another kind."""
    taken = _now()
    questions = [step.work for step in steps if isinstance(step.work, Question)]
    if questions:
        with inputs.gathering(house.root) as seen:
            named = {id(step.work): step for step in steps}
            answers = _asked(questions, house.root, explained=explained, spent=lambda question, cpu: watch(named[id(question)], cpu))
            read = [seen.inputs()] * len(steps)
    else:
        read = [reuse.inputs(present, reuse.asked(step)) for step in steps]
        answers = [_answer(house, step, tidied.get(step.check)) for step in steps]
    return [
        replace(
            evidence(house, step, present.tree, beside(finding, had.beside), reading, taken),
            key=reuse.key(present, reuse.asked(step)),
            inputs=had if step.reuse else Inputs(never="the policy says so"),
        )
        for step, (reading, finding), had in zip(steps, answers, read, strict=True)
    ]


def _keep(house: House, present: reuse.Present) -> None:
    """Keep the plan, and let go of old evidence, but not of what belongs to this tree or to HEAD."""
    record = house.policy.workflow.record
    keep_plan(house, present)
    spare = [present.tree]
    pruning.prune(
        house.root,
        age=record.keep.age,
        size=record.keep.size,
        spare=lambda: [*spare, house.tree("HEAD")] if house.commit else spare,
    )


def _asked(questions: Sequence[Question], root: Path, *, explained: bool | None, spent: inquiry.Spent) -> list[inquiry.Answer]:
    """Ask about one case; a mistake of ours is its trouble, and the other cases go on."""
    try:
        return inquiry.answer(questions, root, explained=explained, spent=spent)
    except GateError:
        raise
    except Exception as error:  # noqa: BLE001 - told as BROKEN, with its place
        place = traceback.extract_tb(error.__traceback__)[-1]
        why = f"the gate itself failed at {Path(place.filename).name}:{place.lineno}: {type(error).__name__}: {error}"
        return [(Reading(trouble=why), broken(why)) for _ in questions]


def _answer(house: House, step: Step, tidied: Tidied | None) -> tuple[Reading, Finding]:
    """Measure and judge one step that is no question about agents."""
    match step.work:
        case Sweep():
            reading = Reading()
        case Index():
            reading = index.check(step.work, house.root)
        case _:
            reading = measure(step, house.root)
    if tidied:
        reading = replace(reading, changes=tidied[0], wall=reading.wall + tidied[1])
    return reading, judge(step, reading, house.mode)


def _row(house: House, step: Step, now: verdicts.Now) -> Row:
    """Find what is known of one check: for this tree, or else the newest for any other."""
    found, damage = ledger.read(house.root, now.tree, step.check)
    newest = found or ledger.newest(house.root, step.check)
    return verdicts.row(step, newest, damage, now=now, digest=bundle.digest(newest) if newest else "")


def _said(house: House, step: Step, found: Evidence | reuse.Reused) -> Told:
    """Return what was found of a step as it counts today, and what it took."""
    took: float | str = found.reading.wall if isinstance(found, Evidence) else found.source
    counts = exceptions.count(step, found.finding, found.reading, house.waivers, day=day(), strict=house.strict)
    whole = found if isinstance(found, Evidence) else None if found.finding.outcome is Outcome.PASSED else ledger.evidence(found.body)
    return Told(check=step.check, finding=counts.finding, took=took, step=step, reading=whole.reading if whole else None, evidence=whole)


def _now() -> str:
    return _written(datetime.now(UTC))


def _written(moment: datetime) -> str:
    """Write a moment of UTC as records hold it, in whole seconds."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
