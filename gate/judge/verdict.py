"""The whole tree: which checks hold, what is missing, and the exit code that says so."""

from collections.abc import Iterable
from dataclasses import dataclass

from gate.facts import Evidence, Outcome, Row, Standing, Verdict
from gate.work import Step

BROKEN, FAILED, INCONCLUSIVE, PASSED = 2, 1, 3, 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Now:
    """What evidence must be about to hold."""

    tree: str
    policy: str
    environment: dict[str, str]


def row(step: Step, found: Evidence | None, damage: str, *, now: Now, accepted: bool) -> Row:
    """Place one check by its newest evidence, which holds only for the same check, tree, policy and environment."""
    if found and (found.check, found.tree, found.policy, found.environment) == (step.check, now.tree, now.policy, now.environment):
        return Row(step=step, required=not accepted, standing=Standing.HOLDS, evidence=found)
    return Row(step=step, required=not accepted, standing=Standing.STALE if found else Standing.NEVER, evidence=found, damage=damage)


def verdict(rows: Iterable[Row], *, tree: str, policy: str, commit: str, branch: str) -> Verdict:
    """Gather all rows and say what still separates this tree from COMPLETED, worst first."""
    placed = tuple(rows)
    missing = [(_rank(item), text) for item in placed if (text := _missing(item))]
    return Verdict(
        tree=tree,
        policy=policy,
        commit=commit,
        branch=branch,
        rows=placed,
        missing=tuple(text for _, text in sorted(missing, key=lambda pair: pair[0])),
    )


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """Fold outcomes into one exit code; the gate's own trouble comes first and "not enough data" is never a pass.

    >>> exit_code([Outcome.PASSED, Outcome.INCONCLUSIVE]), exit_code([Outcome.FAILED, Outcome.BROKEN]), exit_code([])
    (3, 2, 0)
    """
    seen = set(outcomes)
    for outcome, code in ((Outcome.BROKEN, BROKEN), (Outcome.FAILED, FAILED), (Outcome.INCONCLUSIVE, INCONCLUSIVE)):
        if outcome in seen:
            return code
    return PASSED


def overall(whole: Verdict) -> int:
    """Return the exit code of a tree: 0 only when it is COMPLETED; evidence that is missing or stale is a failure."""
    outcomes = [outcome for item in whole.rows if (outcome := _counts(item))]
    return exit_code(outcomes) or (PASSED if whole.completed else FAILED)


def _counts(item: Row) -> Outcome | None:
    """Return the outcome of a row that holds for this tree and is not accepted by policy."""
    if item.standing is not Standing.HOLDS or item.evidence is None:
        return None
    outcome = item.evidence.finding.outcome
    return None if _is_accepted(item, outcome) else outcome


def _missing(item: Row) -> str:
    """Say what is missing for a row, or return ""."""
    if item.standing is Standing.NEVER or item.evidence is None or item.damage:
        return f"{item.step.check} never ran on this tree: {item.step.command}" + (f" ({item.damage})" if item.damage else "")
    if item.standing is Standing.STALE:
        return f"{item.step.check} is stale: it last ran on another tree, policy or environment: {item.step.command}"
    outcome = item.evidence.finding.outcome
    if outcome is Outcome.PASSED or _is_accepted(item, outcome):
        return ""
    return f"{item.step.check} is {outcome}: {item.evidence.finding.headline}"


def _is_accepted(item: Row, outcome: Outcome) -> bool:
    """Tell whether the policy lives with a check that could not decide or could not run."""
    return not item.required and outcome in {Outcome.SKIPPED, Outcome.INCONCLUSIVE}


def _rank(item: Row) -> int:
    """Order rows: broken, failed, undecided, skipped, then what did not run."""
    if item.standing is not Standing.HOLDS or item.evidence is None:
        return 5
    order = (Outcome.BROKEN, Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.SKIPPED, Outcome.PASSED)
    return order.index(item.evidence.finding.outcome)
