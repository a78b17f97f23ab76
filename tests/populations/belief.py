"""Belief agents that each hold one dense joint belief of 34.5 MB: the heavy baseline.

69 rooms x 625 positions (25 x 25) x 100 goals = 4,312,500 states, x 8 B (float64) = 34,500,000 B an agent.
Nearly all mass sits in few states, yet no state is exactly zero: the floor keeps each alive, so that a belief can be revised.
"""

import numpy as np
import numpy.typing as npt

SHAPE = (69, 625, 100)
FLOOR = 1e-12
TRUST = 0.6


class BeliefAgent:
    """Track who is where: P(room, position, goal | all that was observed)."""

    def __init__(self, index: int) -> None:
        """Know nothing: all states are equally likely."""
        self.index = index
        self.time = 0
        self.belief = np.full(SHAPE, 1 / np.prod(SHAPE))

    def step(self) -> None:
        """Multiply the belief by the likelihood of three readings and normalise it, in place.

        The highest transient is one room of evidence, positions x goals x 8 B = 0.5 MB.
        """
        rooms, positions, goals = (_likelihood(size, seen) for size, seen in zip(SHAPE, self._observe(), strict=True))
        evidence = np.outer(positions, goals)
        total = 0.0
        # Room by room, because 0.5 MB stays in the processor's cache between the three operations and 34.5 MB do not.
        for room, slab in zip(rooms, self.belief, strict=True):
            np.maximum(slab, FLOOR, out=slab)
            np.multiply(slab, evidence, out=slab)
            np.multiply(slab, room, out=slab)
            total += float(slab.sum())
        np.multiply(self.belief, 1 / total, out=self.belief)
        self.time = (self.time + 1) % (SHAPE[0] * 100)

    def _observe(self) -> tuple[int, int, int]:
        # The one who is tracked changes room after 100 steps and position after 10, and keeps the goal.
        return (self.index + self.time // 100) % SHAPE[0], (self.index + self.time // 10) % SHAPE[1], self.index % SHAPE[2]


def build(index: int) -> BeliefAgent:
    """Build an agent that knows nothing yet; what it will observe follows from its index."""
    return BeliefAgent(index)


def step(agent: BeliefAgent) -> None:
    """Let the agent observe once and update its belief."""
    agent.step()


def _likelihood(size: int, seen: int) -> npt.NDArray[np.float64]:
    chances = np.full(size, (1 - TRUST) / size)
    chances[seen] += TRUST
    return chances
