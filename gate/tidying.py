"""What tidies the tree when it is asked by name: the plan of all phases, and the clean-up."""

import time

from gate import flow, plan
from gate.facts import Change, Reading
from gate.flow import House, Told
from gate.record import ledger
from gate.tidy import sweep
from gate.units import show_count
from gate.work import Phase, Sweep


def preview(house: House) -> tuple[Change, ...]:
    """Say what each phase would do, change nothing, and record how long planning took."""
    start, cpu = time.perf_counter(), time.process_time()
    drawn = tuple(change for step in house.steps if isinstance(step.work, Sweep) for change in sweep.draw(step.work, house.root))
    tree = house.tree()
    removals = sum(change.act == "remove" for change in drawn)
    headline = f"{show_count(len(house.steps), 'check')} planned, {show_count(removals, 'path')} would be removed"
    reading = Reading(wall=time.perf_counter() - start, cpu=time.process_time() - cpu)
    flow.note(house, "plan", Phase.PLAN, "nox -s plan", tree, headline, reading)
    return drawn


def clean(house: House, *, everything: bool, dry: bool) -> tuple[Told, tuple[Change, ...]]:
    """Sweep, or only show what sweeping would take."""
    steps = plan.select(house.steps, ["clean"])
    if dry:
        drawn = [
            change for step in steps if isinstance(step.work, Sweep) for change in sweep.draw(step.work, house.root, everything=everything)
        ]
        return [], tuple(drawn)
    told = flow.check(house, steps, everything=everything)
    found, _ = ledger.read(house.root, house.tree(), "clean")
    return told, found.reading.changes if found else ()
