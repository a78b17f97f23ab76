"""What is on record of memory questions since the last tag: in the store of this clone, and in the bundles that commits hold."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gate import flow
from gate.environment import environment
from gate.errors import GateError
from gate.facts import Estimate, Outcome
from gate.facts.rows import Mark
from gate.record import bundle as bundles
from gate.record import ledger
from gate.repo import revisions

_BUNDLES = 50  # that are read, those of the highest names
_MEASURED = {Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE}
_KERNEL = re.compile(r"-\d[^-]*(-[^-]*\d[^-]*)*?-(?=x86_64|aarch64|arm64|amd64|i686)")  # an updated kernel measures no differently

Past = dict[str, tuple[Mark, ...]]  # of each check what is on record, the oldest first


def find(house: flow.House, checks: Collection[str], tree: str) -> tuple[str, Past]:
    """Return since when it was looked, in words, and what trees other than this one have on record of some checks since then.

    What another interpreter or another machine measured is left out: its figures say nothing about these.
    """
    drift = house.policy.memory.drift
    tag, commits = revisions.since(house.root, drift.tags, drift.commits)
    since = tag or f"{len(commits) - 1} commits ago"
    known, shelf = _committed(house, checks, commits[:1]), {name: set(trees) for name, trees in ledger.trees(house.root).items()}
    found: dict[str, list[Mark]] = {check: [] for check in checks}
    recorded = {there for there, _ in known}.union(*(shelf.get(ledger.name(check), ()) for check in checks)) - {tree}
    for at, commit in enumerate(commits if recorded else ()):  # a tree id takes a moment
        there = house.tree(commit)
        if there not in recorded:
            continue
        name = tag if tag and not at else f"{commit[:12]}"
        for check in checks:
            estimate = known.get((there, check)) or (_recorded(house, there, check) if there in shelf.get(ledger.name(check), ()) else None)
            if estimate:
                found[check].append(Mark(name=name, commit=commit, estimate=estimate))
    return since, {check: tuple(marks) for check, marks in found.items()}


def _recorded(house: flow.House, tree: str, check: str) -> Estimate | None:
    """Read the evidence of a tree as plain JSON, which is quicker."""
    body, _ = ledger.body(house.root, tree, check)
    told: dict[str, Any] = (body or {}).get("finding") or {}
    if not body or not told.get("estimate") or told["outcome"] not in _MEASURED or not _alike(body["environment"]):
        return None
    return Estimate(**told["estimate"])


def _committed(house: flow.House, checks: Collection[str], first: list[str]) -> dict[tuple[str, str], Estimate]:
    """Read the bundles beside the summaries of HEAD and of the first commit; one that cannot be read tells nothing."""
    folder = house.policy.workflow.record.summary.rpartition("/")[0]
    found: dict[tuple[str, str], Estimate] = {}
    seen: set[str] = set()
    for commit in ["HEAD", *first]:
        paths = [path for path in revisions.below(house.root, commit, folder) if path.endswith("-evidence.json")]
        for path in sorted(set(paths) - seen)[-_BUNDLES:]:
            seen.add(path)
            found |= _told(revisions.content(house.root, commit, path) or b"", checks)
    return found


def _told(raw: bytes, checks: Collection[str]) -> dict[tuple[str, str], Estimate]:
    try:
        made = bundles.read(raw)
    except (ValueError, GateError):
        return {}
    rows = (entry.evidence for entry in made.checks if entry.check in checks)
    return {
        (made.tree, found.check): found.finding.estimate
        for found in rows
        if found and found.finding.estimate and found.finding.outcome in _MEASURED and _alike(found.environment)
    }


def _alike(there: Mapping[str, str]) -> bool:
    """Tell whether figures of an environment can stand beside those of this one: interpreter and platform are the same but for patches."""
    return list(_kind(there)) == list(_kind(environment()))


def _kind(told: Mapping[str, str]) -> Iterator[str]:
    yield ".".join(told.get("python", "").split(".")[:2])
    yield _KERNEL.sub("-", told.get("platform", ""))
