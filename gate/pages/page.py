"""One Markdown document: its anchors, and its links with the exact place of each destination."""

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from markdown_it.token import Token

from gate.pages import front, tags
from gate.pages.parser import Places, Span, parse, place, stretch, walk

_TARGETS = {"link_open": "href", "image": "src"}
_WORD = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "Pc"})  # Unicode's categories of what words are made of
_BREAK = re.compile("\r\n?|\n")
_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"  # the byte order mark as a letter


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One link, picture or reference definition."""

    line: int  # where it begins
    target: str  # what it leads to: entities and escapes resolved
    span: Span  # its destination in the text of the document as it is written
    html: bool = False  # written as an attribute of a tag


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What one document offers and wants."""

    text: str  # decoded; bytes that are no UTF-8 as surrogates, line ends and the byte order mark as they are
    anchors: set[str] = field(default_factory=lambda: {"", "top"})  # these two every page has
    links: list[Link] = field(default_factory=list)
    slugs: dict[str, int] = field(default_factory=dict)  # anchor of a heading -> how many more headings have it
    headings: list[str] = field(default_factory=list)
    front: dict[str, tuple[str, ...]] = field(default_factory=dict)  # front matter: key -> values


def read(raw: bytes) -> Page:
    """Read one document; code is left alone by the parser."""
    text = raw.decode("utf-8", "surrogateescape")
    source = _Source(text)
    about = front.read(source.plain)
    page = Page(text=text, front=about.values)
    tokens, definitions = parse(about.text)
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            _head(page, "".join(child.content for child in tokens[at + 1].children or () if child.type in {"text", "code_inline"}))
        elif token.type == "html_block":
            _html(page, source, token.content, token.meta["places"], 0)
        elif token.type == "inline":
            _inline(page, source, token)
    for label, found in definitions.items():  # a dead one is corrected where it is defined; [^1] is a footnote
        if not label.startswith("^"):
            page.links.append(Link(line=found["map"][0] + 1, target=found["href"], span=source.span(found["span"])))
    page.links.sort(key=lambda link: link.line)
    return page


class _Source:
    """A text as it is, and as the parser wants it."""

    def __init__(self, text: str) -> None:
        """Let each line end with a newline, and remember where lines begin."""
        self.shift = int(text.startswith(_MARK))
        breaks = [found.span() for found in _BREAK.finditer(text, self.shift)]
        self.begins = [self.shift, *(end for _, end in breaks)]
        self.plain = _BREAK.sub("\n", text[self.shift :]).replace("\0", "\N{REPLACEMENT CHARACTER}")
        self.plain_begins = [0, *(found.end() for found in re.finditer("\n", self.plain))]

    def line(self, offset: int) -> int:
        """Return the line of an offset in the plain text, from 1."""
        return bisect_right(self.plain_begins, offset)

    def span(self, span: Span) -> Span:
        """Return where a span of the plain text stands in the text as it is."""
        return self._offset(span[0]), self._offset(span[1])

    def _offset(self, offset: int) -> int:
        at = self.line(offset) - 1
        return self.begins[at] + offset - self.plain_begins[at]


def _inline(page: Page, source: _Source, token: Token) -> None:
    """Take the links of one paragraph, cell or heading, each with its line."""
    places: Places = token.meta["places"]
    for child in walk(token.children or []):
        if child.type == "html_inline":
            _html(page, source, child.content, places, child.meta["at"])
        elif "span" in child.meta:
            _link(page, source, places, child)


def _link(page: Page, source: _Source, places: Places, child: Token) -> None:
    """Take one inline link or picture."""
    target: Any = child.attrGet(_TARGETS[child.type])
    page.links.append(
        Link(line=source.line(place(places, child.meta["at"])), target=str(target), span=source.span(stretch(places, child.meta["span"])))
    )


def _html(page: Page, source: _Source, text: str, places: Places, at: int) -> None:
    """Take the anchors, links and headings of raw HTML that begins at an offset of its block."""
    for found in tags.read(text):
        if found.kind == "heading":
            _head(page, found.value)
        elif found.kind == "anchor":
            page.anchors.add(found.value)
        else:
            line, span = source.line(place(places, at + found.at)), stretch(places, (at + found.span[0], at + found.span[1]))
            page.links.append(Link(line=line, target=found.value, span=source.span(span), html=True))


def _head(page: Page, words: str) -> None:
    """Add the anchor that GitHub gives a heading: lower case, punctuation dropped, spaces to hyphens, repeats numbered.

    Source: https://github.com/Flet/github-slugger, which is tested against GitHub.
    """
    page.headings.append(words)
    kept = (letter for letter in words.lower() if letter in " -" or unicodedata.category(letter) in _WORD)
    base = slug = "".join(kept).replace(" ", "-")
    while slug in page.slugs:
        page.slugs[base] += 1
        slug = f"{base}-{page.slugs[base]}"
    page.slugs[slug] = 0
    page.anchors.add(slug)
