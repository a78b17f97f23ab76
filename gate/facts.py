"""The records that travel between the rooms: frozen, plain data, nothing that acts."""

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What became of one check."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    INCONCLUSIVE = "INCONCLUSIVE"
    SKIPPED = "SKIPPED"
    BROKEN = "BROKEN"


class Phase(StrEnum):
    """The five phases, in their order."""

    PLAN = "plan"
    CLEAN = "clean"
    DOCS = "docs"
    QUALITY = "quality"
    GIT = "git"


class Mode(StrEnum):
    """Whether tools may change the tree (fix) or only report (check)."""

    FIX = "fix"
    CHECK = "check"


# --- what a step works on -------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A program that judges the tree and exits."""

    name: str  # distribution or program name, for messages
    argv: tuple[str, ...]  # only reads the tree
    fixes: tuple[tuple[str, ...], ...] = ()  # what fix mode runs first, in order
    reads: str = "exit"  # how its answer is parsed: ruff, mypy, pytest, exit
    finds: tuple[int, ...] = (1,)  # exit codes that mean "I found something"
    needs: str = ""  # a program without which the check is skipped
    seconds: float = 600.0  # wall clock after which it is stopped
    stream: bool = False  # its output is the user's to watch


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One kind of artefact that the sweep knows."""

    kind: str
    match: tuple[str, ...]  # gitwildmatch patterns on paths below the root
    live: bool = False  # kept by default because a tool of the gate still uses it


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """Everything that one clean-up may take."""

    rules: tuple[Rule, ...]
    protect: tuple[str, ...] = ()  # gitwildmatch patterns that no rule may take


@dataclass(frozen=True, kw_only=True, slots=True)
class Documents:
    """Which documents are read and where they may lie."""

    match: tuple[str, ...]
    leave: tuple[str, ...]
    root: tuple[str, ...]  # names that may stay at the root of the repository
    home: str  # where all others belong


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What one measured child may use before it is stopped."""

    seconds: float  # wall clock
    memory: int  # bytes of address space
    output: int  # bytes printed


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """The most that a quantity may be."""

    most: float  # bytes per agent, bytes per step or handles per step
    resolution: float  # the smallest steady growth that counts when `most` is 0
    unit: str  # "B", "B/step", "/step"
    because: str = ""
    place: str = ""  # policy file and line


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One question about one agent case."""

    case: str
    name: str  # footprint, growth, handles
    build: str  # module:callable, (index) -> agent
    step: str  # module:callable, (agent) -> None
    limit: Limit
    budget: Budget
    sizes: tuple[int, ...]  # live agents per child: footprint
    settle: int  # steps each agent takes before it is weighed or watched
    population: int  # live agents while steps are counted
    steps: int  # steps per agent: growth, handles
    weight: float = 0.0  # bytes that one agent may weigh, 0 when no limit says so: growth


Work = Tool | Sweep | Documents | Question


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing the plan will do."""

    check: str  # for example "lint" or "memory/belief/growth"
    phase: Phase
    does: str  # one sentence
    command: str  # what a person types to do just this again
    work: Work


# --- what is found --------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One file or folder as it was when the plan was drawn."""

    path: str
    device: int
    inode: int
    folder: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One path that the sweep would remove, or removed, or kept."""

    path: str
    kind: str
    size: int  # bytes
    act: str  # "remove", "removed", "kept"
    reason: str
    entries: tuple["Entry", ...] = ()  # every file and folder in it, children first; not recorded


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnostic:
    """One complaint of a tool about one place."""

    path: str
    line: int
    code: str
    message: str


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


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeSize:
    """One type and what its new instances weigh."""

    name: str
    count: float  # per agent or per step
    size: float  # bytes per agent or per step


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What measuring one step gave; decides nothing."""

    wall: float = 0.0  # seconds
    cpu: float = 0.0  # seconds, of the children
    diagnostics: tuple[Diagnostic, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)  # tests passed, links read, …
    changes: tuple[Change, ...] = ()
    series: tuple[Series, ...] = ()
    hotspots: tuple[Hotspot, ...] = ()
    types: tuple[TypeSize, ...] = ()
    warm_up: tuple[int, int] = (0, 0)  # steps after `settle` that were not watched, bytes that the population gained in them
    samples: int = 0  # fresh children that answered
    pins: dict[str, str] = field(default_factory=dict)  # what makes readings exact: value or what is missing
    versions: dict[str, str] = field(default_factory=dict)  # as reported by what ran
    trouble: str = ""  # why the gate could not measure: BROKEN
    absent: str = ""  # why there was nothing to measure with: SKIPPED
    failed: bool = False  # a tool's own word that something is wrong


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


# --- what lasts -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The recorded result of one check on one tree."""

    check: str
    phase: Phase
    tree: str  # tree id
    policy: str  # hash of the policies in force
    commit: str  # HEAD when it was taken
    taken: str  # ISO 8601, UTC
    command: str
    mode: Mode
    finding: Finding
    reading: Reading
    environment: dict[str, str] = field(default_factory=dict)


class Standing(StrEnum):
    """Whether a piece of evidence speaks about this tree."""

    HOLDS = "holds"
    STALE = "stale"
    NEVER = "never ran"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One check as the summary sees it."""

    step: Step
    required: bool
    standing: Standing
    evidence: Evidence | None = None
    damage: str = ""  # why a record could not be read


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Everything that is known about one tree."""

    tree: str
    policy: str
    commit: str
    branch: str
    rows: tuple[Row, ...]
    missing: tuple[str, ...]  # what still separates this tree from COMPLETED, worst first

    @property
    def completed(self) -> bool:
        """Tell whether every required check passed on this tree."""
        return not self.missing
