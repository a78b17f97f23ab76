"""What a repository is at one moment, and the plan that was drawn for it: frozen, plain data, nothing that acts."""

from dataclasses import dataclass

from gate.facts import Change, Diagnostic
from gate.facts.work import Step


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """How many files, and what they weigh."""

    count: int = 0
    size: int = 0  # bytes, as each file says; a link weighs its own


@dataclass(frozen=True, kw_only=True, slots=True)
class Weight:
    """One path and what it weighs."""

    path: str  # a folder ends with /
    count: int  # files in it
    size: int  # bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Dirty:
    """One path that differs from the last commit; one that is staged and changed again is told twice."""

    path: str
    kind: str  # conflicted, staged, renamed, changed, untracked
    was: str = ""  # the old name of what was renamed


@dataclass(frozen=True, kw_only=True, slots=True)
class Submodule:
    """One submodule as the index names it."""

    path: str
    commit: str
    state: str  # "clean", "holds uncommitted work", "at another commit", "not there"


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """What one file says is still to do."""

    path: str
    todo: int
    fixme: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """What git says about the work tree."""

    commit: str  # HEAD, "" before the first commit
    branch: str  # "" when HEAD is detached
    upstream: str  # "" when there is none
    ahead: int | None  # commits that the upstream lacks; None where the upstream is gone or was never there
    behind: int | None
    busy: tuple[str, ...]  # merge, rebase, am, cherry-pick, revert, bisect
    dirty: tuple[Dirty, ...]
    ignored: frozenset[str]  # files, and folders with / at their end, everything in which is ignored but what is tracked
    tracked: frozenset[str]  # links of submodules left out
    submodules: tuple[Submodule, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """One repository at one moment; .git and .gate are counted nowhere."""

    status: Status
    tracked: Amount  # as the index counts; bytes of what is there
    untracked: Amount  # and not ignored
    ignored: Amount
    nested: tuple[str, ...]  # other repositories and work trees; not entered, but for bare ones
    lfs: tuple[str, ...]  # tracked paths with filter=lfs
    pointers: tuple[str, ...]  # files that are Git LFS pointers and not what they point to
    large: tuple[Weight, ...]  # files that a commit would hold, heaviest first
    heaviest: tuple[Weight, ...]  # what is neither tracked nor ignored, by its topmost folder, heaviest first
    marks: tuple[Marks, ...]
    documents: tuple[Weight, ...]  # by folder
    unread: tuple[Diagnostic, ...]  # what was not looked into, and why
    odd: tuple[str, ...]  # names that are not UTF-8


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What every phase would do, drawn for one tree."""

    tree: str  # tree id, "" when it has none
    trouble: str  # why it has none
    id: str  # by which it is carried out, "" when it cannot be
    state: State
    steps: tuple[Step, ...]
    changes: dict[str, tuple[Change, ...]]  # by phase
    refused: tuple[str, ...]  # what would have been changed, and why it is not
    duplicates: tuple[Diagnostic, ...]
