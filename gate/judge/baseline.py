"""Known again: which findings are those of a baseline, or of another tree; which are new, and which are fixed."""

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gate.facts import Diagnostic, Finding, Outcome, Reading
from gate.facts.rows import Complaint, Ratchet
from gate.facts.work import Debt, Question, Step

_MOST = 400  # letters of a message that are kept
_SHAPE = 8  # letters of a digest
_MEASURED = re.compile(r"\((?P<amount>\d+) > (?P<limit>\d+)\)")  # as ruff words what is above a limit
_CHANGING = (  # what changes by itself when neighbours do
    (re.compile(r"\blines? \d+(?:[-:]\d+)*"), "line N"),
    (re.compile(r"(?<=\.py):\d+(?::\d+)?"), ":N"),
    (re.compile(r"(?<=\w)`-?\d+\b"), ""),  # mypy numbers its type variables
    (re.compile(r"\b0x[0-9a-fA-F]{6,}"), "0x"),
)
_QUALIFIED = re.compile(r"(.+\.pyi?):([^:]+)")
_MOST_OF_IT, _ALL_OF_IT = 3, 4  # of the four hashes of a shape
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]+")  # no policy holds these

Identity = tuple[str, str, str, str]


def complaints(step: Step, finding: Finding, reading: Reading) -> tuple[Complaint, ...]:
    """Return each finding of a check as it is known again; () where there is none, or the check does not tell them apart."""
    if finding.outcome is not Outcome.FAILED or not step.keeps:
        return ()
    if isinstance(step.work, Question):
        slope = finding.estimate
        if slope is None:
            return ()
        return (Complaint(check=step.check, rule="", scope="", message="", line=finding.headline, amount=slope.low, unit=finding.unit),)
    return tuple(complaint(step.check, row) for row in reading.diagnostics)


def complaint(check: str, row: Diagnostic) -> Complaint:
    """Take a complaint of a tool for what it says about its scope, without the line it stands on."""
    message, amount = normalised(row.message)
    return Complaint(
        check=check,
        rule=_seen(row.code),
        scope=_seen(f"{row.path}:{row.scope}" if row.scope else row.path),
        message=message,
        line=f"{row.path}:{row.line}: {row.message} [{row.code}]",
        found=row,
        amount=amount,
        shape=row.shape,
    )


def normalised(message: str) -> tuple[str, float | None]:
    """Leave out of a message what changes although the finding does not; return beside it what the finding measures.

    >>> normalised("`f` is too complex (12 > 10)"), normalised('Name "f" already defined on line 7')
    (('`f` is too complex (N > 10)', 12.0), ('Name "f" already defined on line N', None))
    """
    found = _MEASURED.search(message)
    text = _MEASURED.sub(r"(N > \g<limit>)", message, count=1)
    for changing, instead in _CHANGING:
        text = changing.sub(instead, text)
    text = _seen(text)
    if len(text) > _MOST:
        text = f"{text[:_MOST]}... {_digest(text)}"
    return text, float(found["amount"]) if found else None


def compare(debts: Iterable[Debt], found: Iterable[Complaint], there: Iterable[str], day: str) -> Ratchet:
    """Set what was found on a day against what is known; `there` names the scopes of debts that are still in the tree.

    Alike are as many as are counted, and none may measure more than is known. A scope that is gone is known again elsewhere by what
    is in it: whoever mends one finding and makes an equal one elsewhere keeps the scope of the first, and the other is new.
    """
    owed, seen = _grouped(debts), _gathered(found)
    news: list[Complaint] = []
    known: list[tuple[Complaint, Debt]] = []
    fixed: list[Debt] = []
    lapsed: list[Debt] = []
    exceeded: list[Debt] = []
    scopes = {key[2] for key in owed}
    left = frozenset(there) | {key[2] for key in seen}
    gone = {debt.scope: debt.shape for alike in owed.values() for debt in alike if debt.scope not in left}
    come = {one.scope: one.shape for alike in seen.values() for one in alike if one.scope not in scopes}
    moved = moves(gone, come)
    owed = _grouped(replace(debt, scope=moved.get(debt.scope, debt.scope)) for alike in owed.values() for debt in alike)
    for identity in owed.keys() | seen.keys():
        matched = _matched(owed.get(identity, []), seen.get(identity, []), day)
        news += matched.new
        known += matched.known
        fixed += matched.fixed
        lapsed += matched.lapsed
        exceeded += matched.exceeded
    return Ratchet(
        new=tuple(sorted(news, key=_place)),
        known=tuple(sorted(known, key=lambda pair: _place(pair[0]))),
        fixed=tuple(sorted(fixed, key=order)),
        lapsed=tuple(sorted(lapsed, key=order)),
        exceeded=tuple(sorted(exceeded, key=order)),
    )


def order(debt: Debt) -> tuple[str, ...]:
    """Return by what debts are sorted: by check, then by place."""
    return debt.check, debt.scope, debt.rule, debt.message, debt.expires or "9999", f"{debt.most or 0:024.3f}"


def identity(debt: Debt) -> Identity:
    """Return by what a debt is known again."""
    return debt.check, debt.rule, debt.scope, debt.message


def slots(debts: Iterable[Debt]) -> list[Debt]:
    """Return debts one by one, those that hold longest first."""
    ones = [replace(debt, count=1) for debt in debts for _ in range(debt.count)]
    return sorted(ones, key=lambda one: one.expires or "9999", reverse=True)


def counted(ones: Iterable[Debt]) -> tuple[Debt, ...]:
    """Return single debts as they are written down: those that are alike with their number, sorted."""
    sums: dict[Debt, int] = defaultdict(int)
    for one in ones:
        sums[one] += 1
    return tuple(sorted((replace(one, count=number) for one, number in sums.items()), key=order))


def moves(gone: Mapping[str, str], come: Mapping[str, str]) -> dict[str, str]:
    """Pair scopes that are gone with those they are now, each given with its shape; what could be two is none.

    Into another file a scope takes its qualified name along, and most of what it is told by; in its own file it may have another name
    when all of that is the same.
    """
    named: dict[str, list[str]] = defaultdict(list)  # by file and by qualified name: no other can be meant
    for new in come:
        for part in _taken_apart(new):
            named[part].append(new)
    found: dict[str, list[str]] = {}
    for old, shape in gone.items():
        path, inner = _taken_apart(old)
        for new in dict.fromkeys([*named[inner], *named[path]]):
            alike = sum(shape[at : at + 2] == come[new][at : at + 2] for at in range(0, len(shape), 2)) if come[new] else 0
            if alike >= (_ALL_OF_IT if _taken_apart(new)[0] == path else _MOST_OF_IT):
                found.setdefault(old, []).append(new)
    taken = Counter(new for every in found.values() for new in every)
    return {old: every[0] for old, every in found.items() if len(every) == 1 and taken[every[0]] == 1}


def _grouped(debts: Iterable[Debt]) -> dict[Identity, list[Debt]]:
    owed: dict[Identity, list[Debt]] = defaultdict(list)
    for debt in debts:
        owed[identity(debt)].append(debt)
    return owed


def _gathered(found: Iterable[Complaint]) -> dict[Identity, list[Complaint]]:
    seen: dict[Identity, list[Complaint]] = defaultdict(list)
    for one in found:
        seen[one.identity].append(one)
    return seen


def _taken_apart(scope: str) -> tuple[str, str]:
    """Return the path of a scope and its qualified name.

    >>> _taken_apart("pkg/a.py:Class.method"), _taken_apart("docs/a.md")
    (('pkg/a.py', 'Class.method'), ('docs/a.md', ''))
    """
    found = _QUALIFIED.fullmatch(scope)
    return (found[1], found[2]) if found else (scope, "")


def _matched(debts: Sequence[Debt], alike: Sequence[Complaint], day: str) -> Ratchet:
    """Pair findings with debts that are alike; the longest standing debts are used first."""
    left = slots(debts)
    new: list[Complaint] = []
    known = []
    for one in sorted(alike, key=lambda one: -(one.amount or 0)):
        fitting = [slot for slot in left if _covers(slot, one) and not _is_over(slot, day)]
        if fitting:
            slot = max(fitting, key=lambda slot: (slot.expires or "9999", -(slot.most if slot.most is not None else math.inf)))
            left.remove(slot)
            known.append((one, slot))
        else:
            new.append(one)
    over = [slot for slot in left if _is_over(slot, day) and any(_covers(slot, one) for one in new)][: len(new)]
    worse = [slot for slot in left if slot not in over][: len(new) - len(over)]  # found, but it measures more than is known
    for slot in (*over, *worse):
        left.remove(slot)
    return Ratchet(new=tuple(new), known=tuple(known), fixed=counted(left), lapsed=counted(over), exceeded=counted(worse))


def _covers(slot: Debt, one: Complaint) -> bool:
    """Tell whether a debt is as bad as a finding."""
    return slot.most is None or one.amount is None or (slot.unit == one.unit and one.amount <= slot.most)


def _is_over(slot: Debt, day: str) -> bool:
    return bool(slot.expires) and slot.expires < day


def _seen(text: str) -> str:
    """Return a text as a policy can hold it."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def _place(one: Complaint) -> tuple[str, int, str, str]:
    row = one.found
    return (row.path, row.line, row.code, one.message) if row else ("", 0, "", one.check)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_SHAPE]
