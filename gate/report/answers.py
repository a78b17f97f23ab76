"""What a verb did or found as one JSON object: the same facts as its lines for people, in one shape for all verbs."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass

from gate.facts import Change
from gate.facts.rows import Told
from gate.report.text import as_json, readable

VERSION = 1  # keys are added without a new one; a key that goes or means something else is a new one


def write(code: int, **body: object) -> str:
    r"""Write an answer with its exit code; a name that is not UTF-8 has \xNN for each byte that is none.

    >>> write(0, tree="a1")
    '{\n  "version": 1,\n  "exit_code": 0,\n  "tree": "a1"\n}\n'
    """
    return as_json({"version": VERSION, "exit_code": code, **{name: legible(value) for name, value in body.items()}})


def found(told: Sequence[Told]) -> list[dict[str, object]]:
    """Tell what checks found."""
    return [
        {
            "check": one.check,
            "outcome": one.finding.outcome,
            "headline": one.finding.headline,
            "details": one.finding.details,
            "next_act": one.finding.next_act,
            "waived": one.finding.waived,
            "command": one.step.command if one.step else "",
        }
        for one in told
    ]


def changes(listed: Sequence[Change]) -> list[dict[str, object]]:
    """Tell what is or would be changed."""
    names = ("act", "path", "kind", "rule", "reason", "size")
    return [{name: getattr(change, name) for name in names} for change in listed]


def legible(value: object) -> object:
    """Turn records into what JSON holds, and every text into one that can be encoded."""
    if isinstance(value, str):
        return readable(value)
    if is_dataclass(value):
        return {field.name: legible(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {legible(key): legible(item) for key, item in value.items()}
    return [legible(item) for item in value] if isinstance(value, list | tuple) else value
