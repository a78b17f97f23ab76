"""Patterns as git reads them, asked about many paths: a cheap look at the names first, then the patterns."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from pathspec import GitIgnoreSpec

_CLASS = re.compile(r"\[([A-Za-z0-9_.]{1,4})\]")  # a class of a few letters, which is written out
_WILD = re.compile(r"[*?\[\]]")


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


class Globs:
    """Patterns of a policy; what lies below a folder that matches does so too."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Compile every pattern once."""
        self._spec = GitIgnoreSpec.from_lines(patterns)
        self._names = names_of([text for text in map(str.strip, patterns) if text and text[0] not in "!#"])
        self._folders = {"": False}

    def match(self, path: str) -> bool:
        """Tell whether a file matches."""
        above, _, name = path.rpartition("/")
        return (self._names.pass_(name) or self._below(above)) and self._spec.match_file(path)

    def _below(self, folder: str) -> bool:
        """Tell whether a folder, or one above it, could match; found out once a folder."""
        if folder not in self._folders:
            above, _, name = folder.rpartition("/")
            self._folders[folder] = self._names.pass_(name) or self._below(above)
        return self._folders[folder]


def names_of(patterns: Sequence[str]) -> Names:
    """Take from each pattern what any name that it matches must be, end with or begin with."""
    whole, heads, tails = set[str](), set[str](), set[str]()
    for pattern in patterns:
        for name in _written_out(last(pattern)):
            wild = list(_WILD.finditer(name))
            if "\\" in pattern:
                heads.add("")  # what it quotes is not taken apart
            elif not wild:
                whole.add(name)
            elif wild[-1].end() < len(name):
                tails.add(name[wild[-1].end() :])
            else:
                heads.add(name[: wild[0].start()])  # "" when a pattern says nothing about names: then all of them pass
    return Names(frozenset(whole), tuple(sorted(heads)), tuple(sorted(tails)))


def last(text: str) -> str:
    """Return the last part of a pattern, which a name must fit.

    >>> last("/a/*.md"), last("build/")
    ('*.md', 'build')
    """
    return text.rstrip("/").rpartition("/")[2]


def _written_out(name: str) -> Iterator[str]:
    """Write out classes of a few letters.

    >>> list(_written_out(".*.sw[op]")), list(_written_out("a[a-z]"))
    (['.*.swo', '.*.swp'], ['a[a-z]'])
    """
    parts = _CLASS.split(name)  # every second one is the inside of a class
    for letters in product(*(part if at % 2 else [part] for at, part in enumerate(parts))):
        yield "".join(letters)
