"""Arrays that are mostly one number, held in the fewest bytes that lose nothing, and used as arrays."""

# ruff: noqa: ANN401 - numpy takes and returns anything
# ruff: noqa: SLF001 - the functions below are those of the class

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from gate.remedies import elementwise, products, sums
from gate.remedies.blocks import Blocks
from gate.remedies.elements import Shape, piece
from gate.remedies.holding import Holding, dense
from gate.remedies.layouts import BLOCK


class BeliefArray(Holding, NDArrayOperatorsMixin):
    """Hold an array of any shape, of any dtype without Python objects, by its bits and in the smallest of some layouts.

    Dense where nothing smaller is found, else in blocks (see `gate.remedies.layouts`): a change costs the blocks that it touches, and
    copies share the others. A state converts itself when its blocks outgrow the dense array, and when what was dense has become clearly
    smaller in blocks after an elementwise change in place. `nbytes` are what is held now; `size * itemsize` is the dense array.

    These work on what is held and never build the dense array, only one block of 65,536 elements at a time: reading and writing by any
    index, elementwise functions (`belief *= likelihood`, numpy.log), sums over any axes, argmax, equality, copies, and products with dense
    arrays (dot, matmul, tensordot, einsum). Their results have the bits that numpy gives on the dense array in C order; those of products
    may differ in the last ones, see `gate.remedies.products`.

    Every other function and method is computed on a dense copy that lives as long as the call, and returns what numpy returns; so are sums
    of half precision, and products of what is more than an eighth stored, is not zero elsewhere, or meets what is not finite. That copy is
    read-only, so that what would change an array in place raises. Elementwise functions return a BeliefArray, all others plain arrays.

    There are no views. What an index reads is a copy, read-only where numpy would give a view: `belief[0][3] = x` raises, because it would
    change nothing; write `belief[0, 3] = x`. numpy.asarray is read-only as well, and of what is held dense it is that memory, which later
    changes may reach; numpy.array gives a copy to keep and to write to.
    """

    __slots__ = ()

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, **rest: Any) -> Any:
        """Return the sum over all axes, or over some."""
        return np.add.reduce(self, axis=axis, dtype=dtype, out=out, **rest)

    def argmax(self, axis: Any = None, **rest: Any) -> Any:
        """Return the position of the first of the highest elements in C order; along an axis it is computed on a dense copy."""
        found = _argmax(self, axis, **rest)
        return self._dense().argmax(axis, **rest) if found is None else found

    def dot(self, other: Any, out: Any = None) -> Any:
        """Return the product with a vector or a matrix."""
        found = _dot(self, other, out) if type(other) is np.ndarray else None
        return np.dot(self, other, out) if found is None else found

    def __matmul__(self, other: Any) -> Any:
        """Return the product with a vector or a matrix, by the short way: numpy's takes longer than a product with few elements."""
        found = _dot(self, other) if type(other) is np.ndarray else None
        return np.matmul(self, other) if found is None else found

    def __bool__(self) -> bool:
        """Return the truth of a single element; raises ValueError for several, as numpy does."""
        return bool(self._dense())

    def __contains__(self, value: object) -> bool:
        """Tell whether an element equals `value`."""
        return value in self._dense()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Compute a universal function in blocks where that is exact, else on dense copies."""
        if any(hasattr(type(each), "__array_ufunc__") and not isinstance(each, BeliefArray | np.ndarray | np.generic) for each in inputs):
            return NotImplemented
        found = None
        if (ufunc, method) == (np.add, "reduce"):
            found = _sum(*inputs, **kwargs)
        elif (ufunc, method) == (np.matmul, "__call__"):
            found = _dot(*inputs, **kwargs)
        elif method == "__call__" and ufunc.signature is None and ufunc.nout == 1 and not kwargs.keys() - {"out"}:
            found = _elementwise(ufunc, inputs, kwargs.get("out", (None,))[0])
        return _computed(ufunc, method, inputs, kwargs.pop("out", ()), kwargs) if found is None else found

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Compute a function of numpy in blocks if there is a way, else on dense copies."""
        way = _WAYS.get(function)
        found = way(*args, **kwargs) if way else None
        return function(*dense(args), **dense(kwargs)) if found is None else found

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return what any array has; see `_of_dense`."""


def _of_dense(name: str) -> property:
    """Return what gives an attribute of the dense array, whose methods raise if they would change it."""
    return property(lambda self: getattr(self._dense(), name), doc=f"Return `{name}` of the dense array.")


# Not __getattr__, with which Python reads every other attribute more slowly.
for _name in {name for name in dir(np.ndarray) if not name.startswith("_")} - set(dir(BeliefArray)):
    setattr(BeliefArray, _name, _of_dense(_name))


def _held(value: Any) -> Blocks | None:
    """Return the blocks of plain numbers that can be computed with."""
    held = value._held if isinstance(value, BeliefArray) else None
    return held if isinstance(held, Blocks) and held.fill.dtype == value.dtype else None


def _elementwise(ufunc: np.ufunc, inputs: Sequence[Any], out: Any) -> BeliefArray | None:
    """Return what a universal function gives, in blocks, or put it into `out`; None if it is not for us."""
    lead = next((each for each in inputs if _held(each)), None)
    if lead is None or not (out is None or (_held(out) and any(each is out for each in inputs))):
        return None
    operands = [_operand(each, lead.shape) for each in inputs]
    held = None if any(each is None for each in operands) else elementwise.apply(ufunc, operands, lead.shape, _held(out))
    if held is None:
        return None
    result = BeliefArray._of(held, lead.shape, held.fill.dtype) if out is None else out
    result._take(held, lead.shape, held.fill.dtype)
    result._settle()
    return result


def _operand(value: Any, shape: Shape) -> Any:
    """Return an input as blocks, as a scalar, or as a plain array that broadcasts to the shape; None if it is none of them."""
    held = _held(value)
    if held and value.shape == shape:
        return held
    if not isinstance(value, int | float | complex | np.generic):
        value = np.asanyarray(dense(value))
        if type(value) not in {np.ndarray, np.memmap} or not _broadcasts(value.shape, shape):
            return None
        value = value.reshape(1) if value.ndim and value.size == 1 else value
    return value if np.result_type(value).kind in "biufc" else None


def _broadcasts(part: Shape, shape: Shape) -> bool:
    """Tell whether an array of one shape is broadcast to another, which stays as it is."""
    return len(part) <= len(shape) and all(one in {1, size} for one, size in zip(reversed(part), reversed(shape), strict=False))


def _computed(ufunc: np.ufunc, method: str, inputs: Sequence[Any], outs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Compute a universal function on dense arrays; the results of elementwise ones are held again."""
    if method == "at":  # which numpy lets write to what is read-only
        message = f"{ufunc.__name__}.at would change a dense copy, which is read-only; write for example belief[index] += value"
        raise ValueError(message)
    arrays = tuple(each._writable() if isinstance(each, BeliefArray) else each for each in outs)
    found = getattr(ufunc, method)(*dense(inputs), **dense(kwargs), **({"out": arrays} if outs else {}))
    results = list(found) if isinstance(found, tuple) else [found]
    for number, result in enumerate(results):
        out = outs[number] if outs else None
        if isinstance(out, BeliefArray):
            out._become(result)
            results[number] = out
        elif out is None and method == "__call__" and ufunc.signature is None and type(result) is np.ndarray and not result.dtype.hasobject:
            results[number] = BeliefArray._of(result, result.shape, result.dtype)
            results[number]._become(result)
    return tuple(results) if isinstance(found, tuple) else results[0]


def _sum(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False, **rest: Any) -> Any:  # noqa: FBT001, FBT002 - numpy's
    """Return the sum over axes; None if it is not for us."""
    held, axes = _held(array), _axes(axis, np.ndim(array))
    if held is None or axes is None or rest or out is not None:
        return None
    if dtype is not None and np.dtype(dtype) != np.add.reduce(held.fill).dtype:
        return None
    found = sums.total(held, array.shape, [each in axes for each in range(array.ndim)])
    return (
        found
        if found is None
        else found.reshape([1 if each in axes else size for each, size in enumerate(array.shape) if keepdims or each not in axes])[()]
    )


def _axes(axis: Any, ndim: int) -> list[int] | None:
    """Return the axes that are meant; None for what numpy is to refuse."""
    try:
        found = [range(ndim)[each] for each in (range(ndim) if axis is None else axis if isinstance(axis, Sequence) else (axis,))]
    except (IndexError, TypeError):
        return None
    return found if len(set(found)) == len(found) else None


def _argmax(array: Any, axis: Any = None, **rest: Any) -> Any:
    """Return the position of the first of the highest elements of all; None if it is not for us."""
    held = _held(array)
    return np.intp(sums.highest(held)) if held and axis is None and not rest and held.fill.dtype.kind in "biuf" else None


def _dot(first: Any, second: Any, out: Any = None, **rest: Any) -> Any:
    """Return the product of two as numpy.dot and numpy.matmul; None if it is not for us."""
    lead, other = (first, second) if _held(first) else (second, first)
    held, plain = _held(lead), other if type(other) is np.ndarray else np.asanyarray(dense(other))
    found = products.dot(held, lead.shape, plain, first=lead is first) if held and out is None and not rest else None
    return found if found is None else found[()]


def _tensordot(first: Any, second: Any, axes: Any = 2) -> Any:
    """Return the sum of products over pairs of axes; None if it is not for us."""
    mine, its = (range(-axes, 0), range(axes)) if isinstance(axes, int) else axes
    left, right = _axes(mine, np.ndim(first)), _axes(its, np.ndim(second))
    if left is None or right is None or len(left) != len(right):
        return None
    if held := _held(first):
        found = products.tensordot(held, first.shape, np.asanyarray(dense(second)), left, right)
    elif held := _held(second):
        found = products.tensordot(held, second.shape, np.asanyarray(dense(first)), right, left)
        kept = second.ndim - len(right)
        found = found if found is None else np.moveaxis(found, range(kept), range(-kept, 0))
    else:
        return None
    return found if found is None else found[()]


def _einsum(*args: Any, **rest: Any) -> Any:
    """Return the sum of products that letters describe; None if it is not for us."""
    terms, arrays = products.terms(args)
    lead = next((number for number, each in enumerate(arrays) if _held(each)), None)
    if lead is None or len(terms) != len(arrays) + 1 or rest.keys() - {"optimize"}:
        return None
    *names, output = terms
    others = [(name, np.asanyarray(dense(each))) for number, (name, each) in enumerate(zip(names, arrays, strict=True)) if number != lead]
    first = arrays[lead]
    found = products.einsum(first._held, first.shape, names[lead], others, output)
    return found if found is None else found[()]


def _array_equal(first: Any, second: Any, equal_nan: bool = False) -> bool:  # noqa: FBT001, FBT002 - as numpy calls it
    """Tell whether two have one shape and equal elements, one block at a time."""
    one, two = (each if isinstance(each, BeliefArray) else np.asarray(each) for each in (first, second))
    parts = [each._part if isinstance(each, BeliefArray) else partial(piece, each) for each in (one, two)]
    spans = [(start, min(start + BLOCK, one.size)) for start in range(0, one.size, BLOCK)]
    return one.shape == two.shape and all(np.array_equal(parts[0](*span), parts[1](*span), equal_nan=equal_nan) for span in spans)


_WAYS: dict[Any, Callable[..., Any]] = {
    np.argmax: _argmax,
    np.array_equal: _array_equal,
    np.copy: lambda array, order="K", subok=False: array.copy(),  # noqa: ARG005 - a BeliefArray has one order and no subclasses
    np.dot: _dot,
    np.einsum: _einsum,
    np.ndim: lambda array: array.ndim,
    np.shape: lambda array: array.shape,
    np.size: lambda array, axis=None: array.size if axis is None else None,
    np.sum: lambda array, axis=None, **rest: _sum(array, axis, **rest),
    np.tensordot: _tensordot,
}
