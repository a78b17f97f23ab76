"""One program of the corpus, as a measured child sees it: a seed picks one to four clean components, and one that leaks when told so."""

import os
import random
from typing import TYPE_CHECKING

from tests.corpus import clean, leaky

if TYPE_CHECKING:
    from tests.corpus.clean import Act

_PERIODS = (1, 1, 1, 2, 3, 7)


class Mixture:
    """Components that take turns; the parameters are the seed's, what happens by chance is anew in every process, as in real programs."""

    def __init__(self, seed: int, *, leaks: bool) -> None:
        """Draw the components."""
        choose, chance = random.Random(f"{seed}/{leaks}"), random.Random()
        self.names = tuple(choose.sample(sorted(clean.KINDS), choose.randint(1, 4)))
        self.leak = choose.choice(sorted(leaky.KINDS)) if leaks else ""
        self._acts: list[tuple[int, Act]] = [(choose.choice(_PERIODS), clean.KINDS[name](choose, chance)) for name in self.names]
        if self.leak:
            self._acts.append((1, leaky.KINDS[self.leak](choose, chance)))
        self._at = 1000  # smaller numbers are Python's own and take no memory

    def step(self) -> None:
        """Let every component act whose turn it is."""
        self._at += 1
        at = self._at - 1001
        for period, act in self._acts:
            if at % period == 0:
                act(at // period)


def setup() -> Mixture:
    """Make the program that CORPUS_SEED and CORPUS_LEAKY (1 or nothing) ask for."""
    return Mixture(int(os.environ["CORPUS_SEED"]), leaks=bool(os.environ.get("CORPUS_LEAKY")))


def step(context: Mixture) -> None:
    """Take one step."""
    context.step()
