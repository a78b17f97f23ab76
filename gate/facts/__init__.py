"""The records that travel between the rooms: frozen, plain data, nothing that acts."""

from dataclasses import dataclass, field
from enum import StrEnum

from gate.facts.work import Phase


class Outcome(StrEnum):
    """What became of one check."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    INCONCLUSIVE = "INCONCLUSIVE"
    SKIPPED = "SKIPPED"
    BROKEN = "BROKEN"


class Mode(StrEnum):
    """Whether tools may change the tree (fix) or only report (check)."""

    FIX = "fix"
    CHECK = "check"


# --- what is found --------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One file or folder as it was when the plan was drawn."""

    path: str
    device: int
    inode: int
    folder: bool
    size: int = -1  # bytes of a file, -1 where it does not matter whether it was written since
    written: int = 0  # when, in nanoseconds since the epoch


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One path that a tidying room would change, or changed, or left."""

    path: str
    kind: str
    size: int  # bytes
    act: str  # "remove" and "trash" before, "removed" and "trashed" after; "kept"; "restored" and "gone" of an undo; "rewritten"
    reason: str
    rule: str = ""  # the pattern that matched
    ignored: str = ""  # why git ignores it: file:line:pattern
    source: str = ""  # what it can be made again from, where that is one file
    paths: int = 1  # that it stands for: in a bundle, all of one kind
    entries: tuple["Entry", ...] = ()  # every file and folder in it, children first; not recorded


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """One file that goes to another place in the repository."""

    source: str
    target: str
    rule: str  # that takes it there, with policy file and line
    tracked: bool  # git knows it


@dataclass(frozen=True, kw_only=True, slots=True)
class Relink:
    """One destination that is written anew because files move."""

    path: str  # of the document, before anything moves
    line: int
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewrite:
    """One file that gets other bytes."""

    path: str  # after everything has moved
    before: bytes
    after: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Consolidation:
    """Everything that moving documents means, worked out before anything is touched."""

    moves: tuple[Move, ...] = ()
    relinks: tuple[Relink, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    stays: tuple[tuple[str, str], ...] = ()  # what a rule would move: path, why it does not
    dead: tuple["Diagnostic", ...] = ()  # links that lead nowhere already


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnostic:
    """One complaint of a tool about one place."""

    path: str
    line: int
    code: str
    message: str
    scope: str = ""  # "Class.method" of a Python file, as its syntax tree has it; "" for the file itself
    shape: str = ""  # what tells this scope from others, alike for scopes that are alike


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Readings of one meter over agents or steps."""

    meter: str  # heap, rss (RssAnon + RssShmem), fds, threads, children
    unit: str  # what the readings count: "B" or ""
    over: str  # what the counts count: "agents" or "steps"
    counts: tuple[int, ...]
    values: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hotspot:
    """One line of code that holds on to memory."""

    path: str
    line: int
    text: str
    size: float  # bytes per agent or per step
    count: float  # blocks per agent or per step
    trace: tuple[str, ...] = ()  # "path:line" of the calls that led to most of it, most recent call last


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeSize:
    """One type and what its new instances weigh."""

    name: str
    count: float  # per agent or per step
    size: float  # bytes per agent or per step


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """One container that got longer while it was watched."""

    path: str  # from a module or an agent: "pkg.registry.AGENTS['a7'].history"
    kind: str  # its type
    items: int  # at the end
    gained: float  # items per step
    size: float  # bytes per step: of its own and of what its entries refer to at first hand; of a weighed agent, bytes that it holds there
    bound: int  # items that it may hold as it declares, 0 when it declares none


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part of what an agent weighs; all parts add up to the footprint."""

    name: str  # private, shared, framework, unexplained
    size: float  # bytes per agent


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """What one agent weighs when something is done about it, and with everything that comes before it done too."""

    does: str  # "" for nothing: as agents are
    leaves: float  # bytes per agent
    tried: bool  # measured on live agents, else predicted


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How far a watch is to go before it is judged again."""

    steps: int  # of each agent, in all
    seconds: float  # of work, in all


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What measuring one step gave; decides nothing."""

    wall: float = 0.0  # seconds
    cpu: float = 0.0  # seconds, of the children
    diagnostics: tuple[Diagnostic, ...] = ()
    scopes: tuple[str, ...] = ()  # those that known debts are in and that are still there, as "path:Class.method"
    counts: dict[str, int] = field(default_factory=dict)  # tests passed, links read, …
    changes: tuple[Change, ...] = ()
    beside: tuple[str, ...] = ()  # code that it loaded below the repository and that git ignores: no commit holds it
    series: tuple[Series, ...] = ()
    hotspots: tuple[Hotspot, ...] = ()
    types: tuple[TypeSize, ...] = ()
    holders: tuple[Holder, ...] = ()
    parts: tuple[Part, ...] = ()
    remedies: tuple[Remedy, ...] = ()  # as agents are, then what is advised, the one that saves most first
    start: tuple[int, ...] = ()  # bytes of heap before any step, steps before the first window, bytes of heap then
    ended: str = ""  # what ended the watch early: time, memory, handles
    samples: int = 0  # fresh children that answered
    thinned: int = 0  # readings that stood in series which were left out: of a record in a bundle
    pins: dict[str, str] = field(default_factory=dict)  # what makes readings exact: value or what is missing
    versions: dict[str, str] = field(default_factory=dict)  # as reported by what ran
    trouble: str = ""  # why the gate could not measure: BROKEN
    absent: str = ""  # why there was nothing to measure with: SKIPPED
    failed: bool = False  # a tool's own word that something is wrong


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing that is amiss around the gate, and what to do about it."""

    place: str
    found: str
    act: str  # a command, or a sentence


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A slope with its interval."""

    value: float
    low: float
    high: float
    points: int  # how many readings it rests on


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The outcome of one check, with what a reader needs to believe and to act."""

    outcome: Outcome
    headline: str
    details: tuple[str, ...] = ()
    next_act: str = ""
    estimate: Estimate | None = None
    unit: str = ""
    waived: str = ""  # until when, by whom and why; of the day on which it is told, and never recorded


# --- what lasts -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """What a check read: evidence of it holds wherever all of this is the same."""

    tree: str = ""  # digest of all that it may have read, where nobody saw what; of a case that asks about files: of their names and sizes
    files: dict[str, str] = field(default_factory=dict)  # path below the root, or absolute -> sha256; "" when it was not there
    folders: dict[str, str] = field(default_factory=dict)  # likewise -> sha256 over the names in it
    beside: tuple[str, ...] = ()  # those of the files below the repository that git ignores: no commit holds them
    never: str = ""  # why this evidence speaks of one run only


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where reused evidence was measured."""

    tree: str
    policy: str
    commit: str
    digest: str  # of that record


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The recorded result of one check on one tree."""

    check: str
    phase: Phase
    tree: str  # tree id
    policy: str  # hash of the policies in force
    commit: str  # HEAD when it was taken
    taken: str  # when it was measured: ISO 8601, UTC
    command: str
    mode: Mode
    finding: Finding
    reading: Reading
    environment: dict[str, str] = field(default_factory=dict)
    key: str = ""  # sha256 over what decides beside the inputs: its step, the gate, the environment, declared variables
    inputs: Inputs = field(default_factory=Inputs)
    origin: Origin | None = None  # None: measured on this very tree
