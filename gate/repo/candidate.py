"""What a commit would hold: the paths that it changes, with their sizes, their new lines and their content."""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gate.facts.intake import Item
from gate.repo import worktree

_LINK = "160000"  # the mode of another repository
_BATCH = 16 * 2**20  # bytes of content that are read at once
_HUNK = re.compile(r"@@ -\S+ \+(?P<first>\d+)(?:,(?P<count>\d+))? @@")
_ACTS = {"A": "added", "D": "removed"}
_ALL = ((1, 2**31),)
_QUIET = ("-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none")


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """The tree that would be committed, and what shows git its objects."""

    root: Path
    base: str  # tree of HEAD, or the one that holds nothing
    tree: str
    env: dict[str, str]

    def names(self) -> tuple[str, ...]:
        """Return the paths in which it differs from HEAD."""
        return tuple(_listed(self._diff("--name-only")))

    def submodules(self) -> frozenset[str]:
        """Return the paths at which it says that other repositories belong."""
        words = ("config", "-z", f"--blob={self.tree}:.gitmodules", "--get-regexp", r"^submodule\..*\.path$")
        told = worktree.git(self.root, *words, env=self.env, fine=(0, 1, 128)).out  # 128: it says nothing
        return frozenset(entry.partition("\n")[2] for entry in _listed(told))

    def items(self) -> tuple[Item, ...]:
        """Return what it changes, each path once."""
        raw = _listed(self._diff("--raw", "--no-abbrev"))
        told = [(entry.split(), path) for entry, path in zip(raw[::2], raw[1::2], strict=True)]
        sizes = self._sizes([new for (_, mode, _, new, _), _ in told if mode not in {"000000", _LINK}])
        binary = self._binary()
        lines = self._lines()
        return tuple(
            Item(
                path=path,
                act=_ACTS.get(act, "changed"),
                mode="" if act == "D" else mode,
                blob="" if act == "D" else new,
                size=sizes.get(new, 0),
                binary=path in binary and mode != _LINK,
                lines=lines.get(path, ()) if act == "M" else _ALL,
            )
            for (_, mode, _, new, act), path in told
        )

    def contents(self, items: Sequence[Item]) -> Iterator[tuple[Item, bytes]]:
        """Yield the content of files, as many at once as memory is worth."""
        batch: list[Item] = []
        for item in items:
            if batch and sum(one.size for one in batch) + item.size > _BATCH:
                yield from self._read(batch)
                batch = []
            batch.append(item)
        yield from self._read(batch)

    def _read(self, items: Sequence[Item]) -> Iterator[tuple[Item, bytes]]:
        asked = "".join(f"{item.blob}\n" for item in items).encode()
        told = worktree.git(self.root, "cat-file", "--batch", env=self.env, stdin=asked).out.encode("utf-8", "surrogateescape")
        for item in items:
            _, _, told = told.partition(b"\n")
            yield item, told[: item.size]
            told = told[item.size + 1 :]

    def _sizes(self, blobs: Sequence[str]) -> Mapping[str, int]:
        asked = "".join(f"{blob}\n" for blob in blobs).encode()
        told = worktree.git(self.root, "cat-file", "--batch-check=%(objectname) %(objectsize)", env=self.env, stdin=asked).out
        return {blob: int(size) for blob, size in (line.split() for line in told.splitlines())}

    def _binary(self) -> frozenset[str]:
        """Name what is no text now and was not in HEAD: nobody can have meant a change of what was none before by accident."""
        now = _binary(_listed(self._diff("--numstat")))
        if not now:
            return now
        empty = _empty(self.root, self.env)
        words = ("diff-tree", "-z", "--numstat", *_QUIET, empty, self.base, "--", *now)
        return now - _binary(_listed(worktree.git(self.root, *words, env=self.env).out))

    def _lines(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Return the new lines of what is changed; git tells the paths of a patch in the order in which it lists them."""
        names = _listed(self._diff("--name-only", "--diff-filter=M"))
        patch = self._diff("-p", "-U0", "--diff-filter=M", nul=False)
        found: dict[str, tuple[tuple[int, int], ...]] = {}
        for path, part in zip(names, re.split(r"^diff --git .*\n", patch, flags=re.MULTILINE)[1:], strict=True):
            hunks = (_HUNK.match(line) for line in part.split("\n"))
            spans = [(int(hunk["first"]), int(hunk["count"] or 1)) for hunk in hunks if hunk]
            found[path] = tuple((first, first + count - 1) for first, count in spans if count)
        return found

    def _diff(self, *words: str, nul: bool = True) -> str:
        return worktree.git(self.root, "diff-tree", *_QUIET, *words, *(("-z",) if nul else ()), self.base, self.tree, env=self.env).out


@contextmanager
def drawn(root: Path, *, staged: bool = False) -> Iterator[Candidate]:
    """Draw what committing the whole work tree, or what is `staged`, would hold; nothing of the user's is touched."""
    with worktree.written(root, staged=staged) as (tree, env):
        yield Candidate(root=root, base=_base(root, env), tree=tree, env=env)


def of_index(root: Path, index: Path, paths: Sequence[str], *, staged: bool) -> Candidate:
    """Write an index of our own that holds the whole work tree, or what is `staged` and some paths; its objects are git's from now on."""
    env = {"GIT_INDEX_FILE": str(index)}
    words = ("rev-parse", "--path-format=absolute", "--git-path", "index")
    theirs = Path(worktree.git(root, *words).out.rstrip("\n"))
    if not staged:
        worktree.add_all(root, theirs, env)
    else:
        if theirs.exists():
            shutil.copy2(theirs, index)
        listed = "\0".join(path for path in paths if path not in worktree.ignored(root, paths)).encode("utf-8", "surrogateescape")
        worktree.git(root, "update-index", "--add", "-z", "--stdin", env=env, stdin=listed)
    return Candidate(root=root, base=_base(root, env), tree=worktree.git(root, "write-tree", env=env).out.strip(), env=env)


def _base(root: Path, env: dict[str, str]) -> str:
    commit = worktree.head(root)
    return worktree.git(root, "rev-parse", f"{commit}^{{tree}}").out.strip() if commit else _empty(root, env)


def _empty(root: Path, env: dict[str, str]) -> str:
    return worktree.git(root, "mktree", env=env).out.strip()


def _listed(text: str) -> list[str]:
    return [item for item in text.split("\0") if item]


def _binary(rows: Sequence[str]) -> frozenset[str]:
    """Take from lines of `--numstat` the paths for which git counts no lines."""
    return frozenset(path for added, _, path in (row.split("\t", 2) for row in rows) if added == "-")
