"""Advice carried out on live agents, to see what it saves and whether they still do the same."""

from collections.abc import Callable, Collection
from typing import Any

from gate.probe import canon
from gate.probe.edges import is_array
from gate.probe.meters import Meters
from gate.probe.reach import Place
from gate.probe.survey import Survey
from gate.probe.target import Herd, check

Plan = list[tuple[Place, object]]


def run(survey: Survey, herd: Herd, meters: Meters, *, paths: Collection[str], steps: int, rest: Callable[[], None]) -> dict[str, Any]:
    """Let equal things on some ways be one, then let every agent take `steps` steps.

    Returns `saved`: bytes of heap of each agent after the first one, and digests of what each step returned and of what agents are
    in the end. A shared array is read-only, so that an agent that writes to one raises.
    """
    first, later = _plan(survey, paths)
    heap = []
    for plan in ([], first, later):
        for place, one in plan:
            place.put(place.holder, place.key, one)
        rest()
        heap.append(meters.heap())
    returned = [_taken(step) for _ in range(steps) for step in herd.steps()]
    state = canon.digest(survey.agents, walls=survey.walls.difference(map(id, survey.agents)))
    return {"saved": (heap[1] - heap[2]) / max(1, len(survey.agents) - 1), "returned": canon.digest(returned), "state": state}


def _plan(survey: Survey, paths: Collection[str]) -> tuple[Plan, Plan]:
    """Say what is put where: into the first agent, and into all that come after; the survey then keeps nothing alive."""
    known: dict[bytes, Any] = {}
    plans: tuple[Plan, Plan] = ([], [])
    copies = sorted((copy for path in paths for copy in survey.copies.get(path, ())), key=lambda copy: copy.seen.agent)
    for seen, content, _ in copies:
        one = known.setdefault(content, seen.value)
        if is_array(one):
            one.flags.writeable = False
        plans[seen.agent > 0].extend((place, one) for place in seen.places if one is not seen.value)
    survey.copies.clear()
    return plans


def _taken(step: Callable[[], object]) -> str:
    """Take a step; return a digest of what it returned."""
    done = step()
    check(done)
    return canon.digest(done)
