"""The front matter of a document: YAML between two lines of hyphens at its very beginning."""

import re
from dataclasses import dataclass, field

from gate.pages import scalars

_FENCED = re.compile(r"---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_LETTER = re.compile(r"[^\n]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Front:
    """What a document says about itself, and its text without that."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)  # key -> its value, or the items of its list
    text: str  # as long as the whole: where the front matter was stand spaces


def read(text: str) -> Front:
    r"""Take the front matter of a text with "\n" at the ends of its lines; a rule or a paragraph between rules is none.

    GitHub shows it as a table, so that nothing in it is a heading or a link.
    """
    fenced = _FENCED.match(text)
    found = scalars.read(fenced[1]) if fenced else None
    if not fenced or not found:
        return Front(text=text)
    values: dict[str, tuple[str, ...]] = {}
    for scalar in found:
        if len(scalar.keys) == 1:
            values[scalar.keys[0]] = (*values.get(scalar.keys[0], ()), scalar.value)
    return Front(values=values, text=_LETTER.sub(" ", fenced[0]) + text[fenced.end() :])
