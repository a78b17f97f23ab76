"""The shape of each policy file: typed, closed, with units in every size."""

from datetime import date
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.config import JsonDict

from gate.policy.fields import (
    Below,
    ByteRate,
    ByteRateCall,
    ByteRateCycle,
    Duration,
    HandleRate,
    HandleRateCall,
    Inside,
    Name,
    Pattern,
    Size,
    Target,
    Version,
    Word,
    written,
)

_CLOSED: JsonDict = {"additionalProperties": False}  # an illegal name is refused in the editor too


class Model(BaseModel):
    """Refuse unknown keys and conversions that nobody wrote."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)


class Measured(Model):
    """What was measured when a limit was set; written by `gate calibrate`."""

    value: Word = Field(description="As a limit is written: 0.25 MB, 129 B/step.")
    on: date
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
    meter: Literal["larger", "heap", "rss"] = Field(
        default="larger", description="What the limit is about: the C heap, resident memory that no file holds, or the larger of both."
    )


class PeakLimit(LimitPolicy):
    """The most bytes above rest that one agent may need during a step."""

    max: Size = Field(description="Bytes above rest during one step of one agent.")


class GrowthLimit(LimitPolicy):
    """The most bytes that one agent may gain with each step."""

    max: ByteRate = Field(description="Bytes per step of one agent.")
    resolution: ByteRate = Field(default=written("1 B/step"), gt=0, description="The smallest steady growth that counts when max is 0.")


class CallGrowthLimit(LimitPolicy):
    """The most bytes that may be gained with each call."""

    max: ByteRateCall = Field(description="Bytes per call.")
    resolution: ByteRateCall = Field(default=written("1 B/call"), gt=0, description="The smallest steady growth that counts when max is 0.")


class ChurnLimit(LimitPolicy):
    """The most bytes that may stay behind each time an agent is built, used and dropped."""

    max: ByteRateCycle = Field(description="Bytes per cycle of one agent.")
    resolution: ByteRateCycle = Field(
        default=written("8 B/cycle"), gt=0, description="The smallest steady growth that counts when max is 0."
    )


class HandlesLimit(LimitPolicy):
    """The most file descriptors, threads, children and shared-memory segments that one agent may gain with each step."""

    max: HandleRate = Field(description="Handles per step of one agent.")
    resolution: HandleRate = Field(default=written("0.01/step"), gt=0, description="The smallest steady growth that counts when max is 0.")


class CallHandlesLimit(LimitPolicy):
    """The most file descriptors, threads, children and shared-memory segments that may be gained with each call."""

    max: HandleRateCall = Field(description="Handles per call.")
    resolution: HandleRateCall = Field(
        default=written("0.01/call"), gt=0, description="The smallest steady growth that counts when max is 0."
    )


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
    output: Size = Field(default=written("4 kB"), description="What one child may print.")


Given = dict[Name, Annotated[tuple[str | int | float | bool, ...], Field(min_length=1, max_length=64)]]


class _Case(Model):
    """What all cases have."""

    settle: int = Field(default=3, ge=0, le=1_000_000, description="Steps or calls before anything is weighed or watched.")
    steps: int = Field(default=4096, ge=64, le=100_000_000, description="Fewest steps or calls that are watched before anything passes.")
    budget: BudgetPolicy = Field(default_factory=BudgetPolicy)
    parametrize: Given = Field(default_factory=dict, description="Keyword arguments of build or setup; each combination is a case.")


class AgentCase(_Case):
    """How to build one agent and step it, and what it may weigh."""

    build: Target | None = Field(default=None, description="module:callable, (index: int) -> agent; also async, a generator or a class.")
    population: Target | None = Field(default=None, description="module:callable, (count: int) -> (model, agents); instead of build.")
    step: Target = Field(description="module:callable, (agent) -> None, of a population (model) -> None")
    limits: Limits
    sizes: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] = Field(
        default=(8, 16, 24), min_length=2, max_length=16, description="Live agents in each fresh child: footprint."
    )
    live: int = Field(default=1, ge=1, le=1_000_000, description="Live agents while steps are counted.")

    @field_validator("sizes")
    @classmethod
    def _rising(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if any(after <= before for before, after in pairwise(sizes)):
            message = f"{list(sizes)} does not rise; write for example [8, 16, 24]"
            raise ValueError(message)
        return sizes

    @model_validator(mode="after")
    def _one_factory(self) -> Self:
        if (self.build is None) == (self.population is None):
            message = "an agent case has build or population, one of the two; write for example build: tests.agents:build"
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


class MemoryPolicy(Model):
    """policies/memory.yaml: agent cases, functions and their limits."""

    version: Version
    agents: dict[Name, AgentCase] = Field(default_factory=dict, json_schema_extra=_CLOSED)
    calls: dict[Name, CallCase] = Field(default_factory=dict, json_schema_extra=_CLOSED)

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        both = sorted(self.agents.keys() & self.calls.keys())
        if both:
            message = f"{both[0]} names an agent case and a call; a case is known by its name, so rename one of the two"
            raise ValueError(message)
        if not (self.agents or self.calls):
            message = "no case is named; add agents or calls"
            raise ValueError(message)
        return self


class CommandPolicy(Model):
    """One more program whose exit code is a check."""

    run: tuple[Word, ...] = Field(min_length=1, description="The program and its arguments; no shell reads them.")
    finds: tuple[Annotated[int, Field(ge=1, le=255)], ...] = Field(
        default=(1,), description="Exit codes that mean findings; any other than 0 means that it could not work."
    )
    needs: str = Field(default="", description="Skip, with a reason, where this program is missing.")
    time: Duration = Field(default=written("300 s"))


class TestsPolicy(Model):
    """How pytest is run."""

    arguments: tuple[Word, ...] = ()
    time: Duration = Field(default=written("1800 s"))


class QualityPolicy(Model):
    """policies/quality.yaml: what ruff, mypy and pytest read, and further linters."""

    version: Version
    paths: tuple[Inside, ...] = Field(min_length=1, description="What ruff and mypy read.")
    tests: TestsPolicy = Field(default_factory=TestsPolicy)
    commands: dict[Name, CommandPolicy] = Field(default_factory=dict, description="Each becomes lint/<name>.", json_schema_extra=_CLOSED)


class KindPolicy(Model):
    """One kind of artefact."""

    match: tuple[Pattern, ...] = Field(min_length=1, description="As in .gitignore; a trailing / matches folders.")
    live: bool = Field(default=False, description="Still used by the gate's own tools: taken only with --all.")


class CleanupPolicy(Model):
    """policies/cleanup.yaml: the closed list of what may be removed."""

    version: Version
    kinds: dict[Name, KindPolicy] = Field(min_length=1, json_schema_extra=_CLOSED)
    protect: tuple[Pattern, ...] = Field(default=(), description="Never taken, whatever else matches.")


class DocsPolicy(Model):
    """policies/docs.yaml: which documents are read and where they may lie."""

    version: Version
    match: tuple[Pattern, ...] = Field(default=("*.md",), min_length=1)
    leave: tuple[Pattern, ...] = Field(default=(), description="Documents that are not read.")
    root: tuple[Word, ...] = Field(
        default=(
            "README.md",
            "LICENSE.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "CODE_OF_CONDUCT.md",
            "AGENTS.md",
            "CLAUDE.md",
        ),
        description="Names that may stay at the root.",
    )
    home: Inside = Field(default="docs", description="Where other documents belong.")


class RecordPolicy(Model):
    """What is written beside the code about the code."""

    paths: tuple[Below, ...] = Field(
        default=("docs/completed", ".taskmaster/tasks/tasks.json"),
        description="Left out of the tree id: summaries and the task store.",
    )
    summary: Below = Field(default="docs/completed/{task}-completion-summary.md", description="{task} is the id.")

    @field_validator("summary")
    @classmethod
    def _one_each(cls, summary: str) -> str:
        if summary.replace("{task}", "").count("{") or "}" in summary.replace("{task}", ""):
            message = f'"{summary}" names more than {{task}} in braces; only {{task}} is filled in'
            raise ValueError(message)
        if "{task}" not in summary:
            message = f'"{summary}" names no task, and two tasks would share one file; write {{task}} in it'
            raise ValueError(message)
        return summary

    @model_validator(mode="after")
    def _covered(self) -> Self:
        if not any(PurePosixPath(self.summary).is_relative_to(path) for path in self.paths):
            message = f'summary "{self.summary}" is under none of the record paths; add its folder to paths'
            raise ValueError(message)
        return self


class CommitPolicy(Model):
    """How the finishing commit is worded."""

    type: Literal["feat", "fix", "docs", "style", "refactor", "perf", "test", "build", "ci", "chore"] = "chore"


class Accepted(Model):
    """One check that may be skipped or inconclusive."""

    check: Word = Field(description="A check or a pattern such as memory/*/handles.")
    because: Word
    until: date | None = Field(default=None, description="The last day on which this holds.")


class WorkflowPolicy(Model):
    """policies/workflow.yaml: what must pass, and what is recorded where."""

    version: Version
    tasks: Below = ".taskmaster/tasks/tasks.json"
    accept: tuple[Accepted, ...] = Field(default=(), description="Checks that may be SKIPPED or INCONCLUSIVE.")
    record: RecordPolicy = Field(default_factory=RecordPolicy)
    commit: CommitPolicy = Field(default_factory=CommitPolicy)

    @model_validator(mode="after")
    def _recorded(self) -> Self:
        if not any(PurePosixPath(self.tasks).is_relative_to(path) for path in self.record.paths):
            message = f'tasks "{self.tasks}" is under none of the record paths; add it to record.paths, or finishing would change the tree'
            raise ValueError(message)
        return self

    def accepts(self, check: str) -> bool:
        """Tell whether this check may be skipped or inconclusive today."""
        today = date.today()  # noqa: DTZ011 - a policy's day is the reader's day
        return any(fnmatchcase(check, entry.check) and (entry.until is None or today <= entry.until) for entry in self.accept)


class Policy(Model):
    """All policies of one repository."""

    memory: MemoryPolicy
    quality: QualityPolicy
    cleanup: CleanupPolicy
    docs: DocsPolicy
    workflow: WorkflowPolicy
    digest: str = Field(description="sha256 over the bytes of all files.")
    places: dict[str, str] = Field(description="Dotted key path, beginning with the file's name -> file:line.")


FILES: dict[str, type[Model]] = {
    "memory": MemoryPolicy,
    "quality": QualityPolicy,
    "cleanup": CleanupPolicy,
    "docs": DocsPolicy,
    "workflow": WorkflowPolicy,
}
