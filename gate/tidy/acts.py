"""Runs that change files: where each lies, its journal line by line, and the lock that keeps two of them apart."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from gate.command import HELD
from gate.errors import GateError
from gate.repo import worktree
from gate.tidy import descriptors

TRASH = f"{worktree.STORE}/trash"
EMPTIED = ".emptied"  # behind the name of a run that is being thrown away
_JOURNAL = "journal.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """One line of a journal: what is about to happen."""

    act: str  # begin, run, remove, trash, folder, move, rewrite, failed (of a move), end; undo and undone when it is taken back
    path: str = ""  # below the root of the repository
    into: str = ""  # trash: name in the folder of the run; move: the new path; rewrite: where the other bytes lie in that folder
    inode: int = 0  # move, rewrite: of what will lie at its new place
    before: int = 0  # rewrite: inode of the old file, 0 when there was none
    digest: str = ""  # rewrite: sha256 of the new bytes
    size: int = 0  # bytes, where it is known
    tracked: bool = False  # move: git's index is told
    what: str = ""  # begin: the verb; run: the command
    tree: str = ""  # begin: the tree id that the plan was drawn for


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run that changed files, as its journal tells it."""

    when: str  # UTC, sortable, the name of its folder
    what: str
    tree: str
    state: str  # open (it was stopped), done, undoing (taking it back was stopped), undone
    acts: tuple[Act, ...]


@contextmanager
def locked(root: Path) -> Iterator[int]:
    """Hold the folder of all runs, alone, and yield its descriptor; the lock ends with the process and what it started, however that ends.

    Raises GateError when another run is at work, or when the folder is not one of ours.
    """
    worktree.store(root)
    at = descriptors.open_root(root)
    try:
        descriptors.make_folders(at, TRASH)
        trash = descriptors.open_folder(at, TRASH)
    except OSError as error:
        message = f"{TRASH}: {error.strerror}; it must be a folder of this repository: move away what is in its place, and run again"
        raise GateError(message) from error
    finally:
        os.close(at)
    try:
        _lock(trash)
        HELD.add(trash)  # when we are killed, the git that we started goes on; who undoes must wait for its end
        yield trash
    finally:
        HELD.discard(trash)
        os.close(trash)


def new(trash: int) -> str:
    """Make the folder of a new run, later in the alphabet than every other; return its name."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    newest = max(_names(trash), default="")
    name = stamp if stamp > newest else f"{newest}+"  # the clock was set back
    os.mkdir(name, dir_fd=trash)
    os.fsync(trash)
    return name


def append(trash: int, when: str, acts: Sequence[Act]) -> None:
    """Write one line an act, all on disk before this returns; half a line that a killed run left goes first."""
    with descriptors.folder(trash, when) as at:
        handle = os.open(_JOURNAL, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=at)
        try:
            end = os.lseek(handle, 0, os.SEEK_END)
            if end == 0:
                os.fsync(at)
            elif os.pread(handle, 1, end - 1) != b"\n":
                os.ftruncate(handle, os.pread(handle, end, 0).rfind(b"\n") + 1)
            left = memoryview("".join(f"{_line(act)}\n" for act in acts).encode())
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)


def listed(trash: int) -> tuple[Run, ...]:
    """Return all runs, the oldest first.

    Raises GateError for a journal that is damaged.
    """
    return tuple(run for name in sorted(_names(trash)) if not name.endswith(EMPTIED) and (run := _read(trash, name)))


def pick(found: Sequence[Run], when: str, what: str) -> Run | None:
    """Return the run of this name or its beginning, or the newest of a verb; None when there is none at all.

    Raises GateError for a name that fits none or several.
    """
    ours = [run for run in found if not what or run.what == what]
    if not when:
        return ours[-1] if ours else None
    fits = [run for run in ours if run.when == when] or [run for run in ours if run.when.startswith(when)]
    if len(fits) != 1:
        known = ", ".join(run.when for run in ours)
        wanted = f"name one of: {known}" if known else "and none of this verb is known; there is nothing to take back"
        message = f"undo {when}: {len(fits)} runs are named so; {wanted}"
        raise GateError(message)
    return fits[0]


def _lock(trash: int) -> None:
    """Lock the folder itself, so that there is no file whose name another run could lock anew."""
    import fcntl  # noqa: PLC0415 - Windows has none, and was refused before

    try:
        fcntl.flock(trash, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = f"{TRASH}: another run is changing files in this repository; wait for its end, and run again"
        raise GateError(message) from error


def _names(trash: int) -> list[str]:
    """List the folders of runs."""
    with os.scandir(trash) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def _read(trash: int, when: str) -> Run | None:
    """Read one journal; a folder without a whole line is of a run that was stopped before its first act."""
    try:
        text = descriptors.read(trash, f"{when}/{_JOURNAL}").decode()
    except FileNotFoundError:
        return None
    whole = text[: text.rfind("\n") + 1].splitlines()
    try:
        acts = [Act(**json.loads(line)) for line in whole]
    except (ValueError, TypeError) as error:
        message = f"{TRASH}/{when}/{_JOURNAL}: a line of it is damaged; restore by hand from {TRASH}/{when}/files, then delete that folder"
        raise GateError(message) from error
    if not acts:
        return None
    states = {"end": "done", "undo": "undoing", "undone": "undone"}
    state = next((states[act.act] for act in reversed(acts) if act.act in states), "open")
    return Run(when=when, what=acts[0].what, tree=acts[0].tree, state=state, acts=tuple(act for act in acts if act.path))


_DEFAULTS = {field.name: field.default for field in fields(Act)}


def _line(act: Act) -> str:
    """Write what an act says and nothing that it leaves open; names that are not UTF-8 survive as escapes."""
    return json.dumps({name: found for name, found in asdict(act).items() if found != _DEFAULTS[name]})
