"""A tree against a base: checks of it, asked about another revision in the same environment under the same policies."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gate import flow, inquiry
from gate import measure as tools
from gate.facts import Evidence, Mode, Outcome, Reading
from gate.facts.rows import Base, Row, Standing
from gate.facts.work import Index, Question, Step, Tool
from gate.judge import judge
from gate.judge import verdict as verdicts
from gate.judge.reports import broken
from gate.measure import whence
from gate.record import bundle, ledger
from gate.repo import revisions, worktree
from gate.tidy import index


def measure(house: flow.House, revision: str, steps: Sequence[Step] = ()) -> Base:
    """Carry out steps (default: memory questions) on a revision, in its own work tree; what is on record of it is not asked again."""
    commit = revisions.commit_of(house.root, revision)
    now = replace(flow.today(house), tree=house.tree(commit))
    steps = steps or [step for step in house.steps if isinstance(step.work, Question)]
    rows = {step.check: _known(house, step, now) for step in steps}
    left = [step for step in steps if not rows[step.check].evidence]
    if left:
        with revisions.checked_out(house.root, commit) as folder, path_of(house.root, folder):
            base = replace(house, commit=commit)
            for group in flow.together(left):
                for evidence in _asked(base, group, folder, now.tree):
                    ledger.write(house.root, evidence)
                rows |= {step.check: _known(house, step, now) for step in group}
    return Base(revision=revision, commit=commit, tree=now.tree, rows=tuple(rows.values()))


def _known(house: flow.House, step: Step, now: verdicts.Now) -> Row:
    """Look up what is on record of the base under these very policies."""
    found, damage = ledger.read(house.root, now.tree, step.check)
    placed = verdicts.row(step, found, damage, now=now, digest=bundle.digest(found) if found else "")
    holds = placed.standing is Standing.HOLDS
    again = not isinstance(step.work, Question) and found is not None and found.finding.outcome is Outcome.BROKEN  # it may be mended
    return placed if holds and not again else replace(placed, evidence=None)


def _asked(base: flow.House, steps: Sequence[Step], folder: Path, tree: str) -> list[Evidence]:
    """Measure one case, or one step of another kind.

    Code of a case that comes from the checkout instead of the base would be measured as if it were the base's.
    """
    questions = [step.work for step in steps if isinstance(step.work, Question)]
    if not questions:
        (step,) = steps
        return [flow.evidence(base, step, tree, finding, reading) for reading, finding in [_looked(step, folder)]]
    loaded, _ = whence.strangers(questions[0], folder, base.root, frozenset(worktree.files(base.root)))
    if loaded:
        why = f"it loads {loaded[0]} of the checkout, not of the base; install it so that its folder is on the path"
        answers = [(Reading(trouble=why), broken(why)) for _ in questions]
    else:
        answers = inquiry.answer(questions, folder, explained=False)
    return [flow.evidence(base, step, tree, finding, reading) for step, (reading, finding) in zip(steps, answers, strict=True)]


def _looked(step: Step, folder: Path) -> inquiry.Answer:
    """Let a tool look at the base; what it prints is not shown, because it reads like a word about the tree at hand."""
    if isinstance(step.work, Tool):
        rooted = (f"--rootdir={folder}",) if step.work.reads == "pytest" else ()  # paths are below it, as in the checkout
        step = replace(step, work=replace(step.work, stream=False, argv=(*step.work.argv, *rooted)))
    reading = index.check(step.work, folder) if isinstance(step.work, Index) else tools.measure(step, folder)
    return reading, judge(step, reading, Mode.CHECK)


@contextmanager
def path_of(root: Path, folder: Path) -> Iterator[None]:
    """Let children find below the base what an editable installation finds below the checkout; the gate itself stays where it is."""
    own = Path(__file__).parents[2]
    inside = [path.relative_to(root) for entry in sys.path if (path := Path(entry)).is_relative_to(root) and path not in {own, root}]
    there = [str(folder / path) for path in inside if (folder / path).is_dir()]
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*there, *filter(None, [before])])
    try:
        yield
    finally:
        os.environ.pop("PYTHONPATH")
        os.environ |= {"PYTHONPATH": before} if before is not None else {}
