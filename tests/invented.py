"""Invented programs: a level after each step, seen by the real watch, the real looks and the real judge through fake meters and a fake clock."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self
from unittest import mock

from gate import inquiry
from gate.facts import Finding, Holder, Reading
from gate.measure import agents
from gate.probe import watch
from gate.probe.meters import Meters
from gate.work import Budget, Limit, Question, Subject

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
    """A clock that goes on only when something is done; stands for the module `time`."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.now = 0.0

    def process_time(self) -> float:
        """Return the seconds of work."""
        return self.now

    monotonic = perf_counter = process_time


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


class _Calm:
    """Stands for the module `gc` where nothing is ever garbage."""

    def isenabled(self) -> bool:
        """Tell that there is nothing to collect."""
        return False


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

    def child(self) -> "_Process":
        """Start one more process."""
        self.started += 1
        programs = self._programs if self.started == 1 else self._later
        seed = f"{self._seed}/{self.started}"
        rows = {name: program(random.Random(f"{seed}/{name}")) for name, program in programs.items()}
        return _Process(rows, self._pace, self._holders, self._missing)


class _Process:
    """What stands for one measured child: the real watch over invented levels."""

    def __init__(self, rows: dict[str, Levels], pace: float, holders: Sequence[Holder], missing: Sequence[str]) -> None:
        self._clock, self._holders, self._pace = Clock(), holders, pace
        self._meters = Instrument(self._clock, rows, missing)
        self._watch: watch.Watch | None = None

    def answer(self, do: str, how: dict[str, Any]) -> dict[str, Any]:
        if do == "holders":
            return {
                "holders": [{name: getattr(row, name) for name in ("path", "kind", "items", "gained", "bound")} for row in self._holders]
            }
        with mock.patch.multiple(watch, time=self._clock, gc=_Calm(), let_go=lambda: None):
            if self._watch is None:
                self._watch = watch.Watch(self._meters, self._one)
                self._watch.pace()
            why = self._watch.go_on(steps=how["steps"], seconds=how["seconds"], until=how["until"], most=how["most"])
        return {"table": self._watch.table(), "why": why, "noise": 0, "cpu": self._clock.now}

    def _one(self) -> None:
        self._meters.step(self._pace)


def ask(world: World, questions: Sequence[Question]) -> list[tuple[Reading, Finding]]:
    """Ask questions about an invented world as `inquiry.watch` does."""

    class Child(agents.Fresh):
        """A child that is invented."""

        def __init__(self, question: Question, root: Path, *, most: int = 0, remember: bool = False) -> None:
            """Start no process."""
            del root, most
            self._question, self._remember, self._began = question, remember, 0.0
            self._until = question.budget.seconds
            self._process = world.child()

        def __enter__(self) -> Self:
            """Hold nothing."""
            return self

        def __exit__(self, *error: object) -> None:
            """End nothing."""

        def ask(self, do: str, **how: object) -> tuple[dict[str, Any], str]:
            """Answer at once."""
            return self._process.answer(do, how), ""

    with mock.patch.object(agents, "Fresh", Child):
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
