"""The shape of each policy file: typed, closed, with units in every size."""

import re
from datetime import date
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from gate import units

_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"


def _text(read: object) -> str:
    """Want words where a bare number would have no unit."""
    if not isinstance(read, str):
        message = f"{str(read).lower() if isinstance(read, bool) else read} has no unit; write text with a unit"
        raise ValueError(message)  # noqa: TRY004 - pydantic turns a ValueError into a mistake with its place
    return read


def _size(read: object) -> float:
    return units.size(_text(read))


def _byte_rate(read: object) -> float:
    return units.rate(_text(read), "step")


def _handle_rate(read: object) -> float:
    return units.count_rate(_text(read), "step")


def _duration(read: object) -> float:
    return units.duration(_text(read))


def _target(read: str) -> str:
    if not _TARGET.fullmatch(read):
        message = f'"{read}" is not module:name; write for example "tests.agents:build"'
        raise ValueError(message)
    return read


def _inside(read: str) -> str:
    path = PurePosixPath(read)
    if not read or path.is_absolute() or ".." in path.parts or "\\" in read or "\0" in read:
        message = f'"{read}" is not a path inside the repository; write one relative to its root, without ".."'
        raise ValueError(message)
    return read


def _pattern(read: str) -> str:
    if not read.strip() or read.lstrip().startswith(("!", "#")) or "\0" in read:
        message = f'"{read}" is not a pattern of this policy; write what to match, as in a .gitignore line'
        raise ValueError(message)
    return read


def _worded(example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "examples": [example]})


Size = Annotated[float, BeforeValidator(_size), _worded("10 MB")]
ByteRate = Annotated[float, BeforeValidator(_byte_rate), _worded("0 B/step")]
HandleRate = Annotated[float, BeforeValidator(_handle_rate), _worded("0/step")]
Duration = Annotated[float, BeforeValidator(_duration), Field(gt=0, le=86400), _worded("60 s")]
Target = Annotated[str, AfterValidator(_target), _worded("tests.agents:build")]
Inside = Annotated[str, AfterValidator(_inside)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Name = Annotated[str, Field(pattern=_NAME)]
Word = Annotated[str, Field(min_length=1)]


class Model(BaseModel):
    """Refuse unknown keys and conversions that nobody wrote."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Reasoned(Model):
    """A limit; what is allowed must be explained."""

    max: float
    because: str = Field(default="", description="Why this much is right; wanted whenever max is above zero.")

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.max > 0 and not self.because.strip():
            message = 'a limit above zero has no reason; add for example because: "500 agents fit an 8 GB worker"'
            raise ValueError(message)
        return self


class FootprintLimit(_Reasoned):
    """The most bytes that one live agent may hold."""

    max: Size = Field(description="Bytes per live agent.")


class GrowthLimit(_Reasoned):
    """The most bytes that one agent may gain with each step."""

    max: ByteRate = Field(description="Bytes per step of one agent.")
    resolution: ByteRate = Field(default=1.0, gt=0, description="The smallest steady growth that counts when max is 0.")


class HandlesLimit(_Reasoned):
    """The most file descriptors, threads and children that one agent may gain with each step."""

    max: HandleRate = Field(description="Handles per step of one agent.")
    resolution: HandleRate = Field(default=0.01, gt=0, description="The smallest steady growth that counts when max is 0.")


class Limits(Model):
    """What an agent may weigh, gain and hold open."""

    footprint: FootprintLimit | None = None
    growth: GrowthLimit | None = None
    handles: HandlesLimit | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.footprint or self.growth or self.handles):
            message = "no limit is set; add footprint, growth or handles"
            raise ValueError(message)
        return self


class BudgetPolicy(Model):
    """What each measured child may use; beyond it the child is stopped and the check is BROKEN."""

    time: Duration = 60.0
    memory: Size = Field(default=8e9, ge=64e6, description="Address space, not resident memory.")
    output: Size = Field(default=4e3, description="What the child may print.")


class AgentCase(Model):
    """How to build one agent and step it, and what it may weigh."""

    build: Target = Field(description="module:callable, (index: int) -> agent")
    step: Target = Field(description="module:callable, (agent) -> None")
    limits: Limits
    sizes: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] = Field(
        default=(8, 16, 24), min_length=2, max_length=16, description="Live agents in each fresh child: footprint."
    )
    settle: int = Field(default=3, ge=0, le=1_000_000, description="Steps each agent takes before it is weighed.")
    population: int = Field(default=1, ge=1, le=1_000_000, description="Live agents while steps are counted.")
    steps: int = Field(default=4096, ge=64, le=100_000_000, description="Steps of each agent: growth and handles.")
    budget: BudgetPolicy = BudgetPolicy()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if any(after <= before for before, after in zip(self.sizes, self.sizes[1:], strict=False)):
            message = f"sizes {list(self.sizes)} do not rise; write for example [8, 16, 24]"
            raise ValueError(message)
        return self


class MemoryPolicy(Model):
    """policies/memory.yaml: agent cases and their limits."""

    version: Literal[1]
    agents: dict[Name, AgentCase] = Field(min_length=1)


class CommandPolicy(Model):
    """One more program whose exit code is a check."""

    run: tuple[Word, ...] = Field(min_length=1, description="The program and its arguments; no shell reads them.")
    finds: tuple[Annotated[int, Field(ge=1, le=255)], ...] = Field(
        default=(1,), description="Exit codes that mean findings; any other than 0 means that it could not work."
    )
    needs: str = Field(default="", description="Skip, with a reason, where this program is missing.")
    time: Duration = 300.0


class TestsPolicy(Model):
    """How pytest is run."""

    arguments: tuple[Word, ...] = ()
    time: Duration = 1800.0


class QualityPolicy(Model):
    """policies/quality.yaml: what ruff, mypy and pytest read, and further linters."""

    version: Literal[1]
    paths: tuple[Inside, ...] = Field(min_length=1, description="What ruff and mypy read.")
    tests: TestsPolicy = TestsPolicy()
    commands: dict[Name, CommandPolicy] = Field(default_factory=dict, description="Each becomes lint/<name>.")


class KindPolicy(Model):
    """One kind of artefact."""

    match: tuple[Pattern, ...] = Field(min_length=1, description="As in .gitignore; a trailing / matches folders.")
    live: bool = Field(default=False, description="Still used by the gate's own tools: taken only with --all.")


class CleanupPolicy(Model):
    """policies/cleanup.yaml: the closed list of what may be removed."""

    version: Literal[1]
    kinds: dict[Name, KindPolicy] = Field(min_length=1)
    protect: tuple[Pattern, ...] = Field(default=(), description="Never taken, whatever else matches.")


class DocsPolicy(Model):
    """policies/docs.yaml: which documents are read and where they may lie."""

    version: Literal[1]
    match: tuple[Pattern, ...] = Field(default=("*.md",), min_length=1)
    leave: tuple[Pattern, ...] = Field(default=(), description="Documents that are not read.")
    root: tuple[Word, ...] = Field(
        default=("README.md", "LICENSE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "AGENTS.md", "CLAUDE.md"),
        description="Names that may stay at the root.",
    )
    home: Inside = Field(default="docs", description="Where other documents belong.")


class RecordPolicy(Model):
    """What is written beside the code about the code."""

    paths: tuple[Inside, ...] = Field(
        default=("docs/completed", ".taskmaster/tasks/tasks.json"),
        description="Left out of the tree id: summaries and the task store.",
    )
    summary: Inside = Field(default="docs/completed/{task}-completion-summary.md", description="{task} is the id.")

    @model_validator(mode="after")
    def _covered(self) -> Self:
        if "{task}" not in self.summary:
            message = f'summary "{self.summary}" does not name {{task}}; two tasks would share one file'
            raise ValueError(message)
        if not any(self.summary == path or self.summary.startswith(path.rstrip("/") + "/") for path in self.paths):
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

    version: Literal[1]
    tasks: Inside = ".taskmaster/tasks/tasks.json"
    accept: tuple[Accepted, ...] = Field(default=(), description="Checks that may be SKIPPED or INCONCLUSIVE.")
    record: RecordPolicy = RecordPolicy()
    commit: CommitPolicy = CommitPolicy()

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
