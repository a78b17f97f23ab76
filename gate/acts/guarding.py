"""The policies of the work tree beside those of the base: what lets more through, and who says why that is right."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

from gate import plan
from gate.environment import policies
from gate.errors import GateError, PolicyError
from gate.facts.work import Debt
from gate.judge import baseline, merging
from gate.judge import guard as judge
from gate.policy import ALL, FILES, FOLDER, Policy, parse
from gate.policy.reader import Located, read
from gate.policy.scalars import REFUSED
from gate.repo import revisions
from gate.units import show_count

_TARGET = "GITHUB_BASE_REF"  # set in a run for a pull request, and only there
_SHORT = 12  # letters of a commit
_MOST = 120  # letters of a value that are shown
_SHOWN = 20  # debts that are named
_KEYED = {  # lists whose entries are told apart by what they say, not by where they stand
    ("workflow", "waivers"): ("check", "match"),
    ("workflow", "commit", "allow"): ("path",),
}
_OTHERWISE = {("workflow", "acknowledged"), ("workflow", "learnings"), ("baseline",)}  # no demands, or compared in another way


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field that lets more through, as a person reads it."""

    place: str
    path: str
    old: str
    new: str
    why: str

    @property
    def words(self) -> str:
        """Say what it was and what it is."""
        return f"{self.place}: {self.path}: {self.old} -> {self.new} ({self.why})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Guarded:
    """What the policies let through that those of the base do not."""

    base: str = ""  # the revision, and its commit
    skipped: str = ""  # why nothing could be compared
    wanted: bool = False  # although something must be: of a pull request
    fields: tuple[Field, ...] = ()
    policy: str = ""  # the hash of the change
    reason: str = ""  # of whoever acknowledged it

    @property
    def open(self) -> bool:
        """Tell whether something is looser and nobody says why."""
        return bool(self.fields) and not self.reason

    def lines(self) -> Iterator[str]:
        """Tell it to people."""
        if self.skipped:
            yield f"SKIPPED      policy/guard  {self.skipped}"
        elif not self.fields:
            yield f"PASSED       policy/guard  nothing is looser than on {self.base}"
        else:
            outcome, number = ("FAILED" if self.open else "PASSED"), show_count(len(self.fields), "field")
            said = f"; acknowledged: {self.reason}" if self.reason else ""
            yield f"{outcome:<13}policy/guard  {number} looser than on {self.base}{said}"
            yield from (f"             {field.words}" for field in self.fields)
        if self.open:
            yield "             next: take it back, or let whoever owns policies/workflow.yaml write there:"
            yield "             acknowledged:"
            yield f'               - {{policy: "{self.policy}", reason: "..."}}'

    def as_dict(self) -> dict[str, object]:
        """Tell it to programs."""
        return {"base": self.base, "skipped": self.skipped, "loosened": self.fields, "policy": self.policy, "acknowledged": self.reason}


def guard(root: Path, policy: Policy, revision: str = "", *, there: Path | None = None) -> Guarded:
    """Compare the policies with those of a revision, by default of the commit where the branch began; only blobs are read.

    The policies lie in the work tree, or `there`. Raises GateError when a revision is named that is none.
    """
    try:
        name, commit = (revision, revisions.commit_of(root, revision)) if revision else _base(root)
    except GateError as error:
        if revision:
            raise
        return Guarded(skipped=f"there is no base: {error}", wanted=_TARGET in os.environ)
    base = f"{name} ({commit[:_SHORT]})"
    texts = {kind: raw for kind in ALL if (raw := revisions.content(root, commit, f"{FOLDER}/{kind}.yaml")) is not None}
    if policies(texts) == policy.digest:
        return Guarded(base=base)
    left = [f"{FOLDER}/{kind}.yaml" for kind in FILES if kind not in texts]
    if left:
        return Guarded(base=base, skipped=f"{base} has no policies to compare with: {left[0]} is not there")
    try:
        before = parse(texts)
    except PolicyError as error:
        return Guarded(base=base, skipped=f"the policies of {base} have mistakes by now: {str(error).splitlines()[0]}")
    return _compared(base, before, policy, _read(texts), _read(_own(there or root)))


def flat(policy: Policy) -> dict[judge.Path, object]:
    """Return every value of a policy by its key path."""
    return {path: value for path, _, value in _leaves(_dumped(policy), (), ())}


def _base(root: Path) -> tuple[str, str]:
    """Return the branch that a pull request will go to, as GitHub says it, or else the one that the branch looks like going to."""
    target = os.environ.get(_TARGET)
    return revisions.target(root, target) if target else revisions.fork(root)


def _compared(base: str, before: Policy, after: Policy, said: Mapping[str, Located], says: Mapping[str, Located]) -> Guarded:
    where = dict(_where(before)), dict(_where(after))
    rows = judge.loosened(flat(before), flat(after))
    known, owed = _debts(before), _debts(after)
    grown = merging.grown(known, owed)
    fields = tuple(
        Field(
            place=_place(after, where[1], row.path),
            path=".".join(row.path[1:]),
            old=_shown(said, where[0], row.path, row.old),
            new=_shown(says, where[1], row.path, row.new),
            why=row.why,
        )
        for row in rows
    )
    lines = {baseline.identity(debt): debt.place for debt in owed}
    fields += tuple(
        Field(place=lines[baseline.identity(debt)], path="debts", old="not known", new=debt.words, why="one more debt")
        for debt in grown[:_SHOWN]
    )
    if len(grown) > _SHOWN:
        rest = show_count(len(grown) - _SHOWN, "debt")
        fields += (Field(place=f"{FOLDER}/baseline.yaml", path="debts", old="not known", new=f"{rest} more", why="more debts"),)
    if not fields:
        return Guarded(base=base)
    digest = judge.digest(rows, tuple(sorted(f"{debt.words} {debt.most} {debt.expires}" for debt in grown)))
    spent = {entry.policy for entry in before.workflow.acknowledged}  # those are about changes that are on the base already
    reason = next((entry.reason for entry in after.workflow.acknowledged if entry.policy == digest and digest not in spent), "")
    return Guarded(base=base, fields=fields, policy=digest, reason=reason)


def _debts(policy: Policy) -> tuple[Debt, ...]:
    return tuple(debt for found in plan.debts(policy.baseline, policy.places).values() for debt in found)


def _own(root: Path) -> dict[str, bytes]:
    paths = {kind: root / FOLDER / f"{kind}.yaml" for kind in FILES}
    return {kind: path.read_bytes() for kind, path in paths.items()}


def _read(texts: Mapping[str, bytes]) -> dict[str, Located]:
    """Read files again as they are written: `10 kB` says more to people than a number of bytes."""
    return {kind: read(raw) for kind, raw in texts.items() if kind in FILES}


def _where(policy: Policy) -> Iterator[tuple[judge.Path, tuple[str | int, ...]]]:
    """Yield where each part of a policy is written: entries of lists by their number."""
    for path, place, _ in _leaves(_dumped(policy), (), ()):
        for length in range(1, len(path) + 1):
            yield path[:length], place[:length]


def _dumped(policy: Policy) -> dict[str, object]:
    return {kind: getattr(policy, kind).model_dump(by_alias=True) for kind in FILES}


def _leaves(value: object, path: judge.Path, place: tuple[str | int, ...]) -> Iterator[tuple[judge.Path, tuple[str | int, ...], object]]:
    """Yield every value that a policy has; one that is left out is none."""
    if path in _OTHERWISE or value is None:
        return
    found: Any = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    if path in _KEYED:
        names = [" ".join(filter(None, (entry[key] for key in _KEYED[path]))) for entry in found]
        for at, (name, entry) in enumerate(zip(names, found, strict=True)):
            again = names[:at].count(name)  # a second one that is alike is one more
            yield from _leaves(entry, (*path, f"{name} ({again + 1})" if again else name), (*place, at))
    elif isinstance(found, Mapping):
        for key, one in found.items():
            yield from _leaves(one, (*path, key), (*place, key))
    else:
        yield path, place, found


def _place(policy: Policy, where: Mapping[judge.Path, tuple[str | int, ...]], path: judge.Path) -> str:
    """Return the line of a part, or of the nearest one above it."""
    for length in range(len(path), 0, -1):
        place = where.get(path[:length])
        found = policy.places.get(".".join(map(str, place))) if place else None
        if found:
            return found
    return f"{FOLDER}/{path[0]}.yaml"


def _shown(said: Mapping[str, Located], where: Mapping[judge.Path, tuple[str | int, ...]], path: judge.Path, value: object) -> str:
    """Show a value as its policy writes it, or that it is a default, or that there is none."""
    if value is None:
        return "none"
    written = said[path[0]].at(where[path][1:])
    text = f"{_text(value)}, the default" if written is REFUSED else _text(written)
    return text if len(text) <= _MOST else f"{text[: _MOST - 3]}..."


def _text(value: object) -> str:
    """Write a value on one line.

    >>> _text({"max": "8 B/step", "sizes": (2, 3)})
    '{max: 8 B/step, sizes: [2, 3]}'
    """
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_text(one)}' for key, one in value.items())}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_text, value))}]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
