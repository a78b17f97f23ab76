"""What a commit would take in, and what of it no commit should take unless a policy says why."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["key", "secret", "size", "binary", "repository", "report"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One path that a commit would change."""

    path: str
    act: str  # added, changed, removed
    mode: str  # as git writes it: 100644, 160000 for a repository; "" when it is removed
    blob: str = ""  # id of the content
    size: int = 0  # bytes
    binary: bool = False  # git takes its content for no text, and there was none that it took for one before
    lines: tuple[tuple[int, int], ...] = ()  # first and last of each group of new lines


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """What a policy lets in after all."""

    path: str  # a pattern as in .gitignore
    kinds: tuple[Kind, ...]
    reason: str
    place: str  # where the policy says so


@dataclass(frozen=True, kw_only=True, slots=True)
class Intake:
    """What may go in."""

    largest: int  # bytes of a file
    longest: int  # lines of a generated report
    reports: tuple[str, ...]  # patterns of what is generated
    binaries: tuple[str, ...]  # patterns of what is meant to be no text
    hashed: tuple[str, ...] = ()  # patterns of what the gate itself writes hashes into, which look like secrets
    allow: tuple[Allowance, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspect:
    """One thing that should not go in."""

    path: str
    line: int  # 1 where it is about the whole file
    kind: Kind
    found: str  # what it is, never what it says
    act: str  # the next act
    allowed: str = ""  # the place of the policy that lets it in, with its reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Entering:
    """What a commit would take in."""

    items: tuple[Item, ...]
    refused: tuple[Suspect, ...] = ()
    allowed: tuple[Suspect, ...] = ()  # by a policy that says why
