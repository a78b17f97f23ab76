"""The plots of one memory question: what was read, the slope that was judged, its interval, and its limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf
from statistics import median

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from gate.facts import Estimate, Evidence, Outcome, Series
from gate.facts.rows import Past
from gate.facts.work import Question
from gate.report.page.easel import Easel
from gate.report.page.marks import FAR, SHORT, Plot, amount, data, limit_key, span
from gate.report.page.records import LEAST
from gate.units import show_amount

_MOST = 64  # readings that are drawn of one series
_WARM = {Outcome.FAILED: 0.25}  # share of a run that its verdict does not count
_COUNTED_FROM = 0.2  # likewise of one that did not fail


def of_question(easel: Easel, question: Question, found: Evidence, digest: str) -> list[Plot]:
    """Draw what was read for one question; what is level throughout says so in words, elsewhere."""
    drawn = [
        plot
        for series in found.reading.series
        if _is_told(question, series, found)
        if (plot := _of_series(easel, question, series, found, digest))
    ]
    return drawn[:2]


def level(question: Question, found: Evidence, past: Sequence[Past]) -> list[str]:
    """Say in words what a plot would only show as a level line."""
    rows = [row for row in found.reading.series if row.meter == _decided(question, found) or (question.name == "handles" and not row.unit)]
    still = [row.meter for row in rows if len(row.values) > 1 and min(row.values) == max(row.values)]
    said = [f"{', '.join(still)}: every reading is the same"] if still else []
    figures = {row.estimate.value for row in past}
    if len(past) >= LEAST > len(figures):
        said.append(f"{show_amount(past[0].estimate.value, past[0].unit)} in all {len(past)} measurements on record")
    return [f"{question.name}: {'; '.join(said)}"] if said else []


_BEGINS = {"resident": "rss", "memory mapped": "mapped", "traced": "traced", "threads": "threads", "children": "children"}


def _decided(question: Question, found: Evidence) -> str:
    """Return the meter that a finding is about: its headline begins with it."""
    if question.name == "peak":
        return next((row.meter for row in found.reading.series if f"({row.meter})" in found.finding.headline), "")
    usual = "fds" if question.name == "handles" else "heap"
    return next((meter for words, meter in _BEGINS.items() if found.finding.headline.startswith(words)), usual)


def _is_told(question: Question, series: Series, found: Evidence) -> bool:
    """Tell whether a series is drawn: the one that was judged, and every kind of handle that moved."""
    moved = len(series.values) > 1 and min(series.values) < max(series.values)
    handles = question.name == "handles" and not series.unit
    return moved and (handles or series.meter == _decided(question, found))


def _of_series(easel: Easel, question: Question, series: Series, found: Evidence, digest: str) -> Plot | None:
    """Draw one series with what was made of it."""
    slope, limit = found.finding.estimate, question.limit
    moved = question.moved if series.over == "steps" and question.name != "peak" else 1
    first = series.values[0] if series.over == "steps" and question.name != "peak" else 0
    counts, values = _thin(series.counts), [(value - first) / moved for value in _thin(series.values)]
    share = _WARM.get(found.finding.outcome, _COUNTED_FROM) if series.over == "steps" and question.name != "peak" else 0.0
    begin = share * counts[-1]
    fits = question.name != "peak" and series.meter == _decided(question, found)
    line = _Line.through(counts, values, begin, slope) if fits and slope else None
    goal = limit.most if question.name == "peak" else limit.bar
    shown = _limits(question, goal, line, values, counts)
    kept = [*values, *(line.ends if line else ()), *(y for _, y in shown)]

    def paint(axes: Axes) -> list[Artist]:
        artists: list[Artist] = []
        if share:
            artists.append(axes.axvspan(counts[0], begin, gid="warm"))
        if line:
            artists += line.paint(axes)
        if shown:
            artists += axes.plot([x for x, _ in shown], [y for _, y in shown], gid="limit")
        few = series.over == "agents"
        artists += axes.plot(counts, values, gid="readings") if not few else axes.plot(counts, values, "o", gid="dots")
        return artists

    across = (0.0, counts[-1] * 1.05) if series.over == "agents" else (float(counts[0]), float(counts[-1]))
    drawing, frame = easel.plot(across, span(kept), (lambda x: f"{x:,.0f}", amount(series.unit or "/")), paint)
    return Plot(
        title=_title(question, series),
        drawing=drawing,
        data=data([float(count) for count in counts], values, frame, unit=series.unit, over=series.over),
        says=f"{_title(question, series)}: {found.finding.headline}",
        keys=_keys(question, series, slope if line else None, share=share, shown=bool(shown)),
        digest=digest[:SHORT],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """A slope laid through readings: through the median of what is left when it is taken away."""

    begin: float
    end: float
    start: float  # height at begin
    slope: Estimate

    @classmethod
    def through(cls, counts: Sequence[int], values: Sequence[float], begin: float, slope: Estimate) -> "_Line":
        """Lay a slope through what was read from `begin` on."""
        rows = [(count, value) for count, value in zip(counts, values, strict=True) if count >= begin]
        start = median(value - slope.value * (count - begin) for count, value in rows)
        return cls(begin=begin, end=counts[-1], start=start, slope=slope)

    @property
    def ends(self) -> tuple[float, float]:
        """Return its heights at both ends."""
        return self.start, self.start + self.slope.value * (self.end - self.begin)

    def paint(self, axes: Axes) -> list[Artist]:
        """Draw it, with its interval turned about its middle."""
        middle, half = (self.begin + self.end) / 2, (self.end - self.begin) / 2
        height = self.start + self.slope.value * half
        low, high = sorted((self.slope.low, self.slope.high))
        across = [self.begin, middle, self.end]
        fan = axes.fill_between(
            across, [height - high * half, height, height + low * half], [height - low * half, height, height + high * half], gid="fan"
        )
        return [fan, *axes.plot([self.begin, self.end], self.ends, gid="fit", zorder=3)]


def _limits(
    question: Question, goal: float, line: _Line | None, values: Sequence[float], counts: Sequence[int]
) -> list[tuple[float, float]]:
    """Return the ends of the line that a limit draws, cut where it leaves what was read far behind; none when that is at once."""
    if isinf(goal):
        return []
    top = max(*values, *(line.ends if line else ()), 1.0)
    if question.name == "peak":
        return [(counts[0], goal), (counts[-1], goal)] if goal <= FAR * top else []
    if line is None:
        return []
    rise = goal * (line.end - line.begin)
    if question.name == "footprint":
        return [(line.begin, line.start), (line.end, line.start + rise)] if rise <= FAR * top else []
    share = min(1.0, FAR * top / rise) if rise > FAR * top else 1.0
    return [(line.begin, line.start), (line.begin + share * (line.end - line.begin), line.start + share * rise)]


def _title(question: Question, series: Series) -> str:
    meter = {"rss": "resident memory", "mapped": "mapped memory", "traced": "traced memory"}.get(series.meter, series.meter)
    if question.name == "footprint":
        return f"footprint: {meter} by live agents"
    if question.name == "peak":
        return f"peak: {meter} in each step"
    each = " of one agent" if question.population > 1 or question.subject.form == "agents" else ""
    return f"{question.name}: {meter}{each} since step {series.counts[0]:,}"


def _keys(question: Question, series: Series, slope: Estimate | None, *, share: float, shown: bool) -> tuple[tuple[str, str], ...]:
    """Say what each shape stands for, with its figures."""
    unit, limit = question.limit.unit, question.limit
    left = f", every {step}." if (step := _stride(len(series.values))) > 1 else ""
    keys = [("dots" if series.over == "agents" else "readings", f"{len(series.values)} readings{left}")]
    if slope:
        keys += [("fit", show_amount(slope.value, unit)), ("fan", f"{show_amount(slope.low, unit)} to {show_amount(slope.high, unit)}")]
    if share:
        keys.append(("warm", f"warm-up, not judged: the first {share:.0%}"))
    return (*keys, *limit_key(limit, limit.most if shown else None, bar=question.name == "growth" and not limit.most))


def _stride(number: int) -> int:
    return -(-number // _MOST)


def _thin(rows: Sequence[int]) -> list[int]:
    """Leave out readings between others where there are too many; the last one stays."""
    step = _stride(len(rows))
    return list(rows[::-1][::step][::-1])
