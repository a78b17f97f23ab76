"""Active-inference agents of pymdp 0.0.7 in its own grid world of 29 x 29 cells, as released and with remedies."""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gate.remedies.pool import SharedPool, share
from gate.remedies.ring import BoundedHistory
from gate.remedies.sparse import BeliefArray

SIDE = 29
CELLS = SIDE * SIDE
KEPT = 16  # actions that are remembered; with its default inference pymdp reads none of them
MODEL = ("A", "B", "C", "D", "E", "policies")
POOL = SharedPool()


class Walker:
    """Couple one agent of pymdp, built as it is released, to its place in the world that all share."""

    def __init__(self, index: int) -> None:
        """Place the walker; the goal of each is another one."""
        from pymdp.agent import Agent  # noqa: PLC0415 - takes seconds to import, and who only looks at this module may not have it

        self.position, goal = index % CELLS, (index * 97 + CELLS // 2) % CELLS
        rows, columns = np.divmod(np.arange(CELLS), SIDE)
        nearness = -np.abs(rows - goal // SIDE) - np.abs(columns - goal % SIDE)
        model = world().get_likelihood_dist(), world().get_transition_dist(), nearness.astype(np.float64), np.full(CELLS, 1 / CELLS)
        likelihood, transitions, preferences, prior = (_only(array) for array in model)
        self.mind = Agent(A=likelihood, B=transitions, C=preferences, D=prior)

    def step(self) -> None:
        """Observe, infer, act."""
        self.mind.infer_states([self.position])
        self.mind.infer_policies()
        self.position = world().P[self.position][int(self.mind.sample_action()[0])]

    def state(self) -> NDArray[np.float64]:
        """Return what must not change: the action, where it led, what the agent thinks of each action and of each cell."""
        return np.concatenate([self.mind.action, [self.position], self.mind.q_pi, np.asarray(self.mind.qs[0])])


class LightWalker(Walker):
    """Hold beliefs and preferences as BeliefArray between steps, and the last actions as numbers."""

    def __init__(self, index: int) -> None:
        """Build it as released, then replace what it holds; nothing in pymdp is changed."""
        super().__init__(index)
        _shared(self.mind)
        self.mind.C[0] = BeliefArray(self.mind.C[0])
        self.mind.qs[0] = BeliefArray(self.mind.qs[0])
        self.mind.prev_actions = BoundedHistory(KEPT, np.float64, (1,))

    def step(self) -> None:
        """Step as it does, and hold the new belief."""
        super().step()
        self.mind.qs[0] = BeliefArray(self.mind.qs[0])


def released(index: int) -> Walker:
    """Build a walker whose agent owns its model: A 841 x 841 and B 841 x 841 x 5 float64, 33.95 MB."""
    return Walker(index)


def shared(index: int) -> Walker:
    """Build a walker whose agent shares every array of its model that equals another's."""
    walker = Walker(index)
    _shared(walker.mind)
    return walker


def light(index: int) -> LightWalker:
    """Build a walker with all remedies."""
    return LightWalker(index)


def step(agent: Walker) -> None:
    """Let the walker take one step in its world."""
    agent.step()


@functools.cache
def world() -> Any:  # noqa: ANN401 - pymdp has no types
    """Return the world that all walkers share, as they would in one simulation."""
    from pymdp.envs import GridWorldEnv  # noqa: PLC0415 - as above

    return GridWorldEnv(shape=[SIDE, SIDE])


def _shared(mind: Any) -> None:  # noqa: ANN401 - as above
    """Share what the agent never writes to."""
    for name in MODEL:
        setattr(mind, name, share(getattr(mind, name), POOL.intern))


def _only(array: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return the one factor or modality as pymdp wants it."""
    one = np.empty(1, object)
    one[0] = array
    return one
