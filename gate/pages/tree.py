"""Where links lead inside one repository, as it is or as it would be."""

import os
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gate.pages.page import Page, read

_MOST_LINKS = 40  # symbolic links on one way, as of Linux


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """Where one link leads."""

    goal: str = ""  # a file or folder of the repository, symbolic links followed; "" when there is none
    near: str = ""  # the same as it is written, relative to the root, or what is missing there
    path: str = ""  # the path as it is written, percent codes resolved; "" for a link that names none
    wrong: str = ""  # what is the matter: "dead-link", "dead-anchor", "no-link"
    fragment: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """What a link can lead to."""

    files: frozenset[str]
    folders: frozenset[str]
    links: Mapping[str, str]  # symbolic link -> what it leads to in the end, "" when that is outside
    pages: Mapping[str, Page]

    def follow(self, path: str, target: str) -> Way:
        """Follow a link of the document at `path`; links to other sites lead nowhere here, and nothing is wrong with them."""
        try:
            parts = urlsplit(target)
        except ValueError:
            return Way(wrong="no-link")
        if parts.scheme or parts.netloc or not (parts.path or parts.fragment):
            return Way()
        written = unquote(parts.path, errors="surrogateescape")
        near = _near(path, written) if written else path
        goal = self._goal(near) if written else path
        way = Way(goal=goal, near=near, path=written, fragment=parts.fragment, wrong="" if goal else "dead-link")
        if not goal or parts.query or goal not in self.pages or unquote(parts.fragment) in self.pages[goal].anchors:
            return way  # what a query asks for has anchors of its own, such as lines
        return Way(goal=goal, near=near, path=written, fragment=parts.fragment, wrong="dead-anchor")

    def _goal(self, near: str) -> str:
        """Follow symbolic links to a file or folder, or to nothing."""
        for _ in range(_MOST_LINKS):
            steps = near.split("/")
            head = next((count for count in range(1, len(steps) + 1) if "/".join(steps[:count]) in self.links), 0)
            if not head:
                return near if near in self.files or near in self.folders else ""
            near = posixpath.normpath("/".join([self.links["/".join(steps[:head])] or "..", *steps[head:]]))
        return ""


def build(root: Path, files: Iterable[str], documents: Iterable[str]) -> Tree:
    """Read a repository: its `files`, and of these the `documents`.

    A symbolic link is no document: what it leads to is read where it lies, and not at all when that is outside.
    """
    listed = frozenset(files)
    real = os.path.realpath(root)
    links = {path: _end(real, path) for path in listed if os.path.islink(f"{root}/{path}")}  # noqa: PTH114 - there may be many, and a Path for each is slow
    whole = {path: root / path for path in documents if path not in links}
    pages = {path: read(file.read_bytes()) for path, file in whole.items() if file.is_file()}
    return Tree(files=listed, folders=folders(listed), links=links, pages=pages)


def folders(files: Iterable[str]) -> frozenset[str]:
    """Return every folder that holds a file."""
    found = {"."}
    for path in files:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return frozenset(found)


def _near(path: str, written: str) -> str:
    """Return what a written path names, relative to the root."""
    return posixpath.normpath(written.lstrip("/") if written.startswith("/") else posixpath.join(posixpath.dirname(path), written))


def _end(real: str, path: str) -> str:
    """Return where a symbolic link ends inside the repository, or "" when it ends outside, nowhere or in itself."""
    end = Path(os.path.realpath(posixpath.join(real, path)))
    inside = os.path.relpath(end, real)
    return "" if inside.split("/")[0] == ".." or not os.path.lexists(end) or end.is_symlink() else inside
