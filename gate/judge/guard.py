"""Which fields of a policy let more through than they did: two policies as plain values, compared field by field."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import cast

Path = tuple[str, ...]
Flat = Mapping[Path, object]  # a value for each key path; what a policy leaves out has none

_LEFT_OUT = "left out"


@dataclass(frozen=True, kw_only=True, slots=True)
class Loosened:
    """One field that lets more through."""

    path: Path
    old: object  # None: there was none
    new: object  # None: there is none any more
    why: str


def loosened(before: Flat, after: Flat) -> tuple[Loosened, ...]:
    """Return every field that is looser than before, in the order of their paths; what only got stricter is none of them.

    Where neither can be told to be the stricter one, such as of another command, the change is told.
    """
    found: dict[Path, Loosened] = {}
    nodes = _nodes(before), _nodes(after)
    turned = {path for path in nodes[0] ^ nodes[1] if any(_fits(path, part) for part in _PARTS)}  # parts that only one side has
    for path in turned - {path for path in turned if _above(path) & turned}:
        added = next((why for part, why in _ADDED.items() if _fits(path, part)), "")
        if added and path in nodes[1]:
            found[path] = Loosened(path=path, old=None, new=_below(after, path), why=added)
        elif not added and path in nodes[0]:
            why = next(why for part, why in _REMOVED.items() if _fits(path, part))
            found[path] = Loosened(path=path, old=_below(before, path), new=None, why=why)
    for path in before.keys() | after.keys():
        if (_above(path) | {path}) & turned:
            continue  # told as a whole, or stricter as a whole
        why = _rule(path)(before.get(path), after.get(path))
        if why:
            found[path] = Loosened(path=path, old=before.get(path), new=after.get(path), why=why)
    return tuple(found[path] for path in sorted(found))


def digest(rows: tuple[Loosened, ...], debts: tuple[str, ...] = ()) -> str:
    """Hash what was loosened, from what to what: who acknowledges that acknowledges nothing else."""
    told = [[list(row.path), _plain(row.old), _plain(row.new)] for row in rows]
    return f"sha256:{hashlib.sha256(json.dumps([told, list(debts)], sort_keys=True).encode()).hexdigest()}"


def knows(path: Path) -> bool:
    """Tell whether a field has a rule of its own; of the others every change is told."""
    return any(_fits(path, shape) for shape in _RULES)


def matters(path: Path) -> bool:
    """Tell whether a field decides about anything."""
    return _rule(path) is not _free


def _higher(old: object, new: object) -> str:
    """Tell that a number rose, or that there is none any more to bound anything.

    >>> _higher(1e7, 10_000 * 1e3), _higher(10, 20), _higher(20, 10), _higher(10, None)
    ('', 'higher', '', 'left out')
    """
    if new is None or old is None:
        return _LEFT_OUT if new is None else ""
    one, two = cast("float", old), cast("float", new)
    return "higher" if two > one and not math.isclose(one, two, rel_tol=1e-12) else ""


def _lower(old: object, new: object) -> str:
    """Tell that a number fell, or is there no more."""
    return _higher(new, old).replace("higher", "lower") if new is not None and old is not None else _LEFT_OUT if new is None else ""


def _later(old: object, new: object) -> str:
    return "longer" if str(new) > str(old) else ""


def _more(old: object, new: object) -> str:
    """Tell what was added to a list that lets through."""
    return _listed("more", _items(new) - _items(old))


def _fewer(old: object, new: object) -> str:
    """Tell what is gone from a list that demands."""
    return _listed("without", _items(old) - _items(new))


def _uncovered(old: object, new: object) -> str:
    """Tell which patterns no pattern covers any more."""
    return _listed("without", {one for one in _items(old) if not any(fnmatchcase(one, each) for each in _items(new))})


def _unread(old: object, new: object) -> str:
    """Tell which paths are below no path any more."""
    left = {one for one in _items(old) if not any(each in {".", one} or one.startswith(f"{each}/") for each in _items(new))}
    return _listed("without", left)


def _other(old: object, new: object) -> str:
    """Tell any change: nobody can say which of two commands is the stricter one."""
    return "another one" if _plain(old) != _plain(new) else ""


def _sizes(old: object, new: object) -> str:
    """Tell sizes that are weighed no more; those that the gate chose are not to be compared with written ones."""
    return _fewer(old, new) if _items(old) else _other(old, new)


def _appears(old: object, new: object) -> str:
    """Tell that there is a reason for doing without, whatever its words."""
    return "done without" if new and not old else ""


def _vanishes(old: object, new: object) -> str:
    return _LEFT_OUT if old and not new else ""


def _free(_old: object, _new: object) -> str:
    return ""


def _unless(strictest: str) -> Callable[[object, object], str]:
    """Tell any change but the one to the strictest value."""
    return lambda old, new: _other(old, new) if new != strictest else ""


Rule = Callable[[object, object], str]

_REMOVED: dict[Path, str] = {  # parts that demand something: one that is gone demands it no more
    ("memory", "agents", "*"): "not asked any more",
    ("memory", "calls", "*"): "not asked any more",
    ("memory", "*", "*", "limits", "*"): "not asked any more",
    ("quality", "commands", "*"): "not run any more",
    ("docs", "destinations", "*"): "no documents belong there any more",
}
_ADDED: dict[Path, str] = {  # parts that let something through
    ("cleanup", "kinds", "*"): "may go, too",
    ("workflow", "gate", "*"): "only these checks decide about this task",
    ("workflow", "waivers", "*"): "lived with",
    ("workflow", "commit", "allow", "*"): "goes in, too",
}
_PARTS: tuple[Path, ...] = (*_REMOVED, *_ADDED)
_LIMIT = ("memory", "*", "*", "limits", "*")
_AGAIN: dict[Path, Rule] = {("reuse",): _unless("never"), ("env",): _fewer, ("time",): _higher}
_RULES: dict[Path, Rule] = {
    (*_LIMIT, "max"): _higher,
    (*_LIMIT, "resolution"): _higher,
    (*_LIMIT, "alpha"): _higher,  # of a larger one less confidence is wanted, also of who passes
    (*_LIMIT, "meter"): _unless("larger"),
    (*_LIMIT, "no_worse_than_base"): _higher,
    (*_LIMIT, "no_worse_than_base", "*"): _higher,
    (*_LIMIT, "because"): _free,
    (*_LIMIT, "measured", "*"): _free,
    ("memory", "*", "*", "settle"): _higher,
    ("memory", "*", "*", "steps"): _lower,
    ("memory", "*", "*", "sizes"): _sizes,
    ("memory", "*", "*", "parametrize", "*"): _fewer,
    ("memory", "*", "*", "budget", "*"): _higher,
    **{("memory", "*", "*", *key): rule for key, rule in _AGAIN.items()},
    ("memory", "without"): _appears,
    ("memory", "dead_limits"): _unless("fail"),
    ("memory", "drift", "tags"): _other,  # nobody can say of which patterns the tags are older
    ("memory", "drift", "most"): _higher,
    ("memory", "drift", "commits"): _lower,
    ("quality", "paths"): _unread,
    ("quality", "without", "*"): _appears,
    ("quality", "tests", "covers"): _unread,
    ("quality", "tests", "outside"): _appears,
    **{("quality", "tests", *key): rule for key, rule in _AGAIN.items()},
    **{("quality", "commands", "*", *key): rule for key, rule in _AGAIN.items()},
    ("quality", "commands", "*", "finds"): _more,  # what is found can be waived, what is broken cannot
    ("quality", "commands", "*", "needs"): _unless(""),
    ("quality", "commands", "*", "optional"): _appears,
    ("quality", "commands", "*", "version"): _free,
    ("cleanup", "kinds", "*", "match"): _more,
    ("cleanup", "kinds", "*", "empty"): _higher,
    ("cleanup", "kinds", "*", "tool"): _unless(""),
    ("cleanup", "kinds", "*", "class"): _unless("keepable"),
    ("cleanup", "kinds", "*", "live"): _lower,
    ("cleanup", "kinds", "*", "max_age"): _lower,
    ("cleanup", "kinds", "*", "keep"): _lower,
    ("cleanup", "protect"): _fewer,
    ("docs", "match"): _fewer,
    ("docs", "leave"): _more,
    ("docs", "root"): _more,
    ("docs", "home"): _free,
    ("docs", "index"): _vanishes,
    ("docs", "destinations", "*", "front_matter", "*"): _fewer,
    ("docs", "destinations", "*", "*"): _fewer,
    ("docs", "duplicates", "threshold"): _higher,
    ("docs", "duplicates", "fail"): _lower,
    ("workflow", "tasks"): _free,
    ("workflow", "gate", "*", "checks"): _uncovered,
    ("workflow", "floor"): _uncovered,
    ("workflow", "waivers", "*", "expires"): _later,
    ("workflow", "waivers", "*", "*"): _free,  # its check and what it matches are its name
    ("workflow", "record", "paths"): _more,  # the tree id does not see them
    ("workflow", "record", "max_age"): _higher,
    ("workflow", "record", "summary"): _free,
    ("workflow", "record", "keep", "*"): _free,
    ("workflow", "commit", "type"): _free,
    ("workflow", "commit", "protected"): _uncovered,
    ("workflow", "commit", "detached"): _higher,
    ("workflow", "commit", "max_file"): _higher,
    ("workflow", "commit", "max_report"): _higher,
    ("workflow", "commit", "reports"): _fewer,
    ("workflow", "commit", "binaries"): _more,
    ("workflow", "commit", "allow", "*", "kinds"): _more,
    ("workflow", "commit", "allow", "*", "*"): _free,
    ("*", "version"): _free,
}


def _rule(path: Path) -> Rule:
    """Return what compares a field; of one that nobody has thought of every change is told."""
    return next((rule for shape, rule in _RULES.items() if _fits(path, shape)), _other)


def _fits(path: Path, shape: Path) -> bool:
    return len(path) == len(shape) and all(want in {"*", part} for want, part in zip(shape, path, strict=True))


def _nodes(flat: Flat) -> set[Path]:
    return {path[:length] for path in flat for length in range(1, len(path) + 1)}


def _above(path: Path) -> set[Path]:
    return {path[:length] for length in range(1, len(path))}


def _below(flat: Flat, path: Path) -> object:
    """Return everything that a part says."""
    return {".".join(key[len(path) :]): _plain(value) for key, value in flat.items() if key[: len(path)] == path}


def _items(value: object) -> set[str]:
    return {str(one) for one in value} if isinstance(value, tuple | list) else set()


def _plain(value: object) -> object:
    """Return a value as JSON has it: a number is what it measures, however it was written."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return float(f"{value:.12g}")
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else str(value)


def _listed(word: str, items: set[str]) -> str:
    return f"{word} {', '.join(sorted(items))}" if items else ""
