"""What is wrong with a link, and where a document belongs, in words."""

import os

from gate.facts import Diagnostic
from gate.facts.work import Documents
from gate.pages import filing
from gate.pages.page import Link, Page
from gate.pages.tree import Tree


def link(tree: Tree, path: str, found: Link) -> Diagnostic | None:
    """Say what is wrong with one link of a document, or return None; links to other sites are not followed."""
    way, target = tree.follow(path, found.target), found.target
    match way.wrong:
        case "no-link":
            return _wrong(path, found.line, "dead-link", f"{target} is not a link; correct it")
        case "dead-link":
            return _wrong(path, found.line, "dead-link", f"{target} leads nowhere; correct or delete the link")
        case "dead-anchor":
            return _wrong(path, found.line, "dead-anchor", f"{target}: {shown(way.goal)} has no heading #{way.fragment}; correct it")
    return None


def stray(work: Documents, path: str, page: Page | None, command: str) -> Diagnostic | None:
    """Say where a document belongs and what moves it there, or return None when it lies well; a symbolic link has no page."""
    filed = filing.document(work, path, page or Page(text=""))
    if not filed or (page is None and "/" in path):
        return None
    if page is None:
        return _wrong(path, 1, "stray", f"a symbolic link at the root; delete it or add it to root in {filing.POLICY}")
    keep = f"or add it to {'leave' if '/' in path else 'root'} in {filing.POLICY}"
    return _wrong(path, 1, "stray", f"belongs in {filed.folder}/ ({filed.rule}); {command} moves it there, {keep}")


def shown(path: str) -> str:
    r"""Write a path that is not UTF-8 as text that can be recorded.

    >>> shown("a\udcff.md")
    'a\\xff.md'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _wrong(path: str, line: int, code: str, message: str) -> Diagnostic:
    return Diagnostic(path=shown(path), line=line, code=code, message=shown(message))
