"""What one more live agent's bytes belong to: two fresh children that read their own heaps, and the slope between them."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from statistics import median

from gate.facts import Part, Reading
from gate.facts.work import Question
from gate.measure.agents import Fresh

_FEWEST = 2  # agents: one alone shares nothing


def split(question: Question, root: Path, reading: Reading) -> Reading:
    """Split the footprint of a reading into what is private, shared, the framework's and unexplained; all add up to its heap slope.

    As the footprint itself, each part is a slope over numbers of live agents: what is there once for all of them is in none. What is
    missing is said among the pins.
    """
    heap = next((row for row in reading.series if row.meter == "heap"), None)
    if heap is None:
        return replace(reading, pins={**reading.pins, "parts": "not measured: this platform has no exact heap meter"})
    few = max(_FEWEST, min(question.sizes))
    sizes = few, max(*question.sizes, few + 1)
    rows, wall, cpu = [], reading.wall, reading.cpu
    for size in sizes:
        with Fresh(question, root, most=size) as child:
            told, trouble = child.ask("parts", size=size, settle=question.settle)
            took = child.reading(told, trouble)
        wall, cpu = wall + took.wall, cpu + took.cpu
        if trouble:
            return replace(reading, wall=wall, cpu=cpu, pins={**reading.pins, "parts": f"not measured: {trouble.splitlines()[0]}"})
        rows.append(told["parts"])
    found = {name: (rows[1][name] - rows[0][name]) / (sizes[1] - sizes[0]) for name in rows[0]}
    pairs = combinations(zip(heap.counts, heap.values, strict=True), 2)
    slope = median((after - before) / (more - fewer) for (fewer, before), (more, after) in pairs)
    parts = (*(Part(name=name, size=size) for name, size in found.items()), Part(name="unexplained", size=slope - sum(found.values())))
    return replace(reading, wall=wall, cpu=cpu, parts=parts)
