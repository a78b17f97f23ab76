"""What a demonstration found: frozen records that the report and the plot read."""

import math
from dataclasses import dataclass

from gate.units import show_size


@dataclass(frozen=True, kw_only=True, slots=True)
class Weight:
    """Bytes of one more live agent, by two meters, each a slope over populations in fresh processes."""

    heap: float
    rss: float  # RssAnon, after free memory was given back
    counts: tuple[int, ...]  # live agents of the processes

    @property
    def most(self) -> float:
        """Return what the meter reads that reads more."""
        return max(self.heap, self.rss)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sameness:
    """Two agents that took the same steps: see gate.demo.same."""

    steps: int
    same: bool
    apart: float  # L1
    lost: float  # shares of the mass that all prunings took, 0.0 for what loses nothing
    states: int
    nonzero: int  # of them, in the agent before
    kept: int  # as above, in the agent after
    before: float  # seconds
    after: float

    @property
    def bound(self) -> float:
        """Return the sum of the L1 distances of all prunings: each is twice the share that was lost."""
        return 2 * self.lost

    @property
    def holds(self) -> bool:
        """Tell whether they stayed equal, or as near as the bound says."""
        return self.apart <= self.bound if self.bound else self.same

    @property
    def limit(self) -> float:
        """Return the bytes of an array of float64 with these states: log2 C(n, k) bits for where they are, and 8 B for each.

        >>> Sameness(steps=1, same=True, apart=0, lost=0, states=4, nonzero=4, kept=4, before=1, after=1).limit
        32.0
        """
        ways = math.lgamma(self.states + 1) - math.lgamma(self.nonzero + 1) - math.lgamma(self.states - self.nonzero + 1)
        return ways / math.log(2) / 8 + 8 * self.nonzero


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One kind of state, before and after."""

    state: str
    before: Weight
    after: Weight
    shared: float  # bytes that several agents hold together, once for all
    same: Sameness
    sparse: bool = False  # it must weigh less than the claim says
    dense: bool = False  # it must not weigh more than it did


@dataclass(frozen=True, kw_only=True, slots=True)
class Framework:
    """Agents of a released framework, stage by stage, or why they were not measured."""

    version: str = ""
    stages: tuple[tuple[str, Weight], ...] = ()  # as released, with equal arrays shared, with all remedies
    same: Sameness | None = None  # of the first and the last stage
    absent: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Everything that one run of the demonstration found."""

    rows: tuple[Row, ...]
    framework: Framework
    machine: str
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One sentence that is true or not."""

    text: str
    holds: bool


CLAIMED = 10e6  # bytes that a sparse agent must weigh less than
GROWN = 1.01  # times its size that an agent may weigh which nothing can make smaller
MARGINAL = 10e3  # bytes that one more agent of the framework may weigh


def claims(found: Figures) -> tuple[Claim, ...]:
    """Return what is claimed, and whether these figures bear it out."""
    sparse, dense = [row for row in found.rows if row.sparse], [row for row in found.rows if row.dense]
    told = [
        Claim(
            text=f"agents whose states are {', '.join(row.state for row in sparse)} weigh less than {show_size(CLAIMED)}",
            holds=bool(sparse) and all(row.after.most < CLAIMED for row in sparse),
        ),
        Claim(
            text=f"agents whose states are {', '.join(row.state for row in dense)} weigh at most {GROWN:g} times what they did",
            holds=bool(dense) and all(row.after.most <= GROWN * row.before.most for row in dense),
        ),
        Claim(
            text="all results are equal bit for bit, or as near as stated where something is lost",
            holds=all(row.same.holds for row in found.rows),
        ),
    ]
    if found.framework.same:
        told += [
            Claim(
                text=f"one more agent of pymdp weighs at most {show_size(MARGINAL)} of heap",
                holds=found.framework.stages[-1][1].heap <= MARGINAL,
            ),
            Claim(text="agents of pymdp choose the same actions", holds=found.framework.same.holds),
        ]
    return tuple(told)
