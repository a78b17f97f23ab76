"""Decide whether footprint, growth and handles are within their limits."""

from dataclasses import replace
from itertools import groupby

from gate.facts import Estimate, Finding, Outcome, Reading, Series
from gate.facts.work import Limit, Question
from gate.judge import growth, peak, reports, trend
from gate.units import show_amount, show_size

_SLACK = 1 << 18  # bytes by which pages may exceed what they hold when a population is built
_LEAST = {"mapped": 1 << 18, "rss": 1 << 21}  # bytes that these may move by themselves: pages, allocator slack
_HANDLES = {"fds": 128, "threads": 128, "children": 32, "segments": 32}  # as many as a pool may open
_WORDS = {"heap": "heap", "mapped": "memory mapped past malloc", "rss": "resident memory"}
_WEIGHED = {"heap": "heap", "rss": "resident", "traced": "traced"}  # what a limit of a footprint may be about
_LARGER = ("heap", "rss")  # what decides when a policy names no meter
_RULE_OF_THREE = 3  # an event that was not seen in n trials happens in fewer than 3 of n, at 95 %
_FEW_THREADS = Limit(most=0, resolution=0.01, unit="/step")  # from which their stacks are what is mapped
_FULL = 0.01  # share of a weight that may be missing when it counts as full
_SLIGHT = 0.01  # share of the heaviest line or type below which another is not worth reading
_GAINED = ("memory", "handles")  # why a watch ended early: so much was gained
_SHOWN = 5  # lines and types of an explanation
_CALLS = 6  # calls that led to the worst line


def judge(question: Question, reading: Reading) -> Finding:
    """Decide one question about one agent case."""
    series = {row.meter: row for row in reading.series}
    if reading.trouble and (question.name == "footprint" or not series):
        return reports.broken(reading.trouble)
    if reading.ended and not series:
        headline = f"not one window of {_things(question.limit.unit)}s was over when the time was"
        act = _more(question, "raise budget.time", "--budget-seconds gives it more")
        return _found(Outcome.INCONCLUSIVE, headline, [], None, question.limit, act)
    if question.name == "footprint":
        found = _footprint(series, question.limit)
    elif question.name == "peak":
        found = peak.judge(series, question)
    elif question.name == "handles":
        found = _handles(series, question, cut=reading.ended in _GAINED)
    else:
        found = _growth(series, question, cut=reading.ended in _GAINED)
    if reading.ended in _GAINED and found.outcome is Outcome.INCONCLUSIVE:
        why = f"the watch ended because so much {'was gained' if reading.ended == 'memory' else 'stayed open'}"
        found = replace(
            found, next_act=_more(question, f"{why}: raise budget.memory", f"{why}: keep less in each {_things(question.limit.unit)}")
        )
    if reading.trouble and found.outcome is not Outcome.FAILED:
        return reports.broken(reading.trouble)
    details = (
        *found.details,
        *(["then it ended: " + line for line in reading.trouble.splitlines()[:1]]),
        f"measured in {reading.samples} fresh process{'es' if reading.samples > 1 else ''}{_chance(question)}",
    )
    if question.limit.because:
        details = (*details, f"the limit's reason: {question.limit.because}")
    return replace(found, details=details)


def unlike(one: Finding, two: Finding) -> Finding:
    """Say of two weighings that only the first was too heavy; what is broken stays so."""
    if two.outcome in {Outcome.BROKEN, Outcome.SKIPPED}:
        return two
    act = "build agents that follow from their index alone: the same ones in every process"
    return replace(two, outcome=Outcome.INCONCLUSIVE, headline=f"{one.headline}; weighed again: {two.headline}", next_act=act)


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
    details += _started(series)
    if slope.low > limit.most:
        act = f"make one agent lighter, or {f'explain a higher limit at {limit.place}' if limit.place else 'allow it: --max'}"
        return _found(Outcome.FAILED, f"{shown}, limit {most}", details, slope, limit, act)
    if slope.high > limit.most:
        act = f"name more or larger sizes at {limit.place}" if limit.place else "allow a little more or less: --max"
        return _found(Outcome.INCONCLUSIVE, f"{shown} lies on both sides of the limit {most}", details, slope, limit, act)
    return _found(Outcome.PASSED, f"{shown}, limit {most}", details, slope, limit)


def _decides(rows: dict[str, Series], slopes: dict[str, Estimate], limit: Limit) -> str:
    """Return the meter that a footprint is judged by: the one that the policy names, or the larger one.

    What is resident comes in pages, so it counts as larger only when the agents took more than page noise beyond the heap; and what
    is plainly too heavy for the heap meter is not saved by an interval of pages.
    """
    if limit.meter in _WEIGHED:
        return limit.meter
    there = [name for name in _LARGER if name in rows]
    if len(there) < len(_LARGER):
        return next(iter(there), "heap")
    heap, rss = (rows[name].values[-1] - rows[name].values[0] for name in _LARGER)
    if rss - heap <= _SLACK or slopes["rss"].value <= slopes["heap"].value or slopes["rss"].low <= limit.most < slopes["heap"].low:
        return "heap"
    return "rss"


def _chance(question: Question) -> str:
    """Say how often noise alone may fail a watch; a footprint and a peak are not a matter of chance."""
    return "" if question.name in {"footprint", "peak"} else f", alpha {question.limit.alpha:g}"


def _growth(series: dict[str, Series], question: Question, *, cut: bool) -> Finding:
    """Decide whether the heap keeps growing, and rule out growth that the heap meter or the footprint cannot see."""
    if "heap" not in series:
        return Finding(outcome=Outcome.SKIPPED, headline="not measured: this platform has no exact heap meter")
    limit, heap = question.limit, series["heap"]
    steps = heap.counts[-1]
    seen = {"heap": growth.judge(heap, limit, question.moved, mean=series.get("heap mean"), cut=cut)}
    for name, least in _LEAST.items():
        if name in series:
            seen[name] = growth.judge(series[name], limit, question.moved, least=least, cut=cut)
    if "threads" in series and growth.judge(series["threads"], _FEW_THREADS, question.moved).outcome is Outcome.FAILED:
        seen.pop("mapped", None)  # the stack of each thread is mapped: the question about handles tells of it
    details = [f"{_WORDS[name]} {_interval(told.slope, limit.unit)} over {steps:,} {_things(limit.unit)}s" for name, told in seen.items()]
    if question.moved > 1:
        together = growth.judge(heap, limit, 1, mean=series.get("heap mean")).slope
        details.append(f"heap of all {question.moved} together {_interval(together, limit.unit)}")
    details += _started(series)
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
    # with a limit the meter that gains most is the answer, where it gained more than pages move by themselves
    name = max(seen, key=lambda name: seen[name].slope.value if name == "heap" or seen[name].rise >= _LEAST[name] else 0)
    name = name if limit.most else "heap"
    return _passed(_WORDS[name], seen[name], details, question, steps)


def full(question: Question, reading: Reading, finding: Finding) -> Finding:
    """Refuse a level run before which each agent gained more than its whole footprint may be: it was weighed before it was full."""
    heap = next((series for series in reading.series if series.meter == "heap"), None)
    if finding.outcome is not Outcome.PASSED or question.name != "growth" or not (question.weight and reading.start and heap):
        return finding
    empty, paced, early = reading.start
    level = heap.values[len(heap.values) // 4]
    filling = [(paced, early), *zip(heap.counts, heap.values, strict=True)]
    steps = next((count for count, value in filling if value >= level - _FULL * (level - empty)), 0)
    gained = (level - empty) / question.population
    if gained - question.limit.most * steps <= question.weight:
        return finding
    headline = f"one agent gained {show_size(gained)} in its first {steps:,} steps, more than its whole footprint may be"
    act = f"set settle: {question.settle + steps} for {question.case} in policies/memory.yaml, to weigh an agent when it is full"
    return replace(finding, outcome=Outcome.INCONCLUSIVE, headline=headline, next_act=act)


def _handles(series: dict[str, Series], question: Question, *, cut: bool) -> Finding:
    """Decide whether any kind of handle keeps being opened: the worst kind is the answer, all of them are told."""
    limit = question.limit
    kinds = {
        name: growth.judge(row, limit, question.moved, least=_HANDLES[name], cut=cut) for name, row in series.items() if name in _HANDLES
    }
    steps = next(iter(series.values())).counts[-1]
    details = [f"{name} {_interval(told.slope, limit.unit)} over {steps:,} {_things(limit.unit)}s" for name, told in kinds.items()]
    worst = max(kinds, key=lambda name: (_WORST.index(kinds[name].outcome), kinds[name].slope.value))
    seen = kinds[worst]
    if seen.outcome is Outcome.FAILED:
        headline = f"{worst} grow by {_interval(seen.slope, limit.unit)}, limit {show_amount(limit.most, limit.unit)}"
        act = f"close what is opened; if it has a bound, {_settle(question)}"
        return _found(Outcome.FAILED, headline, details, seen.slope, limit, act)
    if seen.outcome is Outcome.INCONCLUSIVE:
        return _undecided(worst, seen, details, question, steps)
    return _passed(worst if limit.most else ", ".join(kinds), seen, details, question, steps)


def _passed(name: str, trend: growth.Trend, details: list[str], question: Question, steps: int) -> Finding:
    """Word what a level run excludes, unless it was shorter than it had to be."""
    limit, thing = question.limit, _things(question.limit.unit)
    if steps < question.steps:
        headline = f"level for {steps:,} of {question.steps:,} {thing}s; the budget ended then"
        act = _more(question, "raise budget.time and budget.cpu, or lower steps,", "--budget-seconds gives it more, or lower --steps")
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
    longer = f"watch four times as long ({steps * 4:,} {thing}s)"
    act = _more(question, f"{longer}: raise budget.cpu and budget.time", f"{longer}: --budget-seconds {4 * question.budget.cpu:g}")
    return _found(Outcome.INCONCLUSIVE, headline, details, trend.slope, limit, act)


def _settle(question: Question) -> str:
    """Say what to do about a growth that ends."""
    place = question.limit.place
    return f"set settle beyond it; or accept it with a reason at {place}" if place else "let --setup fill it; or allow it: --max"


def _more(question: Question, policy: str, command: str) -> str:
    """Say what would settle it: keys of the policy where there is one, else words of the command."""
    return f"{policy} for {question.case} in policies/memory.yaml" if question.limit.place else command


def _started(series: dict[str, Series]) -> list[str]:
    """Say how many processes beside the child are in what is resident."""
    started = max(series["children"].values, default=0) if "children" in series else 0
    return [f"resident memory counts {started:,} more process{'es' if started > 1 else ''} that it started"] if started > 0 else []


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
    own = [place for place in spots[0].trace if not place.startswith("/")] if spots else []
    calls = [place for place, _ in groupby(own)][-_CALLS:]  # a comprehension is a call of its own
    lines[1:1] = [f"  by way of {' > '.join(calls)} (most recent call last)"] if len(calls) > 1 else []
    rows = [row for row in reading.types[:_SHOWN] if row.size >= _SLIGHT * reading.types[0].size]
    types = [f"type {row.name}: {show_amount(row.size, unit)} in {row.count:.3g} objects" for row in rows]
    size = f"B/{_things(unit)}"
    holders = [
        f"{row.path}: {row.kind}, {row.gained:+.3g} items/{_things(unit)}, +{show_amount(row.size, size)}, {row.items:,} items"
        + (f" of {row.bound:,}" if row.bound else "")
        for row in reading.holders[:_SHOWN]
        if row.gained >= _SLIGHT
    ]
    gaps = [f"{name}: {text}" for name, text in reading.pins.items() if name in {"parts", "lines", "types", "holders"}]
    parts = [f"parts: {', '.join(f'{part.name} {show_size(part.size)}' for part in reading.parts)}"] if reading.parts else []
    return (*parts, *lines, *types, *holders, *gaps)
