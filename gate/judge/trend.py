"""Slopes with an interval: Theil-Sen over readings, and every pair of a few sizes."""

from collections.abc import Sequence
from itertools import combinations
from itertools import pairwise as neighbours
from math import sqrt
from statistics import NormalDist, fmean, median

from gate.facts import Estimate

_LOOKS = 16  # looks at one watch, among which the chance of a false alarm is shared: steps double from look to look
_RELATED = 0.2  # correlation of neighbours from which it is taken into account
_MOST_RELATED = 0.9


def confidence(alpha: float) -> float:
    """Return what the interval of each look must hold, so that all looks of a watch together cry wolf in `alpha` of all watches at most.

    >>> confidence(0.001)
    0.999875
    """
    return 1 - 2 * alpha / _LOOKS


def theil_sen(counts: Sequence[float], values: Sequence[float], sure: float) -> Estimate:
    """Estimate units per count: the median slope of all pairs, and its interval, which holds the slope with probability `sure`.

    Method: P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 63 (1968), with the normal approximation
    for the variance of Kendall's S and its correction for ties. Neighbours whose residuals are alike make the variance larger by
    (1 + r) / (1 - r), r their correlation, as for the mean of a first-order autoregression.

    >>> theil_sen([1, 2, 3, 4], [7, 7, 7, 7], 0.95).high
    0.0
    """
    if len(set(values)) <= 1:
        return Estimate(value=0.0, low=0.0, high=0.0, points=len(values))
    rows = list(zip(counts, values, strict=True))
    slopes = sorted((after - before) / (later - early) for (early, before), (later, after) in combinations(rows, 2))
    slope = median(slopes)
    ties = [values.count(value) for value in set(values)]
    number = len(values)
    variance = (number * (number - 1) * (2 * number + 5) - sum(tie * (tie - 1) * (2 * tie + 5) for tie in ties)) / 18
    related = _related([value - slope * count for count, value in rows])
    reach = NormalDist().inv_cdf((1 + sure) / 2) * sqrt(variance * (1 + related) / (1 - related))
    last = len(slopes) - 1
    low, high = round((len(slopes) - reach) / 2) - 1, round((len(slopes) + reach) / 2)
    return Estimate(value=slope, low=slopes[max(0, low)], high=slopes[min(last, high)], points=number)


def _related(residuals: Sequence[float]) -> float:
    """Return how much neighbours are alike: the first autocorrelation, 0 when it may be chance.

    >>> _related([1, -1, 1, -1]), round(_related([1, 1, 1, 1, -1, -1, -1, -1]), 3)
    (0.0, 0.625)
    """
    mean = fmean(residuals)
    gone = [residual - mean for residual in residuals]
    power = sum(value * value for value in gone)
    if not power:
        return 0.0
    found = sum(one * two for one, two in neighbours(gone)) / power
    return min(found, _MOST_RELATED) if found > _RELATED else 0.0


def pairwise(counts: Sequence[int], values: Sequence[int]) -> Estimate:
    """Estimate units per count from a few exact readings: the median slope of all pairs, from the least to the greatest.

    >>> pairwise([1, 2, 4], [110, 210, 410])
    Estimate(value=100.0, low=100.0, high=100.0, points=3)
    """
    rows = list(zip(counts, values, strict=True))
    slopes = [(after - before) / (more - fewer) for (fewer, before), (more, after) in combinations(rows, 2)]
    return Estimate(value=float(median(slopes)), low=float(min(slopes)), high=float(max(slopes)), points=len(rows))
