"""What git says about a work tree as it stands: where it is, what differs, what it ignores; a few questions for all of it."""

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path

from gate.facts.state import Dirty, Marks, Status, Submodule
from gate.repo import underway, worktree

_GITLINK = "160000"  # the mode of a submodule
_POINTER = "version https://git-lfs.github.com/spec/v1"
_FOUND = re.compile(rf"([^\0]+)\0(TODO|FIXME|{re.escape(_POINTER)})\n")
_OTHERS = {"?": "untracked", "!": "ignored"}
_ENDS = {"1": 8, "2": 9, "u": 10, "?": 1, "!": 1}  # spaces before the path of an entry


def read(root: Path) -> Status:
    """Ask for everything that git knows of the work tree without looking into files."""
    words = ("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--ignored=matching", "--ignore-submodules=dirty")
    entries = worktree.ask(root, *words, "--find-renames")
    head = dict(entry.removeprefix("# branch.").split(" ", 1) for entry in takewhile(lambda entry: entry.startswith("# "), entries))
    ahead, behind = (abs(int(number)) for number in head["ab"].split()) if "ab" in head else (None, None)
    staged = [(entry.split(" ", 2), entry.partition("\t")[2]) for entry in worktree.ask(root, "ls-files", "-z", "--stage")]
    links = {path: commit for (mode, commit, _), path in staged if mode == _GITLINK}
    told = list(_entries(entries[len(head) :]))
    return Status(
        commit="" if head["oid"] == "(initial)" else head["oid"],
        branch="" if head["head"] == "(detached)" else head["head"],
        upstream=head.get("upstream", ""),
        ahead=ahead,
        behind=behind,
        busy=underway.operations(root),
        dirty=tuple(entry for entry in told if entry.kind != "ignored"),
        ignored=frozenset(entry.path for entry in told if entry.kind == "ignored" and not entry.path.startswith(f"{worktree.STORE}/")),
        tracked=frozenset(path for _, path in staged if path not in links),
        submodules=tuple(_submodule(root, path, commit) for path, commit in sorted(links.items())),
    )


def with_lfs(root: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Return those of the paths that an attribute hands to Git LFS."""
    told = worktree.ask(root, "check-attr", "-z", "--stdin", "filter", stdin=paths)
    return tuple(path for path, _, value in zip(told[::3], told[1::3], told[2::3], strict=True) if value == "lfs")


def marks(root: Path) -> tuple[tuple[Marks, ...], tuple[str, ...]]:
    """Count TODO and FIXME, whole words in capitals, in all text that a commit would hold; name the files that are LFS pointers."""
    words = ("grep", "--untracked", "--no-recurse-submodules", "-I", "-z", "-o", "-w", "-E", "--full-name", "--no-color", "--no-column")
    wanted = ("-e", "TODO", "-e", "FIXME", "-e", f"^{re.escape(_POINTER)}$")
    told = worktree.git(root, *words, "--no-line-number", "--no-heading", "--no-break", *wanted, fine=(0, 1)).out
    counts: dict[str, list[int]] = {}
    pointers = []
    for path, word in _FOUND.findall(told):
        if word == _POINTER:
            pointers.append(path)
        else:
            counts.setdefault(path, [0, 0])[word == "FIXME"] += 1
    return tuple(Marks(path=path, todo=todo, fixme=fixme) for path, (todo, fixme) in counts.items()), tuple(pointers)


def _entries(entries: list[str]) -> Iterator[Dirty]:
    """Take the entries of `git status` apart; the old name of what was renamed follows it."""
    rest = iter(entries)
    for entry in rest:
        kind, path = entry[0], entry.split(" ", _ENDS[entry[0]])[-1]
        if kind == "2":
            yield Dirty(path=path, kind="renamed", was=next(rest))
        elif kind == "u":
            yield Dirty(path=path, kind="conflicted")
        elif kind in _OTHERS:
            yield Dirty(path=path, kind=_OTHERS[kind])
        if kind == "1" and entry[2] != ".":
            yield Dirty(path=path, kind="staged")
        if kind in {"1", "2"} and entry[3] != ".":
            yield Dirty(path=path, kind="changed")


def _submodule(root: Path, path: str, commit: str) -> Submodule:
    """Look at one submodule; one that was never checked out is no repository of its own, and git would answer for ours."""
    if not (root / path / ".git").exists():
        state = "not there"
    elif worktree.head(root / path) != commit:
        state = "at another commit"
    else:
        state = "holds uncommitted work" if worktree.changed(root / path) else "clean"
    return Submodule(path=path, commit=commit, state=state)
