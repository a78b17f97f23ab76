"""Plots over what is on record: the same question on earlier commits, and an agent before and after remedies."""

from collections.abc import Sequence
from string import hexdigits

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from gate.facts import Remedy
from gate.facts.rows import Past
from gate.facts.work import Question
from gate.report.page.easel import Easel
from gate.report.page.marks import SHORT, Plot, amount, data, interval, is_near, level, limit_key, span
from gate.units import show_amount, show_size

LEAST = 2  # different measurements that make a history


def history(easel: Easel, question: Question, past: Sequence[Past]) -> Plot | None:
    """Draw what a question measured over the commits on record, each with its interval."""
    if len({row.estimate.value for row in past}) < LEAST:
        return None
    at, values = range(len(past)), [row.estimate.value for row in past]
    ends = [end for row in past for end in (row.estimate.low, row.estimate.high)]
    limit = question.limit.most if is_near(question.limit, max(ends)) else None

    def paint(axes: Axes) -> list[Artist]:
        spans = [axes.plot([x, x], [row.estimate.low, row.estimate.high], gid="span")[0] for x, row in enumerate(past)]
        line = axes.plot(at, values, gid="readings")
        dots = axes.plot(at, values, "o", gid="dots")
        return [*spans, *line, *dots, *level(axes, limit)]

    def commit(x: float) -> str:
        """Name a commit by what is hexadecimal in it: matplotlib is given no text of others."""
        known = past[int(x)].commit if x == int(x) and 0 <= x < len(past) else ""
        return "".join(letter for letter in known if letter in hexdigits)[:7]

    across, up = (-0.3, len(past) - 0.7), span([*ends, *([] if limit is None else [limit])])
    drawing, frame = easel.plot(across, up, (commit, amount(question.limit.unit)), paint)
    words = [f"{row.commit[:12]} of {row.taken[:10]}: {interval(row.estimate, row.unit)}, {row.outcome}" for row in past]
    return Plot(
        title=f"{question.name}: {len(past)} measurements on record",
        drawing=drawing,
        data=data(list(map(float, at)), values, frame, words=words),
        says=f"{question.name} of {question.case}, from {show_amount(values[0], past[0].unit)} to {show_amount(values[-1], past[-1].unit)}",
        keys=(("readings", "measured"), ("span", "interval"), *limit_key(question.limit, limit)),
        digest=past[-1].digest[:SHORT],
    )


def remedies(easel: Easel, question: Question, rows: Sequence[Remedy], digest: str) -> Plot:
    """Draw what one agent weighs as it is, after each remedy, and with those that were tried."""
    values = [row.leaves for row in rows]
    limit = question.limit.most if is_near(question.limit, max(values)) else None

    def paint(axes: Axes) -> list[Artist]:
        bars = [
            artist
            for x, row in enumerate(rows)
            for artist in axes.bar([x], [row.leaves], 0.6, gid="bars" if row.tried else "guess").patches
        ]
        return [*bars, *level(axes, limit)]

    def name(x: float) -> str:
        return ("now", *map(str, range(1, len(rows))))[int(x)] if x == int(x) and 0 <= x < len(rows) else ""

    up = (0.0, span([0.0, *values, *([] if limit is None else [limit])])[1])
    drawing, frame = easel.plot((-0.6, len(rows) - 0.4), up, (name, show_size), paint)
    words = [f"{row.does or 'as agents are now'}: {show_size(row.leaves)}, {'measured' if row.tried else 'predicted'}" for row in rows]
    return Plot(
        title="remedies: one agent before and after",
        drawing=drawing,
        data=data([float(x) for x in range(len(rows))], values, frame, words=words),
        says=f"{question.case} before and after remedies: {'; '.join(words)}",
        keys=(("bars", "measured"), ("guess", "predicted"), *limit_key(question.limit, limit)),
        digest=digest[:SHORT],
    )
