"""Markdown documents: every relative link and anchor, and documents that lie where none should."""

import os
import time
from pathlib import Path

from pathspec import GitIgnoreSpec

from gate import worktree
from gate.facts import Diagnostic, Reading
from gate.pages import tree
from gate.pages.tree import Tree
from gate.work import Documents


def measure(documents: Documents, root: Path) -> Reading:
    """Read every document that a commit would hold and follow its links inside the repository."""
    start, cpu = time.perf_counter(), time.process_time()
    wanted, left = GitIgnoreSpec.from_lines(documents.match), GitIgnoreSpec.from_lines(documents.leave)
    files = worktree.files(root)
    paths = [path for path in files if wanted.match_file(path) and not left.match_file(path)]
    whole = tree.build(root, files, paths)
    found: list[Diagnostic] = []
    for path, page in whole.pages.items():
        found += [wrong for link in page.links if (wrong := _follow(whole, path, link.line, link.target))]
    found += [_stray(path, documents.home) for path in paths if "/" not in path and path not in documents.root]
    return Reading(
        wall=time.perf_counter() - start,
        cpu=time.process_time() - cpu,
        diagnostics=tuple(found),
        counts={"documents": len(paths), "links": sum(len(page.links) for page in whole.pages.values())},
        failed=bool(found),
    )


def _follow(whole: Tree, path: str, line: int, target: str) -> Diagnostic | None:
    """Say what is wrong with one link, or return None."""
    way = whole.follow(path, target)
    match way.wrong:
        case "no-link":
            return _wrong(path, line, "dead-link", f"{target} is not a link; correct it")
        case "dead-link":
            return _wrong(path, line, "dead-link", f"{target} leads nowhere; correct or delete the link")
        case "dead-anchor":
            return _wrong(path, line, "dead-anchor", f"{target}: {_shown(way.goal)} has no heading #{way.fragment}; correct it")
    return None


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
