"""The plan of all phases: drawn whole, named by an id, recorded, and drawn again before any of it is carried out."""

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path

from gate import flow
from gate.acts import drawing
from gate.acts.drawing import KEPT, Changes
from gate.errors import GateError
from gate.facts import Change, Reading
from gate.facts.state import Plan
from gate.facts.work import Documents, Duplicates, Phase, Tool
from gate.flow import House
from gate.measure import duplicates, state
from gate.record.files import replace_file
from gate.repo import worktree
from gate.tidy import style
from gate.units import show_count

_ID = re.compile(r"[0-9a-f]{12}-[0-9a-f]{12}")
_HALF = 12  # hexadecimal digits of each half of an id
_NAMED = 5  # paths that an error names
_CARRIED = "carried.json"  # in the store: which plan was carried out in part, and the id of what is left of it


def preview(house: House) -> Plan:
    """Say what each phase would do, change nothing, and record how long planning took; a tree without an id gets no record."""
    start, cpu = time.perf_counter(), time.process_time()
    changes, refused = drawing.draw(house)
    tree, trouble = _tree(house)
    plan = Plan(
        tree=tree,
        trouble=trouble,
        id=identity(tree, changes) if tree else "",
        state=state.read(house.work(Documents), house.root),
        steps=house.steps,
        changes={**changes, Phase.QUALITY: _style(house)},
        refused=refused,
        duplicates=duplicates.measure(house.work(Duplicates), house.root).diagnostics,
    )
    if tree:
        reading = Reading(wall=time.perf_counter() - start, cpu=time.process_time() - cpu)
        flow.note(house, "plan", Phase.PLAN, "nox -s plan", tree, headline(plan), reading)
    return plan


def writable(house: House, file: Path) -> None:
    """Refuse to write a plan where the writing itself would make it stale.

    Raises GateError for a place in the repository that git does not ignore.
    """
    inside = os.path.relpath(os.path.realpath(file), os.path.realpath(house.root))
    if not inside.startswith("../") and inside not in worktree.ignored(house.root, [inside]):
        message = f"--out {file}: git does not ignore it, and writing it would change the tree that is planned for; name another place"
        raise GateError(message)


def headline(plan: Plan) -> str:
    """Count what a plan would do."""
    every = [change for found in plan.changes.values() for change in found if change.act != KEPT]
    removals = sum(change.act in {"remove", "trash"} for change in every)
    checks = show_count(len(plan.steps), "check")
    return (
        f"{checks} planned, {show_count(removals, 'path')} would be removed, {show_count(len(every) - removals, 'path')} rewritten or moved"
    )


def identity(tree: str, changes: Changes) -> str:
    """Name a plan by its tree and by everything that it would change: act, path, bytes, and which files these are."""
    return f"{tree[:_HALF]}-{_digest(changes)[:_HALF]}"


@contextmanager
def carried_out(house: House, planned: str, phase: Phase) -> Iterator[tuple[Change, ...] | None]:
    """Yield what a plan says of one phase; refuse it when it is stale, and remember afterwards what is left of it for the next phase.

    Without a plan nothing is asked, and None is yielded. Raises GateError before anything is changed.
    """
    if not planned:
        yield None
        return
    before = _confirmed(house, planned)
    yield before[phase]
    after, _ = drawing.draw(house)
    others = [other for other in before if other != phase]
    if _digest({other: before[other] for other in others}) == _digest({other: after[other] for other in others}):
        left = {"version": 1, "plan": planned, "left": identity(house.tree(), after)}
        replace_file(worktree.store(house.root) / _CARRIED, (json.dumps(left) + "\n").encode())


def _confirmed(house: House, planned: str) -> Changes:
    """Draw a plan again and return it, when it is still the one that is meant.

    Raises GateError when it is not, and says what came in between.
    """
    if not _ID.fullmatch(planned):
        message = f"--plan: {planned[:80]!r} is not the id of a plan; draw one: nox -s plan"
        raise GateError(message)
    tree = house.tree()
    changes, _ = drawing.draw(house)
    now = identity(tree, changes)
    left = _carried(house.root)
    wanted = left["left"] if left.get("plan") == planned else planned
    if now in {planned, wanted}:
        return changes
    moment = _drawn_at(house.root, planned)
    if now[:_HALF] != wanted[:_HALF]:
        names = _named(_touched(house.root, moment) if moment else (), "what it was drawn for is not recorded here")
        what = f"the work tree changed since it was drawn ({names})"
    else:
        names = _named(_younger(house.root, changes, moment) if moment else (), "some are gone, or were written anew")
        what = f"the tree is the same, but not the other files that it would change ({names})"
    message = f"plan {planned} is stale: {what}; nothing was changed, draw it again: nox -s plan"
    raise GateError(message)


def _style(house: House) -> tuple[Change, ...]:
    """Say what the quality phase would mend: one step serves for all, because each mends the same things."""
    mends = (step.work for step in house.steps if isinstance(step.work, Tool) and step.work.fixes)
    return next((style.draw(work, house.root) for work in mends), ())


def _tree(house: House) -> tuple[str, str]:
    """Return the tree id, or why there is none: a file that cannot be read, a submodule with uncommitted work."""
    try:
        return house.tree(), ""
    except GateError as error:
        return "", str(error)


def _digest(changes: Changes) -> str:
    """Hash what would be changed, in an order that no walk decides."""
    rows = [
        [phase, change.act, change.path, change.kind, change.size, sorted(astuple(entry) for entry in change.entries)]
        for phase, found in changes.items()
        for change in found
        if change.act != KEPT
    ]
    return hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()


def _carried(root: Path) -> dict[str, str]:
    """Return which plan was carried out in part; one that cannot be read is none."""
    try:
        found = json.loads((worktree.store(root) / _CARRIED).read_bytes())
        return {"plan": str(found["plan"]), "left": str(found["left"])} if found["version"] == 1 else {}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def _drawn_at(root: Path, planned: str) -> float:
    """Return when the newest plan of this tree was recorded, in seconds since the epoch; 0 where none is."""
    records = worktree.store(root).glob(f"evidence/{planned[:_HALF]}*/plan.json")
    return max((record.stat().st_mtime for record in records), default=0.0)


def _touched(root: Path, moment: float) -> list[str]:
    """Name what a commit would hold that was written, moved or removed after a moment."""
    names = [path for path in worktree.files(root) if _since(root / path, moment)]
    gone = [path for path in worktree.changed(root) if not (root / path).exists() and _since((root / path).parent, moment)]
    return [*names, *(path for path in gone if path not in names)]


def _younger(root: Path, changes: Changes, moment: float) -> list[str]:
    """Name what would be changed and came to be after a moment."""
    every = [change for found in changes.values() for change in found if change.act != KEPT]
    return [change.path for change in every if any(_since(root / entry.path, moment) for entry in change.entries)]


def _since(path: Path, moment: float) -> bool:
    """Tell whether a path, or the nearest folder that is left of it, changed after a moment."""
    while True:
        try:
            here = path.lstat()
        except FileNotFoundError:
            path = path.parent
            continue
        return max(here.st_mtime, here.st_ctime) > moment


def _named(paths: Sequence[str], otherwise: str) -> str:
    """Name some paths."""
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more or otherwise
