"""What a Markdown document offers and wants: its anchors as GitHub names them, its links with their lines."""

import html
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark", {"maxNesting": 100, "store_labels": True}).enable("table")
_TARGETS = {"link_open": "href", "image": "src"}
_WORD = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "Pc"})  # Unicode's categories of letters of a word
_HEADING = re.compile("h[1-6]", re.IGNORECASE)
# These stop at the next bracket or quote, so that a hostile document takes no longer than its length.
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9-]*)((?:[\s/][^<>]*)?)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""(?<=[\s"'])(id|name|href|src)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))""", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One document as others see it."""

    anchors: set[str] = field(default_factory=lambda: {"", "top"})  # these two every page has
    links: list[tuple[int, str]] = field(default_factory=list)  # line and target
    slugs: dict[str, int] = field(default_factory=dict)  # anchors of headings -> how often they were numbered


def read(text: str) -> Page:
    """Read the anchors and links of one document; code is left alone by the parser."""
    page, seen = Page(), dict[str, Any]()
    tokens = _MARKDOWN.parse(text, seen)
    for at, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else 1
        if token.type == "heading_open":
            words = (child.content for child in tokens[at + 1].children or () if child.type in {"text", "code_inline"})
            _head(page, "".join(words))
        elif token.type == "html_block":
            _html(page, token.content, line)
        elif token.type == "inline":
            _inline(page, token.children or [], line)
    for label, definition in seen.get("references", {}).items():  # used or not; where it is corrected, not where it is used
        if not label.startswith("^"):  # a footnote
            page.links.append((definition["map"][0] + 1, definition["href"]))
    page.links.sort(key=lambda link: link[0])
    return page


def _inline(page: Page, children: list[Token], line: int) -> int:
    """Take the links of one paragraph, cell or heading; return its last line."""
    for child in children:
        if child.type in {"softbreak", "hardbreak"}:
            line += 1
        elif child.type == "html_inline":
            line = _html(page, child.content, line)
        elif child.type in _TARGETS:
            if "label" not in child.meta:
                page.links.append((line, str(child.attrGet(_TARGETS[child.type]))))
            line = _inline(page, child.children or [], line)
    return line


def _html(page: Page, text: str, line: int) -> int:
    """Take the anchors, links and headings of raw HTML; return its last line."""
    bare = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    at, heading = 0, -1
    for tag in _TAG.finditer(bare):
        line, at = line + bare.count("\n", at, tag.start()), tag.start()
        if _HEADING.fullmatch(tag[2]):
            if tag[1] and heading >= 0:
                _head(page, html.unescape(_TAG.sub("", bare[heading : tag.start()])).strip())
            heading = -1 if tag[1] else tag.end()
        for name, *values in _ATTRIBUTE.findall(tag[3]):
            value = html.unescape("".join(values))
            if name.lower() in {"id", "name"}:
                page.anchors.add(value)
            else:
                page.links.append((line, value))
    return line + bare.count("\n", at)


def _head(page: Page, words: str) -> None:
    """Add the anchor that GitHub gives a heading: lower case, punctuation dropped, spaces to hyphens, repeats numbered.

    Source: https://github.com/Flet/github-slugger, which follows GitHub's own html-pipeline.
    """
    kept = (letter for letter in words.lower() if letter in " -" or unicodedata.category(letter) in _WORD)
    base = slug = "".join(kept).replace(" ", "-")
    while slug in page.slugs:
        page.slugs[base] += 1
        slug = f"{base}-{page.slugs[base]}"
    page.slugs[slug] = 0
    page.anchors.add(slug)
