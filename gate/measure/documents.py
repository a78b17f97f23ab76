"""Markdown documents: every relative link and anchor, and documents that lie where none should."""

import html
import os
import posixpath
import re
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pathspec import GitIgnoreSpec

from gate import worktree
from gate.facts import Diagnostic, Reading
from gate.work import Documents

_MARKDOWN = MarkdownIt("commonmark", {"maxNesting": 100, "store_labels": True}).enable("table")
_TARGETS = {"link_open": "href", "image": "src"}
_WORD = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "Pc"})  # Unicode's categories of what words are made of
_HEADING = re.compile("h[1-6]", re.IGNORECASE)
# None of these looks at a text twice: a hostile document takes no longer than its length.
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9-]*)((?:[\s/][^<>]*)?)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([^\s"'/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?""")


def measure(documents: Documents, root: Path) -> Reading:
    """Read every document that a commit would hold and follow its links inside the repository."""
    start, cpu = time.perf_counter(), time.process_time()
    wanted, left = GitIgnoreSpec.from_lines(documents.match), GitIgnoreSpec.from_lines(documents.leave)
    files = worktree.files(root)
    paths = [path for path in files if wanted.match_file(path) and not left.match_file(path)]
    tree = _Tree(root=os.path.realpath(root), files=frozenset(files), folders=_folders(files), pages=_pages(root, paths))
    found: list[Diagnostic] = []
    for path, page in tree.pages.items():
        found += [wrong for line, target in page.links if (wrong := _follow(tree, path, line, target))]
    found += [_stray(path, documents.home) for path in paths if "/" not in path and path not in documents.root]
    return Reading(
        wall=time.perf_counter() - start,
        cpu=time.process_time() - cpu,
        diagnostics=tuple(found),
        counts={"documents": len(paths), "links": sum(len(page.links) for page in tree.pages.values())},
        failed=bool(found),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Page:
    """What one document offers and wants."""

    anchors: set[str] = field(default_factory=lambda: {"", "top"})  # these two every page has
    links: list[tuple[int, str]] = field(default_factory=list)  # line and target
    slugs: dict[str, int] = field(default_factory=dict)  # anchor of a heading -> how many more headings have it


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tree:
    """What a link can lead to."""

    root: str  # its real path
    files: frozenset[str]
    folders: frozenset[str]
    pages: dict[str, _Page]

    def goal(self, path: str, written: str) -> str:
        """Return the file or folder that a path in a document leads to, symbolic links followed; "" when it is none of ours."""
        near = posixpath.normpath(written.lstrip("/") if written.startswith("/") else posixpath.join(posixpath.dirname(path), written))
        steps = near.split("/")
        ours = self._has(near) or any("/".join(steps[:count]) in self.files for count in range(1, len(steps)))  # through a link to a folder
        if "\0" in near or not ours:
            return ""
        goal = os.path.relpath(os.path.realpath(posixpath.join(self.root, near)), self.root)
        return goal if self._has(goal) else ""

    def _has(self, path: str) -> bool:
        return path in self.files or path in self.folders


def _folders(files: tuple[str, ...]) -> frozenset[str]:
    """Return every folder that holds a file."""
    found = {"."}
    for path in files:
        folder = posixpath.dirname(path)
        while folder and folder not in found:
            found.add(folder)
            folder = posixpath.dirname(folder)
    return frozenset(found)


def _pages(root: Path, paths: list[str]) -> dict[str, _Page]:
    """Read documents; a symbolic link is none: what it leads to is read where it lies, and not at all when that is outside."""
    whole = {path: root / path for path in paths}
    return {path: _page(file) for path, file in whole.items() if file.is_file() and not file.is_symlink()}


def _page(file: Path) -> _Page:
    """Read the anchors and links of one document; code is left alone by the parser."""
    page, seen = _Page(), dict[str, Any]()
    tokens = _MARKDOWN.parse(file.read_text(encoding="utf-8-sig", errors="replace"), seen)
    for at, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else 1
        if token.type == "heading_open":
            _head(page, "".join(child.content for child in tokens[at + 1].children or () if child.type in {"text", "code_inline"}))
        elif token.type == "html_block":
            _html(page, token.content, line)
        elif token.type == "inline":
            _inline(page, token, line)
    definitions = seen.get("references", {}).items()  # a dead one is corrected where it is defined; [^1] is a footnote
    page.links.extend((found["map"][0] + 1, found["href"]) for label, found in definitions if not label.startswith("^"))
    page.links.sort(key=lambda link: link[0])
    return page


def _inline(page: _Page, token: Token, line: int) -> None:
    """Take the links of one paragraph, cell or heading, each with its line; children carry none, so the source is followed beside them."""
    source, at = token.content, 0
    flat = source.replace("\n", " ")
    for child in _walk(token.children or []):
        if child.type == "html_inline":
            _html(page, child.content, line)
        elif child.type in _TARGETS and "label" not in child.meta:
            page.links.append((line, str(child.attrGet(_TARGETS[child.type]))))
        text = child.content.replace("\n", " ") if child.type in {"code_inline", "html_inline"} else ""
        end = source.find("\n", at) + 1 if child.type in {"softbreak", "hardbreak"} else max(at, flat.find(text, at) + len(text))
        line, at = line + source.count("\n", at, end), end


def _walk(children: list[Token]) -> Iterator[Token]:
    """Yield tokens in the order of the source, what describes a picture after the picture."""
    for child in children:
        yield child
        yield from _walk(child.children or [])


def _html(page: _Page, text: str, line: int) -> None:
    """Take the anchors, links and headings of raw HTML."""
    bare = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    at, heading = 0, -1
    for tag in _TAG.finditer(bare):
        line, at = line + bare.count("\n", at, tag.start()), tag.start()
        if _HEADING.fullmatch(tag[2]):
            if tag[1] and heading >= 0:
                _head(page, html.unescape(_TAG.sub("", bare[heading : tag.start()])).strip())
            heading = -1 if tag[1] else tag.end()
        for name, *values in _ATTRIBUTE.findall(tag[3]):
            if name.lower() in {"id", "name"}:
                page.anchors.add(html.unescape("".join(values)))
            elif name.lower() in {"href", "src"}:
                page.links.append((line, html.unescape("".join(values))))


def _head(page: _Page, words: str) -> None:
    """Add the anchor that GitHub gives a heading: lower case, punctuation dropped, spaces to hyphens, repeats numbered.

    Source: https://github.com/Flet/github-slugger, which is tested against GitHub.
    """
    kept = (letter for letter in words.lower() if letter in " -" or unicodedata.category(letter) in _WORD)
    base = slug = "".join(kept).replace(" ", "-")
    while slug in page.slugs:
        page.slugs[base] += 1
        slug = f"{base}-{page.slugs[base]}"
    page.slugs[slug] = 0
    page.anchors.add(slug)


def _follow(tree: _Tree, path: str, line: int, target: str) -> Diagnostic | None:
    """Say what is wrong with one link, or return None; links to other sites are not followed."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return _wrong(path, line, "dead-link", f"{target} is not a link; correct it")
    if parts.scheme or parts.netloc or not (parts.path or parts.fragment):
        return None
    goal = tree.goal(path, unquote(parts.path, errors="surrogateescape")) if parts.path else path
    if not goal:
        return _wrong(path, line, "dead-link", f"{target} leads nowhere; correct or delete the link")
    if parts.query or goal not in tree.pages or unquote(parts.fragment) in tree.pages[goal].anchors:
        return None  # what a query asks for has anchors of its own, such as lines
    return _wrong(path, line, "dead-anchor", f"{target}: {_shown(goal)} has no heading #{parts.fragment}; correct it")


def _stray(path: str, home: str) -> Diagnostic:
    """Say where a document at the root belongs."""
    return _wrong(path, 1, "stray", f"a document at the root; move it to {home}/ or add it to root in policies/docs.yaml")


def _wrong(path: str, line: int, code: str, message: str) -> Diagnostic:
    return Diagnostic(path=_shown(path), line=line, code=code, message=message)


def _shown(path: str) -> str:
    r"""Write a path that is not UTF-8 as text that can be recorded.

    >>> _shown("a\udcff.md")
    'a\\xff.md'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")
