"""Decide whether footprint, growth and handles are within their limits."""

from dataclasses import replace

from gate.facts import Estimate, Finding, Outcome, Reading, Series
from gate.judge import growth, peak, reports, trend
from gate.units import show_amount, show_size
from gate.work import Limit, Question

_SLACK = 1 << 18  # bytes by which pages may exceed what they hold when a population is built
_LEAST = {"mapped": 1 << 18, "rss": 1 << 21}  # bytes that these may move by themselves: pages, allocator slack
_HANDLES = {"fds": 128, "threads": 128, "children": 32, "segments": 32}  # as many as a pool may open
_WORDS = {"heap": "heap", "mapped": "memory mapped past malloc", "rss": "resident memory"}
_WEIGHED = {"heap": "heap", "rss": "resident"}  # what a limit of a footprint may be about
_RULE_OF_THREE = 3  # an event that was not seen in n trials happens in fewer than 3 of n, at 95 %
_FULL = 0.01  # share of a weight that may be missing when it counts as full
_SLIGHT = 0.01  # share of the heaviest line or type below which another is not worth reading
_SHOWN = 5  # lines and types of an explanation


def judge(question: Question, reading: Reading) -> Finding:
    """Decide one question about one agent case."""
    series = {row.meter: row for row in reading.series}
    if reading.trouble and (question.name == "footprint" or not series):
        return reports.broken(reading.trouble)
    if reading.ended and not series:
        headline = f"not one window of {_things(question.limit.unit)}s was over when the time was"
        return _found(Outcome.INCONCLUSIVE, headline, [], None, question.limit, _more(question, "raise budget.time"))
    if question.name == "footprint":
        found = _footprint(series, question.limit)
    elif question.name == "peak":
        found = peak.judge(series, question)
    elif question.name == "handles":
        found = _handles(series, question)
    else:
        found = _growth(series, question)
    if reading.trouble and found.outcome is not Outcome.FAILED:
        return reports.broken(reading.trouble)
    details = (
        *found.details,
        *(["then it ended: " + line for line in reading.trouble.splitlines()[:1]]),
        f"measured in {reading.samples} fresh process{'es' if reading.samples > 1 else ''}",
    )
    if question.limit.because:
        details = (*details, f"the limit's reason: {question.limit.because}")
    return replace(found, details=details)


def explained(question: Question, reading: Reading, finding: Finding) -> Finding:
    """Add to a finding which lines, types and containers hold the memory."""
    return replace(finding, details=(*finding.details, *_explained(reading, question.limit.unit)))


_WORST = (Outcome.PASSED, Outcome.INCONCLUSIVE, Outcome.FAILED)


def _footprint(series: dict[str, Series], limit: Limit) -> Finding:
    """Compare the bytes that one more live agent takes with the limit, by the meter that the limit is about."""
    rows = {name: series[name] for name in _WEIGHED if name in series}
    slopes = {name: trend.pairwise(row.counts, row.values) for name, row in rows.items()}
    name = _decides(rows, slopes, limit)
    if name not in rows:
        return Finding(outcome=Outcome.SKIPPED, headline=f"not measured: this platform has no meter of {_WEIGHED[name]} memory")
    slope, most = slopes[name], show_amount(limit.most, limit.unit)
    shown = f"{_WEIGHED[name]} {_interval(slope, limit.unit)}"
    sizes = _sizes(rows[name])
    details = [f"{_WEIGHED[meter]} {_interval(beside, limit.unit)} over {sizes} live agents" for meter, beside in slopes.items()]
    if slope.low > limit.most:
        act = f"make one agent lighter, or explain a higher limit at {limit.place}"
        return _found(Outcome.FAILED, f"{shown}, limit {most}", details, slope, limit, act)
    if slope.high > limit.most:
        act = f"name more or larger sizes at {limit.place}"
        return _found(Outcome.INCONCLUSIVE, f"{shown} lies on both sides of the limit {most}", details, slope, limit, act)
    return _found(Outcome.PASSED, f"{shown}, limit {most}", details, slope, limit)


def _decides(rows: dict[str, Series], slopes: dict[str, Estimate], limit: Limit) -> str:
    """Return the meter that a footprint is judged by: the one that the policy names, or the larger one.

    What is resident comes in pages, so it counts as larger only when the agents took more than page noise beyond the heap; and what
    is plainly too heavy for the heap meter is not saved by an interval of pages.
    """
    if limit.meter in _WEIGHED:
        return limit.meter
    if len(rows) < len(_WEIGHED):
        return next(iter(rows), "heap")
    heap, rss = (rows[name].values[-1] - rows[name].values[0] for name in ("heap", "rss"))
    if rss - heap <= _SLACK or slopes["rss"].value <= slopes["heap"].value or slopes["rss"].low <= limit.most < slopes["heap"].low:
        return "heap"
    return "rss"


def _growth(series: dict[str, Series], question: Question) -> Finding:
    """Decide whether the heap keeps growing, and rule out growth that the heap meter or the footprint cannot see."""
    if "heap" not in series:
        return Finding(outcome=Outcome.SKIPPED, headline="not measured: this platform has no exact heap meter")
    limit, heap = question.limit, series["heap"]
    steps = heap.counts[-1]
    seen = {"heap": growth.judge(heap, limit.bar, limit.most, question.population, mean=series.get("heap mean"))}
    for name, least in _LEAST.items():
        if name in series:
            seen[name] = growth.judge(series[name], limit.bar, limit.most, question.population, least=least)
    if _keeps("threads", series) and "mapped" in seen:
        del seen["mapped"]  # the stack of each thread is mapped: the question about handles tells of it
    details = [f"{_WORDS[name]} {_interval(told.slope, limit.unit)} over {steps:,} {_things(limit.unit)}s" for name, told in seen.items()]
    started = max(series["children"].values, default=0) if "children" in series else 0
    if started:
        details.append(f"resident memory counts {started:,} more process{'es' if started > 1 else ''} that it started")
    grows = {name: told for name, told in seen.items() if told.outcome is Outcome.FAILED}
    if grows:
        # what is resident is held by the heap or mapped past it, so it is told only when neither says so
        name, told = max(grows.items(), key=lambda row: (row[0] != "rss", row[1].slope.value))
        headline = f"{_WORDS[name]} grows by {_interval(told.slope, limit.unit)}, limit {show_amount(limit.most, limit.unit)}"
        act = f"stop the growth; if it has a bound, {_settle(question)}"
        return _found(Outcome.FAILED, headline, details, told.slope, limit, act)
    for name, told in seen.items():
        if told.outcome is Outcome.INCONCLUSIVE and (name == "heap" or told.plain or told.rise >= _LEAST[name]):
            return _undecided(_WORDS[name], told, details, question, steps)
    return _passed("heap", seen["heap"], details, question, steps)


def full(question: Question, reading: Reading, finding: Finding) -> Finding:
    """Refuse a level run before which each agent gained more than its whole footprint may be: it was weighed before it was full."""
    heap = next((series for series in reading.series if series.meter == "heap"), None)
    if finding.outcome is not Outcome.PASSED or question.name != "growth" or not (question.weight and reading.start and heap):
        return finding
    empty, paced, early = reading.start
    level = heap.values[len(heap.values) // 4]
    filling = [(paced, early), *zip(heap.counts, heap.values, strict=True)]
    steps = next(count for count, value in filling if value >= level - _FULL * (level - empty))
    gained = (level - empty) / question.population
    if gained - question.limit.most * steps <= question.weight:
        return finding
    headline = f"one agent gained {show_size(gained)} in its first {steps:,} steps, more than its whole footprint may be"
    act = f"set settle: {question.settle + steps} for {question.case} in policies/memory.yaml, to weigh an agent when it is full"
    return replace(finding, outcome=Outcome.INCONCLUSIVE, headline=headline, next_act=act)


def _handles(series: dict[str, Series], question: Question) -> Finding:
    """Decide whether any kind of handle keeps being opened: the worst kind is the answer, all of them are told."""
    limit = question.limit
    kinds = {
        name: growth.judge(row, limit.bar, limit.most, question.population, least=_HANDLES[name])
        for name, row in series.items()
        if name in _HANDLES
    }
    steps = next(iter(series.values())).counts[-1]
    details = [f"{name} {_interval(told.slope, limit.unit)} over {steps:,} {_things(limit.unit)}s" for name, told in kinds.items()]
    worst = max(kinds, key=lambda name: _WORST.index(kinds[name].outcome))
    seen = kinds[worst]
    if seen.outcome is Outcome.FAILED:
        headline = f"{worst} grow by {_interval(seen.slope, limit.unit)}, limit {show_amount(limit.most, limit.unit)}"
        act = f"close what is opened; if it has a bound, {_settle(question)}"
        return _found(Outcome.FAILED, headline, details, seen.slope, limit, act)
    if seen.outcome is Outcome.INCONCLUSIVE:
        return _undecided(worst, seen, details, question, steps)
    return _passed(", ".join(kinds), seen, details, question, steps)


def _keeps(name: str, series: dict[str, Series]) -> bool:
    """Tell whether a kind of handle grew at all over the last three quarters."""
    values = series[name].values if name in series else (0,)
    return values[-1] > values[len(values) // 4]


def _passed(name: str, trend: growth.Trend, details: list[str], question: Question, steps: int) -> Finding:
    """Word what a level run excludes, unless it was shorter than it had to be."""
    limit, thing = question.limit, _things(question.limit.unit)
    if steps < question.steps:
        headline = f"level for {steps:,} of {question.steps:,} {thing}s; the budget ended then"
        act = _more(question, "raise budget.time and budget.cpu, or lower steps,")
        return _found(Outcome.INCONCLUSIVE, headline, details, trend.slope, limit, act)
    bar, most = show_amount(limit.bar, limit.unit), show_amount(limit.most, limit.unit)
    gained = f"grows by {_interval(trend.slope, limit.unit)}, limit {most}," if limit.most else f"no steady growth of {bar} or more"
    rare = f"the rarest event excluded is 1 in {max(1, steps // _RULE_OF_THREE):,} {thing}s"
    return _found(Outcome.PASSED, f"{name}: {gained} in {steps:,} {thing}s", [*details, rare], trend.slope, limit)


def _undecided(name: str, trend: growth.Trend, details: list[str], question: Question, steps: int) -> Finding:
    """Word a run that neither excludes growth nor shows it."""
    limit, thing = question.limit, _things(question.limit.unit)
    headline = (
        f"{name} {_interval(trend.slope, limit.unit)}, net {show_amount(trend.net, limit.unit)}, in {steps:,} {thing}s: "
        f"neither within {show_amount(limit.most, limit.unit)} nor clearly above"
    )
    act = _more(question, f"watch four times as long ({steps * 4:,} {thing}s): raise budget.cpu and budget.time")
    return _found(Outcome.INCONCLUSIVE, headline, details, trend.slope, limit, act)


def _settle(question: Question) -> str:
    """Say what to do about a growth that ends."""
    place = question.limit.place
    return f"set settle beyond it; or accept it with a reason at {place}" if place else "let --setup fill it; or allow it: --max"


def _more(question: Question, act: str) -> str:
    """Say where what would settle it is written."""
    return f"{act} for {question.case} in policies/memory.yaml" if question.limit.place else act


def _things(unit: str) -> str:
    """Return what a unit counts: "step" of "B/step"."""
    return unit.partition("/")[2]


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
    holders = [
        f"{row.path}: {row.kind}, {row.gained:+.3g} items/{_things(unit)}, +{show_amount(row.size, unit)}, {row.items:,} items"
        + (f" of {row.bound:,}" if row.bound else "")
        for row in reading.holders[:_SHOWN]
        if row.gained >= _SLIGHT
    ]
    gaps = [f"{name}: {text}" for name, text in reading.pins.items() if name in {"parts", "lines", "types", "holders"}]
    parts = [f"parts: {', '.join(f'{part.name} {show_size(part.size)}' for part in reading.parts)}"] if reading.parts else []
    return (*parts, *lines, *types, *holders, *gaps)
