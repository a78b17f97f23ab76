"""Hashes of what was read, as it is now: files by what they hold, folders by the names in them."""

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

# Come and go beside the code, and no code is found in them.
_NOISE = frozenset(
    {".git", ".gate", ".nox", ".tox", ".venv", ".coverage", ".hypothesis", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
    | {".import_linter_cache", ".benchmarks", "__pycache__"}
)


class Hashes:
    """Hashes of files and folders as they are now; each is read once."""

    def __init__(self, root: Path) -> None:
        """Know nothing yet."""
        self._root = root
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        self._python = ""
        self._names: dict[bool, str] = {}

    def file(self, name: str) -> str:
        """Hash a file below the root, or of an absolute path; "" when it is not there or is no file."""
        if name not in self._files:
            self._files[name] = _hash_file(os.path.join(self._root, name))
        return self._files[name]

    def folder(self, name: str) -> str:
        """Hash the names in a folder that mean something; "" when it is no folder."""
        if name not in self._folders:
            self._folders[name] = _hash_folder(os.path.join(self._root, name))
        return self._folders[name]

    def python(self) -> str:
        """Hash what a type checker may read below the root, ignored files too: Python, its stubs and configuration."""
        if not self._python:
            self._python = self._hash_python()
        return self._python

    def names(self, *, times: bool = False) -> str:
        """Hash which files and folders lie below the root, ignored ones too, and how large files are; with `times`, how old."""
        if times not in self._names:
            self._names[times] = self._hash_names(times=times)
        return self._names[times]

    def match(self, files: Mapping[str, str], folders: Mapping[str, str]) -> bool:
        """Tell whether all that was read is still the same."""
        return _same(files, self.file) and _same(folders, self.folder)

    def _hash_names(self, *, times: bool) -> str:
        digest, waiting = hashlib.sha256(), [str(self._root)]
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
            for entry in found:
                if entry.name in _NOISE or entry.name.endswith(".pyc"):
                    continue
                status = entry.stat(follow_symlinks=False)
                is_folder = stat.S_ISDIR(status.st_mode)
                told = "" if is_folder else f"{status.st_size} {status.st_mtime_ns if times else ''}"
                digest.update(os.fsencode(f"{entry.path}\0{stat.S_IFMT(status.st_mode)} {told}\0"))
                if is_folder and not _is_installed(entry.path, entry.name):
                    waiting.append(entry.path)
        return digest.hexdigest()

    def _hash_python(self) -> str:
        digest = hashlib.sha256()
        for name in (".mypy.ini", ".config/mypy/config"):
            digest.update(self.file(str(Path.home() / name)).encode())
        for folder, folders, names in os.walk(self._root):
            folders[:] = sorted(name for name in folders if not _holds_no_code(folder, name))
            for name in sorted(names):
                if name.endswith((".py", ".pyi", ".toml", ".cfg", ".ini")) or name == "py.typed":
                    path = os.path.relpath(os.path.join(folder, name), self._root)
                    digest.update(os.fsencode(f"{path}\0{self.file(path)}\0"))
        return digest.hexdigest()


def _same(told: Mapping[str, str], now: Callable[[str], str]) -> bool:
    return all(now(name) == was for name, was in told.items())


def _holds_no_code(folder: str, name: str) -> bool:
    return name.startswith(".") or name == "__pycache__" or _is_installed(os.path.join(folder, name), name)


def _is_installed(path: str, name: str) -> bool:
    return name == "node_modules" or os.path.exists(os.path.join(path, "pyvenv.cfg"))


def _hash_file(path: str) -> str:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would wait for ever
            return ""
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _hash_folder(path: str) -> str:
    try:
        names = sorted(name for name in os.listdir(path) if name not in _NOISE and not name.endswith(".pyc"))
    except (FileNotFoundError, NotADirectoryError):
        return ""
    return hashlib.sha256(os.fsencode("\0".join(names))).hexdigest()
