"""Files to which histories add what they evict: frames with length and checksum, so that a killed process leaves a readable one."""

import io
import mmap
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gate.remedies.packing import check_codec, pack, unpack
from gate.remedies.pool import Array

_FRAME = 16384  # bytes of evicted entries that wait in memory for their frame, unless one entry alone is more
_MAGIC = b"hgf1"
_HEAD = struct.Struct("<4s4sQQ")  # the magic, the codec, the bytes that follow the checksum, and those before they were compressed
_CHECK = struct.Struct("<I")  # CRC-32 of the head and of what follows


def spilled(path: str | os.PathLike[str]) -> Iterator[Array]:
    """Return what a spill file holds, oldest first, one array of entries after the other.

    What is no whole frame, as the last one of a process that was killed, is left out with a warning that says where; frames after it
    are found. Nothing that is read is run: a frame tells its dtype and shape in numpy's own format, and no objects.
    Raises OSError for a file that cannot be read.
    """
    with Path(path).open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            at = 0
            while at < len(data):
                end, payload = _frame(data, at)
                if payload is None:
                    message = f"{path}: bytes {at} to {end} are no whole frame, and are left out: a write was cut short"
                    warnings.warn(message, RuntimeWarning, stacklevel=2)
                else:
                    yield np.lib.format.read_array(io.BytesIO(payload), allow_pickle=False)
                at = end


class Spill:
    """The file to which evicted rows are added, frame by frame, each in one write at its end."""

    __slots__ = ("_codec", "_model", "_path", "_process", "_waiting")

    def __init__(self, path: Path, model: Array, codec: str) -> None:
        """Hold no rows yet; `model` has their dtype and shape, and no rows. The file is made with the first frame."""
        check_codec(codec)
        if not np.empty(model.shape[1:], model.dtype).nbytes:
            message = f"entries of dtype {model.dtype} and shape {model.shape[1:]} have no bytes; there is nothing to spill"
            raise ValueError(message)
        _written(model)  # a dtype that the format lacks is told now, not at the first full frame
        self._path, self._model, self._codec = path, model, codec
        self._process, self._waiting = os.getpid(), bytearray()

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave nothing that waits to the copy, which would write it again."""
        self.flush()
        return Spill, (self._path, self._model, self._codec)

    def add(self, rows: Array) -> None:
        """Let rows wait for their frame; raises OSError, and takes none, when the last one is full and cannot be written."""
        if len(self._waiting) >= _FRAME:
            self.flush()
        self._in_this_process()
        self._waiting += rows.tobytes()

    def flush(self) -> None:
        """Write what waits as one frame."""
        self._in_this_process()
        if not self._waiting:
            return
        rows = np.frombuffer(bytes(self._waiting), self._model.dtype).reshape(-1, *self._model.shape[1:])
        raw = _written(rows)
        payload = pack(raw, self._codec)
        head = _HEAD.pack(_MAGIC, self._codec.encode(), len(payload), len(raw))
        frame = head + _CHECK.pack(zlib.crc32(payload, zlib.crc32(head))) + payload
        with self._path.open("ab", buffering=0) as file:
            while frame:  # more than once only where the system takes less than all
                frame = frame[file.write(frame) :]
        self._waiting.clear()

    def _in_this_process(self) -> None:
        """After a fork, leave what waits, and the file, to the process that has them too."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._path = self._path.with_name(f"{self._path.name}.{self._process}")
            self._waiting.clear()


def _written(rows: Array) -> bytes:
    """Return rows in numpy's own format; raises ValueError for a dtype that it cannot tell, one of fields out of order."""
    file = io.BytesIO()
    np.lib.format.write_array(file, rows, version=(3, 0), allow_pickle=False)  # names of fields may be any
    return file.getvalue()


def _frame(data: mmap.mmap, at: int) -> tuple[int, bytes | None]:
    """Return where the frame at a place ends and what is in it, or where the next one may begin and None."""
    head = data[at : at + _HEAD.size]
    if head.startswith(_MAGIC) and len(head) == _HEAD.size:
        _, codec, packed, size = _HEAD.unpack(head)
        begin = at + _HEAD.size + _CHECK.size
        payload = data[begin : begin + packed]
        if data[at + _HEAD.size : begin] == _CHECK.pack(zlib.crc32(payload, zlib.crc32(head))):
            return begin + packed, unpack(payload, size, codec.rstrip(b"\0").decode())
    after = data.find(_MAGIC, at + 1)
    return (len(data) if after < 0 else after), None
