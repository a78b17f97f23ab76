"""Slopes with an interval: Theil-Sen over readings, and every pair of a few sizes."""

from collections.abc import Sequence
from itertools import combinations
from statistics import median

from gate.facts import Estimate

CONFIDENCE = 0.999


def theil_sen(counts: Sequence[float], values: Sequence[float]) -> Estimate:
    """Estimate units per count: the median slope of all pairs and its 99.9 % interval.

    Method: P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 63 (1968), as in scipy.
    A flat series has slope 0 and an interval of width 0, without asking scipy.

    >>> theil_sen([1, 2, 3, 4], [7, 7, 7, 7]).high
    0.0
    """
    if len(set(values)) <= 1:
        return Estimate(value=0.0, low=0.0, high=0.0, points=len(values))
    from scipy.stats import theilslopes  # noqa: PLC0415 - 2 s of import that a flat series does not pay

    slope, _, low, high = theilslopes(values, counts, alpha=CONFIDENCE)
    return Estimate(value=float(slope), low=float(low), high=float(high), points=len(values))


def pairwise(counts: Sequence[int], values: Sequence[int]) -> Estimate:
    """Estimate units per count from a few exact readings: the median slope of all pairs, from the least to the greatest.

    >>> pairwise([1, 2, 4], [110, 210, 410])
    Estimate(value=100.0, low=100.0, high=100.0, points=3)
    """
    rows = list(zip(counts, values, strict=True))
    slopes = [(after - before) / (more - fewer) for (fewer, before), (more, after) in combinations(rows, 2)]
    return Estimate(value=float(median(slopes)), low=float(min(slopes)), high=float(max(slopes)), points=len(rows))


def floors(values: Sequence[int], size: int) -> list[int]:
    """Return the lowest reading of each block: what was let go within a block never counts.

    >>> floors([5, 3, 9, 4, 8, 8, 1], 3)
    [3, 4]
    """
    return [min(values[at : at + size]) for at in range(0, len(values) - size + 1, size)]
