"""What every phase would change when it is asked by name, drawn from the policy; nothing is touched."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from gate.errors import GateError
from gate.facts import Change, Consolidation, Entry
from gate.facts.work import Documents, Index, Learning, Phase, Sweep
from gate.flow import House
from gate.tidy import consolidate, edits, index, learnings, sweep
from gate.tidy.edits import Edit

Changes = Mapping[str, tuple[Change, ...]]  # by phase; what is kept too

KEPT = "kept"  # the act of a change that is none


def draw(house: House) -> tuple[Changes, tuple[str, ...]]:
    """Work out every change of every phase that --plan carries out, and what is refused, with the reason."""
    refused: list[str] = []
    moved: dict[str, str] = {}
    filed: list[Change] = []
    try:
        told = consolidate.draw(house.work(Documents), house.root).told
    except GateError as error:
        refused.append(str(error))
    else:
        moved = {move.source: move.target for move in told.moves}
        filed = list(_filed(house.root, told))
    written, more = writings(house, moved=moved)
    return {
        Phase.CLEAN: sweep.draw(house.work(Sweep), house.root),
        Phase.DOCS: (*filed, *(edits.change(house.root, edit) for edit in written)),
    }, (*refused, *more)


def writings(
    house: House, *, moved: Mapping[str, str] | None = None, new: Sequence[Learning] = ()
) -> tuple[tuple[Edit, ...], tuple[str, ...]]:
    """Draw the blocks that the gate writes into pages of the author's: the index, and what tasks taught; and what is refused.

    `moved` says where documents will lie that a plan moves, `new` what a task taught just now.
    """
    drawn: list[Edit] = []
    refused: list[str] = []
    listed = next((step.work for step in house.steps if isinstance(step.work, Index)), None)
    if listed:
        _collect(drawn, refused, lambda: index.draw(listed, house.root, moved=moved))
    _collect(drawn, refused, lambda: learnings.draw(house.root, _taught(house), new=new))
    return tuple(drawn), tuple(refused)


def _collect(drawn: list[Edit], refused: list[str], part: Callable[[], Iterable[Edit]]) -> None:
    """Add what a part draws, or why it is refused."""
    try:
        drawn += part()
    except GateError as error:
        refused.append(str(error))


def _taught(house: House) -> tuple[Learning, ...]:
    """Return the learnings that the policy holds."""
    listed = house.policy.workflow.learnings
    return tuple(learnings.learning(entry.text, date=entry.date.isoformat(), task=entry.task) for entry in listed)


def _filed(root: Path, told: Consolidation) -> Iterator[Change]:
    """Show moves, links that follow them, and what stays, as a plan lists them."""
    came = {move.target: move.source for move in told.moves}
    for move in told.moves:
        entry, size = _entry(root, move.source)
        reason = f"to {move.target}, by {move.rule}"
        yield Change(path=move.source, kind="document", size=size, act="move", reason=reason, rule=move.rule, entries=(entry,))
    for rewrite in told.rewrites:
        source = came.get(rewrite.path, rewrite.path)
        entry, _ = _entry(root, source)
        links = [f"line {link.line}: {link.before} -> {link.after}" for link in told.relinks if link.path == source]
        yield Change(path=rewrite.path, kind="links", size=len(rewrite.after), act="rewrite", reason="; ".join(links), entries=(entry,))
    for path, why in told.stays:
        yield Change(path=path, kind="document", size=_entry(root, path)[1], act=KEPT, reason=why)


def _entry(root: Path, path: str) -> tuple[Entry, int]:
    """Return the identity of a file, and its bytes."""
    status = (root / path).lstat()
    return Entry(path=path, device=status.st_dev, inode=status.st_ino, folder=False), status.st_size
