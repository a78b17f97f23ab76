"""Mistakes in words: what was found and what to write, each one short line whatever the file holds."""

from collections.abc import Hashable
from difflib import get_close_matches
from types import UnionType
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from gate import units

_SHOWN = 60
_COMPARED = 64
_SIMPLE = {  # what pydantic calls it -> what to write
    "int_type": "is not a whole number; write plain digits",
    "bool_type": "is not true or false; write one of them",
    "string_type": "is not text; write it in quotes",
    "tuple_type": "is not a list; write for example [one, two]",
    "dict_type": "is not a mapping; write keys and values below it",
    "model_type": "is not a mapping; write keys and values below it",
    "date_type": "is not a day; write for example 2026-11-22, without quotes",
    "string_too_short": "says nothing; write a word",
    "string_pattern_mismatch": "is not a name; write a-z, 0-9, - and _, at most 64 of them, a letter or digit first",
}
_BOUNDS = {  # what pydantic calls it -> the bound in its context, how to say it
    "greater_than": ("gt", "is too little; write more than"),
    "greater_than_equal": ("ge", "is too little; write at least"),
    "less_than_equal": ("le", "is too much; write at most"),
}
_LENGTHS = {
    "too_short": ("min_length", "or more"),
    "too_long": ("max_length", "or fewer"),
}


def say(model: type[BaseModel], detail: ErrorDetails, found: object) -> str:
    """Word one mistake of a model: what was found, and what to write."""
    kind = detail["type"]
    if kind == "missing":
        return "is missing; add it"
    if kind == "extra_forbidden":
        return _unknown(model, detail["loc"])
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    return f"{show(found)} {_advice(detail, found)}"


def nearest(model: type[BaseModel], path: tuple[Hashable, ...]) -> str:
    """Name the known key that is nearest to an unknown one, or return ""."""
    near = get_close_matches(str(path[-1])[:_COMPARED], _keys(model, path[:-1]), n=1, cutoff=0.5)
    return near[0] if near else ""


def show(found: object) -> str:
    """Name a value as a policy writes it, short.

    >>> show("10 MX"), show(True), show(None), show(()), show({})
    ('"10 MX"', 'true', 'null', 'a list', 'a mapping')
    """
    if isinstance(found, str):
        return f'"{one_line(found, _SHOWN)}"'
    if isinstance(found, bool) or found is None:
        return {True: "true", False: "false", None: "null"}[found]
    return "a list" if isinstance(found, tuple) else "a mapping" if isinstance(found, dict) else str(found)


def one_line(text: str, most: int) -> str:
    r"""Cut the middle out of a long text, then escape what would break a line or could not be seen.

    >>> one_line("first" + chr(10) + "second", 60), one_line("x" * 100 + "end", 11)
    ('first\\nsecond', 'xxxx...xend')
    """
    if len(text) > most:
        text = f"{text[: (most - 3) // 2]}...{text[-((most - 3) // 2) :]}"
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _advice(detail: ErrorDetails, found: object) -> str:
    """Say what is wrong with what was found, and what to write."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if kind in _BOUNDS:
        name, advice = _BOUNDS[kind]
        return f"{advice} {_amount(context[name], found)}"
    if kind in _LENGTHS:
        name, advice = _LENGTHS[kind]
        return f"of {context['actual_length']}; write {context[name]} {advice}"
    if kind == "literal_error":
        return f"is not known here; write {context['expected']}"
    return f"is refused: {detail['msg'][0].lower()}{detail['msg'][1:]}; correct it"


def _amount(bound: float, found: object) -> str:
    """Write a bound in the unit of what was found.

    >>> _amount(64e6, "1 MB"), _amount(86400, "2000 min"), _amount(100_000_000, 5), _amount(0, "0 s")
    ('64 MB', '86400 s', '100000000', '0')
    """
    if not bound or not isinstance(found, str):
        return f"{bound:.15g}"
    return units.show_size(bound) if found.endswith("B") else f"{bound:.15g} s"


def _unknown(model: type[BaseModel], path: tuple[Hashable, ...]) -> str:
    """Advise on an unknown key."""
    near = nearest(model, path)
    return f'unknown key; did you mean "{near}"?' if near else f"unknown key; known here: {', '.join(_keys(model, path[:-1]))}"


def _keys(model: type[BaseModel], path: tuple[Hashable, ...]) -> list[str]:
    """Return the keys that the model at a path knows."""
    at: object = model
    for part in path:
        if isinstance(at, type) and issubclass(at, BaseModel):
            at = _unwrap(at.model_fields[str(part)].annotation)
        else:
            at = get_args(at)[-1 if isinstance(part, str) else 0]
    fields = at.model_fields if isinstance(at, type) and issubclass(at, BaseModel) else {}
    return [field.alias or name for name, field in fields.items()]


def _unwrap(annotation: object) -> object:
    """Return the model inside an optional one."""
    return get_args(annotation)[0] if isinstance(annotation, UnionType) else annotation
