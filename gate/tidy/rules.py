"""Rules as a scan asks them: a cheap look at a name first, then the pattern, and for the path itself, never for what is above it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from pathspec import GitIgnoreSpec

from gate.errors import GateError
from gate.facts.work import Rule

EMPTY = "(empty)"  # stands for a pattern where the rule is about folders that hold nothing
_CLASS = re.compile(r"\[([A-Za-z0-9_.]{1,4})\]")  # a class of a few letters, which is written out
_WILD = re.compile(r"[*?\[\]]")
_SPECIAL = re.compile(r"[*?\[\]/]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A rule and the pattern of it that matched."""

    rule: Rule
    pattern: str


@dataclass(frozen=True, slots=True)
class Names:
    """What a name must be, begin with or end with before any pattern is asked; what passes may still match none."""

    whole: frozenset[str]
    heads: tuple[str, ...]
    tails: tuple[str, ...]

    def pass_(self, name: str) -> bool:
        """Tell whether a pattern could match."""
        return name in self.whole or name.endswith(self.tails) or name.startswith(self.heads)

    def letters(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return letters of which a name that passes begins with one of the first or ends with one of the last: found faster than words."""
        dotted = {name for name in self.whole if name[0] == "."}  # few other names begin so
        first = {name[0] for name in dotted} | {head[:1] for head in self.heads}
        return frozenset(first), frozenset(name[-1] for name in (self.whole - dotted).union(self.tails))


def names_of(patterns: Sequence[str]) -> Names:
    """Take from each pattern what any name that it matches must be, end with or begin with."""
    whole, heads, tails = set[str](), set[str](), set[str]()
    for pattern in patterns:
        for name in _written_out(_last(pattern)):
            wild = list(_WILD.finditer(name))
            if not wild:
                whole.add(name)
            elif wild[-1].end() < len(name):
                tails.add(name[wild[-1].end() :])
            else:
                heads.add(name[: wild[0].start()])  # "" when a pattern says nothing about names: then all of them pass
    return Names(frozenset(whole), tuple(sorted(heads)), tuple(sorted(tails)))


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
    below, all_ = _last(text) == "**", text.strip("/") in {"*", "**", "**/*"} and text[0] != "/"
    return _Pattern(Hit(rule=rule, pattern=text), text, text.endswith("/"), tail, below, all_, regex)


def _last(text: str) -> str:
    """Return the last part of a pattern, which a name must fit."""
    return text.rstrip("/").rpartition("/")[2]


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


def _written_out(name: str) -> Iterator[str]:
    """Write out classes of a few letters.

    >>> list(_written_out(".*.sw[op]")), list(_written_out("a[a-z]"))
    (['.*.swo', '.*.swp'], ['a[a-z]'])
    """
    parts = _CLASS.split(name)  # every second one is the inside of a class
    for letters in product(*(part if at % 2 else [part] for at, part in enumerate(parts))):
        yield "".join(letters)
