"""Agents that each hold a joint belief of 34.5 MB, as plain arrays and with remedies; a measured child loads nothing else for them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gate.remedies.pruning import prune
from gate.remedies.sparse import BeliefArray

SHAPE = (69, 625, 100)  # rooms, positions (25 x 25), goals: 4,312,500 states, 34,500,000 B as float64
FLOOR = 1e-12  # what the belief of a tracker never falls below, so that it can be revised
KEEP = 10_000  # states that pruning leaves; a share of the mass to lose would take what one reading has just lifted from the floor
TRUST = 0.6
MISSED = 0.7  # chance that a look misses who is there
STEEP = 4.0  # how fast likelihood falls over the length of an axis: e-folds
SEED = 20

Belief = NDArray[np.float64]


class Searcher:
    """Look for someone who is not found: P(room, position, goal | all looks in vain); its steps are the same code for any array."""

    def __init__(self, belief: Belief | BeliefArray) -> None:
        """Begin with a belief; its zeros are states that the map rules out."""
        self.time = 0
        self.belief = belief

    def step(self) -> None:
        """Look at one room, one position and for one goal, in vain, and normalise."""
        belief = self.belief
        rooms, positions, goals = map(self._looked, belief.shape)
        belief *= rooms[:, None, None]
        belief *= np.outer(positions, goals)
        belief /= belief.sum()
        self.time += 1

    def state(self) -> Belief:
        """Return what must not change."""
        return np.asarray(self.belief)

    def _looked(self, size: int) -> Belief:
        chances = np.ones(size)
        chances[self.time % size] = MISSED
        return chances


class Tracker:
    """Track who moves: P(room, position, goal | all readings), no state of it ever zero; with `keep` it holds the likeliest states only."""

    def __init__(self, shape: Sequence[int], index: int, keep: int = 0) -> None:
        """Know where the one who is tracked begins: all other states are next to impossible."""
        self.index, self.time, self.keep = index, 0, keep
        self.lost = 0.0  # shares of the mass that all prunings took
        belief = np.full(shape, FLOOR)
        belief[tuple(index % size for size in shape)] = 1
        self.belief: Belief | BeliefArray = belief

    def step(self) -> None:
        """Multiply by the likelihood of three readings and normalise; one that prunes is dense while it steps."""
        belief = self.belief if isinstance(self.belief, np.ndarray) else np.array(self.belief)
        np.maximum(belief, FLOOR, out=belief)
        # The one who is tracked changes room after 100 steps and position after 10, and keeps the goal.
        moved = (self.time // 100, self.time // 10, 0)
        rooms, positions, goals = map(self._read, belief.shape, moved)
        belief *= rooms[:, None, None]
        belief *= np.outer(positions, goals)
        belief /= belief.sum()
        self.belief = self._pruned(belief) if self.keep else belief
        self.time += 1

    def state(self) -> Belief:
        """Return what may change by no more than the bound."""
        return np.asarray(self.belief)

    def _pruned(self, belief: Belief) -> BeliefArray:
        kept, told = prune(belief, keep=self.keep)
        self.lost += told.lost
        return BeliefArray(kept)

    def _read(self, size: int, moved: int) -> Belief:
        chances = np.full(size, (1 - TRUST) / size)
        chances[(self.index + moved) % size] += TRUST
        return chances


def dense(index: int, zeros: float, shape: Sequence[int] = SHAPE) -> Searcher:
    """Build a searcher whose belief is a plain array, of which the share `zeros` is zero."""
    return Searcher(_chances(index, zeros, shape))


def held(index: int, zeros: float, shape: Sequence[int] = SHAPE) -> Searcher:
    """Build the same searcher with a BeliefArray."""
    return Searcher(BeliefArray(_chances(index, zeros, shape)))


def tracker(index: int, shape: Sequence[int] = SHAPE) -> Tracker:
    """Build a tracker whose belief is a plain array."""
    return Tracker(shape, index)


def pruned(index: int, shape: Sequence[int] = SHAPE) -> Tracker:
    """Build the same tracker, which prunes its belief at the end of each step."""
    return Tracker(shape, index, KEEP)


def step(agent: Searcher | Tracker) -> None:
    """Let the agent take one step."""
    agent.step()


def _chances(index: int, zeros: float, shape: Sequence[int]) -> Belief:
    """Return a belief around one state, every number of it random in all its bits, in which the least likely states are ruled out."""
    random = np.random.default_rng([SEED, index])
    belief = 1 - random.random(shape)
    rooms, positions, goals = (np.exp(-STEEP * np.abs(np.arange(size) - random.integers(size)) / size) for size in shape)
    belief *= rooms[:, None, None]
    belief *= np.outer(positions, goals)
    gone = round(zeros * belief.size)
    if gone:
        belief[belief < np.partition(belief, gone, axis=None)[gone]] = 0
    belief /= belief.sum()
    return belief
