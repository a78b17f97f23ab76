"""Rules as a scan asks them: a cheap look at a name first, then the pattern, and for the path itself, never for what is above it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec

from gate.errors import GateError
from gate.facts.work import Rule
from gate.pages.globs import last, names_of

EMPTY = "(empty)"  # stands for a pattern where the rule is about folders that hold nothing
_SPECIAL = re.compile(r"[*?\[\]/]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A rule and the pattern of it that matched."""

    rule: Rule
    pattern: str


class Rules:
    """All patterns of a policy, those of files and those of folders apart."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Compile every pattern once."""
        every = [_compiled(rule, text) for rule in rules for text in rule.match]
        self._files = [one for one in every if not one.folder]
        self._folders = [one for one in every if one.folder]
        self.file_names = names_of([one.text for one in self._files])
        self.folder_names = names_of([one.text for one in self._folders])
        self.empty = next((Hit(rule=rule, pattern=EMPTY) for rule in rules if rule.empty), None)

    def file(self, path: str) -> Hit | None:
        """Return the first rule that matches a file or link itself."""
        return _first(self._files, path)

    def folder(self, path: str) -> Hit | None:
        """Return the first rule that matches a folder itself."""
        return _first(self._folders, path)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One pattern of a policy."""

    hit: Hit
    text: str
    folder: bool
    tail: str  # all that a name must end with, "" where that is not all
    below: bool  # matches whatever lies below a folder
    all_: bool  # matches every file, or every folder
    regex: re.Pattern[str]


def _compiled(rule: Rule, text: str) -> _Pattern:
    """Let pathspec read a pattern as git does."""
    (pattern,) = GitIgnoreSpec.from_lines([text]).patterns
    regex = getattr(pattern, "regex", None)
    if not isinstance(regex, re.Pattern):
        message = f"policies/cleanup.yaml: kinds.{rule.kind}.match: {text!r} matches nothing; correct or delete it"
        raise GateError(message)
    tail = text[1:] if text[:1] == "*" and not _SPECIAL.search(text[1:]) else ""
    below, all_ = last(text) == "**", text.strip("/") in {"*", "**", "**/*"} and text[0] != "/"
    return _Pattern(Hit(rule=rule, pattern=text), text, text.endswith("/"), tail, below, all_, regex)


def _first(patterns: Sequence[_Pattern], path: str) -> Hit | None:
    """Return what matches a path itself: pathspec's expressions also match what is below, and then end before the path does."""
    whole = f"{path}/"
    for pattern in patterns:
        if pattern.tail:
            if path.endswith(pattern.tail):
                return pattern.hit
            continue
        if pattern.all_:
            return pattern.hit
        found = pattern.regex.search(path if pattern.below else whole)
        if found and (pattern.below or found.end() == len(whole)):
            return pattern.hit
    return None
