"""Files that last: all of the new content or all of the old, never a part."""

import glob
import os
import re
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path


def replace_file(path: Path, data: bytes, *, last_check: Callable[[], None] | None = None) -> None:
    """Put data in the place of a file, on disk before it is seen; a new file gets the usual mode, another keeps its own.

    `last_check` is called just before the exchange and may raise to stop it.
    """
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        if last_check:
            last_check()
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    _sync_folder(path.parent)


def replace_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put data in the place of files of one folder, each whole or not at all, all on disk before one is seen."""
    made: dict[str, str] = {}
    try:
        for name, data in files.items():
            handle, made[name] = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), 0o644)
        for name, path in made.items():
            Path(path).replace(folder / name)
    finally:
        for path in made.values():
            Path(path).unlink(missing_ok=True)
    _sync_folder(folder)


def sweep(path: Path) -> None:
    """Remove what a replacement of this file left behind that was killed; call it only where nobody else replaces it."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}")
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if name.fullmatch(left.name):
            left.unlink(missing_ok=True)


def make_folders(folder: Path) -> tuple[Path, ...]:
    """Make a folder and those above it; return the new ones, innermost first."""
    new = tuple(path for path in (folder, *folder.parents) if not path.exists())
    folder.mkdir(parents=True, exist_ok=True)
    return new


def restore(path: Path, before: bytes | None, made: tuple[Path, ...] = ()) -> None:
    """Put a file back as it was; None means that it was not there, nor the folders that were made for it."""
    if before is not None:
        replace_file(path, before)
        return
    path.unlink(missing_ok=True)
    for folder in made:
        if not any(folder.iterdir()):
            folder.rmdir()


def _sync_folder(folder: Path) -> None:
    """Make the exchange itself last, where folders can be opened."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
