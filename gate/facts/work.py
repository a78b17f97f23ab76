"""What the plan hands on: each step and the work in it; frozen, plain data, nothing that acts."""

from dataclasses import dataclass, field
from enum import StrEnum

from gate.units import show_amount


class Phase(StrEnum):
    """The five phases, in their order."""

    PLAN = "plan"
    CLEAN = "clean"
    DOCS = "docs"
    QUALITY = "quality"
    GIT = "git"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A program that judges the tree and exits."""

    name: str  # distribution or program name, for messages
    argv: tuple[str, ...]  # only reads the tree
    fixes: tuple[tuple[str, ...], ...] = ()  # what fix mode runs first, in order
    reads: str = "exit"  # how its answer is parsed: ruff, mypy, pytest, lines, exit
    finds: tuple[int, ...] = (1,)  # exit codes that mean "I found something"
    needs: str = ""  # a program without which the check is skipped
    optional: str = ""  # why the tree is complete although it was skipped for want of that program, or left out
    left: str = ""  # which policy leaves it out, and why: it is not run
    seconds: float = 600.0  # wall clock after which it is stopped
    also: tuple[tuple[str, ...], ...] = ()  # read alike, behind argv
    covers: tuple[str, ...] = ()  # paths whose code must run in it: pytest
    imports: tuple[str, ...] = ()  # paths of which it must load some module: pytest
    stream: bool = False  # its output is the user's to watch
    version: tuple[str, ...] = ()  # what prints its version


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One kind of artefact that the sweep knows."""

    kind: str
    match: tuple[str, ...] = ()  # gitwildmatch patterns on paths below the root; a trailing / takes folders, no other takes them
    empty: bool = False  # folders that hold nothing
    tool: str = ""  # npm, pip, uv: whose cache it is, cleaned by its own command
    regenerable: bool = False  # removed at once, else moved to the trash
    live: bool = False  # kept by default because a tool of the gate still uses it
    age: float = 0.0  # seconds since it was last written after which it goes
    keep: int = 0  # newest that stay


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """Everything that one clean-up may take."""

    rules: tuple[Rule, ...]
    protect: tuple[str, ...] = ()  # gitwildmatch patterns that no rule may take


@dataclass(frozen=True, kw_only=True, slots=True)
class Filing:
    """One reason for which a document belongs in a destination."""

    by: str  # path, name, front_matter, heading, assets
    pattern: str
    key: str = ""  # of the front matter
    place: str = ""  # policy file and line


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """One folder and what belongs there."""

    folder: str
    filings: tuple[Filing, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Documents:
    """Which documents are read and where they may lie."""

    match: tuple[str, ...]
    leave: tuple[str, ...]
    root: tuple[str, ...]  # names that may stay at the root of the repository
    home: str  # where others at the root belong when no destination takes them
    destinations: tuple[Destination, ...] = ()  # the first one that takes a document has it
    still: tuple[str, ...] = ()  # files and folders that are read and never move: what the gate records


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """The generated list of documents below the folder of one file."""

    path: str  # the file
    match: tuple[str, ...]
    leave: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicates:
    """Which documents are compared, and when two of them count as near-identical."""

    match: tuple[str, ...]
    leave: tuple[str, ...]
    threshold: float  # shared of all five-word shingles of two documents, 0 to 1
    fails: bool = False  # duplicates are a failure, not only information


@dataclass(frozen=True, kw_only=True, slots=True)
class Learning:
    """One thing that a task taught, as AGENTS.md keeps it."""

    text: str
    date: str  # ISO 8601
    task: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What one question may use; a child that takes more is stopped."""

    seconds: float  # wall clock of one child
    cpu: float  # seconds of work of all children together
    memory: int  # bytes of address space of one child
    output: int  # bytes printed


@dataclass(frozen=True, kw_only=True, slots=True)
class Slack:
    """How much worse than on the base a quantity may be."""

    amount: float = 0.0  # in the unit of the limit
    share: float = 0.0  # of what the base has


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """The most that a quantity may be."""

    most: float  # bytes per agent, bytes per step, call or cycle, or handles per step, call or cycle
    resolution: float  # the smallest steady growth that counts when `most` is 0
    unit: str  # "B/agent", "B/step", "/step", "B/call", "B/cycle", …
    alpha: float = 0.001  # the most that noise alone may fail a watch, over all its looks
    meter: str = ""  # the one meter that the limit is about; "" lets the larger of heap and rss decide: footprint
    because: str = ""
    place: str = ""  # policy file and line
    slack: Slack | None = None  # None: nothing is demanded of a comparison with the base
    shared: bool = False  # several questions have it, and only all of them can tell whether it is dead
    ample: bool = False  # that it is dead is told, and fails nothing

    @property
    def bar(self) -> float:
        """Return the growth that must be exceeded to be a leak."""
        return self.most or self.resolution


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """The user's code that a question is about."""

    step: str  # module:callable, or path.py:callable: (agent) -> None, or of a population (model) -> None
    build: str = ""  # likewise: (index) -> agent, of a population (count) -> (model, agents), of a call () -> context
    form: str = "agents"  # agents, population, call; alike: agents whose build takes no index
    given: dict[str, object] = field(default_factory=dict)  # keyword arguments of build


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One question about one agent case."""

    case: str
    name: str  # footprint, peak, growth, churn, handles
    subject: Subject
    limit: Limit
    budget: Budget
    sizes: tuple[int, ...]  # live agents per child, () for as many as their weight suggests: footprint
    settle: int  # steps each agent takes before it is weighed or watched
    population: int  # live agents while steps are counted
    steps: int  # fewest steps that are watched before anything passes
    weight: float = 0.0  # bytes that one agent may weigh, 0 when no limit says so: growth

    @property
    def moved(self) -> int:
        """Return how many agents take each step, by which what is gained is divided: a cycle is one agent's, however many live."""
        return 1 if self.churns else self.population

    @property
    def churns(self) -> bool:
        """Tell whether agents come and go instead of living on."""
        return self.limit.unit.endswith("/cycle")


Work = Tool | Sweep | Documents | Index | Duplicates | Question


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiver:
    """One exception: who lives with what, why, and until when."""

    check: str  # a check, or a pattern such as memory/*/handles
    match: str  # what a complaint must contain to be covered, "" for any
    reason: str
    owner: str
    expires: str  # ISO day: the last on which it holds
    place: str = ""  # policy file and line


@dataclass(frozen=True, kw_only=True, slots=True)
class Debt:
    """One known finding, or several that are alike: they may become fewer, never more."""

    check: str
    rule: str = ""
    scope: str = ""  # "path:Class.method" or "path"
    message: str = ""  # without what changes by itself, such as the numbers of lines
    count: int = 1
    most: float | None = None  # the most that is known of what such a finding measures
    unit: str = ""  # of that: "B/agent", "/step", …; "" of a plain number
    shape: str = ""  # of its scope, by which that is known again in another file
    reason: str = ""
    owner: str = ""
    expires: str = ""  # ISO day: the last on which it is known; "" for as long as it is there
    place: str = ""  # policy file and line

    @property
    def words(self) -> str:
        """Name it as a person finds it again."""
        what = " ".join(filter(None, [self.check, self.rule, self.scope])) + (f": {self.message}" if self.message else "")
        most = f", at most {show_amount(self.most, self.unit)}" if self.most is not None else ""
        until = f", until {self.expires} by {self.owner}: {self.reason}" if self.expires else ""
        return f"{what}{most}{f' ({self.count} times)' if self.count > 1 else ''}{until}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing the plan will do."""

    check: str  # for example "lint" or "memory/belief/growth"
    phase: Phase
    does: str  # one sentence
    command: str  # what a person types to do just this again
    work: Work
    reuse: bool = True  # its evidence may be reused while nothing that it reads changed
    environ: tuple[str, ...] = ()  # environment variables that it reads
    debts: tuple[Debt, ...] = ()  # what is known of it and tolerated

    @property
    def keeps(self) -> bool:
        """Tell whether it tells each finding so exactly that one can be known again; whatever else it finds is waived as a whole."""
        tells = isinstance(self.work, Tool) and self.work.reads in {"ruff", "mypy", "lines"}
        return tells or isinstance(self.work, Documents | Question)
