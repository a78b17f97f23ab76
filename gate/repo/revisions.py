"""Other revisions: which commit a name means, what it holds, and a work tree of its own to measure it in."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gate.errors import GateError
from gate.repo.worktree import branch, changed, git, git_folder, store

_FETCH = 120.0  # seconds that fetching one branch may take
_CHECKOUT = 1800.0  # seconds that checking out a large repository may take
_STOPS = ("ruff.toml", "pytest.ini")  # empty: a tool whose revision says nothing of it must not go on to the checkout's configuration
_OWNED = ".owned"  # the file beside a work tree of ours that its run holds locked


def commit_of(root: Path, revision: str) -> str:
    """Return the commit that a revision names.

    Raises GateError when it names none.
    """
    ran = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", fine=(0, 1, 128))
    if ran.code or not ran.out.strip():
        message = f"{revision}: names no commit of this repository; name a branch, a tag or a commit that git log shows"
        raise GateError(message)
    return ran.out.strip()


def fork(root: Path) -> tuple[str, str]:
    """Return the branch that the work will go to, as git calls it, and the commit at which it left that branch.

    It is the branch's upstream, unless that is only its own copy on a remote; else the default branch of origin, or main, or master.
    Raises GateError when there is none, or when this clone does not hold the commit.
    """
    own = branch(root)
    upstream = _named(root, "@{upstream}")
    is_copy = bool(own) and upstream.partition("/")[2] == own
    for name in (*([] if is_copy else [upstream]), _named(root, "origin/HEAD"), "main", "master", upstream):
        if not name or git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", fine=(0, 1, 128)).code:
            continue
        ran = git(root, "merge-base", "--end-of-options", "HEAD", name, fine=(0, 1, 128))
        if ran.code:
            message = f"{name}: this clone holds no commit from which both it and HEAD come; git fetch --unshallow, or name a revision"
            raise GateError(message)
        return name, ran.out.strip()
    message = "no upstream, no origin/HEAD, no main and no master to compare with; name a revision, for example gate compare HEAD~1"
    raise GateError(message)


def target(root: Path, name: str) -> tuple[str, str]:
    """Return a branch of origin and the commit at which HEAD left it, or where it is when this clone is too shallow to know that.

    A checkout of CI holds the pull request alone; then the branch is fetched. Raises GateError when that cannot be done.
    """
    branch_, refs = f"origin/{name}", f"+refs/heads/{name}:refs/remotes/origin/{name}"
    depth = ["--depth=1"] if git(root, "rev-parse", "--is-shallow-repository").out.strip() == "true" else []
    words = ["fetch", "--quiet", "--no-tags", *depth, "origin", refs]
    if git(root, "rev-parse", "--verify", "--quiet", f"refs/remotes/{branch_}", fine=(0, 1, 128)).code:
        ran = git(root, *words, fine=(0, 1, 128), seconds=_FETCH)
        if ran.code:
            why = (ran.err.strip().splitlines() or ["no reason given"])[-1]
            message = f"{branch_} is not in this checkout, and fetching it failed ({why}): git {' '.join(words)}"
            raise GateError(message)
    commit = commit_of(root, f"refs/remotes/{branch_}")
    ran = git(root, "merge-base", "--end-of-options", "HEAD", commit, fine=(0, 1, 128))
    return branch_, ran.out.strip() or commit


def _named(root: Path, name: str) -> str:
    """Return the branch that a symbolic name stands for, or ""."""
    ran = git(root, "rev-parse", "--abbrev-ref", "--verify", "--quiet", name, fine=(0, 1, 128))
    return "" if ran.code else ran.out.strip()


def since(root: Path, pattern: str, most: int) -> tuple[str, list[str]]:
    """Return the last tag of a pattern that HEAD has behind it, and the commits from it to HEAD along first parents, the oldest first.

    "" and the last `most` commits when no tag is as near. A tag at HEAD itself is the last one, unless it says nothing else than HEAD does.
    """
    ran = git(root, "describe", "--tags", "--abbrev=0", f"--match={pattern}", "HEAD", fine=(0, 128))
    tag = ran.out.strip()
    if tag and commit_of(root, f"refs/tags/{tag}") == commit_of(root, "HEAD") and not changed(root) and parents(root, "HEAD"):
        ran = git(root, "describe", "--tags", "--abbrev=0", f"--match={pattern}", "HEAD^", fine=(0, 128))
        tag = ran.out.strip()
    span = f"refs/tags/{tag}..HEAD" if tag else "HEAD"
    listed = git(root, "rev-list", "--first-parent", f"--max-count={most + 1}", span, "--", fine=(0, 128)).out.split()[::-1]
    if tag and len(listed) < most:
        return tag, [commit_of(root, f"refs/tags/{tag}"), *listed]
    return "", listed


def below(root: Path, revision: str, folder: str) -> tuple[str, ...]:
    """Return the paths of all files in a folder of a revision."""
    ran = git(root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", revision, "--", f"{folder}/", fine=(0, 128))
    return tuple(filter(None, ran.out.split("\0")))


def parents(root: Path, revision: str) -> tuple[str, ...]:
    """Return the parents of a commit, () before the first one."""
    ran = git(root, "rev-list", "--parents", "--max-count=1", "--end-of-options", revision, fine=(0, 128))
    return tuple(ran.out.split()[1:])


def is_merging(root: Path) -> bool:
    """Tell whether a merge was begun and is not committed yet."""
    return (git_folder(root) / "MERGE_HEAD").exists()


def last_change(root: Path, path: str) -> str:
    """Return the commit that HEAD's history last changed a path in, or ""."""
    ran = git(root, "log", "-1", "--format=%H", "--end-of-options", "HEAD", "--", path, fine=(0, 128))
    return ran.out.strip()


def content(root: Path, revision: str, path: str) -> bytes | None:
    """Return the bytes of a file in a revision, or None when it is not there."""
    ran = git(root, "cat-file", "blob", f"{revision}:{path}", fine=(0, 128))
    return None if ran.code else ran.out.encode("utf-8", "surrogateescape")


@contextmanager
def checked_out(root: Path, commit: str) -> Iterator[Path]:
    """Check a commit out in a work tree of its own below the store, gone afterwards; what a killed run left behind goes first."""
    import fcntl  # noqa: PLC0415 - Windows has none, and nothing else here needs it

    trees = store(root) / "trees"
    trees.mkdir(exist_ok=True)
    for name in _STOPS:
        (trees / name).touch()
    with (trees / "lock").open("wb") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        for mark in trees.glob(f"*{_OWNED}"):
            with mark.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:  # its run goes on
                    continue
                _forget(root, mark.with_suffix(""))
                mark.unlink()
        handle, name = tempfile.mkstemp(dir=trees, prefix=f"{commit[:12]}-", suffix=_OWNED)
        fcntl.flock(handle, fcntl.LOCK_EX)  # held until we end, however we end: so the next run knows whose work tree nobody needs
    folder = Path(name).with_suffix("")
    try:
        git(root, "worktree", "add", "--detach", "--quiet", "--", str(folder), commit, seconds=_CHECKOUT)
        yield folder
    finally:
        _forget(root, folder)
        Path(name).unlink(missing_ok=True)
        os.close(handle)


def _forget(root: Path, folder: Path) -> None:
    """Remove a work tree that is ours, whatever became of it, and what git notes of it."""
    listed = git(root, "worktree", "list", "--porcelain").out.splitlines()
    if f"worktree {folder}" in listed:
        git(root, "worktree", "remove", "--force", "--force", "--", str(folder), fine=(0, 128))
    shutil.rmtree(folder, ignore_errors=True)
