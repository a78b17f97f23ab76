"""Decide whether a series keeps growing past a bar: yes, no, or not yet known."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from statistics import fmean, median

from gate.facts import Estimate, Outcome, Series
from gate.facts.work import Limit
from gate.judge.trend import confidence, theil_sen

_BLOCKS = 32  # blocks into which the part of a run that counts is cut
_COARSE = 15  # fewer and larger ones, whose lowest readings are those of a sawtooth
_FEWEST, _FEW = 16, 12  # blocks below which nothing is decided: for a FAILED, for a PASSED
_CUT = 5  # blocks that do when so much was gained that the watch had to end: each pair of them must show it
_STARTS = (0.4, 0.2)  # where the parts begin that may show a level series
_FALLING = 4  # times the bar: a fall steeper than that is no level either, and chance as long as the other way
_EXCLUDED = 0.98  # confidence of the interval whose upper end must be below the bar: that end is exceeded in 1 of 100
_FADING = 0.75  # a growth whose later part is below this share of its earlier part is settling
_DOUBLING = 1.4  # a container that doubles gains at least so many times more from one octave to the next


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """What one series says of growth, in units per step of one agent."""

    outcome: Outcome  # PASSED: excluded; FAILED: plain; INCONCLUSIVE: neither yet
    slope: Estimate  # over the last three quarters when FAILED, else over the part that was judged
    net: float  # rise from end to end of that part
    rise: float  # units that the population gained over the last three quarters
    plain: bool  # it grows without fading, by however little in all


def judge(series: Series, limit: Limit, population: int, *, mean: Series | None = None, least: float = 0, cut: bool = False) -> Trend:
    """Compare the growth of a series with what it must not exceed.

    `limit.bar` is the growth from which it is a leak, `limit.most` what is allowed (they differ when nothing is allowed: a test needs
    an effect to exclude). `mean` is the same series as means, the steadier figure for noise. FAILED needs at least `least` units
    gained. `cut` tells that the watch had to end because so much was gained: fewer blocks must do then.

    Parts of a run are shares of all its steps, also of those before the first window: a container that doubles its room does so
    once an octave of them. FAILED needs the interval of the last three quarters above the bar, for the lowest readings and for the
    means, and growth that does not fade: warm-up, a staircase that ends and a one-time load have no later part. A container that
    doubles is flat most of the time; it fails when each of three octaves gained more than the one before. PASSED needs the interval
    of the last three fifths or four fifths, of either series, below the bar, no steep fall, and no net rise above the bar: more than an
    octave, in which a container that doubles shows itself.
    """
    bar, most = limit.bar, limit.most
    rows = [_Run.of(row, population, limit.alpha) for row in (series, mean) if row is not None]
    rise = rows[0].net(0.25) * rows[0].length(0.25) * population
    plain = all(run.grows(bar, _CUT if cut else _FEWEST) for run in rows)
    doubling = rows[0].doubling(bar) if mean is not None and not plain else None
    if (plain or doubling) and rise >= least:
        return Trend(outcome=Outcome.FAILED, slope=doubling or rows[0].part(0.25), net=rows[0].net(0.25), rise=rise, plain=True)
    for run, start, number in product(rows, _STARTS, (_BLOCKS, _COARSE)):
        slope = run.part(start, sure=_EXCLUDED, number=number)
        within = (slope.high < bar or slope.high <= most) and slope.low > -_FALLING * max(bar, most)
        if within and slope.points >= _FEW and max(run.net(start), *(run.late(share) for share in _STARTS)) <= bar:
            return Trend(outcome=Outcome.PASSED, slope=slope, net=run.net(start), rise=rise, plain=False)
    return Trend(
        outcome=Outcome.INCONCLUSIVE, slope=rows[-1].part(_STARTS[0], sure=_EXCLUDED), net=rows[-1].net(_STARTS[0]), rise=rise, plain=plain
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """One series per agent, and the blocks of a part of it."""

    counts: Sequence[int]
    values: Sequence[float]
    fold: Callable[[Sequence[float]], float]  # min for lowest readings, mean for means
    sure: float  # confidence of its intervals

    @classmethod
    def of(cls, series: Series, population: int, alpha: float) -> "_Run":
        fold: Callable[[Sequence[float]], float] = fmean if series.meter.endswith("mean") else min
        return cls(counts=series.counts, values=[value / population for value in series.values], fold=fold, sure=confidence(alpha))

    def after(self, share: float) -> int:
        """Return the first window that ends after a share of all steps."""
        return bisect_right(self.counts, share * self.counts[-1])

    def blocks(self, start: float, end: float = 1.0, number: int = _BLOCKS) -> tuple[list[int], list[float]]:
        """Cut a part of the run into blocks of equally many windows; the first few windows of it may be left out."""
        first, last = self.after(start), self.after(end)
        size = max(1, -(-(last - first) // number))
        ends = list(range(last, first + size - 1, -size))[::-1]
        return [self.counts[at - 1] for at in ends], [self.fold(self.values[at - size : at]) for at in ends]

    def part(self, start: float, end: float = 1.0, *, sure: float = 0.0, number: int = _BLOCKS) -> Estimate:
        """Estimate the slope of a part, as sure as a FAILED has to be when nothing else is said."""
        return theil_sen(*self.blocks(start, end, number), sure or self.sure)

    def length(self, start: float) -> float:
        """Return the steps of the run from `start` on, as far as they were watched."""
        return self.counts[-1] - max(self.counts[0], start * self.counts[-1])

    def net(self, start: float) -> float:
        """Return the rise of a part from its first quarter to its last, per step."""
        counts, values = self.blocks(start)
        quarter = max(1, len(values) // 4)
        return (median(values[-quarter:]) - median(values[:quarter])) / (counts[-1] - counts[quarter - 1] or 1)

    def late(self, start: float) -> float:
        """Return by how much the last blocks, at the most a quarter, exceed all before them, per step of a quarter of the part.

        The net rise does not see a stair among the last blocks, and a container that doubles may have its only one there.
        """
        counts, values = self.blocks(start)
        quarter = max(2, len(values) // 4)
        stairs = [min(values[-last:]) - max(values[:-last]) for last in range(2, quarter + 1)]
        return max(0.0, *stairs) / (counts[-1] - counts[-quarter - 1])

    def grows(self, bar: float, fewest: int = _FEWEST) -> bool:
        """Tell whether growth is plain and does not fade."""
        whole, middle = self.part(0.25), 0.625
        early, late = self.part(0.25, middle), self.part(middle)
        enough = whole.points >= fewest and whole.low > bar
        return enough and late.value > bar and late.value > _FADING * early.value and self.net(0.5) > bar

    def doubling(self, bar: float) -> Estimate | None:
        """Return the growth over three octaves when each gained more than the one before, as with a container that doubles its room."""
        marks = [self.after(share) - 1 for share in (0.125, 0.25, 0.5, 1.0)]
        if marks[0] < 0 or len(self.values) < _FEWEST:
            return None
        gains = [self.values[after] - self.values[before] for before, after in pairwise(marks)]
        steady = all(later >= _DOUBLING * early > 0 for early, later in pairwise(gains))
        noisy = min(_drop(self.values[one : two + 1]) for one, two in pairwise(marks)) > 0
        slopes = [gain / (self.counts[after] - self.counts[before]) for gain, (before, after) in zip(gains, pairwise(marks), strict=True)]
        if not steady or noisy or slopes[-1] <= bar:
            return None
        return Estimate(value=slopes[-1], low=min(slopes), high=max(slopes), points=len(self.values))


def _drop(values: Sequence[float]) -> float:
    """Return the largest fall below what was reached before."""
    top, largest = values[0], 0.0
    for value in values:
        top = max(top, value)
        largest = max(largest, top - value)
    return largest
