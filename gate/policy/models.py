"""The shape of each policy file: typed, closed, with units in every size."""

import datetime as dt
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from gate.policy.base import CLOSED, Again, Model
from gate.policy.baseline import BaselinePolicy
from gate.policy.cleanup import CleanupPolicy
from gate.policy.commit import CommitPolicy
from gate.policy.docs import DocsPolicy
from gate.policy.fields import (
    MOST_DAYS,
    Age,
    Below,
    Day,
    Duration,
    Inside,
    Name,
    Said,
    Size,
    TaskId,
    Version,
    Word,
    written,
)
from gate.policy.memory import MemoryPolicy


class CommandPolicy(Again):
    """One more program whose exit code is a check."""

    run: tuple[Word, ...] = Field(min_length=1, description="The program and its arguments; no shell reads them.")
    reads: Literal["exit", "lines"] = Field(
        default="exit",
        description="lines: each finding stands on a line, as path:line: message, and can be known again; exit: its exit code is all.",
    )
    finds: tuple[Annotated[int, Field(ge=1, le=255)], ...] = Field(
        default=(1,), description="Exit codes that mean findings; any other than 0 means that it could not work."
    )
    needs: str = Field(default="", description="Skip, with a reason, where this program is missing.")
    version: tuple[Word, ...] = Field(
        default=(), description="What prints its version, such as [zizmor, --version]; recorded as it says it."
    )
    optional: str = Field(default="", description="Why the tree is complete although this was skipped for want of `needs`.")
    time: Duration = Field(default=written("300 s"))

    @model_validator(mode="after")
    def _only_programs_are_optional(self) -> Self:
        if self.optional and not self.needs:
            message = "optional says what may be skipped where a program is missing; name the program: needs"
            raise ValueError(message)
        return self


class TestsPolicy(Again):
    """How pytest is run."""

    arguments: tuple[Word, ...] = ()
    covers: tuple[Inside, ...] = Field(default=(), description="Files and folders whose code must run in the tests; pytest-cov counts it.")
    outside: Said | None = Field(
        default=None, description="Why no module below `paths` need be loaded in the tests: they run the program from outside, say."
    )
    time: Duration = Field(default=written("1800 s"))


class WithoutPolicy(Model):
    """Checks that are not asked, each with the reason."""

    format: Said | None = None
    lint: Said | None = None
    types: Said | None = None
    tests: Said | None = None


class QualityPolicy(Model):
    """policies/quality.yaml: what ruff, mypy and pytest read, and further linters."""

    version: Version
    paths: tuple[Inside, ...] = Field(min_length=1, description="What ruff and mypy read.")
    without: WithoutPolicy = Field(
        default_factory=WithoutPolicy, description="Checks that are not asked, each with the reason; every summary shows them as SKIPPED."
    )
    tests: TestsPolicy = Field(default_factory=TestsPolicy)
    commands: dict[Name, CommandPolicy] = Field(default_factory=dict, description="Each becomes lint/<name>.", json_schema_extra=CLOSED)


class KeepPolicy(Model):
    """How much evidence of other trees stays under .gate/."""

    age: Age = Field(default=written("30 d"), description="Evidence of other trees goes when it is older.")
    size: Size = Field(
        default=written("200 MB"), description="The oldest goes first when there is more. HEAD's and the present tree's stay."
    )


class RecordPolicy(Model):
    """What is written beside the code about the code."""

    paths: tuple[Below, ...] = Field(
        default=("docs/completed", ".taskmaster/tasks/tasks.json"),
        description="Left out of the tree id: summaries and the task store.",
    )
    summary: Below = Field(default="docs/completed/{task}-completion-summary.md", description="{task} is the id.")
    keep: KeepPolicy = Field(default_factory=KeepPolicy)
    max_age: Age = Field(
        default=written("7 d"), description="A check is run again when its evidence is older, though nothing that it reads changed."
    )

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


class WaiverPolicy(Model):
    """One exception: a check whose bad news is lived with until a day."""

    check: Word = Field(description="A check or a pattern such as memory/*/handles.")
    match: str = Field(default="", description="Only complaints that contain this text are covered; left out: all of them.")
    reason: Said
    owner: Said = Field(description="Who ends this.")
    expires: Day = Field(description=f"The last day on which this holds, at most {MOST_DAYS} days ahead.")


class AcknowledgedPolicy(Model):
    """One change that lets more through, and why that is right."""

    policy: Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")] = Field(description="What `gate policy guard` says of the change.")
    reason: Said


class LearningPolicy(Model):
    """One thing that a task taught; the docs phase writes it into AGENTS.md and CLAUDE.md."""

    text: Annotated[str, Field(min_length=1, max_length=300)]
    date: dt.date = Field(description="The day on which it was learnt.")
    task: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,39})?$")] = ""


class GatePolicy(Model):
    """What decides about one task."""

    checks: tuple[Word, ...] = Field(min_length=1, description="Checks, or patterns such as memory/belief/*: only these decide.")


class WorkflowPolicy(Model):
    """policies/workflow.yaml: what must pass, and what is recorded where."""

    version: Version
    tasks: Below = Field(default=".taskmaster/tasks/tasks.json", description="Task Master's tasks.json, or a tasks.yaml.")
    gate: dict[TaskId, GatePolicy] = Field(
        default_factory=dict, description="By task id, in quotes: what decides about this task.", json_schema_extra=CLOSED
    )
    floor: tuple[Word, ...] = Field(
        default=(), description="Checks, or patterns, that decide about every task, also about one that names others.", examples=[["tests"]]
    )
    waivers: tuple[WaiverPolicy, ...] = Field(default=(), description="What is FAILED, INCONCLUSIVE or SKIPPED and lived with for a while.")
    acknowledged: tuple[AcknowledgedPolicy, ...] = Field(
        default=(), description="Changes of policies that let more through than on the base; each holds until it is on the base itself."
    )
    record: RecordPolicy = Field(default_factory=RecordPolicy)
    commit: CommitPolicy = Field(default_factory=CommitPolicy)
    learnings: tuple[LearningPolicy, ...] = Field(default=(), description="Kept in one block of AGENTS.md and CLAUDE.md.")

    @model_validator(mode="after")
    def _recorded(self) -> Self:
        if not any(PurePosixPath(self.tasks).is_relative_to(path) for path in self.record.paths):
            message = f'tasks "{self.tasks}" is under none of the record paths; add it to record.paths, or finishing would change the tree'
            raise ValueError(message)
        return self


class Policy(Model):
    """All policies of one repository."""

    memory: MemoryPolicy
    quality: QualityPolicy
    cleanup: CleanupPolicy
    docs: DocsPolicy
    workflow: WorkflowPolicy
    baseline: BaselinePolicy
    digest: str = Field(description="sha256 over the bytes of all files.")
    places: dict[str, str] = Field(description="Dotted key path, beginning with the file's name -> file:line.")


FILES: dict[str, type[Model]] = {
    "memory": MemoryPolicy,
    "quality": QualityPolicy,
    "cleanup": CleanupPolicy,
    "docs": DocsPolicy,
    "workflow": WorkflowPolicy,
}
ALL: dict[str, type[Model]] = {**FILES, "baseline": BaselinePolicy}  # the last may be missing: then nothing is known
