"""CommonMark tokens that know where they stand: markdown-it gives lines, and moving documents needs the exact letters."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

Span = tuple[int, int]
Places = list[tuple[int, int]]  # offset in the content of a block -> offset in the text, each from its offset on

_BLOCKS = ("table", "html_block", "reference", "heading", "lheading", "paragraph")
_INLINES = {"link": "link_open", "image": "image", "html_inline": "html_inline"}  # rule -> the token that it begins with
_SPACE = " \t"


def parse(text: str) -> tuple[list[Token], dict[str, Any]]:
    r"""Return the block tokens of a text with "\n" at the ends of its lines, and its reference definitions.

    `meta["places"]` of a block says where its content stands; `meta["at"]` of an inline link, picture or tag is its beginning in the
    content, and `meta["span"]` the span of its destination there, brackets included; a definition has the `span` of its own in the text.
    """
    seen: dict[str, Any] = {}
    tokens = _MARKDOWN.parse(text, seen)
    definitions: dict[str, Any] = seen.get("references", {})
    return tokens, definitions


def place(places: Places, offset: int) -> int:
    """Return where an offset in the content of a block stands in the text."""
    inside, outside = places[max(0, bisect_right(places, offset, key=itemgetter(0)) - 1)]
    return outside + offset - inside


def stretch(places: Places, span: Span) -> Span:
    """Return where a span of the content of a block stands in the text."""
    start, end = span
    return (place(places, start), place(places, end - 1) + 1) if end > start else (place(places, start),) * 2


def walk(children: list[Token]) -> Iterator[Token]:
    """Yield inline tokens in the order of the source, what describes a picture after the picture."""
    for child in children:
        yield child
        yield from walk(child.children or [])


def _block(name: str, rule: Callable[[StateBlock, int, int, bool], bool]) -> Callable[[StateBlock, int, int, bool], bool]:
    """Let a rule for blocks also note where what it found stands: only now the text knows which marks begin its lines."""

    def located(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the signature of a rule
        count, known = len(state.tokens), len(state.env.get("references", ()))
        if not rule(state, start, end, silent):
            return False
        if name == "reference" and not silent and len(state.env["references"]) > known:
            label = next(reversed(state.env["references"]))
            state.env["references"][label]["span"] = _defined(state, start)
        cursors: dict[int, int] = {}
        for token in state.tokens[count:]:
            if token.type in {"inline", "html_block"} and token.map:
                token.meta["places"] = _cell(state, token, cursors) if name == "table" else _lines(state, token, name)
        return True

    return located


def _first(state: StateBlock, line: int) -> int:
    """Return where a line begins, behind the marks of the quotes and lists that hold it."""
    return state.bMarks[line] + state.tShift[line]


def _lines(state: StateBlock, token: Token, name: str) -> Places:
    """Follow a block line by line; of its indentation nothing is in the content, or something else."""
    assert token.map  # noqa: S101 - asked before
    if name == "heading":
        start = _first(state, token.map[0])
        while state.src[start : start + 1] == "#":
            start += 1
        while start < len(state.src) and state.src[start] in _SPACE:
            start += 1
        return [(0, start)]
    places, offset = [], 0
    for line, content in zip(range(*token.map), token.content.split("\n"), strict=False):
        places.append((offset + len(content) - len(content.lstrip(_SPACE)), _first(state, line)))
        offset += len(content) + 1
    return places


def _cell(state: StateBlock, token: Token, cursors: dict[int, int]) -> Places:
    """Find a cell behind the one before it; the content has lost the backslash before each bar."""
    assert token.map  # noqa: S101 - asked before
    line = token.map[0]
    start = state.src.find(token.content.replace("|", "\\|"), cursors.get(line, _first(state, line)), state.eMarks[line])
    if start < 0:  # nothing of it can be found again; whoever rewrites looks at what became of it
        return [(0, _first(state, line))]
    parts = token.content.split("|")
    places, inside = [(0, start)], 0
    for number, part in enumerate(parts[:-1], 1):
        inside += len(part)
        places.append((inside, start + inside + number))
        inside += 1
    cursors[line] = start + len(token.content) + len(parts) - 1
    return places


def _defined(state: StateBlock, start: int) -> Span:
    """Return the span of the destination of a reference definition that begins on a line."""
    lines = [(_first(state, line), state.eMarks[line] + 1) for line in range(start, state.line)]
    text = "".join(state.src[first:last] for first, last in lines)
    at = 1
    while text[at] != "]":
        at += 2 if text[at] == "\\" else 1
    at += 2
    while text[at] in f"{_SPACE}\n":
        at += 1
    places, inside = [], 0
    for first, last in lines:
        places.append((inside, first))
        inside += last - first
    end = state.md.helpers.parseLinkDestination(text, at, len(text)).pos
    return stretch(places, (at, end))


def _inline(opens: str, rule: Callable[[StateInline, bool], bool]) -> Callable[[StateInline, bool], bool]:
    """Let a rule for inline text also note where what it found begins, and where the destination in it stands."""

    def located(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the signature of a rule
        at, count = state.pos, len(state.tokens)
        if not rule(state, silent):
            return False
        if silent:
            return True
        token = next(token for token in state.tokens[count:] if token.type == opens)
        token.meta["at"] = at
        if opens != "html_inline" and "label" not in token.meta:
            token.meta["span"] = _destination(state, at + (opens == "image"), nested=opens == "link_open")
        shift = at + 2  # what describes a picture was parsed as a text of its own
        for child in walk(token.children or []):
            child.meta |= {key: child.meta[key] + shift for key in ("at",) if key in child.meta}
            child.meta |= {key: (child.meta[key][0] + shift, child.meta[key][1] + shift) for key in ("span",) if key in child.meta}
        return True

    return located


def _destination(state: StateInline, at: int, *, nested: bool) -> Span:
    """Return the span of the destination of the inline link whose label begins at a bracket."""
    start = state.md.helpers.parseLinkLabel(state, at, nested) + 2
    while state.src[start] in f"{_SPACE}\n":
        start += 1
    found = state.md.helpers.parseLinkDestination(state.src, start, state.posMax)
    return (start, found.pos) if found.ok else (start, start)


def _located() -> MarkdownIt:
    """Build the parser: CommonMark and GitHub's tables, each rule that matters with its place."""
    made = MarkdownIt("commonmark", {"maxNesting": 100, "store_labels": True}).enable("table")
    blocks, inlines = made.block.ruler, made.inline.ruler
    for block in [rule for rule in blocks.__rules__ if rule.name in _BLOCKS]:
        blocks.at(block.name, _block(block.name, block.fn), {"alt": block.alt})
    for inline in [rule for rule in inlines.__rules__ if rule.name in _INLINES]:
        inlines.at(inline.name, _inline(_INLINES[inline.name], inline.fn), {"alt": inline.alt})
    return made


_MARKDOWN = _located()
