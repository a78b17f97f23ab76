"""What a child can be asked about agents: what they keep, weigh, need at their peak, and where it lies."""

from __future__ import annotations

import _tracemalloc  # what tracemalloc is made of: a user may have a pickle.py, which that would load
from array import array

from gate.probe import meters as instruments
from gate.probe.meters import Meters, let_go
from gate.probe.own import Own
from gate.probe.target import Herd, check
from gate.probe.watch import Watch

TYPE_CHECKING = False  # see gate/probe/__main__.py
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from gate.probe.survey import Survey

    Answer = dict[str, Any]

_NOISE_STEPS = 1000
_NOISE_LOOKS = 8
_ROUNDS = 10


class Subject:
    """The user's code in this process, and everything that may be asked about it."""

    def __init__(self, wanted: Answer, meters: Meters) -> None:
        """Import the code; build nothing yet."""
        self._wanted, self._meters = wanted, meters
        with instruments.fixed_entropy():
            self.herd = Herd(wanted)
        freeze()
        self._watch: Watch | None = None
        self._noise = 0
        self._start = array("q", bytes(24))
        self._sizes: dict[int, int] | None = None
        self._survey: Survey | None = None

    def begin(self, wanted: Answer) -> None:
        """Get ready for what one child is asked; until here all children of a case are alike."""
        self._wanted = wanted
        self.herd.room(int(wanted["most"]))
        freeze()

    def answer(self, wish: Answer) -> Answer:
        """Answer one wish by its name."""
        return _WISHES[wish["do"]](self, **wish["how"])

    def so_far(self) -> Answer:
        """Return what was seen before the user's code broke down."""
        return {"table": self._watch.table(), "noise": self._noise} if self._watch else {}

    def watch(self, *, steps: int, seconds: float, enough: float, until: float, most: int, remember: bool = False) -> Answer:
        """Watch a population step, or one agent after the other come and go; go on from where the last wish ended.

        `remember` notes how large every container is, so that `holders` can say which grew. Returns the table (see Watch), why it
        ended, `noise`: the bytes by which the heap moved over 1,000 steps that do nothing, and `start`: the heap before
        the first step, the steps that were taken before the table begins, and the heap then.
        """
        if self._watch is None:
            settle, churn = int(self._wanted["settle"]), bool(self._wanted["churn"])
            if not churn:
                self.herd.add(int(self._wanted["population"]))
                self.herd.move(0, settle)
            step = self.herd.cycle(settle) if churn else self.herd.round()
            self._noise = self._quiet()
            self._watch = Watch(self._meters, step)
            if remember:
                from gate.probe import holders  # noqa: PLC0415 - only when a second look is wanted

                check(step())  # what it imports fills containers once
                self._sizes = holders.sizes()
            rest()
            self._start[0] = self._meters.heap()
            self._start[1] = self._watch.pace()
            rest()
            self._start[2] = self._meters.heap()
        why = self._watch.go_on(steps=steps, seconds=seconds, enough=enough, until=until, most=most)
        return {"table": self._watch.table(), "why": why, "noise": self._noise, "start": list(self._start)}

    def footprint(self, *, size: int, settle: int) -> Answer:
        """Weigh `size` live agents, each after `settle` steps; a first one pays for imports and caches and is not weighed.

        Returns bytes: `heap`, `rss` and `mapped`, before and after; `children` is how many processes live. `traced` is asked of as many
        agents more, because a trace is itself memory: what Python and numpy asked for, without the heads and gaps of an allocator.
        """
        herd, rows = self.herd, [array("q", bytes(16)) for _ in range(3)]
        for at in (0, 1):
            start = herd.count
            herd.add(1 if at == 0 else size)
            herd.move(start, settle)
            rest()
            rows[1][at], rows[2][at] = self._meters.resident()
            if at == 0:
                self._meters.level()
            rows[0][at] = self._meters.heap()
        children = [0, self._meters.handles()[2]]
        return {
            "heap": list(rows[0]),
            "rss": list(rows[1]),
            "mapped": list(rows[2]),
            "children": children,
            "traced": [0, self._traced(size, settle)],
        }

    def _traced(self, size: int, settle: int) -> int:
        """Return the bytes that `size` new agents hold of what is asked for from now on."""
        start = self.herd.count
        _tracemalloc.start()
        try:
            self.herd.add(size)
            self.herd.move(start, settle)
            rest()
            held, _ = _tracemalloc.get_traced_memory()
        finally:
            _tracemalloc.stop()
        return held

    def holders(self) -> Answer:
        """Say which containers grew since the watch began."""
        from gate.probe import holders  # noqa: PLC0415 - only when a second look is wanted

        if self._sizes is None or self._watch is None:
            return {"holders": []}
        return {"holders": holders.grown(self._sizes, self.herd.agents, self._watch.table()["steps"][-1])}

    def lines(self, *, agents: int, steps: int, seconds: float) -> Answer:
        """Say which lines and types hold the memory: of new agents, or with `steps` of what is gained, in as many as `seconds` allow."""
        from gate.probe import lines  # noqa: PLC0415 - only explains

        settle, churn = int(self._wanted["settle"]), bool(self._wanted["churn"])
        root, until = self._wanted["root"], Own.monotonic() + seconds
        return dict(lines.look(self.herd, root=root, settle=settle, agents=agents, steps=steps, churn=churn, until=until))

    def opened(self, *, agents: int, steps: int, seconds: float) -> Answer:
        """Say which lines of code open what stays open: see opened.look."""
        from gate.probe import opened  # noqa: PLC0415 - only explains

        settle, churn = int(self._wanted["settle"]), bool(self._wanted["churn"])
        root, until = self._wanted["root"], Own.monotonic() + seconds
        return {"lines": opened.look(self.herd, root=root, settle=settle, agents=agents, steps=steps, churn=churn, until=until)}

    def parts(self, *, size: int, settle: int) -> Answer:
        """Say what the bytes of `size` new agents belong to: see parts.look."""
        from gate.probe import parts  # noqa: PLC0415 - reads the whole heap, only to explain

        whole = self._wanted["form"] == "population"
        return {"parts": parts.look(self.herd, self._meters, size=size, settle=settle, whole=whole, rest=rest)}

    def peak(self) -> Answer:
        """Say how many bytes one step needs while it lasts: see peak.look."""
        from gate.probe import peak  # noqa: PLC0415 - only for this question

        wanted = self._wanted
        return {"peak": peak.look(self.herd, population=int(wanted["population"]), settle=int(wanted["settle"]))}

    def height(self) -> Answer:
        """Say at which line one step needs the most: see peak.lines."""
        from gate.probe import peak  # noqa: PLC0415 - only for this question

        wanted = self._wanted
        settle, root = int(wanted["settle"]), str(wanted["root"])
        return {"lines": peak.lines(self.herd, population=int(wanted["population"]), settle=settle, root=root)}

    def survey(
        self, *, size: int, settle: int, steps: int, seconds: float, slots: Mapping[str, Sequence[str]], slotted: bool = False
    ) -> Answer:
        """Say what `size` live agents could weigh less by, looked at twice: see survey.Survey.look.

        `slots` names classes that, when `slotted`, get these slots before anything is built; else they are used, as by many agents.
        """
        from gate.probe import classes, survey  # noqa: PLC0415 - only for advice

        if slotted:
            classes.slot(slots)
            self.herd = Herd(self._wanted)  # its functions may be classes
            self.herd.room(int(self._wanted["most"]))
        else:
            classes.use(slots, self._meters)
        self._survey = survey.Survey(self.herd, self._meters, size=size, settle=settle, rest=rest)
        return self._survey.look(root=str(self._wanted["root"]), steps=steps, until=Own.monotonic() + seconds)

    def trial(self, *, how: Mapping[str, Sequence[str]], steps: int) -> Answer:
        """Carry out advice on what was surveyed: see trial.run."""
        from gate.probe import trial  # noqa: PLC0415 - as above

        if self._survey is None:
            message = "nothing was surveyed before the trial"
            raise RuntimeError(message)
        return trial.run(self._survey, self.herd, self._meters, how=how, steps=steps, rest=rest)

    def whence(self, *, below: str) -> Answer:
        """Say which files below a folder were loaded as modules, once agents were built and took a step."""
        import sys  # noqa: PLC0415 - only for this question

        self.herd.add(int(self._wanted["population"]))
        self.herd.move(0, 1)
        files = {str(getattr(module, "__file__", None) or "") for module in tuple(sys.modules.values())}
        return {"files": sorted(file for file in files if file.startswith(below))}

    def _quiet(self) -> int:
        """Return by how many bytes the heap moves over 1,000 steps of nobody."""
        looks = array("q", bytes(8 * _NOISE_LOOKS))
        for _ in range(2):  # the first round warms the loop itself
            for at in range(_NOISE_LOOKS):
                for _ in range(_NOISE_STEPS // _NOISE_LOOKS):
                    _nothing()
                let_go()
                looks[at] = self._meters.heap()
        return max(looks) - min(looks)


_WISHES: dict[str, Callable[..., Answer]] = {  # made before anything is watched: a dictionary of ours must not seem to grow
    "watch": Subject.watch,
    "footprint": Subject.footprint,
    "holders": Subject.holders,
    "lines": Subject.lines,
    "parts": Subject.parts,
    "peak": Subject.peak,
    "height": Subject.height,
    "opened": Subject.opened,
    "survey": Subject.survey,
    "trial": Subject.trial,
    "whence": Subject.whence,
}


def freeze() -> None:
    """Take what was imported out of all later collections, which then cost next to nothing; nothing of the agents is in it yet."""
    Own.collect()
    Own.freeze()


def rest() -> None:
    """Collect what is garbage, unless the user's code switched that off: then garbage stays for its users too."""
    for _ in range(_ROUNDS if Own.is_collecting() else 0):  # finalisers may leave garbage in turn, a few of them for ever
        if not Own.collect():
            break
    let_go()


def _nothing() -> None:
    """Step nobody."""
