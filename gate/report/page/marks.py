"""What all plots have in common: words, ends of axes, and what a pointer is told."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isinf

from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from gate.facts import Estimate
from gate.facts.work import Limit
from gate.report.page.easel import Frame
from gate.report.text import plain
from gate.units import show_amount, show_size

FAR = 3.0  # times what was read: a limit further away is told, not drawn
SHORT = 12  # letters of a digest
_ROOM = 0.08  # of the height, left free above and below


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """One drawing with the words that belong to it."""

    title: str
    drawing: Markup
    data: Markup  # JSON for who points at it: readings, frame, units
    says: str  # the same in a sentence
    keys: tuple[tuple[str, str], ...]  # class of a shape, what it stands for
    digest: str


def limit_key(limit: Limit, shown: float | None, *, bar: bool = False) -> tuple[tuple[str, str], ...]:
    """Say what a limit is; of one that is not drawn, that it is far above. `bar` tells what growth is excluded where none is allowed."""
    if isinf(limit.most):
        return ()
    most = show_amount(limit.bar if bar else limit.most, limit.unit)
    words = f"less than {most} is allowed" if bar else f"limit {most}"
    return (("limit", words if shown is not None else f"{words}, far above"),)


def level(axes: Axes, most: float | None) -> list[Artist]:
    """Draw a limit as a level line."""
    return [] if most is None else [axes.axhline(most, gid="limit")]


def is_near(limit: Limit, most: float) -> bool:
    """Tell whether a limit can be drawn beside what was measured without pressing that flat."""
    return not isinf(limit.most) and limit.most <= FAR * max(most, limit.resolution)


def span(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis that has room for all values, with 0 where that is near."""
    low, high = min(values), max(values)
    low = 0.0 if 0 < low < (high - low) else low
    room = _ROOM * (high - low) or max(1.0, abs(high) * _ROOM)
    return (low if low == 0 else low - room), high + room


def amount(unit: str) -> Callable[[float], str]:
    """Return what writes the ticks of a quantity."""
    return lambda value: show_amount(value, unit) if not unit.startswith("B") else show_size(value)


def interval(slope: Estimate, unit: str) -> str:
    """Write a figure and its interval."""
    return f"{show_amount(slope.value, unit)} [{show_amount(slope.low, unit)}, {show_amount(slope.high, unit)}]"


def data(
    across: Sequence[float], up: Sequence[float], frame: Frame, *, unit: str = "", over: str = "", words: Sequence[str] = ()
) -> Markup:
    """Write what a pointer is told: readings as they are, and where they lie."""
    body: dict[str, object] = {
        "x": [_short(value) for value in across],
        "y": [_short(value) for value in up],
        "f": [_short(end) for end in frame],
    }
    body |= {"t": [plain(word) for word in words]} if words else {"u": unit, "o": over}
    text = json.dumps(body, separators=(",", ":"))  # ASCII
    for letter in "&<>'":  # to JSON both are the same, and in an attribute between single quotes this is the shorter one
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # noqa: S704 - nothing is left that ends an attribute


def _short(value: float) -> float:
    return int(value) if value == int(value) else round(value, 3)
