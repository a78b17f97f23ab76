"""Foreign text made harmless: what others wrote may be read and never acts."""

import json
import re
import unicodedata
from collections.abc import Iterable

_SHOWN = 300  # characters of one foreign line
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # Unicode's categories of what moves, hides or breaks a line
# What GitHub's runner obeys in any output: "::" at the start of a line, also behind spaces, and "##[" anywhere (ActionCommand.cs).
_COMMAND = re.compile(r"^\s*:(?=:)|##(?=\[)")
_BLOCK = re.compile(r"[-+](?=[\s-]|$)|[0-9]{1,9}[.)](?=\s|$)")  # begins a list or is a rule in Markdown
# What GitHub makes links and pictures of after Markdown is read, from entities too, but never in code: people, issues, emoji.
_LIVE = re.compile(r"((?:@[\w/-]+|#\d+|gh-\d+|:(?:\w*[a-z_+-][\w+-]*|100|1234):)+)", re.IGNORECASE)
_ALONE = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # no byte of a name that is not UTF-8, and no letter
_ENTITIES = {letter: f"&#{ord(letter)};" for letter in "[]@`|*_~\\!#$"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def plain(text: str) -> str:
    r"""Keep one line of foreign text to itself: no control characters, no second line, no endless one, no order to a CI runner.

    >>> plain("a\x1b[31mb\nc"), plain("::error::no")
    ('a�[31mb�c', ': :error::no')
    """
    clean = text[: _SHOWN + 1]
    if not clean.isprintable():
        clean = "".join("\ufffd" if _is_unseen(letter) else letter for letter in clean)
    clean = _COMMAND.sub(lambda found: f"{found[0]} ", clean)
    return clean if len(clean) <= _SHOWN else f"{clean[: _SHOWN - 1]}…"


def _is_unseen(letter: str) -> bool:
    """Tell whether a letter moves, hides or breaks a line, or is none and never will be: readers of HTML and XML refuse those."""
    number = ord(letter)
    return unicodedata.category(letter) in _UNSEEN or number & 0xFFFE == 0xFFFE or 0xFDD0 <= number <= 0xFDEF  # noqa: PLR2004


def readable(name: str) -> str:
    r"""Write a name that is not UTF-8 as text.

    >>> readable("a\udcff.md")
    'a\\xff.md'
    """
    return name_bytes(name).decode("utf-8", "backslashreplace")


def name_bytes(name: str) -> bytes:
    r"""Return the bytes of a name, as a file system has them.

    >>> name_bytes("a\udcff.md")
    b'a\xff.md'
    """
    return _ALONE.sub("\ufffd", name).encode("utf-8", "surrogateescape")


def as_json(body: object) -> str:
    r"""Write one JSON value, ASCII, as no runner obeys it: "##[" is what GitHub's looks for, and to JSON both are the same.

    >>> as_json({"a": "##[error]"})
    '{\n  "a": "#\\u0023[error]"\n}\n'
    """
    return json.dumps(body, indent=2).replace("##[", "#\\u0023[") + "\n"


def markdown(text: str) -> str:
    """Show foreign text in Markdown as the letters that it has.

    >>> markdown("<img src=x> [a](b) @team `x` |"), markdown("1. see www.x.org")
    ('&lt;img src=x&gt; &#91;a&#93;(b) `@team` &#96;x&#96; &#124;', '1&#46; see www&#46;x.org')
    """
    clean = plain(text).strip()
    begin = _BLOCK.match(clean)
    head = f"{begin[0][:-1]}&#{ord(begin[0][-1])};" if begin else ""
    parts = _LIVE.split(clean[begin.end() if begin else 0 :])
    return head + "".join(f"`{part}`" if at % 2 else _escaped(part) for at, part in enumerate(parts))


def label(text: str) -> str:
    """Show foreign text with the colon that follows it, which may not make a picture of its last word.

    >>> label("a task"), label("a task:x")
    ('a task:', 'a task`:x:`')
    """
    return markdown(f"{plain(text).strip()}:")


def code(text: str, *, cell: bool = False) -> str:
    """Show foreign text in Markdown as code, where nobody is mentioned and ":100:" is no picture; `cell` is for tables.

    >>> code("a `b`"), code("x | y", cell=True), code("")
    ('`` a `b` ``', 'x &#124; y', '')
    """
    clean = plain(text).strip()
    if not clean or (cell and "|" in clean):  # how code in a cell holds a bar is read in more than one way
        return markdown(clean)
    fence = "`" * (1 + max(map(len, re.findall("`+", clean)), default=0))
    gap = " " if "`" in {clean[0], clean[-1]} else ""
    return f"{fence}{gap}{clean}{gap}{fence}"


def bullets(lines: Iterable[str]) -> tuple[str, ...]:
    """Lay out a list whose lines are harmless already."""
    return tuple(f"- {line}" for line in lines)


def head(names: str) -> str:
    """Lay out the head of a table; a name that ends with a colon is one of figures, to the right."""
    words = names.split("|")
    marks = ("---:" if name.endswith(":") else "---" for name in words)
    return "\n".join(row(cells) for cells in ([name.rstrip(":") for name in words], marks))


def row(cells: Iterable[str]) -> str:
    """Lay out a row of a table whose cells are harmless already."""
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Write letters that mean something in Markdown as entities."""
    return "".join(_ENTITIES.get(letter, letter) for letter in text).replace("://", "&#58;//").replace("www.", "www&#46;")
