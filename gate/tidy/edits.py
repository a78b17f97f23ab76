"""What becomes of one file's bytes: drawn first, shown, and written later through the journal."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from gate.errors import GateError
from gate.facts import Change, Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """The bytes of one file before and after."""

    path: str  # below the root, no link in it
    kind: str
    reason: str
    before: bytes | None  # None: there is no such file yet
    after: bytes


def change(root: Path, edit: Edit) -> Change:
    """Show an edit as a plan lists it, with the identity of the file that it is about; the size is that of the new bytes."""
    entries: tuple[Entry, ...] = ()
    if edit.before is not None:
        status = (root / edit.path).lstat()
        entries = (Entry(path=edit.path, device=status.st_dev, inode=status.st_ino, folder=False),)
    return Change(path=edit.path, kind=edit.kind, size=len(edit.after), act="rewrite", reason=edit.reason, entries=entries)


def read(root: Path, path: str) -> bytes | None:
    """Return the bytes of a file that may be written, None where there is none yet.

    Raises GateError where something else lies there, or a link stands in the way: what is written stays inside the repository.
    """
    at = ""
    for part in Path(path).parts[:-1]:
        at = f"{at}{part}/"
        if os.path.lexists(root / at) and not stat.S_ISDIR((root / at.rstrip("/")).lstat().st_mode):
            message = f"{at.rstrip('/')}: is no folder, or a link; {path} cannot be written below it: move it out of the way"
            raise GateError(message)
    if not os.path.lexists(root / path):
        return None
    if not stat.S_ISREG((root / path).lstat().st_mode):
        message = f"{path}: is no plain file, and was not written; put a file in its place, or name another in the policy"
        raise GateError(message)
    return (root / path).read_bytes()
