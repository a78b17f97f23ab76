"""What speaks against taking a path: what git tracks, what the policy protects, what is young, live or held by another process."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pathspec import GitIgnoreSpec

from gate.facts import Entry
from gate.pages.globs import Names, names_of
from gate.tidy.openfiles import Held
from gate.tidy.scan import BYTECODE, CACHE, Seen
from gate.units import show_age

# Configuration and secrets that patterns of caches and backups like to take along.
CONFIGURATION = (
    ".coveragerc",
    ".env",
    ".env.*",
    ".envrc",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".python-version",
    ".tool-versions",
    ".idea/",
    ".vscode/",
)
_NANO = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is known beside what the walk saw."""

    tracked: Sequence[str]  # sorted
    protect: Sequence[str]  # patterns of the policy
    everything: bool  # also what is live
    held: Held
    now: float  # seconds since the epoch
    read: Callable[[str], bytes]  # the first bytes of a small file, b"" when there is none
    _above: dict[str, str] = field(default_factory=dict)

    def tracks(self, path: str) -> bool:
        """Tell whether git tracks a path."""
        at = bisect_left(self.tracked, path)
        return at < len(self.tracked) and self.tracked[at] == path

    def tracks_below(self, folder: str) -> bool:
        """Tell whether git tracks anything in a folder."""
        at = bisect_left(self.tracked, f"{folder}/")
        return at < len(self.tracked) and self.tracked[at].startswith(f"{folder}/")

    def why_kept(self, seen: Seen) -> str:
        """Say what keeps a path, whether git ignores it or not; or return ""."""
        if self.tracks(seen.path):
            return "git tracks it"
        if seen.blocked:
            return seen.blocked
        if seen.folder and self.tracks_below(seen.path):
            return "git tracks files in it"
        return self._guarded(seen) or _only_copy(seen) or self._not_yet(seen) or self._written_to(seen)

    def _guarded(self, seen: Seen) -> str:
        """Ask for names that are protected: above a path, itself, and in it."""
        above = seen.path.rpartition("/")[0]
        why = self._folder_keeps(above) if above else ""
        return why or next((f"the policy protects {entry.path}" for entry in seen.entries if self._guards(entry)), "")

    def _guards(self, entry: Entry) -> bool:
        """Tell whether a path is protected by its name."""
        if not self._names.pass_(entry.path.rpartition("/")[2]):
            return False
        return self._patterns.match_file(f"{entry.path}/" if entry.folder else entry.path)

    def _folder_keeps(self, folder: str) -> str:
        """Say why nothing in a folder may go, or return ""; found out once a folder."""
        if folder not in self._above:
            above = folder.rpartition("/")[0]
            why = self._folder_keeps(above) if above else ""
            if not why and self.tracks(folder):
                why = f"git tracks {folder} as a submodule or a file"
            if not why and self._patterns.match_file(f"{folder}/"):
                why = f"the policy protects {folder}"
            self._above[folder] = why
        return self._above[folder]

    def _not_yet(self, seen: Seen) -> str:
        """Keep what is live, and what is younger than its rule takes."""
        rule = seen.hit.rule
        old = rule.age > 0 and self.now - newest(seen) > rule.age
        if rule.live and not self.everything and not old:
            why = "its source is there" if seen.source else "a cache of the gate's own tools"
            return "" if seen.source and not seen.sourced else f"live: {why}; goes with --all"
        if rule.age and not old and not (rule.live and self.everything):
            return f"written less than {show_age(rule.age)} ago"
        return ""

    def _written_to(self, seen: Seen) -> str:
        """Keep what another process has open for writing."""
        files = self.held.files
        busy = next((entry for entry in seen.entries if (entry.device, entry.inode) in files), None) if files else None
        return f"process {files[busy.device, busy.inode]} has {busy.path} open for writing" if busy else ""

    @cached_property
    def _patterns(self) -> GitIgnoreSpec:
        return GitIgnoreSpec.from_lines((*CONFIGURATION, *self.protect))

    @cached_property
    def _names(self) -> Names:
        return names_of((*CONFIGURATION, *self.protect))


def newest(seen: Seen) -> float:
    """Return when a path, or the newest file in it, was last written, in seconds since the epoch."""
    files = [entry.written for entry in seen.entries if not entry.folder] or [entry.written for entry in seen.entries]
    return max(files) / _NANO


def _only_copy(seen: Seen) -> str:
    """Keep byte code that is no cache: a foreign file in its folder, or the only copy of what somebody has no source of."""
    if seen.path.split("/")[-2:-1] == [CACHE] and not seen.source:
        return "not a name that Python gives its caches"
    if seen.path.endswith(BYTECODE) and seen.source and not seen.sourced and seen.path.split("/")[-2:-1] != [CACHE]:
        return "byte code without its source: the only copy"
    return ""
