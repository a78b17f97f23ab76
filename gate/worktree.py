"""The one door to the git program: what the work tree is, and the id of its contents."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from gate.command import Ran, run
from gate.errors import GateError

STORE = ".gate"  # everything that the gate writes for itself, below the root

# Reads run no program that a configuration names, and take no lock.
_SAFE = (
    "git",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "safe.bareRepository=explicit",
    "-c",
    "protocol.ext.allow=never",
    "-c",
    "core.pager=cat",
    "-c",
    "diff.external=",
    "--no-optional-locks",
)
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_LITERAL_PATHSPECS": "1"}


def find_root(start: Path) -> Path:
    """Return the top folder of the repository that holds `start`.

    Raises GateError outside a work tree.
    """
    ran = run((*_SAFE, "rev-parse", "--show-toplevel"), cwd=start, env=_QUIET)
    if ran.code:
        message = f"{start}: not inside a git work tree; run gate inside a repository (git init makes one)"
        raise GateError(message)
    return Path(ran.out.rstrip("\n"))


def store(root: Path) -> Path:
    """Return the folder that the gate writes to, made on first use, ignored by git through its own file."""
    folder = root / STORE
    folder.mkdir(exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return folder


def head(root: Path) -> str:
    """Return the commit that HEAD names, or "" before the first one."""
    ran = _git(root, "rev-parse", "--verify", "--quiet", "HEAD", fine=(0, 1))
    return ran.out.strip()


def branch(root: Path) -> str:
    """Return the branch that HEAD is on, or "" when it is detached."""
    ran = _git(root, "symbolic-ref", "--quiet", "--short", "HEAD", fine=(0, 1))
    return ran.out.strip()


def tracked(root: Path) -> tuple[str, ...]:
    """Return every path that git tracks, conflicted ones once."""
    return tuple(dict.fromkeys(_split(_git(root, "ls-files", "-z").out)))


def files(root: Path) -> tuple[str, ...]:
    """Return every path that committing the whole work tree would hold: tracked, and new but not ignored."""
    listed = _split(_git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").out)
    return tuple(sorted(path for path in dict.fromkeys(listed) if (root / path).exists()))


def ignored(root: Path, paths: Iterable[str]) -> frozenset[str]:
    """Return those of the paths that git ignores and does not track."""
    given = "\0".join(f"./{path}" for path in paths).encode("utf-8", "surrogateescape")  # ./ because check-ignore reads : as magic
    if not given:
        return frozenset()
    ran = _git(root, "check-ignore", "-z", "--stdin", fine=(0, 1), stdin=given, env={"GIT_LITERAL_PATHSPECS": "0"})
    return frozenset(path.removeprefix("./") for path in _split(ran.out))


def changed(root: Path) -> tuple[str, ...]:
    """Return the paths that differ from HEAD, staged or not, new ones included, ignored ones not."""
    entries = _split(_git(root, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames").out)
    return tuple(entry[3:] for entry in entries)


def busy(root: Path) -> str:
    """Name the operation that git is in the middle of, or return ""."""
    marks = {
        "MERGE_HEAD": "merge",
        "CHERRY_PICK_HEAD": "cherry-pick",
        "REVERT_HEAD": "revert",
        "rebase-merge": "rebase",
        "rebase-apply": "rebase",
    }
    folder = git_folder(root)
    return next((name for mark, name in marks.items() if (folder / mark).exists()), "")


def git_folder(root: Path) -> Path:
    """Return git's own folder for this work tree."""
    return Path(_git(root, "rev-parse", "--absolute-git-dir").out.rstrip("\n"))


def tree_id(root: Path, leave_out: Sequence[str] = (), revision: str = "") -> str:
    """Return the id of the git tree that committing the whole work tree would give.

    `leave_out` names paths (files or folders) that are not part of it: a summary cannot hold the id of a tree that holds the summary.
    With `revision`, the same id is computed from that commit or tree. The user's index and objects are never touched.
    """
    with tempfile.TemporaryDirectory(prefix="tree-", dir=store(root)) as scratch:
        env = _scratch_env(root, Path(scratch))
        if revision:
            _git(root, "read-tree", "--end-of-options", revision, env=env)
        else:
            index = git_folder(root) / "index"
            if index.exists():
                shutil.copy2(index, env["GIT_INDEX_FILE"])
            _git(root, "add", "--all", "--", ".", env=env)
        if leave_out:
            _git(root, "rm", "-r", "-q", "--cached", "--ignore-unmatch", "--", *leave_out, env=env)
        return _git(root, "write-tree", env=env).out.strip()


def _scratch_env(root: Path, scratch: Path) -> dict[str, str]:
    """Point git at an index and an object store of its own, with the real objects readable behind it."""
    objects = scratch / "objects"
    objects.mkdir()
    real = _git(root, "rev-parse", "--path-format=absolute", "--git-path", "objects").out.rstrip("\n")
    behind = [real, *filter(None, [os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")])]
    return {
        "GIT_INDEX_FILE": str(scratch / "index"),
        "GIT_OBJECT_DIRECTORY": str(objects),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join(behind),
    }


def _git(
    root: Path,
    *words: str,
    fine: tuple[int, ...] = (0,),
    env: dict[str, str] | None = None,
    stdin: bytes = b"",
) -> Ran:
    """Ask git one thing; raise GateError with git's own words when it does not answer."""
    ran = run((*_SAFE, *words), cwd=root, env={**_QUIET, **(env or {})}, stdin=stdin, errors="surrogateescape")
    if ran.code not in fine:
        told = ran.err.strip().splitlines()
        message = f"git {words[0]}: exit {ran.code}: {told[-1] if told else 'no message'}; mend the repository and run again"
        raise GateError(message)
    return ran


def _split(text: str) -> list[str]:
    """Take a list that ends each item with NUL apart."""
    return [item for item in text.split("\0") if item]
