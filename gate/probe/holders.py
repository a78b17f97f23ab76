"""Who holds what grows: containers that got longer, the way to them from a module or an agent, and the bound they declare."""

import functools
import gc
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from types import BuiltinFunctionType, CodeType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any

from gate.probe.census import size
from gate.probe.own import Own

_LEAST = 8  # items by which a container must have grown
_RAREST = 1e-4  # items a step: what gains less explains no growth that is seen
_MOST = 5  # containers that are told
_SLIGHT = 0.05  # share of what the fastest gained below which another is not worth a search
_NODES = 2_000_000  # objects that the search visits at the most
_SECONDS = 1.0  # that it may take
CONTAINERS = (list, dict, set, deque)
_CACHE = type(functools.lru_cache(maxsize=1)(lambda: None))
_GROWING = (*CONTAINERS, _CACHE)  # asked of the type: an object may run code to say what it is
_BOUNDS = ("max", "limit", "capacity", "bound")  # an attribute with one of these in its name declares a bound
_LARGEST = 10_000_000  # a bound that nobody reaches is none
_BARE = {dict, list, tuple, deque, set}  # these have no attributes beside their items
_PLAIN = {str, int, float, bool, bytes}  # keys that show themselves without running code
_NEWEST = 32  # entries whose size stands for all
_OLDEST = 1000  # entries through which a search goes on, beside the newest
_ROWS = (dict, list, tuple, deque)
_LETTERS = 40
_SKIPPED = (ModuleType, FunctionType, BuiltinFunctionType, CodeType)

Row = dict[str, Any]


def sizes() -> dict[int, int]:
    """Return how many items every container has, by its identity; also of those that were imported."""
    gc.unfreeze()
    found = {id(item): length(item) for item in _containers()}
    gc.freeze()
    return found


def grown(before: dict[int, int], agents: list[object], steps: int) -> list[Row]:
    """Return the containers that grew most: `path`, `kind`, `items`, `gained` items and `size` bytes a step, and `bound`.

    `bound` is the number of items that one may hold, as it declares: `maxlen` of a deque, `maxsize` of an lru_cache, or an attribute
    of its owner whose name speaks of a maximum, a limit or a capacity and whose value is larger than the container is now; else 0.
    """
    gc.unfreeze()
    found = ((length(item) - before.get(id(item), 0), item) for item in _containers() if item is not before)
    gained = [(more, item) for more, item in found if more >= max(_LEAST, steps * _RAREST)]
    gained.sort(key=lambda pair: -pair[0])
    gained = [(more, item) for more, item in gained[:_MOST] if more >= _SLIGHT * gained[0][0]]
    ways = _ways({id(item) for _, item in gained}, agents)
    return [
        {
            "path": "".join(label for label, _ in ways.get(id(item), ())) or "reached from no module and no agent",
            "kind": type(item).__name__,
            "items": length(item),
            "gained": more / steps,
            "size": share(item) * more / steps,
            "bound": bound(item, [owner for _, owner in ways.get(id(item), ())]),
        }
        for more, item in gained
    ]


def _containers() -> list[Any]:
    """Return every container that may grow; the collector does not know dictionaries of plain keys and values, but who holds them."""
    living = gc.get_objects()
    kinds = {kind for kind in set(map(type, living)) if issubclass(kind, _GROWING)}
    plain = {id(item): item for item in gc.get_referents(*living) if type(item) is dict and not gc.is_tracked(item)}
    return [*(item for item in living if type(item) in kinds), *plain.values()]


def share(item: Any) -> float:
    """Return the bytes of one entry, with what it refers to at first hand: of the container's own, and the mean of the newest."""
    number = length(item)
    newest: list[Any] = []
    if issubclass(type(item), dict):
        newest = [part for pair in islice(reversed(dict.items(item)), _NEWEST) for part in pair]
    elif issubclass(type(item), (list, deque)):
        newest = list(islice(reversed(item), _NEWEST))
    elif issubclass(type(item), set):
        newest = list(islice(set.__iter__(item), _NEWEST))
    sizes = sum(size(part) for part in newest if part is not None and type(part) is not bool)  # these two are everybody's
    return size(item) / number + sizes / min(number, _NEWEST)


def length(item: Any) -> int:
    """Return how many items a container has, without running code of its type."""
    if issubclass(type(item), _CACHE):
        return int(item.cache_info().currsize)
    return next(kind.__len__(item) for kind in (*CONTAINERS, tuple) if issubclass(type(item), kind))  # never a __len__ of the user's


def bound(item: Any, owners: list[object]) -> int:
    """Return the declared number of items at which a container stops to grow, or 0."""
    now = length(item)
    if issubclass(type(item), deque):
        return item.maxlen or 0
    if issubclass(type(item), _CACHE):
        return item.cache_info().maxsize or 0
    for owner in [item, *reversed(owners[-3:])]:
        declared = [value for name, value in _attributes(owner) if _speaks(name) and type(value) is int and now <= value <= _LARGEST]
        if declared:
            return min(declared)
    return 0


def _speaks(name: str) -> bool:
    return any(word in name.lower() for word in _BOUNDS)


def _attributes(owner: object) -> Iterator[tuple[str, object]]:
    """Yield what an instance has by name, from its dictionary and its slots, without running code of its type."""
    with suppress(AttributeError, TypeError):  # it has none, or a class of its own in its place
        yield from dict(object.__getattribute__(owner, "__dict__")).items()
    for kind in type(owner).__mro__:
        for name, slot in vars(kind).items():
            if type(slot) is MemberDescriptorType:
                try:
                    yield name, slot.__get__(owner)
                except AttributeError:  # nothing was put into it
                    continue


Way = tuple[tuple[str, object], ...]


def _ways(targets: set[int], agents: list[object]) -> dict[int, Way]:
    """Find the shortest way to each target: from a module, which says why it stays, or else from an agent, which the gate holds, too."""
    found = _search(targets, _modules(), agents)
    return found | _search(targets - found.keys(), _agents(agents), agents)


def _search(targets: set[int], roots: Iterator[tuple[str, object]], agents: list[object]) -> dict[int, Way]:
    """Go out from roots, the nearest first: (label, object) from the root to each target, as far as the time allows."""
    came: dict[int, tuple[int, str, object]] = {}
    queue: deque[object] = deque()

    own = {id(came), id(queue), id(targets), id(agents)}
    found: dict[int, Way] = {}
    until = Own.monotonic() + _SECONDS

    def reach(item: object, by: int, label: str) -> None:
        if id(item) not in came and id(item) not in own:
            came[id(item)] = (by, label, item)
            queue.append(item)
            if id(item) in targets:
                found[id(item)] = _way(item, came)

    for label, root in roots:
        reach(root, 0, label)
        if len(found) == len(targets):
            return found
    while queue and len(found) < len(targets) and len(came) < _NODES and Own.monotonic() < until:
        item = queue.popleft()
        for label, inner in _inside(item):
            reach(inner, id(item), label)
    return found


def _modules() -> Iterator[tuple[str, object]]:
    """Yield what modules hold: Python's own after all others, private ones last, and nothing of the gate's own."""
    for name, module in sorted(sys.modules.items(), key=lambda pair: _rank(str(pair[0]))):
        if type(module) is ModuleType and not str(name).startswith("gate.probe"):
            yield from ((f"{name}.{key}", value) for key, value in list(vars(module).items()) if type(value) is not ModuleType)


def _rank(name: str) -> int:
    return 2 if name.startswith("_") else int(name.partition(".")[0] in sys.stdlib_module_names)


def _agents(agents: list[object]) -> Iterator[tuple[str, object]]:
    """Yield the agents that live."""
    yield from ((f"agents[{index}]", agent) for index, agent in enumerate(agents) if agent is not None)


def _way(item: object, came: dict[int, tuple[int, str, object]]) -> Way:
    steps: list[tuple[str, object]] = []
    at = id(item)
    while at:
        at, label, holder = came[at]
        steps.append((label, holder))
    return tuple(reversed(steps))


def _inside(item: Any) -> Iterator[tuple[str, object]]:
    """Yield what an object holds, each with how a program would write it."""
    kind = type(item)
    if issubclass(kind, (str, bytes, int, float, CodeType)):
        return
    named: set[int] = set()
    yield from _entries(item)
    if kind in _BARE:
        return
    if not issubclass(kind, _SKIPPED):
        for name, value in list(_attributes(item)):
            named.add(id(value))
            yield f".{name}", value
    if issubclass(kind, _ROWS) and length(item) > _OLDEST:
        return
    skipped = id(item.__globals__) if kind is FunctionType else 0
    for value in gc.get_referents(item):
        if id(value) not in named and id(value) != skipped and type(value) is not ModuleType:
            yield f".<{type(value).__name__}>", value


def _entries(item: Any) -> Iterator[tuple[str, object]]:
    """Yield the entries of a container; of one that is long the oldest and the newest, which stand for what lies between."""
    kind = next((base for base in _ROWS if issubclass(type(item), base)), None)
    if kind is dict:
        pairs = list(islice(dict.items(item), _OLDEST))
        pairs += islice(reversed(dict.items(item)), max(0, min(len(dict.items(item)) - _OLDEST, _NEWEST)))
        yield from ((f"[{short(key)}]", value) for key, value in pairs)
        yield from ((".keys()", key) for key, _ in pairs if gc.is_tracked(key))
    elif kind is not None:
        rows = list(enumerate(islice(kind.__iter__(item), _OLDEST)))
        last = kind.__len__(item) - 1
        if last >= _OLDEST and kind is not tuple:
            rows += [(last - at, value) for at, value in enumerate(islice(kind.__reversed__(item), min(last + 1 - _OLDEST, _NEWEST)))]
        yield from ((f"[{at}]", value) for at, value in rows if gc.is_tracked(value))


def short(key: object) -> str:
    """Show a key in a few letters, without running code of its type."""
    text = repr(key) if type(key) in _PLAIN else f"<{type(key).__name__}>"
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 3]}..."
