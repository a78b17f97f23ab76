"""Advice carried out on live agents, to see what it saves and whether they still do the same."""

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gate.probe import canon
from gate.probe.edges import is_array
from gate.probe.meters import Meters
from gate.probe.reach import Place
from gate.probe.survey import Survey
from gate.probe.target import Herd, check

Plan = list[tuple[Place, Callable[[], object]]]
How = Mapping[str, Sequence[str]]  # ways to what is held, by what is done to it: "share", "intern", "sparse", or the dtype that it gets


def run(survey: Survey, herd: Herd, meters: Meters, *, how: How, steps: int, rest: Callable[[], None]) -> dict[str, Any]:
    """Let equal things on some ways be one, or arrays be held in another form, then let every agent take `steps` steps.

    Returns `saved`: bytes of heap of each agent after the first one, and digests of what each step returned and of what agents are
    in the end. A shared array is read-only, so that an agent that writes to one raises. Arrays that became narrower are told as what
    they were, so that nothing but what came of them counts.
    """
    before: canon.Before = {}
    first, later = _plan(survey, how, before)
    heap = []
    for plan in (first, later):
        for place, make in plan:
            place.put(place.holder, place.key, make())
        rest()
        heap.append(meters.heap())
    returned = [_taken(step) for _ in range(steps) for step in herd.steps()]
    state = canon.digest(survey.agents, walls=survey.walls.difference(map(id, survey.agents)), before=before)
    return {"saved": (heap[0] - heap[1]) / max(1, len(survey.agents) - 1), "returned": canon.digest(returned), "state": state}


def _plan(survey: Survey, how: How, before: canon.Before) -> tuple[Plan, Plan]:
    """Say what is put where: into the first agent, and into all that come after; the survey then keeps nothing alive.

    `before` gets the arrays that became narrower and the dtypes that they had, by identity, once they are there.
    """
    shared = {path for act in ("share", "intern") for path in how.get(act, ())}
    forms = {path: act for act, paths in how.items() for path in paths if act not in {"share", "intern"}}
    known: dict[tuple[bytes, str], _Made] = {}
    plans: tuple[Plan, Plan] = ([], [])
    copies = [(copy, path) for path in {*shared, *forms} for copy in survey.copies.get(path, ())]
    for (seen, content, _), path in sorted(copies, key=lambda pair: (pair[0].seen.agent, pair[1])):
        form = forms.get(path, "")
        make = _Made(seen.value, form, before)
        if path in shared:
            make = known.setdefault((content, form), make)
            make.lock()
        plans[seen.agent > 0].extend((place, make) for place in seen.places if form or make.value is not seen.value)
    survey.copies.clear()
    return plans


class _Made:
    """What is put into all places of one thing, made when it is wanted first."""

    def __init__(self, value: Any, form: str, before: canon.Before) -> None:
        """Be the value, in another form if there is one."""
        self.value, self._form, self._before = value, form, before

    def lock(self) -> None:
        """Let a later write to an array fail loudly."""
        if is_array(self.value):
            self.value.flags.writeable = False

    def __call__(self) -> object:
        """Return it; what it was is kept alive no longer, but all else, so that nothing of a plan goes while others are weighed."""
        if self._form == "sparse":
            from gate.remedies.sparse import BeliefArray  # noqa: PLC0415 - the agents' own remedy, which nobody else in this process needs

            self.value = BeliefArray(self.value)
        elif self._form:
            dtype, self.value = self.value.dtype, self.value.astype(self._form)
            self._before[id(self.value)] = weakref.ref(self.value), dtype
        self._form = ""
        return self.value


def _taken(step: Callable[[], object]) -> str:
    """Take a step; return a digest of what it returned."""
    done = step()
    check(done)
    return canon.digest(done)
