"""Evidence that holds again: what a check read is the same, and so is everything else that decides."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from gate import command, environment
from gate.facts import Diagnostic, Estimate, Evidence, Finding, Inputs, Outcome, Reading
from gate.facts.work import Question, Step, Sweep, Tool
from gate.judge import dead
from gate.measure.hashes import Hashes
from gate.record import ledger

_TRIED = 8  # records of other trees that are looked at for one check, the newest first
_CASE, _PYTHON, _TREE, _NEVER = "case", "python", "tree", "never"  # what a check may read


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What reuse must know of a step: plain data that can be kept beside the evidence."""

    check: str
    case: str  # of a question about agents
    step: str  # sha256 over the step, without its place in a policy
    reads: str  # case: what its children note; python: what a type checker may read; tree: anything; never
    environ: tuple[str, ...]
    program: str  # what is run, for a tool
    shown: bool  # a person reads what the tool itself prints, as of tests: that is not recorded
    owes: bool  # something is known of it, which what is recorded says nothing about
    bar: float  # of a limit: the figure below which it is dead
    tidies: bool  # it may change the tree before it judges it


@dataclass(frozen=True, kw_only=True, slots=True)
class Present:
    """The tree, the policy and the machine for which evidence is wanted now."""

    root: Path
    tree: str
    policy: str
    most: float  # seconds that evidence may be old before it is taken again
    hashes: Hashes  # of what lies below the root now
    base: str  # what decides for every check: see `base`


@dataclass(frozen=True, kw_only=True, slots=True)
class Reused:
    """Evidence that was measured before and holds now; as recorded, for the present tree only when that is the same."""

    body: dict[str, Any]
    is_new: bool  # there is no record of it for the present tree yet

    @property
    def finding(self) -> Finding:
        """Return what was found."""
        told = self.body["finding"]
        return Finding(
            outcome=Outcome(told["outcome"]),
            headline=told["headline"],
            details=tuple(told["details"]),
            next_act=told["next_act"],
            estimate=Estimate(**told["estimate"]) if told["estimate"] else None,
            unit=told["unit"],
        )

    @property
    def reading(self) -> Reading:
        """Return what a tool complained of, and where."""
        told = self.body["reading"]
        return Reading(diagnostics=tuple(Diagnostic(**row) for row in told["diagnostics"]), scopes=tuple(told.get("scopes", ())))

    @property
    def source(self) -> str:
        """Say where it was measured."""
        tree = (self.body["origin"] or self.body)["tree"]
        return f"reused from {self.body['taken']}, tree {tree[:12]}"

    def moved(self, present: Present, commit: str) -> Evidence:
        """Return it as evidence for the present tree that says where it comes from."""
        body = self.body
        origin = body["origin"] or {name: body[name] for name in ("tree", "policy", "commit")} | {"digest": ledger.digest(body)}
        return ledger.evidence(body | {"tree": present.tree, "policy": present.policy, "commit": commit, "origin": origin})


def base() -> str:
    """Hash what decides for every check: the gate's own code, the machine, the interpreter and what is installed, variables."""
    return _hash([environment.source(), environment.environment(), environment.variables(())])


def asked(step: Step) -> Asked:
    """Say what reuse must know of a step."""
    told, work = asdict(replace(step, debts=())), step.work
    if isinstance(work, Question):
        for name in ("place", "slack", "shared", "ample"):  # none of them decides what is measured, nor what is found on one tree by itself
            del told["work"]["limit"][name]
    tool = work if isinstance(work, Tool) else None
    other = _PYTHON if tool and tool.reads == "mypy" else _TREE
    return Asked(
        check=step.check,
        case=work.case if isinstance(work, Question) else "",
        step=_hash(told),
        reads=_NEVER if not step.reuse or isinstance(work, Sweep) else _CASE if isinstance(work, Question) else other,
        environ=step.environ,
        program=tool.argv[0] if tool else "",
        shown=bool(tool and tool.stream),
        owes=bool(step.debts),
        bar=dead.bar(work.limit) if isinstance(work, Question) else 0.0,
        tidies=bool(tool and tool.fixes) or isinstance(work, Sweep),
    )


def find(present: Present, every: Iterable[Asked]) -> dict[str, Reused]:
    """Return what is known of each check that need not be run again."""
    shelf: Mapping[str, Sequence[str]] | None = None
    found = {}
    for one in every:
        if one.reads == _NEVER:
            continue
        wanted = key(present, one)
        body, _ = ledger.body(present.root, present.tree, one.check)
        if body is None or not _holds(present, one, body, wanted):
            shelf = ledger.trees(present.root) if shelf is None else shelf
            others = (ledger.body(present.root, tree, one.check)[0] for tree in shelf.get(ledger.name(one.check), ())[:_TRIED])
            body = next((other for other in others if other and _holds(present, one, other, wanted)), None)
        if body:
            is_new = (body["tree"], body["policy"]) != (present.tree, present.policy)
            found[one.check] = Reused(body=body, is_new=is_new)
    return found


def key(present: Present, one: Asked) -> str:
    """Hash what decides beside the inputs: the step, the gate, the machine, variables, the program."""
    program = _program(one.program, present.root) if one.program else []
    return _hash([present.base, one.step, environment.variables(one.environ) if one.environ else {}, program])


def inputs(present: Present, one: Asked) -> Inputs:
    """Return what a step that is no question about agents may read."""
    if one.reads == _NEVER:
        return Inputs(never="the policy says so, or it acts on what no tree holds")
    return Inputs(tree=present.hashes.python() if one.reads == _PYTHON else present.tree)


def _holds(present: Present, one: Asked, body: Mapping[str, Any], wanted: str) -> bool:
    """Tell whether evidence says what running the check now would say."""
    had, outcome = body["inputs"], body["finding"]["outcome"]
    if body["key"] != wanted or had["never"] or not _is_young(present, body["taken"]):
        return False
    if outcome != Outcome.PASSED and (outcome != Outcome.FAILED or one.shown or body["policy"] != present.policy):
        return False  # what failed names lines of the policy
    if one.reads == _CASE:
        if not had["files"] or not present.hashes.match(had["files"], had["folders"]):
            return False
        return not had["tree"] or any(had["tree"] == present.hashes.names(times=times) for times in (False, True))
    if body["reading"].get("beside"):  # it rests on what no tree holds
        return False
    return bool(had["tree"] == inputs(present, one).tree)


def _is_young(present: Present, taken: str) -> bool:
    age = (datetime.now(UTC) - datetime.fromisoformat(taken)).total_seconds()
    return -1 <= age < present.most  # records carry whole seconds


@cache
def _program(name: str, root: Path) -> list[Any]:
    """Return what tells one program from another: where it lies, its size and its time."""
    place = command.find(name, root)
    if not place:
        return []
    status = Path(place).stat()
    return [os.path.realpath(place), status.st_size, status.st_mtime_ns]


def _hash(told: object) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()
