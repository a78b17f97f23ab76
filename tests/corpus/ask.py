"""Ask the gate about programs of the corpus whose truth is known."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gate import inquiry
from gate.acts import single
from gate.facts import Outcome
from tests.corpus.mixture import Mixture

ROOT = Path(__file__).parents[2]
SECONDS = 6.0  # of work that one program may take
_WORST = (Outcome.PASSED, Outcome.SKIPPED, Outcome.INCONCLUSIVE, Outcome.BROKEN, Outcome.FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What the gate said of one program."""

    seed: int
    leak: str  # kind that leaks, "" for a clean program
    names: tuple[str, ...]  # clean kinds in it
    outcome: Outcome  # the worst of growth and handles
    headline: str
    cpu: float
    wall: float

    @property
    def wrong(self) -> bool:
        """Tell whether this verdict must never be given."""
        return self.outcome in {Outcome.PASSED if self.leak else Outcome.FAILED, Outcome.BROKEN, Outcome.SKIPPED}


def ask(seed: int, *, leaks: bool, seconds: float = SECONDS) -> Told:
    """Ask whether one program keeps memory or handles."""
    mixture, began = _drawn(seed, leaks=leaks), time.perf_counter()
    drawn = single.questions("tests.corpus.mixture:step", ("growth", "handles"), setup="tests.corpus.mixture:setup", seconds=seconds)
    with _environment({"CORPUS_SEED": str(seed), "CORPUS_LEAKY": "1" if leaks else ""}):
        answers = inquiry.watch(drawn, ROOT)
    finding = max((finding for _, finding in answers), key=lambda one: _WORST.index(one.outcome))
    cpu = max(reading.cpu for reading, _ in answers)
    wall = time.perf_counter() - began
    return Told(seed=seed, leak=mixture[0], names=mixture[1], outcome=finding.outcome, headline=finding.headline, cpu=cpu, wall=wall)


def _drawn(seed: int, *, leaks: bool) -> tuple[str, tuple[str, ...]]:
    mixture = Mixture(seed, leaks=leaks)
    return mixture.leak, mixture.names


@contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
