"""One walk over the tree for all rules: through open folders, never through a link, not into what is somebody else's."""

import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from gate.facts import Entry
from gate.pages.globs import Names
from gate.repo import worktree
from gate.tidy import descriptors
from gate.tidy.rules import Hit, Rules

CACHE = "__pycache__"
BYTECODE = (".pyc", ".pyo")
FOREIGN = "an environment, another repository or another file system"
_ENVIRONMENTS = frozenset({".git", ".hg", ".svn", ".nox", ".tox", ".venv", ".direnv", "node_modules", worktree.STORE})
_MARKS = frozenset({".git", "pyvenv.cfg", "HEAD"})  # files that tell whose folder it is
_CACHED = re.compile(
    r"(?P<source>.+?)\.[A-Za-z]+-?[0-9]+(-pytest-[0-9A-Za-z.]+)?(\.opt-[0-9a-z]+)?\.py[co]"
)  # module.cpython-311.opt-1.pyc
_IN_CACHE = f"{CACHE}/"
_DEEP = 100  # folders; each one is open while it is looked into
_OCTAL = re.compile(r"\\([0-7]{3})")

Watch = Callable[[], None]


class Seen(NamedTuple):
    """A path that a rule matches, as it was seen; a tuple, which is made five times as fast: a tree may hold thousands."""

    path: str
    hit: Hit
    folder: bool
    entries: tuple[Entry, ...]  # the path and everything below it, children first
    blocked: str = ""  # why it must stay, whatever else is found out
    source: str = ""  # of byte code: what it was made from, "" where its name does not tell
    sourced: bool = False  # whether that is there


@dataclass(frozen=True, kw_only=True, slots=True)
class Scanned:
    """What one walk found."""

    seen: list[Seen] = field(default_factory=list)
    caches: dict[str, tuple[Entry, int]] = field(default_factory=dict)  # folders of byte code -> itself, how much lies in it
    hollow: dict[str, tuple[Entry, int]] = field(
        default_factory=dict
    )  # folders in which nothing might be left -> as above, inner ones first
    unread: list[str] = field(default_factory=list)  # folders that could not be looked into


def scan(root: Path, rules: Rules, watch: Watch) -> Scanned:
    """Walk the tree below the root once; `watch` is called for every folder."""
    at = descriptors.open_root(root)
    try:
        walk = _Walk(os.fstat(at).st_dev, _mounts(root), rules, watch)
        walk.folder(at, "", 0)
        return walk.found
    finally:
        os.close(at)


class _Walk:
    """What the walk needs to know at every folder, and what it found; the path of a folder ends with a slash, that of the root is empty."""

    def __init__(self, device: int, mounts: frozenset[str], rules: Rules, watch: Watch) -> None:
        self.found = Scanned()
        self._device, self._mounts, self._rules, self._watch = device, mounts, rules, watch
        names = Names(rules.file_names.whole | _MARKS, rules.file_names.heads, rules.file_names.tails)
        self._letters, self._passes, self._every = names.letters(), names.pass_, "" in names.heads
        self._folder_passes = rules.folder_names.pass_

    def folder(self, at: int, path: str, depth: int, above: Hit | None = None, beside: Sequence[os.DirEntry[str]] = ()) -> bool:
        """Look into an open folder; tell whether nothing would be left in it if all went that a rule matches.

        `above` is the rule that matched a folder of byte code, and so everything in it; `beside` is what lies beside that folder.
        """
        self._watch()
        folders, files, rest = self._listed(at, everything=self._every or above is not None)
        others = len(rest)
        if (folders or files) and _is_foreign(folders, files, is_root=not path):
            return False
        matched = 0
        in_cache = path.endswith(_IN_CACHE)
        sources = {entry.name: entry for entry in beside} if in_cache and files else None
        for entry in files:
            hit = above or self._rules.file(path + entry.name)
            if hit:
                self._file(at, path, entry, hit, sources)
                matched += 1
        inner = [entry for entry in folders if self._folder(at, path, entry, depth, rest)] if folders else []
        could = bool(path) and matched == others and len(inner) == len(folders)
        if in_cache:
            self.found.caches[path[:-1]] = (_entry(path[:-1], os.fstat(at)), others + len(folders))
        elif could and self._rules.empty:
            self.found.hollow[path[:-1]] = (_entry(path[:-1], os.fstat(at)), others + len(folders))
        return could

    def _listed(self, at: int, *, everything: bool) -> tuple[list[os.DirEntry[str]], list[os.DirEntry[str]], list[os.DirEntry[str]]]:
        """Return the folders, the files that a pattern could match, and all that are no folders; most time goes here."""
        with os.scandir(at) as entries:
            listed = list(entries)
        folders = [entry for entry in listed if entry.is_dir(follow_symlinks=False)]
        rest = [entry for entry in listed if not entry.is_dir(follow_symlinks=False)] if folders else listed
        if everything:
            return folders, rest, rest
        (first, last), passes = self._letters, self._passes
        return folders, [entry for entry in rest if ((name := entry.name)[-1] in last or name[0] in first) and passes(name)], rest

    def _folder(self, at: int, path: str, entry: os.DirEntry[str], depth: int, beside: Sequence[os.DirEntry[str]]) -> bool:
        """Match a folder, or look into it when it is ours; tell whether it could go. `beside` is what lies beside it and is none."""
        name = entry.name
        below = path + name
        hit = self._rules.folder(below) if self._folder_passes(name) else None
        if hit and name != CACHE:
            self._matched(at, below, name, hit)
            return True
        if name in _ENVIRONMENTS or below in self._mounts:
            return False
        if depth > _DEEP:
            self.found.unread.append(below)
            return False
        inner = self._opened(at, name, below)
        if inner < 0:
            return False
        try:
            return self.folder(inner, f"{below}/", depth + 1, hit, beside)
        finally:
            os.close(inner)

    def _matched(self, at: int, path: str, name: str, hit: Hit) -> None:
        """Take a folder with everything below it, or say what in it keeps it."""
        entries: list[Entry] = []
        why = self._gather(at, path, name, entries, 0)
        if not entries or entries[-1].path != path:  # the folder itself is always told
            entries.append(_entry(path, os.stat(name, dir_fd=at, follow_symlinks=False)))
        self.found.seen.append(Seen(path=path, hit=hit, folder=True, entries=tuple(entries), blocked=why))

    def _gather(self, at: int, path: str, name: str, entries: list[Entry], depth: int) -> str:
        """Collect a folder after everything in it; return what in it must stay, or ""."""
        if name in _ENVIRONMENTS or path in self._mounts:
            return f"{path} is {FOREIGN}"
        inner = self._opened(at, name, path) if depth <= _DEEP else -1
        if inner < 0:
            return f"{path} could not be looked into, or is {FOREIGN}"
        try:
            with os.scandir(inner) as listed:
                every = list(listed)
            folders = [entry for entry in every if entry.is_dir(follow_symlinks=False)]
            files = [entry for entry in every if not entry.is_dir(follow_symlinks=False)]
            why = f"{path} is {FOREIGN}" if _is_foreign(folders, files) else ""
            entries.extend(_entry(f"{path}/{entry.name}", entry.stat(follow_symlinks=False)) for entry in files)
            for entry in folders:
                why = why or self._gather(inner, f"{path}/{entry.name}", entry.name, entries, depth + 1)
            entries.append(_entry(path, os.fstat(inner)))
            return why
        finally:
            os.close(inner)

    def _opened(self, at: int, name: str, path: str) -> int:
        """Open a folder of this file system; return -1 where that cannot be, and remember it."""
        try:
            inner = os.open(name, descriptors.FOLDER, dir_fd=at)
        except OSError:  # not readable, or another thing by now
            self.found.unread.append(path)
            return -1
        if os.fstat(inner).st_dev != self._device:
            os.close(inner)
            return -1
        return inner

    def _file(self, at: int, path: str, entry: os.DirEntry[str], hit: Hit, sources: Mapping[str, os.DirEntry[str]] | None) -> None:
        """Take a file or link; of byte code look for its source: in a folder of byte code among what lies beside that.

        A link that leads nowhere is no source, so that byte code of it counts as orphaned.
        """
        name, source, sourced = entry.name, "", False
        if name.endswith(BYTECODE):
            if sources is None:
                source, sourced = path + name[:-1], os.access(name[:-1], os.F_OK, dir_fd=at)
            elif near := _made_from(name):
                source, sourced = path[: -len(_IN_CACHE)] + near, near in sources and sources[near].is_file()
        known = _entry(path + name, entry.stat(follow_symlinks=False))
        self.found.seen.append(Seen(known.path, hit, False, (known,), "", source, sourced))  # noqa: FBT003 - no folder


@cache
def _tag(rest: str) -> bool:
    """Tell whether what follows the first dot of a name is what Python writes there; few differ, so the answers are kept."""
    return _CACHED.fullmatch(f"x.{rest}") is not None


def _made_from(name: str) -> str:
    """Return the name of the source of cached byte code, or "" when Python gives its caches no such name.

    >>> _made_from("a.cpython-311.opt-1.pyc"), _made_from("a.b.cpython-311.pyc"), _made_from("a.pyc")
    ('a.py', 'a.b.py', '')
    """
    stem, _, rest = name.partition(".")
    if _tag(rest) and "." not in rest.partition("-")[0]:
        return f"{stem}.py"
    found = _CACHED.fullmatch(name)
    return f"{found['source']}.py" if found else ""


def _is_foreign(folders: Sequence[os.DirEntry[str]], files: Sequence[os.DirEntry[str]], *, is_root: bool = False) -> bool:
    """Tell whether a folder is a repository of its own, bare ones too, or an environment."""
    marks = [entry.name for entry in files if entry.name in _MARKS] if files else ()
    inner = [entry.name for entry in folders] if folders else ()
    if "pyvenv.cfg" in marks or "conda-meta" in inner:
        return True
    return not is_root and (".git" in marks or ".git" in inner or ("HEAD" in marks and "objects" in inner))


def _entry(path: str, status: os.stat_result) -> Entry:
    """Write down what a path is, so that it is known again."""
    folder = stat.S_ISDIR(status.st_mode)
    size = -1 if folder else status.st_size
    return Entry(path=path, device=status.st_dev, inode=status.st_ino, folder=folder, size=size, written=status.st_mtime_ns)


def _mounts(root: Path) -> frozenset[str]:
    """Return the folders below the root where something else is mounted, also another part of the same file system."""
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().decode("utf-8", "surrogateescape").splitlines()
    except FileNotFoundError:  # another system: there the device of a folder tells
        return frozenset()
    places = (_OCTAL.sub(lambda found: chr(int(found[1], 8)), line.split()[4]) for line in lines)
    below = f"{os.path.realpath(root)}/"
    return frozenset(place.removeprefix(below) for place in places if place.startswith(below))
