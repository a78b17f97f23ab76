"""One memory verification suite split over several machines: the same split on each, every case in exactly one shard."""

from collections.abc import Mapping, Sequence
from statistics import median

from gate.arguments import Shard
from gate.errors import GateError
from gate.facts.work import Question, Step


def cases(steps: Sequence[Step]) -> tuple[str, ...]:
    """Return the agent cases of some steps, in the order of the plan; all questions about one are asked in one place."""
    return tuple(dict.fromkeys(step.work.case for step in steps if isinstance(step.work, Question)))


def split(every: Sequence[str], costs: Mapping[str, float], count: int) -> tuple[tuple[str, ...], ...]:
    """Deal cases out to `count` shards: the longest first, each to the shard that has least to do so far.

    `costs` are seconds; what was never measured counts as the median of the others, so that nothing known is round robin.
    No shard has more to do than the mean of all and the longest case together. Source: R. L. Graham, Bounds on multiprocessing
    timing anomalies (1969).

    >>> split(["a", "b", "c", "d"], {}, 2)
    (('a', 'c'), ('b', 'd'))
    >>> split(["a", "b", "c", "d"], {"a": 1, "b": 1, "c": 9, "d": 1}, 2)
    (('c',), ('a', 'b', 'd'))
    """
    usual = median(known) if (known := [costs[case] for case in every if case in costs]) else 1.0
    dealt: list[list[str]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for case in sorted(every, key=lambda case: -costs.get(case, usual)):  # equal ones stay in the order of the plan
        least = min(range(count), key=lambda at: (loads[at], len(dealt[at])))
        dealt[least].append(case)
        loads[least] += costs.get(case, usual)
    return tuple(tuple(sorted(names, key=every.index)) for names in dealt)


def of(steps: Sequence[Step], costs: Mapping[str, float], wanted: Shard) -> tuple[Step, ...]:
    """Return the steps of one shard.

    Raises GateError when there is nothing that can be split.
    """
    every = cases(steps)
    if not every:
        message = "check memory --shard: policies/memory.yaml has no agent case; write one, or leave --shard out"
        raise GateError(message)
    mine = split(every, costs, wanted.parts)[wanted.part - 1]
    return tuple(step for step in steps if isinstance(step.work, Question) and step.work.case in mine)
