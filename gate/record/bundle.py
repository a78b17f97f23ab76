"""The evidence bundle: one small JSON beside a committed summary, from which every word of that summary can be written again."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import PurePath
from typing import Any

from pydantic import ConfigDict, TypeAdapter, with_config

from gate.errors import GateError
from gate.facts import Change, Evidence, Inputs, Outcome, Reading
from gate.facts.rows import Page, Row, Standing
from gate.record import ledger

FORMAT = 2  # of bundles and of the text that is written from them: another text is another format
_MOST = 16 * 2**20  # bytes that are read
_COMPLAINTS = 20_000  # that are kept of one check: as many may be known debts, and are judged again
_SUMMARY, _BUNDLE = "-completion-summary", "-evidence.json"


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One check: where it stands, and its evidence without the raw samples."""

    check: str
    standing: Standing
    damage: str = ""
    digest: str = ""  # sha256 over `raw` and `evidence`: what a row of the summary begins with
    raw: str = ""  # sha256 of the whole record, with every sample, as it lies under .gate
    evidence: Evidence | None = None


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """What a summary says that neither the tree nor its policies say."""

    format: int
    gate: str  # the version that wrote it
    title: str
    task: str  # "" when no task is meant
    asked: tuple[str, ...] = ()  # checks and patterns of checks that alone decide about it
    day: str
    moment: str
    strict: bool = False
    commit: str
    branch: str
    tree: str
    policy: str
    environment: dict[str, str]
    checks: tuple[Entry, ...]
    phases: tuple[Entry, ...] = ()
    base: tuple[str, str, str] | None = None  # revision, commit, tree
    before: tuple[Entry, ...] = field(default=())  # of the base


def beside(summary: str) -> str:
    """Name the bundle of a summary.

    >>> beside("20.2-completion-summary.md"), beside("summary.md")
    ('20.2-evidence.json', 'summary-evidence.json')
    """
    return PurePath(summary).stem.removesuffix(_SUMMARY) + _BUNDLE


def digest(evidence: Evidence) -> str:
    """Return the digest by which a summary names evidence."""
    return _sealed(ledger.sealed(evidence), _body(lean(evidence)))


def lean(evidence: Evidence) -> Evidence:
    """Leave out raw samples, explanations of what passed and single paths of a sweep; figures stay."""
    old, bad = evidence.reading, evidence.finding.outcome is not Outcome.PASSED
    reading = Reading(
        wall=old.wall,
        cpu=old.cpu,
        diagnostics=old.diagnostics[:_COMPLAINTS] if bad else (),
        scopes=old.scopes if bad else (),
        changes=_by_kind(old.changes),
        samples=old.samples,
        thinned=old.thinned or sum(len(series.values) for series in old.series),
        pins=old.pins,
        versions=old.versions,
    )
    finding = evidence.finding if bad else replace(evidence.finding, details=(), next_act="")
    return replace(evidence, finding=finding, reading=reading, inputs=Inputs(never=evidence.inputs.never))


def write(page: Page, *, gate: str, task: str, environment: Mapping[str, str]) -> bytes:
    """Return the bytes of the bundle of a page: ASCII, a line for each check."""
    whole, base = page.verdict, page.base
    made = Bundle(
        format=FORMAT,
        gate=gate,
        title=page.title,
        task=task,
        asked=whole.asked,
        day=whole.day,
        moment=whole.moment,
        strict=whole.strict,
        commit=whole.commit,
        branch=whole.branch,
        tree=whole.tree,
        policy=whole.policy,
        environment=dict(environment),
        checks=_entries(whole.rows),
        phases=tuple(_entry(found.check, Standing.HOLDS, found) for found in page.phases.values() if found),
        base=(base.revision, base.commit, base.tree) if base else None,
        before=_entries(base.rows) if base else (),
    )
    body: dict[str, Any] = _adapter().dump_python(made, mode="json", exclude_defaults=True)
    return _laid_out(_factored(body))


def read(raw: bytes) -> Bundle:
    """Read a bundle whose records hash to what they say they do.

    Raises ValueError, with what is wrong, for one that is damaged or was edited, and GateError for one of another format.
    """
    if len(raw) > _MOST:
        message = f"the bundle is larger than {_MOST:,} B"
        raise ValueError(message)
    try:
        body = json.loads(raw)
        known = {"gate": str(body["gate"]), "format": int(body["format"])}
    except (KeyError, TypeError, RecursionError, UnicodeDecodeError, json.JSONDecodeError) as error:
        message = "the bundle is no evidence bundle: it is damaged or was edited"
        raise ValueError(message) from error
    if known["format"] != FORMAT:
        message = f"the bundle is of format {known['format']}, and this gate reads {FORMAT}; verify it with heapgate {known['gate']}"
        raise GateError(message)
    return _checked(body)


_PARTS = ("checks", "phases", "before")
_ALIKE = ("tree", "policy", "commit", "environment", "mode", "phase", "taken")


def _checked(body: dict[str, Any]) -> Bundle:
    """Fill in what records have in common, and compare each with its digest."""
    try:
        common, pins = body.pop("common"), body.pop("pins")
        for record in _records(body):
            record |= {key: value for key, value in common.items() if key not in record}
            if "pins" in record["reading"]:
                record["reading"]["pins"] = pins[record["reading"]["pins"]]
        made = _adapter().validate_python(body)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        message = "the bundle does not hold what a bundle holds: it was edited"
        raise ValueError(message) from error
    for entry in (*made.checks, *made.phases, *made.before):
        if entry.evidence and (entry.digest != _sealed(entry.raw, _body(entry.evidence)) or entry.evidence.check != entry.check):
            message = f"{entry.check}: its record does not hash to {entry.digest[:12]}: it was edited"
            raise ValueError(message)
    return made


def _entries(rows: Iterable[Row]) -> tuple[Entry, ...]:
    """Take the rows over; of what does not hold only that it does not."""
    held = ((row, row.recorded if row.standing is Standing.HOLDS else None) for row in rows)
    return tuple(_entry(row.step.check, row.standing, found, row.damage) for row, found in held)


def _entry(check: str, standing: Standing, found: Evidence | None, damage: str = "") -> Entry:
    if found is None:
        return Entry(check=check, standing=standing, damage=damage)
    return Entry(check=check, standing=standing, damage=damage, digest=digest(found), raw=ledger.sealed(found), evidence=lean(found))


def _by_kind(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Add up what a sweep matched, by kind and act."""
    summed: dict[tuple[str, str], Change] = {}
    for change in changes:
        key = change.kind, change.act
        size, paths = (summed[key].size, summed[key].paths) if key in summed else (0, 0)
        summed[key] = Change(path="", kind=change.kind, size=size + change.size, act=change.act, reason="", paths=paths + change.paths)
    return tuple(summed.values())


def _records(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the evidence of all entries, as JSON has it."""
    return [entry["evidence"] for part in _PARTS for entry in body.get(part, ()) if "evidence" in entry]


def _factored(body: dict[str, Any]) -> dict[str, Any]:
    """Write once what most records say alike, and each set of pins."""
    records, pins = _records(body), []
    common: dict[str, Any] = {}
    for key in _ALIKE:
        said = Counter(_compact(record[key]) for record in records if key in record)
        if said.total() == len(records) > 0:
            common[key] = json.loads(said.most_common(1)[0][0])
    for record in records:
        for key, value in common.items():
            if record[key] == value:
                del record[key]
        held = record["reading"].get("pins")
        if held:
            pins += [held] if held not in pins else []
            record["reading"]["pins"] = pins.index(held)
    return {**body, "common": common, "pins": pins}


def _laid_out(body: dict[str, Any]) -> bytes:
    """Write one line for each key, and for each check."""
    lines = []
    for key, value in body.items():
        rows = ",\n".join(map(_compact, value)) if key in _PARTS else ""
        lines.append(f"{json.dumps(key)}: " + (f"[\n{rows}\n]" if rows else _compact(value)))
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")


def _sealed(raw: str, body: object) -> str:
    return hashlib.sha256(_compact({"evidence": body, "raw": raw}, order=True).encode()).hexdigest()


def _compact(body: object, *, order: bool = False) -> str:
    return json.dumps(body, sort_keys=order, separators=(",", ":"))


def _body(evidence: Evidence) -> object:
    """Return evidence as JSON has it, without what is as it is by default."""
    return _record().dump_python(evidence, mode="json", exclude_defaults=True)


@cache
def _record() -> TypeAdapter[Evidence]:
    return TypeAdapter(Evidence)


@cache
def _adapter() -> TypeAdapter[Bundle]:
    return TypeAdapter(Bundle)
