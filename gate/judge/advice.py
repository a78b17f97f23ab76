"""Propose what makes agents lighter: ranked, each with what it saves after those above it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gate.facts import Holder
from gate.facts.advice import Held, Proposal, Slottable, Survey

WORTH = 0.05  # share of what an agent weighs that a proposal must save: less is within what agents differ by, and not worth its code
_LEAST = 64  # bytes per agent that it must save in any case
_BLOCK = 65_536  # elements that an index of 2 bytes tells apart
_RANKED, _GROUPED = 256, 1024  # elements of which 2 bytes tell how many come before them, of low bytes and of a bitmap
_ROOM = 65  # bytes of the object that holds a block, with what the allocator puts around it, and of the reference to it
_OBJECT = 816  # bytes of what a sparse array is beside its blocks
_HOLDER = 256  # and of what holds a dense one, at the most
_SLACK = 1.0  # bytes a step that are no growth: the resolution of a growth limit of 0
_EXACT = "exact"


def propose(survey: Survey, *, build: str, grows: float = 0.0) -> tuple[Proposal, ...]:
    """Return proposals, the one that saves most first, each for what is left after those above; then what grows.

    Remedies are not additive: on one array sharing comes first, because it costs no access, and what is left of it may be narrowed or
    made sparse. `build` names the function that makes agents, `grows` is the growth in bytes a step that the policy allows with a reason:
    what is allowed is not advised against.
    """
    enough = max(_LEAST, WORTH * survey.weight)
    chains = [[*_held(row, build, survey)] for row in survey.held] + [[_slots(row)] for row in survey.classes]
    small = [chain.pop(0) for chain in chains if chain and chain[0].act in {"share", "intern"} and chain[0].saves < enough]
    chains += [[_together(found)] for act in ("share", "intern") if (found := [one for one in small if one.act == act])]
    chains = [[one for one in chain if one.saves >= enough] for chain in chains]
    ranked, left = [], survey.weight
    while any(chains):
        best = max((chain for chain in chains if chain), key=lambda chain: chain[0].saves).pop(0)
        left -= best.saves
        ranked.append(replace(best, leaves=left))
    growing = [replace(_bound(row), leaves=left) for row in survey.histories if row.size >= max(_SLACK, grows)]
    return (*ranked, *sorted(growing, key=lambda proposal: -proposal.saves))


def layout(elements: int, itemsize: int, stored: int, width: int, colours: int = 0) -> tuple[str, float]:
    """Return the smallest lossless layout of an array, and its bytes: those of `gate.remedies.layouts`, for blocks that are alike.

    `stored` elements of `itemsize` bytes differ from the most common one; `width` bytes hold each of their values exactly, and if only
    `colours` of them are different, a palette and a byte each. They are told by an index of 2 bytes each, by their low bytes, or by a
    bitmap; or all elements are stored.

    >>> layout(65_536, 8, 0, 8), layout(65_536, 8, 100, 4), layout(65_536, 8, 30_000, 8)
    (('one value', 824), ('index', 1481), ('bitmap', 249201))
    >>> layout(65_536, 8, 3000, 8), layout(65_536, 8, 30_000, 8, 200), layout(65_536, 8, 65_536, 8)
    (('low bytes', 28395), ('bitmap', 40801), ('dense', 524544))
    """
    blocks = -(-elements // _BLOCK)
    length, count = elements / blocks, stored / blocks

    def values(number: float, colours: int) -> float:
        there = colours * (1 - (1 - 1 / colours) ** number) if colours else 0.0  # a block need not have all of them
        return min(number * width, there * itemsize + number * (colours > 1)) if colours else number * width

    told = {"index": 2 * count, "low bytes": count + 2 * (length / _RANKED + 1), "bitmap": length / 8 + 2 * length / _GROUPED}
    ways = {name: round(blocks * (_ROOM + size + values(count, colours))) for name, size in told.items()}
    ways["every value"] = round(blocks * (_ROOM + values(length, colours and colours + 1)))
    sizes = {name: _OBJECT + size for name, size in ways.items()} | {"dense": _HOLDER + elements * itemsize}
    sizes |= {} if stored else {"one value": _OBJECT + itemsize * blocks}
    name = min(sizes, key=sizes.__getitem__)
    return name, sizes[name]


def _held(row: Held, build: str, survey: Survey) -> Iterator[Proposal]:
    """Propose what to do with arrays or texts that are held in one way: first to share them, then another form for those that are left."""
    if row.again:
        yield _share(row, build, survey) if row.elements else _intern(row)
    left = row.copies - row.again
    if not row.elements or not left:
        return
    width = int(row.narrow.lstrip("floatuin")) // 8 if row.narrow else row.itemsize
    name, size = layout(row.elements, row.itemsize, row.stored, row.width or width, row.colours)
    narrowed, sparse = (left * (row.elements * row.itemsize - other) for other in (row.elements * width, size))
    yield _narrow(row, narrowed, build) if narrowed >= sparse or name == "dense" else _sparse(row, name, sparse, build, survey)


def _together(small: Sequence[Proposal]) -> Proposal:
    """Put proposals of one kind together that save little each."""
    first, *rest = sorted(small, key=lambda one: -one.saves)
    if not rest:
        return first
    paths = (*first.paths, *(path for one in rest for path in one.paths))
    why, code = f"{first.why}; and likewise {len(rest)} more", f"{first.code}, and so on"
    return replace(first, paths=paths, why=why, saves=sum(one.saves for one in small), code=code)


def _share(row: Held, build: str, survey: Survey) -> Proposal:
    code = f"{_code(row.path, 'POOL.intern({})')} with POOL = gate.remedies.pool.SharedPool(), one for all agents"
    some = "every one" if row.again >= row.copies else f"{row.again:.3g} of {row.copies:.3g} an agent"
    return Proposal(
        act="share",
        paths=(row.path,),
        why=f"{row.kind}: {some} equals another one, none changed in {survey.steps:,} steps",
        saves=row.again * row.size,
        exact=f"{_EXACT}; read-only, so that a later write fails loudly",
        cost="none",
        code=code,
        where=f"after {build} has built the agent",
        applies=True,
    )


def _intern(row: Held) -> Proposal:
    return Proposal(
        act="intern",
        paths=(row.path,),
        why=f"{row.again:.3g} of {row.copies:.3g} an agent equal another text",
        saves=row.again * row.size,
        exact=_EXACT,
        cost="none; one look-up when the text is made",
        code=_code(row.path, "sys.intern({})"),
        where="at the place that makes the text",
        applies=True,
    )


def _narrow(row: Held, saves: float, build: str) -> Proposal:
    wraps = "is rounded to it" if row.narrow.startswith("float") else "wraps around at its ends"
    return Proposal(
        act="narrow",
        paths=(row.path,),
        why=f"{row.kind}: {row.narrow} holds every element as it is now",
        saves=saves,
        exact=f"every value is exact; what is computed in {row.narrow} {wraps}",
        cost="none alone; beside a wider array it is converted in each operation",
        code=_code(row.path, f"{{}}.astype(numpy.{row.narrow})"),
        where=f"after {build} has built the agent",
        applies=True,
        bold=True,
    )


def _sparse(row: Held, name: str, saves: float, build: str, survey: Survey) -> Proposal:
    seen = f"at both looks, {survey.steps:,} steps apart" if row.changed else "and none changed"
    return Proposal(
        act="sparse",
        paths=(row.path,),
        why=f"{row.kind}: {row.elements - row.stored:,} of {row.elements:,} elements are one value {seen}; smallest layout: {name}",
        saves=saves,
        exact=f"{_EXACT}; it saves this only while it is as sparse as it was" if row.changed else _EXACT,
        cost="each read and write of an element goes through an index",
        code=f"{_code(row.path, 'BeliefArray({})')} of gate.remedies.sparse",
        where=f"after {build} has built the agent",
        applies=True,
        bold=True,
    )


def _slots(row: Slottable) -> Proposal:
    names = ", ".join(f'"{name}"' for name in row.slots)
    return Proposal(
        act="slots",
        paths=(row.name,),
        why=f"{row.count:.3g} an agent, each {row.plain:.0f} B, with slots {row.slotted:.0f} B; no base has a dictionary",
        saves=row.count * (row.plain - row.slotted),
        exact=f"{_EXACT}, unless something reads its __dict__ or sets further attributes",
        cost="none",
        code="@dataclass(slots=True)" if row.data else f"__slots__ = ({names}{',' if len(row.slots) == 1 else ''})",
        where=f"in the class {row.name}",
        applies=True,
    )


def _bound(row: Holder) -> Proposal:
    numbers = row.kind in {"ndarray", "array"}
    remedy = "RingBuffer(capacity, dtype)" if numbers else "BoundedHistory(capacity)"
    return Proposal(
        act="bound",
        paths=(row.path,),
        why=f"{row.kind} without a bound: {row.gained:+.3g} items/step, {row.items:,} items now",
        saves=row.size,
        unit="B/step",
        exact="forgets what is older than its capacity",
        cost="none",
        code=f"{row.path} = {remedy} of gate.remedies.ring, with room for as many as are ever read back",
        where="at the place that makes it",
    )


def _code(path: str, call: str) -> str:
    """Write an assignment to what is held in one way, for each entry when it stands for many.

    >>> _code("agent.A[0]", "f({})"), _code("agent.rows[...].x", "f({})")
    ('agent.A[0] = f(agent.A[0])', 'for each entry: agent.rows[i].x = f(agent.rows[i].x)')
    """
    one = path.replace("[...]", "[i]")
    return f"{'for each entry: ' if one != path else ''}{one} = {call.format(one)}"
