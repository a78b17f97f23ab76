"""Decide whether footprint, growth and handles are within their limits."""

from dataclasses import dataclass, replace

from gate.facts import Estimate, Finding, Limit, Outcome, Question, Reading, Series
from gate.judge import trend
from gate.units import show_amount, show_size, show_time

_BLOCK = 4  # windows in one block of minima
_FEWEST = 64  # windows below which nothing is decided
_FADING = 0.5  # a growth whose second half is below this share of its first is settling
_SLACK = 1 << 18  # bytes by which pages may exceed what they hold when a population is built
_GAP = 1 << 20  # bytes that resident memory may move by itself: pages, allocator slack
_SLIGHT = 0.01  # share of the heaviest line or type below which another is not worth reading
_SHOWN = 5  # lines and types of an explanation


def judge(question: Question, reading: Reading) -> Finding:
    """Decide one question about one agent case."""
    series = {row.meter: row for row in reading.series}
    if question.name == "footprint":
        found = _footprint(series["heap"], series.get("rss"), question.limit)
    elif question.name == "growth":
        found = _growth(series["heap"], series.get("rss"), question, reading.warm_up)
    else:
        found = _handles(reading.series, question)
    details = (
        *found.details,
        f"measured in {reading.samples} fresh process{'es' if reading.samples > 1 else ''}",
        *_explained(reading, question.limit.unit),
    )
    if question.limit.because:
        details = (*details, f"the limit's reason: {question.limit.because}")
    return replace(found, details=details)


_WORST = (Outcome.PASSED, Outcome.INCONCLUSIVE, Outcome.FAILED)


def _footprint(heap: Series, rss: Series | None, limit: Limit) -> Finding:
    """Compare the bytes that one more live agent takes with the limit."""
    slope = trend.pairwise(heap.counts, heap.values)
    shown = _interval(slope, limit.unit)
    most = show_amount(limit.most, limit.unit)
    details = [f"heap {shown} over {_sizes(heap)} live agents"]
    hidden = False
    if rss:
        beside = trend.pairwise(rss.counts, rss.values)
        details.append(f"RssAnon + RssShmem {_interval(beside, limit.unit)} beside it")
        hidden = beside.low > limit.most and rss.values[-1] - heap.values[-1] > _SLACK
    if slope.low > limit.most:
        return _found(
            Outcome.FAILED,
            f"{shown}, limit {most}",
            details,
            slope,
            limit,
            f"make one agent lighter, or explain a higher limit at {limit.place}",
        )
    if slope.high > limit.most:
        act = f"name more or larger sizes at {limit.place}"
        return _found(Outcome.INCONCLUSIVE, f"{shown} lies on both sides of the limit {most}", details, slope, limit, act)
    if hidden:
        headline = f"the heap holds {shown}, but resident memory is above the limit {most}: memory that does not come from malloc"
        return _found(Outcome.INCONCLUSIVE, headline, details, slope, limit, "find out what maps memory past malloc")
    return _found(Outcome.PASSED, f"{shown}, limit {most}", details, slope, limit)


def _growth(heap: Series, rss: Series | None, question: Question, warm_up: tuple[int, int]) -> Finding:
    """Decide whether the heap keeps growing, and rule out growth that the heap meter or the footprint cannot see."""
    found = _trend(heap, question, "heap")
    if found.outcome is not Outcome.PASSED:
        return found
    steps, gained = warm_up[0], warm_up[1] / question.population
    if question.weight and gained - question.limit.most * steps > question.weight:
        headline = f"one agent gained {show_size(gained)} in {steps:,} steps of warm-up, more than its whole footprint may be"
        act = f"set settle: {question.settle + steps} for {question.case} in policies/memory.yaml, to weigh an agent when it is full"
        return replace(found, outcome=Outcome.INCONCLUSIVE, headline=headline, next_act=act)
    if heap.counts[-1] < question.steps - len(heap.counts):  # steps that do not fill a window are not asked for
        headline = (
            f"level for {heap.counts[-1]:,} of {question.steps:,} steps; the budget of {show_time(question.budget.seconds)} ended then"
        )
        act = f"raise budget.time or lower steps for {question.case} in policies/memory.yaml"
        return replace(found, outcome=Outcome.INCONCLUSIVE, headline=headline, next_act=act)
    if rss is None:
        return found
    settled = rss.values[len(rss.values) // 2 :]
    gained = settled[-1] - min(settled[: len(settled) // 2])
    details = (*found.details, f"RssAnon + RssShmem moved {show_size(settled[-1] - settled[0])} over the second half of the run")
    allowed = question.limit.most * question.population * (rss.counts[-1] - rss.counts[len(rss.counts) // 2])
    if gained > _GAP + allowed:
        headline = f"the heap is level, but resident memory gained {show_size(gained)}: memory that does not come from malloc"
        return replace(
            found,
            outcome=Outcome.INCONCLUSIVE,
            headline=headline,
            details=details,
            next_act="raise steps; find out what maps memory past malloc",
        )
    return replace(found, details=details)


def _handles(every: tuple[Series, ...], question: Question) -> Finding:
    """Decide whether any kind of handle keeps being opened: the worst kind is the answer, all of them are told."""
    kinds = [_trend(series, question, series.meter) for series in every]
    worst = max(kinds, key=lambda finding: _WORST.index(finding.outcome))
    details = tuple(line for finding in kinds for line in finding.details)
    if worst.outcome is not Outcome.PASSED:
        return replace(worst, details=details)
    return replace(worst, headline=worst.headline.replace(every[0].meter, ", ".join(series.meter for series in every), 1), details=details)


def _trend(series: Series, question: Question, name: str) -> Finding:
    """Decide whether a series keeps growing past the limit.

    The series is cut into blocks and each block counts with its lowest reading, so a sawtooth is as flat as its floor.
    FAILED needs the interval of all blocks above the limit and growth that does not fade: warm-up, a staircase that ends and a
    one-time load have no second half. PASSED needs the second half's interval and its net rise below the limit.
    """
    limit = question.limit
    if len(series.values) < _FEWEST:
        headline = f"only {len(series.values)} of the {_FEWEST} windows needed were reached within the budget"
        act = f"raise budget.time or lower steps for {question.case} in policies/memory.yaml"
        return _found(Outcome.INCONCLUSIVE, headline, [], None, limit, act)
    run = _Run.of(series, question.population)
    steps = series.counts[-1]
    bar, most = limit.most or limit.resolution, show_amount(limit.most, limit.unit)
    details = [f"{name} {_interval(run.whole, limit.unit)} over {steps:,} steps, second half {_interval(run.settled, limit.unit)}"]
    if run.whole.low > bar and run.settled.value > bar and run.net > bar and run.settled.value > _FADING * run.early.value:
        headline = f"{name} grows by {_interval(run.whole, limit.unit)}, limit {most}"
        act = f"stop the growth; if it has a bound, set settle beyond it; or accept it with a reason at {limit.place}"
        return _found(Outcome.FAILED, headline, details, run.whole, limit, act)
    if (run.settled.high < bar or run.settled.high <= limit.most) and run.net <= bar:
        excluded = f"no steady growth of {show_amount(bar, limit.unit)} or more"
        gained = f"grows by {_interval(run.settled, limit.unit)}, limit {most},"
        headline = f"{name}: {gained if limit.most else excluded} in {steps:,} steps"
        return _found(Outcome.PASSED, headline, details, run.settled, limit)
    headline = (
        f"{name} {_interval(run.settled, limit.unit)}, net {show_amount(run.net, limit.unit)}: neither within {most} nor clearly above"
    )
    act = f"set steps: {question.steps * 4} for {question.case} in policies/memory.yaml"
    return _found(Outcome.INCONCLUSIVE, headline, details, run.settled, limit, act)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """One series as slopes per step of one agent."""

    whole: Estimate
    early: Estimate
    settled: Estimate
    net: float  # rise of the second half from end to end

    @classmethod
    def of(cls, series: Series, population: int) -> "_Run":
        """Cut a series into blocks and estimate its slopes."""
        lows = [low / population for low in trend.floors(series.values, _BLOCK)]
        ends = [series.counts[at + _BLOCK - 1] for at in range(0, len(lows) * _BLOCK, _BLOCK)]
        half = len(lows) // 2
        return cls(
            whole=trend.theil_sen(ends, lows),
            early=trend.theil_sen(ends[:half], lows[:half]),
            settled=trend.theil_sen(ends[half:], lows[half:]),
            net=(lows[-1] - lows[half]) / (ends[-1] - ends[half]),
        )


def _found(outcome: Outcome, headline: str, details: list[str], slope: Estimate | None, limit: Limit, act: str = "") -> Finding:
    """Word a finding."""
    return Finding(outcome=outcome, headline=headline, details=tuple(details), next_act=act, estimate=slope, unit=limit.unit)


def _interval(slope: Estimate, unit: str) -> str:
    """Show a slope with its interval."""
    return f"{show_amount(slope.value, unit)} [{show_amount(slope.low, unit)}, {show_amount(slope.high, unit)}]"


def _sizes(series: Series) -> str:
    """List the population sizes."""
    return ", ".join(map(str, series.counts))


def _explained(reading: Reading, unit: str) -> tuple[str, ...]:
    """Word which lines and types hold the memory."""
    spots = [spot for spot in reading.hotspots[:_SHOWN] if spot.size >= _SLIGHT * reading.hotspots[0].size]
    lines = [f"{spot.path}:{spot.line}: {show_amount(spot.size, unit)}: {spot.text}" for spot in spots]
    rows = [row for row in reading.types[:_SHOWN] if row.size >= _SLIGHT * reading.types[0].size]
    types = [f"type {row.name}: {show_amount(row.size, unit)} in {row.count:.3g} objects" for row in rows]
    gaps = [f"{name}: {text}" for name, text in reading.pins.items() if name in {"lines", "types"}]
    return (*lines, *types, *gaps)
