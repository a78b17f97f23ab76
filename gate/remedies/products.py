"""Products of an array that is held in blocks with dense ones: only what is stored is multiplied."""

from collections.abc import Sequence
from math import isfinite, prod
from string import ascii_letters
from typing import Any

import numpy as np

from gate.remedies.blocks import Blocks
from gate.remedies.elements import Array
from gate.remedies.sums import merged

_PLAIN = "bBhHiIlLqQfdFD"  # what scipy multiplies as numpy does; half precision and bool it does not
_KEPT = 1 << 20  # stored elements, with 12 to 16 bytes each, that are kept ready
_DENSE = 8  # stored elements are at most a part of this of all; above, BLAS on the dense array is faster


def dot(held: Blocks, shape: Sequence[int], other: Array, *, first: bool) -> Array | None:
    """Return the product with an array of one or two axes, from the left if `first`, as numpy.dot and matmul; None if it is not for us."""
    if other.ndim not in {1, 2} or not shape or (not first and len(shape) not in {1, 2}):
        return None
    axis, beside = (len(shape) - 1, 0) if first else (0, other.ndim - 1)
    if held.fill.dtype == other.dtype and shape[axis] == other.shape[beside] and _is_cheap(held, other):
        kept, roles = (shape[:-1], "k" * axis + "s") if first else (shape[1:], "sk"[: len(shape)])
        rows = _rows(held, shape, roles)  # at once, for this is what agents do step after step: a product may take no longer than the way
        if rows is not None:
            found: Array = rows @ (other if first else other.T)
            return (found if len(kept) == 1 else found.reshape(*kept, *other.shape[1:])) if first else found.T
    product = tensordot(held, shape, other, [axis], [beside])
    return product if first or product is None else product.T


def tensordot(held: Blocks, shape: Sequence[int], other: Array, mine: Sequence[int], its: Sequence[int]) -> Array | None:
    """Return the sum of products over pairs of axes: (my other axes..., its other axes...); None if it is not for us."""
    pairs = sorted(zip(mine, its, strict=True))
    if any(shape[axis] != other.shape[beside] for axis, beside in pairs) or not _is_cheap(held, other):
        return None
    first = [beside for _, beside in pairs]
    moved = other if first == list(range(len(pairs))) else np.moveaxis(other, first, range(len(pairs)))  # which takes its time
    roles = "".join("s" if axis in mine else "k" for axis in range(len(shape)))
    return _contracted(held, shape, roles, moved.reshape(-1, *moved.shape[len(pairs) :]))


def terms(args: Sequence[Any]) -> tuple[list[str], list[Any]]:
    """Return the letters of each operand and of the output, and the operands, of a call of numpy.einsum; none where an ellipsis is.

    >>> terms(["ij,j", 1, 2])
    (['ij', 'j', 'i'], [1, 2])
    >>> terms([1, [0, 1], 2, [1], [0]])
    (['ab', 'b', 'a'], [1, 2])
    """
    if isinstance(args[0], str):
        text, operands = args[0].replace(" ", ""), list(args[1:])
    else:
        operands, lists = list(args[: len(args) // 2 * 2 : 2]), [*args[1::2], *args[-1:][: len(args) % 2]]
        names = ["..." if Ellipsis in each else "".join(ascii_letters[number] for number in each) for each in lists]
        text = ",".join(names[: len(operands)]) + "".join(f"->{name}" for name in names[len(operands) :])
    if "." in text:
        return [], operands
    inputs, arrow, output = text.partition("->")
    return [*inputs.split(","), output if arrow else "".join(sorted(name for name in ascii_letters if inputs.count(name) == 1))], operands


def einsum(held: Blocks, shape: Sequence[int], letters: str, others: Sequence[tuple[str, Array]], output: str) -> Array | None:
    """Return a sum of products whose axes are named by letters; None if no first step of it is for us.

    The first step sums the held array against one of the others; numpy does the rest, with what is left of it.
    """
    for number, (its, other) in enumerate(others):
        left = [*others[:number], *others[number + 1 :]]
        later = output + "".join(names for names, _ in left)
        summed = [name for name in letters if name in its and name not in later]
        plain = len(set(letters)) == len(letters) and len(set(its)) == len(its)
        if not plain or not summed or set(summed) != set(letters) & set(its):
            continue
        if any(shape[letters.index(name)] != other.shape[its.index(name)] for name in summed) or not _is_cheap(held, other):
            continue
        moved = np.moveaxis(other, [its.index(name) for name in summed], range(len(summed)))
        roles = "".join("s" if name in summed else "k" if name in later else "d" for name in letters)
        found = _contracted(held, shape, roles, moved.reshape(-1, *moved.shape[len(summed) :]))
        names = [name for name in letters if name in later] + [name for name in its if name not in summed]
        terms = ",".join(["".join(names), *(names for names, _ in left)])
        return np.asarray(np.einsum(f"{terms}->{output}", found, *(array for _, array in left)))
    return None


def _is_cheap(held: Blocks, other: Array) -> bool:
    """Tell whether the product is that of the stored elements, and not too many: zeros beside what is finite add nothing."""
    both = held.fill.dtype, other.dtype
    dtype = both[0] if both[0] == both[1] else np.result_type(*both)
    return dtype.char in _PLAIN and not held.nothing and held.stored <= held.size // _DENSE and _is_finite(other)


def _is_finite(array: Array) -> bool:
    """Tell whether all elements are finite."""
    if array.dtype.kind in "biu":
        return True
    if array.ndim == 1 and array.dtype.kind == "f" and isfinite(array.dot(array)):
        return True  # in a fraction of the time; only that squares of what is finite may be too large
    return bool(np.isfinite(array).all())


def _contracted(held: Blocks, shape: Sequence[int], roles: str, other: Array) -> Array:
    """Return the sum of products over axes: (sizes of the kept axes..., sizes of `other` after its first).

    The additions are those of numpy's product but not in its order, which is BLAS's own. So the result can differ from numpy's, by no
    more than either can from the exact one: n * eps * sum(|x| * |y|) for the n products of one element of the result.

    Each axis has a role: "k" is kept, "s" is summed against `other`, whose first axis is all of those in C order, "d" is summed alone.
    """
    dtype = np.result_type(held.fill.dtype, other.dtype)
    kept = [size for size, role in zip(shape, roles, strict=True) if role == "k"]
    matrix = other.reshape(other.shape[0], -1).astype(dtype, copy=False)
    rows = _rows(held, shape, roles)
    if rows is not None:
        found = rows @ (matrix if matrix.shape[1] > 1 else matrix[:, 0])
        return np.asarray(found, dtype).reshape((*kept, *other.shape[1:]))
    out = np.zeros((prod(kept), matrix.shape[1]), dtype)
    axes = merged(shape, roles)
    for flat, values in held.entries():
        places = _places(flat, axes)
        _add(out, places["k"], places["s"], values.astype(dtype, copy=False), matrix)
    return out.reshape((*kept, *other.shape[1:]))


_LAST: list[tuple[Any, ...]] = [(None,) * 4]  # shape, roles, blocks and rows: one entry, put and taken whole by any thread


def _rows(held: Blocks, shape: Sequence[int], roles: str) -> Any:  # noqa: ANN401 - a csr_array, or None
    """Return what is stored as rows that scipy multiplies, or None if that is nothing, too much, or scipy is missing.

    Those of the last array are kept for the next product: agents of one model multiply by one matrix, step after step.
    """
    sizes, known, data, rows = _LAST[0]
    if known == roles and sizes == shape and data == held.data:  # the same blocks are equal at a glance
        return rows
    if not 0 < held.stored <= _KEPT or "d" in roles or not (sparse := _scipy()):
        return None
    axes = merged(shape, roles)
    parts = [(_places(flat, axes), values) for flat, values in held.entries()]
    where = [np.concatenate([np.broadcast_to(places[role], values.shape) for places, values in parts]) for role in "ks"]
    whole = [prod(size for size, role in zip(shape, roles, strict=True) if role == each) for each in "ks"]
    rows = sparse.coo_array((np.concatenate([values for _, values in parts]), (where[0], where[1])), shape=whole).tocsr()
    _LAST[0] = shape, roles, held.data.copy(), rows
    return rows


def _places(flat: Array, axes: Sequence[tuple[int, str]]) -> dict[str, Array]:
    """Return where flat positions (n,) are along all axes of each role together, in C order."""
    places, steps, rest = dict[str, Array](), dict.fromkeys("ksd", 1), flat
    for number, (size, role) in reversed(list(enumerate(axes))):
        above = rest // size if number else np.zeros((), flat.dtype)  # the first axis is what the others leave
        place = rest - above * size
        places[role] = place if role not in places else places[role] + place * steps[role]
        steps[role] *= size
        rest = above
    return {role: places.get(role, np.zeros_like(flat)) for role in "ks"}


def _add(out: Array, rows: Array, columns: Array, values: Array, matrix: Array) -> None:
    """Add each value times its row of `matrix` to its row of `out`, in their order."""
    if matrix.shape[1] > 1 and (sparse := _scipy()):
        low, high = int(rows.min()), int(rows.max()) + 1
        part = sparse.coo_array((values, (rows - low, columns)), shape=(high - low, len(matrix)))
        out[low:high] += part @ matrix
        return
    for column in range(matrix.shape[1]):
        np.add.at(out[:, column], rows, values * matrix[:, column].take(columns))


def _scipy() -> Any:  # noqa: ANN401 - a module
    """Return scipy.sparse, which is faster beside a matrix, or None where it is not installed."""
    try:
        from scipy import sparse  # noqa: PLC0415 - it takes long to load, and most agents never multiply by a matrix
    except ImportError:
        return None
    return sparse
