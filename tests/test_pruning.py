"""Pruning: the bound holds in exact arithmetic, what is told is what happened, and a filter stays as near as is said."""

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from gate.remedies.pruning import Pruned, prune, track
from tests.bench import pruning as bench

SMALLEST = 5e-324
BELIEFS = npst.arrays(
    st.sampled_from([np.float32, np.float64]),
    npst.array_shapes(max_dims=3, max_side=5),
    elements=st.floats(0, 2.0**100, width=32) | st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0, 1.0, 2.0**-149]),
).filter(lambda belief: bool(belief.any()))


def exact(belief: NDArray[Any]) -> list[Fraction]:
    """Return a belief as shares that sum to 1 without rounding."""
    entries = [Fraction(float(entry)) for entry in belief.flat]
    total = sum(entries)
    return [entry / total for entry in entries]


def dropped(p: NDArray[Any], q: NDArray[Any]) -> list[int]:
    """Return the possible states that became impossible."""
    return [state for state, (before, after) in enumerate(zip(p.flat, q.flat, strict=True)) if before and not after]


@given(BELIEFS, st.floats(0, 1, exclude_max=True) | st.sampled_from([0.0, 0.125, 0.25, 0.5]))
@settings(deadline=None, max_examples=100)
def test_bound_is_never_exceeded_and_used_up(belief: NDArray[Any], lose: float) -> None:
    """In exact arithmetic no more goes than may go, no further state could go, and all that is told is right."""
    pruned, told = prune(belief, lose=lose)
    assert (pruned.shape, pruned.dtype) == (belief.shape, belief.dtype)
    p, gone = exact(belief), dropped(belief, pruned)
    lost = sum((p[state] for state in gone), Fraction(0))
    assert lost <= Fraction(lose)
    assert lost + min(share for state, share in enumerate(p) if share and state not in gone) > Fraction(lose)
    assert told.lost == float(lost) <= lose
    assert told.kept == np.count_nonzero(pruned)
    near(belief, pruned, told)


@given(BELIEFS, st.integers(1, 30))
@settings(deadline=None, max_examples=50)
def test_the_most_likely_states_are_kept(belief: NDArray[Any], keep: int) -> None:
    """No state that goes is likelier than one that stays; of equal ones the first stays."""
    pruned, told = prune(belief, keep=keep)
    p = exact(belief)
    order = sorted(range(belief.size), key=lambda state: (-float(belief.flat[state]), state))
    possible = [state for state in order if belief.flat[state]]
    assert np.flatnonzero(pruned).tolist() == sorted(possible[:keep])
    assert told.lost == float(sum((p[state] for state in possible[keep:]), Fraction(0)))
    near(belief, pruned, told)


def near(belief: NDArray[Any], pruned: NDArray[Any], told: Pruned) -> None:
    """Compare L1 and both divergences with what the definition gives for the returned array, which is rounded to its dtype."""
    p, q = exact(belief), [Fraction(float(entry)) for entry in pruned.flat]
    rounding = 4 * float(np.finfo(pruned.dtype).eps) * len(p)
    assert float(abs(sum(q) - 1)) <= rounding
    assert float(sum(abs(one - two) for one, two in zip(p, q, strict=True))) == pytest.approx(told.l1, abs=rounding)
    backward = sum(float(two) * (log(two) - log(one)) for one, two in zip(p, q, strict=True) if two)
    assert backward == pytest.approx(told.kl_backward, abs=rounding * 800)
    assert told.kl_forward == (math.inf if dropped(belief, pruned) else 0.0)


def log(share: Fraction) -> float:
    """Return the logarithm of a share that may be smaller than any float."""
    return math.log(share.numerator) - math.log(share.denominator)


@given(BELIEFS, st.floats(0, 0.9), st.sampled_from([1e-6, 0.01, 0.5]))
@settings(deadline=None, max_examples=40)
def test_floor_makes_every_state_possible(belief: NDArray[Any], lose: float, floor: float) -> None:
    """With a floor nothing is impossible, the forward divergence is finite, and what is told is what the definition gives."""
    pruned, told = prune(belief, lose=lose, floor=floor)
    p, q = exact(belief), [Fraction(float(entry)) for entry in pruned.flat]
    rounding = 8 * float(np.finfo(pruned.dtype).eps) * len(p)
    assert float(min(q)) >= floor / len(q) * (1 - rounding)
    assert float(sum(abs(one - two) for one, two in zip(p, q, strict=True))) == pytest.approx(told.l1, abs=rounding)
    forward = sum(float(one) * (log(one) - log(two)) for one, two in zip(p, q, strict=True) if one)
    assert told.kl_forward == pytest.approx(forward, abs=rounding * 800)
    assert (told.kl_backward == math.inf) == (not all(p))


def test_bounds_hold_together() -> None:
    """A threshold lets fewer go than the mass does; a number of states that would lose too much is refused."""
    belief = [0.4, 0.3, 0.2, 0.06, 0.04]
    assert prune(belief, lose=0.35)[1].kept == 2
    assert prune(belief, lose=0.35, below=0.1)[1].kept == 3
    assert prune(belief, lose=0.05, below=0.5)[1].kept == 4
    assert prune(belief, lose=0.35, keep=2)[1].kept == 2
    with pytest.raises(ValueError, match=r"keep=1, but 2 states must stay to lose no more than 0\.35; allow more states or more loss"):
        prune(belief, lose=0.35, keep=1)


def test_large_belief_is_summed_without_rounding() -> None:
    """A bound that 300,000 equal states meet to the last one is met to the last one, and one unit less is not."""
    belief = np.full(300_000, 0.1)
    assert prune(belief, lose=0.25)[1].kept == 225_000
    assert prune(belief, lose=math.nextafter(0.25, 0))[1].kept == 225_001


@pytest.mark.parametrize("entries", [[SMALLEST, SMALLEST], [1e308, 7e307], [1.0, SMALLEST], [1e300, 1e-300]])
def test_extreme_numbers(entries: list[float]) -> None:
    """The smallest and the largest numbers are shares like others; what may not be lost is not lost to rounding."""
    pruned, told = prune(entries, lose=0)
    assert pruned.all()
    assert (told.lost, told.l1, told.kl_forward, told.kl_backward) == (0, 0, 0, 0)


def test_said_in_one_line() -> None:
    """Which divergence is infinite, and why, is said."""
    assert str(prune([0.75, 0.25], lose=0.25)[1]) == (
        "lost 0.25 of the mass, 1 states kept, L1 0.5, KL(p||q) infinite: q excludes what p does not, KL(q||p) 0.287682"
    )
    assert str(prune([1.0, 0.0], lose=0, floor=0.5)[1]) == (
        "lost 0 of the mass, 1 states kept, L1 0.5, KL(p||q) 0.287682, KL(q||p) infinite: p excludes what q does not"
    )


class Holder:
    """Hold a belief in some other form."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: FBT001 - numpy calls it so
        """Return it as an array."""
        del copy
        return np.array([[0.5, 0.5], [0.0, 0.0]], dtype or np.float32)


def test_whatever_numpy_reads_is_a_belief() -> None:
    """A structure that holds a belief compressed is pruned as the array that it stands for."""
    pruned, _ = prune(Holder(), keep=1)
    assert pruned.dtype == np.float32
    assert pruned.tolist() == [[1, 0], [0, 0]]


def test_belief_itself_is_left_alone() -> None:
    """Nothing is changed in place, and what is read-only is read."""
    belief = np.array([0.5, 0.5])
    belief.flags.writeable = False
    pruned, _ = prune(belief, lose=0)
    assert not np.shares_memory(belief, pruned)
    pruned[0] = 1


WRONG: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "negative": ([0.5, -0.5], {"lose": 0}, ValueError, r"mass 0\.0 and least entry -0\.5; give finite entries"),
    "not a number": ([0.5, math.nan], {"lose": 0}, ValueError, "mass nan and least entry nan"),
    "infinite": ([0.5, math.inf], {"lose": 0}, ValueError, "mass inf"),
    "too much": ([1.7e308, 1.7e308], {"lose": 0}, ValueError, "mass inf"),
    "all zero": ([0.0, 0.0], {"lose": 0}, ValueError, "a belief with no mass"),
    "empty": (np.zeros(0), {"lose": 0}, ValueError, "a belief with no mass"),
    "counts": ([1, 2], {"lose": 0}, TypeError, "a belief of dtype int64; give float32 or float64"),
    "no bound": ([1.0], {}, ValueError, "nothing bounds what is lost; give lose="),
    "a threshold alone": ([1.0], {"below": 0.1, "keep": 3}, ValueError, r"below=0\.1 alone bounds nothing.*give lose="),
    "all may go": ([1.0], {"lose": 1}, ValueError, "lose=1 is no share of the mass; give 0 <= lose < 1"),
    "no share": ([1.0], {"lose": math.nan}, ValueError, "lose=nan is no share"),
    "nothing kept": ([1.0], {"keep": 0}, ValueError, "keep=0 keeps nothing"),
    "only floor": ([1.0], {"lose": 0, "floor": 1}, ValueError, "floor=1 is no share"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_one_clear_error(case: str) -> None:
    """What is no belief, and what bounds nothing, is refused with what was found and what to give."""
    belief, bounds, kind, says = WRONG[case]
    with pytest.raises(kind, match=says):
        prune(belief, **bounds)


def sequences(seed: int, lose: float, floor: float) -> Iterator[tuple[float, float, float]]:
    """Filter all sequences of four observations of a small random model: how likely each is, the largest L1, the last."""
    chance = np.random.default_rng(seed)
    moves, sees = chance.dirichlet(np.full(5, 0.3), 5), chance.dirichlet(np.full(3, 0.5), 5)
    start = chance.dirichlet(np.full(5, 0.5))
    for seen in itertools.product(range(3), repeat=4):
        weight, pruned, tracked, off = start, start, track(lose=lose, floor=floor), [0.0]
        for observation in seen:
            weight = weight @ moves * sees[:, observation]
            pruned = tracked.prune(pruned @ moves * sees[:, observation])
            off.append(float(np.abs(weight / weight.sum() - pruned).sum()))
        yield float(weight.sum()), max(off), off[-1]


@pytest.mark.parametrize("floor", [0.0, 0.001, 0.05])
@pytest.mark.parametrize("lose", [0.02, 0.1, 0.3])
def test_bound_of_the_mean_holds_over_all_observations(lose: float, floor: float) -> None:
    """Summed over every sequence that a small model can show, the mean L1 keeps the bound, and without a floor so does its largest."""
    for seed in range(2):
        tracked = track(lose=lose, floor=floor)
        for _ in range(4):
            tracked.prune([1.0])
        told = list(sequences(seed, lose, floor))
        assert sum(chance for chance, _, _ in told) == pytest.approx(1)
        assert sum(chance * last for chance, _, last in told) <= tracked.bound
        for rare in (0.5, 0.2) if not floor else ():
            assert sum(chance for chance, most, _ in told if most >= tracked.bound / rare) <= rare


def test_bound_of_the_mean_is_none_of_a_sequence() -> None:
    """What favours a dropped state takes the pruned belief as far away as can be: honest means say so."""
    tracked, sees = track(lose=0.002), np.array([1e-6, 1.0])
    start = np.array([0.999, 0.001])
    pruned, weight = tracked.prune(start) * sees, start * sees
    assert tracked.bound == pytest.approx(0.004)
    assert np.abs(weight / weight.sum() - pruned / pruned.sum()).sum() > 1.99


def test_bound_adds_up() -> None:
    """The bound grows with each pruning from nothing to 2, at which it bounds nothing, and counts no pruning that may lose nothing."""
    tracked, bounds = track(lose=0.1), []
    for _ in range(400):
        tracked.prune([0.5, 0.5])
        bounds.append(tracked.bound)
    assert bounds[:2] == [pytest.approx(0.2), pytest.approx(0.38)]
    assert bounds == sorted(bounds)
    assert bounds[-1] == pytest.approx(2)
    assert tracked.steps == 400
    lossless = track(lose=0)
    lossless.prune([0.5, 0.5])
    assert lossless.bound == 0


def test_filter_stays_as_near_as_is_said() -> None:
    """64x64 cells, 400 steps, the exact filter beside it: far below the bound of the mean, with few cells."""
    steps = list(bench.beside(1, track(lose=1e-4)))
    assert np.mean([step.l1 for step in steps]) < steps[-1].bound / 10
    assert max(step.l1 for step in steps) < 0.1
    assert np.mean([step.kept for step in steps]) < 64 * 64 / 10
    assert steps[-1].bound == pytest.approx(2 * (1 - (1 - 1e-4) ** 400))


@pytest.mark.parametrize(("floor", "finds"), [(0.0, False), (1e-4, False), (0.01, True)])
def test_pruned_state_comes_back_only_by_a_floor_that_one_update_lifts(floor: float, finds: bool) -> None:  # noqa: FBT001 - a parameter
    """Where nothing moves, a dropped state is gone whatever is seen, also with a floor that an update lifts to less than may be lost."""
    sees = np.array([0.1, 0.9])
    tracked = track(lose=0.01, floor=floor)
    belief = tracked.prune([0.999, 0.001])
    for _ in range(20):
        belief = tracked.prune(belief * sees)
    assert (belief[1] > 0.9) == finds
