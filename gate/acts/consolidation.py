"""Documents to where they belong: what the verb docs does with the rooms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gate import flow, plan
from gate.acts import drawing
from gate.errors import GateError
from gate.facts import Change, Consolidation, Mode
from gate.facts.rows import Told
from gate.facts.work import Documents, Learning
from gate.flow import House
from gate.tidy import consolidate, edits, journal, learnings


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What the docs phase did, or would do."""

    told: Consolidation
    pages: tuple[Change, ...] = ()  # that hold an index or learnings
    refused: tuple[str, ...] = ()  # what was not written, and why
    when: str = ""  # the name of the run, "" when nothing was done
    back: tuple[Change, ...] = ()  # what was taken back first, of a run that was stopped


def preview(house: House, new: Sequence[Learning] = ()) -> Done:
    """Say what would move and be written anew; change nothing.

    Raises GateError while a run that was stopped in the middle is not taken back.
    """
    when = consolidate.stopped(house.root)
    if when:
        message = f"docs: the run {when} was stopped in the middle; take it back with gate docs --undo, then plan again"
        raise GateError(message)
    return _pages(house, consolidate.draw(house.work(Documents), house.root).told, new)


def move(house: House, new: Sequence[Learning] = ()) -> Done:
    """Move documents, then write the index and what tasks taught, `new` of it too, in one run that can be taken back.

    Raises GateError, with nothing changed, when what is new cannot be written.
    """
    when = consolidate.stopped(house.root)
    back = journal.undo(house.root, when) if when else ()
    tree = house.tree()
    drawn = consolidate.draw(house.work(Documents), house.root)
    done = replace(_pages(house, drawn.told, new), back=back)
    if not drawn.told.moves and not done.pages:
        return done
    if house.tree() != tree:
        message = "the work tree changed while the moves were planned; nothing was moved: stop what writes there, and run again"
        raise GateError(message)
    return replace(done, when=consolidate.carry_out(drawn, house.root, tree, lambda run: _write(house, run, new)))


def learnt(text: str | None, task: str) -> tuple[Learning, ...]:
    """Return what the command was told that a task taught, dated today.

    Raises GateError when it is empty or too long, or when a task taught nothing.
    """
    if text is None:
        if task:
            message = f"--task {task}: what did it teach? add --learning TEXT"
            raise GateError(message)
        return ()
    return (learnings.learning(text, date=flow.day(), task=task),)


def undo(house: House, when: str) -> tuple[Change, ...]:
    """Take back the newest run that moved documents, or the one of this name.

    Raises GateError in mode CHECK, in which nothing changes the tree.
    """
    if house.mode is Mode.CHECK:
        message = "docs --undo changes files, and with --check or CI=true nothing is changed; run it without"
        raise GateError(message)
    return journal.undo(house.root, when, consolidate.WHAT)


def check(house: House) -> list[Told]:
    """Follow every link, and record the evidence for the tree as it is now."""
    return flow.check(flow.enter(house.root, house.mode), plan.select(house.steps, ["docs"]))


def _pages(house: House, told: Consolidation, new: Sequence[Learning]) -> Done:
    """Draw what is written into pages of the author's once everything has moved."""
    drawn, refused = drawing.writings(house, moved={move.source: move.target for move in told.moves}, new=new)
    if refused and new:
        raise GateError("\n".join(refused))
    return Done(told=told, pages=tuple(edits.change(house.root, edit) for edit in drawn), refused=refused)


def _write(house: House, run: journal.Journal, new: Sequence[Learning]) -> None:
    """Write what the gate writes into pages of the author's, drawn again for where documents lie now."""
    for edit in drawing.writings(house, new=new)[0]:
        run.rewrite(edit.path, edit.before, edit.after)
