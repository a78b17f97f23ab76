"""A verdict as JSON, for programs, in one shape with a published schema."""

from dataclasses import asdict, dataclass
from typing import Any

from gate import __version__
from gate.facts import Evidence, Outcome
from gate.facts.rows import Counted, Place, Row, Standing, Verdict
from gate.facts.work import Phase, Waiver
from gate.report import places
from gate.report.text import as_json

VERSION = 1  # keys are added without a new one; a key that goes or means something else is a new one


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check."""

    check: str
    phase: Phase
    standing: Standing
    counted: Counted
    digest: str
    waivers: tuple[Waiver, ...]
    debts: int  # findings that are known and tolerated
    optional: str
    command: str
    outcome: Outcome | None  # None: no evidence holds
    places: tuple[Place, ...]
    evidence: Evidence | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Everything that is known about one tree, or about the checks that were asked for."""

    version: int
    gate: str  # the version that wrote it
    completed: bool | None  # None: not every check of the policies was asked for
    exit_code: int
    tree: str
    commit: str
    branch: str
    policy: str
    missing: tuple[str, ...]
    checks: tuple[Check, ...]


def write(verdict: Verdict, code: int, *, whole: bool = True) -> str:
    """Write one JSON object; every row carries its evidence as recorded, or null. Of a part of the checks nothing is COMPLETED."""
    made = Report(
        version=VERSION,
        gate=__version__,
        completed=verdict.completed if whole else None,
        exit_code=code,
        tree=verdict.tree,
        commit=verdict.commit,
        branch=verdict.branch,
        policy=f"sha256:{verdict.policy}",
        missing=verdict.missing,
        checks=tuple(map(_check, verdict.rows)),
    )
    return as_json(asdict(made))


def schema_text() -> str:
    """Return the JSON Schema as it is published in policies/.schema/report.json; a reader must let unknown keys be."""
    from pydantic import TypeAdapter  # noqa: PLC0415 - who only writes a report does not pay for it

    facts: dict[str, Any] = TypeAdapter(Report).json_schema(mode="serialization")
    facts["properties"]["version"] = {"const": VERSION}
    return as_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **facts, "title": "gate report --json"})


def _check(row: Row) -> Check:
    """Tell one check."""
    held = row.evidence if row.standing is Standing.HOLDS else None
    return Check(
        check=row.step.check,
        phase=row.step.phase,
        standing=row.standing,
        counted=row.counted,
        digest=row.digest,
        waivers=row.waivers,
        debts=len(row.ratchet.known),
        optional=row.optional,
        command=row.step.command,
        outcome=held.finding.outcome if held else None,
        places=places.of(row),
        evidence=(row.raw or held) if held else None,
    )
