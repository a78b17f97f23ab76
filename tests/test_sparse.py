"""Belief arrays: the bits of the dense array in fewer bytes, and all that numpy does with it."""

import copy
import json
import math
import os
import pickle
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gate import measure
from gate.facts import Outcome
from gate.remedies.blocks import Blocks
from gate.remedies.elements import Array
from gate.remedies.layouts import BLOCK
from gate.remedies.sparse import BeliefArray

ROOT = Path(__file__).parents[1]
EXACT = sys.platform == "linux"  # the heap meter
WIDE = (69, 625, 100)
SHAPE = (3, 60, 500)  # two blocks, the second of which is not whole
RECORD = np.dtype([("id", "<i4"), ("at", "<f8", (2,)), ("name", "S3")])
NUMBERS = ("f8", "f4", "c16", "i8", "i2", "u1", "?")
DTYPES = (*NUMBERS, "f2", "c8", ">f8", ">i4", "M8[s]", "m8[ms]", "S3", "U2", "V5", "g", RECORD)
DENSITIES = (0.0, 0.001, 0.02, 0.07, 0.2, 0.6, 0.95, 1.0)  # each layout is somewhere between them
SHAPES = ((), (0,), (7,), (3, 0, 2), (600,), (70_000,), (1, BLOCK), (2, 3, 4, 5), SHAPE)
SPECIAL = (0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1e300, 1.0)

few = settings(deadline=None, max_examples=12)
some = settings(deadline=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)
densities = st.sampled_from(DENSITIES)


def bits(array: Any) -> tuple[Any, ...]:
    """Return all that tells two arrays apart."""
    plain = np.asarray(array)
    return plain.dtype, plain.shape, plain.tobytes()


def made(dtype: Any, shape: tuple[int, ...], density: float, seed: int, values: str = "plain") -> Array:
    """Return an array, a part of whose elements are unlike zero: plain numbers, special ones, any bits, or few different ones."""
    chance, dtype, size = np.random.default_rng(seed), np.dtype(dtype), math.prod(shape)
    where = chance.choice(size, int(size * density), replace=False)
    count = 3 if values == "few" else len(where) + 1
    with np.errstate(all="ignore"):
        if dtype.kind in "?bU":
            pool = np.full(count, "x" if dtype.kind == "U" else 1, dtype)
        elif values == "special" and dtype.kind in "fc":
            pool = np.array(SPECIAL).astype(dtype)
        elif values == "plain" and dtype.kind in "iufc":
            pool = (chance.random(count) if dtype.kind in "fc" else chance.integers(1, 100, count)).astype(dtype)
        else:
            pool = np.frombuffer(chance.bytes(count * dtype.itemsize), dtype)
    array = np.zeros(size, dtype)
    array[where] = pool[chance.integers(0, len(pool), len(where))]
    return array.reshape(shape)


def outcome(compute: Callable[[], Any]) -> tuple[Any, ...]:
    """Return the bits of what is computed, all NaN alike, or the error."""
    try:
        found = np.array(compute())
    except (IndexError, TypeError) as error:
        return type(error), str(error)
    if found.dtype.kind in "fc":
        found[np.isnan(found)] = np.nan  # numpy itself gives this or that one, by the place of an element
    return bits(found)


def in_blocks(array: BeliefArray) -> bool:
    """Tell whether it is not held dense."""
    return isinstance(array._held, Blocks)


def blocks(array: BeliefArray) -> Blocks:
    """Return what is not held dense."""
    assert isinstance(array._held, Blocks)
    return array._held


def some_of(axes: int) -> list[tuple[int, ...]]:
    """Return every choice of axes."""
    return list(chain.from_iterable(combinations(range(axes), number) for number in range(axes + 1)))


@given(st.sampled_from(DTYPES), st.sampled_from(SHAPES), densities, seeds, st.sampled_from(["plain", "special", "any", "few"]))
@some
def test_round_trip(dtype: Any, shape: tuple[int, ...], density: float, seed: int, values: str) -> None:
    """Any array comes back with its dtype, its shape and every bit, also from a copy and from pickle, and is never held in more."""
    array = made(dtype, shape, density, seed, values)
    belief = BeliefArray(array)
    assert (belief.dtype, belief.shape, belief.ndim, belief.size) == (array.dtype, array.shape, array.ndim, array.size)
    for same in (belief, belief.copy(), copy.copy(belief), copy.deepcopy(belief), pickle.loads(pickle.dumps(belief))):  # noqa: S301 - its own
        assert bits(same) == bits(array)
    assert belief.nbytes <= array.nbytes


@given(npst.arrays(npst.scalar_dtypes() | npst.byte_string_dtypes(), npst.array_shapes(min_dims=0, max_side=9)), st.integers(0, 3))
@some
def test_order_of_the_given_array_does_not_matter(array: Array, how: int) -> None:
    """Fortran order, gaps, backwards and broadcast: the elements are the caller's, the order of memory is not."""
    wide = np.repeat(array.reshape(-1), 3)
    laid = (np.asfortranarray(array), wide[::3], np.flip(array.T), np.broadcast_to(array, (300, *array.shape)))[how]
    assert bits(BeliefArray(laid)) == bits(laid)


@pytest.mark.parametrize(
    ("array", "most"),
    [
        (np.full(WIDE, 1 / 4_312_500), 1500),
        (np.full(WIDE, -0.0), 1500),
        (np.full(WIDE, np.nan), 1500),
        (np.eye(2000), 10_000),
        (np.arange(10**6) / 2, 4_100_000),
        (np.arange(10**6) % 200 + 0.1, 1_100_000),
        (np.arange(10**6) % 3 == 0, 140_000),
        (np.repeat(np.arange(20.0), BLOCK), 2300),
    ],
    ids=["one number", "minus zero", "not a number", "identity", "halves", "few colours", "flags", "plateaus"],
)
def test_structure_is_found(array: Array, most: int) -> None:
    """What has few different bits, or fits a narrower type, is held in about what it tells."""
    belief = BeliefArray(array)
    assert belief.nbytes <= most
    assert bits(belief) == bits(array)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("density", [0.001, 0.01, 0.1])
def test_bytes_are_near_what_theory_asks(dtype: str, density: float) -> None:
    """At most 1.35 times the values and the logarithm of the ways to place them."""
    array = made(dtype, WIDE, density, 1)
    stored = int(np.count_nonzero(array))
    ways = (math.lgamma(array.size + 1) - math.lgamma(stored + 1) - math.lgamma(array.size - stored + 1)) / math.log(2)
    assert BeliefArray(array).nbytes <= 1.35 * (stored * array.itemsize + ways / 8)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_half_full_weighs_a_bit_and_its_values(dtype: str) -> None:
    """Blocks of many bytes are short enough for the allocator not to map whole pages for them; less than 0.3 % comes with all of it."""
    array = made(dtype, (3, 100, 1000), 0.5, 0)
    belief = BeliefArray(array)
    assert max(map(sys.getsizeof, blocks(belief).data)) < 1 << 17
    assert belief.nbytes <= 1.003 * (array.size / 8 + array.nbytes / 2)


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "?", "c16", "S3", "e"])
def test_every_scalar_is_numpys(dtype: str, density: float) -> None:
    """Each element that is stored, those beside it, and some that are not, in blocks that are whole and in the last: type and bits."""
    array = made(dtype, SHAPE, density, 3, "any" if dtype in {"f8", "f4"} else "plain")
    belief = BeliefArray(array)
    where = np.argwhere(array != np.zeros((), dtype))[:: max(1, int(array.size * density) // 300)]
    for at in (*where, *where - [0, 0, 1], *np.random.default_rng(4).integers(0, SHAPE, (100, 3))):
        for key in (tuple(map(int, at)), tuple(at)):
            got, wanted = belief[key], array[key]
            assert (type(got), bits(got)) == (type(wanted), bits(wanted)), key


def test_blocks_of_two_lengths_are_computed_together() -> None:
    """A sparse belief and a half full one, from either side and in place, whichever block is the longer one."""
    one, two = (made("f8", SHAPE, density, seed) for seed, density in enumerate((0.01, 0.5)))
    sparse, full = BeliefArray(one), BeliefArray(two)
    assert blocks(sparse).step != blocks(full).step
    assert bits(sparse + full) == bits(one + two)
    assert bits(full * sparse) == bits(two * one)
    sparse += full
    full *= BeliefArray(one)
    assert (bits(sparse), bits(full)) == (bits(one + two), bits(two * one))


Key = tuple[Any, ...]


@st.composite
def keys(draw: Callable[..., Any]) -> Key:
    """Return an index of SHAPE: numbers, slices, None, an ellipsis, arrays of numbers, or a mask."""
    if draw(st.integers(0, 5)) == 0:
        return (np.random.default_rng(draw(seeds)).random(SHAPE) < 0.01,)
    basic = draw(npst.basic_indices(SHAPE, allow_newaxis=True, max_dims=5))
    if draw(st.booleans()):
        return basic if isinstance(basic, tuple) else (basic,)
    parts = [draw(st.integers(-size, size - 1) | st.lists(st.integers(-size, size - 1), min_size=2, max_size=2)) for size in SHAPE]
    return tuple(np.array(part) if isinstance(part, list) else part for part in parts)[: draw(st.integers(1, 3))]


@given(st.sampled_from(("f8", "i2", ">i4", RECORD)), densities, seeds, keys())
@some
def test_index_reads_what_numpy_reads(dtype: Any, density: float, seed: int, key: Key) -> None:
    """Numbers, slices of any step, arrays and masks select the same elements, as a scalar or as an array."""
    array = made(dtype, SHAPE, density, seed)
    got, wanted = BeliefArray(array)[key], array[key]
    assert isinstance(got, np.ndarray) == isinstance(wanted, np.ndarray)
    assert bits(got) == bits(wanted)


@given(st.sampled_from(("f8", "i2", "?")), densities, seeds, keys(), st.booleans())
@some
def test_index_writes_what_numpy_writes(dtype: str, density: float, seed: int, key: Key, one: bool) -> None:  # noqa: FBT001 - by position
    """After an assignment of a number or of an array both are equal, a copy taken before is as it was, and nothing is held in more."""
    array = made(dtype, SHAPE, density, seed)
    belief = BeliefArray(array)
    before = belief.copy()
    dense = array.copy()
    value: Any = 3 if one else made(dtype, dense[key].shape, 0.5, seed + 1)
    dense[key] = value
    belief[key] = value
    assert bits(belief) == bits(dense)
    assert bits(before) == bits(array)
    assert belief.nbytes <= dense.nbytes


@pytest.mark.parametrize("key", [(3, 0, 0), (0, -61, 0), (0, 0, 0, 0), (slice(None), 1.5), (True, 0, 0)])
def test_wrong_index_is_refused_as_numpy_does(key: Key) -> None:
    """Numpy judges an index, with its own words."""
    array = made("f8", SHAPE, 0.01, 0)
    assert outcome(lambda: BeliefArray(array)[key]) == outcome(lambda: array[key])


FUNCTIONS = (np.multiply, np.add, np.subtract, np.divide, np.maximum, np.equal, np.less)


@given(st.sampled_from(NUMBERS), densities, seeds, st.sampled_from(FUNCTIONS), st.integers(0, 7), st.sampled_from(("plain", "special")))
@some
def test_functions_of_two_have_the_bits_of_numpy(
    dtype: str, density: float, seed: int, function: np.ufunc, which: int, values: str
) -> None:
    """With numbers, arrays that broadcast or not, zeros, signs, infinities, and other belief arrays; from either side and in place."""
    array = made(dtype, SHAPE, density, seed, values)
    belief: Any = BeliefArray(array)
    chance = np.random.default_rng(seed)
    others: tuple[Any, ...] = (
        0.3,
        2,
        chance.random(SHAPE),
        chance.random((3, 1, 1)),
        np.where(chance.random(SHAPE) < 0.001, -np.inf, 1.0),
        made(dtype, SHAPE[1:], 0.5, seed + 1),
        BeliefArray(made("f8", SHAPE, 0.01, seed + 1)),
        belief,
    )
    other = others[which]
    plain = np.array(other) if isinstance(other, BeliefArray) else other
    with np.errstate(all="ignore"):
        assert outcome(lambda: function(belief, other)) == outcome(lambda: function(array, plain))
        assert outcome(lambda: function(other, belief)) == outcome(lambda: function(plain, array))
        assert outcome(lambda: function(belief, other, out=belief)) == outcome(lambda: function(array, plain, out=array))
    assert belief.nbytes <= array.nbytes


@given(st.sampled_from(("f8", "f4")), densities, seeds, st.sampled_from((np.log, np.exp, np.sqrt, np.negative, np.isnan, np.signbit)))
@few
def test_functions_of_one_have_the_bits_of_numpy(dtype: str, density: float, seed: int, function: np.ufunc) -> None:
    """The fill is computed once, and every stored value."""
    array = made(dtype, SHAPE, density, seed, "special")
    with np.errstate(all="ignore"):
        assert bits(function(BeliefArray(array))) == bits(function(array))


def test_logarithm_of_zero_warns_as_numpy_does() -> None:
    """A zero that is nowhere stored is one all the same; where there is none, nobody is warned."""
    array = made("f8", SHAPE, 0.01, 0)
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in log"):
        np.log(BeliefArray(array))
    np.log(BeliefArray(np.full(SHAPE, 0.5)))


def test_error_halfway_leaves_all_as_it_was() -> None:
    """A division that numpy is told to raise for, in the second block, has changed nothing of another fill."""
    array = np.full(SHAPE, 2.0)
    array[2, 59, 499] = 0.0
    belief: Any = BeliefArray(array)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        np.divide(1.0, belief, out=belief)
    assert bits(belief) == bits(array)


@given(
    st.sampled_from(("f8", "f4", "c16", "i2", "?", "f2")),
    densities,
    seeds,
    st.sampled_from((SHAPE, (300, 1, 250), (7, 11_000), (9, 3, 9, 300))),
)
@few
def test_sums_have_the_bits_of_numpy(dtype: str, density: float, seed: int, shape: tuple[int, ...]) -> None:
    """Over every choice of axes, numbers are added in numpy's own order."""
    array = made(dtype, shape, density, seed)
    belief = BeliefArray(array)
    with np.errstate(over="ignore"):
        for axes in some_of(len(shape)):
            assert bits(np.sum(belief, axis=axes)) == bits(np.sum(array, axis=axes)), axes
        assert bits(belief.sum(-1, keepdims=True)) == bits(array.sum(-1, keepdims=True))
        assert bits(belief.sum()) == bits(array.sum())


@given(st.sampled_from(NUMBERS), densities, seeds, st.sampled_from(("plain", "special")))
@few
def test_highest_is_where_numpy_finds_it(dtype: str, density: float, seed: int, values: str) -> None:
    """The first of the highest, or the first that is no number."""
    array = made(dtype, SHAPE, density, seed, values)
    assert np.argmax(BeliefArray(array)) == BeliefArray(array).argmax() == array.argmax()


def test_bayesian_update_never_builds_the_dense_array() -> None:
    """Two steps of a filter, in place, have numpy's bits and need little more than one block beside what is held."""
    dense, likelihood = made("f8", WIDE, 0.01, 0), np.random.default_rng(1).random(WIDE)
    rooms = np.random.default_rng(2).random((69, 1, 1))
    tracemalloc.start()
    belief = BeliefArray(dense)
    rest, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    belief *= likelihood
    belief /= belief.sum()
    belief *= rooms
    belief /= belief.sum()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - rest < 1.5 * BLOCK * 8
    for each in (likelihood, rooms):
        dense *= each
        dense /= dense.sum()
    assert in_blocks(belief)
    assert bits(belief) == bits(dense)


def near(got: Any, wanted: Any, most: Any) -> bool:
    """Tell whether a product is as near to numpy's as rounding allows: n * eps * sum(|x| * |y|) for either of them."""
    found, exact = np.asarray(got), np.asarray(wanted)
    assert (found.dtype, found.shape) == (exact.dtype, exact.shape)
    return bool(np.all(np.abs(found - exact) <= 2 * max(SHAPE) * np.finfo(exact.dtype).eps * most + 5e-324))


PRODUCTS: dict[str, Callable[[Any, list[Any]], Any]] = {
    "vector": lambda a, v: a @ v[2],
    "matrix": lambda a, v: np.dot(a, np.outer(v[2], v[0])),
    "vector before": lambda a, v: np.dot(v[0], a.reshape(3, -1) if isinstance(a, np.ndarray) else BeliefArray(a.reshape(3, -1))),
    "matrix before": lambda a, v: np.outer(v[1], v[0]) @ (a.reshape(3, -1) if isinstance(a, np.ndarray) else BeliefArray(a.reshape(3, -1))),
    "first axis": lambda a, v: np.tensordot(v[0], a, (0, 0)),
    "middle axis": lambda a, v: np.tensordot(a, np.outer(v[1], v[0]), ([1], [0])),
    "two axes": lambda a, v: np.tensordot(a, np.outer(v[2], v[0]), ([2, 0], [0, 1])),
    "letters": lambda a, v: np.einsum("rpg,g->rp", a, v[2]),
    "letters that are summed alone": lambda a, v: np.einsum("rpg,r->g", a, v[0]),
    "several vectors": lambda a, v: np.einsum("rpg,p,g->r", a, v[1], v[2]),
    "letters in another order": lambda a, v: np.einsum("p,rpg->gr", v[1], a),
    "no output named": lambda a, v: np.einsum("rpg,p", a, v[1]),
    "numbers for letters": lambda a, v: np.einsum(a, [0, 1, 2], v[1], [1], [2, 0]),
    "letters that stay": lambda a, v: np.einsum("rpg,g->rpg", a, v[2]),
}


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("density", [0.005, 0.05, 0.5])
def test_products_are_numpys_up_to_rounding(name: str, dtype: str, density: float) -> None:
    """Dot, matmul, tensordot and einsum, along any axes and from either side."""
    array = made(dtype, SHAPE, density, 1)
    vectors = [np.random.default_rng(2).standard_normal(size).astype(dtype) for size in SHAPE]
    product = PRODUCTS[name]
    most = product(np.abs(array), [np.abs(vector) for vector in vectors])
    assert near(product(BeliefArray(array), vectors), product(array, vectors), most)


def test_zero_times_what_is_not_finite_is_not_lost() -> None:
    """A product with an infinity is what numpy makes of all the zeros beside it: not a number."""
    array, vector = made("f8", SHAPE, 0.01, 0), np.ones(500)
    vector[7] = np.inf
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(BeliefArray(array) @ vector, array @ vector)


@pytest.mark.parametrize("density", [0.01, 1.0])
def test_all_else_is_numpys_on_a_dense_copy(density: float) -> None:
    """Functions and methods that have no way of their own give what numpy gives; those that change an array in place raise."""
    array = made("f8", SHAPE, density, 0)
    belief: Any = BeliefArray(array)
    assert bits(np.concatenate([belief, belief])) == bits(np.concatenate([array, array]))
    assert bits(np.where(belief > 0.5, belief, 0)) == bits(np.where(array > 0.5, array, 0))
    assert bits(belief.T) == bits(array.T)
    assert bits(belief.mean(axis=0)) == bits(array.mean(axis=0))
    assert bits(np.multiply.outer(belief[0, 0], [1.0, 2.0])) == bits(np.multiply.outer(array[0, 0], [1.0, 2.0]))
    assert bits(np.modf(belief)[1]) == bits(np.modf(array)[1])
    assert (belief.argmax(axis=2) == array.argmax(axis=2)).all()
    assert array.max() in belief
    assert len(belief) == 3
    assert [bits(row) for row in belief] == [bits(row) for row in array]
    changes: list[Callable[[], Any]] = [belief.sort, lambda: belief.fill(1), lambda: np.copyto(belief, 1), lambda: np.add.at(belief, 0, 1)]
    for change in changes:
        with pytest.raises(ValueError, match="read-only"):
            change()
    with pytest.raises(ValueError, match="truth value"):
        bool(belief)
    assert bits(belief) == bits(array)


def test_result_may_go_into_a_belief_array() -> None:
    """`out=` takes one, also where the function has no way of its own, or only a part of it is written."""
    array, mask = made("f8", SHAPE, 0.01, 0), made("?", SHAPE, 0.3, 1)
    belief, dense = BeliefArray(array), array.copy()
    outs: tuple[Any, ...] = belief, dense
    for out in outs:
        assert np.add(array, 1.0, out=out, where=mask) is out
    assert bits(belief) == bits(dense)


@pytest.mark.parametrize("density", [0.01, 1.0])
def test_there_are_no_views(density: float) -> None:
    """What would be a view in numpy is read-only, and what would be a copy can be written to; neither writes through."""
    array = made("f8", SHAPE, density, 0)
    belief = BeliefArray(array)
    for part in (belief[0], belief[:, 1:3], np.asarray(belief)):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 5
    for part in (belief[[0, 1]], np.array(belief)):
        part[0] = 5
    assert bits(belief) == bits(array)
    if density < 1:
        with pytest.raises(ValueError, match=r"let it be made: numpy\.asarray"):
            belief.__array__(copy=False)


def test_new_element_costs_one_block() -> None:
    """All other blocks are the very objects that they were, in the array and in its copy."""
    belief = BeliefArray(made("f8", WIDE, 0.01, 0))
    other = belief.copy()
    where = tuple(int(each[0]) for each in np.nonzero(np.asarray(belief) == 0))
    belief[where] = 0.5
    pairs = list(zip(belief._held.data, other._held.data, strict=True))
    assert sum(one is not two for one, two in pairs) == 1
    assert (belief[where], other[where]) == (0.5, 0.0)


def test_state_at_the_border_does_not_go_to_and_fro() -> None:
    """Blocks give way when they outgrow the dense array; that comes back in blocks only when these are clearly smaller."""
    size = 2 * BLOCK
    belief = BeliefArray(np.where(np.arange(size) % 20 == 0, 0.0, np.random.default_rng(0).random(size)))
    assert in_blocks(belief)
    belief[:] = np.random.default_rng(1).random(size)
    assert not in_blocks(belief)
    seen = []
    for share in (0.05, 0.08, 0.05, 0.5):
        belief *= np.arange(size) % 100 >= share * 100
        seen.append(in_blocks(belief))
    assert seen == [False, False, False, True]


def test_scipy_gets_what_is_stored() -> None:
    """Of two axes in rows, of others in coordinates; a fill that is not zero is refused."""
    array = made("f8", (300, 500), 0.01, 0)
    array[3, 4] = -0.0
    belief = BeliefArray(array)
    assert belief.to_scipy().format == "csr"
    assert belief.to_scipy().nnz == np.count_nonzero(array) + 1
    np.testing.assert_array_equal(belief.to_scipy().toarray(), array)
    assert np.signbit(belief.to_scipy().data).sum() == 1
    assert BeliefArray(made("f8", (9, 9), 0.5, 0)).to_scipy().nnz == 40
    with pytest.raises(ValueError, match=r"most elements are 0\.5, and scipy leaves out nothing but zeros"):
        BeliefArray(np.full((300, 300), 0.5)).to_scipy()


@pytest.mark.parametrize("array", [np.array([None]), np.zeros(1, [("a", "i4"), ("b", "O")])], ids=["objects", "objects in records"])
def test_addresses_are_refused(array: Array) -> None:
    """The bits of a Python object are its address."""
    with pytest.raises(TypeError, match="only plain numbers can be held by their bits"):
        BeliefArray(array)


def test_arrays_that_mean_more_are_refused() -> None:
    """A mask is not among the elements; it is never lost in silence."""
    with pytest.raises(TypeError, match=r"a MaskedArray means more than its bytes; give its plain array: numpy\.asarray"):
        BeliefArray(np.ma.masked_array([1, 2], mask=[True, False]))


def test_blocks_of_another_byte_order_are_refused() -> None:
    """Bytes of a machine that counts them the other way are not taken for numbers."""
    shape, dtype, order, fill, data = BeliefArray(made("f8", SHAPE, 0.01, 0)).__getstate__()
    other = {"little": "big", "big": "little"}[order]
    with pytest.raises(ValueError, match=f"pickled on a {other}-endian machine"):
        BeliefArray.__new__(BeliefArray).__setstate__((shape, dtype, other, fill, data))


WEIGHED = """
import gc, json
import numpy as np
from gate.probe.meters import Meters
from gate.remedies.sparse import BeliefArray
from tests.test_sparse import SHAPE, made

meters, found = Meters(), []
gc.disable()
for dtype in ("f8", "i2", "S3"):
    for shape in ((), (7,), (600,), SHAPE):
        for density in (0.0, 0.07, 0.95):
            array, sizes = made(dtype, shape, density, 0, "any"), []
            times = 60 if array.nbytes < 20_000 else 4  # for numpy keeps some small blocks for later
            for take in (np.array, BeliefArray):
                held = [take(array) for _ in range(times)]
                before = meters.heap()
                held += [take(array) for _ in range(times)]
                sizes.append((meters.heap() - before) / times)
                del held
            found.append((dtype, shape, density, *sizes))
print(json.dumps(found))
"""


@pytest.mark.skipif(not EXACT, reason="the heap meter is exact on Linux with glibc only")
def test_heap_meter_finds_no_more_than_the_dense_array() -> None:
    """For every shape and density of some dtypes the gate's own meter reads at most 256 B above what numpy's copy takes."""
    environment = {**os.environ, "PYTHONMALLOC": "malloc", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", WEIGHED], env=environment, capture_output=True, text=True, check=True)
    weighed = json.loads(ran.stdout)
    assert len(weighed) == 36
    assert [row for row in weighed if row[4] > row[3] + 256] == []


def build() -> BeliefArray:
    """Build one belief."""
    return BeliefArray(made("f8", (2, BLOCK), 0.01, 0))


def step(belief: BeliefArray) -> None:
    """Use it as an agent does."""
    belief *= np.full(BLOCK, 0.5)
    belief[0, 7] = 1.0
    belief /= belief.sum()


@pytest.mark.skipif(not EXACT, reason="the heap meter is exact on Linux with glibc only")
def test_gate_finds_no_leak() -> None:
    """Beliefs that are built, used and dropped leave nothing."""
    found = measure.churn(step, setup=build, root=ROOT, seconds=1)
    assert found.outcome is not Outcome.FAILED, found
