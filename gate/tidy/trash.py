"""What a run did, taken back or thrown away: first every place is looked at, then every act undone in reverse, each in one step."""

import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gate.errors import GateError
from gate.facts import Change
from gate.repo import staging
from gate.tidy import acts, descriptors
from gate.tidy.acts import Act, Run

_SHOWN = 5  # places that an error names


def runs(root: Path) -> tuple[Run, ...]:
    """Return all runs of this repository, the oldest first."""
    with acts.locked(root) as trash:
        return acts.listed(trash)


def undo(root: Path, when: str = "", what: str = "") -> tuple[Change, ...]:
    """Take back the newest run, or the named one, or the newest of a verb; nothing at all when any place is taken.

    Raises GateError with the places that are taken; may be stopped at any moment and called again.
    """
    with acts.locked(root) as trash:
        run = acts.pick(acts.listed(trash), when, what)
        if run is None or run.state == "undone":
            return ()
        at = descriptors.open_root(root)
        try:
            scene = _Scene(at, trash, run)
            backs = [back for act in reversed(run.acts) if (back := scene.back(act))]
            if scene.taken:
                message = f"undo {run.when}: {'; '.join(scene.taken[:_SHOWN])}; move these away, then undo again (nothing was changed)"
                raise GateError(message)
            acts.append(trash, run.when, [Act(act="undo")])
            changes = tuple(_carry_out(root, at, trash, run, back) for back in backs)
            acts.append(trash, run.when, [Act(act="undone")])
            return changes
        finally:
            os.close(at)


def empty(root: Path) -> tuple[Change, ...]:
    """Delete all runs with everything that they keep; a run is first renamed, so that half of one is never offered to undo."""
    with acts.locked(root) as trash:
        found = []
        with os.scandir(trash) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        for name in names:
            gone = name
            if not name.endswith(acts.EMPTIED):
                gone = f"{name}{acts.EMPTIED}"
                descriptors.rename_new(trash, name, trash, gone)
            size = _delete(trash, gone)
            found.append(Change(path=f"{acts.TRASH}/{name}", kind="trash", size=size, act="removed", reason="the trash was emptied"))
        return tuple(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Back:
    """One act to be taken back."""

    act: Act
    does: str  # rename, exchange, drop (a second name of the same file), folder, index, nothing
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Node:
    """What lies at a path, or will lie there when the later acts are undone."""

    inode: int
    where: str  # where it lies now; in the folder of the run when it begins with "trash:"


class _Scene:
    """The tree as it will be while acts are undone one after the other."""

    def __init__(self, root: int, trash: int, run: Run) -> None:
        self._root, self._trash, self._run = root, trash, run
        self._seen: dict[str, _Node | None] = {}
        self._failed = {(act.path, act.into) for act in run.acts if act.act == "failed"}
        self.taken: list[str] = []  # what stands in the way

    def back(self, act: Act) -> _Back | None:
        """Say how one act is taken back, as far as it happened."""
        match act.act:
            case "trash":
                return self._untrash(act)
            case "move":
                return self._unmove(act)
            case "rewrite":
                return self._unwrite(act)
            case "folder":
                return _Back(act=act, does="folder") if self._at(act.path) else None
            case "remove":
                gone = self._at(act.path) is None
                return _Back(act=act, does="nothing", reason="regenerable: its tool makes it again") if gone else None
        return None

    def _untrash(self, act: Act) -> _Back | None:
        """Bring back what lies in the trash; that it lies there is the proof that the act happened."""
        inside = f"trash:{act.into}"
        node, place = self._at(inside), self._at(act.path)
        if node is None:
            lost = place is None
            return _Back(act=act, does="nothing", reason="it is in the trash no more") if lost else None
        if place and place.inode == node.inode:  # two names of one file: renaming by link was stopped half way
            return _Back(act=act, does="drop")
        return self._renamed(act, inside, node, place)

    def _unmove(self, act: Act) -> _Back | None:
        """Bring a moved file back to where it was; one that never moved may have moved in git's index all the same."""
        node, place = self._at(act.into), self._at(act.path)
        if node is None and place is None:
            return _Back(act=act, does="nothing", reason=f"{act.into} is there no more")
        if node is None or (act.path, act.into) in self._failed or (place and node.inode != act.inode == place.inode):
            return _Back(act=act, does="index") if act.tracked else None
        if node.inode != act.inode:
            self.taken.append(f"{act.into} is not what was moved there")
            return None
        if place and place.inode == node.inode:
            return _Back(act=act, does="drop")
        return self._renamed(act, act.into, node, place)

    def _renamed(self, act: Act, now: str, node: _Node, place: _Node | None) -> _Back | None:
        if place or self._is_blocked(act.path):
            self.taken.append(f"{act.path} exists again" if place else f"{act.path} has a file in the place of a folder above it")
            return None
        self._seen[now], self._seen[act.path] = None, node
        return _Back(act=act, does="rename")

    def _unwrite(self, act: Act) -> _Back | None:
        """Exchange new bytes for the old ones again; new bytes that lie in the trash were never put in place, or are back already."""
        inside = f"trash:{act.into}"
        node, kept = self._at(act.path), self._at(inside)
        if kept and kept.inode == act.inode:
            return _Back(act=act, does="drop") if node and node.inode == act.inode else None
        if node is None or node.inode != act.inode or self._digest(node) != act.digest:
            self.taken.append(f"{act.path} was changed since")
            return None
        if act.before and (kept is None or kept.inode != act.before):
            self.taken.append(f"{act.path} has lost its old bytes in the trash")
            return None
        self._seen[act.path], self._seen[inside] = kept if act.before else None, node
        return _Back(act=act, does="exchange" if act.before else "rename")

    def _at(self, path: str) -> _Node | None:
        if path not in self._seen:
            inside = path.removeprefix("trash:")
            root, below = (self._trash, f"{self._run.when}/{inside}") if inside != path else (self._root, path)
            found = descriptors.look(root, below)
            self._seen[path] = _Node(inode=found.st_ino, where=path) if found else None
        return self._seen[path]

    def _is_blocked(self, path: str) -> bool:
        """Tell whether something that is no folder stands where a folder above a path must be."""
        above = (descriptors.look(self._root, part) for part in descriptors.folders_of(os.path.split(path)[0]))
        return any(found and not stat.S_ISDIR(found.st_mode) for found in above)

    def _digest(self, node: _Node) -> str:
        inside = node.where.removeprefix("trash:")
        root, below = (self._trash, f"{self._run.when}/{inside}") if inside != node.where else (self._root, node.where)
        try:
            return hashlib.sha256(descriptors.read(root, below)).hexdigest()
        except OSError:  # no regular file any more, so not what was written
            return ""


def _carry_out(root: Path, at: int, trash: int, run: Run, back: _Back) -> Change:
    """Take one act back, each in one system call, so that it can be repeated after any of them."""
    act = back.act
    done = Change(path=act.path, kind=act.act, size=act.size, act="restored", reason=f"as before {run.when}")
    if back.does == "nothing":
        return replace(done, act="gone", reason=back.reason)
    if back.does == "folder":
        return done if _drop_folder(at, act.path) else replace(done, act="kept", reason="others use this folder now")
    if back.does != "index":
        inside = f"{run.when}/{act.into}"
        match act.act:
            case "trash":
                _step(back.does, trash, inside, at, act.path)
            case "move":
                _step(back.does, at, act.into, at, act.path)
            case "rewrite":
                _step(back.does, at, act.path, trash, inside)
    if act.tracked:
        staging.unstage_move(root, act.into, act.path)
    return done


def _drop_folder(at: int, path: str) -> bool:
    """Remove a folder that the run made, when it is empty again; tell whether it is gone."""
    with descriptors.place(at, path) as (above, name), suppress(OSError):  # not empty, or gone: told by looking
        os.rmdir(name, dir_fd=above)
    return descriptors.look(at, path) is None


def _step(does: str, base: int, source: str, to: int, place: str) -> None:
    """Rename, exchange, or drop the second name."""
    descriptors.make_folders(to, os.path.split(place)[0])
    with descriptors.place(base, source) as (here, name), descriptors.place(to, place) as (there, new):
        if does == "drop":
            os.unlink(name, dir_fd=here)
        elif does == "exchange":
            descriptors.exchange(here, name, there, new)
        else:
            descriptors.rename_new(here, name, there, new)


def _delete(at: int, name: str) -> int:
    """Delete a folder below an open one with everything in it, links as themselves; return its bytes."""
    size = 0
    inner = os.open(name, descriptors.FOLDER, dir_fd=at)
    try:
        os.fchmod(inner, 0o700)  # what was read-only before it came into the trash
        with os.scandir(inner) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False), entry.stat(follow_symlinks=False).st_size) for entry in entries]
        for child, is_folder, weight in found:
            if is_folder:
                size += _delete(inner, child)
            else:
                os.unlink(child, dir_fd=inner)
                size += weight
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=at)
    return size
