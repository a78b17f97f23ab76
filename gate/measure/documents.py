"""Markdown documents: every relative link and anchor, and documents that lie where none should."""

import re
import time
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pathspec import GitIgnoreSpec

from gate import worktree
from gate.facts import Diagnostic, Documents, Reading

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_ANCHOR = re.compile(r"""<[^>]+?\s(?:id|name)\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
_DROPPED = re.compile(r"[^\w\- ]")


def measure(documents: Documents, root: Path) -> Reading:
    """Read every document that a commit would hold and follow its links inside the repository."""
    start, cpu = time.perf_counter(), time.process_time()
    wanted, left = GitIgnoreSpec.from_lines(documents.match), GitIgnoreSpec.from_lines(documents.leave)
    present = frozenset(worktree.files(root))
    paths = [path for path in sorted(present) if wanted.match_file(path) and not left.match_file(path)]
    pages = {path: _page(root, path) for path in paths}
    found: list[Diagnostic] = []
    links = 0
    for path, (_, targets) in pages.items():
        links += len(targets)
        found += [wrong for line, target in targets if (wrong := _follow(root, path, line, target, pages, present))]
    found += [_stray(path, documents.home) for path in paths if "/" not in path and path not in documents.root]
    return Reading(
        wall=time.perf_counter() - start,
        cpu=time.process_time() - cpu,
        diagnostics=tuple(found),
        counts={"documents": len(paths), "links": links},
        failed=bool(found),
    )


Page = tuple[frozenset[str], list[tuple[int, str]]]  # anchors; line and target of each link


def _page(root: Path, path: str) -> Page:
    """Read the anchors and links of one document; code is left alone by the parser."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    tokens = _MARKDOWN.parse(text)
    anchors, links, seen = set[str](), list[tuple[int, str]](), Counter[str]()
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            anchors.add(_slug(tokens[at + 1], seen))
        anchors.update(_ANCHOR.findall(token.content) if token.type in {"html_block", "inline"} else ())
        line = token.map[0] + 1 if token.map else 1
        for child in token.children or ():
            target = child.attrGet("href") if child.type == "link_open" else child.attrGet("src") if child.type == "image" else None
            if target is not None:
                links.append((line, str(target)))
    return frozenset(anchors), links


def _slug(heading: Token, seen: Counter[str]) -> str:
    """Return the anchor that GitHub gives a heading: lower case, punctuation dropped, spaces to hyphens, repeats numbered."""
    words = "".join(child.content for child in heading.children or () if child.type in {"text", "code_inline"})
    slug = _DROPPED.sub("", words.strip().lower()).replace(" ", "-")
    number = seen[slug]
    seen[slug] += 1
    return f"{slug}-{number}" if number else slug


def _follow(root: Path, path: str, line: int, target: str, pages: dict[str, Page], present: frozenset[str]) -> Diagnostic | None:
    """Say what is wrong with one link, or return None; links to other sites are not followed."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return Diagnostic(path=path, line=line, code="dead-link", message=f"{target} is not a link; correct it")
    if parts.scheme or parts.netloc or not (parts.path or parts.fragment):
        return None
    goal = path
    if parts.path:
        base = root if parts.path.startswith("/") else (root / path).parent
        whole = (base / unquote(parts.path).lstrip("/")).resolve()
        goal = whole.relative_to(root.resolve()).as_posix() if whole.is_relative_to(root.resolve()) else ""
        folder = goal == "." or any(name.startswith(f"{goal}/") for name in present)
        if not goal or (goal not in present and not folder):
            return Diagnostic(path=path, line=line, code="dead-link", message=f"{target} leads nowhere; correct or delete the link")
    if parts.fragment and goal in pages and unquote(parts.fragment) not in pages[goal][0]:
        return Diagnostic(
            path=path, line=line, code="dead-anchor", message=f"{target}: {goal} has no heading #{parts.fragment}; correct it"
        )
    return None


def _stray(path: str, home: str) -> Diagnostic:
    """Say where a document at the root belongs."""
    message = f"a document at the root; move it to {home}/ or add it to root in policies/docs.yaml"
    return Diagnostic(path=path, line=1, code="stray", message=message)
