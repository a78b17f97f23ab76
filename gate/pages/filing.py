"""Where a document belongs, by the rules of the policy."""

import posixpath
import re
from dataclasses import dataclass
from functools import cache

from gate.facts.work import Destination, Documents, Filing
from gate.pages.globs import Globs
from gate.pages.page import Page

POLICY = "policies/docs.yaml"
_FACE = "readme"  # it describes its folder, so that only a rule about its path takes it elsewhere


@dataclass(frozen=True, kw_only=True, slots=True)
class Filed:
    """Where a document is to go, and why."""

    folder: str
    rule: str  # the rule and its place


def document(work: Documents, path: str, page: Page) -> Filed | None:
    """Return where a document is to go, or None when it stays.

    The first destination that takes it has it. Lying in a destination counts as being taken by it; what lies in a hidden folder is
    some tool's own, and stays.
    """
    name = posixpath.basename(path)
    if _stays(work, path) or ("/" not in path and name.casefold() in {kept.casefold() for kept in work.root}):
        return None
    inside = _inside(work, path)
    for destination in work.destinations:
        for filing in destination.filings:
            if filing.by != "assets" and (filing.by == "path" or not name.casefold().startswith(_FACE)) and _takes(filing, path, page):
                return _unless_there(path, destination, filing)
        if destination is inside:
            return None
    if "/" in path or work.home == ".":
        return None
    return Filed(folder=work.home, rule=f"{POLICY}: a document at the root that is not named in root")


def asset(work: Documents, path: str) -> Filed | None:
    """Return where a file that is no document is to go, or None when it stays."""
    if not any(_is_asset(filing, path) for destination in work.destinations for filing in destination.filings) or _stays(work, path):
        return None  # nearly every file of a repository
    inside = _inside(work, path)
    for destination in work.destinations:
        for filing in destination.filings:
            if _is_asset(filing, path):
                return _unless_there(path, destination, filing)
        if destination is inside:
            return None
    return None


def _is_asset(filing: Filing, path: str) -> bool:
    """Tell whether a rule takes a file that is no document."""
    return filing.by == "assets" and _globs(filing.pattern).match(path)


def _unless_there(path: str, destination: Destination, filing: Filing) -> Filed | None:
    """Say why a file goes to a destination, unless it lies there."""
    about = f"{filing.by} {filing.key}: {filing.pattern}" if filing.key else f"{filing.by} {filing.pattern}"
    there = path.startswith(f"{destination.folder}/")
    return None if there else Filed(folder=destination.folder, rule=f"{filing.place}: {about}")


def _stays(work: Documents, path: str) -> bool:
    """Tell whether no rule may move a path."""
    return "/." in f"/{path}" or any(f"{path}/".startswith(f"{kept}/") for kept in work.still)


def _inside(work: Documents, path: str) -> Destination | None:
    """Return the innermost destination in which a path lies."""
    holding = [destination for destination in work.destinations if path.startswith(f"{destination.folder}/")]
    return max(holding, key=lambda destination: len(destination.folder), default=None)


def _takes(filing: Filing, path: str, page: Page) -> bool:
    """Tell whether a rule takes a document."""
    match filing.by:
        case "path":
            return _globs(filing.pattern).match(path)
        case "name":
            texts: tuple[str, ...] = (posixpath.basename(path),)
        case "front_matter":
            texts = page.front.get(filing.key, ())
        case _:
            texts = tuple(page.headings[:1])
    return any(_words(filing.pattern).fullmatch(text.casefold()) for text in texts)


@cache
def _globs(pattern: str) -> Globs:
    return Globs([pattern])


@cache
def _words(pattern: str) -> re.Pattern[str]:
    """Read a pattern in which only * and ? are special.

    >>> bool(_words("[RFC] *").fullmatch("[rfc] 12"))
    True
    """
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(letter) or re.escape(letter) for letter in pattern.casefold()), re.DOTALL)
