"""The shape of policies/cleanup.yaml: the closed list of what may go, by kind."""

from typing import Literal, Self

from pydantic import Field, model_validator

from gate.policy.base import CLOSED, Model
from gate.policy.fields import Age, Name, Pattern, Version, written


class KindPolicy(Model):
    """One kind of artefact, found by patterns, by being empty, or through the tool whose cache it is."""

    match: tuple[Pattern, ...] = Field(
        default=(), description="As in .gitignore; with a trailing / folders and nothing else, without files and nothing else."
    )
    empty: bool = Field(default=False, description="Folders that hold nothing, or nothing but such folders.")
    tool: Literal["", "npm", "pip", "uv"] = Field(
        default="", description="The cache that all projects of this user share, by the tool's own command; only with --caches."
    )
    class_: Literal["regenerable", "keepable"] = Field(
        default="keepable",
        alias="class",
        description="regenerable: a tool makes it again, and it is removed when git ignores it; keepable: it goes to the trash.",
    )
    live: bool = Field(default=False, description="Still used by the gate's own tools: taken only with --all, or when older than max_age.")
    max_age: Age = Field(default=written("0 d"), description="Only what was last written longer ago goes; 0 d: whatever its age.")
    keep: int = Field(default=0, ge=0, le=10_000, description="So many of the newest stay.")

    @model_validator(mode="after")
    def _found_one_way(self) -> Self:
        if sum(map(bool, (self.match, self.empty, self.tool))) != 1:
            message = "says not what it takes, or says it twice; write one of match, empty: true and tool"
            raise ValueError(message)
        if self.empty and self.class_ == "regenerable":
            message = "is empty, and no tool makes that again; write class: keepable"
            raise ValueError(message)
        return self


class CleanupPolicy(Model):
    """policies/cleanup.yaml: the closed list of what may be removed."""

    version: Version
    kinds: dict[Name, KindPolicy] = Field(min_length=1, json_schema_extra=CLOSED)
    protect: tuple[Pattern, ...] = Field(default=(), description="Never taken, whatever else matches.")
