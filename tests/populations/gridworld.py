"""Active-inference agents of pymdp 0.0.7.1 that walk an 8x8 grid to a goal.

Each agent owns its model, float64: likelihood A 64x64 = 32,768 B, transitions B 64x64x5 = 163,840 B, preferences C and prior D 512 B each:
197,632 B. B is above the 128 KiB from which glibc maps pages, A is below, so both parts of the heap meter have something to see.
pymdp 0.0.7.1 keeps every action it took (`Agent.prev_actions`, which `reset` does not empty), so these agents grow by design.
"""

import numpy as np
import numpy.typing as npt
from pymdp import utils
from pymdp.agent import Agent

SIDE = 8
MOVES = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))


class Walker:
    """Couple one pymdp agent to the world that it walks in."""

    def __init__(self, index: int) -> None:
        """Place the walker at its start, with a model of its own."""
        self.start = index % _CELLS
        self.goal = (self.start + _CELLS // 2 + 3) % _CELLS
        self.position = self.start
        self.time = 0
        self.mind = Agent(
            A=_only(_likelihood()),
            B=_only(_transitions()),
            C=_only(_preferences(self.goal)),
            D=_only(np.full(_CELLS, 1 / _CELLS)),
            action_selection="deterministic",
        )

    def step(self) -> None:
        """Observe, infer, act; begin again at the start once the goal is reached."""
        self.mind.infer_states([self._observe()])
        self.mind.infer_policies()
        self.position = _move(self.position, int(self.mind.sample_action()[0]))
        self.time = (self.time + 1) % 5
        if self.position == self.goal:
            self.position = self.start
            self.mind.reset()
            self.mind.action = None  # pymdp keeps it, and would predict a first move that nobody made

    def _observe(self) -> int:
        # The sensor slips to a neighbour at every fifth reading: without doubt there is nothing to infer.
        return _move(self.position, 1 + self.start % 4) if self.time == 4 else self.position


def build(index: int) -> Walker:
    """Build a walker whose start and goal follow from its index."""
    return Walker(index)


def first() -> Walker:
    """Build one walker, as the context of a function that is called again and again."""
    return Walker(0)


def step(agent: Walker) -> None:
    """Let the walker take one step in its world."""
    agent.step()


_CELLS = SIDE * SIDE


def _move(position: int, action: int) -> int:
    row, column = divmod(position, SIDE)
    down, right = MOVES[action]
    return min(max(row + down, 0), SIDE - 1) * SIDE + min(max(column + right, 0), SIDE - 1)


def _likelihood() -> npt.NDArray[np.float64]:
    seen = np.full((_CELLS, _CELLS), 0.01 / _CELLS)
    for position in range(_CELLS):
        seen[position, position] += 0.79
        for action in range(1, len(MOVES)):
            seen[_move(position, action), position] += 0.05
    return seen


def _transitions() -> npt.NDArray[np.float64]:
    moved = np.zeros((_CELLS, _CELLS, len(MOVES)))
    for action in range(len(MOVES)):
        for position in range(_CELLS):
            moved[_move(position, action), position, action] = 1.0
    return moved


def _preferences(goal: int) -> npt.NDArray[np.float64]:
    rows, columns = np.divmod(np.arange(_CELLS), SIDE)
    # Nearer is better: agents that look one move ahead see no goal that is farther away.
    return np.array(-np.abs(rows - goal // SIDE) - np.abs(columns - goal % SIDE), dtype=np.float64)


def _only(array: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    one: npt.NDArray[np.object_] = utils.obj_array(1)
    one[0] = array
    return one
