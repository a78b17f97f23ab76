"""What tidies the tree when it is asked by name: the plan of all phases, and the clean-up."""

import time
from collections.abc import Callable

from gate import flow, plan
from gate.facts import Change, Mode, Reading
from gate.flow import House, Told
from gate.tidy import sweep, trash
from gate.tidy.journal import Journal
from gate.units import show_count
from gate.work import Phase, Sweep

Watch = Callable[[str], None]  # what is being done


def preview(house: House) -> tuple[Change, ...]:
    """Say what each phase would do, change nothing, and record how long planning took."""
    start, cpu = time.perf_counter(), time.process_time()
    drawn = tuple(change for step in house.steps if isinstance(step.work, Sweep) for change in sweep.draw(step.work, house.root))
    tree = house.tree()
    removals = sum(change.act in {"remove", "trash"} for change in drawn)
    headline = f"{show_count(len(house.steps), 'check')} planned, {show_count(removals, 'path')} would be removed"
    reading = Reading(wall=time.perf_counter() - start, cpu=time.process_time() - cpu)
    flow.note(house, "plan", Phase.PLAN, "nox -s plan", tree, headline, reading)
    return drawn


def draw(house: House, *, everything: bool, shared: bool, watch: Watch) -> tuple[Change, ...]:
    """Say what a clean-up would take and what it would leave; touch nothing, not even evidence."""
    works = [step.work for step in house.steps if isinstance(step.work, Sweep)]
    drawn = (sweep.draw(work, house.root, everything=everything, shared=shared, watch=lambda: watch("looking")) for work in works)
    return tuple(change for changes in drawn for change in changes)


def clean(house: House, *, everything: bool, shared: bool, watch: Watch) -> tuple[Told, tuple[Change, ...]]:
    """Remove and trash what is planned, where the mode allows it; judge and record what was done."""
    start = time.perf_counter()
    changes = draw(house, everything=everything, shared=shared, watch=watch)
    if house.mode is Mode.FIX and any(change.act in {"remove", "trash"} for change in changes):
        with Journal.begin(house.root, "clean", house.tree()) as journal:
            changes = sweep.carry_out(changes, journal, watch=lambda: watch("cleaning"))
    steps = plan.select(house.steps, ["clean"])
    return flow.check(house, steps, swept=(changes, time.perf_counter() - start)), changes


def undo(house: House, when: str, what: str) -> tuple[Change, ...]:
    """Take back the newest run of a verb, or the named one."""
    return trash.undo(house.root, when, what)


def empty_trash(house: House) -> tuple[Change, ...]:
    """Throw away all that runs keep."""
    return trash.empty(house.root)
