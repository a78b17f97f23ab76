"""Merge random baselines with git through the driver of the gate, and show that no result is looser than the stricter side."""

import argparse
import hashlib
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from gate.acts import merging as driver
from gate.command import run
from gate.facts.work import Debt
from gate.judge import baseline, merging
from gate.plan import debts as planned
from gate.policy.load import baseline as parse
from gate.record import debtfile
from gate.repo import worktree
from tests.conftest import Repository, calm

_FILE = "policies/baseline.yaml"
_DAYS = ("", "2026-12-01", "2027-01-15", "2027-03-01")
_SCOPES = [f"m{file}.py:{name}" for file, name in product("0123", "abcde")]
_SHAPES = {scope: hashlib.sha256(scope.encode()).hexdigest()[:8] for scope in _SCOPES}  # no two functions are alike


def main(words: Sequence[str]) -> int:
    """Merge and count; return 1 when one result was looser, or git and the judge did not agree."""
    parser = argparse.ArgumentParser(prog="nox -s proofs -- merges", description=__doc__)
    parser.add_argument("--merges", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(words)
    rng = random.Random(given.seed)
    seen, wrong = Counter[str](), 0
    with tempfile.TemporaryDirectory(prefix="gate-") as scratch, pytest.MonkeyPatch.context() as patch:
        calm(patch, Path(scratch))
        repository = begun(Path(scratch))
        for number in range(given.merges):
            sides = triple(rng)
            result = merged(repository, sides, number, rebase=bool(number % 2))
            told = looser(result, sides[1], sides[2])
            agree = result == merging.merge(*(sides if number % 2 == 0 else (sides[0], sides[2], sides[1]))).debts
            wrong += bool(told) or not agree
            seen.update(debts=sum(debt.count for side in sides[1:] for debt in side), kept=sum(debt.count for debt in result))
            seen["conflicts of plain git"] += conflicts(Path(scratch), sides)
            if told or not agree:
                sys.stdout.write(f"merge {number}: {told or 'git made something else of it'}\n")
    how = f"{given.merges - given.merges // 2} by git merge, {given.merges // 2} by git rebase"
    sys.stdout.write(f"{given.merges} three-way merges, {how}; {seen['debts']:,} debts on both sides, {seen['kept']:,} kept\n")
    sys.stdout.write(f"git's own text merge of the same files: {seen['conflicts of plain git']} conflicts; with the driver: 0\n")
    sys.stdout.write(f"{wrong} looser than the stricter side\n")
    return int(wrong > 0)


def begun(folder: Path) -> Repository:
    """Return a repository that merges baselines by the driver."""
    made = Repository(folder / "repo")
    driver.install(made.root)
    made.write("notes.txt", "one\n")
    made.commit()
    return made


def triple(rng: random.Random) -> tuple[tuple[Debt, ...], tuple[Debt, ...], tuple[Debt, ...]]:
    """Invent a base and two sides of it: some fixed, some accepted, some tightened, some gone to another file."""
    base = [_debt(rng, scope) for scope in _SHAPES if rng.random() < 0.6]
    return baseline.counted(_ones(base)), _edited(rng, base), _edited(rng, base)


def looser(result: Iterable[Debt], ours: Iterable[Debt], theirs: Iterable[Debt]) -> str:
    """Say where a result allows more than one side, on some day and for some amount; code that went to another file is the same code."""
    every = tuple(tuple(side) for side in (result, ours, theirs))
    days = {debt.expires or "9999" for side in every for debt in side}
    amounts = {_most(debt) for side in every for debt in side}
    for kind, day, amount in product({_kind(debt) for debt in every[0]}, days, amounts):
        allowed, *sides = (
            sum(debt.count for debt in side if _kind(debt) == kind and (debt.expires or "9999") >= day and _most(debt) >= amount)
            for side in every
        )
        if allowed > min(sides):
            return f"{kind} on {day} for {amount}: {allowed} allowed, sides {sides}"
    return ""


def merged(repository: Repository, sides: Sequence[Sequence[Debt]], number: int, *, rebase: bool = False) -> tuple[Debt, ...]:
    """Commit a base and two sides on branches, and let git merge them or rebase one onto the other; return what it made."""
    repository.git("checkout", "-q", "-B", "main")
    _commit(repository, sides[0], number)
    repository.git("checkout", "-q", "-B", "theirs")
    _commit(repository, sides[2], number)
    repository.git("checkout", "-q", "main")
    _commit(repository, sides[1], number)
    words = ["rebase", "-q", "theirs"] if rebase else ["merge", "-q", "--no-edit", "theirs"]
    ran = run(["git", *words], cwd=repository.root)
    if ran.code:
        message = f"git {words[0]}: {ran.out}{ran.err}"
        raise RuntimeError(message)
    return read((repository.root / _FILE).read_bytes())


def read(raw: bytes) -> tuple[Debt, ...]:
    """Read a baseline, without places."""
    found = planned(parse(raw, _FILE), {})
    return tuple(sorted((replace(debt, place="") for debts in found.values() for debt in debts), key=baseline.order))


def conflicts(folder: Path, sides: Sequence[Sequence[Debt]]) -> int:
    """Tell whether git's text merge cannot merge these files."""
    names = ["ours", "base", "theirs"]
    for name, side in zip(names, (sides[1], sides[0], sides[2]), strict=True):
        (folder / name).write_text(debtfile.text(side), encoding="utf-8")
    return int(worktree.git(folder / "repo", "merge-file", "-p", *(str(folder / name) for name in names), fine=tuple(range(128))).code > 0)


def _commit(repository: Repository, side: Iterable[Debt], number: int) -> None:
    repository.write(_FILE, debtfile.text(side))
    repository.write("notes.txt", f"{number}\n")
    repository.git("add", "-A")
    repository.git("commit", "-q", "--allow-empty", "-m", f"{number}")


def _debt(rng: random.Random, scope: str) -> Debt:
    """Invent a debt; those of memory questions measure something."""
    if rng.random() < 0.2:
        return Debt(check=f"memory/{scope[-1]}/growth", most=float(rng.randint(1, 9)), unit="B/step")
    rule = rng.choice(("E501", "C901", "F401"))
    most = float(rng.randint(11, 40)) if rule == "C901" else None
    return Debt(
        check="lint", rule=rule, scope=scope, message=f"about {scope[-1]}", count=rng.randint(1, 4), most=most, shape=_SHAPES.get(scope, "")
    )


def _edited(rng: random.Random, base: Sequence[Debt]) -> tuple[Debt, ...]:
    """Change a side as people do."""
    side: list[Debt] = []
    for one in base:
        debt = one
        act = rng.random()
        if act < 0.15:
            continue
        if act < 0.3:
            debt = replace(debt, count=rng.randint(1, debt.count))
        elif act < 0.4 and debt.most:
            debt = replace(debt, most=float(rng.randint(1, int(debt.most))))
        elif act < 0.5 and debt.scope:
            debt = replace(debt, scope=debt.scope.replace(".py", "_moved.py"))
        elif act < 0.6:
            debt = replace(debt, count=1, reason="later", owner="ada", expires=rng.choice(_DAYS[1:]))
        side.append(debt)
        if act > 0.9:
            side.append(replace(debt, count=1, reason="grown", owner="bob", expires=rng.choice(_DAYS[1:])))
    if rng.random() < 0.3:
        side.append(
            replace(_debt(rng, "m9.py:z" if rng.random() < 0.5 else "m0.py:q"), shape="", reason="new", owner="ada", expires="2027-03-01")
        )
    return baseline.counted(_ones(side))


def _ones(side: Iterable[Debt]) -> list[Debt]:
    """Return debts one by one; a memory question has one debt, and a day goes with its reason."""
    seen, ones = set(), []
    for one in baseline.slots(side):
        key = (one.check, one.scope, one.rule, one.message, one.most, one.expires)
        reason, owner = (f"until {one.expires}", "ada") if one.expires else ("", "")
        if not (one.unit and one.check in seen):
            ones.append(replace(one, reason=reason, owner=owner))
        seen |= {one.check, str(key)}
    return ones


def _kind(debt: Debt) -> tuple[str, ...]:
    return debt.check, debt.rule, debt.scope.replace("_moved", ""), debt.message


def _most(debt: Debt) -> float:
    return float("inf") if debt.most is None else debt.most


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
