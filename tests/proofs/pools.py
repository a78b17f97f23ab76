"""Prove a shared pool with threads: one memory for one content, no update lost; print one line, exit 1 when broken."""

import argparse
import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.remedies.pool import SharedPool, writable
from gate.remedies.segments import Segments

THREADS = 8
_VALUES = 40  # different contents: about half of them are held at any time
_KEPT = 3  # contents that a thread holds
_SIZE = 200  # numbers of an array
_Numbers = NDArray[np.int64]
_SWITCH = 1e-5  # seconds after which a thread may lose its turn: 500 times as often as Python lets it


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What the threads saw."""

    rounds: int  # intern, look at the others, write to a copy, intern, let go
    meetings: int  # an equal array was held by another thread
    broken: tuple[str, ...]  # what must not be, each once


def main(words: Sequence[str]) -> int:
    """Prove the pool and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.pools", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args(words)
    told = prove(SharedPool(), seconds=given.seconds)
    said = "; ".join(told.broken) or "no two memories for one content, no lost update"
    sys.stdout.write(f"pool: {THREADS} threads, {given.seconds:g} s, {told.rounds:,} rounds, {told.meetings:,} meetings: {said}\n")
    return 1 if told.broken else 0


def prove(pool: SharedPool | Segments, *, seconds: float) -> Told:
    """Let eight threads use one pool for some seconds."""
    told = _Threads(pool, time.monotonic() + seconds)
    with _often():
        threads = [threading.Thread(target=told.work, args=(me,)) for me in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    told.shown.clear()
    if len(pool):
        told.broken.add(f"{len(pool)} arrays are left that nobody holds")
    return Told(rounds=sum(told.rounds), meetings=sum(told.meetings), broken=tuple(sorted(told.broken)))


class _Threads:
    def __init__(self, pool: SharedPool | Segments, ends: float) -> None:
        self.pool, self.ends = pool, ends
        self.shown: list[dict[int, _Numbers]] = [{} for _ in range(THREADS)]  # what each thread holds at this moment
        self.rounds, self.meetings = [0] * THREADS, [0] * THREADS
        self.broken: set[str] = set()

    def work(self, me: int) -> None:
        chance, mine = random.Random(me), self.shown[me]
        while time.monotonic() < self.ends and not self.broken:
            value = chance.randrange(_VALUES)
            held = self.pool.intern(np.full(_SIZE, value))
            self.meetings[me] += self.meet(value, held)
            new = self.update(value, held)
            while len(mine) >= _KEPT:
                del mine[next(iter(mine))]
            mine[value + 1] = new
            self.rounds[me] += 1

    def meet(self, value: int, held: _Numbers) -> int:
        """Compare with what others hold: both are held here, so both are alive."""
        found = [theirs for shown in self.shown if (theirs := shown.get(value)) is not None]
        if not all(np.shares_memory(theirs, held) for theirs in found):
            self.broken.add(f"two memories for {value}")
        return len(found)

    def update(self, value: int, held: _Numbers) -> _Numbers:
        """Write to a copy and share that."""
        own = writable(held)
        own += 1
        new = self.pool.intern(own)
        if not (held == value).all():
            self.broken.add(f"a shared {value} changed")
        if not (new == value + 1).all():
            self.broken.add(f"an update to {value + 1} is lost")
        return new


@contextmanager
def _often() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
