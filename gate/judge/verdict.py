"""The whole tree: which checks hold, what is missing, and the exit code that says so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from gate.facts import Evidence
from gate.facts.rows import Counted, Row, Standing, Verdict
from gate.facts.work import Question, Step, Waiver
from gate.judge import dead
from gate.judge import waivers as exceptions
from gate.judge.exits import FAILED, PASSED, exit_code


@dataclass(frozen=True, kw_only=True, slots=True)
class Now:
    """What evidence must be about to hold, and what is lived with today."""

    tree: str
    policy: str
    environment: dict[str, str]
    day: str  # ISO, of whoever lives with something
    moment: str  # ISO, UTC
    oldest: str = ""  # ISO, UTC: what was measured before is too old to be used again
    waivers: tuple[Waiver, ...] = ()
    strict: bool = False  # debts that are fixed and still written down fail


def row(step: Step, found: Evidence | None, damage: str, *, now: Now, digest: str = "") -> Row:
    """Place one check by its newest evidence, which holds only for the same check, tree, policy and environment.

    What it found counts as what is known and what is waived today make of it.
    """
    if found and (found.check, found.tree, found.policy, found.environment) == (step.check, now.tree, now.policy, now.environment):
        if found.taken < now.oldest:
            return Row(step=step, standing=Standing.OLD, evidence=found, digest=digest)
        counts = exceptions.count(step, found.finding, found.reading, now.waivers, day=now.day, strict=now.strict)
        finding = replace(counts.finding, waived="")
        told = replace(found, finding=finding, reading=replace(found.reading, diagnostics=counts.left))
        return Row(
            step=step,
            standing=Standing.HOLDS,
            evidence=told,
            raw=found if told != found else None,
            ratchet=counts.ratchet,
            digest=digest,
            waivers=counts.held,
            lapsed=counts.lapsed,
        )
    return Row(step=step, standing=Standing.STALE if found else Standing.NEVER, evidence=found, damage=damage)


def verdict(rows: Iterable[Row], *, now: Now, commit: str, branch: str) -> Verdict:
    """Gather all rows and say what still separates this tree from COMPLETED, worst first."""
    placed = tuple(_shared(list(rows), now))
    return Verdict(
        tree=now.tree,
        policy=now.policy,
        commit=commit,
        branch=branch,
        day=now.day,
        moment=now.moment,
        strict=now.strict,
        rows=placed,
        missing=_all_missing(placed),
        idle=exceptions.idle(now.waivers, placed),
    )


def of_task(whole: Verdict, asked: Sequence[str]) -> Verdict:
    """Return the verdict when only the checks that fit one of the patterns decide."""
    rows = tuple(replace(item, asked=any(fnmatchcase(item.step.check, pattern) for pattern in asked)) for item in whole.rows)
    return replace(whole, rows=rows, missing=_all_missing(rows), asked=tuple(asked))


def overall(whole: Verdict) -> int:
    """Return the exit code of a tree: 0 only when it is COMPLETED; evidence that is missing, stale or too old is a failure."""
    counted = [item for item in whole.rows if item.asked and item.counted in _BY_OUTCOME]
    outcomes = [item.evidence.finding.outcome for item in counted if item.evidence]
    return exit_code(outcomes) or (PASSED if whole.completed else FAILED)


_BY_OUTCOME = {Counted.BROKEN, Counted.FAILED, Counted.INCONCLUSIVE}


def _shared(rows: list[Row], now: Now) -> list[Row]:
    """Judge each limit that several questions share by the one that measured most, once all of them have passed on this tree.

    Alone none of them could say that the limit is dead: another may need it.
    """
    groups: dict[str, list[Row]] = {}
    for item in rows:
        if isinstance(item.step.work, Question) and item.step.work.limit.shared:
            groups.setdefault(item.step.work.limit.place, []).append(item)
    told = {item.step.check: sunk for group in groups.values() for item, sunk in _dead(group, now)}
    return [told.get(item.step.check, item) for item in rows]


def _dead(group: Sequence[Row], now: Now) -> Iterable[tuple[Row, Row]]:
    """Yield the row that measured most, and what it becomes because its limit is dead."""
    if any(item.counted is not Counted.PASSED for item in group):
        return
    measured = [(item.evidence.finding.estimate.high, item) for item in group if item.evidence and item.evidence.finding.estimate]
    if len(measured) < len(group):
        return
    _, most = max(measured, key=lambda one: one[0])
    if most.evidence and isinstance(most.step.work, Question):
        work = replace(most.step.work, limit=replace(most.step.work.limit, shared=False))
        sunk = dead.judged(work, most.evidence.finding)
        if sunk != most.evidence.finding:
            held, lapsed = exceptions.covering(now.waivers, most.step.check, sunk, (), now.day)
            evidence = replace(most.evidence, finding=sunk)
            yield most, replace(most, evidence=evidence, raw=most.recorded, waivers=held, lapsed=lapsed)


def _all_missing(rows: Iterable[Row]) -> tuple[str, ...]:
    """Say what is missing, worst first."""
    order = list(Counted)
    return tuple(_missing(item) for item in sorted((row for row in rows if row.open), key=lambda row: order.index(row.counted)))


def _missing(item: Row) -> str:
    """Say what is missing for a row that is open."""
    check, again, counted = item.step.check, item.step.command, item.counted
    if counted is Counted.STALE:
        return f"{check} is stale: it last ran on another tree, policy or environment: {again}"
    if counted is Counted.OLD:
        taken = item.evidence.taken if item.evidence else ""
        return f"{check} is too old: it was measured at {taken}, longer ago than record.max_age of policies/workflow.yaml: {again}"
    if counted is Counted.MISSING or item.evidence is None:
        return f"{check} never ran on this tree: {again}" + (f" ({item.damage})" if item.damage else "")
    return f"{check} is {item.evidence.finding.outcome}: {item.evidence.finding.headline}" + _lapsed(item.lapsed)


def _lapsed(waivers: Sequence[Waiver]) -> str:
    """Name the waivers whose day has passed."""
    told = "; ".join(f"by {waiver.owner} at {waiver.place} expired on {waiver.expires}: {waiver.reason}" for waiver in waivers)
    return f" (waiver {told})" if told else ""
