"""Documents with links of every form to known files, for hypothesis; and another reader that says where the links of a document lead."""

import posixpath
import re
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urlsplit

from hypothesis import strategies as st
from markdown_it import MarkdownIt

NAMES = (
    "a.md",
    "b c.md",
    "ünï.md",
    "x(1).md",
    "100%.md",
    "a&b.md",
    "q|r.md",
    "c#.md",
    "w?.md",
    "`t`.md",
    "[k].md",
    "co:lon.md",
    "é\udcff.md",
)
FOLDERS = ("", "docs", "docs/api", "old/v 1", "src/ü")
MISSING = "no/such.md"
OTHERS = ("pic.png", "src/code.py", "docs/pic (2).png")
# \x01 is a destination, \x07 one that leads nowhere, \x02 one in angle brackets, \x03 one in an attribute, \x04 a new line.
FORMS = (
    "[a](\x01)",
    "![p](\x01)",
    '[a](\x01 "title (x)")',
    "[a](<\x02>)",
    "[a]( <\x02> 'title')",
    "[a](\x04\x01\x04'title')",
    "[![p](\x01)](\x01)",
    "![alt [in](\x01) x](\x01)",
    "**b [a *b*](\x01)** `[c](nowhere.md)`",
    "[two\x04lines](\x01) and [a\\]b](\x01)",
    '<a class="x" href="\x03">h</a>',
    "<img src='\x03' alt=\"a>b\">",
    "[`code`](\x01), [a](\x01)[b](\x01)",
    "b <!-- [a](nowhere.md) <a href='nowhere.md'> --> [a](\x01)",
)
BLOCKS = (
    "{}\n",
    "# head {} #\n",
    "under {}\n===\n",
    "- one {}\n  - two\n\n    {}\n",
    "10. {}\n\n    more\n",
    "> quote {}\n> > {}\n",
    "> - {}\n",
    "-\ttab {}\n",
    "   lead {}   \n  and {}\n",
)
WHOLE = (
    "| t | u |\n|---|:-:|\n| \x05 | a \\| b |\n| x | [c](\x06) \\| [d](\x06 't') |\n",
    "[LABEL]: \x01\n\n[x][LABEL] and [LABEL]\n",
    "[LABEL]:\n  <\x02>\n  'title'\n\n![LABEL]\n",
    '> [LABEL]: \x01 "t"\n\n[LABEL][]\n',
    '<div>\n<a\n  href="\x03">x</a> <img src="\x03">\n</div>\n',
    "- <p>\n  <img src='\x03'>\n  </p>\n",
)
CODE = (
    "```\n[x](a.md) <a href='a.md'>\n```\n",
    "***\n\n    [x](docs/a.md)\n",
    "~~~ md\n[n]: a.md\n~~~\n",
    "<!--\n[c](a.md)\n-->\n",
    "`[s](a.md)` \\[x](a.md) is text\n",
    "[dead](\x07) [out](https://example.org/a.md) <https://example.org> [m](mailto:a@b.c) [f](#head)\n",
    "---\n",
    "caf\udce9 \udcff bytes\n",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A document as its parts, and what its links lead to."""

    parts: tuple[str, ...]  # text, destination, text, …: every second one is a destination
    goals: tuple[str, ...]  # files, in the order of the destinations

    @property
    def raw(self) -> bytes:
        """Return its bytes."""
        return "".join(self.parts).encode("utf-8", "surrogateescape")


@st.composite
def repositories(draw: st.DrawFn) -> tuple[dict[str, Written], frozenset[str], dict[str, str]]:
    """Draw documents, all files, and where some of the files go."""
    places = [posixpath.join(folder, name) for folder in FOLDERS for name in NAMES]
    paths = draw(st.lists(st.sampled_from(places), min_size=1, max_size=4, unique=True))
    files = frozenset([*paths, *OTHERS])
    documents = {path: draw(_document(path, sorted(files))) for path in paths}
    moved = draw(st.lists(st.sampled_from(sorted(files)), unique=True))
    free = [place for place in (*places, "new/z.md", "new/ä b.md", "deep/er/n.md", "moved.png") if place not in files]
    return documents, files, dict(zip(moved, draw(st.permutations(free)), strict=False))


@st.composite
def _document(draw: st.DrawFn, path: str, files: list[str]) -> Written:
    """Draw one document."""
    blocks = draw(st.lists(_block(), min_size=1, max_size=4))
    text = "\n".join(block.replace("LABEL", f"l{number}") for number, block in enumerate(blocks))
    text = draw(st.sampled_from(["", "---\ntitle: '[x](a.md)'\n---\n"])) + text
    if not draw(st.booleans()):
        text = text.rstrip("\n")
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    if draw(st.booleans()):
        text = "\ufeff" + text
    parts, goals = [], []
    for number, part in enumerate(re.split("([\x01\x02\x03\x06\x07])", text)):
        if number % 2:
            goals.append(MISSING if part == "\x07" else draw(st.sampled_from(files)))
            part = draw(_destination(path, goals[-1], part))  # noqa: PLW2901 - the mark becomes what it stands for
        parts.append(part)
    return Written(parts=tuple(parts), goals=tuple(goals))


@st.composite
def _block(draw: st.DrawFn) -> str:
    """Draw one block."""
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return draw(st.sampled_from(CODE))
    if kind == 1:
        whole = draw(st.sampled_from(WHOLE))
        inner = draw(st.sampled_from([form for form in FORMS if "\x04" not in form]))
        return whole.replace("\x05", inner.replace("\x01", "\x06"))
    block = draw(st.sampled_from(BLOCKS))
    for _ in range(block.count("{}")):
        form = draw(st.sampled_from(FORMS))
        begin = "\n>   " if block.startswith("> - ") else "\n> " if block.startswith(">") else "\n  "
        form = form.replace("\x04", " " if block.startswith("#") else begin)
        block = block.replace("{}", form, 1)
    return block


@st.composite
def _destination(draw: st.DrawFn, path: str, goal: str, mark: str) -> str:
    """Draw one way to write the destination of a link."""
    folder = posixpath.dirname(path)
    way = draw(
        st.sampled_from(
            [posixpath.relpath(goal, folder or "."), f"/{goal}", posixpath.join("x/..", posixpath.relpath(goal, folder or "."))]
        )
    )
    if not way.startswith((".", "/")) and (":" in way or draw(st.booleans())):
        way = f"./{way}"
    raw = way.encode("utf-8", "surrogateescape")
    encoded = quote(raw, safe="/")
    letters = "".join(
        letter if ord(letter) > 0x9F and letter.isalpha() else quote(letter.encode("utf-8", "surrogateescape"), safe="/") for letter in way
    )
    forms = [encoded, letters]
    if mark == "\x02":
        forms.append(
            "".join(
                quote(letter.encode("utf-8", "surrogateescape"), safe="") if letter in "%#?<>\\&`[]|\udcff" else letter for letter in way
            )
        )
    if mark == "\x03":
        forms.append(
            escape(
                "".join(quote(letter.encode("utf-8", "surrogateescape"), safe="") if letter in "%#?<>\udcff`" else letter for letter in way)
            )
        )
    if mark == "\x01":
        forms.append(letters.replace("%28", "\\(").replace("%29", "\\)").replace("%26", "&amp;"))
    return draw(st.sampled_from(forms)) + draw(st.sampled_from(["", "#top", "?x=1#y", "#"]))


def goals(path: str, raw: bytes) -> list[str]:
    """Say where the relative links of a document lead, by rendering it and reading the HTML; every repeat counts."""
    text = raw.decode("utf-8", "surrogateescape").removeprefix("\ufeff").replace("\r\n", "\n")
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    page = _Reader()
    page.feed(MarkdownIt("commonmark").enable("table").render(text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")))
    found = []
    for target in page.found:
        parts = urlsplit(target)
        if parts.path and not parts.scheme and not parts.netloc:
            written = unquote(parts.path, errors="surrogateescape")
            found.append(posixpath.normpath(written[1:] if written.startswith("/") else posixpath.join(posixpath.dirname(path), written)))
    return found


class _Reader(HTMLParser):
    """Collect what links and pictures lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take one tag."""
        del tag
        self.found += [value or "" for name, value in attrs if name in {"href", "src"}]
