"""Which files go where: rules, and names that meet; pure planning, nothing is touched."""

import os
import posixpath
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gate.errors import GateError
from gate.facts import Move
from gate.facts.work import Documents
from gate.pages import filing
from gate.pages.filing import POLICY, Filed
from gate.pages.tree import Tree

_LONGEST = 255  # bytes of a name, on every file system that matters


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What the repository holds, and what of it must stay where it is."""

    tree: Tree
    tracked: frozenset[str]
    taken: frozenset[str]  # keys of what lies in the destinations, known to git or not
    left: frozenset[str]  # documents that the policy leaves alone
    held: Mapping[str, str]  # path -> why it stays, though a rule would move it


def draw(work: Documents, scene: Scene) -> tuple[tuple[Move, ...], tuple[tuple[str, str], ...]]:
    """Return the moves, none onto what is there, and what stays though a rule would move it, with the reason."""
    taken = {key(path) for path in (*scene.tree.files, *scene.tree.folders)} | scene.taken
    moves, stays = [], []
    for path in sorted(scene.tree.files):
        filed = _filed(work, scene, path, path)
        if filed and path in scene.held:
            stays.append((path, scene.held[path]))
        elif filed:
            target, filed = _settled(work, scene, path, filed, taken)
            taken.add(key(target))
            moves.append(Move(source=path, target=target, rule=filed.rule, tracked=path in scene.tracked))
    return tuple(moves), tuple(stays)


def key(path: str) -> str:
    """Return what is equal for paths that some file system takes for one.

    >>> key("Docs/NOTES.md") == key("docs/notes.MD")
    True
    """
    return (path if path.isascii() else unicodedata.normalize("NFC", path)).casefold()


def _filed(work: Documents, scene: Scene, path: str, source: str) -> Filed | None:
    """Say where the file that is now at `source` would go if it lay at `path`."""
    page = scene.tree.pages.get(source)
    if source in scene.left or source in scene.tree.links:
        return None
    return filing.document(work, path, page) if page else filing.asset(work, path)


def _settled(work: Documents, scene: Scene, path: str, filed: Filed, taken: set[str]) -> tuple[str, Filed]:
    """Find the place from which no rule sends a file on, so that a second run has nothing to do.

    It ends: what lies in a destination is sent on to an earlier one only.
    """
    while True:
        target = _free(path, filed.folder, lambda name: key(name) in taken)
        onward = _filed(work, scene, target, path)
        if not onward:
            return target, filed
        filed = onward


def _free(path: str, folder: str, taken: Callable[[str], bool]) -> str:
    """Return a name in a folder that nothing has: its own, or one with its old folders before it, or a number behind it."""
    *parents, name = path.split("/")
    stem, suffix = posixpath.splitext(name)
    names = [name, *("-".join([*parents[-count:], name]) for count in range(1, len(parents) + 1))]
    number = 2
    while True:
        for each in names:
            if len(os.fsencode(each)) <= _LONGEST and not taken(f"{folder}/{each}"):
                return f"{folder}/{each}"
        names = [f"{stem}-{number}{suffix}"]
        number += 1
        if number > len(path) + 10_000:
            message = f"{POLICY}: {path} finds no free name in {folder}; rename it and run again"
            raise GateError(message)
