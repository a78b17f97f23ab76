"""The baseline of a repository: adopted once, shrunk at any time, grown by one finding that somebody answers for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from gate import flow
from gate.errors import GateError
from gate.facts import Evidence, Outcome
from gate.facts.rows import Complaint
from gate.facts.work import Debt, Question, Step
from gate.judge import baseline, debts
from gate.policy import load
from gate.policy.fields import MOST_DAYS
from gate.record import debtfile, ledger
from gate.record.files import replace_file

_NAMED = 9  # findings that an error names
_ADOPTED = ("format", "lint", "types", "docs", "memory")


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What became of the debts of one check."""

    check: str
    before: tuple[Debt, ...]
    after: tuple[Debt, ...]
    new: tuple[Complaint, ...] = ()  # found, and not known: it stays out
    trouble: str = ""  # why nothing could be said about it


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Who answers for one finding that is accepted, why and until when."""

    which: str  # a text that it contains and no other new one does
    reason: str
    owner: str
    expires: date


def create(house: flow.House, checks: Sequence[str] = ()) -> tuple[Written, ...]:
    """Write down everything that is found now, in a repository that has no baseline yet.

    Raises GateError when it has one, or when a check could not look.
    """
    if any(step.debts for step in house.steps):
        message = f"{debts.FILE}: there is a baseline already, and it only shrinks; gate baseline update --accept adds one finding"
        raise GateError(message)
    rows = [_adopted(step, found) for step, found in _looked(house, _chosen(house, checks or _ADOPTED))]
    broken = next((row for row in rows if row.trouble), None)
    if broken:
        message = f"{broken.check}: {broken.trouble}; nothing was written: mend this, or name the checks to adopt"
        raise GateError(message)
    _write(house, rows)
    return tuple(rows)


def update(house: flow.House, answer: Answer | None = None) -> tuple[Written, ...]:
    """Take out of the baseline what is fixed and follow what has moved; with an answer add the one new finding that it is about.

    Raises GateError when the answer is about none, or about several.
    """
    steps = [step for step in house.steps if step.debts or (answer and step.keeps and _may_be_in(step, answer))]
    rows = [_shrunk(step, found) for step, found in _looked(house, steps)]
    rows = [row for row in rows if row.before or row.new]
    if answer:
        rows = _accepted(rows, answer)
    known = {step.check for step in house.steps}
    gone = sorted({entry.check for entry in house.policy.baseline.debts} - known)
    rows += [
        Written(check=check, before=(), after=(), trouble="no policy asks for this check any more; its debts were taken out")
        for check in gone
    ]
    _write(house, rows)
    return tuple(rows)


def _may_be_in(step: Step, answer: Answer) -> bool:
    """Tell whether an answer may be about a check; a memory question takes long, so it is asked only where it is named."""
    return not isinstance(step.work, Question) or answer.which.startswith(step.check)


def _chosen(house: flow.House, checks: Sequence[str]) -> list[Step]:
    """Return the steps whose findings can be known again, of the named checks or kinds of checks."""
    chosen = [step for step in house.steps if step.keeps and {step.check, step.check.split("/")[0]} & set(checks)]
    for name in checks:
        if not any(name in {step.check, step.check.split("/")[0]} for step in chosen) and name not in _ADOPTED:
            known = ", ".join(dict.fromkeys(step.check for step in house.steps if step.keeps))
            message = f"{name}: no check of this name tells findings that can be known again; known: {known}"
            raise GateError(message)
    return chosen


def _looked(house: flow.House, steps: Sequence[Step]) -> list[tuple[Step, Evidence]]:
    """Return what is found of each step on this tree, as recorded."""
    flow.check(house, steps)
    tree = house.tree()
    found = []
    for step in steps:
        evidence, damage = ledger.read(house.root, tree, step.check)
        if evidence is None:
            message = f"{step.check}: {damage or 'no evidence of it was recorded'}; run it again: {step.command} -- --fresh"
            raise GateError(message)
        found.append((step, evidence))
    return found


def _adopted(step: Step, found: Evidence) -> Written:
    """Take every finding of a check for a debt."""
    finding = found.finding
    every = baseline.complaints(step, finding, found.reading)
    trouble = finding.headline if finding.outcome is Outcome.BROKEN else ""
    return Written(check=step.check, before=(), after=debts.adopted(every, _highest(found)), trouble=trouble)


def _shrunk(step: Step, found: Evidence) -> Written:
    """Take out what is fixed; where the check could not look, everything stays."""
    finding, before = found.finding, tuple(replace(debt, place="") for debt in step.debts)
    if finding.outcome not in {Outcome.PASSED, Outcome.FAILED}:
        return Written(
            check=step.check, before=before, after=before, trouble=f"{finding.outcome}: {finding.headline}; its debts stay as they are"
        )
    every = baseline.complaints(step, finding, found.reading)
    if finding.outcome is Outcome.FAILED and not every:
        return Written(check=step.check, before=before, after=before, trouble=f"{finding.headline}; its debts stay as they are")
    ratchet = baseline.compare(step.debts, every, found.reading.scopes, flow.day())
    return Written(check=step.check, before=before, after=debts.shrunk(ratchet, _highest(found)), new=ratchet.new)


def _accepted(rows: Sequence[Written], answer: Answer) -> list[Written]:
    """Add the one new finding that somebody answers for."""
    if answer.expires > date.today() + timedelta(days=MOST_DAYS):  # noqa: DTZ011 - a policy's day is the reader's day
        message = f"--expires {answer.expires}: more than {MOST_DAYS} days ahead; write a nearer day, and renew it then"
        raise GateError(message)
    every = [(row, one) for row in rows for one in row.new]
    meant = [(row, one) for row, one in every if answer.which in f"{one.check} {one.line}"]
    if len(meant) != 1:
        listed = "\n".join(f"  {one.check} {one.line}" for _, one in (meant or every)[:_NAMED])
        which = "no new finding contains this" if not meant else f"{len(meant)} new findings contain this, and one is accepted at a time"
        message = (
            f"--accept {answer.which!r}: {which}; write more of one of them:\n{listed}"
            if every
            else f"--accept {answer.which!r}: nothing is new"
        )
        raise GateError(message)
    ((row, one),) = meant
    day = answer.expires.isoformat()
    (debt,) = debts.adopted([one], one.amount)
    added = replace(debt, reason=answer.reason, owner=answer.owner, expires=day)
    # whoever renews what lapsed takes its place
    lapsed = [slot for slot in row.after if baseline.identity(slot) == one.identity and slot.expires and slot.expires < flow.day()][:1]
    kept = [slot for slot in baseline.slots(row.after) if slot not in [replace(each, count=1) for each in lapsed]]
    grown = replace(row, after=baseline.counted([*kept, added]), new=tuple(each for each in row.new if each is not one))
    return [grown if each is row else each for each in rows]


def _highest(found: Evidence) -> float | None:
    """Return the most that a memory question may have measured."""
    return found.finding.estimate.high if found.finding.estimate else None


def _write(house: flow.House, rows: Sequence[Written]) -> None:
    """Write the debts of all checks: those of the rows as they are now, the others as they were."""
    told = {row.check for row in rows}
    every = [debt for row in rows for debt in row.after]
    every += [replace(debt, place="") for step in house.steps if step.check not in told for debt in step.debts]
    path = house.root / debts.FILE
    raw = debtfile.text(sorted(every, key=baseline.order)).encode()
    before = path.read_bytes() if path.exists() else None
    if raw == before or (before is None and not every):
        return
    replace_file(path, raw)
    load(house.root)  # what was written is what is read, or says why not
