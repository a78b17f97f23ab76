"""What a summary is made of: each check with where it stands, the verdict over all of them, and what they are compared with."""

from dataclasses import dataclass, field
from enum import StrEnum

from gate.facts import Diagnostic, Estimate, Evidence, Finding, Outcome, Reading
from gate.facts.work import Debt, Phase, Step, Tool, Waiver


class Standing(StrEnum):
    """Whether a piece of evidence speaks about this tree."""

    HOLDS = "holds"
    STALE = "stale"
    OLD = "too old"  # measured longer ago than the policy lets it be used again
    NEVER = "never ran"


class Counted(StrEnum):
    """The one class in which a check is counted, the worst first."""

    BROKEN = "broken"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    MISSING = "missing"
    STALE = "stale"
    OLD = "too old"
    SKIPPED = "skipped"
    WAIVED = "waived"
    PASSED = "passed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where something lies that was found."""

    path: str  # below the root
    line: int
    text: str = ""  # of that line, "" when it was not noted
    code: str = ""  # of the rule
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Complaint:
    """One finding as it is known again: wherever it stands in its scope, and however the code is laid out."""

    check: str
    rule: str
    scope: str  # "path:Class.method" or "path"
    message: str  # normalised
    line: str = ""  # as a person reads it, with the line it stands on
    found: Diagnostic | None = None  # None: of a memory question
    amount: float | None = None  # what it measures
    unit: str = ""
    shape: str = ""

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """Return by what it is known again; how many are alike is counted."""
        return self.check, self.rule, self.scope, self.message


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratchet:
    """What was found, set against what is known."""

    new: tuple[Complaint, ...] = ()
    known: tuple[tuple[Complaint, Debt], ...] = ()
    fixed: tuple[Debt, ...] = ()  # what is known and was not found any more, counted
    lapsed: tuple[Debt, ...] = ()  # what would cover something new, if its day had not passed
    exceeded: tuple[Debt, ...] = ()  # what is known of something new that measures more


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One check as the summary sees it."""

    step: Step
    standing: Standing
    evidence: Evidence | None = None  # with what was found as it counts, without what is known
    raw: Evidence | None = None  # as recorded, where that is not the same
    ratchet: Ratchet = Ratchet()
    damage: str = ""  # why a record could not be read
    digest: str = ""  # of the evidence as a bundle holds it
    waivers: tuple[Waiver, ...] = ()  # which together cover what was found
    lapsed: tuple[Waiver, ...] = ()  # which would, if their day had not passed
    asked: bool = True  # False: the task at hand is decided by other checks

    @property
    def counted(self) -> Counted:
        """Return the one class of this check; only evidence that holds counts by its outcome."""
        if self.standing in {Standing.STALE, Standing.OLD} and not self.damage:
            return Counted.STALE if self.standing is Standing.STALE else Counted.OLD
        if self.standing is not Standing.HOLDS or self.evidence is None or self.damage:
            return Counted.MISSING
        return Counted.WAIVED if self.waivers else Counted[self.evidence.finding.outcome]

    @property
    def recorded(self) -> Evidence | None:
        """Return what was recorded, without what is known or waived."""
        return self.raw or self.evidence

    @property
    def stands(self) -> str:
        """Name the outcome on this tree, or why there is none."""
        holds = self.standing is Standing.HOLDS and self.evidence is not None and not self.damage
        return str(self.evidence.finding.outcome if holds and self.evidence else self.standing)

    @property
    def optional(self) -> str:
        """Say why the tree is complete although this check was skipped, or return ""."""
        return self.step.work.optional if self.counted is Counted.SKIPPED and isinstance(self.step.work, Tool) else ""

    @property
    def open(self) -> bool:
        """Tell whether this check still separates the tree from COMPLETED."""
        return self.asked and not (self.counted in {Counted.PASSED, Counted.WAIVED} or self.optional)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What one check found, as it is told to who asked for it."""

    check: str
    finding: Finding
    took: float | str  # seconds, or where it is reused from
    step: Step | None = None  # None: it is reused, and nobody drew the plan
    reading: Reading | None = None  # None likewise, and of what is reused and passed
    evidence: Evidence | None = None  # None likewise, and of what no policy asks for


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Everything that is known about one tree."""

    tree: str
    policy: str
    commit: str
    branch: str
    day: str  # ISO: on which waivers were looked at
    moment: str  # ISO, UTC: when all this was put together
    strict: bool = False  # debts that are fixed and still written down fail
    rows: tuple[Row, ...]
    missing: tuple[str, ...]  # what still separates this tree from COMPLETED, worst first
    idle: tuple[Waiver, ...] = ()  # waivers that cover nothing
    asked: tuple[str, ...] = ()  # checks and patterns of checks that alone decide about the task at hand; () when all do

    @property
    def completed(self) -> bool:
        """Tell whether every required check passed on this tree."""
        return not self.missing

    @property
    def aside(self) -> tuple[str, ...]:
        """Tell how each check stands that decides nothing here."""
        return tuple(f"{row.step.check}: {row.stands}" for row in self.rows if not row.asked)


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """What checks found on another revision, in the same environment and under the same policy."""

    revision: str  # as it was named
    commit: str
    tree: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One memory question on the base and now."""

    step: Step
    base: Row
    now: Row
    says: str  # better, worse, same, cannot tell
    change: float = 0.0  # now less base, in the unit of the limit
    why: str = ""  # what makes it so


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What one memory question is on record with at a commit before this tree."""

    name: str  # of the commit: its tag, or its first letters
    commit: str
    estimate: Estimate


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One check on the base and now."""

    step: Step
    base: Row
    now: Row
    says: str  # better, worse, same, cannot tell
    outcome: Outcome  # what it counts for: FAILED when something is new or worse that nobody lives with
    why: str = ""
    new: tuple[Complaint, ...] = ()  # not found on the base
    accepted: tuple[Complaint, ...] = ()  # likewise, but somebody lives with it
    fixed: tuple[Debt, ...] = ()  # found on the base only
    unchanged: int = 0
    change: float = 0.0  # of a memory question: now less base, in the unit of its limit
    drift: str = ""  # of a memory question: how far it crept since the last tag, in steps that were let pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Every check on the base and now."""

    base: Base
    tree: str  # that is compared with it
    rows: tuple[Difference, ...]
    since: str = ""  # since when drift is looked for: a tag, or so many commits ago


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Everything that a summary is written from."""

    title: str
    verdict: Verdict
    phases: dict[Phase, Evidence | None] = field(default_factory=dict)  # evidence of phases that are no checks
    base: Base | None = None
    compared: tuple[Compared, ...] = ()
    bundle: str = ""  # name of the file beside the summary that holds its evidence
    seal: str = ""  # sha256 of that file


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """What one memory question once measured, here or on another tree."""

    check: str
    tree: str
    commit: str
    taken: str  # ISO 8601, UTC
    outcome: Outcome
    estimate: Estimate
    unit: str
    digest: str  # of the record


@dataclass(frozen=True, kw_only=True, slots=True)
class Dossier:
    """Everything that a report is written from."""

    page: Page
    project: str
    gate: str  # the version that writes it
    past: tuple[Past, ...] = ()  # measurements on record, the oldest first
    advised: tuple[tuple[str, Evidence], ...] = ()  # advice on record for this tree, each with its digest
    lean: bool = False  # it comes from a bundle, which holds no raw samples
