"""Dead caches and artefacts: found by policy in one walk, proven, shown, then removed or trashed exactly as planned."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gate.facts import Change
from gate.facts.work import Sweep
from gate.repo import worktree
from gate.threads import answer, side_by_side
from gate.tidy import descriptors, openfiles, tools
from gate.tidy.journal import Journal
from gate.tidy.proofs import judge
from gate.tidy.rules import EMPTY, Rules
from gate.tidy.scan import scan
from gate.tidy.scene import Scene
from gate.units import show_count

_SMALL = 4096  # bytes of a .gitignore or CACHEDIR.TAG that are read

_NAMED = 5  # folders that a note names

Watch = Callable[[], None]


def quiet() -> None:
    """Watch nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A plan of a clean-up, and what could not be looked at while it was drawn."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()


def draw(
    sweep: Sweep, root: Path, *, everything: bool = False, shared: bool = False, now: float | None = None, watch: Watch = quiet
) -> tuple[Change, ...]:
    """Say what would be removed or trashed, and what a rule matches but must stay, each with its reason; touch nothing."""
    return look(sweep, root, everything=everything, shared=shared, now=now, watch=watch).changes


def look(
    sweep: Sweep, root: Path, *, everything: bool = False, shared: bool = False, now: float | None = None, watch: Watch = quiet
) -> Drawn:
    """Draw the plan, and say what could not be looked at.

    `everything` also takes what is live, `shared` the caches of npm, pip and uv; `now` is in seconds since the epoch; `watch` is called
    for every folder.
    """
    rules = Rules(sweep.rules)
    with side_by_side(2) as later:
        tracked = later(worktree.tracked, root)
        scanned = scan(root, rules, watch)
        held = openfiles.held(root) if scanned.seen else openfiles.NOTHING
        scene = Scene(
            tracked=sorted(answer(tracked)),
            protect=sweep.protect,
            everything=everything,
            held=held,
            now=time.time() if now is None else now,
            read=lambda path: _first_bytes(root, path),
        )
    changes = judge(scanned, scene, lambda paths: worktree.ignored_by(root, paths), rules.empty)
    changes += tools.draw(sweep.rules) if shared else []
    unread = f"{show_count(len(scanned.unread), 'folder')} could not be looked into: {', '.join(scanned.unread[:_NAMED])}"
    notes = [*([unread] if scanned.unread else []), *([held.looked] if held.looked else [])]
    return Drawn(changes=tuple(sorted(changes, key=lambda change: (change.act == "kept", change.path))), notes=tuple(notes))


def carry_out(changes: Sequence[Change], journal: Journal, *, watch: Watch = quiet) -> tuple[Change, ...]:
    """Trash, then remove exactly what was drawn; what became another thing meanwhile stays; `watch` is called for every change."""
    done = {}
    for change in changes:
        if change.act == "trash" and change.rule != EMPTY:
            done[change.path] = _done(change, "trashed", journal.trash(change.entries[-1]))
            watch()
    removals = [change for change in changes if change.act == "remove" and change.entries]
    for change, why in zip(removals, journal.remove_all(removals, watch), strict=True):
        done[change.path] = _done(change, "removed", why)
    for change in reversed(changes):  # an inner folder before the one around it
        if change.act == "trash" and change.rule == EMPTY:
            done[change.path] = _done(change, "trashed", journal.trash(change.entries[-1], hollow=True))
    for change in changes:
        if change.act == "remove" and not change.entries:
            done[change.path] = _done(change, "removed", tools.clean(change, journal))
    return tuple(done.get(change.path, change) for change in changes)


def _done(change: Change, act: str, why: str) -> Change:
    """Say that a change was made, or why it was not."""
    return replace(change, reason=why) if why else replace(change, act=act)


def _first_bytes(root: Path, path: str) -> bytes:
    """Read the beginning of a small file in a matched folder, never through a link."""
    at = descriptors.open_root(root)
    try:
        return descriptors.read(at, path)[:_SMALL]
    except OSError:  # there is none, or it is no file: then it says nothing
        return b""
    finally:
        os.close(at)
