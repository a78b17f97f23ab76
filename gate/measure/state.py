"""The state of a repository: what git says, and one walk over its files, which opens none and follows no link."""

import os
import posixpath
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gate.facts import Diagnostic
from gate.facts.state import Amount, State, Status, Weight
from gate.facts.work import Documents
from gate.pages import tree
from gate.pages.globs import Globs
from gate.repo import status, worktree
from gate.threads import answer, side_by_side

LARGE = 10 * 10**6  # bytes from which a file that a commit would hold is large
_TRACKED, _UNTRACKED, _IGNORED = range(3)
_POINTS = b"filter"  # without this word in any attributes file nothing goes through a filter


def read(documents: Documents, root: Path) -> State:
    """Look at everything once."""
    with side_by_side(2) as later:
        searched = later(status.marks, root)  # git reads every file, which takes it about as long as the walk
        told = status.read(root)
        walk = _Walk(root=str(root), status=told, folders=tree.folders(told.tracked))
        _look(walk)
        marks, pointers = answer(searched)
    files = sorted(walk.files)
    return State(
        status=told,
        tracked=Amount(count=len(told.tracked), size=walk.sizes[_TRACKED]),
        untracked=Amount(count=walk.counts[_UNTRACKED], size=walk.sizes[_UNTRACKED]),
        ignored=Amount(count=walk.counts[_IGNORED], size=walk.sizes[_IGNORED]),
        nested=tuple(sorted(walk.nested)),
        lfs=tuple(sorted(status.with_lfs(root, told.tracked))) if _filters(root, files) else (),
        pointers=tuple(sorted(pointers)),
        large=_heaviest(walk.large),
        heaviest=_heaviest(Weight(path=path, count=count, size=size) for path, (count, size) in walk.tops.items()),
        marks=tuple(sorted(marks, key=lambda mark: (-mark.todo - mark.fixme, mark.path))),
        documents=_documents(documents, walk.files),
        unread=tuple(sorted(walk.unread, key=lambda row: row.path)),
        odd=tuple(path for path in files if not _is_text(path)),
    )


@dataclass(kw_only=True, slots=True)
class _Walk:
    """What one walk knows and finds."""

    root: str
    status: Status
    folders: frozenset[str]  # that hold tracked files
    counts: list[int] = field(default_factory=lambda: [0, 0, 0])
    sizes: list[int] = field(default_factory=lambda: [0, 0, 0])
    files: dict[str, int] = field(default_factory=dict)  # what a commit would hold -> bytes
    tops: dict[str, tuple[int, int]] = field(default_factory=dict)
    large: list[Weight] = field(default_factory=list)
    nested: list[str] = field(default_factory=list)
    unread: list[Diagnostic] = field(default_factory=list)


def _look(walk: _Walk) -> None:
    """Visit every folder; a folder is waiting with its path, whether it is ignored, and the topmost untracked folder above it."""
    device = Path(walk.root).lstat().st_dev
    waiting = [("", False, "")]
    while waiting:
        folder, ignored, top = waiting.pop()
        try:
            with os.scandir(f"{walk.root}/{folder}") as found:
                entries = list(found)
        except OSError as error:
            walk.unread.append(_unread(folder, error.strerror))
            continue
        if folder and _is_other(walk, folder, {entry.name for entry in entries}):
            continue
        for entry in entries:
            path = f"{folder}{entry.name}"
            if entry.name == ".git" or path == worktree.STORE:
                continue
            try:
                here = entry.stat(follow_symlinks=False)
            except OSError as error:  # it went away, or the folder may be listed and not entered
                walk.unread.append(_unread(path, error.strerror))
                continue
            if not stat.S_ISDIR(here.st_mode):
                _count(walk, path, here, ignored=ignored, top=top)
            elif here.st_dev != device:
                walk.unread.append(_unread(path, "another file system"))
            else:
                above = top or ("" if path in walk.folders else f"{path}/")
                waiting.append((f"{path}/", ignored or f"{path}/" in walk.status.ignored, above))


def _count(walk: _Walk, path: str, here: os.stat_result, *, ignored: bool, top: str) -> None:
    """Count one file or link; git sees neither pipes nor devices."""
    if not (stat.S_ISREG(here.st_mode) or stat.S_ISLNK(here.st_mode)):
        walk.unread.append(_unread(path, "neither a file nor a link, git does not see it"))
        return
    unknown = _IGNORED if ignored or path in walk.status.ignored else _UNTRACKED
    kind = _TRACKED if path in walk.status.tracked else unknown
    walk.counts[kind] += 1
    walk.sizes[kind] += here.st_size
    if kind == _IGNORED:
        return
    walk.files[path] = here.st_size
    if here.st_size >= LARGE:
        walk.large.append(Weight(path=path, count=1, size=here.st_size))
    if kind == _UNTRACKED:
        count, size = walk.tops.get(top or path, (0, 0))
        walk.tops[top or path] = (count + 1, size + here.st_size)


def _is_other(walk: _Walk, folder: str, names: set[str]) -> bool:
    """Tell whether a folder is another work tree, which is left alone; note repositories, submodules are told by the index."""
    path = folder.rstrip("/")
    if ".git" in names:
        if path not in {found.path for found in walk.status.submodules}:
            walk.nested.append(folder)
        return True
    if {"HEAD", "objects", "refs"} <= names:  # bare; to git its files are like any others
        walk.nested.append(folder)
    return False


def _filters(root: Path, files: list[str]) -> bool:
    """Tell whether any attributes file of the repository speaks of filters."""
    names = [root / path for path in files if path.rpartition("/")[2] == ".gitattributes"]
    names.append(worktree.git_folder(root) / "info/attributes")
    return any(_POINTS in name.read_bytes() for name in names if name.is_file() and not name.is_symlink())


def _heaviest(found: Iterable[Weight]) -> tuple[Weight, ...]:
    return tuple(sorted(found, key=lambda item: (-item.size, item.path)))


def _documents(documents: Documents, files: dict[str, int]) -> tuple[Weight, ...]:
    """Count the documents of the policy by folder."""
    wanted, left = Globs(documents.match), Globs(documents.leave)
    found: dict[str, tuple[int, int]] = {}
    for path, weight in files.items():
        if wanted.match(path) and not left.match(path):
            count, size = found.get(posixpath.dirname(path), (0, 0))
            found[posixpath.dirname(path)] = (count + 1, size + weight)
    return tuple(Weight(path=f"{folder}/" if folder else "./", count=count, size=size) for folder, (count, size) in sorted(found.items()))


def _unread(path: str, why: str | None) -> Diagnostic:
    return Diagnostic(path=path, line=0, code="unread", message=why or "cannot be read")


def _is_text(name: str) -> bool:
    """Tell whether a name is UTF-8."""
    return name.isprintable() or not any("\udc80" <= letter <= "\udcff" for letter in name)
