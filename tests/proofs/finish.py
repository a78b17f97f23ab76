"""Prove that a finish that is killed at any moment ends right when it is run again, once; exit 1 when it does not."""

import argparse
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import calm
from tests.finishing import Killed, say

_ACTS = 500  # more than a finish has
_EVERY = 50  # children between two lines that say how far it is


def main(words: Sequence[str]) -> int:
    """Kill at random moments, then before each act; print one line each."""
    parser = argparse.ArgumentParser(prog="nox -s proofs -- finish", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="children killed at random moments")
    parser.add_argument("--acts", type=int, default=_ACTS, help="children killed before one of their acts, at the most")
    parser.add_argument("--seed", type=int, default=20)
    given = parser.parse_args(words)
    here = Path.cwd()
    with TemporaryDirectory(prefix="finish-") as scratch, pytest.MonkeyPatch.context() as patch:
        calm(patch, Path(scratch))
        patch.setattr(os, "fsync", lambda _: None)  # what a killed process wrote is there without waiting for the disk
        patch.setattr("gate.acts.finish._SETTLED", 0.0)  # no client writes here
        patch.setattr("gate.record.lockfolder._STALE", 0.5)  # nobody but the killed one holds the client's lock
        try:
            for staged in (False, True):
                _prove(Path(scratch, "staged" if staged else "whole"), given.kills // 2, given.acts, given.seed, staged=staged)
        except AssertionError as error:
            say(f"BROKEN: {error}")
            return 1
        finally:
            os.chdir(here)
    return 0


def _prove(home: Path, kills: int, acts: int, seed: int, *, staged: bool) -> None:
    start, chance = time.monotonic(), random.Random(seed)
    killed, what = Killed(home, staged=staged), "what is staged" if staged else "the work tree"
    killed.once()
    for number in range(kills):
        killed.at_random(chance)
        if number % _EVERY == _EVERY - 1:
            say(f"{number + 1} of {kills}")
    say(
        f"finish of {what}: {kills} children killed at random moments, {killed.stopped} of them in the middle of their acts, "
        f"{killed.committed} with the commit made: run again, each ended in one commit that verifies ({time.monotonic() - start:.0f} s)"
    )
    start, before, number = time.monotonic(), killed.stopped, 0
    while number < acts and killed.at(number):
        number += 1
    say(
        f"finish of {what}: {number} children killed before each program that they start and each file that they change, "
        f"{killed.stopped - before} of them in the middle: the same ({time.monotonic() - start:.0f} s)"
    )
