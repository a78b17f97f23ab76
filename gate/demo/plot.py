"""The picture of the report, drawn where matplotlib is installed; equal figures give equal bytes."""

import io
from importlib import util

from gate.demo.figures import CLAIMED, Figures
from gate.units import show_size

_WIDTH = 0.38  # of a bar, where the distance of two states is 1
_MARK = 24  # points: as high as one bar


def draw(found: Figures) -> bytes | None:
    """Return an SVG of bytes per agent before and after on a logarithmic axis, or None where matplotlib is missing."""
    if not util.find_spec("matplotlib"):
        return None
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to load
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    names = [row.state for row in found.rows]
    bars = {"before": [row.before.most for row in found.rows], "after": [row.after.most for row in found.rows]}
    marks = [(row.same.limit, at) for at, row in enumerate(found.rows) if not row.same.bound]
    if found.framework.stages:
        names.append(f"pymdp {found.framework.version}")
        first, last = found.framework.stages[0], found.framework.stages[-1]
        bars["before"].append(first[1].most)
        bars["after"].append(last[1].most)
    with mpl.rc_context({"svg.hashsalt": "heapgate", "font.size": 10}):
        picture = Figure(figsize=(8, 0.7 * len(names) + 1.2), layout="constrained", facecolor="white")
        axes = picture.subplots()
        for shift, (label, colour) in zip((-_WIDTH / 2, _WIDTH / 2), (("before", "#9aa5b1"), ("after", "#1f77b4")), strict=True):
            axes.barh([at + shift for at in range(len(names))], bars[label], _WIDTH, label=label, color=colour)
        axes.scatter(
            [size for size, _ in marks],
            [at + _WIDTH / 2 for _, at in marks],
            s=_MARK**2 / 4,
            marker="|",
            color="black",
            label="limit of what loses nothing",
            zorder=3,
        )
        axes.axvline(CLAIMED, color="#d62728", linestyle="--", label=show_size(CLAIMED))
        axes.set(xscale="log", xlabel="bytes of one more live agent", yticks=range(len(names)), yticklabels=names)
        axes.xaxis.set_major_formatter(lambda size, _: show_size(size))
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=4, frameon=False)
        drawn = io.BytesIO()
        picture.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return b"".join(line.rstrip() + b"\n" for line in drawn.getvalue().splitlines())
