"""Everything that a report is written from: the verdict of a tree or of a bundle, and what other trees have on record."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from gate import __version__, flow, plan
from gate.acts import standing, verifying
from gate.errors import GateError
from gate.facts import Estimate, Evidence, Outcome
from gate.facts.rows import Dossier, Page, Past, Standing
from gate.facts.work import Question
from gate.record import bundle as bundles
from gate.record import ledger
from gate.repo import revisions, worktree

_TREES = 50  # whose evidence is read for a history, the newest ones
_BUNDLES = 50  # likewise
_MOST = 16 * 2**20  # bytes of a bundle


def gather(house: flow.House, *, tree: str = "", bundle: Path | None = None) -> Dossier:
    """Gather what is on record of the work tree, of the tree of a revision, of a tree id, or in a bundle.

    Raises GateError when nothing goes by that name, and when the bundle was written under other policies.
    """
    house, known = _at(house, tree)
    page = _of_bundle(house, bundle) if bundle else _of_tree(house, known, named=bool(tree))
    whole = page.verdict
    questions = [step for step in house.steps if isinstance(step.work, Question)]
    advised = [ledger.read(house.root, whole.tree, f"advice/{case}")[0] for case in _cases(house)]
    return Dossier(
        page=page,
        project=house.root.name,
        gate=__version__,
        past=tuple(sorted(_past(house, {step.check for step in questions}), key=lambda past: past.taken)),
        advised=tuple((ledger.sealed(found), found) for found in advised if found),
        lean=bundle is not None,
    )


def _at(house: flow.House, tree: str) -> tuple[flow.House, str]:
    """Return the tree id that is meant, and the house with the policies of a revision when one was named."""
    if not tree:
        return house, house.tree()
    if (worktree.store(house.root) / ledger.FOLDER / tree).is_dir() and len(tree) >= 40:  # noqa: PLR2004 - letters of a tree id
        return house, tree
    truth = verifying.truth(house.root, revisions.commit_of(house.root, tree))
    policy = truth.policy
    there = replace(house, policy=policy, steps=plan.steps(policy), waivers=plan.waivers(policy), commit=truth.commit)
    return there, truth.tree


def _of_tree(house: flow.House, tree: str, *, named: bool) -> Page:
    """Gather what is on record of a tree."""
    whole, phases = flow.summarise(house, tree)
    whole = whole if named else standing.stand(house.root, house.policy, whole)
    if named:  # nobody is on a branch with it
        held = Counter(row.evidence.commit for row in whole.rows if row.standing is Standing.HOLDS and row.evidence)
        whole = replace(whole, commit=held.most_common(1)[0][0] if held else "", branch="")
    return Page(title="Gate", verdict=whole, phases=phases)


def _of_bundle(house: flow.House, path: Path) -> Page:
    """Judge the evidence of a bundle again."""
    file = path.with_name(bundles.beside(path.name)) if path.suffix == ".md" else path
    try:
        made = bundles.read(_raw(file))
    except ValueError as error:
        message = f"{file}: {error}; get it again from the commit that holds it"
        raise GateError(message) from error
    if made.policy != house.policy.digest:
        message = f"{file}: written under other policies, at commit {made.commit[:12]}; add --tree with the revision that holds its summary"
        raise GateError(message)
    return verifying.page_of(made, house.policy)


def _raw(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_MOST + 1)
    except FileNotFoundError as error:
        message = f"{file}: not found; name a bundle, or the summary that it lies beside"
        raise GateError(message) from error


def _cases(house: flow.House) -> list[str]:
    return list(dict.fromkeys(step.work.case for step in house.steps if isinstance(step.work, Question)))


def _past(house: flow.House, checks: set[str]) -> Iterator[Past]:
    """Return each measurement of memory questions once, wherever it is on record."""
    seen: set[tuple[str, str, float]] = set()
    for past in (*_recorded(house, checks), *_committed(house, checks)):
        key = past.check, past.taken, past.estimate.value
        if key not in seen:
            seen.add(key)
            yield past


def _recorded(house: flow.House, checks: set[str]) -> Iterator[Past]:
    """Read the evidence of other trees as plain JSON, which is quicker."""
    trees = ledger.trees(house.root)
    for check in sorted(checks):
        for tree in trees.get(ledger.name(check), [])[:_TREES]:
            body, _ = ledger.body(house.root, tree, check)
            told: dict[str, Any] = (body or {}).get("finding") or {}
            if body and isinstance(told.get("estimate"), dict):
                origin = body.get("origin") or body
                yield Past(
                    check=check,
                    tree=str(origin["tree"]),
                    commit=str(origin["commit"]),
                    taken=str(body["taken"]),
                    outcome=Outcome(told["outcome"]),
                    estimate=Estimate(**told["estimate"]),
                    unit=str(told["unit"]),
                    digest=str(origin.get("digest") or ledger.digest(body)),
                )


def _committed(house: flow.House, checks: set[str]) -> Iterator[Past]:
    """Read the bundles beside committed summaries; one that cannot be read tells nothing."""
    folder = (house.root / house.policy.workflow.record.summary.format(task="x")).parent
    files = sorted(folder.glob("*-evidence.json"), key=lambda path: -path.stat().st_mtime)[:_BUNDLES]
    for file in files:
        try:
            made = bundles.read(_raw(file))
        except (ValueError, GateError):
            continue
        for entry in made.checks:
            found = entry.evidence
            if found and found.finding.estimate and entry.check in checks:
                yield _told(found, entry.raw)


def _told(found: Evidence, digest: str) -> Past:
    origin = found.origin
    assert found.finding.estimate  # noqa: S101 - the caller has looked
    return Past(
        check=found.check,
        tree=origin.tree if origin else found.tree,
        commit=origin.commit if origin else found.commit,
        taken=found.taken,
        outcome=found.finding.outcome,
        estimate=found.finding.estimate,
        unit=found.finding.unit,
        digest=origin.digest if origin else digest,
    )
