"""JSON with the place of every value, so that one value changes and every other character stays."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from gate.errors import TaskError

Edit: TypeAlias = tuple[int, int, str]  # text[start:end] becomes the third

# Possessive, so that a string of megabytes costs no stack and no second look.
_TOKEN = re.compile(r'([ \t\n\r]*+)("[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]:,]|[^ \t\n\r{}\[\]:,"]++)')
_BREAK = re.compile(r"(?:\r\n|\n|\r)[ \t]*\Z")
_BOM = b"\xef\xbb\xbf"
_MOST_SHOWN = 40
_MOST_LISTED = 5


class SpanError(ValueError):
    """Say what is wrong with a JSON text, and in which line."""

    def __init__(self, line: int, what: str) -> None:
        """Keep the line, from 1, apart from the sentence."""
        super().__init__(f"line {line}: {what}")
        self.line = line
        self.what = what


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One value of a JSON text: `text[start:end]`."""

    start: int
    end: int
    gap: str  # the white space in front of it; in an object, in front of its key
    value: "str | int | float | dict[str, Node] | list[Node] | None"

    @property
    def line_break(self) -> str:
        """Return the line break and the indentation in front of it; "" when it does not begin a line."""
        found = _BREAK.search(self.gap)
        return found[0] if found else ""


class Document:
    """A JSON file in memory: its root, and sentences about places in it."""

    def __init__(self, raw: bytes, place: str) -> None:
        """Read the bytes; raise TaskError, with the line, when they are no JSON in UTF-8."""
        self.place = place
        self._bom = _BOM if raw.startswith(_BOM) else b""
        try:
            self.text = raw.decode("utf-8-sig")
            self.root = read(self.text)
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            message = f"{place}:{line}: not UTF-8; save the file as UTF-8"
            raise TaskError(message) from None
        except SpanError as error:
            message = f"{place}:{error.line}: {error.what}; correct this line, or take the last good file from git"
            raise TaskError(message) from None

    def refuse(self, what: str, at: Node | None = None) -> NoReturn:
        """Raise TaskError: say what is wrong with the file, or with one value in it."""
        line = f":{_line_of(self.text, at.start)}" if at else ""
        message = f"{self.place}{line}: {what}"
        raise TaskError(message)

    def members(self, node: Node) -> dict[str, Node]:
        """Take a value for an object."""
        if not isinstance(node.value, dict):
            self.refuse(f"found {shown(self.source(node))}, wanted an object; correct it by hand", node)
        return node.value

    def items(self, node: Node | None) -> list[Node]:
        """Take a value for a list; no value and null are an empty one."""
        if node is None or node.value is None:
            return []
        if not isinstance(node.value, list):
            self.refuse(f"found {shown(self.source(node))}, wanted a list; correct it by hand", node)
        return node.value

    def source(self, node: Node) -> str:
        """Return the text of one value."""
        return self.text[node.start : node.end]

    def edited(self, edits: Iterable[Edit]) -> bytes:
        """Return the file with edits applied that do not overlap."""
        text = self.text
        for start, end, new in sorted(edits, reverse=True):
            text = text[:start] + new + text[end:]
        return self._bom + text.encode()


def read(text: str) -> Node:
    """Return the root value.

    Raises SpanError for what json.loads refuses, and for NaN, Infinity, a key that is there twice, or nesting without end.

    >>> read('{"a": [1, "b"]}').value["a"].value[1]
    Node(start=10, end=13, gap=' ', value='b')
    """
    _validate(text)
    root: list[Node] = []
    stack = [_Open(start=0, gap="", value=root)]
    for token in _TOKEN.finditer(text):
        _take(text, token, stack)
    return root[0]


def replaced(node: Node, written: str) -> Edit:
    """Put another value in the place of one."""
    return node.start, node.end, written


def beside(node: Node, key: str, written: str) -> str:
    r"""Write one more member, to stand behind `node` and be laid out as it is.

    >>> beside(Node(start=9, end=10, gap="\r\n\r\n  ", value=1), "b", "2")
    ',\r\n  "b": 2'
    >>> beside(Node(start=1, end=2, gap="", value=1), "b", "2")
    ', "b": 2'
    """
    return f",{node.line_break or ' '}{json.dumps(key)}: {written}"


def indented(outer: Node, inner: Node) -> str:
    r"""Return by what a member is indented more than its object, or "" when it does not begin a line.

    >>> indented(Node(start=0, end=9, gap="\n  ", value=1), Node(start=1, end=2, gap="\n    ", value=1))
    '  '
    """
    return inner.line_break.removeprefix(outer.line_break or "\n").lstrip("\r\n")


def shown(found: object) -> str:
    r"""Quote what a file says, bounded and without control characters.

    >>> shown("a\n\x1b"), len(shown("x" * 1000))
    ("'a\\n\\x1b'", 42)
    """
    text = str(found)
    return repr(text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…")


def listed(found: Iterable[str]) -> str:
    """Quote the first few.

    >>> listed("abcdefg")
    "'a', 'b', 'c', 'd', 'e' and 2 more"
    """
    names = [shown(name) for name in found]
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return (", ".join(names[:_MOST_LISTED]) or "nothing") + more


@dataclass(kw_only=True, slots=True)
class _Open:
    """An object or array whose end has not been read yet."""

    start: int
    gap: str
    value: dict[str, Node] | list[Node]
    key: str | None = None
    key_gap: str = ""


def _validate(text: str) -> None:
    """Let the standard parser judge the text; the walk below may then trust it."""
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        raise SpanError(error.lineno, f"not JSON ({error.msg})") from None
    except RecursionError:
        raise SpanError(1, "nested too deep to be a list of tasks") from None


def _take(text: str, token: re.Match[str], stack: list[_Open]) -> None:
    """Move one token further."""
    gap, word = token.groups()
    top = stack[-1]
    if word in {",", ":"}:
        return
    if word in {"}", "]"}:
        stack.pop()
        _add(text, stack[-1], Node(start=top.start, end=token.end(), gap=top.gap, value=top.value))
    elif isinstance(top.value, dict) and top.key is None:
        top.key, top.key_gap = json.loads(word), gap
    else:
        before = top.key_gap if isinstance(top.value, dict) else gap
        if word in {"{", "["}:
            stack.append(_Open(start=token.start(2), gap=before, value={} if word == "{" else []))
        else:
            _add(text, top, Node(start=token.start(2), end=token.end(), gap=before, value=_scalar(text, token)))


def _add(text: str, parent: _Open, node: Node) -> None:
    """Put a finished value into what holds it."""
    if isinstance(parent.value, list):
        parent.value.append(node)
        return
    key = parent.key or ""
    if key in parent.value:
        raise SpanError(_line_of(text, node.start), f"the key {shown(key)} is there twice in one object")
    parent.value[key] = node
    parent.key = None


def _scalar(text: str, token: re.Match[str]) -> str | float | None:
    """Read a text, number, truth or null."""
    try:
        value: str | float | None = json.loads(token[2], parse_constant=_refuse)
    except ValueError:
        raise SpanError(_line_of(text, token.start(2)), f"no JSON number: {shown(token[2])}") from None
    return value


def _line_of(text: str, position: int) -> int:
    r"""Return the line of a position, from 1.

    >>> _line_of("a\nb", 2)
    2
    """
    return text.count("\n", 0, position) + 1


def _refuse(word: str) -> None:
    """Turn down NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(word)
