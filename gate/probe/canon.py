"""What something is, whatever memory it lies in: the same digest for the same values in the same structure."""

import hashlib
import sys
import weakref
from typing import Any

from gate.probe.edges import edges, is_array

_SHOWN = (int, float, complex, bool, type(None), str, bytes)  # repr tells all of them

Before = dict[int, tuple[weakref.ref[Any], Any]]  # arrays that took the places of others, by identity, and the dtypes of those


def digest(*roots: object, walls: set[int] | None = None, before: Before | None = None) -> str:
    """Return a digest of everything that is reached from `roots`, up to identities in `walls`, without running code of the user's.

    An array of the remedies is the array that it holds, and one that is in `before` is told in the dtype that is given there.

    Equal texts, numbers and arrays are the same whether they are one object or several, and wherever they are; of all other objects
    it counts which are one and the same. The order of a set is no part of it, and its entries only when they are texts or numbers.
    """
    told, known, todo = hashlib.blake2b(digest_size=16), dict[int, int](), list[Any](reversed(roots))
    while todo:
        item = _plain(todo.pop(), before or {})
        kind = type(item)
        told.update(f"\n{kind.__module__}.{kind.__qualname__} ".encode("utf-8", "surrogatepass"))
        if kind in _SHOWN:
            told.update(repr(item).encode("utf-8", "backslashreplace"))
        elif walls and id(item) in walls:
            continue
        elif id(item) in known:
            told.update(b"%d" % known[id(item)])
        elif is_array(item) and not item.dtype.hasobject:
            told.update(f"{item.dtype!r} {item.shape} ".encode() + sys.modules["numpy"].ndarray.tobytes(item))
        elif issubclass(kind, (set, frozenset)):
            told.update("\n".join(sorted(repr(one) for one in set(item) if type(one) in _SHOWN)).encode("utf-8", "backslashreplace"))
        else:
            known[id(item)] = len(known)
            found = sorted(edges(item), key=lambda edge: edge.label)  # slots and dictionaries have orders of their own
            told.update("".join(edge.label for edge in found).encode("utf-8", "surrogatepass"))
            todo += [edge.value for edge in reversed(found)]
    return told.hexdigest()


def _plain(item: Any, before: Before) -> Any:
    """Return the array that was there before a trial put another form of it in its place."""
    sparse = sys.modules.get("gate.remedies.sparse")  # loaded by whoever put one there
    if sparse is not None and type(item) is sparse.BeliefArray:
        return sys.modules["numpy"].asarray(item)
    if id(item) in before:
        ref, dtype = before[id(item)]
        array = ref()
        return array.astype(dtype) if array is not None and array is item else item
    return item
