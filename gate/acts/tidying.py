"""What tidies the tree when it is asked by name."""

import time
from collections.abc import Callable
from dataclasses import replace

from gate import flow, plan
from gate.facts import Change, Mode
from gate.facts.rows import Told
from gate.facts.work import Sweep
from gate.flow import House
from gate.tidy import sweep, trash
from gate.tidy.journal import Journal
from gate.tidy.sweep import Drawn

Watch = Callable[[str], None]  # what is being done


def draw(house: House, *, everything: bool, shared: bool, watch: Watch) -> Drawn:
    """Say what a clean-up would take and what it would leave; touch nothing, not even evidence."""
    return sweep.look(house.work(Sweep), house.root, everything=everything, shared=shared, watch=lambda: watch("looking"))


def clean(
    house: House, *, everything: bool, shared: bool, watch: Watch, meant: tuple[Change, ...] | None = None
) -> tuple[list[Told], Drawn]:
    """Remove and trash what is `meant`, or else drawn now, where the mode allows it; judge and record what was done."""
    start = time.perf_counter()
    drawn = draw(house, everything=everything, shared=shared, watch=watch) if meant is None else Drawn(changes=meant)
    if house.mode is Mode.FIX and any(change.act in {"remove", "trash"} for change in drawn.changes):
        with Journal.begin(house.root, "clean", house.tree()) as journal:
            drawn = replace(drawn, changes=sweep.carry_out(drawn.changes, journal, watch=lambda: watch("cleaning")))
    steps = plan.select(house.steps, ["clean"])
    return flow.check(house, steps, swept=(drawn.changes, time.perf_counter() - start)), drawn


def undo(house: House, when: str, what: str) -> tuple[Change, ...]:
    """Take back the newest run of a verb, or the named one."""
    return trash.undo(house.root, when, what)


def empty_trash(house: House) -> tuple[Change, ...]:
    """Throw away all that runs keep."""
    return trash.empty(house.root)
