"""The one door to the git program: what the work tree is, and the id of its contents."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gate.command import Ran, run
from gate.errors import GateError
from gate.repo import trees

_GITLINK = "160000"  # the mode of a submodule
# What ls-files -v tells of assume-unchanged and skip-worktree; it begins with what the search can jump to.
_BLIND = re.compile(r"\0[a-zS] [^\t\0]*\t(?P<path>[^\0]*)")
_EMPTY = re.compile(r"^error: '(.+?)/?' does not have a commit checked out$", re.MULTILINE)
_LOCKED = re.compile(r"Unable to create '(.+?\.lock)': File exists")
SCRATCH = "tree-"  # how scratch folders in it begin
STORE = ".gate"  # everything that the gate writes for itself, below the root

# Reads start no monitor, hook, pager or differ that a configuration names, and take no lock; adding runs content filters, as git must.
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
    "--no-replace-objects",  # no clone gets them, and what a commit holds is what its own objects say
)
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_LITERAL_PATHSPECS": "1"}


def find_root(start: Path) -> Path:
    """Return the top folder of the repository that holds `start`.

    Raises GateError outside a work tree.
    """
    ran = run((*_SAFE, "rev-parse", "--show-toplevel"), cwd=start, env=_QUIET, errors="surrogateescape")
    if ran.code or not ran.out.strip():
        known = "not a git repository" in ran.err or not ran.err
        said = "not inside a git work tree; run gate inside a repository (git init makes one)" if known else _words(ran)
        message = f"{start}: {said}"
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


def ask(root: Path, *words: str, stdin: Iterable[str] = ()) -> list[str]:
    """Return git's answer to a question that lists with NUL; so is given what it reads.

    Raises GateError with git's own words when it does not answer.
    """
    return _split(_git(root, *words, stdin="\0".join(stdin).encode("utf-8", "surrogateescape")).out)


def tracked(root: Path) -> tuple[str, ...]:
    """Return every path that git tracks, conflicted ones once."""
    return tuple(dict.fromkeys(_split(_git(root, "ls-files", "-z").out)))


def files(root: Path, wanted: Callable[[str], bool] = bool) -> tuple[str, ...]:
    """Return every path, or those that are `wanted`, that committing the whole work tree would hold: tracked, and new but not ignored."""
    listed = _split(_git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").out)
    return tuple(sorted(path for path in dict.fromkeys(listed) if wanted(path) and os.path.exists(f"{root}/{path}")))  # noqa: PTH110 - a Path for each is slow


def ignored(root: Path, paths: Iterable[str]) -> frozenset[str]:
    """Return those of the paths that git ignores and does not track."""
    given = "\0".join(f"./{path}" for path in paths).encode("utf-8", "surrogateescape")  # ./ because check-ignore reads : as magic
    if not given:
        return frozenset()
    ran = _git(root, "check-ignore", "-z", "--stdin", fine=(0, 1), stdin=given, env={"GIT_LITERAL_PATHSPECS": "0"})
    return frozenset(path.removeprefix("./") for path in _split(ran.out))


def ignored_by(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return why git ignores each of the paths that it ignores, tracked or not: file:line:pattern.

    Git does not look at its index: it would go through all of it for each path (25 s for 3,000 paths among 100,000).
    """
    given = "\0".join(f"./{path}" for path in paths).encode("utf-8", "surrogateescape")
    if not given:
        return {}
    ran = _git(root, "check-ignore", "-v", "-z", "--no-index", "--stdin", fine=(0, 1), stdin=given, env={"GIT_LITERAL_PATHSPECS": "0"})
    words = ran.out.split("\0")[:-1]  # file, line, pattern and path of each; a pattern may be a path that is not ignored after all
    told = zip(words[::4], words[1::4], words[2::4], words[3::4], strict=True)
    return {path.removeprefix("./"): f"{file}:{line}:{pattern}" for file, line, pattern, path in told if not pattern.startswith("!")}


def written_since(root: Path, moment: float) -> tuple[str, ...]:
    """Return the paths a commit would hold that were written after a moment (seconds since the epoch)."""
    return tuple(path for path in files(root) if (root / path).lstat().st_mtime > moment)


def changed(root: Path) -> tuple[str, ...]:
    """Return the paths that differ from HEAD, staged or not, new ones included, ignored ones not."""
    entries = _split(_git(root, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames").out)
    return tuple(entry[3:] for entry in entries)


def git(
    root: Path, *words: str, fine: tuple[int, ...] = (0,), seconds: float = 120.0, env: dict[str, str] | None = None, stdin: bytes = b""
) -> Ran:
    """Ask git anything in the same quiet and safe way; an exit code that is not `fine` is a GateError."""
    return _git(root, *words, fine=fine, seconds=seconds, env=env, stdin=stdin)


def git_folder(root: Path) -> Path:
    """Return git's own folder for this work tree."""
    return Path(_git(root, "rev-parse", "--absolute-git-dir").out.rstrip("\n"))


def tree_id(root: Path, leave_out: Sequence[str] = (), revision: str = "") -> str:
    """Return the id of the git tree that committing the whole work tree would give.

    `leave_out` names paths (files or folders) that are not part of it: a summary cannot hold the id of a tree that holds the summary.
    With `revision`, the same id is computed from that commit or tree. The user's index and objects are never touched.
    """
    if revision:
        tree = _git(root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{tree}}").out.strip()
        return without(root, tree, leave_out)
    with written(root) as (tree, env):
        return without(root, tree, leave_out, env)


@contextmanager
def written(root: Path, *, staged: bool = False) -> Iterator[tuple[str, dict[str, str]]]:
    """Write the tree that committing all, or what is `staged`, would give, aside; yield it and what shows git its objects."""
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=store(root)) as scratch:
        index, env = _scratch(root, Path(scratch))
        if not staged:
            add_all(root, index, env)
        elif index.exists():
            shutil.copy2(index, env["GIT_INDEX_FILE"])
        yield _git(root, "write-tree", env=env).out.strip(), env


def add_all(root: Path, index: Path, env: dict[str, str]) -> None:
    """Add the whole work tree to a copy of the index, also what the user told git not to look at; refuse submodules with uncommitted work.

    A commit names a submodule's commit, so that work inside it would be judged and not be in the tree.
    """
    add = ("add", "--all", "--", ".")
    odd = _Odd(blind=(), links=False)
    if index.exists():
        shutil.copy2(index, env["GIT_INDEX_FILE"])
        odd = _odd(root, index)
    there = "\0".join(path for path in odd.blind if os.path.lexists(root / path)).encode("utf-8", "surrogateescape")
    for flag in ("--no-assume-unchanged", "--no-skip-worktree") if there else ():
        _git(root, "update-index", flag, "-z", "--stdin", env=env, stdin=there)
    said = _git(root, *add, env=env).err
    if odd.links or "embedded" in said:
        _refuse_dirty_links(root, env)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Odd:
    """What is out of the ordinary in an index: these entries only a look at all of them finds."""

    blind: tuple[str, ...]  # assume-unchanged or skip-worktree
    links: bool  # there are submodules


def _odd(root: Path, index: Path) -> _Odd:
    """Return what is odd in the user's index; what was found is kept for as long as that file is the same."""
    kept, status = store(root) / "index.json", index.stat()
    mark = [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    try:
        told = json.loads(kept.read_bytes())
        if told["index"] == mark:
            return _Odd(blind=tuple(told["blind"]), links=told["links"] is not False)
    except (OSError, ValueError, KeyError, TypeError):  # never looked, or damaged: look again
        kept.unlink(missing_ok=True)
    listed = _git(root, "ls-files", "-z", "-v", "--stage").out
    found = _Odd(blind=tuple(one["path"] for one in _BLIND.finditer(f"\0{listed}")), links=f" {_GITLINK} " in listed)
    kept.write_text(json.dumps({"index": mark, "blind": found.blind, "links": found.links}), encoding="utf-8")
    return found


def _refuse_dirty_links(root: Path, env: dict[str, str]) -> None:
    dirty = _split(_git(root, "diff-files", "--raw", "-z", "--ignore-submodules=none", env=env).out)
    for told, path in zip(dirty[::2], dirty[1::2], strict=True):
        if _is_dirty_link(root, told, path):
            what = "the submodule" if path in tracked(root) else "the repository inside"
            other = "" if what == "the submodule" else f", or let git ignore it (a line /{path}/ in .gitignore)"
            message = f"{path}: {what} holds work that is not committed in it; commit it there{other}, then run again"
            raise GateError(message)


def without(root: Path, tree: str, leave_out: Sequence[str], env: dict[str, str] | None = None) -> str:
    """Return the id that a tree has without some paths; only the trees above these are read."""
    folders = trees.above(leave_out)
    if not folders:
        return tree
    names = [tree if folder == trees.ROOT else f"{tree}:{folder}" for folder in folders]
    asked = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
    told = _git(root, "cat-file", "--batch", env=env, stdin=asked).out.encode("utf-8", "surrogateescape")
    found: dict[str, bytes] = {}
    for folder in folders:
        head, _, told = told.partition(b"\n")
        kind, _, size = head.rpartition(b" ")
        if size.isdigit():  # otherwise it says that it is missing
            if kind.endswith(b" tree"):
                found[folder] = told[: int(size)]
            told = told[int(size) + 1 :]
    return trees.without(found, leave_out, len(tree) // 2)


def _is_dirty_link(root: Path, told: str, path: str) -> bool:
    """Tell whether a raw difference is a submodule with changes of its own."""
    is_link = _GITLINK in told.removeprefix(":").split()[:2]
    return is_link and bool(_git(root, "-C", path, "status", "--porcelain", "-z").out)


def _scratch(root: Path, scratch: Path) -> tuple[Path, dict[str, str]]:
    """Return where the user's index lies, and what points git at an index and objects of its own, with the real objects behind them."""
    objects = scratch / "objects"
    objects.mkdir()
    words = ("rev-parse", "--path-format=absolute", "--git-path", "index", "--git-path", "objects")
    index, real = _git(root, *words).out.splitlines()
    behind = [real, *filter(None, [os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")])]
    return Path(index), {
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
    seconds: float = 120.0,
) -> Ran:
    """Ask git one thing; raise GateError with git's own words when it does not answer."""
    ran = run((*_SAFE, *words), cwd=root, env={**_QUIET, **(env or {})}, stdin=stdin, seconds=seconds, errors="surrogateescape")
    if ran.code not in fine:
        message = f"git {words[0]}: exit {ran.code}: {_words(ran)}; mend the repository and run again"
        raise GateError(message)
    return ran


def _words(ran: Ran) -> str:
    """Return the line in which git says what is wrong: the first error, or else the last line."""
    if empty := _EMPTY.search(ran.err):
        return f"{empty[1]} is a repository inside that holds no commit yet; commit in it, let git ignore it, or remove its .git"
    if lock := _LOCKED.search(ran.err):
        return f"{lock[1]} is there: another git works here, or one that was killed left it; wait, or remove it when none runs"
    lines = [line for line in ran.err.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("error:")), lines[-1] if lines else "no message")


def _split(text: str) -> list[str]:
    """Take a list that ends each item with NUL apart."""
    return [item for item in text.split("\0") if item]
