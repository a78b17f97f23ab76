"""Commit exactly what an index of our own holds, as the user configured git to commit; take it back; bring the user's index up to it."""

import re
from collections.abc import Sequence
from pathlib import Path

from gate.command import run
from gate.errors import GateError
from gate.repo import underway, worktree

_HOOKS = 7200.0  # seconds that hooks and a signature may take
_PUSH = 1800.0
_SUBJECT = 72  # columns of a subject line
_KINDS = "feat|fix|docs|style|refactor|perf|test|build|ci|chore|revert"
_CONVENTIONAL = re.compile(rf"({_KINDS})(\([^()\s]+\))?!?: \S")


class RefusedError(GateError):
    """Git or a hook refused to commit."""

    def __init__(self, told: str) -> None:
        """Keep its words."""
        super().__init__(f"git commit: refused: {told}; nothing was committed, mend this and run finish again")
        self.told = " ".join(told.split())


def commit(root: Path, index: Path, message: str) -> str:
    """Commit what an index holds with git's own command, hooks and signing included; return the commit.

    The user's index stays as it is. Raises RefusedError with git's own words when git or a hook refuses.
    """
    words = ("git", "commit", "--quiet", "--cleanup=whitespace", "--file=-")
    ran = run(words, cwd=root, env={"GIT_INDEX_FILE": str(index)}, stdin=message.encode("utf-8", "replace"), seconds=_HOOKS)
    if ran.code:
        raise RefusedError(ran.err.strip() or ran.out.strip() or f"exit {ran.code}")
    return worktree.head(root)


def take_back(root: Path, commit: str, parent: str) -> None:
    """Let HEAD be the parent of a commit again, as `git reset --soft` does, unless HEAD is another one by now."""
    words = ("update-ref", "-m", "gate finish: taken back", *(("HEAD", parent, commit) if parent else ("-d", "HEAD", commit)))
    ran = worktree.git(root, *words, fine=(0, 1, 128))
    if ran.code:
        message = (
            f"commit {commit[:12]} does not hold what was verified, and another one came behind it: {ran.err.strip()}; look at git log"
        )
        raise GateError(message)


def settle(root: Path, paths: Sequence[str]) -> None:
    """Let the user's index hold what HEAD holds at some paths; everything else that is staged stays."""
    underway.free(root)
    listed = "\0".join(paths).encode("utf-8", "surrogateescape")
    worktree.git(root, "reset", "--quiet", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=listed)


def after(root: Path, parent: str) -> str:
    """Return the first commit that HEAD's history has behind a parent ("": the very first), or "" when HEAD is the parent still."""
    now = worktree.head(root)
    if now == parent:
        return ""
    told = worktree.git(root, "rev-list", "--first-parent", "--reverse", now, *((f"^{parent}",) if parent else ())).out.split()
    return told[0] if told else ""


def whole_tree(root: Path, commit: str) -> str:
    """Return the id of everything that a commit holds."""
    return worktree.git(root, "rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}").out.strip()


def message_of(root: Path, commit: str) -> str:
    """Return the message of a commit."""
    return worktree.git(root, "show", "--no-patch", "--format=%B", "--end-of-options", commit).out


def push(root: Path) -> str:
    """Push as the user configured it, hooks included; return git's words.

    Raises GateError with them when it is refused.
    """
    ran = run(("git", "push"), cwd=root, env={"GIT_TERMINAL_PROMPT": "0"}, seconds=_PUSH)
    told = " ".join((ran.err or ran.out).split())
    if ran.code:
        text = f"the commit is made, and git push was refused: {told or f'exit {ran.code}'}; mend this and run git push"
        raise GateError(text)
    return told


def message(kind: str, task: str, title: str, body: Sequence[str], *, tree: str, policy: str) -> str:
    """Word a Conventional Commit (1.0.0) with trailers that name the task and the verified tree.

    A title that is a subject of that kind already stays as it is; its further lines begin the body.
    """
    first, _, rest = title.strip().partition("\n")
    subject = " ".join(first.split()) or f"finish task {task}"
    head = subject if _CONVENTIONAL.match(subject) else f"{kind}: {subject}"
    if len(head) > _SUBJECT:
        head = f"{head[: _SUBJECT - 1].rstrip()}…"
    told = [part for part in (rest.strip(), "\n".join(body)) if part]
    return "\n\n".join([head, *told, f"Task: {task}\nGate-Tree: {tree}\nGate-Policy: sha256:{policy}\n"])
