"""Write one block into a policy file and leave every other byte as it is: comments, order and spacing are the author's."""

import re

import yaml

from gate.errors import GateError
from gate.policy.reader import KeyPath

__all__ = ["KeyPath", "put"]

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. +/-]*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def put(text: str, path: KeyPath, key: str, block: dict[str, str]) -> str:
    """Return the text with `key: {block}` in the mapping at `path`, in the place of an older one.

    Raises GateError when there is no mapping at this path.
    """
    found = _find(yaml.compose(text, Loader=yaml.CSafeLoader), path)
    if not isinstance(found, yaml.MappingNode) or not found.value:
        message = f"policies: {'.'.join(map(str, path))} is no mapping that a block can be written into"
        raise GateError(message)
    written = f"{key}: {{{', '.join(f'{name}: {_quoted(value)}' for name, value in block.items())}}}"
    old = next(((name, value) for name, value in found.value if name.value == key), None)
    if old:
        return text[: old[0].start_mark.index] + written + text[_end(text, old[1]) :]
    last = _end(text, found.value[-1][1])
    if found.flow_style:
        return text[:last] + f", {written}" + text[last:]
    indent = " " * found.value[0][0].start_mark.column
    stop = text.find("\n", last)
    stop = len(text) if stop < 0 else stop
    return text[:stop] + f"\n{indent}{written}" + text[stop:]


def _find(node: yaml.Node | None, path: KeyPath) -> yaml.Node | None:
    """Follow a key path."""
    for part in path:
        if not isinstance(node, yaml.MappingNode):
            return None
        node = next((value for name, value in node.value if name.value == str(part)), None)
    return node


def _end(text: str, node: yaml.Node) -> int:
    """Return where a value ends: block collections end with the newlines behind them, which are not theirs."""
    return len(text[: node.end_mark.index].rstrip())


def _quoted(value: str) -> str:
    """Write a value so that it reads as text, or as a day."""
    fine = _DATE.fullmatch(value) or (_PLAIN.fullmatch(value) and not value[0].isdigit()) or _is_quantity(value)
    return value if fine else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_quantity(value: str) -> bool:
    """Tell whether a value is a number with a unit, which YAML reads as text."""
    return bool(re.fullmatch(r"[0-9.]+ (B|kB|MB|GB)(/[a-z]+)?|[0-9.]+/[a-z]+", value))
