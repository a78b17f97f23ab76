"""What the stores have in common: values as exact bytes, and bytes as fewer bytes."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from gate.remedies.pool import Array, no_subclass

Shape = tuple[int, ...]

_CODECS = {  # name: the modules that offer it, its decompressor there, what brings it
    "zlib": (("zlib",), "decompressobj", "a Python that was built with zlib"),
    "lz4": (("lz4.frame",), "LZ4FrameDecompressor", 'pip install "heapgate[lz4]"'),
    "zstd": (("compression.zstd", "backports.zstd"), "ZstdDecompressor", 'pip install "heapgate[zstd]"'),
}


def exactly(value: object, dtype: np.dtype[Any], shape: Shape) -> Array:
    """Return `value` as an array of this dtype and shape that equals it.

    Raises ValueError when the shape is another, and when the dtype would change the value: 0.1 as float32, 1.5 as int64, a text that
    is too long. Raises TypeError for arrays that mean more than their bytes.
    """
    if isinstance(value, np.ndarray):
        no_subclass(value)
    held = np.asarray(value, dtype)
    if held.shape != shape:
        message = f"an entry of shape {held.shape} came, {shape} is wanted; give what is held its own shape when it is made"
        raise ValueError(message)
    if not (isinstance(value, np.ndarray | np.generic) and value.dtype == dtype) and not _same(held, value):
        message = f"dtype {dtype} makes {held.tolist()!r:.99} of {value!r:.99}; choose a dtype that holds it, or convert it yourself"
        raise ValueError(message)
    return held


def pack(raw: bytes, codec: str) -> bytes:
    """Return `raw` compressed, or itself when it would not become smaller."""
    packed = _tools(codec)[0](raw)
    return packed if len(packed) < len(raw) else raw


def unpack(piece: bytes, size: int, codec: str) -> bytes:
    """Return the `size` bytes that pack was given, and never more, whatever the piece says.

    Raises ValueError when the piece does not hold as many; what is no piece at all raises the codec's own error.
    """
    if len(piece) == size:
        return piece
    raw: bytes = _tools(codec)[1]().decompress(piece, size)
    if len(raw) != size:
        message = f"a block of {size} bytes holds only {len(raw)}; it is damaged, and what it held is lost"
        raise ValueError(message)
    return raw


def check_codec(codec: str) -> None:
    """Raise ValueError for a codec that is not known, ImportError with what brings it for one that is not installed."""
    _tools(codec)


@cache
def _tools(codec: str) -> tuple[Callable[[bytes], bytes], Callable[[], Any]]:
    """Return what compresses, and what makes a decompressor."""
    if codec not in _CODECS:
        message = f"codec {codec!r} is not known; take one of {', '.join(_CODECS)}"
        raise ValueError(message)
    names, decompressor, brings = _CODECS[codec]
    for name in names:
        try:
            module = import_module(name)
        except ImportError:
            continue
        return module.compress, getattr(module, decompressor)
    message = f"codec {codec!r} is not installed; it comes with {brings}"
    raise ImportError(message)


def _same(one: Any, two: Any) -> bool:  # noqa: ANN401 - whatever numpy makes of anything
    """Tell whether two values, or nested sequences of one shape, are equal, NaN being equal to NaN."""
    one, two = (value.tolist() if hasattr(value, "tolist") else value for value in (one, two))
    if isinstance(one, list | tuple):
        return hasattr(two, "__len__") and len(one) == len(two) and all(map(_same, one, two))
    return bool(one == two or (one != one and two != two))  # noqa: PLR0124 - only NaN differs from itself
