"""The part of policies/workflow.yaml about the finishing commit: how it is worded, where it may be made, and what may go in."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from gate.facts.intake import Kind
from gate.policy.base import Model
from gate.policy.fields import Pattern, Size, Word, written

MOST = 32_000_000  # bytes of a file that is looked into
# What tools write about code, by the names that they give it.
REPORTS = ("reports/", "htmlcov/", "coverage*.json", "coverage*.xml", "*junit*.xml", "*report*.json", "*report*.html", "*.sarif", "*.log")
# Pictures, fonts and papers are no text, and nobody adds them by accident.
BINARIES = ("*.gif", "*.ico", "*.jpeg", "*.jpg", "*.otf", "*.pdf", "*.png", "*.ttf", "*.webp", "*.woff", "*.woff2")


class AllowPolicy(Model):
    """One thing that goes in although it looks as if it should not."""

    path: Pattern = Field(description="Files, as in a .gitignore line.")
    kinds: tuple[Kind, ...] = Field(min_length=1, description="What they are taken for, and are not, or may be.")
    reason: Word

    @field_validator("reason")
    @classmethod
    def _said(cls, found: str) -> str:
        if not found.strip():
            message = "says nothing; write a word"
            raise ValueError(message)
        return found


class CommitPolicy(Model):
    """How the finishing commit is worded, where it may be made, and what may go in."""

    type: Literal["feat", "fix", "docs", "style", "refactor", "perf", "test", "build", "ci", "chore"] = "chore"
    protected: tuple[Word, ...] = Field(
        default=(), description="Branches, or patterns such as release/*, that finish never commits to.", examples=[["main", "release/*"]]
    )
    detached: bool = Field(default=False, description="Whether finish may commit where HEAD is on no branch.")
    max_file: Annotated[Size, Field(gt=0, le=MOST)] = Field(default=written("5 MB"), description="A larger file goes in only by `allow`.")
    max_report: Annotated[int, Field(ge=1)] = Field(default=1000, description="Lines of a generated report that may go in.")
    reports: tuple[Pattern, ...] = Field(default=REPORTS, description="What is a generated report.")
    binaries: tuple[Pattern, ...] = Field(default=BINARIES, description="What is meant to be no text.")
    allow: tuple[AllowPolicy, ...] = Field(default=(), description="What goes in although it looks as if it should not.")
