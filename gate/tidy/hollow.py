"""Folders in which nothing is left: they go last, an inner one before the one around it, unless git ignores them."""

from collections.abc import Mapping, Sequence

from gate.facts import Change, Entry
from gate.tidy.rules import Hit
from gate.tidy.scan import Seen
from gate.tidy.scene import Scene


def judge(
    changes: Sequence[Change], folders: Mapping[str, tuple[Entry, int]], scene: Scene, told: Mapping[str, str], rule: Hit
) -> list[Change]:
    """Return a change for each folder that is empty, or would be; of folders that hold nothing but such, only the uppermost.

    `folders` has what lies in each, inner ones first; `told` says why git ignores those that it does.
    """
    gone: dict[str, int] = {}
    for change in changes:
        if change.act != "kept":
            _count(gone, change.path)
    found: dict[str, Change] = {}
    for path, (entry, count) in folders.items():
        if gone.get(path, 0) < count:
            continue
        inside = [inner for inner in found if inner.rpartition("/")[0] == path]
        change = _change(path, entry, scene, told.get(path, ""), rule)
        if change.act == "trash":
            _count(gone, path)
            if inside and len(inside) == count and all(found[inner].reason == _EMPTY for inner in inside):
                for inner in inside:
                    del found[inner]
            elif count:
                change = _change(path, entry, scene, "", rule, reason="nothing is left in it")
        if change.act == "trash" or not count:
            found[path] = change
    return list(found.values())


_EMPTY = "it is empty"


def _count(gone: dict[str, int], path: str) -> None:
    """Count what goes out of a folder."""
    above = path.rpartition("/")[0]
    gone[above] = gone.get(above, 0) + 1


def _change(path: str, entry: Entry, scene: Scene, why: str, rule: Hit, reason: str = _EMPTY) -> Change:
    """Move an empty folder to the trash, or say why it stays."""
    kept = scene.why_kept(Seen(path=path, hit=rule, folder=True, entries=(entry,)))
    if not kept and why:
        kept = f"empty, and git ignores it ({why}): a tool uses it"
    act = "kept" if kept else "trash"
    return Change(path=path, kind=rule.rule.kind, size=0, act=act, reason=kept or reason, rule=rule.pattern, ignored=why, entries=(entry,))
