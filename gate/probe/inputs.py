"""What this process reads, noted where the parent finds it: opened files, listed folders, and what no file can answer for."""

from __future__ import annotations

import os
import sys
from array import array

from gate.probe.own import Own

TYPE_CHECKING = False  # see gate/probe/__main__.py
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# The first letter of a note: a file, one that was made anew, a folder, why never, a library that opens files without telling Python.
READ, MADE, LISTED, NEVER, SILENT = "r", "w", "l", "n", "s"
_SILENT = frozenset(
    {"cv2", "duckdb", "fiona", "gguf", "h5py", "jpype", "kuzu", "lancedb", "llama_cpp", "lmdb", "lxml", "mujoco", "netCDF4", "onnxruntime"}
    | {"osgeo", "plyvel", "polars", "pyarrow", "pygame", "pyogrio", "pyrocksdb", "rasterio", "rocksdict", "safetensors", "sentencepiece"}
    | {"soundfile", "tables", "tensorflow", "tokenizers", "torchvision", "tree_sitter", "vtk", "vtkmodules", "zarr"}
)
_NEVER = {
    **dict.fromkeys(("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"), "it uses a socket"),
    **dict.fromkeys(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"), "it asks for the address of a host"),
    **dict.fromkeys(("subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn", "os.exec", "pty.spawn"), "it starts a program"),
    **dict.fromkeys(("os.fork", "os.forkpty"), "it forks"),
}
_NATIVE = "it loads a native library of its own"
_BY_DESCRIPTOR = "it lists a folder that it opened before"
# Where among the words of an event stands what it is about.
_PLACES = {"open": 0, "sqlite3.connect": 0, "import": 1, "os.listdir": 0, "os.scandir": 0, "ctypes.dlopen": 0, "exec": 0}
_NONE = ("\0",)  # begins no path
_FRESH = os.O_TRUNC, os.O_CREAT | os.O_EXCL  # either leaves nothing of what was there
UNNOTED = 98  # exit code of a process that could not note what it read
_WORD = 2**64 - 1
_ROOM = 4096  # paths that are known again; of what is forgotten a second note is written


def watch(log: str, root: str, skip: Sequence[str]) -> None:
    """Note from now on, in this process and in what it forks, what it reads below the root or elsewhere but not below `skip`.

    What is read as part of the installed interpreter is `skip`, each a path that ends with a slash. Nothing of a note stays in memory,
    and no frame is looked at where it could: a generator keeps for life what was once made of its frame.
    """
    notes = _Notes(log, root, skip)
    for folder in sys.path_importer_cache:  # searched before anybody looked, and not listed again
        notes.path(LISTED, folder)
    sys.addaudithook(notes.hook)


class _Notes:
    """The file of notes, and the little that is remembered."""

    def __init__(self, log: str, root: str, skip: Sequence[str]) -> None:
        self._log, self._root, self._skip = log, f"{root}/", tuple(skip)
        self._own = tuple(folder for folder in skip if folder.startswith(self._root)) or _NONE
        self._known = array("Q", bytes(8 * _ROOM))
        self._handle = self._node = 0
        self._open()

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        """Take one audit event; most are none of ours."""
        if event == "import" and args[0] in _SILENT:
            self._note(SILENT, args[0])
        if event in _PLACES:
            self._seen(event, args[_PLACES[event]], args)
        elif event in _NEVER:
            self._note(NEVER, _NEVER[event])

    def path(self, kind: str, path: str) -> None:
        """Note a path, unless it belongs to what is installed."""
        if not path.startswith("/"):
            path = f"{Own.getcwd()}/{path}"
        whole = f"{path}/"
        if not whole.startswith(self._own if whole.startswith(self._root) else self._skip):
            self._note(kind, path)

    def _seen(self, event: str, found: Any, args: tuple[Any, ...]) -> None:
        """Note what an event is about."""
        lists = event in {"os.listdir", "os.scandir"}
        if event == "exec":
            found = found.co_filename if found.co_filename.startswith("/") else None  # others name no file
        elif lists and found is None:
            found = "."
        if isinstance(found, int):
            if lists:
                self._by_descriptor()
        elif found is not None:
            self._path(event, os.fsdecode(found), args)

    def _path(self, event: str, path: str, args: tuple[Any, ...]) -> None:
        """Note a path in the way of its event."""
        if event in {"os.listdir", "os.scandir"}:
            self.path(LISTED, path)
        elif event == "ctypes.dlopen":
            path = path if "/" not in path or path.startswith("/") else os.path.normpath(f"{Own.getcwd()}/{path}")
            if path.startswith(self._root) and not path.startswith(self._own):
                self._note(NEVER, _NATIVE)
        elif event == "open" and isinstance(args[2], int) and any(args[2] & fresh == fresh for fresh in _FRESH):
            self.path(MADE, path)
        elif not _is_cache(path):
            self.path(READ, path)

    def _by_descriptor(self) -> None:
        """Note that a folder is listed whose path nobody tells, but for what shutil lists to remove it."""
        if not Own.frame(3).f_code.co_filename.endswith(f"{os.sep}shutil.py"):
            self._note(NEVER, _BY_DESCRIPTOR)

    def _note(self, kind: str, text: str) -> None:
        """Write one note, unless the same was written lately."""
        mark = (hash(text) ^ ord(kind)) & _WORD
        if self._known[mark % _ROOM] == mark:
            return
        self._known[mark % _ROOM] = mark
        try:
            if not self._is_whole():
                self._open()
            Own.write(self._handle, os.fsencode(f"{kind}{text}\0"))
        except OSError:
            Own.leave(UNNOTED)  # without its notes nobody knows what a verdict rests on

    def _is_whole(self) -> bool:
        """Tell whether our descriptor is still ours: the user's code may close what it did not open, and open something else."""
        try:
            return Own.fstat(self._handle).st_ino == self._node
        except OSError:
            return False

    def _open(self) -> None:
        self._handle = Own.descriptor(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._node = Own.fstat(self._handle).st_ino


def _is_cache(path: str) -> bool:
    """Tell whether this is byte code beside which there is a source, which is noted as it is run."""
    prefix = sys.pycache_prefix
    return path.endswith(".pyc") and ("/__pycache__/" in path or (prefix is not None and path.startswith(prefix)))
