"""One run that changes files: each act is on disk as a line before it happens, and can be taken back."""

import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from gate.errors import GateError
from gate.facts import Change, Entry
from gate.repo import staging
from gate.tidy import acts, descriptors
from gate.tidy.acts import Act, Run
from gate.tidy.trash import empty, runs, undo

__all__ = ["Act", "Journal", "Run", "empty", "runs", "undo"]

FILES, KEPT = "files", "kept"  # in the folder of a run: what was trashed by its path; old bytes of what was rewritten by number
_CHANGED = "changed after the plan was drawn"


class Journal:
    """Change files of one repository, never through a link and never over an existing name."""

    def __init__(self, root: Path, what: str, tree: str) -> None:
        """Remember what the run is; its folder is made with its first act."""
        self.root, self.what, self.tree, self.when = root, what, tree, ""
        self._held = ExitStack()
        self._root = self._trash = self._run = -1
        self._number = 0

    @classmethod
    def begin(cls, root: Path, what: str, tree: str) -> Self:
        """Make a run of a verb; to be used in a `with` statement, which holds the lock."""
        return cls(root, what, tree)

    def __enter__(self) -> Self:
        """Take the lock."""
        with ExitStack() as stack:
            self._trash = stack.enter_context(acts.locked(self.root))
            self._root = descriptors.open_root(self.root)
            stack.callback(os.close, self._root)
            self._held = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Note the end, unless something went wrong, and let go of the lock."""
        with self._held:
            if kind is None and self.when:
                acts.append(self._trash, self.when, [Act(act="end")])

    def remove(self, entry: Entry) -> str:
        """Remove one regenerable entry at once; return "" or why it stayed."""
        self._announce([Act(act="remove", path=entry.path, size=max(entry.size, 0))])
        with _Folders(self._root) as folders:
            return _remove(folders, entry)

    def remove_all(self, changes: Sequence[Change], watch: Callable[[], None]) -> list[str]:
        """Remove the entries of many changes, announced in one write; return for each change "" or why some of it stayed."""
        self._announce([Act(act="remove", path=change.path, size=change.size) for change in changes])
        told = []
        with _Folders(self._root) as folders:
            for change in changes:
                stayed = [why for entry in change.entries if (why := _remove(folders, entry))]
                told.append(stayed[0] if stayed else "")
                watch()
        return told

    def note(self, command: str) -> None:
        """Write down a command that is about to run; nothing of it can be taken back."""
        self._announce([Act(act="run", what=command)])

    def trash(self, entry: Entry, *, hollow: bool = False) -> str:
        """Move one entry into the trash; return "" or why it stayed: a hollow folder when there is a file in it after all."""
        try:
            if hollow and descriptors.holds_file(self._root, entry.path):
                return f"{entry.path}: something lies in it"
            into = self._free(f"{FILES}/{entry.path}")
            self._announce([Act(act="trash", path=entry.path, into=into, inode=entry.inode, size=max(entry.size, 0))])
            descriptors.make_folders(self._run, os.path.split(into)[0])
            _rename(self._root, entry.path, self._run, into, entry)
        except OSError as error:
            return f"{entry.path}: {error.strerror}"
        return ""

    def move(self, source: str, target: str, *, tracked: bool) -> None:
        """Move a file to a free place, and for git too when it is tracked; folders above it are made.

        Raises GateError when it is not there, its place is taken, or git's index knows otherwise.
        """
        staged = staging.staged(self.root, source, target) if tracked else ""
        act = Act(act="move", path=source, into=target, tracked=tracked)
        try:
            there = self._movable(source, target)
            self._make_folders_above(target)
            self._announce([replace(act, inode=there.st_ino, size=there.st_size)])
            with descriptors.place(self._root, source) as (at, name), descriptors.place(self._root, target) as (to, new):
                descriptors.rename_new(at, name, to, new)
        except OSError as error:
            self._announce([Act(act="failed", path=source, into=target)])
            message = f"{source}: cannot be moved to {target} ({error.strerror}); make room, then draw the plan again"
            raise GateError(message) from error
        if tracked:
            staging.restage(self.root, source, target, staged)

    def rewrite(self, path: str, before: bytes | None, after: bytes) -> None:
        """Put new bytes in the place of the old ones in one step, and keep the old file in the trash; None: there was no file.

        Raises GateError when the file is not what it was when the plan was drawn.
        """
        try:
            old = self._regular(path, before)
            if old is None:
                self._make_folders_above(path)
            slot = self._slot()
            act = Act(act="rewrite", path=path, into=slot, before=old.st_ino if old else 0, size=len(after))
            with descriptors.place(self._run, slot) as (kept, number), descriptors.place(self._root, path) as (at, name):
                new = descriptors.write_new(kept, number, after, stat.S_IMODE(old.st_mode) if old else 0o644)
                self._announce([replace(act, inode=new.st_ino, digest=hashlib.sha256(after).hexdigest())])
                self._put(kept, number, at, name, before)
        except OSError as error:
            message = f"{path}: cannot be rewritten ({error.strerror}); draw the plan again"
            raise GateError(message) from error

    def _put(self, kept: int, slot: str, at: int, name: str, before: bytes | None) -> None:
        """Let the new file take its place; when another file than the planned one came out of it, it goes back."""
        if before is None:
            descriptors.rename_new(kept, slot, at, name)
            return
        descriptors.exchange(kept, slot, at, name)
        try:
            is_planned = descriptors.read(kept, slot) == before
        except OSError:  # a link or a pipe took the place of the file
            is_planned = False
        if not is_planned:
            descriptors.exchange(kept, slot, at, name)
            raise OSError(0, _CHANGED, name)

    def _announce(self, coming: Sequence[Act]) -> None:
        """Write down what is about to happen; the first act makes the folder of the run."""
        if not coming:
            return
        self._begun()
        acts.append(self._trash, self.when, coming)

    def _begun(self) -> None:
        """Make the folder of the run, once."""
        if self.when:
            return
        self.when = acts.new(self._trash)
        self._run = descriptors.open_folder(self._trash, self.when)
        self._held.callback(os.close, self._run)
        for name in (FILES, KEPT):
            os.mkdir(name, dir_fd=self._run)
        acts.append(self._trash, self.when, [Act(act="begin", what=self.what, tree=self.tree)])

    def _free(self, into: str) -> str:
        """Return a name in the trash that is free: a folder of this name may stand there for what was below it."""
        self._begun()
        number, found = 1, into
        while descriptors.look(self._run, found):
            number += 1
            found = f"{into}~{number}"
        return found

    def _slot(self) -> str:
        """Return the next name for a file whose old bytes are kept."""
        self._begun()
        self._number += 1
        return f"{KEPT}/{self._number}"

    def _make_folders_above(self, path: str) -> None:
        """Make the folders that are missing above a path, each an act of its own."""
        for part in descriptors.folders_of(os.path.split(path)[0]):
            if descriptors.look(self._root, part) is None:
                self._announce([Act(act="folder", path=part)])
                descriptors.make_folders(self._root, part)

    def _movable(self, source: str, target: str) -> os.stat_result:
        """Return the status of what may move to a free place."""
        there = descriptors.look(self._root, source)
        if there is None:
            raise FileNotFoundError(0, "it is gone", source)
        if descriptors.look(self._root, target):
            raise FileExistsError(0, "the place is taken", target)
        return there

    def _regular(self, path: str, before: bytes | None) -> os.stat_result | None:
        """Return the status of the file that is to be rewritten, once it is known to hold what was planned."""
        old = descriptors.look(self._root, path)
        if before is None and old is not None:
            raise FileExistsError(0, "there is a file already", path)
        if before is not None and (old is None or descriptors.read(self._root, path) != before):
            raise OSError(0, _CHANGED, path)
        return old


class _Folders:
    """The folder in which the last entry lay, still open: entries of one folder come together."""

    def __init__(self, root: int) -> None:
        self._root, self._path, self._at = root, "", -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._close()

    def at(self, path: str) -> int:
        """Return the descriptor of a folder."""
        if self._at < 0 or path != self._path:
            self._close()
            self._at, self._path = descriptors.open_folder(self._root, path), path
        return self._at

    def _close(self) -> None:
        if self._at >= 0:
            os.close(self._at)
        self._at = -1


def _remove(folders: _Folders, entry: Entry) -> str:
    """Remove one planned entry; return "" or why it stayed."""
    above, name = os.path.split(entry.path)
    try:
        at = folders.at(above)
        if _is_changed(os.stat(name, dir_fd=at, follow_symlinks=False), entry):
            return f"{entry.path}: {_CHANGED}"
        if entry.folder:
            os.rmdir(name, dir_fd=at)
        else:
            os.unlink(name, dir_fd=at)
    except FileNotFoundError:  # gone already, which is what was wanted
        return ""
    except OSError as error:
        return f"{entry.path}: {error.strerror}"
    return ""


def _rename(root: int, path: str, run: int, into: str, entry: Entry) -> None:
    """Move a planned entry into the trash; what became another thing stays, or comes back when it became so just now."""
    with descriptors.place(root, path) as (at, name), descriptors.place(run, into) as (to, new):
        if _is_changed(os.stat(name, dir_fd=at, follow_symlinks=False), entry):
            raise OSError(0, _CHANGED, path)
        descriptors.rename_new(at, name, to, new)
        if os.stat(new, dir_fd=to, follow_symlinks=False).st_ino != entry.inode:
            with suppress(FileExistsError):  # then there is a newer one at its place, and both are kept
                descriptors.rename_new(to, new, at, name)
            raise OSError(0, _CHANGED, path)


def _is_changed(now: os.stat_result, entry: Entry) -> bool:
    """Tell whether a path is not the file or folder that was planned; what a folder holds is seen by whether it can go."""
    if (now.st_dev, now.st_ino, stat.S_ISDIR(now.st_mode)) != (entry.device, entry.inode, entry.folder):
        return True
    return not entry.folder and entry.size >= 0 and (now.st_size, now.st_mtime_ns) != (entry.size, entry.written)
