"""Three-way merge of baselines: of every debt what the stricter side knows, and never more than either."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from gate.facts.work import Debt
from gate.judge import baseline
from gate.judge.baseline import Identity

_EVER, _ANY = "9999", float("inf")

Sides = Mapping[Identity, Sequence[Debt]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """What came of a merge."""

    debts: tuple[Debt, ...]
    ours: tuple[Debt, ...] = ()  # what our side had added since the base and the other does not know: left out, to be accepted anew
    theirs: tuple[Debt, ...] = ()  # likewise of the other side


def merge(base: Iterable[Debt], ours: Iterable[Debt], theirs: Iterable[Debt]) -> Merged:
    """Keep what both sides know, as few, as small and as short as the stricter of them has it.

    A debt that one side wrote down under another file, because its code went there, is the same debt.
    """
    before, mine, other = (tuple(side) for side in (base, ours, theirs))
    mine, other = _follow(before, other, mine), _follow(before, mine, other)
    old, one, two = (_grouped(side) for side in (before, mine, other))
    kept = [slot for key in sorted(one.keys() & two.keys()) for slot in _stricter(one[key], two[key])]
    return Merged(debts=baseline.counted(kept), ours=_added(one, old, two), theirs=_added(two, old, one))


def above(some: Iterable[Debt], parent: Iterable[Debt]) -> tuple[Debt, ...]:
    """Return those of some debts that are more than a parent knows, measure more, or are known for longer."""
    known = _grouped(parent)
    wrong = []
    for key, slots in _grouped(some).items():
        over = [
            slot for slot in slots if _number(slots, _until(slot), _most(slot)) > _number(known.get(key, ()), _until(slot), _most(slot))
        ]
        wrong += over[-1:]
    return tuple(sorted(wrong, key=baseline.order))


def grown(before: Iterable[Debt], after: Iterable[Debt]) -> tuple[Debt, ...]:
    """Return the debts that were not known before, also not where their code lay then."""
    old, new = tuple(before), tuple(after)
    return above(new, _follow(old, new, old))


def above_both(some: Iterable[Debt], ours: Iterable[Debt], theirs: Iterable[Debt]) -> tuple[Debt, ...]:
    """Return those of some debts that exceed both sides of a merge: no side has ever known so much."""
    every = tuple(some)
    other = {baseline.identity(debt) for debt in above(every, theirs)}
    return tuple(debt for debt in above(every, ours) if baseline.identity(debt) in other)


def _grouped(side: Iterable[Debt]) -> dict[Identity, list[Debt]]:
    """Return debts one by one, by what they are known by."""
    found: dict[Identity, list[Debt]] = defaultdict(list)
    for slot in baseline.slots(side):
        found[baseline.identity(slot)].append(replace(slot, place=""))
    return dict(found)


def _follow(old: Iterable[Debt], moved: Iterable[Debt], still: Iterable[Debt]) -> tuple[Debt, ...]:
    """Let the side on which debts lie where they were follow to where the other side has them now."""
    known, new, every = ({debt.scope: debt.shape for debt in side if debt.shape} for side in (old, moved, still))
    gone = {scope: shape for scope, shape in known.items() if scope not in new and scope in every}
    come = {scope: shape for scope, shape in new.items() if scope not in known and scope not in every}
    moves = baseline.moves(gone, come)
    return tuple(replace(debt, scope=moves.get(debt.scope, debt.scope)) for debt in still)


def _stricter(one: Sequence[Debt], two: Sequence[Debt]) -> list[Debt]:
    """Keep as many debts as neither side exceeds, on any day and for any amount."""
    both = (*one, *two)
    days = sorted({_until(slot) for slot in both}, reverse=True)
    amounts = sorted({_most(slot) for slot in both}, reverse=True)
    kept: list[Debt] = []
    for day, amount in product(days, amounts):
        room = min(
            min(_number(side, until, most) for side in (one, two)) - _number(kept, until, most)
            for until, most in product([each for each in days if each <= day], [each for each in amounts if each <= amount])
        )
        # of what may be kept until this day, the words are those of the side that says it
        named = next((slot for slot in both if _until(slot) == day), both[0])
        kept += [replace(named, most=None if amount == _ANY else amount)] * room
    return kept


def _number(slots: Iterable[Debt], day: str, amount: float) -> int:
    """Count the debts that hold on a day and are as large as an amount."""
    return sum(_until(slot) >= day and _most(slot) >= amount for slot in slots)


def _most(slot: Debt) -> float:
    return _ANY if slot.most is None else slot.most


def _until(slot: Debt) -> str:
    return slot.expires or _EVER


def _added(side: Sides, old: Sides, other: Sides) -> tuple[Debt, ...]:
    """Return what a side has, the base had not, and the other side has not."""
    counts = {key: max(len(old.get(key, ())), len(other.get(key, ()))) for key in side}
    return baseline.counted(slot for key, slots in side.items() for slot in slots[counts[key] :])
