"""A verdict as a badge: the JSON that shields.io reads from an endpoint."""

from collections import Counter

from gate.facts.rows import Counted, Verdict
from gate.report.text import as_json

_COLOURS = {Counted.BROKEN: "purple", Counted.FAILED: "red", Counted.INCONCLUSIVE: "yellow"}


def write(verdict: Verdict) -> str:
    """Write one object; the badge is green only for a tree that is COMPLETED."""
    counts = Counter(row.counted for row in verdict.rows if row.open)
    worst = next((counted for counted in Counted if counts[counted]), None)
    passed = sum(row.counted is Counted.PASSED for row in verdict.rows)
    message = f"{passed} passed" if worst is None else f"{counts[worst]} {worst}"
    colour = "brightgreen" if worst is None else _COLOURS.get(worst, "lightgrey")
    return as_json({"schemaVersion": 1, "label": "gate", "message": message, "color": colour, "isError": not verdict.completed})
