"""The evidence of several shards put together: what is about this tree, these policies and this environment, and nothing else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gate import flow
from gate.arguments import Shard
from gate.environment import environment
from gate.errors import GateError
from gate.facts import Evidence, Outcome
from gate.facts.work import Question, Step
from gate.plan import shards
from gate.record import incoming, ledger

_CLOCKS = timedelta(minutes=5)  # that two machines may be apart
_PLAN = "plan"  # recorded, and no check
_WORST = (Outcome.BROKEN, Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.SKIPPED, Outcome.PASSED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """What became of a merge."""

    tree: str
    records: int  # that were read
    new: tuple[str, ...]  # checks whose record was written
    missing: tuple[Step, ...]  # of which there is no record of this tree yet
    notes: tuple[str, ...] = ()


def merge(house: flow.House, folders: Sequence[Path]) -> Merged:
    """Take over all evidence about the tree as it is; of two records of one check the worse counts, then the newer.

    Raises GateError before anything is written when a record of this tree is damaged, or is about other policies, another environment
    or a check that the policies do not know.
    """
    tree = house.tree()
    arrived = [incoming.read(folder, tree) for folder in folders]
    for one in arrived:
        for found in one.records:
            _belongs(house, one.folder, found)
    best: dict[str, Evidence] = {}
    for found in [record for one in arrived for record in one.records]:
        best[found.check] = _worse(best[found.check], found) if found.check in best else found
    new = [found for found in best.values() if _is_new(house, found)]
    ledger.write_all(house.root, new)
    return Merged(
        tree=tree,
        records=sum(len(one.records) for one in arrived),
        new=tuple(found.check for found in new),
        missing=tuple(step for step in house.steps if ledger.read(house.root, tree, step.check)[0] is None),
        notes=tuple(
            f"{one.folder}: left out what it has of {len(one.others)} other tree{'s' if len(one.others) > 1 else ''}"
            for one in arrived
            if one.others
        ),
    )


def of_shard(house: flow.House, steps: Sequence[Step], wanted: Shard) -> tuple[Step, ...]:
    """Return the steps of one shard, dealt out by what the cases cost on other trees: what this tree has comes while shards run."""
    return shards.of(steps, costs(house, steps), wanted)


def costs(house: flow.House, steps: Iterable[Step]) -> dict[str, float]:
    """Return the seconds that each agent case took where it was measured last, on any other tree."""
    shelf, tree = ledger.trees(house.root), house.tree()
    took: dict[str, set[float]] = {}
    for step in steps:
        known = (ledger.read(house.root, other, step.check)[0] for other in shelf.get(ledger.name(step.check), ()) if other != tree)
        newest = next(filter(None, known), None)
        if newest and isinstance(step.work, Question):
            took.setdefault(step.work.case, set()).add(newest.reading.wall)  # questions that one watch answers tell the same time
    return {case: sum(walls) for case, walls in took.items()}


def _belongs(house: flow.House, folder: Path, found: Evidence) -> None:
    """Refuse a record that would say nothing about the tree as it is checked here."""
    where = f"merge: {folder}: {found.check}"
    if found.check not in {_PLAN, *(step.check for step in house.steps)}:
        message = f"{where}: the policies here do not know this check; merge what the same commit's policies asked for"
        raise GateError(message)
    if found.policy != house.policy.digest:
        here = house.policy.digest[:12]
        message = f"{where}: was judged by policies sha256:{found.policy[:12]}, and here they are sha256:{here}; measure it again"
        raise GateError(message)
    ours = environment()
    for name in sorted({*ours, *found.environment}):
        there, here = (told.get(name, "nothing") for told in (found.environment, ours))
        if there != here:
            message = (
                f"{where}: was measured in another environment: {name} is {there!r} there and {here!r} here; "
                "run shards and merge on the same image with the same packages"
            )
            raise GateError(message)
    if datetime.fromisoformat(found.taken) > datetime.now(UTC) + _CLOCKS:
        message = f"{where}: was taken at {found.taken}, which has not come yet; set the clock of that machine and measure it again"
        raise GateError(message)


def _is_new(house: flow.House, found: Evidence) -> bool:
    """Tell whether a record says more than the one that is here already."""
    here, _ = ledger.read(house.root, found.tree, found.check)
    stale = here is None or (here.policy, here.environment) != (found.policy, found.environment)
    return stale or (here is not None and ledger.sealed(_worse(here, found)) != ledger.sealed(here))


def _worse(one: Evidence, other: Evidence) -> Evidence:
    """Return the record with the worse outcome, of equal ones the newer: no shard can hide what another one found."""

    def rank(found: Evidence) -> tuple[int, datetime, str]:
        return -_WORST.index(found.finding.outcome), datetime.fromisoformat(found.taken), ledger.sealed(found)

    return max(one, other, key=rank)
