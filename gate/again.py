"""The short way: when all that is asked is recorded for this very tree, say it without reading policies or drawing the plan again."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gate import environment, reuse
from gate.facts import Finding, Mode
from gate.facts.work import Step, Tool
from gate.measure.hashes import Hashes
from gate.record.files import replace_file
from gate.repo import worktree

_VERSION = 3
_FILE = "plan.json"

Answers = list[tuple[reuse.Asked, reuse.Reused]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """What the hook must know of the code."""

    paths: tuple[str, ...]  # that are looked at
    asked: tuple[str, ...]  # checks that are not left out
    waived: bool  # some finding is lived with for a time: only the policies say which


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """The plan as far as it was kept, and the tree as it is now."""

    present: reuse.Present
    every: tuple[reuse.Asked, ...]
    code: Code


def code(paths: Sequence[str], steps: Iterable[Step], *, waived: bool) -> Code:
    """Say what the hook must know of a plan."""
    return Code(
        paths=tuple(paths), asked=tuple(step.check for step in steps if not (isinstance(step.work, Tool) and step.work.left)), waived=waived
    )


def remember(present: reuse.Present, every: Sequence[reuse.Asked], *, names: Iterable[str], leave_out: Sequence[str], code: Code) -> None:
    """Keep what the short way must know of the plan that policies of these names give; `leave_out` is not part of a tree id."""
    plan = {
        "base": present.base,
        "code": asdict(code),
        "leave_out": list(leave_out),
        "most": present.most,
        "policies": list(names),
        "policy": present.policy,
        "steps": [asdict(one) for one in every],
    }
    text = json.dumps(plan, sort_keys=True)
    whole = json.dumps({"version": _VERSION, "digest": _digest(text), "plan": text}).encode()
    path = worktree.store(present.root) / _FILE
    if not path.exists() or path.read_bytes() != whole:
        replace_file(path, whole)


def kept(root: Path) -> Kept | None:
    """Return what was kept of the plan when it still holds."""
    plan = _plan(root)
    if plan is None:
        return None
    told = plan["code"]
    known = Code(paths=tuple(told["paths"]), asked=tuple(told["asked"]), waived=told["waived"])
    return Kept(present=_present(root, plan), every=tuple(_every(plan)), code=known)


def answers(root: Path, verbs: Sequence[str], cases: Sequence[str], mode: Mode) -> Answers | None:
    """Return everything that is asked when all of it is recorded and holds, in the order of the plan; or None: go the long way.

    The steps of the plan are kept as far as reuse must know them, never as something to run.
    """
    plan = _plan(root)
    if plan is None:
        return None
    every = _every(plan)
    chosen = [one for one in every if one.check.split("/")[0] in verbs and (not cases or not _names(one).isdisjoint(cases))]
    if not set(cases) <= set().union(*map(_names, chosen)) or (mode is Mode.FIX and any(one.tidies for one in chosen)):
        return None
    if any(one.owes for one in chosen):  # the policy says something about it
        return None
    found = reuse.find(_present(root, plan), chosen)
    if len(found) < len(chosen) or any(known.is_new for known in found.values()):
        return None
    if any(_below(found[one.check].finding, one.bar) for one in chosen):  # likewise of a limit that is dead
        return None
    return [(one, found[one.check]) for one in chosen]


def _below(finding: Finding, bar: float) -> bool:
    return finding.estimate is not None and finding.estimate.high < bar


def _every(plan: dict[str, Any]) -> list[reuse.Asked]:
    return [reuse.Asked(**{**told, "environ": tuple(told["environ"])}) for told in plan["steps"]]


def _present(root: Path, plan: dict[str, Any]) -> reuse.Present:
    tree = worktree.tree_id(root, plan["leave_out"])
    return reuse.Present(root=root, tree=tree, policy=plan["policy"], most=plan["most"], hashes=Hashes(root), base=plan["base"])


def _plan(root: Path) -> dict[str, Any] | None:
    """Read what was remembered, if it was drawn from the policies as they are now, by this gate on this machine."""
    try:
        whole = json.loads((root / worktree.STORE / _FILE).read_bytes())
        plan: dict[str, Any] = json.loads(whole["plan"])
        if whole["version"] != _VERSION or whole["digest"] != _digest(whole["plan"]) or plan["base"] != reuse.base():
            return None
        policies = {name: (root / "policies" / f"{name}.yaml").read_bytes() for name in plan["policies"] if name != "baseline"}
        policies |= {"baseline": known.read_bytes()} if (known := root / "policies" / "baseline.yaml").exists() else {}
    except (OSError, ValueError, KeyError, TypeError):  # never drawn, damaged, or a policy is gone: the long way says what is wrong
        return None
    return plan if environment.policies(policies) == plan["policy"] else None


def _names(one: reuse.Asked) -> set[str]:
    """Return by which names a case is asked for."""
    return {one.case, one.case.partition("[")[0]}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
