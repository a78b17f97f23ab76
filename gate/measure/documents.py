"""Markdown documents: every relative link and anchor, and documents that lie where none should."""

import os
import posixpath
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pathspec import GitIgnoreSpec

from gate import worktree
from gate.facts import Diagnostic, Documents, Reading
from gate.measure.markup import Page, read


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
class _Tree:
    """What a link can lead to."""

    root: str  # its real path
    files: frozenset[str]
    folders: frozenset[str]
    pages: dict[str, Page]

    def goal(self, path: str, written: str) -> str:
        """Return the file or folder that a path written in a document leads to, links on the way followed; "" when it is none of ours."""
        near = posixpath.normpath(written.lstrip("/") if written.startswith("/") else posixpath.join(posixpath.dirname(path), written))
        steps = near.split("/")
        ours = self._has(near) or any(
            "/".join(steps[:count]) in self.files for count in range(1, len(steps))
        )  # a link to a folder is a file
        if ".." in steps or "\0" in near or not ours:
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


def _pages(root: Path, paths: list[str]) -> dict[str, Page]:
    """Read documents; a link to a document is read where the document lies, and not at all when that is outside."""
    files = {path: root / path for path in paths}
    return {
        path: read(file.read_text(encoding="utf-8-sig", errors="replace"))
        for path, file in files.items()
        if file.is_file() and not file.is_symlink()
    }


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
        return None  # what a query asks for may have anchors of its own, such as lines
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
