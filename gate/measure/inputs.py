"""What the measured children of one case read: gathered from their notes, and hashed."""

import os
import site
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from gate.facts import Inputs
from gate.measure.hashes import Hashes
from gate.measure.seeds import asks_about_files, seeded_by_clock
from gate.probe import inputs as notes
from gate.repo import worktree

_HERE = str(Path(__file__).parents[1])
_SYSTEM = ("/proc/", "/sys/", "/dev/", "/usr/", "/lib/", "/lib64/")
_SEEN: ContextVar["Seen | None"] = ContextVar("seen", default=None)


@contextmanager
def gathering(root: Path) -> Iterator["Seen"]:
    """Let every child that this thread starts meanwhile, and whatever it forks, note what it reads."""
    with tempfile.TemporaryDirectory(prefix="gate-", ignore_cleanup_errors=True) as scratch:
        seen = Seen(root, Path(scratch))
        before = _SEEN.set(seen)
        try:
            yield seen
        finally:
            _SEEN.reset(before)


def wanted() -> dict[str, object]:
    """Return what a request tells a child that is to note what it reads: nothing when nobody gathers."""
    seen = _SEEN.get()
    return {"notes": str(seen.log), "skip": [*_installed(), f"{seen.log.parent}/"]} if seen else {}


class Seen:
    """What the children of one case noted."""

    def __init__(self, root: Path, scratch: Path) -> None:
        """Begin before the first child does."""
        self.root, self.log = root, scratch / "notes"
        self.began = time.time_ns()
        self.read: set[str] = set()
        self.listed: set[str] = set()
        self.never = ""
        self.is_blind = False  # something opens files that nobody sees

    def inputs(self) -> Inputs:
        """Hash everything that was read, as it is now; what changed since the first child began cannot be told, and is never reused."""
        self._take_notes()
        listed = self.listed | {str(folder) for path in self.read for folder in Path(path).parents if folder.is_relative_to(self.root)}
        never = self.never or self._odd() or self._seeded()
        if never:
            return Inputs(never=never)
        hashes = Hashes(self.root)
        return Inputs(
            tree=hashes.names(times=self.is_blind) if self.is_blind or self._asks() else "",
            beside=self._beside(),
            files={name: hashes.file(name) for name in sorted(map(self._short, self.read))},
            folders={name: hashes.folder(name) for name in sorted(map(self._short, listed))},
        )

    def _take_notes(self) -> None:
        """Take over what was noted; what a child made anew before anybody read it is its own."""
        made: set[str] = set()
        for note in self.log.read_bytes().split(b"\0") if self.log.exists() else ():
            kind, text = note[:1].decode(), os.path.normpath(os.fsdecode(note[1:]))
            if kind == notes.NEVER:
                self.never = self.never or os.fsdecode(note[1:])
            elif kind == notes.SILENT:
                self.is_blind = True
            elif kind == notes.LISTED:
                self.listed.add(text)
            elif kind == notes.MADE and text not in self.read:
                made.add(text)
            elif kind == notes.READ and text not in made:
                self.read.add(text)

    def _short(self, path: str) -> str:
        """Name a path below the root."""
        return os.path.relpath(path, self.root) if Path(path).is_relative_to(self.root) else path

    def _odd(self) -> str:
        """Say which file cannot be hashed as it was read."""
        for path in sorted(self.read):
            if os.path.lexists(path) and not Path(path).is_file():
                return f"it opens {self._short(path)}, which is no file"
            if os.path.lexists(path) and Path(path).stat().st_mtime_ns >= self.began:
                return f"{self._short(path)} changed while it was measured"
        return ""

    def _beside(self) -> tuple[str, ...]:
        """Return what was read below the root and is there, though git ignores it."""
        names = [self._short(path) for path in self.read if Path(path).is_relative_to(self.root) and Path(path).exists()]
        return tuple(sorted(worktree.ignored(self.root, names)))

    def _asks(self) -> bool:
        """Tell whether code that was read may ask about files that it does not open: nobody sees which."""
        return any(path.endswith(".py") and Path(path).is_file() and asks_about_files(Path(path).read_bytes()) for path in self.read)

    def _seeded(self) -> str:
        """Say which line of what was read below the root takes its chance from a clock."""
        for path in sorted(self.read):
            if path.endswith(".py") and Path(path).is_relative_to(self.root) and Path(path).is_file():
                line = seeded_by_clock(Path(path).read_bytes())
                if line:
                    return f"{self._short(path)}:{line} seeds from a clock or from chance"
        return ""


def _installed() -> list[str]:
    """Return the folders that belong to the interpreter and what is installed in it, which evidence names by their versions."""
    found = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found |= {*site.getsitepackages(), site.getusersitepackages()}
    found |= {path for path in sys.path if path.endswith(("site-packages", "dist-packages"))}
    return [*(f"{os.path.normpath(path)}/" for path in sorted(found) if path), f"{_HERE}/", *_SYSTEM]
