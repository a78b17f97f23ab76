"""Git's tree objects as bytes: what a tree is called when some paths are not in it; nothing is read or written here."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

ROOT = "."
_NAMES = {20: hashlib.sha1, 32: hashlib.sha256}  # how git names objects, by the bytes of a name


def above(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the folders that lead to some paths, the deepest first and the root last.

    >>> above(["docs/completed/a.md", "docs/b"])
    ('docs/completed', 'docs', '.')
    """
    folders = {folder for path in paths for folder in PurePosixPath(path).parents}
    return tuple(str(folder) for folder in sorted(folders, key=lambda folder: (-len(folder.parts), str(folder))))


def without(trees: Mapping[str, bytes], leave_out: Sequence[str], width: int) -> str:
    """Return the id of the root when some paths are left out; folders that hold nothing then are left out too.

    `trees` holds the contents of the folders above these paths, as far as they are there; `width` is the bytes of an id.
    """
    gone: dict[str, bytes] = dict.fromkeys(leave_out, b"")  # path -> the id that stands for it now, or nothing
    for folder in above(leave_out):
        if folder not in trees:
            continue
        kept = []
        for mode, name, named in _entries(trees[folder], width):
            path = name if folder == ROOT else f"{folder}/{name}"
            now = gone.get(path, named)
            if now:
                kept.append(mode + b" " + _bytes(name) + b"\0" + now)
        data = b"".join(kept)
        gone[folder] = _name(data, width) if data or folder == ROOT else b""
    return gone[ROOT].hex()


def _entries(data: bytes, width: int) -> Iterator[tuple[bytes, str, bytes]]:
    """Yield mode, name and id of each entry: <mode> SP <name> NUL <id>."""
    at = 0
    while at < len(data):
        end = data.index(b"\0", at)
        mode, _, name = data[at:end].partition(b" ")
        at = end + 1 + width
        yield mode, name.decode("utf-8", "surrogateescape"), data[end + 1 : at]


def _name(data: bytes, width: int) -> bytes:
    """Name a tree as git does."""
    return _NAMES[width](b"tree %d\0" % len(data) + data).digest()


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
