"""Whole models as agents: the Boltzmann wealth example that mesa ships, whose DataCollector keeps a row a step."""

from mesa.examples.basic.boltzmann_wealth_model.model import BoltzmannWealth


def build(index: int) -> BoltzmannWealth:
    """Build a small economy, ten people on 4x4 cells, seeded by its index."""
    return BoltzmannWealth(n=10, width=4, height=4, seed=index)


def step(agent: BoltzmannWealth) -> None:
    """Let everybody in the economy move and give."""
    agent.step()
