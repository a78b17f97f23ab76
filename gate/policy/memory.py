"""The shape of policies/memory.yaml: agent cases, functions, and what they may weigh, need, gain and hold open."""

import datetime as dt
from itertools import pairwise, product
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from gate.policy.base import CLOSED, Again, Model
from gate.policy.fields import (
    ByteRate,
    ByteRateCall,
    ByteRateCallSlack,
    ByteRateCycle,
    ByteRateSlack,
    Duration,
    HandleRate,
    HandleRateCall,
    Name,
    Scalar,
    Share,
    Size,
    SizeSlack,
    Target,
    Version,
    Word,
    written,
)

_BASE = "How much more than on the base gate compare lets pass: a quantity, or percent of what the base has. Left out: it only tells."


class Measured(Model):
    """What was measured when a limit was set; written by `gate calibrate`."""

    value: Word = Field(description="As a limit is written: 0.25 MB, 129 B/step.")
    date: dt.date
    commit: Word
    where: Word = Field(description="Interpreter and platform.")


class LimitPolicy(Model):
    """A limit; what is allowed must be explained."""

    max: float
    because: str = Field(default="", description="Why this much is right; wanted whenever max is above zero.")
    measured: Measured | None = None

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.max > 0 and not self.because.strip():
            message = 'a limit above zero has no reason; add for example because: "500 agents fit an 8 GB worker"'
            raise ValueError(message)
        return self


class FootprintLimit(LimitPolicy):
    """The most bytes that one live agent may hold."""

    max: Size = Field(description="Bytes per live agent.")
    no_worse_than_base: SizeSlack | None = Field(default=None, description=_BASE)
    meter: Literal["larger", "heap", "rss", "traced"] = Field(
        default="larger",
        description="What the limit is about: the C heap, resident memory that no file holds, the larger of these two, or what is traced.",
    )


class PeakLimit(LimitPolicy):
    """The most bytes above rest that one agent may need during a step."""

    max: Size = Field(description="Bytes above rest during one step of one agent.")
    no_worse_than_base: SizeSlack | None = Field(default=None, description=_BASE)


Alpha = Annotated[float, Field(gt=0, le=0.05)]
_ALPHA = "The most that noise alone may fail a watch, over all its looks."


class GrowthLimit(LimitPolicy):
    """The most bytes that one agent may gain with each step."""

    max: ByteRate = Field(description="Bytes per step of one agent.")
    no_worse_than_base: ByteRateSlack | None = Field(default=None, description=_BASE)
    resolution: ByteRate = Field(default=written("1 B/step"), gt=0, description="The smallest steady growth that counts when max is 0.")
    alpha: Alpha = Field(default=0.001, description=_ALPHA)


class CallGrowthLimit(LimitPolicy):
    """The most bytes that may be gained with each call."""

    max: ByteRateCall = Field(description="Bytes per call.")
    no_worse_than_base: ByteRateCallSlack | None = Field(default=None, description=_BASE)
    resolution: ByteRateCall = Field(default=written("1 B/call"), gt=0, description="The smallest steady growth that counts when max is 0.")
    alpha: Alpha = Field(default=0.001, description=_ALPHA)


class ChurnLimit(LimitPolicy):
    """The most bytes that may stay behind each time an agent is built, used and dropped."""

    max: ByteRateCycle = Field(description="Bytes per cycle of one agent.")
    resolution: ByteRateCycle = Field(
        default=written("8 B/cycle"), gt=0, description="The smallest steady growth that counts when max is 0."
    )
    alpha: Alpha = Field(default=0.001, description=_ALPHA)


class HandlesLimit(LimitPolicy):
    """The most file descriptors, threads, children and shared-memory segments that one agent may gain with each step."""

    max: HandleRate = Field(description="Handles per step of one agent.")
    resolution: HandleRate = Field(default=written("0.01/step"), gt=0, description="The smallest steady growth that counts when max is 0.")
    alpha: Alpha = Field(default=0.001, description=_ALPHA)


class CallHandlesLimit(LimitPolicy):
    """The most file descriptors, threads, children and shared-memory segments that may be gained with each call."""

    max: HandleRateCall = Field(description="Handles per call.")
    resolution: HandleRateCall = Field(
        default=written("0.01/call"), gt=0, description="The smallest steady growth that counts when max is 0."
    )
    alpha: Alpha = Field(default=0.001, description=_ALPHA)


class Limits(Model):
    """What an agent may weigh, need, gain, leave behind and hold open."""

    footprint: FootprintLimit | None = None
    peak: PeakLimit | None = None
    growth: GrowthLimit | None = None
    churn: ChurnLimit | None = None
    handles: HandlesLimit | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.footprint or self.peak or self.growth or self.churn or self.handles):
            message = "no limit is set; add footprint, peak, growth, churn or handles"
            raise ValueError(message)
        return self


class CallLimits(Model):
    """What a function may gain and hold open."""

    growth: CallGrowthLimit | None = None
    handles: CallHandlesLimit | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.growth or self.handles):
            message = "no limit is set; add growth or handles"
            raise ValueError(message)
        return self


class BudgetPolicy(Model):
    """What each question may use."""

    time: Duration = Field(default=written("60 s"), description="Wall clock of one child; beyond it the check is BROKEN.")
    cpu: Duration = Field(default=written("10 s"), description="Work of all children; what is not decided then is INCONCLUSIVE.")
    memory: Size = Field(default=written("8 GB"), ge=64e6, description="Address space of one child, not resident memory.")
    output: Size = Field(default=written("16 MB"), description="What one child may print.")


Given = dict[Name, Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=64)]]


class _Case(Again):
    """What all cases have."""

    settle: int = Field(default=3, ge=0, le=1_000_000, description="Steps or calls before anything is weighed or watched.")
    steps: int = Field(default=4096, ge=64, le=100_000_000, description="Fewest steps or calls that are watched before anything passes.")
    budget: BudgetPolicy = Field(default_factory=BudgetPolicy)
    parametrize: Given = Field(default_factory=dict, description="Keyword arguments of build or setup; each combination is a case.")

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        names = ["-".join(map(str, values)) for values in product(*self.parametrize.values())]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            message = f"parametrize: more than one combination is called [{twice[0]}]; write values whose names differ"
            raise ValueError(message)
        return self


class AgentCase(_Case):
    """How to build one agent and step it, and what it may weigh."""

    build: Target | None = Field(default=None, description="module:callable, (index: int) -> agent; also async, a generator or a class.")
    population: Target | None = Field(default=None, description="module:callable, (count: int) -> (model, agents); instead of build.")
    index: bool = Field(default=True, description="false: build takes no index, as a class whose arguments all have defaults.")
    step: Target = Field(description="module:callable, (agent) -> None, of a population (model) -> None")
    limits: Limits
    sizes: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] = Field(
        default=(),
        max_length=16,
        description="Live agents in each fresh child: footprint. Left out: 2, 13 and 24, or fewer where agents are heavy.",
    )
    live: int = Field(default=1, ge=1, le=1_000_000, description="Live agents while steps are counted.")

    @field_validator("sizes")
    @classmethod
    def _rising(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if len(sizes) == 1:
            message = f"{list(sizes)} is one size, and a slope takes two; write for example [8, 16, 24]"
            raise ValueError(message)
        if any(after <= before for before, after in pairwise(sizes)):
            message = f"{list(sizes)} does not rise; write for example [8, 16, 24]"
            raise ValueError(message)
        return sizes

    @model_validator(mode="after")
    def _one_factory(self) -> Self:
        if (self.build is None) == (self.population is None):
            message = "an agent case has build or population, one of the two; write for example build: tests.agents:build"
            raise ValueError(message)
        if self.population and not self.index:
            message = "index: false belongs to build, and a population is told how many agents to build; leave it out"
            raise ValueError(message)
        if self.population and self.limits.churn:
            message = "churn builds and drops single agents, and a population is built whole; name build instead, or leave churn out"
            raise ValueError(message)
        return self


class CallCase(_Case):
    """A plain function, and what it may gain with each call."""

    call: Target = Field(description="module:callable, () -> anything, or with setup (context) -> anything")
    setup: Target | None = Field(default=None, description="module:callable, () -> context")
    limits: CallLimits


class DriftPolicy(Model):
    """Since when, and how far, figures may creep while each single change is slight."""

    tags: Word = Field(default="*", description="Pattern of the tags the last of which is compared with: v*.")
    commits: int = Field(
        default=100, ge=1, le=10_000, description="First-parent commits that are looked back at most; where no tag is among them, these."
    )
    most: Share = Field(default=written("5 %"), description="What a figure may have gained since then.")


class MemoryPolicy(Model):
    """policies/memory.yaml: agent cases, functions and their limits."""

    version: Version
    agents: dict[Name, AgentCase] = Field(default_factory=dict, json_schema_extra=CLOSED)
    calls: dict[Name, CallCase] = Field(default_factory=dict, json_schema_extra=CLOSED)
    dead_limits: Literal["fail", "tell"] = Field(
        default="fail", description="What becomes of a limit above three times what is measured: its check fails, or only says so."
    )
    drift: DriftPolicy = Field(default_factory=DriftPolicy)
    without: Word | None = Field(default=None, description="Why no case is named yet; every summary shows it as SKIPPED.")

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        both = sorted(self.agents.keys() & self.calls.keys())
        if both:
            message = f"{both[0]} names an agent case and a call; a case is known by its name, so rename one of the two"
            raise ValueError(message)
        if not (self.agents or self.calls or (self.without or "").strip()):
            message = "no case is named; add agents or calls"
            raise ValueError(message)
        if self.without and (self.agents or self.calls):
            message = "without says why no case is named, and there is one; delete without"
            raise ValueError(message)
        return self
