"""The shape of policies/docs.yaml: which documents are read, and where each one belongs."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from gate.policy.base import Model
from gate.policy.fields import Below, Inside, Pattern, Version, Word


class DestinationPolicy(Model):
    """What belongs in one folder: documents that any of these match."""

    path: tuple[Pattern, ...] = Field(default=(), description="Where it lies, as in .gitignore.")
    name: tuple[Word, ...] = Field(default=(), description="Its file name; * and ? stand for any letters, case does not matter.")
    front_matter: dict[Word, Annotated[tuple[Word, ...], Field(min_length=1)]] = Field(
        default_factory=dict, description="Key of its YAML front matter -> values, of which one is its own; as for names."
    )
    heading: tuple[Word, ...] = Field(default=(), description="Its first heading; as for names.")
    assets: tuple[Pattern, ...] = Field(default=(), description="Other files that move too, such as pictures; as in .gitignore.")

    @field_validator("name")
    @classmethod
    def _plain(cls, found: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what no file name can be."""
        wrong = next((name for name in found if "/" in name), None)
        if wrong:
            message = f'"{wrong}" is more than a name; write it below path'
            raise ValueError(message)
        return found

    @model_validator(mode="after")
    def _takes(self) -> Self:
        if not (self.path or self.name or self.front_matter or self.heading or self.assets):
            message = "takes nothing; write path, name, front_matter, heading or assets below it"
            raise ValueError(message)
        return self


class DuplicatesPolicy(Model):
    """When two documents say the same."""

    threshold: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.8, description="Near-identical from here on: shared of all five-word shingles of two documents (Jaccard), 0 to 1."
    )
    fail: bool = Field(default=False, description="Duplicates fail the check; otherwise they are only told.")


class DocsPolicy(Model):
    """policies/docs.yaml: which documents are read and where they may lie."""

    version: Version
    match: tuple[Pattern, ...] = Field(default=("*.md",), min_length=1)
    leave: tuple[Pattern, ...] = Field(default=(), description="Documents that are not read, and never move.")
    root: tuple[Word, ...] = Field(
        default=(
            "README.md",
            "LICENSE.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "CODE_OF_CONDUCT.md",
            "SUPPORT.md",
            "GOVERNANCE.md",
            "AUTHORS.md",
            "AGENTS.md",
            "CLAUDE.md",
        ),
        description="Names that may stay at the root; case does not matter.",
    )
    home: Inside = Field(default="docs", description="Where a document at the root belongs when no destination takes it.")
    destinations: dict[Below, DestinationPolicy] = Field(
        default_factory=dict, description="Folder -> what belongs there; the first one that takes a document has it."
    )
    index: Below | None = Field(
        default="docs/README.md", description="The page that holds the generated index of the documents below its folder; null: none."
    )
    duplicates: DuplicatesPolicy = Field(default_factory=DuplicatesPolicy)

    @field_validator("destinations", mode="before")
    @classmethod
    def _each_once(cls, found: object) -> object:
        """Refuse one folder in two spellings: the second would silently take the place of the first."""
        names = [str(PurePosixPath(name)) for name in found if isinstance(name, str)] if isinstance(found, Mapping) else []
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            message = f'"{twice[0]}" is written twice, in two spellings; keep one'
            raise ValueError(message)
        return found
