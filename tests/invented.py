"""Invented programs: a level after each step, seen by the real watch, looks and judges through fake meters and a fake clock."""

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

from gate import inquiry
from gate.command import Child
from gate.facts import Finding, Holder, Reading
from gate.facts.work import Budget, Limit, Question, Subject
from gate.measure import nursery
from gate.probe import pins, watch
from gate.probe.meters import Meters

Levels = Iterator[float]
Program = Callable[[random.Random], Levels]  # what one process holds after each of its steps
BASE = 1_000_000_000  # bytes that are there before the first step: no walk of ours gets below nothing
_UNITS = {"growth": "B/step", "handles": "/step", "churn": "B/cycle", "footprint": "B/agent"}
_RESOLUTION = {"growth": 1.0, "handles": 0.01, "churn": 8.0, "footprint": 0.0}


def question(
    name: str = "growth",
    *,
    most: float = 0,
    population: int = 1,
    steps: int = 64,
    cpu: float = 10,
    place: str = "policies/memory.yaml:9",
    weight: float = 0,
) -> Question:
    """Ask one question with a given limit; an invented step takes time by its clock only."""
    return Question(
        case="x",
        name=name,
        subject=Subject(build="m:b", step="m:s"),
        limit=Limit(most=most, resolution=_RESOLUTION[name], unit=_UNITS[name], because="tests", place=place),
        budget=Budget(seconds=cpu * 6, cpu=cpu, memory=8 << 30, output=10**6),
        sizes=(8, 16, 24),
        settle=3,
        population=population,
        steps=steps,
        weight=weight,
    )


class Clock:
    """A clock that goes on only when something is done, where nothing is ever garbage; stands for what the probe calls its own."""

    def __init__(self) -> None:
        """Begin now, so that deadlines which the gate sets by the real clock are in the future."""
        self.now = self.began = time.monotonic()

    def process_time(self) -> float:
        """Return the seconds of work."""
        return self.now

    monotonic = perf_counter = process_time

    def is_collecting(self) -> bool:
        """Tell that there is nothing to collect."""
        return False


class Instrument(Meters):
    """Read levels that a program invents; a meter that no program feeds reads 0, one that is not there -1."""

    def __init__(self, clock: Clock, programs: dict[str, Levels], missing: Sequence[str]) -> None:
        """Begin with what is there before the first step."""
        self._clock, self._programs, self._missing = clock, programs, missing
        self.levels = dict.fromkeys(watch.NAMES, 0) | {"heap": BASE}

    def step(self, pace: float) -> None:
        """Take one step of every program."""
        self._clock.now += pace
        for name, program in self._programs.items():
            self.levels[name] = int(next(program))

    def heap(self) -> int:
        """Read the heap, in a microsecond."""
        self._clock.now += 1e-6
        return self._told("heap")

    def resident(self) -> tuple[int, int]:
        """Read what is beside the heap."""
        return self._told("rss"), self._told("mapped")

    def handles(self) -> tuple[int, int, int, int]:
        """Read the counts."""
        return self._told("fds"), self._told("threads"), self._told("children"), self._told("segments")

    def _told(self, name: str) -> int:
        return -1 if name in self._missing else self.levels[name]


class World:
    """Programs that are started afresh for each child, each with its own chance."""

    def __init__(
        self,
        programs: dict[str, Program],
        *,
        seed: int = 0,
        pace: float = 0.001,
        holders: Sequence[Holder] = (),
        missing: Sequence[str] = (),
        later: dict[str, Program] | None = None,
    ) -> None:
        """Describe the programs by meter; `later` are those of the second child when they differ from the first's."""
        self._programs, self._seed, self._pace, self._holders, self._missing = programs, seed, pace, holders, missing
        self._later = later or programs
        self.started = 0

    def child(self, *_: object, **__: object) -> "Process":
        """Start one more process."""
        self.started += 1
        programs = self._programs if self.started == 1 else self._later
        seed = f"{self._seed}/{self.started}"
        rows = {name: program(random.Random(f"{seed}/{name}")) for name, program in programs.items()}
        return Process(rows, self._pace, self._holders, self._missing)


class Process(Child):
    """What stands for one measured child: it answers like the probe, with the real watch over invented levels."""

    def __init__(self, rows: dict[str, Levels], pace: float, holders: Sequence[Holder], missing: Sequence[str]) -> None:
        """Start no process."""
        self._clock, self._holders, self._pace = Clock(), holders, pace
        self._meters = Instrument(self._clock, rows, missing)
        self._seen: watch.Watch | None = None

    def __exit__(self, *error: object) -> None:
        """End nothing."""

    def hear(self) -> str:
        """Say that each child is started for itself, as each has its own chance."""
        return json.dumps({"alone": "invented", "cpu": 0.0, "pins": {}})

    def ask(self, line: str) -> str:
        """Answer at once."""
        wish = json.loads(line)
        if wish["do"] == "holders":
            told: dict[str, Any] = {"holders": [asdict(row) for row in self._holders]}
        else:
            told = self._watched({name: value for name, value in wish["how"].items() if name != "remember"})
        return json.dumps(told | {"cpu": self._clock.now - self._clock.began, "pins": {}})

    def _watched(self, how: dict[str, Any]) -> dict[str, Any]:
        with mock.patch.multiple(watch, Own=self._clock, let_go=_nothing, leave_twin=_nothing):
            if self._seen is None:
                self._seen = watch.Watch(self._meters, self._one)
                self._seen.pace()
            why = self._seen.go_on(**how)
        return {"table": self._seen.table(), "why": why, "noise": 0}

    def _one(self) -> None:
        self._meters.step(self._pace)


def _nothing(*_: object) -> None:
    """Stand for what an invented program does not need."""


def ask(world: World, questions: Sequence[Question]) -> list[tuple[Reading, Finding]]:
    """Ask questions about an invented world; only what starts, ends and is a process is not real."""
    with mock.patch.object(nursery, "Child", world.child), mock.patch.object(pins, "end_marked", _nothing):
        return inquiry.watch(questions, Path())


def decide(program: Program, *, asked: Question | None = None, seed: int = 0, pace: float = 0.001, **given: Any) -> Finding:
    """Decide the growth of a heap that one program invents."""
    return ask(World({"heap": program}, seed=seed, pace=pace, **given), [asked or question()])[0][1]


# --- programs ---------------------------------------------------------------------------


def linear(slope: float) -> Program:
    """Grow by `slope` a step."""
    return lambda _: (BASE + slope * at for at in _forever())


def every(period: int, size: float) -> Program:
    """Grow by `size` once in `period` steps."""
    return lambda _: (BASE + size * ((at + 1) // period) for at in _forever())


def flat() -> Program:
    """Keep nothing."""
    return linear(0)


def noise(width: float) -> Program:
    """Spread evenly above a level, without memory."""
    return lambda chance: (BASE + chance.uniform(0, width) for _ in _forever())


def related(share: float, width: float) -> Program:
    """Swing around a level: a first-order autoregression."""

    def run(chance: random.Random) -> Levels:
        at = 0.0
        for _ in _forever():
            at = share * at + chance.gauss(0, width)
            yield BASE + at

    return run


def walk(width: float) -> Program:
    """Wander without a level."""
    return related(1.0, width)


def sawtooth(period: int, slope: float, *, begin: int = 0) -> Program:
    """Gather `slope` a step and let everything go once in `period` steps."""
    return lambda _: (BASE + slope * ((at + begin) % period) for at in _forever())


def until(steps: int, slope: float, *, begin: int = 0) -> Program:
    """Grow by `slope` a step from step `begin` on, for so many steps."""
    return lambda _: (BASE + slope * min(max(0, at - begin), steps) for at in _forever())


def staircase(at_steps: Sequence[int], size: float) -> Program:
    """Load something once at each of some steps."""
    return lambda _: (BASE + size * sum(step <= at for step in at_steps) for at in _forever())


def fading(half: int, size: float) -> Program:
    """Grow by less and less: `size` in all, a half of what is left in every `half` steps."""
    return lambda _: (BASE + size * (1 - 0.5 ** (at / half)) for at in _forever())


def container(kind: Callable[[], Any], add: Callable[[Any, int], object]) -> Program:
    """Hold a real container that gets one more item a step and doubles its room."""

    def run(_: random.Random) -> Levels:
        kept = kind()
        for at in _forever():
            add(kept, at)
            yield BASE + kept.__sizeof__()

    return run


def vector(rare: int, size: float) -> Program:
    """Hold room for `size` bytes an item, one more item in `rare` steps, and double the room when it is full."""
    return lambda _: (BASE + size * (1 << (at // rare).bit_length()) for at in _forever())


def cache(bound: int, keys: int, size: float) -> Program:
    """Keep up to `bound` of `keys` keys that are asked for by chance, the oldest let go first."""

    def run(chance: random.Random) -> Levels:
        kept: dict[int, None] = {}
        for _ in _forever():
            kept[chance.randrange(keys)] = None
            if len(kept) > bound:
                del kept[next(iter(kept))]
            yield BASE + size * len(kept)

    return run


def both(*programs: Program) -> Program:
    """Add up what several programs hold."""

    def run(chance: random.Random) -> Levels:
        rows = [program(random.Random(chance.random())) for program in programs]
        for levels in zip(*rows, strict=True):
            yield BASE + sum(level - BASE for level in levels)

    return run


def _forever() -> Iterator[int]:
    at = 0
    while True:
        yield at
        at += 1
