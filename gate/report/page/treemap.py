"""Attribution as areas: squarify lays the rectangles out, each as large as the bytes that it stands for."""

from collections.abc import Sequence
from dataclasses import dataclass

import squarify

from gate.facts import Reading
from gate.units import show_amount

WIDTH, HEIGHT, _ONE = 360, 150, 44
_MOST = 16  # rectangles; the rest is one
_LETTER, _LINE = 5.6, 14  # pixels that a letter takes at the most, and a line
_GAP = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One rectangle."""

    x: float
    y: float
    width: float
    height: float
    name: str
    label: str  # as much of the name as fits
    amount: str
    shade: int  # 0 to 4, the largest first


@dataclass(frozen=True, kw_only=True, slots=True)
class Treemap:
    """What holds the bytes, one way to look at it."""

    title: str
    tiles: tuple[Tile, ...]
    says: str
    digest: str
    height: float


def of_reading(reading: Reading, unit: str, digest: str) -> list[Treemap]:
    """Lay out what is known of a reading: by type, and by the path that holds it."""
    ways = {
        "By type": [(row.name, row.size) for row in reading.types],
        "By holder path": [(row.path, row.size) for row in reading.holders],
    }
    size = "B" + unit[unit.index("/") :] if "/" in unit else "B"
    return [made for title, rows in ways.items() if (made := _laid_out(title, rows, size, digest))]


def _laid_out(title: str, rows: Sequence[tuple[str, float]], unit: str, digest: str) -> Treemap | None:
    """Lay out what is more than nothing, the largest first."""
    large = sorted(((name, size) for name, size in rows if size > 0), key=lambda row: -row[1])
    if not large:
        return None
    rest = large[_MOST:]
    shown = large[:_MOST] + ([(f"{len(rest)} more", sum(size for _, size in rest))] if rest else [])
    tall = HEIGHT if len(shown) > 1 else _ONE
    areas = squarify.normalize_sizes([size for _, size in shown], WIDTH, tall)
    boxes = squarify.squarify(areas, 0, 0, WIDTH, tall)
    tiles = tuple(
        Tile(
            x=round(box["x"], 1),
            y=round(box["y"], 1),
            width=round(max(0.5, box["dx"] - _GAP), 1),
            height=round(max(0.5, box["dy"] - _GAP), 1),
            name=name,
            label=_fitting(name, box["dx"], box["dy"]),
            amount=show_amount(size, unit),
            shade=min(at, 4),
        )
        for at, ((name, size), box) in enumerate(zip(shown, boxes, strict=True))
    )
    says = ", ".join(f"{tile.name} {tile.amount}" for tile in tiles[:3])
    return Treemap(title=title, tiles=tiles, says=says, digest=digest[:12], height=tall)


def _fitting(name: str, width: float, height: float) -> str:
    """Return the end of a name that fits: what tells paths apart is behind.

    >>> _fitting("numpy.ndarray", 100, 50), _fitting("agent.mind.world.A", 60, 50), _fitting("agent", 10, 50)
    ('numpy.ndarray', '….world.A', '')
    """
    room = int((width - 8) / _LETTER)
    if height < _LINE or room < 3:  # noqa: PLR2004 - letters that say anything
        return ""
    return name if len(name) <= room else f"…{name[-room + 1 :]}"
