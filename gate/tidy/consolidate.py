"""Documents to where the policy wants them: worked out whole, proven, then carried out through the journal."""

import os
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gate.errors import GateError
from gate.facts import Consolidation, Move, Relink, Rewrite
from gate.facts.work import Documents
from gate.pages import complaints, nav, tree
from gate.pages.globs import Globs
from gate.pages.nav import Nav
from gate.pages.tree import Tree
from gate.repo import underway, worktree
from gate.tidy import links, moves
from gate.tidy.journal import Journal, runs, undo

WHAT = "docs"  # the name of our runs in the journal
_MARKDOWN = (".md", ".markdown")


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A plan with what it was drawn from."""

    told: Consolidation
    before: Tree


def draw(work: Documents, root: Path) -> Drawn:
    """Work out every move and every link that follows it; touch nothing.

    Raises GateError when a link that works would die, when a destination is no folder of ours, or in the middle of a merge.
    """
    busy = " and a ".join(underway.operations(root))
    if busy:
        message = f"docs: git is in the middle of a {busy}; end it, then move documents"
        raise GateError(message)
    files = worktree.files(root)
    wanted, left = Globs(work.match), Globs(work.leave)
    ours = [path for path in files if wanted.match(path) and not left.match(path)]
    # What the policy leaves alone is read too: no link in it may die, and none can be written anew.
    known = frozenset(ours)
    others = [path for path in files if path not in known and (wanted.match(path) or path.casefold().endswith(_MARKDOWN))]
    before = tree.build(root, files, [*ours, *others])
    navs = {path: found for path in files if posixpath.basename(path) in nav.SETTINGS and (found := nav.read(path, _bytes(root, path)))}
    scene = moves.Scene(
        tree=before,
        tracked=frozenset(worktree.tracked(root)),
        taken=frozenset(_lying(work, root)),
        left=frozenset(others),
        held=dict(_held(before, others)),
    )
    planned, stays = _settled(work, root, scene, navs)
    where = {move.source: move.target for move in planned}
    _, relinks, rewrites = links.rewrite(before, where, frozenset(others))
    listed = list(_listed(root, navs, where))
    shown = replace(before, pages={path: before.pages[path] for path in ours if path in before.pages})
    told = Consolidation(
        moves=planned,
        relinks=(*relinks, *(relink for found, _ in listed for relink in found)),
        rewrites=(*rewrites, *(rewrite for _, rewrite in listed)),
        stays=stays,
        dead=tuple(wrong for path in shown.pages for link in shown.pages[path].links if (wrong := complaints.link(shown, path, link))),
    )
    return Drawn(told=told, before=before)


def carry_out(drawn: Drawn, root: Path, tree_id: str, then: Callable[[Journal], None] = lambda _: None) -> str:
    """Move and rewrite exactly as drawn, look at every link again, do what comes `then`, and return the name of the run.

    Raises GateError, with everything taken back, when the disk is not as planned or a link died.
    """
    journal = Journal.begin(root, WHAT, tree_id)
    try:
        with journal:
            for move in drawn.told.moves:
                journal.move(move.source, move.target, tracked=move.tracked)
            for rewrite in drawn.told.rewrites:
                journal.rewrite(rewrite.path, rewrite.before, rewrite.after)
            _follow(drawn, root)
            then(journal)
    except (GateError, OSError) as error:
        if journal.when:
            undo(root, journal.when)
        message = f"{error}\nnothing was moved, or everything put back; run again"
        raise GateError(message) from error
    return journal.when


def stopped(root: Path) -> str:
    """Return the name of a run that was stopped in the middle, or ""."""
    return next((run.when for run in reversed(runs(root)) if run.what == WHAT and run.state in {"open", "undoing"}), "")


def _follow(drawn: Drawn, root: Path) -> None:
    """Follow every link on the disk as it is now.

    Raises GateError with those that worked and do not lead there any more.
    """
    where = {move.source: move.target for move in drawn.told.moves}
    now = tree.build(root, worktree.files(root), [where.get(path, path) for path in drawn.before.pages])
    died = links.died_links(drawn.before, now, where)
    if died:
        raise GateError("\n".join(died))


def _settled(
    work: Documents, root: Path, scene: moves.Scene, navs: Mapping[str, Nav]
) -> tuple[tuple[Move, ...], tuple[tuple[str, str], ...]]:
    """Draw moves until none is left that must not be made."""
    while True:
        planned, stays = moves.draw(work, scene)
        for move in planned:
            _accessible(root, move)
        ignored = worktree.ignored(root, [move.target for move in planned if not move.tracked])
        held = {move.source: f"git ignores {move.target}" for move in planned if move.target in ignored}
        for move in planned:
            for path, found in navs.items():
                outside = not move.target.startswith(f"{found.folder}/")
                line = next((entry.line for entry in found.entries if nav.goal(found, entry) == move.source), 0)
                if outside and line:
                    held[move.source] = f"{path}:{line} shows it, and shows nothing outside {found.folder}/"
        if not held:
            return planned, stays
        scene = replace(scene, held={**scene.held, **held})


def _held(before: Tree, others: list[str]) -> Iterator[tuple[str, str]]:
    """Name what must stay because something leads to it that cannot be written anew."""
    for path in others:
        if path in before.pages:
            for link in before.pages[path].links:
                yield before.follow(path, link.target).goal, f"{path}:{link.line} links to it and is left alone"
    for path, goal in before.links.items():
        yield goal, f"{path} is a symbolic link to it"


def _lying(work: Documents, root: Path) -> Iterator[str]:
    """Yield the keys of what lies in the destinations, also of what git does not list."""
    for folder in {work.home, *(destination.folder for destination in work.destinations)}:
        if (root / folder).is_dir():
            yield from (moves.key(f"{folder}/{found.name}") for found in (root / folder).iterdir())


def _accessible(root: Path, move: Move) -> None:
    """Refuse a destination that is a file, a link or another repository.

    Raises GateError with the rule that wants it.
    """
    for above in [path for path in Path(move.target).parents if path != Path()]:
        whole = root / above
        wrong = "a symbolic link" if whole.is_symlink() else "a file" if whole.exists() and not whole.is_dir() else ""
        wrong = wrong or ("another repository" if os.path.lexists(whole / ".git") else "")
        if wrong:
            message = f"{move.rule}: {above.as_posix()} is {wrong}, and {move.source} cannot go there; name another destination"
            raise GateError(message)


def _listed(root: Path, navs: Mapping[str, Nav], where: Mapping[str, str]) -> Iterator[tuple[tuple[Relink, ...], Rewrite]]:
    """Yield the navigations that name what moves, written anew.

    Raises GateError when an entry cannot be written without changing more.
    """
    for path, found in navs.items():
        named = [entry for entry in found.entries if nav.goal(found, entry) in where]
        values = {entry.start: posixpath.relpath(where[nav.goal(found, entry)], found.folder) for entry in named}
        relinks, text = [], found.text
        for entry in reversed(named):
            new = nav.written(entry, values[entry.start])
            relinks.append(Relink(path=path, line=entry.line, before=text[entry.start : entry.end], after=new))
            text = text[: entry.start] + new + text[entry.end :]
        if named:
            raw = _bytes(root, path)
            after = raw.removesuffix(found.text.encode("utf-8", "surrogateescape")) + text.encode("utf-8", "surrogateescape")
            again = nav.read(path, after)
            wanted = [(entry.keys, values.get(entry.start, entry.value)) for entry in found.entries]
            if again is None or [(entry.keys, entry.value) for entry in again.entries] != wanted:
                message = f"{path}:{named[0].line}: the navigation cannot be written anew alone; quote its entries, nothing was moved"
                raise GateError(message)
            yield tuple(reversed(relinks)), Rewrite(path=path, before=raw, after=after)


def _bytes(root: Path, path: str) -> bytes:
    """Read a regular file; anything else holds nothing."""
    whole = root / path
    return b"" if whole.is_symlink() or not whole.is_file() else whole.read_bytes()
