"""Raw HTML in documents: anchors, links and headings, each with its place."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEADING = re.compile("h[1-6]", re.IGNORECASE)
# None of these looks at a text twice: a hostile document takes no longer than its length.
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9-]*)((?:[\s/][^<>]*)?)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([^\s"'/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?""")
_LETTER = re.compile(r"[^\n]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One thing in raw HTML that a document offers or wants."""

    kind: str  # anchor, link, heading
    value: str  # entities resolved
    at: int  # where its tag begins
    span: tuple[int, int] = (0, 0)  # of the value of a link as it is written, without quotes


def read(text: str) -> Iterator[Found]:
    """Yield what a piece of HTML holds, in its order; comments hold nothing."""
    bare = _COMMENT.sub(lambda found: _LETTER.sub(" ", found[0]), text)
    heading = -1
    for tag in _TAG.finditer(bare):
        if _HEADING.fullmatch(tag[2]):
            if tag[1] and heading >= 0:
                yield Found(kind="heading", value=html.unescape(_TAG.sub("", bare[heading : tag.start()])).strip(), at=tag.start())
            heading = -1 if tag[1] else tag.end()
        for found in _ATTRIBUTE.finditer(tag[3]):
            name, group = found[1].lower(), found.lastindex or 1
            value, begins = (found[group], found.start(group)) if group > 1 else ("", found.end())
            if name in {"id", "name"}:
                yield Found(kind="anchor", value=html.unescape(value), at=tag.start())
            elif name in {"href", "src"}:
                begins += tag.start(3)
                yield Found(kind="link", value=html.unescape(value), at=tag.start(), span=(begins, begins + len(value)))
