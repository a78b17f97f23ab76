"""Beliefs without their unlikely states: what is lost is told exactly, and a bound that was given is never exceeded."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Belief = NDArray[Any]  # float32 or float64
_PIECE = 1 << 16  # numbers summed at a time: the sums of their halves stay below 2**63
_HALF = 27  # bits of the low half of a significand
_UNIT = 1126  # sums are whole multiples of 2**-1126: the lowest bit of the smallest float64 as frexp tells it


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """What tells a belief p from the pruned q. Without a floor these are exact but for the rounding of q to its dtype."""

    lost: float  # share of the mass of p that lay on dropped states
    kept: int  # states that are neither dropped nor impossible, before a floor
    l1: float  # sum of |p - q|, at most 2; without a floor 2 * lost
    kl_forward: float  # KL(p || q) in nats: infinite without a floor as soon as anything possible is dropped
    kl_backward: float  # KL(q || p) in nats: without a floor -ln(1 - lost); infinite when a floor makes possible what p excludes

    def __str__(self) -> str:
        """Say it in one line, and which divergence is infinite and why."""
        forward = "infinite: q excludes what p does not" if self.kl_forward == math.inf else f"{self.kl_forward:.6g}"
        backward = "infinite: p excludes what q does not" if self.kl_backward == math.inf else f"{self.kl_backward:.6g}"
        return f"lost {self.lost:.6g} of the mass, {self.kept:,} states kept, L1 {self.l1:.6g}, KL(p||q) {forward}, KL(q||p) {backward}"


def prune(
    belief: ArrayLike, *, lose: float | None = None, keep: int | None = None, below: float | None = None, floor: float = 0.0
) -> tuple[Belief, Pruned]:
    """Drop the least likely states of a belief and normalise the rest; return it in its shape and dtype, and what that changed.

    `lose` is the share of the mass that may go, 0 <= lose < 1: as many states go as it allows, decided in exact arithmetic. `keep` is
    how many states may stay. With both, both hold. `below` lets only states go whose own share is less; alone it would bound nothing.
    Of equal states the last goes first. `floor` then moves this share of all mass to a uniform belief, so that no state is impossible.

    Any shape; the mass may be anything but 0. Needs about four times the dense bytes for the time of the call, six for float32. Raises
    TypeError for other dtypes, ValueError for negative or infinite mass, none, NaN, and bounds that are missing or cannot all hold.

    >>> belief, told = prune([0.5, 0.25, 0.125, 0.125], lose=0.125)
    >>> belief.round(4).tolist()
    [0.5714, 0.2857, 0.1429, 0.0]
    >>> print(told)
    lost 0.125 of the mass, 3 states kept, L1 0.25, KL(p||q) infinite: q excludes what p does not, KL(q||p) 0.133531
    """
    array = _checked(belief)
    _check_bounds(lose, keep, below, floor)
    flat = array.reshape(-1)
    # From the end, so that a stable order puts the last of equal states first.
    states = np.flatnonzero(flat)[::-1]
    states = states[np.argsort(flat[states], kind="stable")]
    ascending = flat[states].astype(np.float64)
    total = _exact(ascending)
    drop, dropped = _cut(ascending, total, lose, keep, below)
    rest = ascending[drop:] / ((total - dropped) / 2**_UNIT)
    pruned = np.zeros(flat.shape, array.dtype)
    # What is kept stays possible, also where its share is less than the smallest number.
    pruned[states[drop:]] = np.maximum(rest.astype(array.dtype), np.finfo(array.dtype).smallest_subnormal)
    told = _told(dropped, total, len(rest))
    if floor:
        pruned *= array.dtype.type(1 - floor)
        pruned += array.dtype.type(floor / flat.size)
        told = _compared(flat, total / 2**_UNIT, pruned, told)
    return pruned.reshape(array.shape), told


class Track:
    """Prune the belief of a filter after each update, and bound what all prunings together have changed.

    Let p be the exact filter and q the pruned one, both on observations that come from the model which they use. Without a floor, the
    weights of q before normalising are a part of the joint mass P(state, observations), and each step keeps at least 1 - lose of it.
    So after t steps the mean of |p - q|_1 over the observations is at most 2 (1 - (1 - lose)**t), and by Doob's inequality |p - q|_1
    reaches 1/r of that bound at any step up to t with a probability of at most r. With a floor, the part that p and q have in common
    falls to (1 - floor) (part - lose) at a step, the observations differ as well, and the mean is at most 4 (1 - part).

    This is a mean. No such bound holds for one sequence of observations: what favours a dropped state makes |p - q|_1 as large as 2.
    Nor does any hold when the model is wrong: what was dropped then comes back only as fast as the model moves mass there, or by the
    floor. Filters that forget do far better than the bound (Boyen and Koller, Tractable inference for complex stochastic processes,
    UAI 1998). `python -m tests.bench.pruning` follows a walker on 64 x 64 cells for 400 steps, five times, and prints

        observations from the model
            lose   floor  cells kept    L1 mean    L1 most    L1 last  bound of its mean
            0.01       0          59       0.11       0.54       0.13                  2
           0.001       0          98      0.014       0.15      0.016               0.66
           0.001   1e-06          99      0.014       0.15      0.016                1.6
          0.0001       0         135     0.0017      0.038     0.0017              0.078

        the one who is tracked is carried half across the world at step 200: steps until the filter follows again
            lose   floor       exact     pruned    slowest
           0.001       0        26.6       67.8         91
           0.001   1e-06        26.6        1.0          1

    and more. A floor of 1e-6 costs nothing here while the model holds and finds again who was lost; one of 0.001 costs more than pruning.
    It finds what one update lifts from floor / states to more than `lose`; what stays below is dropped again at each step.
    """

    def __init__(self, *, lose: float, floor: float = 0.0) -> None:
        """Begin with nothing pruned; `lose` and `floor` are those of `prune`."""
        _check_bounds(lose, None, None, floor)
        self.lose, self.floor = lose, floor
        self.steps = 0  # prunings so far
        self._common = 1.0  # mass that p and q have in common at the least
        self.last: Pruned | None = None  # what the last pruning changed

    def prune(self, belief: ArrayLike) -> Belief:
        """Return the belief pruned, and add its bound."""
        pruned, self.last = prune(belief, lose=self.lose, floor=self.floor)
        self.steps += 1
        common = self._common - self.lose if self.floor else self._common * (1 - self.lose)
        self._common = max(0.0, (1 - self.floor) * common)
        return pruned

    @property
    def bound(self) -> float:
        """Return what the mean of |p - q|_1 over the observations is at most: from 0, exact, to 2, no bound."""
        return min(2.0, (4 if self.floor else 2) * (1 - self._common))


def track(*, lose: float, floor: float = 0.0) -> Track:
    """Return what prunes the belief of a filter after each update and keeps the bound of all that it pruned.

    >>> filter = track(lose=0.001)
    >>> belief = [0.9, 0.0996, 0.0004]
    >>> for _ in range(2):
    ...     belief = filter.prune(belief)
    >>> round(filter.bound, 6)
    0.003998
    """
    return Track(lose=lose, floor=floor)


def _checked(belief: ArrayLike) -> Belief:
    array = np.asarray(belief)
    if array.dtype.type not in {np.float32, np.float64}:
        message = f"a belief of dtype {array.dtype}; give float32 or float64"
        raise TypeError(message)
    with np.errstate(over="ignore", invalid="ignore"):
        least, total = (array.min(), array.sum(dtype=np.float64)) if array.size else (0.0, 0.0)
    if not (least >= 0 and 0 < total < math.inf):
        found = "no mass" if total == least == 0 else f"mass {total} and least entry {least}"
        message = f"a belief with {found}; give finite entries of at least 0 that are not all 0"
        raise ValueError(message)
    return array


def _check_bounds(lose: float | None, keep: int | None, below: float | None, floor: float) -> None:
    message = ""
    if lose is None and keep is None:
        message = "nothing bounds what is lost; give lose=1e-3, a share of the mass, or keep=100, a number of states"
    if below is not None and lose is None:
        message = f"below={below} alone bounds nothing, because many unlikely states may hold most of the mass; give lose=, too"
    if lose is not None and not 0 <= lose < 1:
        message = f"lose={lose} is no share of the mass; give 0 <= lose < 1"
    if keep is not None and keep < 1:
        message = f"keep={keep} keeps nothing; give 1 or more"
    if not 0 <= floor < 1:
        message = f"floor={floor} is no share of the mass; give 0 <= floor < 1"
    if message:
        raise ValueError(message)


def _cut(ascending: NDArray[np.float64], total: int, lose: float | None, keep: int | None, below: float | None) -> tuple[int, int]:
    """Return how many of the least likely states go, and their mass."""
    number = len(ascending)
    if lose is None:
        drop = max(0, number - (keep or 0))
        return drop, _exact(ascending[:drop])
    most, parts = lose.as_integer_ratio()
    share = ascending.sum()
    may = number if below is None else int(np.searchsorted(ascending, below * share))
    drop = min(may, int(np.searchsorted(np.cumsum(ascending), lose * share, "right")))
    dropped = _exact(ascending[:drop])
    while dropped * parts > total * most:  # the sums that led here are rounded
        drop -= 1
        dropped -= _exact(ascending[drop : drop + 1])
    while drop < may and (more := dropped + _exact(ascending[drop : drop + 1])) * parts <= total * most:
        drop, dropped = drop + 1, more
    if keep is not None and number - drop > keep:
        message = f"keep={keep}, but {number - drop:,} states must stay to lose no more than {lose}; allow more states or more loss"
        raise ValueError(message)
    return drop, dropped


def _exact(ascending: NDArray[np.float64]) -> int:
    """Sum without rounding, in units of 2**-1126."""
    total = 0
    for at in range(0, len(ascending), _PIECE):
        parts, exponents = np.frexp(ascending[at : at + _PIECE])
        whole = np.ldexp(parts, 53).astype(np.int64)
        runs = np.flatnonzero(np.diff(exponents, prepend=exponents[0] - 1))  # in order, so equal exponents stand together
        high, low = np.add.reduceat(whole >> _HALF, runs), np.add.reduceat(whole & ((1 << _HALF) - 1), runs)
        for top, bottom, exponent in zip(high.tolist(), low.tolist(), exponents[runs].tolist(), strict=True):
            total += ((top << _HALF) + bottom) << (exponent - 53 + _UNIT)
    return total


def _told(dropped: int, total: int, kept: int) -> Pruned:
    lost, rest = dropped / total, (total - dropped) / total  # division of whole numbers rounds once
    backward = -math.log(rest) if lost > rest else -math.log1p(-lost)
    return Pruned(lost=lost, kept=kept, l1=2 * lost, kl_forward=math.inf if dropped else 0.0, kl_backward=backward)


def _compared(flat: Belief, mass: float, pruned: Belief, told: Pruned) -> Pruned:
    """Compare entry by entry, in pieces, with a belief that a floor has changed."""
    l1 = forward = backward = 0.0
    for at in range(0, len(flat), _PIECE):
        p, q = flat[at : at + _PIECE].astype(np.float64) / mass, pruned[at : at + _PIECE].astype(np.float64)
        l1 += float(np.abs(p - q).sum())
        forward += _divergence(p, q)
        backward += _divergence(q, p)
    return replace(told, l1=l1, kl_forward=max(0.0, forward), kl_backward=max(0.0, backward))


def _divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Return the part of KL(p || q) in nats that is in these entries."""
    possible = p > 0
    p, q = p[possible], q[possible]
    return float(np.sum(p * (np.log(p) - np.log(q)))) if q.all() else math.inf
