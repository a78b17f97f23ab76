"""Customers of a simpy shop: each is a process in the one environment, waits for a till, is served and comes back; none of it grows.

Built one by one they share an environment that is made with the first of them; as a population each has an environment of its own.
"""

import functools
from array import array
from collections.abc import Generator

import simpy

TILLS = 4


class Shop:
    """Hold the clock, and the tills at which customers queue."""

    def __init__(self) -> None:
        """Open with nobody in it."""
        self.clock = simpy.Environment()
        self.tills = simpy.Resource(self.clock, capacity=TILLS)

    def run(self) -> None:
        """Let one unit of simulated time go by."""
        self.clock.run(until=self.clock.now + 1)


class Customer:
    """Remember the last 64 waits, and queue for ever."""

    def __init__(self, shop: Shop, index: int) -> None:
        """Enter the shop."""
        self.shop, self.index = shop, index
        self.waits = array("d", bytes(8 * 64))
        self.life = shop.clock.process(self._live())

    def _live(self) -> Generator[simpy.Event, object, None]:
        clock, visits = self.shop.clock, 0
        while True:
            came = clock.now
            with self.shop.tills.request() as turn:
                yield turn
                self.waits[visits % len(self.waits)] = clock.now - came
                yield clock.timeout(0.25)
            yield clock.timeout(1 + self.index % 3)
            visits += 1


def build(index: int) -> Customer:
    """Add one customer to the shop that all share."""
    return Customer(_shop(), index)


def step(agent: Customer) -> None:
    """Let one unit of time go by in the customer's shop."""
    agent.shop.run()


def population(number: int) -> tuple[Shop, list[Customer]]:
    """Open a shop for so many customers."""
    shop = Shop()
    return shop, [Customer(shop, index) for index in range(number)]


def run(shop: Shop) -> None:
    """Let one unit of time go by."""
    shop.run()


@functools.cache
def _shop() -> Shop:
    return Shop()
