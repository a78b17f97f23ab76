"""The generated index of documents: a title and a sentence each, by folder, in one block of the author's own page."""

import os
import posixpath
import re
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from gate.errors import GateError
from gate.facts import Diagnostic, Reading
from gate.facts.work import Index
from gate.pages.globs import Globs
from gate.repo import worktree
from gate.tidy import managed
from gate.tidy.edits import Edit, change, read

_BLOCK = "index"
_TITLE, _SENTENCE = 120, 160  # characters that are shown
_HEAD = 16 * 2**10  # bytes of a document in which its title and first sentence are looked for
_BLOCKS = MarkdownIt("commonmark", {"maxNesting": 100}).enable("table").disable("inline")
_INLINE = MarkdownIt("commonmark")
_FRONT = re.compile(r"(---|\+\+\+)[ \t]*\n.*?\n(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\bcf)[.!?](?=\s)")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # Unicode's categories of what moves, hides or breaks a line
_MARKUP = re.compile(r"([\\`*_\[\]#|~$])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What the index says about one document."""

    path: str  # below the folder of the index
    title: str
    sentence: str = ""


def draw(index: Index, root: Path, *, moved: Mapping[str, str] | None = None) -> tuple[Edit, ...]:
    """Say how the file would hold the index of the documents below its folder; nothing when it does already.

    `moved` says where documents will lie that a plan moves.
    Raises GateError when the file cannot be written, or its markers are not one ordered pair.
    """
    edit = _drawn(index, read(root, index.path), list(_pages(index, root, moved or {})))
    return (edit,) if edit else ()


def check(index: Index, root: Path) -> Reading:
    """Compare the index with the documents and change nothing; what cannot be compared is a complaint."""
    start, cpu = time.perf_counter(), time.process_time()
    pages, there = list(_pages(index, root, {})), False
    edit, wrong = None, ""
    try:
        before = read(root, index.path)
        there = before is not None and managed.inside(before, _BLOCK, index.path) is not None
        edit = _drawn(index, before, pages)
    except GateError as error:
        wrong = str(error)
    return Reading(
        wall=time.perf_counter() - start,
        cpu=time.process_time() - cpu,
        changes=(change(root, edit),) if edit else (),
        diagnostics=(Diagnostic(path="", line=0, code="markers", message=wrong),) if wrong else (),
        counts={"documents": len(pages), "there": int(there)},
    )


def write(pages: Iterable[Page]) -> list[str]:
    """Write the lines of an index: what lies beside it first, then a heading for each folder.

    >>> write([Page(path="b/x.md", title="X", sentence="Of x."), Page(path="a.md", title="A b")])
    ['', '- [A b](a.md)', '', '## b', '', '- [X](b/x.md): Of x.', '']
    """
    lines = []
    ordered = sorted(pages, key=lambda page: (posixpath.dirname(page.path), page.path))
    for folder, group in groupby(ordered, key=lambda page: posixpath.dirname(page.path)):
        lines += ["", *([f"## {_escape(_readable(folder), _TITLE)}", ""] if folder else [])]
        for page in group:
            link = f"[{_escape(page.title, _TITLE) or 'untitled'}]({quote(os.fsencode(page.path))})"
            sentence = _escape(page.sentence, _SENTENCE)
            lines.append(f"- {link}: {sentence}" if sentence else f"- {link}")
    return [*lines, ""] if lines else []


def describe(data: bytes, path: str) -> Page:
    """Find the first heading of a document, or else its file name, and the first sentence of its first paragraph of words."""
    text = data[:_HEAD].decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    text = text[front.end() :] if (front := _FRONT.match(text)) else text
    title = sentence = ""
    tokens = _BLOCKS.parse(text)
    for opening, token in pairwise(tokens):
        if opening.type == "heading_open" and not title:
            title = _words(token.content)
        elif opening.type == "paragraph_open" and not opening.level and not sentence:
            sentence = _first(_words(token.content))
        if title and sentence:
            break
    return Page(path=path, title=title or _readable(Path(path).stem), sentence=sentence)


def _drawn(index: Index, before: bytes | None, pages: list[Page]) -> Edit | None:
    """Put the index into the file; nothing to list and no index is nothing to write."""
    old = managed.inside(before, _BLOCK, index.path) if before is not None else None
    if not pages and old is None:
        return None
    after = managed.put(b"# Documents\n" if before is None else before, _BLOCK, write(pages), index.path)
    if after == before:
        return None
    reason = "the index of the documents below it" if old is None else "its index is stale"
    return Edit(path=index.path, kind=_BLOCK, reason=reason, before=before, after=after)


def _pages(index: Index, root: Path, moved: Mapping[str, str]) -> Iterator[Page]:
    """Describe every document that will lie below the folder of the index; a link is none."""
    wanted, left = Globs(index.match), Globs(index.leave)
    folder = posixpath.dirname(index.path)
    above = f"{folder}/" if folder else ""

    def listed(path: str) -> bool:
        goal = moved.get(path, path)
        return goal.startswith(above) and goal != index.path and wanted.match(path) and not left.match(goal)

    for path in worktree.files(root, listed):
        goal = moved.get(path, path)
        file = root / path
        if file.is_file() and not file.is_symlink():
            with file.open("rb") as opened:
                yield describe(opened.read(_HEAD), goal.removeprefix(above))


def _words(source: str) -> str:
    """Return what a reader sees of inline Markdown, pictures and raw HTML left out."""
    return " ".join("".join(_text(_INLINE.parseInline(source)[0].children or [])).split())


def _text(children: list[Token]) -> Iterator[str]:
    for child in children:
        if child.type in {"text", "code_inline"}:
            yield child.content
        elif child.type in {"softbreak", "hardbreak"}:
            yield " "


def _first(words: str) -> str:
    """Return the first sentence.

    >>> _first("It does, e.g. this. And that."), _first("No end")
    ('It does, e.g. this.', 'No end')
    """
    found = _END.search(words)
    return words[: found.end()] if found else words


def _readable(name: str) -> str:
    """Write a name that is not UTF-8 as text."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _escape(text: str, most: int) -> str:
    r"""Write foreign text as Markdown that shows its letters, and is no markup, link or comment.

    >>> print(_escape("a *b* <!-- gate:index:end -->  [x](y) www.z.org", 99))
    a \*b\* &lt;!-- gate:index:end --&gt; \[x\](y) www&#46;z.org
    """
    line = "".join("\ufffd" if unicodedata.category(letter) in _UNSEEN else letter for letter in " ".join(text.split()))
    line = line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
    line = _MARKUP.sub(r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
    return line.replace("://", "&#58;//").replace("www.", "www&#46;").replace("@", "&#64;")
