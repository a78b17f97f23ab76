"""One block of a Markdown file that the gate writes, between two markers; every byte outside it is the author's."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt

from gate.errors import GateError

_BLOCKS = MarkdownIt("commonmark", {"maxNesting": 100}).disable("inline")
_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_NEWLINE = re.compile(rb"\r\n|\r|\n")
_MARK = rb"<!--[ \t]*gate:%s:(begin|end)[ \t]*-->"


def marker(name: str, which: str) -> str:
    """Write a marker as the gate writes it.

    >>> marker("index", "begin")
    '<!-- gate:index:begin -->'
    """
    return f"<!-- gate:{name}:{which} -->"


def put(before: bytes, name: str, lines: Sequence[str], place: str) -> bytes:
    """Return a file's bytes with these lines as its block: replaced where there is one, appended where there is none.

    The newlines are the file's own, and a missing one at its end stays missing. `place` is how an error names the file.
    Raises GateError when the file holds anything but no marker, or one pair in its order, each on a line of its own.
    """
    newline = _newline(before)
    body = b"".join(line.encode() + newline for line in lines)
    begin, end = (marker(name, which).encode() for which in ("begin", "end"))
    found = _find(before, name, place)
    if found:
        after = before[: found.start] + body + before[found.end :]
    else:
        after = before + _gap(before, newline) + begin + newline + body + end
        after += newline if not before or _ends(before) else b""
    now = _find(after, name, place)
    if now is None or after[now.start : now.end] != body:
        message = f"{place}: it ends inside a code block, where a block of ours would be code; close that one, then run again"
        raise GateError(message)
    return after


def inside(data: bytes, name: str, place: str) -> tuple[str, ...] | None:
    """Return the lines of a block, or None where there is none; raises GateError as `put` does."""
    found = _find(data, name, place)
    if found is None:
        return None
    return tuple(line.decode("utf-8", "replace") for line in _NEWLINE.split(data[found.start : found.end])[:-1])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Span:
    """Where the lines of a block begin and where its last marker's line begins, in bytes."""

    start: int
    end: int


def _find(data: bytes, name: str, place: str) -> _Span | None:
    """Find the one pair of markers; what stands in a code block is an example and no marker."""
    if b"\0" in data or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        message = f"{place}: it is not UTF-8 text; save it as UTF-8, then run again"
        raise GateError(message)
    mark = re.compile(_MARK % name.encode())
    if not mark.search(data):
        return None
    code = _code(data)
    seen = []
    for number, line in enumerate(_LINE.finditer(data)):
        for found in mark.finditer(line[0]) if number not in code else ():
            alone = re.fullmatch(
                rb" {0,3}%s[ \t]*" % re.escape(found[0]), line[0].removeprefix(_BOM if not number else b"").rstrip(b"\r\n")
            )
            seen.append((found[1] if alone else b"", line, number + 1))
    if not seen:
        return None
    kinds = [kind for kind, _, _ in seen]
    if kinds != [b"begin", b"end"]:
        raise GateError(_refusal(name, place, kinds, seen[0][2]))
    return _Span(start=seen[0][1].end(), end=seen[1][1].start())


def _refusal(name: str, place: str, kinds: list[bytes], line: int) -> str:
    """Say what is wrong with the markers of a file that is kept as it is."""
    if b"" in kinds:
        what = "a marker shares its line with other text"
    elif kinds == [b"end", b"begin"]:
        what = "the markers stand in reversed order"
    else:
        what = f"{kinds.count(b'begin')} beginning and {kinds.count(b'end')} ending markers"
    pair = f"{marker(name, 'begin')} and {marker(name, 'end')}"
    return f"{place}:{line}: {what}, and no byte was changed; leave no marker, or one {pair}, each on a line of its own, then run again"


def _code(data: bytes) -> set[int]:
    """Return the numbers of the lines, from 0, that are code."""
    tokens = _BLOCKS.parse(data.decode("utf-8-sig", "replace"))
    return {line for token in tokens if token.type in {"fence", "code_block"} and token.map for line in range(*token.map)}


def _newline(data: bytes) -> bytes:
    """Return how the first line of a file ends."""
    found = _NEWLINE.search(data)
    return found[0] if found else b"\n"


def _ends(data: bytes) -> bool:
    return data.endswith((b"\n", b"\r"))


def _gap(before: bytes, newline: bytes) -> bytes:
    """Return what parts an appended block from what stands before it: one empty line."""
    if not before.removeprefix(_BOM):
        return b""
    if not _ends(before):
        return newline * 2
    return b"" if before.endswith((newline * 2,)) else newline
