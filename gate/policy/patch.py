"""Write values into a YAML file and leave every other byte as it is: comments, order and spacing are the author's."""

import re
from collections.abc import Mapping
from typing import TypeAlias

import yaml

from gate.errors import GateError
from gate.policy.reader import KeyPath
from gate.policy.scalars import plain

__all__ = ["KeyPath", "Written", "put", "set_values"]

Written: TypeAlias = "str | Mapping[str, Written]"

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. +/-]*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def put(text: str, path: KeyPath, key: str, block: Mapping[str, str]) -> str:
    """Return the text with `key: {block}` in the mapping at `path`, in the place of an older one or behind its last key.

    Raises GateError when there is no mapping at this path.
    """
    return _put(text, path, key, block, behind="")


def set_values(text: str, path: KeyPath, values: Mapping[str, Written], *, behind: str) -> str:
    """Return the text with some values in the mapping at `path`, in which a number is the place in a list.

    A value that is there changes where it stands; another comes behind the one before, the first one behind the key `behind`.
    The text is one that `gate.policy.reader.read` took without a mistake. Raises GateError when there is no mapping at this path.
    """
    for key, value in values.items():
        text = _put(text, path, key, value, behind=behind)
        behind = key
    return text


def _put(text: str, path: KeyPath, key: str, value: Written, *, behind: str) -> str:
    """Write one value of one mapping."""
    found = _find(yaml.compose(text, Loader=yaml.CSafeLoader), path)
    if not isinstance(found, yaml.MappingNode) or not found.value:
        message = f"policies: {'.'.join(map(str, path))} is no mapping that a block can be written into"
        raise GateError(message)
    members = {str(name.value): (name, held) for name, held in found.value}
    if key in members:
        name, old = members[key]
        if isinstance(old, yaml.ScalarNode) and isinstance(value, str):
            return text[: old.start_mark.index] + _like(old, value) + text[_end(text, old) :]
        return text[: name.start_mark.index] + f"{key}: {_flow(value)}" + text[_end(text, old) :]
    last = _end(text, members.get(behind, found.value[-1])[1])
    written = f"{key}: {_flow(value)}"
    if found.flow_style:
        return text[:last] + f", {written}" + text[last:]
    indent = " " * found.value[0][0].start_mark.column
    stop = text.find("\n", last)
    stop = len(text) if stop < 0 else stop - (text[stop - 1] == "\r")
    return text[:stop] + f"{_line_break(text)}{indent}{written}" + text[stop:]


def _find(node: yaml.Node | None, path: KeyPath) -> yaml.Node | None:
    """Follow a key path."""
    for part in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part] if part < len(node.value) else None
        elif isinstance(node, yaml.MappingNode):
            node = next((value for name, value in node.value if name.value == str(part)), None)
        else:
            return None
    return node


def _end(text: str, node: yaml.Node) -> int:
    """Return where a value ends: block collections end with the newlines behind them, which are not theirs."""
    return len(text[: node.end_mark.index].rstrip())


def _line_break(text: str) -> str:
    """Return how the lines of a text end."""
    return "\r\n" if text[: text.find("\n")].endswith("\r") else "\n"


def _like(old: yaml.ScalarNode, value: str) -> str:
    """Write a value in the quotes of the one before, where it was in quotes."""
    if old.style in {"'", '"'} and not set(value) & set("'\"\\"):
        return f"{old.style}{value}{old.style}"
    return _quoted(value)


def _flow(value: Written) -> str:
    """Write a value on one line."""
    if isinstance(value, str):
        return _quoted(value)
    return "{" + ", ".join(f"{name}: {_flow(held)}" for name, held in value.items()) + "}"


def _quoted(value: str) -> str:
    """Write a value so that it reads as text, or as a day."""
    like_text = (_PLAIN.fullmatch(value) and not value[0].isdigit()) or _is_quantity(value)
    fine = _DATE.fullmatch(value) or (like_text and plain(value) == (value, ""))
    return value if fine else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_quantity(value: str) -> bool:
    """Tell whether a value is a number with a unit, which YAML reads as text."""
    return bool(re.fullmatch(r"[0-9.]+ (B|kB|MB|GB)(/[a-z]+)?|[0-9.]+/[a-z]+", value))
