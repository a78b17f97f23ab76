"""Readings as a line of blocks beside the limit that they met, or the same in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gate.facts import Reading, Series
from gate.facts.work import Question
from gate.units import show_size

BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH = 32  # blocks of one line
_WORDS = {"rss": "resident"}  # where a meter goes by another name in a headline
_BESIDE = {"heap mean", "round"}  # series that no headline is about
_NAME = 9  # columns of a name


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """Readings with what the limit would have allowed at each of them, both above what there was at the beginning."""

    name: str
    counts: tuple[int, ...]
    values: tuple[float, ...]
    limits: tuple[float, ...]
    over: str  # what the counts count
    bytes: bool


def lines(work: Question, reading: Reading, headline: str, *, words: bool) -> tuple[str, ...]:
    """Show the series that a headline is about; () when nothing was read."""
    found = _chosen(work, reading, headline)
    if found is None:
        return ()
    return (_worded(found),) if words else _blocks(found)


def _chosen(work: Question, reading: Reading, headline: str) -> Drawn | None:
    """Choose the series that the headline names first, or else the one that gained most of those that the limit is about."""
    sizes = work.limit.unit.startswith("B")
    rows = [row for row in reading.series if (row.unit == "B") is sizes and len(row.values) > 1 and row.meter not in _BESIDE]
    if not rows:
        return None
    places = {row.meter: headline.find(_WORDS.get(row.meter, row.meter)) for row in rows}
    named = [row for row in rows if places[row.meter] >= 0]
    row = min(named, key=lambda row: places[row.meter]) if named else max(rows, key=lambda row: row.values[-1] - row.values[0])
    return _peak(row, work) if work.name == "peak" else _gained(row, work)


def _gained(row: Series, work: Question) -> Drawn:
    """Tell what was gained since the first reading; of a footprint, what so many agents took."""
    weighs = row.over == "agents"
    start, first = (0, 0) if weighs else (row.values[0], row.counts[0])
    each = work.limit.most * (1 if weighs else work.moved)
    at = range(len(row.values)) if weighs else _thinned(len(row.values))
    return Drawn(
        name=_WORDS.get(row.meter, row.meter),
        counts=tuple(row.counts[one] for one in at),
        values=tuple(row.values[one] - start for one in at),
        limits=tuple(each * (row.counts[one] - first) for one in at),
        over="live agents" if weighs else f"{work.limit.unit.partition('/')[2]}s",
        bytes=row.unit == "B",
    )


def _peak(row: Series, work: Question) -> Drawn:
    """Tell the height of each step, of many the highest."""
    ends = _thinned(len(row.values))
    parts = [row.values[before + 1 : end + 1] for before, end in pairwise((-1, *ends))]
    return Drawn(
        name=_WORDS.get(row.meter, row.meter),
        counts=tuple(row.counts[end] for end in ends),
        values=tuple(float(max(part)) for part in parts),
        limits=(work.limit.most,) * len(ends),
        over="",
        bytes=True,
    )


def _thinned(number: int) -> list[int]:
    """Return the last reading of each of as many parts as a line has blocks."""
    parts = min(number, _WIDTH)
    return [number * (at + 1) // parts - 1 for at in range(parts)]


def _blocks(drawn: Drawn) -> tuple[str, ...]:
    """Draw both on one scale."""
    low, high = min(*drawn.values, *drawn.limits), max(*drawn.values, *drawn.limits)
    told, allowed = _ends(drawn)
    return (
        f"{drawn.name:<{_NAME}}{_line(drawn.values, low, high)}  {told}",
        f"{'limit':<{_NAME}}{_line(drawn.limits, low, high)}  {allowed}",
    )


def _line(values: Sequence[float], low: float, high: float) -> str:
    """Draw one line.

    >>> _line([0, 1, 2, 4], 0, 4), _line([3, 3], 3, 3)
    ('▁▃▅█', '▁▁')
    """
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[int((value - low) * scale + 0.5)] for value in values)


def _ends(drawn: Drawn) -> tuple[str, str]:
    """Say what the lines end with."""
    if not drawn.over:
        return f"at most {_amount(max(drawn.values), drawn)}", _amount(drawn.limits[-1], drawn)
    if drawn.over == "live agents":
        return f"{_amount(drawn.values[-1], drawn)} for {drawn.counts[-1]:,} {drawn.over}", _amount(drawn.limits[-1], drawn)
    return f"{_signed(drawn.values[-1], drawn)} in {drawn.counts[-1]:,} {drawn.over}", _signed(drawn.limits[-1], drawn)


def _worded(drawn: Drawn) -> str:
    """Tell the same to who cannot see blocks: where it ends, and whether it rises all the way."""
    told, allowed = _ends(drawn)
    if not drawn.over:
        highest = drawn.values.index(max(drawn.values))
        return f"{drawn.name}: {told}, first at step {drawn.counts[highest]:,} or shortly before; the limit is {allowed}"
    rises = sum(after > before for before, after in pairwise(drawn.values))
    return f"{drawn.name}: {told}, rising in {rises:,} of {len(drawn.values) - 1:,} parts; the limit allows {allowed}"


def _signed(value: float, drawn: Drawn) -> str:
    return ("+" if value >= 0 else "") + _amount(value, drawn)


def _amount(value: float, drawn: Drawn) -> str:
    return show_size(value) if drawn.bytes else f"{value:,.0f}"
