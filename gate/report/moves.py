"""What moving documents does, or would do: each move, each link, and what stays."""

from collections.abc import Iterator, Sequence

from gate.facts import Change, Consolidation
from gate.report.text import plain
from gate.units import show_count


def text(told: Consolidation, *, done: bool) -> str:
    """Tell everything, one line each."""
    return "".join(f"{plain(line)}\n" for line in _lines(told, done=done))


def pages(written: Sequence[Change], refused: Sequence[str], *, done: bool) -> str:
    """Tell which pages of the author's hold what the gate keeps in them, and which do not."""
    lines = [f"{'wrote' if done else 'would write'} {change.path}: {change.reason}" for change in written]
    return "".join(f"{plain(line)}\n" for line in [*lines, *(f"refused: {line}" for line in refused)])


def undone(changes: Sequence[Change]) -> str:
    """Tell what was taken back."""
    if not changes:
        return "nothing to take back\n"
    lines = [f"took back {show_count(len(changes), 'act')}"]
    lines += [
        f"  {change.kind} {change.path}{'' if change.act == 'restored' else f': {change.act}, {change.reason}'}" for change in changes
    ]
    return "".join(f"{plain(line)}\n" for line in lines)


def _lines(told: Consolidation, *, done: bool) -> Iterator[str]:
    if not told.moves:
        yield "no document is to move"
    else:
        yield f"{'moved' if done else 'would move'} {show_count(len(told.moves), 'file')}"
        for move in told.moves:
            yield f"  {move.source} -> {move.target}  ({move.rule}{'' if move.tracked else '; git does not track it'})"
    if told.relinks:
        documents = show_count(len({link.path for link in told.relinks}), "file")
        yield f"{'wrote' if done else 'would write'} {show_count(len(told.relinks), 'link')} anew in {documents}"
        for link in told.relinks:
            yield f"  {link.path}:{link.line}: {link.before} -> {link.after}"
    if told.stays:
        yield f"{show_count(len(told.stays), 'file')} stayed" if done else f"{show_count(len(told.stays), 'file')} would stay"
        for path, why in told.stays:
            yield f"  {path}: {why}"
    if told.dead:
        yield f"{show_count(len(told.dead), 'link')} led nowhere before"
        for wrong in told.dead:
            yield f"  {wrong.path}:{wrong.line}: {wrong.message}"
