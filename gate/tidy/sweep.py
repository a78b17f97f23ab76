"""Dead caches and artefacts: found by policy in one walk, proven, shown, then removed exactly as planned."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pathspec import GitIgnoreSpec

from gate import worktree
from gate.errors import GateError
from gate.facts import Change, Entry
from gate.work import Rule, Sweep

_ENVIRONMENTS = frozenset({".nox", ".tox", ".venv", "node_modules", worktree.STORE})
_CACHED = re.compile(r"(?P<source>.+?)\.[A-Za-z]+-?[0-9]+(\.opt-[0-9]+)?\.pyc")  # module.cpython-311.opt-1.pyc
_BYTECODE = (".pyc", ".pyo")


def draw(sweep: Sweep, root: Path, *, everything: bool = False) -> tuple[Change, ...]:
    """Say what would be removed and what a rule matches but must stay, each with its reason; touch nothing.

    `everything` also takes the live caches of the gate's own tools.
    """
    tracked = worktree.tracked(root)
    scene = _Scene(
        root=root,
        device=root.stat().st_dev,
        everything=everything,
        rules=tuple((rule, GitIgnoreSpec.from_lines(rule.match)) for rule in sweep.rules),
        protect=GitIgnoreSpec.from_lines(sweep.protect),
        tracked=frozenset(tracked),
        folders=frozenset(str(parent) for path in tracked for parent in Path(path).parents),
    )
    found = list(_walk(scene, ""))
    ignored = worktree.ignored(root, [change.path for change in found if change.act == "remove"])
    judged = [_proven(change, change.path in ignored, root) for change in found]
    return tuple(sorted(judged, key=lambda change: (change.act != "remove", change.path)))


def carry_out(changes: tuple[Change, ...], root: Path) -> tuple[Change, ...]:
    """Remove exactly what was drawn, through directory descriptors; what became another thing meanwhile stays.

    Raises GateError where the platform has no such descriptors.
    """
    if not {os.unlink, os.open, os.rmdir, os.stat} <= os.supports_dir_fd:
        message = "clean: this platform cannot delete relative to a directory descriptor; remove the listed paths by hand"
        raise GateError(message)
    done = []
    for change in changes:
        if change.act != "remove":
            done.append(change)
            continue
        kept = [why for entry in change.entries if (why := _remove(root, entry))]
        done.append(replace(change, act="remove", reason=kept[0]) if kept else replace(change, act="removed"))
    return tuple(done)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scene:
    """What a walk needs to know at every folder."""

    root: Path
    device: int
    everything: bool
    rules: tuple[tuple[Rule, GitIgnoreSpec], ...]
    protect: GitIgnoreSpec
    tracked: frozenset[str]
    folders: frozenset[str]  # that hold tracked files


def _walk(scene: _Scene, folder: str) -> Iterator[Change]:
    """Walk one folder, never through a link, another file system, an environment or another repository."""
    with os.scandir(scene.root / folder) as entries:
        for entry in sorted(entries, key=lambda item: item.name):
            path = f"{folder}/{entry.name}" if folder else entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if entry.name == ".git" or (is_folder and _is_foreign(Path(entry.path), scene.device)):
                continue
            rule = _rule(scene, path, is_folder=is_folder)
            if rule:
                yield from _matched(scene, rule, path, is_folder=is_folder)
            elif is_folder:
                inner = tuple(_walk(scene, path))
                yield from _emptied(scene, path, inner) if entry.name == "__pycache__" else inner


def _emptied(scene: _Scene, path: str, inner: tuple[Change, ...]) -> tuple[Change, ...]:
    """Take a byte code folder too when nothing would be left in it."""
    if sum(change.act == "remove" for change in inner) < len(list((scene.root / path).iterdir())):
        return inner
    status = (scene.root / path).lstat()
    entries = [entry for change in inner for entry in change.entries]
    entries.append(Entry(path=path, device=status.st_dev, inode=status.st_ino, folder=True))
    size = sum(change.size for change in inner)
    return (Change(path=path, kind="bytecode", size=size, act="remove", reason="nothing is left in it", entries=tuple(entries)),)


def _is_foreign(path: Path, device: int) -> bool:
    """Tell whether a folder is an environment, another repository, bare ones too, or another file system."""
    return (
        path.name in _ENVIRONMENTS
        or path.lstat().st_dev != device
        or os.path.lexists(path / ".git")
        or (path / "pyvenv.cfg").exists()
        or ((path / "HEAD").is_file() and (path / "objects").is_dir())
    )


def _rule(scene: _Scene, path: str, *, is_folder: bool) -> Rule | None:
    """Return the first rule that matches a path itself."""
    shown = f"{path}/" if is_folder else path
    return next((rule for rule, spec in scene.rules if spec.match_file(shown)), None)


def _matched(scene: _Scene, rule: Rule, path: str, *, is_folder: bool) -> Iterator[Change]:
    """Say what becomes of a path that a rule matches."""
    if path in scene.tracked:
        yield _kept(scene, rule, path, "git tracks it")
    elif scene.protect.match_file(path):
        yield _kept(scene, rule, path, "the policy protects it")
    elif is_folder and path in scene.folders:
        yield _kept(scene, rule, path, "git tracks files in it")
        yield from _walk(scene, path)
    elif path.endswith(_BYTECODE) and not is_folder:
        yield _bytecode(scene, rule, path)
    elif rule.live and not scene.everything:
        yield _kept(scene, rule, path, "a live cache of the gate's own tools; goes with --all")
    else:
        yield _whole(scene, rule, path)


def _bytecode(scene: _Scene, rule: Rule, path: str) -> Change:
    """Keep byte code that is somebody's only copy; take what no import can use, and with --all what can be made again."""
    where = Path(path)
    if where.parent.name == "__pycache__":
        cached = _CACHED.fullmatch(where.name)
        source = where.parent.parent / f"{cached['source']}.py" if cached else None
        if source is None:
            return _kept(scene, rule, path, "not a name that Python gives its caches")
        if not (scene.root / source).exists():
            return _whole(scene, rule, path, "orphaned: its source is gone")
    elif not (scene.root / where.with_suffix(".py")).exists():
        return _kept(scene, rule, path, "byte code without its source: the only copy")
    if scene.everything:
        return _whole(scene, rule, path, "made again from its source")
    return _kept(scene, rule, path, "live: its source is there; goes with --all")


def _whole(scene: _Scene, rule: Rule, path: str, reason: str = "") -> Change:
    """Take a path with everything below it, unless something below it must stay."""
    entries: list[Entry] = []
    size = 0
    for below, status in _below(scene.root, path):
        folder = stat.S_ISDIR(status.st_mode)
        if Path(below).name == ".git" or (folder and _is_foreign(scene.root / below, scene.device)):
            return _kept(scene, rule, path, f"{below} is an environment, another repository or another file system")
        if scene.protect.match_file(below):
            return _kept(scene, rule, path, f"the policy protects {below}")
        entries.append(Entry(path=below, device=status.st_dev, inode=status.st_ino, folder=folder))
        size += 0 if folder else status.st_size
    return Change(path=path, kind=rule.kind, size=size, act="remove", reason=reason, entries=tuple(entries))


def _below(root: Path, path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield a path after everything below it; a link is a thing of its own."""
    status = (root / path).lstat()
    if stat.S_ISDIR(status.st_mode):
        for item in sorted((root / path).iterdir()):
            yield from _below(root, f"{path}/{item.name}")
    yield path, status


def _kept(scene: _Scene, rule: Rule, path: str, reason: str) -> Change:
    """Keep a path, and say what it weighs."""
    size = sum(status.st_size for _, status in _below(scene.root, path) if not stat.S_ISDIR(status.st_mode))
    return Change(path=path, kind=rule.kind, size=size, act="kept", reason=reason)


def _proven(change: Change, ignored: bool, root: Path) -> Change:  # noqa: FBT001 - a fact about the path, not a mode
    """Let go only what has a proof: git ignores it, it says so itself, or it is byte code."""
    if change.act != "remove" or change.reason:
        return change
    if ignored:
        return replace(change, reason="git ignores it")
    if (root / change.path / "CACHEDIR.TAG").is_file():
        return replace(change, reason="it says itself that it is a cache (CACHEDIR.TAG)")
    return replace(change, act="kept", reason="git does not ignore it: it may be work", entries=())


def _remove(root: Path, entry: Entry) -> str:
    """Remove one planned entry; return "" or why it stayed."""
    parent, name = os.path.split(entry.path)
    try:
        folder = _open(root, parent)
    except OSError as error:
        return f"{entry.path}: {error.strerror}"
    try:
        now = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if (now.st_dev, now.st_ino) != (entry.device, entry.inode):
            return f"{entry.path} changed after the plan was drawn"
        if entry.folder:
            os.rmdir(name, dir_fd=folder)
        else:
            os.unlink(name, dir_fd=folder)
    except FileNotFoundError:  # gone already, which is what was wanted
        return ""
    except OSError as error:
        return f"{entry.path}: {error.strerror}"
    finally:
        os.close(folder)
    return ""


def _open(root: Path, folder: str) -> int:
    """Open a folder below the root part by part, never through a link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    at = os.open(root, flags)
    for part in Path(folder).parts:
        try:
            deeper = os.open(part, flags, dir_fd=at)
        finally:
            os.close(at)
        at = deeper
    return at
