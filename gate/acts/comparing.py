"""Every check on the tree and on the base that its work began from."""

from dataclasses import replace

from gate import flow
from gate.acts import against, drifting
from gate.facts.rows import Comparison
from gate.facts.work import Question, Step, Sweep, Tool
from gate.judge import comparing, drift
from gate.measure import scopes
from gate.repo import revisions


def compare(house: flow.House, revision: str = "") -> Comparison:
    """Run every check on the work tree and on a revision (default: where the branch left the one it will go to), and compare."""
    name, commit = (revision, revisions.commit_of(house.root, revision)) if revision else revisions.fork(house.root)
    steps = [step for step in house.steps if _looks(step)]
    flow.check(house, steps)
    base = replace(against.measure(house, commit, steps), revision=name)
    whole, _ = flow.summarise(house)
    asked = {one.scope for row in base.rows for one in comparing.complaints(row)}
    rows = comparing.compare(whole, base, scopes.there(asked, house.root))
    since, marks = drifting.find(house, [row.step.check for row in rows if isinstance(row.step.work, Question)], whole.tree)
    most = house.policy.memory.drift.most
    return Comparison(
        base=base, tree=whole.tree, since=since, rows=tuple(drift.crept(row, marks.get(row.step.check, ()), most) for row in rows)
    )


def _looks(step: Step) -> bool:
    """Tell whether a step looks at what a commit holds: a clean-up is about what git ignores, which no base has."""
    return not isinstance(step.work, Sweep) and not (isinstance(step.work, Tool) and step.work.left)
