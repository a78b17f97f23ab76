"""What a finish is about to do, on disk before it does it: whoever comes after a killed one knows what is left."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from gate import command
from gate.errors import GateError
from gate.record.files import replace_file, restore, sweep
from gate.record.tasks import Change
from gate.repo import worktree

VERSION = 1
FOLDER = "finish"  # below the store; gone when nothing is left to do
INDEX = "index"  # in it: what is committed
PLACE = PurePosixPath(worktree.STORE, FOLDER, "journal.json")
_LOCK = "lock"
_LOOK = 0.05  # seconds between two looks at a lock
_LONGEST = 7200.0  # seconds that what a killed finish started is waited for


@with_config(ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", extra="forbid"))
@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """A file as it was, and what became of it."""

    before: bytes | None  # None: it was not there
    after: str = ""  # sha256 of what finish writes; "": whatever is there is its own


@with_config(ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", extra="forbid"))
@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One commit that is about to be made, with everything that it changes beside git."""

    version: int = VERSION
    task: str
    tree: str  # the verified one
    parent: str  # the commit that HEAD is; "" before the first
    summary: str  # path
    files: dict[str, Saved]  # path below the root -> the summary, its bundle, notes
    made: tuple[str, ...]  # folders that did not exist
    store: bytes | None  # the task store before, where it is one file
    held: tuple[Change, ...]  # the tasks as they were
    changes: tuple[Change, ...]  # and as they will be
    message: str
    paths: tuple[str, ...] = ()  # what the commit changes; () until the index of it is written
    whole: str = ""  # the tree of the commit, records included


_ADAPTER = TypeAdapter(Attempt)


def write(root: Path, attempt: Attempt) -> None:
    """Write down what is about to be done."""
    replace_file(_folder(root) / PLACE.name, _ADAPTER.dump_json(attempt))


def read(root: Path) -> Attempt | None:
    """Return what an earlier finish did not come to the end of.

    Raises GateError when it cannot be read.
    """
    path = root / PLACE
    try:
        found = _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        message = f"{PLACE}: left by an earlier finish, and not to be read; look at git log -1 and git status, then remove it"
        raise GateError(message) from error
    return found


def end(root: Path) -> None:
    """Forget it: nothing is left to do."""
    folder = root / worktree.STORE / FOLDER
    (root / PLACE).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def held(root: Path) -> Iterator[Path]:
    """Hold what every git that we start inherits: when we are killed it goes on, and who comes after waits for it. Yield the folder."""
    import fcntl  # noqa: PLC0415 - Windows has none, and nothing else here needs it

    folder, since = _folder(root), time.monotonic()
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() - since > _LONGEST:
                    message = (
                        f"{worktree.STORE}/{FOLDER}: the commit of an earlier finish, or a hook of it, still runs; end it, then run again"
                    )
                    raise GateError(message) from None
                time.sleep(_LOOK)
        for left in folder.glob(f"{INDEX}*"):  # nothing that we started runs any more, so a lock of it is nobody's
            left.unlink()
        command.HELD.add(handle)
        yield folder
    finally:
        command.HELD.discard(handle)
        os.close(handle)


def saved(root: Path, path: Path, after: bytes | None = None) -> tuple[str, Saved]:
    """Keep a file as it is, and the digest of what will be there."""
    before = path.read_bytes() if path.exists() else None
    return path.relative_to(root).as_posix(), Saved(before=before, after=sha256(after).hexdigest() if after is not None else "")


def put_back(root: Path, attempt: Attempt) -> None:
    """Put files back that are as finish wrote them, and take away the folders that it made."""
    for name, kept in attempt.files.items():
        path = root / name
        sweep(path)
        now = path.read_bytes() if path.exists() else None
        if now == kept.before or (kept.after and (now is None or sha256(now).hexdigest() != kept.after)):
            continue
        restore(path, kept.before)
    for folder in (root / name for name in attempt.made):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _folder(root: Path) -> Path:
    folder = worktree.store(root) / FOLDER
    folder.mkdir(exist_ok=True)
    return folder
