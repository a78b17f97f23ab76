"""One easel for all plots: matplotlib works out the geometry, and the page's style sheet says how it looks."""

import re
from collections.abc import Callable, Iterator, Sequence
from xml.etree import ElementTree as ET

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

WIDTH, HEIGHT = 360, 168  # points, which are pixels of the view box
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 10, 8, 22
_TICKS = 4
_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+\.\d+")
_LETTER = re.compile(r"\s*([A-Za-z])\s*")
_LINES = re.compile(r"(?<=L)[^A-KM-Za-z]+")  # from the first line of some to the last
_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_OWN = ("readings", "fit", "fan", "limit", "warm", "dots", "bars", "guess", "span")  # what is drawn here; all other groups are the axes'

Frame = tuple[float, ...]  # left, top, width and height of the axes in pixels; least x, most x, least y, most y in data


class _Sink(list[str]):
    """Keep what is written to it."""

    def write(self, text: str) -> None:
        """Keep a text."""
        self.append(text)


class Easel:
    """Axes that are set up once and drawn on again and again: setting them up takes longer than a plot."""

    def __init__(self) -> None:
        """Set the axes up."""
        self._figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), dpi=72, facecolor="none")
        box = _LEFT / WIDTH, _BOTTOM / HEIGHT, (WIDTH - _LEFT - _RIGHT) / WIDTH, (HEIGHT - _TOP - _BOTTOM) / HEIGHT
        self.axes: Axes = self._figure.add_axes(box, facecolor="none")
        self.axes.spines[:].set_visible(False)
        self.axes.tick_params(length=0)

    def plot(
        self,
        across: tuple[float, float],
        up: tuple[float, float],
        names: tuple[Callable[[float], str], Callable[[float], str]],
        paint: Callable[[Axes], Sequence[Artist]],
    ) -> tuple[Markup, Frame]:
        """Draw what `paint` puts on axes with these ends; return the drawing and where its axes lie. `names` write the ticks."""
        axes = self.axes
        axes.set(xlim=across, ylim=up)
        for axis, name in zip((axes.xaxis, axes.yaxis), names, strict=True):
            axis.set_major_locator(MaxNLocator(_TICKS, steps=[1, 2, 2.5, 5, 10], integer=axis is axes.xaxis or up[1] - up[0] > 1))
            axis.set_major_formatter(FuncFormatter(lambda value, _, name=name: name(value)))
        painted = paint(axes)
        sink = _Sink()
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "heapgate", "font.size": 9, "path.simplify": False}):
            renderer = RendererSVG(WIDTH, HEIGHT, sink, metadata=_METADATA)  # type: ignore[no-untyped-call] # untyped
            self._figure.draw(renderer)
            renderer.finalize()  # type: ignore[no-untyped-call] # untyped
        for artist in painted:
            artist.remove()
        frame = (_LEFT, _TOP, WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM, *axes.get_xlim(), *axes.get_ylim())
        return Markup("").join(slim("".join(sink))), tuple(map(float, frame))


def slim(drawn: str) -> Iterator[Markup]:
    """Keep shapes and texts of a drawing, without styles; the class of each says what it is.

    >>> svg = '<svg xmlns="http://www.w3.org/2000/svg"><g id="fit"><path d="M 1.234567 2 L 3 4" style="fill: #000000"/></g></svg>'
    >>> list(slim(svg))
    [Markup('<path class="fit" d="M1.2 2L3 4"/>')]
    """
    root = ET.fromstring(drawn)  # noqa: S314 - matplotlib has just written it
    groups = [(group.get("id", ""), group) for group in root.iter(f"{_SVG}g")]
    for name, group in groups:  # beneath everything else
        if name.startswith(("xtick_", "ytick_")):
            yield from _tick(name[0], group)
    shapes = {path.get("id"): path.get("d", "") for path in root.iter(f"{_SVG}path")}
    for name, group in groups:
        if name in _OWN:
            for path in group.iter(f"{_SVG}path"):
                if not path.get("id"):
                    yield _path(name, path.get("d", ""))
            for use in group.iter(f"{_SVG}use"):
                yield _used(name, use, shapes)


def _tick(axis: str, group: ET.Element) -> Iterator[Markup]:
    """Yield the text of a tick and, beside y, its line across."""
    for text in group.iter(f"{_SVG}text"):
        x, y = (float(text.get(name, 0)) for name in "xy")
        if axis == "y":
            yield Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(_LEFT, y - 3.4, WIDTH - _RIGHT)
        yield Markup('<text class="{}" x="{:.0f}" y="{:.0f}">{}</text>').format(axis, x, y, text.text or "")


def _used(name: str, use: ET.Element, shapes: dict[str | None, str]) -> Markup:
    """Put a shape that is drawn in many places into one of them: a dot becomes a circle, an area its path."""
    x, y = (float(use.get(key, 0)) for key in "xy")
    shape = shapes.get(use.get(_LINK, "")[1:], "")
    if name == "dots":
        return Markup('<circle class="dots" cx="{:.1f}" cy="{:.1f}" r="2.5"/>').format(x, y)
    return _path(name, shape, f' transform="translate({x:g} {y:g})"')


def _path(name: str, place: str, more: str = "") -> Markup:
    rounded = _NUMBER.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), place)
    short = _LINES.sub(lambda found: found[0].replace("L", " "), _LETTER.sub(r"\1", rounded)).strip()
    return Markup(f'<path class="{escape(name)}" d="{escape(short)}"{more}/>')  # noqa: S704 - escaped
