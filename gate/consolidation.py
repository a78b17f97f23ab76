"""Documents to where they belong: what the verb docs does with the rooms."""

from gate import flow, plan
from gate.errors import GateError
from gate.facts import Change, Consolidation, Mode
from gate.flow import House, Told
from gate.tidy import consolidate, journal
from gate.work import Documents


def preview(house: House) -> Consolidation:
    """Say what would move and be written anew; change nothing.

    Raises GateError while a run that was stopped in the middle is not taken back.
    """
    when = consolidate.stopped(house.root)
    if when:
        message = f"docs: the run {when} was stopped in the middle; take it back with gate docs --undo, then plan again"
        raise GateError(message)
    return consolidate.draw(_work(house), house.root).told


def move(house: House) -> tuple[Consolidation, str, tuple[Change, ...]]:
    """Move documents; return what was done, the name of the run or "", and what was taken back of a run that was stopped."""
    when = consolidate.stopped(house.root)
    back = journal.undo(house.root, when) if when else ()
    tree = house.tree()
    drawn = consolidate.draw(_work(house), house.root)
    if not drawn.told.moves:
        return drawn.told, "", back
    if house.tree() != tree:
        message = "the work tree changed while the moves were planned; nothing was moved: stop what writes there, and run again"
        raise GateError(message)
    return drawn.told, consolidate.carry_out(drawn, house.root, tree), back


def undo(house: House, when: str) -> tuple[Change, ...]:
    """Take back the newest run that moved documents, or the one of this name.

    Raises GateError in mode CHECK, in which nothing changes the tree.
    """
    if house.mode is Mode.CHECK:
        message = "docs --undo changes files, and with --check or CI=true nothing is changed; run it without"
        raise GateError(message)
    return journal.undo(house.root, when, consolidate.WHAT)


def check(house: House) -> Told:
    """Follow every link, and record the evidence for the tree as it is now."""
    return flow.check(flow.enter(house.root, house.mode), plan.select(house.steps, ["docs"]))


def _work(house: House) -> Documents:
    """Return what the policy says about documents."""
    return next(step.work for step in house.steps if isinstance(step.work, Documents))
