"""Components that keep a bounded amount, each in the way that programs do."""

import functools
import gc
import heapq
import json
import mmap
import random
import re
import socket
import tempfile
import threading
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

Act = Callable[[int], object]  # takes the number of the call
Maker = Callable[[random.Random, random.Random], Act]  # (what chooses the parameters, what happens by chance in this process)


def lru(choose: random.Random, chance: random.Random) -> Act:
    """Cache what was computed, with a maximum that functools knows."""
    most, size = choose.choice((16, 64, 256, 512)), choose.randint(20, 500)

    @functools.lru_cache(maxsize=most)
    def computed(key: int) -> bytes:
        return bytes(size + key % 7)

    return lambda _: computed(chance.randrange(3 * most))


def ring(choose: random.Random, chance: random.Random) -> Act:
    """Remember the last few messages."""
    last: deque[bytes] = deque(maxlen=choose.randint(16, 500))
    size = choose.randint(10, 2000)
    return lambda _: last.append(bytes(chance.randrange(size)))


def evicting(choose: random.Random, chance: random.Random) -> Act:
    """Keep entries in a dictionary and let the oldest go."""
    kept: dict[int, bytes] = {}
    most, size = choose.randint(16, 300), choose.randint(10, 1000)

    def act(at: int) -> None:
        kept[at] = bytes(chance.randrange(size))
        if len(kept) > most:
            del kept[next(iter(kept))]

    return act


def recent(choose: random.Random, chance: random.Random) -> Act:
    """Keep what was used last, and let go what was not used for longest."""
    kept: OrderedDict[str, list[int]] = OrderedDict()
    most, keys = choose.randint(16, 200), choose.randint(250, 1000)

    def act(_: int) -> None:
        key = f"key {chance.randrange(keys)}"
        kept[key] = kept.get(key) or list(range(chance.randrange(30)))
        kept.move_to_end(key)
        if len(kept) > most:
            kept.popitem(last=False)

    return act


def flush(choose: random.Random, _: random.Random) -> Act:
    """Gather lines and write them out now and then."""
    gathered: list[str] = []
    most = choose.randint(10, 400)

    def act(at: int) -> None:
        gathered.append(f"line {at}")
        if len(gathered) >= most:
            gathered.clear()

    return act


def cycles(choose: random.Random, _: random.Random) -> Act:
    """Make garbage that only the collector finds."""
    number = choose.randint(1, 10)

    def act(at: int) -> None:
        for _ in range(number):
            one: list[object] = [at]
            one.append(one)

    return act


def uncollected(choose: random.Random, _: random.Random) -> Act:
    """Switch the collector off, make garbage in circles and collect it by itself now and then."""
    number, every = choose.randint(1, 5), choose.randint(5, 100)

    def act(at: int) -> None:
        gc.disable()
        for _ in range(number):
            one: dict[str, object] = {"at": at}
            one["self"] = one
        if at % every == 0:
            gc.collect()

    return act


def pool(choose: random.Random, chance: random.Random) -> Act:
    """Replace buffers of many sizes in a pool."""
    size = choose.choice((100, 1000, 5000))
    slots = [b""] * choose.randint(5, 100)

    def act(_: int) -> None:
        slots[chance.randrange(len(slots))] = bytes(chance.randrange(size))

    return act


def lazy(choose: random.Random, _: random.Random) -> Act:
    """Load a table once, when it is first wanted."""
    table: list[int] = []
    wanted, size = choose.randint(0, 300), choose.randint(10_000, 100_000)
    return lambda at: table.extend(range(size)) if at == wanted else None


def warm(choose: random.Random, _: random.Random) -> Act:
    """Fill a dictionary with every key that there is."""
    kept: dict[int, bytes] = {}
    keys, size = choose.randint(20, 400), choose.randint(10, 500)
    return lambda at: kept.setdefault(at % keys, bytes(size))


def thread(choose: random.Random, _: random.Random) -> Act:
    """Start a thread that ends."""
    every = choose.randint(10, 50)

    def act(at: int) -> None:
        if at % every == 0:
            worker = threading.Thread(target=sum, args=(range(100),))
            worker.start()
            worker.join()

    return act


def file(choose: random.Random, _: random.Random) -> Act:
    """Write a file and let it go."""
    size = choose.randint(1, 20_000)

    def act(at: int) -> None:
        if at % 10 == 0:
            with tempfile.TemporaryFile() as scratch:
                scratch.write(bytes(size))
                scratch.seek(0)
                scratch.read()

    return act


def pair(_: random.Random, __: random.Random) -> Act:
    """Open two sockets and close them."""

    def act(at: int) -> None:
        if at % 5 == 0:
            one, two = socket.socketpair()
            one.sendall(b"%d" % at)
            two.recv(100)
            one.close()
            two.close()

    return act


def scratch(choose: random.Random, chance: random.Random) -> Act:
    """Compute with arrays of a few sizes and keep the last result; numpy itself keeps small blocks of every size that it ever freed."""
    import numpy as np  # noqa: PLC0415 - only who draws it pays for it

    sizes = [choose.choice((10, 100, 1000, 30_000)) + choose.randrange(10) for _ in range(5)]
    last = [np.zeros(1)]

    def act(at: int) -> None:
        row = np.arange(chance.choice(sizes), dtype=float)
        last[0] = (row * at).cumsum()[-10:].copy()

    return act


def text(choose: random.Random, chance: random.Random) -> Act:
    """Count words and build a report of them."""
    words, seen = [f"word{at}" for at in range(choose.randint(5, 100))], Counter[str]()

    def act(at: int) -> str:
        seen[chance.choice(words)] += 1
        return ", ".join(f"{word}: {number}" for word, number in seen.most_common(5)) + f" at {at}"

    return act


class _Node:
    """Something that may be referred to weakly."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.peer: _Node | None = None


def weak(choose: random.Random, _: random.Random) -> Act:
    """Register objects weakly, a few of which live for a while."""
    registry: weakref.WeakValueDictionary[int, _Node] = weakref.WeakValueDictionary()
    alive: deque[_Node] = deque(maxlen=choose.randint(1, 100))

    def act(at: int) -> None:
        node = registry[at] = _Node(f"node {at}")
        weakref.finalize(node, len, "gone").atexit = False
        alive.append(node)

    return act


def mapping(choose: random.Random, _: random.Random) -> Act:
    """Map memory and unmap it."""
    size = choose.randint(1, 64) * mmap.PAGESIZE

    def act(at: int) -> None:
        if at % 3 == 0:
            with mmap.mmap(-1, size) as mapped:
                mapped[0] = 1

    return act


def patterns(choose: random.Random, chance: random.Random) -> Act:
    """Compile patterns, which re keeps a bounded number of."""
    number = choose.randint(5, 60)
    return lambda _: re.search(f"a{{{chance.randrange(number)}}}b", "aaab")


def parsed(choose: random.Random, chance: random.Random) -> Act:
    """Write JSON and read it back."""
    width = choose.randint(1, 100)
    return lambda at: json.loads(json.dumps({f"k{key}": [at] * chance.randrange(5) for key in range(width)}))


def queue(choose: random.Random, chance: random.Random) -> Act:
    """Keep the most urgent of what is to be done."""
    waiting: list[tuple[float, str]] = []
    most = choose.randint(10, 300)

    def act(at: int) -> None:
        heapq.heappush(waiting, (chance.random(), f"job {at}"))
        if len(waiting) > most:
            heapq.heappop(waiting)

    return act


def raising(choose: random.Random, _: random.Random) -> Act:
    """Raise from some depth, and keep the last error with its frames."""
    depth = choose.randint(1, 20)
    last: list[ValueError] = []

    def down(left: int, at: int) -> None:
        local = bytes(100 + at % 50)
        if not left:
            raise ValueError(local)
        down(left - 1, at)

    def act(at: int) -> None:
        try:
            down(depth, at)
        except ValueError as error:
            last[:] = [error]

    return act


KINDS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        lru,
        ring,
        evicting,
        recent,
        flush,
        cycles,
        uncollected,
        pool,
        lazy,
        warm,
        thread,
        file,
        pair,
        scratch,
        text,
        weak,
        mapping,
        patterns,
        parsed,
        queue,
        raising,
    )
}
