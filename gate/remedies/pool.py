"""Equal arrays, held once: the remedy that comes before all others."""

import threading
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


class SharedPool:
    """Hold one read-only copy of arrays that are equal byte for byte.

    The pool keeps no array alive: the last holder, of the array or of a view of it, frees it. Safe to use from several threads.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._held: WeakValueDictionary[tuple[np.dtype[np.generic], tuple[int, ...], bytes], Array] = WeakValueDictionary()
        self._lock = threading.RLock()  # a finaliser may come here while its own thread is inside

    def intern(self, array: Array) -> Array:
        """Return a read-only array that equals `array` in dtype, shape and every byte; equal ones share one memory.

        Any shape, in C order. Raises TypeError for dtypes that hold Python objects or strings of any length, whose bytes are
        addresses, and for subclasses such as masked arrays, which mean more than their bytes.
        """
        if array.dtype.hasobject:
            message = f"dtype {array.dtype} holds Python objects; only plain numbers can be shared by content"
            raise TypeError(message)
        if type(array) not in {np.ndarray, np.memmap}:
            message = f"a {type(array).__name__} means more than its bytes; give its plain array: numpy.asarray(array)"
            raise TypeError(message)
        key = (array.dtype, array.shape, array.tobytes())
        with self._lock:
            held = self._held.get(key)
            if held is None:
                # Over the bytes of the key, so that there is one memory, no flag makes it writeable, and views keep the array alive.
                held = self._held[key] = np.ndarray(array.shape, array.dtype, buffer=key[2])
            return held

    def __len__(self) -> int:
        """Return how many different arrays are alive."""
        return len(self._held)
