"""What belief arrays weigh and cost beside dense arrays, scipy.sparse, zlib and blosc2: in one run, interleaved, as ratios."""

import gc
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from math import isnan, lgamma, log, nan
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import blosc2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gate.command import run
from gate.probe import pins
from gate.probe.meters import Meters
from gate.remedies.sparse import BeliefArray

ROOT = Path(__file__).parents[2]
SHAPE = (69, 625, 100)  # as tests/populations/belief.py: 34.5 MB of float64
FLAT, SQUARE = (69 * 625, 100), (1725, 2500)  # the same elements as a matrix, for scipy.sparse and for products
ZEROS = (0.5, 0.9, 0.99, 0.999)
ROUNDS = 11
BLOCK = 65536  # elements
Belief = NDArray[np.floating[Any]]
Ways = dict[str, Callable[[], object]]


def main() -> int:
    """Print what is weighed in a pinned process and what is timed in a plain one; return 1 when a target is missed."""
    missed = 0
    for what, env in (("weigh", pins.PINS), ("time", {name: "1" for name in pins.PINS if name.endswith("THREADS")})):
        missed |= run([sys.executable, "-u", "-m", "tests.bench.remedies", what], cwd=ROOT, env=env, seconds=1800, stream=True).code
    return missed


def belief(zeros: float, dtype: type[np.floating[Any]] = np.float64) -> Belief:
    """Return a normalised belief with this share of zeros, spread evenly; no two values are equal."""
    random = np.random.default_rng(0)
    held = random.random(SHAPE) * (random.random(SHAPE) >= zeros)
    return np.asarray(held / held.sum(), dtype)


def bound(array: Belief) -> float:
    """Return the bytes below which no lossless form of evenly spread positions and random values can go."""
    size, filled = array.size, int(np.count_nonzero(array))
    return (lgamma(size + 1) - lgamma(filled + 1) - lgamma(size - filled + 1)) / log(2) / 8 + filled * array.itemsize


def weigh() -> int:
    """Print bytes by the heap meter for each form of each belief, and the peak of reading; return 1 when a target is missed."""
    meters, missed = Meters(), 0
    print("bytes by the heap meter, as shares of the dense array; bound: log2 C(n, k) / 8 + values")
    print(f"{'dtype':<9}{'zeros':>7}{'dense':>12}" + "".join(f"{name:>9}" for name in (*_forms(np.zeros((1, 1, 1))), "bound")))
    for dtype in (np.float64, np.float32):
        for zeros in ZEROS:
            array = belief(zeros, dtype)
            sizes = {name: _weight(meters, make) for name, make in _forms(array).items()}
            least = bound(array)
            cells = "".join(f"{size / array.nbytes:>9.4f}" for size in (*sizes.values(), least))
            print(f"{array.dtype!s:<9}{zeros:>7.1%}{array.nbytes:>12,}{cells}")
            peer = min(size for name, size in sizes.items() if name != "belief")
            if zeros >= 0.9:  # the targets are about 0.1 to 10 % density
                missed |= _told("times the bound", sizes["belief"] / least, 1.35)
            missed |= _told("times the best peer", sizes["belief"] / peer, 1.0)
    noise = np.random.default_rng(0).random(SHAPE)
    missed |= _told("incompressible, times dense", _weight(meters, lambda: BeliefArray(noise)) / noise.nbytes, 1.01)
    held = BeliefArray(belief(0.99))
    reads: Ways = {"a scalar": lambda: held[30, 300, 50], "a row": lambda: held[30, 300], "a column": lambda: held[30, :, 50]}
    for name, read in reads.items():
        missed |= _told(f"peak of reading {name}, in blocks", _peak(read) / (BLOCK * 8), 1.0)
    return missed


def time() -> int:
    """Print times as ratios, each pair interleaved; return 1 when a target is missed."""
    print(f"\ntimes, medians of {ROUNDS} interleaved rounds, one thread: dense numpy, scipy.sparse csr, belief")
    missed = 0
    for zeros in ZEROS:
        print(f"{zeros:.1%} zeros")
        dense = belief(zeros)
        missed |= _reads(dense) | _writes(dense) | _updates(dense)
        for columns in ((), (64,)):
            missed |= _products(dense.reshape(SQUARE), np.random.default_rng(3).random((SQUARE[1], *columns)), rare=zeros >= 0.99)
    return missed


def _reads(dense: Belief) -> int:
    held, rows = BeliefArray(dense), sparse.csr_array(dense.reshape(FLAT))
    missed = 0
    for name, which in (("where nothing is stored", dense == 0), ("that is stored", dense != 0)):
        where = _some(which, 300)
        cost = _row(f"scalar {name}", [partial(_read, dense, where), partial(_read, rows, _flat(where)), partial(_read, held, where)], 300)
        missed |= _told("times dense", _ratio(cost, 2, 0), 10) | _told("times scipy.sparse", _ratio(cost, 2, 1), 1)
    _row("read a slice of 625", [lambda: np.array(dense[30, :, 50]), rows[18750:19375, [50]].todense, lambda: held[30, :, 50]])
    return missed


def _writes(dense: Belief) -> int:
    """Time writing over what is there, and writing where a zero was, against encoding the whole array."""
    there, new = _some(dense != 0, 200), _some(dense == 0, 200)
    plain, held = dense.copy(), BeliefArray(dense)
    _row("write over a scalar", [lambda: _write(plain, there), None, lambda: _write(held, there)], len(there))
    fresh = [BeliefArray(dense) for _ in range(ROUNDS + 1)]
    cost = _row("write a new scalar", [lambda: _write(plain, new), None, lambda: _write(fresh.pop(), new)], len(new))
    whole = min(_timed(lambda: BeliefArray(dense)) for _ in range(3))
    return _told("a new element, share of encoding all", median(each[2] for each in cost) / whole, 1 / 20)


def _updates(dense: Belief) -> int:
    likelihood = np.random.default_rng(2).random(SHAPE)
    one, two, other = dense.copy(), BeliefArray(dense), sparse.csr_array(dense.reshape(FLAT))
    chances = likelihood.reshape(FLAT)
    _row("multiply, normalise", [lambda: _update(one, likelihood), lambda: _updated(other, chances), lambda: _update(two, likelihood)])
    cost = _row(
        "encode, to a dense copy", [lambda: np.array(dense), lambda: sparse.csr_array(dense.reshape(FLAT)), lambda: BeliefArray(dense)]
    )
    return _told("times a dense copy", _ratio(cost, 2, 0), 3)


def _products(dense: Belief, right: Belief, *, rare: bool) -> int:
    held, rows = BeliefArray(dense), sparse.csr_array(dense)
    cost = _row(f"dot with {right.shape}", [lambda: dense @ right, lambda: rows @ right, lambda: held @ right])
    return _told("times faster than dense", _ratio(cost, 0, 2), 15, least=True) if rare else 0


def _read(array: Any, where: list[tuple[int, ...]]) -> list[Any]:
    return [array[at] for at in where]


def _some(which: NDArray[np.bool_], number: int) -> list[tuple[int, ...]]:
    """Return some of the places that are meant, as plain numbers."""
    places = np.unravel_index(np.random.default_rng(1).choice(np.flatnonzero(which), number, replace=False), which.shape)
    return list(zip(*(each.tolist() for each in places), strict=True))


def _flat(where: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the same places in the matrix."""
    return [(at[0] * SHAPE[1] + at[1], at[2]) for at in where]


def _write(into: Any, where: list[tuple[int, ...]]) -> None:
    for at in where:
        into[at] = 0.25


def _update(held: Any, likelihood: Belief) -> None:
    held *= likelihood
    held /= held.sum()


def _updated(rows: Any, likelihood: Belief) -> object:
    product = rows.multiply(likelihood)
    return product / product.sum()


def _forms(array: Belief) -> Ways:
    flat = array.reshape(-1, array.shape[-1])
    packed = {"codec": blosc2.Codec.ZSTD, "clevel": 5, "typesize": array.itemsize}
    return {
        "belief": lambda: BeliefArray(array),
        "csr": lambda: sparse.csr_array(flat),
        "coo": lambda: sparse.coo_array(flat),
        "zlib": lambda: zlib.compress(array.tobytes()),
        "blosc2": lambda: blosc2.compress2(array, **packed, filters=[blosc2.Filter.SHUFFLE]),
        "bit": lambda: blosc2.compress2(array, **packed, filters=[blosc2.Filter.BITSHUFFLE]),
    }


def _weight(meters: Meters, make: Callable[[], object]) -> int:
    first = make()  # what it imports and keeps once is not its weight
    if isinstance(first, bytes):  # tells its weight, and the heap also shows what a compressor keeps and lets go beside it
        return sys.getsizeof(first)
    del first
    gc.collect()
    before = meters.heap()
    held = make()
    gc.collect()
    size = meters.heap() - before
    del held
    return size


def _peak(read: Callable[[], object]) -> int:
    read()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    read()
    size = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return size


def _timed(act: Callable[[], object]) -> float:
    start = perf_counter()
    act()
    return perf_counter() - start


def _row(name: str, ways: Sequence[Callable[[], object] | None], per: int = 1) -> list[list[float]]:
    """Time dense, scipy.sparse and belief in turn; print the medians, return the seconds of all rounds."""
    for way in ways:
        if way:
            way()
    rounds = [[_timed(way) / per if way else nan for way in ways] for _ in range(ROUNDS)]
    cost = [median(each) for each in zip(*rounds, strict=True)]
    times = "".join(f"{1e6 * seconds:>12,.1f}" if not isnan(seconds) else f"{'-':>12}" for seconds in cost)
    print(f"  {name:<31}{times} us   belief / dense {_ratio(rounds, 2, 0):.2f}")
    return rounds


def _ratio(rounds: Sequence[Sequence[float]], one: int, other: int) -> float:
    """Return the median of the ratios within each round, which other work on the machine slows down as a whole."""
    return median(each[one] / each[other] for each in rounds)


def _told(name: str, value: float, target: float, *, least: bool = False) -> int:
    """Say whether a ratio meets its target; return 1 when it does not."""
    met = value >= target if least else value <= target
    print(f"    {name}: {value:.3f}, {'at least' if least else 'at most'} {target:g}{'' if met else '  MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit({"weigh": weigh, "time": time}[sys.argv[1]]())
