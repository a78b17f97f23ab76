"""Print what pruning costs a Bayes filter: 64 x 64 cells, 400 steps, the exact filter beside it on the same observations."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from gate.remedies.pruning import Track, track

SIDE, STEPS, SEEDS = 64, 400, 5
JUMP = 200  # step at which one who is tracked is carried off, in the second table
_MOVES = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))  # on a torus, equally likely
_SPREAD = 4.0  # cells: standard deviation of each of the two readings, of row and of column
_TRUST = 0.99  # otherwise a reading is any of the rows or columns
_NEAR = 8  # cells between the most likely cell and the true one of a filter that follows
_SETTINGS = [(lose, floor) for lose in (1e-2, 1e-3, 1e-4) for floor in (0.0, 1e-6, 1e-3)]
_Grid = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """The pruned filter beside the exact one after one step."""

    l1: float
    kept: int
    bound: float
    follows: tuple[bool, bool]  # the exact one, the pruned one


def main() -> None:
    """Print both tables."""
    print(f"{SIDE}x{SIDE} cells, {STEPS} steps, {SEEDS} sequences; L1 between the exact belief and the pruned one")
    print("\nobservations from the model")
    print(f"{'lose':>8}{'floor':>8}{'cells kept':>12}{'L1 mean':>11}{'L1 most':>11}{'L1 last':>11}{'bound of its mean':>19}")
    for lose, floor in _SETTINGS:
        runs = [list(beside(seed, track(lose=lose, floor=floor))) for seed in range(SEEDS)]
        every = [step for run in runs for step in run]
        last = fmean(run[-1].l1 for run in runs)
        print(
            f"{lose:>8g}{floor:>8g}{fmean(step.kept for step in every):>12.0f}{fmean(step.l1 for step in every):>11.2g}"
            f"{max(step.l1 for step in every):>11.2g}{last:>11.2g}{every[-1].bound:>19.2g}"
        )
    print(f"\nthe one who is tracked is carried half across the world at step {JUMP}: steps until the filter follows again")
    print(f"{'lose':>8}{'floor':>8}{'exact':>12}{'pruned':>11}{'slowest':>11}")
    for lose, floor in _SETTINGS:
        runs = [list(beside(seed, track(lose=lose, floor=floor), jump=JUMP)) for seed in range(SEEDS)]
        exact, pruned = ([_until(run, which) for run in runs] for which in (0, 1))
        print(f"{lose:>8g}{floor:>8g}{fmean(exact):>12.1f}{fmean(pruned):>11.1f}{max(pruned):>11g}")


def beside(seed: int, tracked: Track, *, jump: int = 0) -> Iterator[Beside]:
    """Follow one walker with two filters, step by step; the pruned one goes on from what it has kept."""
    chance = np.random.default_rng(seed)
    walker = chance.integers(SIDE, size=2)
    exact = pruned = np.full((SIDE, SIDE), SIDE**-2.0)
    for step in range(1, STEPS + 1):
        walker = (walker + _MOVES[chance.integers(len(_MOVES))] + (SIDE // 2 if step == jump else 0)) % SIDE
        likelihood = np.outer(*(_likelihood(_read(chance, int(at))) for at in walker))
        exact = _updated(exact, likelihood)
        pruned = tracked.prune(_updated(pruned, likelihood))
        assert tracked.last is not None
        yield Beside(
            l1=float(np.abs(exact - pruned).sum()),
            kept=tracked.last.kept,
            bound=tracked.bound,
            follows=(_is_near(exact, walker), _is_near(pruned, walker)),
        )


def _updated(belief: _Grid, likelihood: _Grid) -> _Grid:
    weight: _Grid = likelihood * sum(np.roll(belief, move, (0, 1)) for move in _MOVES)
    weight /= weight.sum()
    return weight


def _chances() -> _Grid:
    """Return how likely a reading is by how far it is off, around the torus."""
    off = np.arange(SIDE)
    near = np.exp(-0.5 * (np.minimum(off, SIDE - off) / _SPREAD) ** 2)
    chances: _Grid = _TRUST * near / near.sum() + (1 - _TRUST) / SIDE
    return chances


_CHANCES = _chances()


def _read(chance: np.random.Generator, at: int) -> int:
    return int(at + chance.choice(SIDE, p=_CHANCES)) % SIDE


def _likelihood(reading: int) -> _Grid:
    return _CHANCES[(reading - np.arange(SIDE)) % SIDE]


def _is_near(belief: _Grid, walker: NDArray[np.int64]) -> bool:
    off = np.abs(np.array(np.unravel_index(int(belief.argmax()), belief.shape)) - walker)
    return bool(np.minimum(off, SIDE - off).max() <= _NEAR)


def _until(run: list[Beside], which: int) -> float:
    """Count the steps from the jump until the filter follows for the rest of the run; infinite when it does not."""
    lost = [step for step in range(JUMP - 1, STEPS) if not run[step].follows[which]]
    after = lost[-1] + 1 - (JUMP - 1) if lost else 0
    return math.inf if lost and lost[-1] == STEPS - 1 else after


if __name__ == "__main__":
    main()
