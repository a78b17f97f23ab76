"""Let 8 threads at each remedy that is for threads: no lost update, no double load; exit 1 when there was one."""

import argparse
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from time import monotonic, sleep
from typing import Any

import numpy as np

from gate.remedies.lazy import Evictable, Lazy

THREADS = 8
_KEYS = 40
_ROOM = 10  # keys whose values are held at once
_STUCK = 60  # seconds

Told = tuple[str, list[str]]  # what was done, and what was wrong


class Source:
    """What is loaded from; it notices who loads the same twice at a time."""

    def __init__(self, wrong: list[str]) -> None:
        """Write what is wrong into a list."""
        self.loads = Counter[int]()
        self._wrong, self._at, self._lock = wrong, set[int](), threading.Lock()

    def load(self, key: int) -> Any:
        """Load an array that tells its key."""
        with self._lock:
            if key in self._at:
                self._wrong.append(f"{key} was loaded twice at a time")
            self._at.add(key)
            self.loads[key] += 1
        value = np.full(100, key)
        sleep(0)  # others go on here
        with self._lock:
            self._at.discard(key)
        return value


class Agent:
    """Share an attribute with other threads."""

    weights = Lazy[Any](lambda agent: agent.source.load(agent.number))

    def __init__(self, source: Source, number: int) -> None:
        """Load nothing."""
        self.source, self.number = source, number


def lazy(seconds: float) -> Told:
    """Let all threads read one agent after the other: one load, one value. Freed, it is loaded and set at once: the set one stays."""
    wrong: list[str] = []
    source, until, before = Source(wrong), monotonic() + seconds, Agent.weights.loads
    agents, seen = [Agent(source, 0)], [None] * THREADS

    def read_by_all() -> None:
        if len(set(map(id, seen))) > 1 or source.loads[agents[-1].number] != 1:
            wrong.append(f"agent {agents[-1].number} was loaded {source.loads[agents[-1].number]} times")
        del agents[-1].weights

    def set_by_one() -> None:
        if not isinstance(agents[-1].weights, str):
            wrong.append(f"what was set on agent {agents[-1].number} was lost")
        agents[:] = [Agent(source, agents[-1].number + 1)] if monotonic() < until else []

    read, set_ = (threading.Barrier(THREADS, action, _STUCK) for action in (read_by_all, set_by_one))

    def work(me: int) -> None:
        while agents:
            agent = agents[-1]
            seen[me] = agent.weights
            read.wait()
            if me == 0:
                sleep(agent.number % 10 * 1e-5)
                agent.weights = "set"
            else:
                _ = agent.weights
            set_.wait()

    _together(work, seconds, wrong)
    _equal("loads", Agent.weights.loads - before, source.loads.total(), wrong)
    return f"{len(source.loads):,} agents, {Agent.weights.loads - before:,} loads", wrong


def evictable(seconds: float) -> Told:
    """Let all threads touch keys by chance, more than there is room for: each gets its own value, and every touch is counted once."""
    wrong: list[str] = []
    source, touches = Source(wrong), [0] * THREADS
    store = Evictable(source.load, _ROOM * 800)

    def work(me: int) -> None:
        for chance in _while(seconds, me):
            key = chance.randrange(_KEYS)
            touches[me] += 1
            if store[key][0] != key:
                wrong.append(f"{key} came as {store[key][0]}")
            if store.nbytes > store.budget:
                wrong.append(f"{store.nbytes} of {store.budget} bytes were held")

    _together(work, seconds, wrong)
    _equal("loads", store.loads, source.loads.total(), wrong)
    _equal("touches", store.hits + store.loads, sum(touches), wrong)
    _equal("bytes", store.nbytes, len(store) * 800, wrong)
    return f"{sum(touches):,} touches, {store.loads:,} loads, {store.evictions:,} evictions", wrong


def evictable_updates(seconds: float) -> Told:
    """Let each thread change what its keys are loaded from, and discard them: no touch after that gets what was before."""
    wrong: list[str] = []
    source, told, updates = [0] * _KEYS, [0] * _KEYS, [0] * THREADS

    def load(key: int) -> Any:
        value = np.full(100, source[key])
        sleep(0)  # others go on here
        return value

    store = Evictable(load, _ROOM * 800)

    def work(me: int) -> None:
        for chance in _while(seconds, me):
            key = chance.randrange(_KEYS)
            if key % THREADS == me:
                source[key] += 1
                store.discard(key)
                told[key] = source[key]
                updates[me] += 1
            least = told[key]
            if store[key][0] < least:
                wrong.append(f"update {least} of {key} was lost")

    _together(work, seconds, wrong)
    return f"{sum(updates):,} updates", wrong


PROOFS: dict[str, Callable[[float], Told]] = {
    "lazy": lazy,
    "evictable": evictable,
    "evictable, updates": evictable_updates,
    # a proof of another remedy is a function of seconds, and one line here
}


def main(words: Sequence[str]) -> int:
    """Run every proof and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.threads", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="for each proof")
    given = parser.parse_args(words)
    sys.setswitchinterval(1e-5)  # threads lose their turn wherever they can
    broken = False
    for name, proof in PROOFS.items():
        done, wrong = proof(given.seconds)
        broken |= bool(wrong)
        sys.stdout.write(
            f"{name:<20}{THREADS} threads, {given.seconds:g} s: {done}: {f'{len(wrong):,} wrong: {wrong[0]}' if wrong else 'none wrong'}\n"
        )
        sys.stdout.flush()
    return int(broken)


def _while(seconds: float, seed: int) -> Iterator[random.Random]:
    """Give chances until the time is over."""
    chance, until = random.Random(seed), monotonic() + seconds
    while monotonic() < until:
        yield chance


def _together(work: Callable[[int], None], seconds: float, wrong: list[str]) -> None:
    """Run a function in all threads; an error in one is among what was wrong, and so is one that is stuck."""

    def run(me: int) -> None:
        try:
            work(me)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            wrong.append(repr(error))

    threads = [threading.Thread(target=run, args=(me,), daemon=True) for me in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + _STUCK)
    if any(thread.is_alive() for thread in threads):
        wrong.append("threads wait for each other")


def _equal(what: str, counted: int, were: int, wrong: list[str]) -> None:
    if counted != were:
        wrong.append(f"{were:,} {what} were counted as {counted:,}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
