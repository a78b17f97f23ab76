"""Prove clean-up: random repositories, children killed at random moments, folders exchanged for links; exit 1 when anything is lost."""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from gate.tidy.journal import runs
from tests.tidymachine import TidyMachine
from tests.tidytrees import assert_nothing_is_lost, big, clean, killed_soon

FOLDERS = 40  # of the repository in which children are killed


def main(words: Sequence[str]) -> int:
    """Prove each part and print a line about it."""
    parser = argparse.ArgumentParser(prog="nox -s proofs -- tidy", description=__doc__)
    parser.add_argument("--examples", type=int, default=2000, help="random repositories")
    parser.add_argument("--kills", type=int, default=200, help="children that are killed")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(words)
    os.environ.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")
    try:
        _kills(given.kills, given.seed)
        _commands(max(1, given.kills // 10), given.seed)
        _repositories(given.examples)
    except AssertionError as error:
        _say(f"BROKEN: {error}")
        return 1
    return 0


def _repositories(examples: int) -> None:
    """Clean random repositories."""
    start, real = time.monotonic(), os.fsync
    os.fsync = lambda _handle: None  # type: ignore[assignment] # nothing here is about a loss of power
    cases = settings(max_examples=examples, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    try:
        run_state_machine_as_test(TidyMachine, settings=cases)
    finally:
        os.fsync = real
    _say(f"{examples:,} random repositories: nothing protected changed, what went was planned, undo brought back the rest ({_took(start)})")


def _kills(number: int, seed: int) -> None:
    """Kill a clean-up in a forked child, again and again, between its first act and about its last."""
    start, chance, killed, begun = time.monotonic(), random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        scene = big(Path(scratch, "repo"), folders=FOLDERS)
        once = time.monotonic()
        clean(scene.root)
        once = time.monotonic() - once
        assert_nothing_is_lost(scene, again=False)
        for at in range(number):
            killed += killed_soon(scene, chance, within=once)
            begun += bool(runs(scene.root))
            assert_nothing_is_lost(scene, again=at % 2 == 0)
    _say(f"{number:,} children: {killed:,} killed while they ran, {begun:,} of all after a first act; nothing lost ({_took(start)})")


def _commands(number: int, seed: int) -> None:
    """Kill the command itself, `gate clean`, at any moment from its start on."""
    start, chance, killed = time.monotonic(), random.Random(seed), 0
    argv = [sys.executable, "-m", "gate", "clean"]
    with tempfile.TemporaryDirectory() as scratch:
        scene = big(Path(scratch, "repo"), folders=FOLDERS, policies=True)
        once = time.monotonic()
        subprocess.run(argv, cwd=scene.root, check=True, capture_output=True)
        once = time.monotonic() - once
        assert_nothing_is_lost(scene, again=False)
        for at in range(number):
            with subprocess.Popen(argv, cwd=scene.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
                time.sleep(chance.uniform(0, once))
                child.kill()
            killed += child.returncode < 0
            assert_nothing_is_lost(scene, again=at % 2 == 0)
    _say(f"{number:,} commands: {killed:,} killed between their start and their end; nothing lost ({_took(start)})")


def _took(start: float) -> str:
    return f"{time.monotonic() - start:.0f} s"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
