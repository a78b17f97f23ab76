"""Evidence that holds again: what a check read is the same, and so is everything else that decides."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from gate import command, environment
from gate.facts import Evidence, Inputs, Origin, Outcome
from gate.measure.hashes import Hashes
from gate.record import ledger
from gate.work import Question, Step, Sweep, Tool

_TRIED = 8  # records of other trees that are looked at for one check, the newest first


@dataclass(frozen=True, kw_only=True, slots=True)
class Present:
    """The tree, the policy and the environment for which evidence is wanted now."""

    root: Path
    tree: str
    policy: str
    commit: str
    most: float  # seconds that evidence may be old before it is taken again
    hashes: Hashes  # of what lies below the root now


@dataclass(frozen=True, kw_only=True, slots=True)
class Reused:
    """Evidence for the present tree that was measured before."""

    evidence: Evidence
    is_new: bool  # there is no record of it for this tree yet

    @property
    def source(self) -> str:
        """Say where it was measured."""
        found = self.evidence
        return f"reused from {found.taken}, tree {(found.origin.tree if found.origin else found.tree)[:12]}"


def find(present: Present, steps: Sequence[Step]) -> dict[str, Reused]:
    """Return the evidence of each check that need not be run again, as evidence for the present tree."""
    shelf: Mapping[str, Sequence[str]] | None = None
    found = {}
    for step in steps:
        if not _may(step):
            continue
        wanted = key(step, present.root)
        record, _ = ledger.read(present.root, present.tree, step.check)
        if record is None or not _holds(present, step, record, wanted):
            shelf = ledger.trees(present.root) if shelf is None else shelf
            others = (ledger.read(present.root, tree, step.check)[0] for tree in shelf.get(ledger.name(step.check), ())[:_TRIED])
            record = next((other for other in others if other and _holds(present, step, other, wanted)), None)
        if record:
            found[step.check] = _moved(present, record)
    return found


def key(step: Step, root: Path) -> str:
    """Hash what decides beside the inputs: the step without its place in a policy, the gate, the machine, variables, the program."""
    told = asdict(step)
    if isinstance(step.work, Question):
        del told["work"]["limit"]["place"]
    program = _program(step.work.argv[0], root) if isinstance(step.work, Tool) else []
    whole = [told, environment.source(), environment.environment(), environment.variables(step.environ), program]
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()


def inputs(step: Step, present: Present) -> Inputs:
    """Return what a step that is no question about agents may read."""
    if isinstance(step.work, Sweep):
        return Inputs(never="it acts on what no tree holds")
    if isinstance(step.work, Tool) and step.work.reads == "mypy":
        return Inputs(tree=present.hashes.python())
    return Inputs(tree=present.tree)


def _may(step: Step) -> bool:
    """Tell whether a kind of check can be answered by an older answer at all."""
    return step.reuse and not isinstance(step.work, Sweep)


def _holds(present: Present, step: Step, found: Evidence, wanted: str) -> bool:
    """Tell whether evidence says what running the check now would say."""
    if found.key != wanted or found.inputs.never or not _is_young(present, found.taken):
        return False
    outcome = found.finding.outcome
    if outcome is not Outcome.PASSED and (outcome is not Outcome.FAILED or found.policy != present.policy or _is_watched(step)):
        return False  # what failed names lines of the policy
    if isinstance(step.work, Question):
        return bool(found.inputs.files) and present.hashes.match(found.inputs)
    return found.inputs.tree == inputs(step, present).tree


def _is_watched(step: Step) -> bool:
    """Tell whether a person reads what the tool itself prints, as of tests: that is not recorded."""
    return isinstance(step.work, Tool) and step.work.stream


def _is_young(present: Present, taken: str) -> bool:
    age = (datetime.now(UTC) - datetime.fromisoformat(taken)).total_seconds()
    return -1 <= age < present.most  # records carry whole seconds


def _moved(present: Present, found: Evidence) -> Reused:
    """Let evidence speak of the present tree, and say where it comes from."""
    if (found.tree, found.policy) == (present.tree, present.policy):
        return Reused(evidence=found, is_new=False)
    origin = found.origin or Origin(tree=found.tree, policy=found.policy, commit=found.commit, digest=ledger.digest(found))
    return Reused(evidence=replace(found, tree=present.tree, policy=present.policy, commit=present.commit, origin=origin), is_new=True)


@cache
def _program(name: str, root: Path) -> list[Any]:
    """Return what tells one program from another: where it lies, its size and its time."""
    place = command.find(name, root)
    if not place:
        return []
    status = Path(place).stat()
    return [os.path.realpath(place), status.st_size, status.st_mtime_ns]
