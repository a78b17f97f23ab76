"""What a tree holds, to be compared: every file, folder and link with its mode, bytes and time of writing."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

Snapshot = dict[bytes, tuple[str, int, bytes, int]]  # path -> kind, mode, content or target, time of writing in ns (0: of a folder)


def snapshot(root: Path, *, leave: tuple[str, ...] = (".gate", ".git")) -> Snapshot:
    """Read everything below a folder, links as themselves, without what is named in `leave` at its top."""
    return {os.fsencode(path.relative_to(root)): _state(path) for path in _walk(root, leave)}


def _walk(folder: Path, leave: tuple[str, ...]) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name not in leave:
            yield path
            if path.is_dir() and not path.is_symlink():
                yield from _walk(path, ())


def _state(path: Path) -> tuple[str, int, bytes, int]:
    status = path.lstat()
    kind, content = stat.filemode(status.st_mode)[0], b""
    if kind == "-":
        content = path.read_bytes()
    elif kind == "l":
        content = os.fsencode(path.readlink())
    return kind, stat.S_IMODE(status.st_mode), content, 0 if kind == "d" else status.st_mtime_ns
