"""What goes in: the paths of a commit before it is made, and where what it would hold is measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gate import flow, plan
from gate.acts import against
from gate.errors import GateError
from gate.facts import Mode
from gate.facts.intake import Entering
from gate.facts.work import Question
from gate.judge import intake as judge
from gate.measure import intake, whence
from gate.record import ledger
from gate.repo import candidate, revisions, status, underway, worktree


def ready(house: flow.House, *, staged: bool, detached: bool) -> None:
    """Refuse where a commit would not mean what it says."""
    workflow = house.policy.workflow
    underway.free(house.root)
    protected, detached = workflow.commit.protected, detached or workflow.commit.detached
    why = judge.why_not(status.read(house.root), protected=protected, detached=detached, staged=staged, store=workflow.tasks)
    if why:
        raise GateError(why)


def draw(house: flow.House, *, staged: bool) -> Entering:
    """List what committing the work tree, or what is staged, would change, and look into what is new."""
    root = house.root
    head = worktree.ask(root, "ls-tree", "-r", "-z", "--name-only", "HEAD") if worktree.head(root) else []
    with candidate.drawn(root, staged=staged) as drawn:
        items = drawn.items()
        rules = plan.intake(house.policy)
        found = intake.suspects(items, drawn.contents, rules, before=head, submodules=drawn.submodules())
        refused, allowed = judge.judged(found, rules.allow)
    return Entering(items=items, refused=refused, allowed=allowed)


@contextmanager
def measured(house: flow.House, *, staged: bool) -> Iterator[flow.House]:
    """Yield the house in which checks are run: this one, or a work tree of what is staged that shares its evidence."""
    if not staged:
        yield house
        return
    root = house.root
    commit = _commit_of_index(root)
    with revisions.checked_out(root, commit) as folder, against.path_of(root, folder):
        ours, theirs = worktree.store(root) / ledger.FOLDER, worktree.store(folder) / ledger.FOLDER
        ours.mkdir(exist_ok=True)
        theirs.symlink_to(ours, target_is_directory=True)
        there = replace(flow.enter(folder, Mode.CHECK), commit=house.commit)
        _assert_inside(there, root)
        yield there


def _commit_of_index(root: Path) -> str:
    """Make a commit of what is staged, which no branch has, to check it out."""
    tree = worktree.git(root, "write-tree").out.strip()
    name = {f"GIT_{who}_{what}": "gate" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return worktree.git(root, "commit-tree", tree, "-m", "what is staged", env=name).out.strip()


def _assert_inside(there: flow.House, root: Path) -> None:
    """Refuse to measure agents whose code comes from the work tree instead of what is staged."""
    known = frozenset(worktree.files(there.root))
    for group in flow.together([step for step in there.steps if isinstance(step.work, Question)]):
        work = group[0].work
        loaded, _ = whence.strangers(work, there.root, root, known) if isinstance(work, Question) else ((), ())
        if loaded:
            message = (
                f"--staged: {group[0].check} loads {loaded[0]} of the work tree, which holds more than is staged; stage or stash the rest"
            )
            raise GateError(message)
