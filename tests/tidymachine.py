"""A state machine over random real repositories: clean takes what it planned, nothing protected, and undo brings back what was kept."""

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from gate.facts import Change
from gate.facts.work import Rule, Sweep
from gate.tidy import sweep
from gate.tidy.journal import Journal, runs, undo
from tests.trees import Snapshot, snapshot

SWEEP = Sweep(
    rules=(
        Rule(kind="bytecode", match=("*.pyc",), regenerable=True, live=True),
        Rule(kind="caches", match=(".mypy_cache/",), regenerable=True, live=True),
        Rule(kind="build", match=("build/", "/dist/", "pkg/**/out/"), regenerable=True),
        Rule(kind="coverage", match=(".coverage", ".coverage.*"), regenerable=True),
        Rule(kind="reports", match=("junit*.xml",), keep=1),
        Rule(kind="backups", match=("*.bak", "*~")),
        Rule(kind="logs", match=("*.log",), age=14 * 86_400),
        Rule(kind="empty", empty=True),
    ),
    protect=("kept.bak", "precious/"),
)
FOLDERS = ("pkg", "build", "dist", "out", "__pycache__", "x.log", "precious", ".mypy_cache", "node_modules", ".venv", "deep")
FILES = (
    *("a.py", "a.pyc", "a.cpython-311.pyc", "b.cpython-311.pyc", "notes.md", "x.bak", "kept.bak", "x.log", ".coverage", ".coverage.host"),
    *(".coveragerc", ".env", ".env.bak", "junit1.xml", "junit2.xml", "data.sqlite", "file~", os.fsdecode(b"\xff\n.bak")),
)
IGNORED = (
    "build/",
    "*.pyc",
    "__pycache__/",
    "*.log",
    "!x.log",
    "!.coverage",
    "*.bak",
    "/dist/",
    ".coverage*",
    ".mypy_cache/",
    "*",
    "!a.py",
    "pkg/**/out",
)
GUARDED = {".coveragerc", ".env", ".env.bak", "kept.bak"}  # by their names
FOREIGN = {"node_modules", ".venv", ".git"}
OLD = 30 * 86_400  # seconds

_places = st.integers(0, 40)  # one of the folders there are by then
_seldom = st.sampled_from((False, False, False, False, True))
_BARE: list[Path] = []


def template() -> Path:
    """Return a repository with nothing in it, made once: copying it is ten times as fast as git init."""
    if not _BARE:
        _BARE.append(Path(tempfile.mkdtemp(prefix="template-")))
        atexit.register(shutil.rmtree, _BARE[0])
        subprocess.run(["git", "init", "-q", "-b", "main", "--template=", str(_BARE[0])], check=True)
    return _BARE[0] / ".git"


class TidyMachine(RuleBasedStateMachine):
    """Build a repository step by step, and clean it in between."""

    def __init__(self) -> None:
        """Begin with an empty repository and something outside that must not be touched."""
        super().__init__()
        self.scratch = Path(tempfile.mkdtemp(prefix="tidy-"))
        self.root = self.scratch / "repo"
        self.root.mkdir()
        shutil.copytree(template(), self.root / ".git")
        (self.scratch / "outside/build").mkdir(parents=True)
        (self.scratch / "outside/build/x.bak").write_text("precious")
        self.outside = snapshot(self.scratch / "outside")
        self.folders = [self.root]
        self.tracked: set[str] = set()
        self.number = 0

    def teardown(self) -> None:
        """Leave nothing behind."""
        for folder in self.folders:
            if folder.is_dir() and not folder.is_symlink():
                folder.chmod(0o700)
        shutil.rmtree(self.scratch)

    def place(self, at: int) -> Path:
        """Return one of the folders that are still there."""
        there = [folder for folder in self.folders if folder.is_dir()]
        return there[at % len(there)]

    def free(self, at: int, name: str) -> Path | None:
        """Return a path in one of the folders, or None when it is taken."""
        path = self.place(at) / name
        return None if os.path.lexists(path) else path

    @initialize(
        folders=st.lists(st.tuples(_places, st.sampled_from(FOLDERS)), min_size=3, max_size=12),
        files=st.lists(st.tuples(_places, st.sampled_from(FILES), st.booleans(), _seldom), min_size=6, max_size=30),
        ignored=st.lists(st.sampled_from(IGNORED), max_size=8),
    )
    def plant(self, folders: list[tuple[int, str]], files: list[tuple[int, str, bool, bool]], ignored: list[str]) -> None:
        """Begin with a tree in which something is to be cleaned."""
        for folder in folders:
            self.folder(*folder)
        for file in files:
            self.file(*file)
        self.ignore(0, [*IGNORED[:3], *ignored])

    @rule(at=_places, name=st.sampled_from(FOLDERS))
    def folder(self, at: int, name: str) -> None:
        """Make a folder, five deep at the most."""
        path = self.free(at, name)
        if path and len(path.relative_to(self.root).parts) <= 5:
            path.mkdir()
            self.folders.append(path)

    @rule(at=_places, name=st.sampled_from(FILES), old=st.booleans(), tracked=_seldom)
    def file(self, at: int, name: str, old: bool, tracked: bool) -> None:  # noqa: FBT001 - drawn
        """Write a file that is as old as some of the rules want; some are tracked."""
        path = self.free(at, name)
        if path:
            self.number += 1
            path.write_text(f"{self.number} {name}".encode("utf-8", "backslashreplace").decode())
            if old:
                os.utime(path, (time.time() - OLD + self.number,) * 2)
            if tracked:
                self.track(path)

    @rule(at=_places, lines=st.lists(st.sampled_from(IGNORED), min_size=1, max_size=4))
    def ignore(self, at: int, lines: list[str]) -> None:
        """Let git ignore something from some level on."""
        path = self.free(at, ".gitignore")
        if path:
            path.write_text("\n".join(lines) + "\n")

    @rule(at=_places, name=st.sampled_from(("build", "link.bak", "pkg", "x.log")), to=st.sampled_from(("../outside", "..", "nowhere", ".")))
    def link(self, at: int, name: str, to: str) -> None:
        """Make a link that leads outside, in a circle, or nowhere."""
        path = self.free(at, name)
        if path:
            path.symlink_to(self.scratch / "outside" if to == "../outside" else to)

    @rule(at=_places, name=st.sampled_from(("pipe", "pipe.bak")))
    def pipe(self, at: int, name: str) -> None:
        """Make a pipe, which blocks whoever reads it."""
        path = self.free(at, name)
        if path:
            os.mkfifo(path)

    @rule(at=_places, name=st.sampled_from(("twin.bak", "twin.md", "b.pyc")))
    def hard_link(self, at: int, name: str) -> None:
        """Give a file a second name."""
        path = self.free(at, name)
        source = next((file for folder in self.folders if folder.is_dir() for file in folder.iterdir() if file.is_file()), None)
        if path and source and not source.is_symlink():
            os.link(source, path)

    @rule(at=_places)
    def environment(self, at: int) -> None:
        """Make a folder a virtual environment, whatever its name."""
        folder = self.place(at)
        if folder != self.root:
            (folder / "pyvenv.cfg").write_text("home = /usr\n")

    @rule(at=_places, how=st.sampled_from(("repository", "worktree", "submodule")))
    def nested(self, at: int, how: str) -> None:
        """Put a repository, a worktree or a submodule into the tree."""
        path = self.free(at, "nested")
        if not path:
            return
        path.mkdir()
        (path / "build").mkdir()
        (path / "build/work.bak").write_text("not pushed")
        if how == "repository":
            shutil.copytree(template(), path / ".git")
        else:
            (path / ".git").write_text(f"gitdir: {self.root}/.git/modules/nested\n")
        if how == "submodule" and not any(str(parent.relative_to(self.root)) in self.tracked for parent in self.above(path)):
            self.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{path.relative_to(self.root)}")

    @rule(at=_places)
    def read_only(self, at: int) -> None:
        """Let nobody write to a folder."""
        folder = self.place(at)
        if folder != self.root:
            folder.chmod(0o500)

    @rule(everything=st.booleans())
    @precondition(lambda self: len(self.folders) > 1 or self.number)
    def clean(self, everything: bool) -> None:  # noqa: FBT001 - drawn
        """Draw, carry out, take back; look at the tree after each."""
        before, listed = snapshot(self.root, leave=(".gate",)), self.git("ls-files", "-z", "--stage")
        drawn = sweep.draw(SWEEP, self.root, everything=everything)
        assert snapshot(self.root, leave=(".gate",)) == before, "drawing is dry"
        planned = {change.path: change for change in drawn if change.act in {"remove", "trash"}}
        known = {os.fsdecode(path) for path in before}
        self.assert_allowed(planned, known)
        with Journal.begin(self.root, "clean", "") as journal:
            done = sweep.carry_out(drawn, journal)
        after = snapshot(self.root, leave=(".gate",))
        self.assert_as_planned(done, before, after)
        assert self.git("ls-files", "-z", "--stage") == listed, "the index is as it was"
        assert snapshot(self.scratch / "outside") == self.outside, "what lies outside is as it was"
        removed = {path for change in done if change.act in {"remove", "removed"} for path in self.covered(change, before)}
        if runs(self.root) and runs(self.root)[-1].state != "undone":
            undo(self.root)
        again = snapshot(self.root, leave=(".gate",))
        assert {path: found for path, found in before.items() if path not in removed} == {
            path: found for path, found in again.items() if path not in removed
        }, "undo brings back all that was kept"

    def assert_allowed(self, planned: dict[str, Change], known: set[str]) -> None:
        """Nothing that is planned is tracked, protected, foreign or unknown to git, as told by another way than the gate's."""
        ignored = self.ignored([path for change in planned.values() for path in _paths(change, known)])
        for change in planned.values():
            for path in _paths(change, known):
                parts = path.split("/")
                assert path not in self.tracked, f"{path} is tracked"
                assert not GUARDED.intersection(parts), f"{path} is protected"
                assert "precious" not in parts, f"{path} is protected"
                assert not FOREIGN.intersection(parts), f"{path} is foreign"
                assert not any(self.is_foreign(folder) for folder in self.above(self.root / path)), f"{path} is in what is foreign"
                assert change.act == "trash" or path in ignored, f"{path} may be work"
                old = (self.root / path).is_dir() or self.age(path) > 14 * 86_400
                assert change.kind != "logs" or old, f"{path} is young"  # in a cache or build folder it goes with that, whatever its age

    def assert_as_planned(self, done: tuple[Change, ...], before: Snapshot, after: Snapshot) -> None:
        """See that what is gone is what was planned and done, and all else as it was."""
        gone = before.keys() - after.keys()
        assert after.keys() <= before.keys(), "something was added"
        assert {path: before[path] for path in after} == after, "what stays is as it was"
        planned = {path for change in done if change.act in {"remove", "removed", "trashed"} for path in self.covered(change, before)}
        finished = {path for change in done if change.act in {"removed", "trashed"} for path in self.covered(change, before)}
        assert finished <= gone <= planned, "what is gone was planned"
        assert not any(change.act in {"remove", "trash"} for change in done) or os.geteuid(), "only a read-only folder stops a planned act"

    def covered(self, change: Change, tree: Snapshot) -> set[bytes]:
        """Return every path that a change takes."""
        top = os.fsencode(change.path)
        return {path for path in tree if path == top or path.startswith(top + b"/")}

    def above(self, path: Path) -> Iterator[Path]:
        """Yield a path and the folders above it, below the root."""
        while path != self.root:
            yield path
            path = path.parent

    def is_foreign(self, folder: Path) -> bool:
        """Tell whether a folder is an environment or another repository."""
        return not folder.is_symlink() and ((folder / "pyvenv.cfg").exists() or os.path.lexists(folder / ".git"))

    def age(self, path: str) -> float:
        """Return how long ago a file was written, in seconds."""
        return time.time() - (self.root / path).lstat().st_mtime

    def track(self, path: Path) -> None:
        """Let git track a file, however ignored it is, where git can."""
        inside = next((folder for folder in self.above(path.parent) if self.is_foreign(folder) or folder.is_symlink()), None)
        if inside is None and self.git("update-index", "--add", "-z", "--stdin", text=os.fsencode(path.relative_to(self.root))) is not None:
            self.tracked.add(str(path.relative_to(self.root)))

    def ignored(self, paths: list[str]) -> set[str]:
        """Ask git itself, path by path in one call, what it ignores."""
        told = self.git("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", "--no-empty-directory") or b""
        listed = {os.fsdecode(path) for path in told.split(b"\0") if path}
        whole = tuple(path for path in listed if path.endswith("/"))
        check = self.git("check-ignore", "-z", "--stdin", text=b"\0".join(os.fsencode(f"./{path}") for path in paths), fine=(0, 1)) or b""
        asked = {os.fsdecode(path).removeprefix("./") for path in check.split(b"\0")}
        return {path for path in paths if path in listed or path in asked or path.startswith(whole)}

    def git(self, *words: str, text: bytes = b"", fine: tuple[int, ...] = (0,)) -> bytes | None:
        """Run git; return what it printed, or None when it refused."""
        ran = subprocess.run(["git", *words], cwd=self.root, input=text, capture_output=True, check=False)
        return ran.stdout if ran.returncode in fine else None


def _paths(change: Change, known: set[str]) -> list[str]:
    """Return the paths that a change takes, as they are in the tree."""
    return [path for path in known if path == change.path or path.startswith(f"{change.path}/")]
