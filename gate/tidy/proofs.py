"""From what a rule matches to what becomes of it, each with its proof: rule, line by which git ignores it, source."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from gate.facts import Change, Entry
from gate.tidy import hollow
from gate.tidy.rules import Hit
from gate.tidy.scan import BYTECODE, Scanned, Seen
from gate.tidy.scene import Scene, newest
from gate.units import show_count

_TAG, _SIGNATURE = "CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55"  # https://bford.info/cachedir/

Ignored = Callable[[Sequence[str]], Mapping[str, str]]  # paths -> why git ignores those that it does


def judge(scanned: Scanned, scene: Scene, ignored: Ignored, empty: Hit | None) -> list[Change]:
    """Say what becomes of everything that a rule matched, and of folders in which nothing is left; git is asked once."""
    every = {part.path: part for seen in scanned.seen for part in _apart(seen, scene)}
    kept = {path: why for path, seen in every.items() if (why := scene.why_kept(seen))}
    asked = [seen for path, seen in every.items() if path not in kept]
    own = [f"{seen.path}/.gitignore" for seen in asked if seen.folder and _says_all(scene.read(f"{seen.path}/.gitignore"))]
    told = ignored([*(seen.path for seen in asked), *own, *scanned.hollow])
    changes = {path: _kept(seen, kept[path]) if path in kept else _proven(seen, scene, told) for path, seen in every.items()}
    found = _emptied(_newest_stay(changes, every), scanned)
    return [*found, *hollow.judge(found, scanned.hollow, scene, told, empty)] if empty else found


def _apart(seen: Seen, scene: Scene) -> Iterator[Seen]:
    """Yield a path, and where git tracks files in it also what is beside them: they keep themselves and the folders above them only."""
    yield seen
    if not seen.folder or seen.blocked or not scene.tracks_below(seen.path):
        return
    stay = {seen.path}
    for entry in seen.entries:
        if scene.tracks(entry.path):
            stay.update(_up_to(entry.path, seen.path))
    groups: dict[str, list[Entry]] = {}
    for entry in seen.entries:
        top = next((path for path in reversed(_up_to(entry.path, seen.path)) if path not in stay), "")
        if top:
            groups.setdefault(top, []).append(entry)
    for top, entries in groups.items():
        blocked = "byte code beside files that git tracks" if top.endswith(BYTECODE) else ""
        yield Seen(path=top, hit=seen.hit, folder=entries[-1].folder, entries=tuple(entries), blocked=blocked)


def _up_to(path: str, top: str) -> list[str]:
    """Return a path and the folders above it, without the top one.

    >>> _up_to("a/b/c", "a"), _up_to("a", "a")
    (['a/b/c', 'a/b'], [])
    """
    found = []
    while len(path) > len(top):
        found.append(path)
        path = path.rpartition("/")[0]
    return found


def _proven(seen: Seen, scene: Scene, told: Mapping[str, str]) -> Change:
    """Say what becomes of a path that nothing keeps."""
    why = told.get(seen.path, "")
    if not why and seen.folder:
        own = told.get(f"{seen.path}/.gitignore", "")
        why = own if own.startswith(f"{seen.path}/.gitignore:") and own.endswith(":*") else ""
    orphan = seen.source and not seen.sourced
    if orphan or not seen.hit.rule.regenerable:
        act, reason = _to_trash(why, "orphaned: its source is gone" if orphan else "")
    else:
        act, reason = _to_nothing(seen, scene, why)
    return _kept(seen, reason, act, why)


def _to_trash(why: str, orphaned: str) -> tuple[str, str]:
    """Move to the trash what no tool makes again."""
    return "trash", orphaned or (f"git ignores it ({why})" if why else "git does not ignore it: it may be work")


def _to_nothing(seen: Seen, scene: Scene, why: str) -> tuple[str, str]:
    """Remove what a tool makes again and git ignores; what git does not know is at most moved to the trash."""
    again = f"made again from {seen.source}" if seen.source else ""
    if why:
        return "remove", f"{again}{'; ' if again else ''}git ignores it ({why})"
    if not again and seen.folder and scene.read(f"{seen.path}/{_TAG}").startswith(_SIGNATURE):
        again = f"it says itself that it is a cache ({_TAG})"
    return ("trash", f"{again}; git does not ignore it") if again else ("kept", "git does not ignore it: it may be work")


def _kept(seen: Seen, reason: str, act: str = "kept", ignored: str = "") -> Change:
    """Keep a path, or do something else with it, and say what it weighs."""
    size = seen.entries[0].size if not seen.folder else sum(entry.size for entry in seen.entries if not entry.folder)
    return Change(
        path=seen.path,
        kind=seen.hit.rule.kind,
        size=size,
        act=act,
        reason=reason,
        rule=seen.hit.pattern,
        ignored=ignored,
        source=seen.source if seen.sourced else "",
        entries=seen.entries,
    )


def _newest_stay(changes: Mapping[str, Change], every: Mapping[str, Seen]) -> list[Change]:
    """Keep so many of the newest of a kind as its rule says."""
    found = dict(changes)
    for rule in {seen.hit.rule for seen in every.values() if seen.hit.rule.keep}:
        going = [path for path, seen in every.items() if seen.hit.rule == rule and changes[path].act != "kept"]
        for path in sorted(going, key=lambda path: (-newest(every[path]), path))[: rule.keep]:
            found[path] = replace(changes[path], act="kept", reason=f"one of the newest {rule.keep}")
    return list(found.values())


def _emptied(changes: Sequence[Change], scanned: Scanned) -> list[Change]:
    """Let a folder of byte code go with the last that lies in it."""
    inside: dict[str, list[Change]] = {}
    for change in changes:
        inside.setdefault(change.path.rpartition("/")[0], []).append(change)
    whole = {}
    for folder, (entry, count) in scanned.caches.items():
        going = [change for change in inside.get(folder, ()) if change.act != "kept"]
        if going and len(going) == count:
            whole[folder] = _together(folder, entry, going)
    return [
        *(change for change in changes if change.path.rpartition("/")[0] not in whole),
        *(one for parts in whole.values() for one in parts),
    ]


def _together(folder: str, entry: Entry, going: Sequence[Change]) -> list[Change]:
    """Make one change of all that empties a folder, or add the folder to what is removed last."""
    acts = {change.act for change in going}
    first = going[0]
    if len(acts) == 1:
        entries = (entry,) if acts == {"trash"} else (*(part for change in going for part in change.entries), entry)
        reason = first.reason if len(going) == 1 else f"{show_count(len(going), 'file')} of byte code: {first.reason}"
        return [replace(first, path=folder, size=sum(change.size for change in going), entries=entries, reason=reason, source="")]
    last = next(change for change in reversed(going) if change.act == "remove")
    return [replace(change, entries=(*change.entries, entry)) if change is last else change for change in going]


def _says_all(text: bytes) -> bool:
    """Tell whether a .gitignore says nothing but that everything beside it is ignored, itself too."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(b"#")] == [b"*"]
