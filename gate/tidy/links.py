"""What moving files means for the links between documents: exact destinations written anew, every other byte as it was."""

import html
import posixpath
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, urlsplit

from gate.errors import GateError
from gate.facts import Relink, Rewrite
from gate.pages.page import Link, Page, read
from gate.pages.tree import Tree, Way, folders

_SAFE = "-._~/+,;=@!$*"  # of ASCII, what means itself in every form of a link
_SUFFIX = re.compile("[?#].*", re.DOTALL)
_KEPT = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd"})  # categories of letters that are written as they are


@dataclass(frozen=True, kw_only=True, slots=True)
class _Edit:
    """One destination to be written anew."""

    number: int  # of the link in its document
    text: str
    path: str  # that it then has, percent codes resolved


def rewrite(tree: Tree, moves: Mapping[str, str], left: Collection[str]) -> tuple[Tree, tuple[Relink, ...], tuple[Rewrite, ...]]:
    """Return the tree as it would be after the moves, and each link and document that must be written anew for it.

    Documents that are `left` keep every byte.
    Raises GateError when a link that works would not, or when a destination cannot be written anew without touching anything else.
    """
    if not moves:
        return tree, (), ()
    planned = _moved(tree, moves, tree.pages)
    relinks: list[Relink] = []
    rewrites, pages = [], dict(tree.pages)
    for path, page in tree.pages.items():
        edits = list(_edits(tree, planned, moves, path, page)) if path not in left else []
        if edits:
            text = _spliced(page, edits)
            raw = text.encode("utf-8", "surrogateescape")
            pages[path] = read(raw)
            _proven(path, page, pages[path], edits)
            target = moves.get(path, path)
            rewrites.append(Rewrite(path=target, before=page.text.encode("utf-8", "surrogateescape"), after=raw))
            relinks += [_told(path, page, edit) for edit in edits]
    planned = _moved(tree, moves, pages)
    died = died_links(tree, planned, moves)
    if died:
        message = "\n".join(["moving would break links, so nothing was moved", *died])
        raise GateError(message)
    return planned, tuple(relinks), tuple(rewrites)


def died_links(before: Tree, after: Tree, moves: Mapping[str, str]) -> list[str]:
    """Name each link that worked and leads elsewhere, or nowhere, after files have moved."""
    died = []
    for path, page in before.pages.items():
        there = moves.get(path, path)
        for old, new in zip(page.links, after.pages[there].links, strict=True):
            was, now = before.follow(path, old.target), after.follow(there, new.target)
            if not was.goal:
                continue
            wanted = _wanted(was.goal, before, after, moves)
            if now.goal != wanted or (now.wrong and not was.wrong):
                where = f"to {wanted or 'several folders, or nowhere'}"
                died.append(
                    f"{path}:{old.line}: {old.target} leads to {was.goal}, which goes {where}; let a rule keep it, or correct the link"
                )
    return died


def _moved(tree: Tree, moves: Mapping[str, str], pages: Mapping[str, Page]) -> Tree:
    """Return a tree with files at their new places."""
    files = frozenset(moves.get(path, path) for path in tree.files)
    there = {moves.get(path, path): page for path, page in pages.items()}
    return replace(tree, files=files, folders=folders(files), pages=there)


def _wanted(goal: str, before: Tree, after: Tree, moves: Mapping[str, str]) -> str:
    """Return where a file or folder is after the moves; a folder that all left is where they all went, else ""."""
    if goal in moves or goal in before.files:
        return moves.get(goal, goal)
    if goal in after.folders:
        return goal
    held = [path for path in before.files if path.startswith(f"{goal}/")]
    kept = {moves[path].removesuffix(path.removeprefix(goal)) for path in held}
    together = {posixpath.dirname(moves[path]) for path in held}
    return next(iter(kept if len(kept) == 1 and kept <= after.folders else together if len(together) == 1 else {""}))


def _edits(tree: Tree, planned: Tree, moves: Mapping[str, str], path: str, page: Page) -> Iterator[_Edit]:
    """Yield what must be written anew in one document."""
    there = moves.get(path, path)
    for number, link in enumerate(page.links):
        way = tree.follow(path, link.target)
        if not way.path:
            continue
        wanted, now = _aim(tree, planned, moves, path, way), planned.follow(there, link.target)
        if not wanted or wanted == (now.goal if way.goal and way.goal in moves else now.near):
            continue
        folder = posixpath.dirname(there) or "."
        written = f"/{wanted}" if way.path.startswith("/") else posixpath.relpath(wanted, folder)
        written += "/" if way.path.endswith("/") and wanted != "." else ""
        yield _Edit(number=number, text=_written(page, link, written), path=written)


def _aim(tree: Tree, planned: Tree, moves: Mapping[str, str], path: str, way: Way) -> str:
    """Return what a link is to name after the moves, relative to the root; "" when it is left as it is."""
    if way.goal:
        wanted = _wanted(way.goal, tree, planned, moves)
        return way.near if wanted == way.goal else wanted  # a way through a symbolic link stays one
    # What leads nowhere goes on leading to the same place: git may ignore what is there.
    outside = way.near.split("/")[0] == ".." or "\0" in way.near
    return "" if outside or path not in moves else way.near


def _written(page: Page, link: Link, path: str) -> str:
    """Write a destination in the form of the old one; its query and fragment stay letter by letter where that is safe."""
    raw = page.text[slice(*link.span)]
    angled = not link.html and raw.startswith("<")
    old = raw[1:-1] if angled else raw
    suffix = _SUFFIX.search(old)
    if "&" in old or "\\" in old:  # which letter begins the suffix is a matter of escapes
        found = _SUFFIX.search(link.target)
        end = quote(found[0], safe=f"{_SAFE}?#%:&") if found else ""
        end = html.escape(end)
    else:
        end = suffix[0] if suffix else ""
    new = _encoded(path, letters=not old.isascii(), spaces=angled) + end
    return f"<{new}>" if angled else new


def _encoded(path: str, *, letters: bool, spaces: bool) -> str:
    """Write a path so that every form of a link reads it back.

    >>> _encoded("a b/ü (1).md", letters=True, spaces=False), _encoded("a b/ü.md", letters=False, spaces=True)
    ('a%20b/ü%20%281%29.md', 'a b/%C3%BC.md')
    """
    plain = _SAFE + " " * spaces
    return "".join(
        letter
        if letter in plain or (letter.isascii() and letter.isalnum()) or (letters and unicodedata.category(letter) in _KEPT)
        else quote(letter.encode("utf-8", "surrogateescape"), safe="")
        for letter in path
    )


def _spliced(page: Page, edits: list[_Edit]) -> str:
    """Put new destinations in the place of the old ones."""
    parts, at = [], 0
    for edit in sorted(edits, key=lambda edit: page.links[edit.number].span):
        start, end = page.links[edit.number].span
        parts += [page.text[at:start], edit.text]
        at = end
    return "".join([*parts, page.text[at:]])


def _proven(path: str, old: Page, new: Page, edits: list[_Edit]) -> None:
    """Refuse a document in which anything else than the wanted destinations changed."""
    wanted = {edit.number: edit for edit in edits}
    same = len(old.links) == len(new.links) and old.anchors == new.anchors and old.front == new.front
    for number, (was, now) in enumerate(zip(old.links, new.links, strict=False)):
        fine = _is_new(was, now, wanted[number].path) if number in wanted else now.target == was.target
        if not (same and fine):
            message = (
                f"{path}:{was.line}: {was.target} cannot be written anew without changing more; write it as [text](path), nothing was moved"
            )
            raise GateError(message)
    if not same:
        message = f"{path}: its links cannot be written anew without changing more; nothing was moved"
        raise GateError(message)


def _is_new(was: Link, now: Link, path: str) -> bool:
    """Tell whether a link has exactly the wanted path, and what follows the path as before."""
    old, new = urlsplit(was.target), urlsplit(now.target)
    rest = [tuple(map(unquote, (parts.query, parts.fragment))) for parts in (old, new)]
    return unquote(new.path, errors="surrogateescape") == path and not new.scheme and not new.netloc and rest[0] == rest[1]


def _told(path: str, page: Page, edit: _Edit) -> Relink:
    link = page.links[edit.number]
    return Relink(path=path, line=link.line, before=page.text[slice(*link.span)], after=edit.text)
