"""The generated corpus: what its components keep is what they are said to keep, and the gate tells them apart."""

import gc
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gate.facts import Outcome
from tests.conftest import but_slow
from tests.corpus import clean, leaky
from tests.corpus.ask import Told, ask
from tests.corpus.mixture import Mixture
from tests.proofs.__main__ import report

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = range(1, 7)
OPEN = Path("/dev/fd")


@pytest.mark.parametrize("seed", but_slow(SEEDS, *SEEDS[3:]))
def test_clean_program_is_not_failed(seed: int) -> None:
    """What keeps a bounded amount passes, or stays undecided in a short budget."""
    assert not ask(seed, leaks=False, seconds=1).wrong


@pytest.mark.parametrize("seed", but_slow(SEEDS, *SEEDS[2:]))
def test_leaky_program_is_not_passed(seed: int) -> None:
    """One leak among clean work fails, or stays undecided in a short budget."""
    assert not ask(seed, leaks=True, seconds=1).wrong


def test_seed_says_what_is_in_a_program() -> None:
    """The same seed draws the same components, so that a wrong verdict can be looked at again."""
    one, two, leaks = Mixture(7, leaks=False), Mixture(7, leaks=False), Mixture(7, leaks=True)
    assert one.names == two.names
    assert not one.leak
    assert leaks.leak in leaky.KINDS
    assert 1 <= len(leaks.names) <= 4


@pytest.mark.parametrize("name", sorted(clean.KINDS))
def test_clean_component_runs_and_leaves_no_descriptor(name: str) -> None:
    """Every clean component acts for a while without an error, and what it opens it closes."""
    act: Callable[[int], object] = clean.KINDS[name](random.Random(1), random.Random(2))
    try:
        act(0)
        before = len(list(OPEN.iterdir()))
        for at in range(1, 200):
            act(at)
        assert len(list(OPEN.iterdir())) == before
    finally:
        gc.enable()  # one of them switches the collector off


def test_report_tells_what_is_wrong() -> None:
    """A clean program that failed and a leaky one that passed are named, counted and told apart."""
    given = {"names": ("lru",), "headline": "heap grows", "cpu": 2.0, "wall": 3.0}
    told = [
        Told(seed=1, leak="", outcome=Outcome.FAILED, **given),  # type: ignore[arg-type] # a mixed dict
        Told(seed=2, leak="append", outcome=Outcome.PASSED, **given),  # type: ignore[arg-type] # a mixed dict
        Told(seed=3, leak="append", outcome=Outcome.FAILED, **given),  # type: ignore[arg-type] # a mixed dict
        Told(seed=4, leak="", outcome=Outcome.INCONCLUSIVE, **given),  # type: ignore[arg-type] # a mixed dict
    ]
    lines = report(told)
    assert [one.wrong for one in told] == [True, True, False, False]
    assert "FAILED seed 1 clean with lru: heap grows (2.0 s)" in lines
    assert "PASSED seed 2 append with lru: heap grows (2.0 s)" in lines
    assert lines[-2] == "false FAILED 1 of 2, wrong PASSED 1 of 2, other wrong 0"
    assert lines[-1] == "undecided 25.0%; CPU of one program: median 2.00 s, worst 2.00 s"
