"""Commit exactly what was verified, as the user configured git to commit."""

import os
from collections.abc import Sequence
from pathlib import Path

from gate.errors import GateError


def commit(root: Path, paths: Sequence[str], message: str) -> str:
    """Commit the named paths with git's own commands, hooks and signing included; return the new commit.

    The index is as it was when git refuses. Raises GateError with git's own words.
    """
    from git import Repo  # noqa: PLC0415 - 180 ms that only a commit needs
    from git.exc import GitCommandError  # noqa: PLC0415 - as above

    with Repo(root) as repository:
        index = Path(repository.git.rev_parse("--absolute-git-dir")) / "index"
        before = index.read_bytes() if index.exists() else None
        literal = {"GIT_LITERAL_PATHSPECS": "1", "GIT_TERMINAL_PROMPT": "0"}
        try:
            with repository.git.custom_environment(**literal):
                repository.git.add("--all", "--", *paths)
            repository.git.commit("--quiet", f"--message={message}")
        except GitCommandError as error:
            _restore(index, before)
            told = (error.stderr or error.stdout or "").strip() or f"git exit {error.status}"
            text = f"git commit: refused: {told}; nothing was committed, mend this and run finish again"
            raise GateError(text) from error
        return str(repository.git.rev_parse("HEAD"))


def undo(root: Path, parent: str) -> None:
    """Take the newest commit back and keep every file and the index as they are."""
    from git import Repo  # noqa: PLC0415 - 180 ms that only a commit needs

    with Repo(root) as repository:
        if parent:
            repository.git.reset("--soft", parent)
        else:
            repository.git.update_ref("-d", "HEAD")


def message(kind: str, task: str, title: str, lines: Sequence[str], *, tree: str, policy: str) -> str:
    """Word a Conventional Commit (1.0.0) with trailers that name the task and the verified tree."""
    subject = " ".join(title.split()) or f"finish task {task}"
    head = f"{kind}: {subject}"
    if len(head) > _SUBJECT:
        head = f"{head[: _SUBJECT - 1].rstrip()}…"
    body = "\n".join(f"- {line}" for line in lines)
    return f"{head}\n\n{body}\n\nTask: {task}\nGate-Tree: {tree}\nGate-Policy: sha256:{policy}\n"


_SUBJECT = 72  # columns of a subject line


def _restore(index: Path, before: bytes | None) -> None:
    """Put the index back as it was."""
    if before is None:
        index.unlink(missing_ok=True)
        return
    partial = index.with_name(f"index.gate-{os.getpid()}")
    partial.write_bytes(before)
    partial.replace(index)
