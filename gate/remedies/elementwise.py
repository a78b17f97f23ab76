"""Universal functions over arrays that are held in blocks: where the fill stays one number, only what is stored is computed."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from gate.remedies import elements, layouts
from gate.remedies.blocks import Blocks
from gate.remedies.elements import Array, Shape, piece
from gate.remedies.layouts import BLOCK

_INFINITE = {"d": 0x7FF << 52, "f": 0xFF << 23}  # the bits of infinity: smaller ones are those of finite numbers without a sign

Compute = Callable[[list[Any]], Array]


def apply(ufunc: np.ufunc, inputs: Sequence[Any], shape: Shape, target: Blocks | None = None) -> Blocks | None:
    """Return `ufunc(*inputs)` in blocks, computed block by block and equal to numpy's bit for bit.

    Inputs are Blocks of `shape` (at least one), arrays that broadcast to it, and scalars, which may be arrays (1,). A `target`, one of
    the inputs, is changed in place. Returns None if the dtype of the result cannot be held as it is; raises what numpy raises.
    """
    lead = next(each for each in inputs if isinstance(each, Blocks)) if target is None else target
    inputs = [each.cut(lead.step) if isinstance(each, Blocks) and each.step != lead.step else each for each in inputs]
    compute = _compute(ufunc, None if target is None else target.fill.dtype)
    arrays = [each for each in inputs if _is_array(each)]
    wide = [np.broadcast_to(each, shape) if _is_array(each) else each for each in inputs]
    fill = _filled(compute, wide, lead)
    if elements.raw(fill.dtype) != fill.dtype:
        return None
    steady = _is_zero_for if _is_zero_times(ufunc, inputs, fill) else partial(_is_steady, compute, fill)
    everywhere = not arrays or (len(arrays) == 1 and arrays[0].size < lead.size and _is_steady_beside(arrays[0], steady, inputs))
    # A target changes block by block only if its fill keeps its meaning; else an error halfway must find it as it was.
    result = target if target is not None and not elements.differs(target.fill, fill).any() else Blocks(lead.size, fill, lead.step)
    for number in range(len(lead.data)):
        block, (start, stop) = lead.data[number], lead.span(number)
        alone = not any(isinstance(each, Blocks) and each is not lead and each.data[number] for each in inputs)
        if alone and (everywhere or layouts.is_full(block, stop - start) or steady(_beside(wide, start, stop))):
            result.replace(number, _revalued(compute, wide, lead, number, fill) if block else b"")
        else:
            dense = [each.read(start, stop) if isinstance(each, Blocks) else _part(each, start, stop) for each in wide]
            result.replace(number, layouts.encode(compute(dense), fill))
    return result


def _is_array(value: object) -> bool:
    """Tell whether this has elements that differ from place to place."""
    return isinstance(value, np.ndarray) and value.size > 1


def _compute(ufunc: np.ufunc, dtype: np.dtype[Any] | None) -> Compute:
    """Return the function of scalars and arrays (n,); with a dtype its results are cast to that as numpy does in place."""
    if dtype is None:
        return lambda args: np.asarray(ufunc(*args))
    return lambda args: np.asarray(ufunc(*args, out=np.empty(max(np.size(each) for each in args), dtype)))


def _part(value: Any, start: int, stop: int) -> Any:  # noqa: ANN401 - what numpy takes
    """Return the elements of a block of an array (n,), or the scalar."""
    return piece(value, start, stop) if _is_array(value) else value


def _beside(wide: Sequence[Any], start: int, stop: int) -> list[Any]:
    """Return what a block is computed from where nothing is stored: fills, scalars and elements of arrays."""
    return [each.fill if isinstance(each, Blocks) else _part(each, start, stop) for each in wide]


def _filled(compute: Compute, wide: Sequence[Any], lead: Blocks) -> Array:
    """Return what becomes of the fill (1,), beside the first element of each array."""
    if not any(map(_is_array, wide)) and lead.stored < lead.size:
        return compute(_beside(wide, 0, 1))  # with numpy's own warnings: log of zero is one
    with np.errstate(all="ignore"):
        return compute(_beside(wide, 0, 1))


def _is_steady(compute: Compute, fill: Array, args: list[Any]) -> bool:
    """Tell whether fills become nothing but `fill`, and without a warning."""
    try:
        with np.errstate(all="raise"):
            return not elements.differs(compute(args), fill).any()
    except FloatingPointError:
        return False


def _is_zero_times(ufunc: np.ufunc, inputs: Sequence[Any], fill: Array) -> bool:
    """Tell whether this is the product of two of one dtype, of which the held one is zero where nothing is stored."""
    fills = [fill, *(each.fill for each in inputs if isinstance(each, Blocks))]
    arrays = [each for each in inputs if _is_array(each)]
    zero = fill.dtype.char in _INFINITE and not any(elements.words(each).any() for each in fills)
    return ufunc is np.multiply and zero and len(inputs) == 2 and all(each.dtype == fill.dtype for each in (*fills, *arrays))  # noqa: PLR2004


def _is_zero_for(args: list[Any]) -> bool:
    """Tell the same as `_is_steady` of such a product in a third of the time: zero times what has no sign and is finite is zero."""
    return all(int(elements.words(each).max()) < _INFINITE[each.dtype.char] for each in args if isinstance(each, np.ndarray))


def _is_steady_beside(array: Array, steady: Callable[[list[Any]], bool], inputs: Sequence[Any]) -> bool:
    """Tell whether that is so beside all elements of the only array, before it is broadcast."""
    rest = _beside([0 if each is array else each for each in inputs], 0, 1)
    parts = (piece(array, start, start + BLOCK) for start in range(0, array.size, BLOCK))
    return all(steady([part if inputs[at] is array else each for at, each in enumerate(rest)]) for part in parts)


def _revalued(compute: Compute, wide: Sequence[Any], lead: Blocks, number: int, fill: Array) -> bytes:
    """Return a block of `lead` with each stored value computed."""
    block, (start, stop) = lead.data[number], lead.span(number)
    stored = layouts.values(block, stop - start, lead.fill.dtype)
    where = layouts.positions(block, stop - start) if any(map(_is_array, wide)) else None
    args = []
    for each in wide:
        if isinstance(each, Blocks):
            args.append(stored if each is lead else each.fill)
        else:
            args.append(_at(each, start, stop, where) if _is_array(each) else each)
    return layouts.revalued(block, stop - start, compute(args), fill)


def _at(array: Array, start: int, stop: int, where: Any) -> Array:  # noqa: ANN401 - what selects elements of the block
    """Return the elements of an array of the whole shape beside the stored ones (n,)."""
    if isinstance(where, slice) or where.dtype == bool or array.flags.c_contiguous:
        return piece(array, start, stop)[where]  # type: ignore[no-any-return] # numpy cannot tell
    return array[np.unravel_index(where + np.intp(start), array.shape)]
