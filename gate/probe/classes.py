"""Which classes would do without a dictionary in each instance, and what that saves: weighed, not reckoned."""

import functools
import operator
import os
import sys
import weakref
from collections.abc import Mapping, Sequence
from types import MemberDescriptorType, ModuleType
from typing import Any

from gate.probe.meters import Meters
from gate.probe.own import Own

_MANY = 64  # instances that are weighed
_HEAPTYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that was made, not built in
_ASKS = {"__del__", "__getattr__", "__getattribute__", "__slots__"}  # a class with one of these may count on its dictionary


def look(made: dict[type, list[object]], meters: Meters, *, root: str, agents: int) -> list[dict[str, Any]]:
    """Return each class below `root` that could have `__slots__`: of the user's own, with no dictionary from anywhere else in its MRO.

    `plain` and `slotted` are bytes of heap of one instance with the attributes that instances have, without and with slots: of new
    ones whose dictionary nobody asked for, as they are before anyone looks.
    """
    rows = []
    for kind, instances in made.items():
        names = _names(instances)
        if meters.heap() < 0 or not names or not _could(kind, names, root):
            continue
        bases = kind.__mro__[1:]
        weak = any(map(weakref.getweakrefcount, instances)) and not any(base.__weakrefoffset__ for base in bases)
        slots = (*names, *(["__weakref__"] if weak else []))
        inherited = [name for base in bases for name, slot in vars(base).items() if type(slot) is MemberDescriptorType]
        twin = type(kind.__name__, (), {"__slots__": (*slots, *inherited)})
        plain, slotted = _weight(kind, names, meters), _weight(twin, names, meters)
        row = {"name": f"{kind.__module__}:{kind.__qualname__}", "count": len(instances) / agents, "slots": slots}
        rows.append(row | {"plain": plain, "slotted": slotted, "data": "__dataclass_fields__" in vars(kind)})
    return rows


def slot(rows: Mapping[str, Sequence[str]]) -> None:
    """Give classes of modules slots, each named "module:Class", as if they had been written so; before anything is built.

    What `dataclasses` does for `slots=True`: a class of the same name and words stands wherever a module names the first one.
    """
    for name, slots in rows.items():
        kind = _named(name)
        words = {word: value for word, value in vars(kind).items() if word not in {"__dict__", "__weakref__", *slots}}
        made = type(kind)(kind.__name__, kind.__bases__, words | {"__slots__": tuple(slots), "__qualname__": kind.__qualname__})
        for value in words.values():
            for cell in getattr(getattr(value, "__func__", value), "__closure__", None) or ():  # super() looks there
                if cell.cell_contents is kind:
                    cell.cell_contents = made
        for names in [vars(module) for module in list(sys.modules.values()) if type(module) is ModuleType]:
            names.update({word: made for word, value in names.items() if value is kind})


def use(rows: Mapping[str, Sequence[str]], meters: Meters) -> None:
    """Make instances of classes and drop them: the first few dozen of a class have room for attributes that none of them gets."""
    for name, slots in rows.items():
        _weight(_named(name), [slot for slot in slots if slot != "__weakref__"], meters)


def _named(name: str) -> type:
    module, _, attribute = name.partition(":")
    found: type = operator.attrgetter(attribute)(sys.modules[module])
    return found


def _names(instances: list[object]) -> list[str]:
    """Return the attributes that instances have in their dictionaries, in the order in which they came."""
    found: dict[str, None] = {}
    for one in instances:
        try:
            found |= dict.fromkeys(object.__getattribute__(one, "__dict__"))
        except (AttributeError, TypeError):  # it has none, or a class of its own in its place
            return []
    return list(found)


def _could(kind: type, names: list[str], root: str) -> bool:
    """Tell whether slots can be written into a class of the user's own, and whether they would help."""
    words, bases = vars(kind), kind.__mro__[1:]
    file = os.path.realpath(str(vars(sys.modules.get(kind.__module__, sys)).get("__file__", "")))
    own = file.startswith(os.path.realpath(root) + os.sep) and not {"site-packages", "dist-packages"} & set(file.split(os.sep))
    alone = all(base is object or (base.__flags__ & _HEAPTYPE and not base.__dictoffset__) for base in bases)
    caches = any(type(word) is functools.cached_property for word in words.values())  # it writes into the dictionary
    clash = not words.keys().isdisjoint(names) and "__dataclass_fields__" not in words  # a default in the class takes the slot's place
    return own and alone and type(kind) is type and not (caches or clash or words.keys() & _ASKS) and all(map(str.isidentifier, names))


def _weight(kind: type, names: list[str], meters: Meters) -> float:
    """Return the bytes of heap of one more instance with attributes that all refer to the same thing; runs no code of the class.

    The first few dozen instances of a class have room for attributes that none of them gets, so that others are made before.
    """
    kept: list[Any] = [None] * (2 * _MANY)
    before = 0
    for at in range(2 * _MANY):
        if at == _MANY:
            if Own.is_collecting():
                Own.collect()  # else one that comes by itself in between lets go of what was garbage before
            before = meters.heap()
        one: object = object.__new__(kind)
        for name in names:
            object.__setattr__(one, name, None)
        kept[at] = one
    return (meters.heap() - before) / _MANY
