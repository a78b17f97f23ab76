"""Commit exactly what was verified, as the user configured git to commit."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gate.errors import GateError
from gate.record.files import restore


def commit(root: Path, message: str) -> tuple[str, tuple[str, ...]]:
    """Commit the whole work tree with git's own commands, hooks and signing included; return the commit and its paths.

    Raises GateError with git's own words when git or a hook refuses.
    """
    from git import Repo  # noqa: PLC0415 - 180 ms that only a commit needs
    from git.exc import GitCommandError  # noqa: PLC0415 - as above

    with Repo(root) as repository:
        try:
            repository.git.add("--all", "--", ".")
            repository.git.commit("--quiet", f"--message={message}")
            names = repository.git.show("--name-only", "--format=", "-z", "--no-renames", "HEAD")
        except GitCommandError as error:
            told = (error.stderr or error.stdout or "").strip() or f"git exit {error.status}"
            text = f"git commit: refused: {told}; nothing was committed, mend this and run finish again"
            raise GateError(text) from error
        return str(repository.git.rev_parse("HEAD")), tuple(name for name in names.split("\0") if name)


@contextmanager
def taken_back(root: Path, parent: str) -> Iterator[None]:
    """When what happens inside fails or is interrupted, put HEAD and the index back to where they were; files stay."""
    from git import Repo  # noqa: PLC0415 - 180 ms that only a commit needs

    with Repo(root) as repository:
        index = Path(repository.git.rev_parse("--absolute-git-dir")) / "index"
        before = index.read_bytes() if index.exists() else None
        try:
            yield
        except BaseException:
            if parent:
                repository.git.reset("--soft", parent)
            elif repository.head.is_valid():
                repository.git.update_ref("-d", "HEAD")
            restore(index, before)
            raise


def message(kind: str, task: str, title: str, lines: Sequence[str], *, tree: str, policy: str) -> str:
    """Word a Conventional Commit (1.0.0) with trailers that name the task and the verified tree."""
    subject = " ".join(title.split()) or f"finish task {task}"
    head = f"{kind}: {subject}"
    if len(head) > _SUBJECT:
        head = f"{head[: _SUBJECT - 1].rstrip()}…"
    body = "\n".join(f"- {line}" for line in lines)
    return f"{head}\n\n{body}\n\nTask: {task}\nGate-Tree: {tree}\nGate-Policy: sha256:{policy}\n"


_SUBJECT = 72  # columns of a subject line
