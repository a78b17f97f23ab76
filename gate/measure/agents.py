"""Agent cases: fresh children that hold the user's code and answer what is asked about it."""

import json
import linecache
import time
from dataclasses import replace
from pathlib import Path
from typing import Self

from gate.facts import Holder, Hotspot, Look, Reading, Series, TypeSize
from gate.facts.work import Question
from gate.measure import nursery, throwaway

_SHARE = 0.8  # of the wall clock that stepping may use; a child that is still busy at the end of it is stopped
_TRACED = 1024  # steps of a traced run, at the most
_FEWEST = 128  # and at the least, when the time allows: a list that grows asks for more room now and then
_SLOWER = 20  # times, when every allocation is traced
_TRACING = 0.3  # seconds that traced steps may take, if these are not too few
_EXPLAINED = 0.5  # share of the growth that lines of Python must explain before nobody looks further
_FILLS = 16  # a population may gain one part in so many of the memory that it may have before its watch ends
_FIRST, _FEW, _MANY = 2, 4, (24, 12, 6)  # live agents, where a policy names no sizes
_MUCH = 256 * 10**6  # bytes that they may weigh together
_COUNTED = {"fds", "threads", "children", "segments"}  # meters that read no bytes

Answer = nursery.Answer


class Fresh:
    """One fresh child; it lives as long as the with block, and nothing of it stays."""

    def __init__(self, question: Question, root: Path, *, most: int = 0, remember: bool = False, spent: float = 0.0) -> None:
        """Describe the child, with room for `most` agents; `remember` makes it note how large every container is.

        `spent` is what a child before took of the seconds of work. The child is there with the first wish.
        """
        self._question, self._root, self._remember = question, root, remember
        self._enough = max(question.budget.cpu - spent, question.budget.cpu / 2)
        self._began, self._until = time.perf_counter(), 0.0
        self._how = {
            "settle": question.settle,
            "population": question.population,
            "churn": question.churns,
            "most": max(most, question.population) + 1,
        }
        self._process: nursery.Process | None = None

    def __enter__(self) -> Self:
        """Hold the child."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the child."""
        if self._process:
            self._process.end(*error)

    def ask(self, do: str, **how: object) -> tuple[Answer, str]:
        """Put one wish; return the answer and, when it cannot be used, why."""
        process = self._there()
        if process.child is None or "error" in process.loaded:
            return process.loaded, str(process.loaded["error"])
        told, why = nursery.answer(process.child.ask(json.dumps({"do": do, "how": how})))
        if why or (told and "error" not in told):
            return told, why
        return told, str(told.get("error", "")) or nursery.trouble(process.child.end(), self._question)

    def _there(self) -> nursery.Process:
        """Return the process, which begins with the first wish."""
        if self._process is None:
            self._process = nursery.child(self._question, self._root, self._how)
            self._until = time.monotonic() + self._question.budget.seconds * _SHARE
        return self._process

    def watch(self, look: Look) -> Reading:
        """Watch until as many steps and as much work are behind as the look wants, or a budget ends it."""
        self._there()
        budget = self._question.budget
        told, trouble = self.ask(
            "watch",
            steps=look.steps,
            seconds=look.seconds,
            enough=self._enough,
            until=self._until,
            most=budget.memory // _FILLS,
            remember=self._remember,
        )
        series = _series(told.get("table", {}))
        return replace(self.reading(told, trouble), series=series, ended=told.get("why", ""), start=tuple(told.get("start", ())))

    def holders(self, reading: Reading) -> Reading:
        """Add to a reading which containers grew."""
        told, trouble = self.ask("holders")
        found = tuple(Holder(**row) for row in told.get("holders", ()))
        pins = {**reading.pins, "holders": trouble} if trouble else reading.pins
        return replace(reading, holders=found, pins=pins)

    def reading(self, told: Answer, trouble: str) -> Reading:
        """Gather what the child says of itself."""
        pins = dict(told.get("pins", {}))
        if "noise" in told:
            pins["noise floor"] = f"{told['noise']} B over 1,000 steps of nothing"
        return Reading(
            wall=time.perf_counter() - self._began,
            cpu=float(told.get("cpu", 0.0)) + (self._process.cpu if self._process else 0.0),
            samples=1,
            pins=pins,
            versions={"python of the measured child": str(told["python"])} if "python" in told else {},
            trouble=trouble,
        )


def footprint(question: Question, root: Path) -> Reading:
    """Weigh one more live agent: a fresh child for each population size; the first child suggests the others when there are none."""
    readings: list[Reading] = []
    rows: list[Answer] = []
    sizes = list(question.sizes) or [_FIRST]
    for size in sizes:
        with Fresh(question, root, most=2 * size) as child:
            told, trouble = child.ask("footprint", size=size, settle=question.settle)
            readings.append(child.reading(told, trouble))
        if trouble:
            return _summed(readings)
        rows.append(told)
        if sizes == [_FIRST] and not question.sizes:
            sizes += _suggested(told)
    series = tuple(
        Series(
            meter=name,
            unit="" if name in _COUNTED else "B",
            over="agents",
            counts=tuple(sizes),
            values=tuple(row[name][1] - row[name][0] for row in rows),
        )
        for name in ("heap", "rss", "mapped", "traced", "children")
        if all(row[name][0] >= 0 for row in rows)
    )
    return replace(_summed(readings), series=series)


def _suggested(told: Answer) -> list[int]:
    """Return further population sizes, by what an agent of the first one weighs: many are steadier, and may fill the machine."""
    weight = max(told[name][1] - told[name][0] for name in ("heap", "rss")) / _FIRST
    most = next((size for size in _MANY if size * weight <= _MUCH), _FEW)
    return [(_FIRST + most) // 2, most]


def peak(question: Question, root: Path) -> Reading:
    """Read what single steps need at their height, above what is held before them; of a population, per agent."""
    with Fresh(question, root) as child:
        told, trouble = child.ask("peak")
        reading = child.reading(told, trouble)
    share = question.population if question.subject.form == "population" else 1
    series = tuple(
        Series(
            meter=name,
            unit="B",
            over="steps",
            counts=tuple(range(1, len(values) + 1)),
            values=tuple(value // (1 if name == "round" else share) for value in values),
        )
        for name, values in told.get("peak", {}).items()
        if values and min(values) >= 0
    )
    return replace(reading, series=series)


def explain(question: Question, root: Path, reading: Reading) -> Reading:
    """Ask more children, slow ones, which lines and which types hold the memory; what no line of Python explains is asked natively."""
    if question.name in {"handles", "peak"}:
        return _placed(question, root, reading)
    weighs = question.name == "footprint"
    agents, steps = (question.sizes[0], 0) if weighs else (question.population, _traced(reading))
    with Fresh(question, root, most=2 * agents + 1) as child:
        told, trouble = child.ask("lines", agents=agents, steps=steps, seconds=throwaway.seconds(question))
        took = child.reading(told, trouble)
    lines = tuple(_hotspot(line, root) for line in told.get("lines", ()))
    types = tuple(TypeSize(name=name, count=count, size=size) for name, count, size in told.get("types", ()))
    said, wall = {"lines": trouble} if trouble else {}, 0.0
    if steps and sum(line.size for line in lines) < _EXPLAINED * _gained(reading) / question.moved:
        more, extra, nowhere = throwaway.native(question, root, agents, steps)
        lines, wall = tuple(sorted((*lines, *more), key=lambda line: -line.size)), extra
        said |= {"lines": nowhere} if nowhere else {}
    spent = replace(reading, wall=reading.wall + took.wall + wall, cpu=reading.cpu + took.cpu)
    return replace(spent, hotspots=lines, types=types, pins={**reading.pins, **said})


def _placed(question: Question, root: Path, reading: Reading) -> Reading:
    """Ask one more child at which lines handles are opened, or where a step reaches its height."""
    how = {"agents": question.population, "steps": _traced(reading), "seconds": throwaway.seconds(question)}
    with Fresh(question, root) as child:
        told, trouble = child.ask("height") if question.name == "peak" else child.ask("opened", **how)
        took = child.reading(told, trouble)
    lines = tuple(_hotspot(line, root) for line in told.get("lines", ()))
    pins = reading.pins | ({"lines": trouble} if trouble else {})
    return replace(reading, wall=reading.wall + took.wall, cpu=reading.cpu + took.cpu, hotspots=lines, types=(), pins=pins)


def _hotspot(line: Answer, root: Path) -> Hotspot:
    """Take over a line, with its text, and with its paths below the root."""
    trace = tuple(_relative(place, root) for place in line["trace"])
    linecache.checkcache(line["path"])  # in a program that lives long the file may be another by now
    text = linecache.getline(line["path"], line["line"]).strip()
    return Hotspot(**{**line, "path": _relative(line["path"], root), "text": text, "trace": trace})


def _gained(reading: Reading) -> float:
    """Return the most bytes a step of all agents that any meter gained over the last three quarters."""
    rows = [series for series in reading.series if series.meter in {"heap", "mapped", "rss"} and len(series.counts) > 1]
    firsts = [(row, len(row.values) // 4) for row in rows]
    return max(((row.values[-1] - row.values[at]) / (row.counts[-1] - row.counts[at]) for row, at in firsts), default=0.0)


def _traced(reading: Reading) -> int:
    """Return how many steps a traced run may take: enough to see what repeats, few enough for its price."""
    watched = max(1, _watched(reading))
    affordable = _TRACING / (_SLOWER * max(reading.cpu, 1e-3) / watched)
    return int(min(watched, _TRACED, max(_FEWEST, affordable)))


def _watched(reading: Reading) -> int:
    """Return how many steps a reading has seen."""
    return next((series.counts[-1] for series in reading.series if series.over == "steps"), 0)


def _summed(readings: list[Reading]) -> Reading:
    """Add up the costs of several children; what the last one said of itself stands for all."""
    last = readings[-1]
    return replace(last, wall=sum(row.wall for row in readings), cpu=sum(row.cpu for row in readings), samples=len(readings))


def _series(table: dict[str, list[int]]) -> tuple[Series, ...]:
    """Turn the table of a watch into series; a meter that is not there has none."""
    counts = tuple(table.get("steps", ()))
    return tuple(
        Series(meter=name, unit="" if name in _COUNTED else "B", over="steps", counts=counts, values=tuple(values))
        for name, values in table.items()
        if name != "steps" and counts and min(values) >= 0
    )


def _relative(path: str, root: Path) -> str:
    """Shorten a path below the root."""
    return str(Path(path).relative_to(root)) if path.startswith(f"{root}/") else path
