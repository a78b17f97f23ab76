"""Traders of ours on a mesa grid: they move, meet and trade, and none of it grows.

One market of 24x24 cells, made with the first trader, holds them all (at most 575). Coins and goods are conserved and stay below 257, up to
which CPython shares integers, and every cell knows its neighbourhood from the start: what mesa would fill later is not taken for growth.
"""

import functools
import weakref

from mesa import Model
from mesa.discrete_space import CellAgent, OrthogonalMooreGrid

SIDE = 24
MOST = 200


class Market(Model):  # type: ignore[misc]  # mesa is Any to mypy
    """Give the traders a torus where a cell has room for one."""

    def __init__(self) -> None:
        """Lay the grid and fill its caches."""
        super().__init__(seed=20)
        self.grid = OrthogonalMooreGrid((SIDE, SIDE), torus=True, capacity=1, random=self.random)
        for cell in self.grid.all_cells:
            cell.neighborhood.cells  # noqa: B018  # reading it fills mesa's caches


class Trader(CellAgent):  # type: ignore[misc]  # mesa is Any to mypy
    """Own coins and goods and exchange them one for one."""

    def __init__(self, market: Market) -> None:
        """Enter the market at a free cell, with 100 coins and 100 goods."""
        super().__init__(market)
        self.coins = 100
        self.goods = 100
        self.cell = market.grid.select_random_empty_cell()

    def step(self) -> None:
        """Move to a free cell next door, then trade with one neighbour."""
        cell = self.cell.neighborhood.select_random_cell()
        if cell.is_empty:
            self.move_to(cell)
        for other in self.cell.neighborhood.agents:
            self._trade(other)
            break

    def _trade(self, other: "Trader") -> None:
        buyer, seller = (self, other) if self.random.random() < 0.5 else (other, self)
        if buyer.coins > 0 and seller.goods > 0 and seller.coins < MOST and buyer.goods < MOST:
            buyer.coins, seller.coins = buyer.coins - 1, seller.coins + 1
            buyer.goods, seller.goods = buyer.goods + 1, seller.goods - 1


class Stall:
    """Stand for one trader: who drops the stall takes the trader from the market, which alone would keep it for ever."""

    def __init__(self, trader: Trader) -> None:
        """Arrange that the trader leaves with this stall."""
        self.trader = trader
        weakref.finalize(self, trader.remove).atexit = False


def build(index: int) -> Stall:  # noqa: ARG001  # the market seeds them all, in the order in which they come
    """Add one trader to the market."""
    return Stall(Trader(_market()))


def step(agent: Stall) -> None:
    """Let the trader move and trade."""
    agent.trader.step()


@functools.cache
def _market() -> Market:
    return Market()
