"""The short way: when all that is asked is recorded for this very tree, say it without reading policies or drawing the plan again."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gate import environment, reuse
from gate.facts import Mode
from gate.measure.hashes import Hashes
from gate.record.files import replace_file
from gate.repo import worktree

_VERSION = 1
_FILE = "plan.json"

Answers = list[tuple[reuse.Asked, reuse.Reused]]


def remember(present: reuse.Present, every: Sequence[reuse.Asked], *, names: Iterable[str], leave_out: Sequence[str]) -> None:
    """Keep what the short way must know of the plan that policies of these names give; `leave_out` is not part of a tree id."""
    plan = {
        "base": present.base,
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


def answers(root: Path, verbs: Sequence[str], cases: Sequence[str], mode: Mode) -> Answers | None:
    """Return everything that is asked when all of it is recorded and holds, in the order of the plan; or None: go the long way.

    The steps of the plan are kept as far as reuse must know them, never as something to run.
    """
    plan = _plan(root)
    if plan is None:
        return None
    every = [reuse.Asked(**{**told, "environ": tuple(told["environ"])}) for told in plan["steps"]]
    chosen = [one for one in every if one.check.split("/")[0] in verbs and (not cases or not _names(one).isdisjoint(cases))]
    if not set(cases) <= set().union(*map(_names, chosen)) or (mode is Mode.FIX and any(one.tidies for one in chosen)):
        return None
    if any(one.owes for one in chosen):  # the policy says something about it
        return None
    tree = worktree.tree_id(root, plan["leave_out"])
    present = reuse.Present(root=root, tree=tree, policy=plan["policy"], most=plan["most"], hashes=Hashes(root), base=plan["base"])
    found = reuse.find(present, chosen)
    if len(found) < len(chosen) or any(known.is_new for known in found.values()):
        return None
    return [(one, found[one.check]) for one in chosen]


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
