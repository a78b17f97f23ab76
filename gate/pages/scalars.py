"""The scalars of a YAML text, each with its keys and its place; nothing is built, so that no tag, anchor or alias acts."""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

_MOST = 20_000  # events; beyond them a text is no settings and no front matter


@dataclass(frozen=True, kw_only=True, slots=True)
class Scalar:
    """One value that is a single text."""

    keys: tuple[str, ...]  # of the mappings that hold it, the outermost first; a list adds none
    value: str
    start: int  # offset in the text, quotes included
    end: int
    line: int
    style: str  # "" for plain, else its quote or block mark


def read(text: str) -> tuple[Scalar, ...] | None:
    """Return all scalar values of a YAML mapping, or None when the text is none or not to be read."""
    found: list[Scalar] = []
    events: list[yaml.Event] = []
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            events.append(event)
            if len(events) > _MOST:
                return None
    except yaml.YAMLError:
        return None
    body = [event for event in events if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent)]
    if not body or not isinstance(body[0], yaml.MappingStartEvent):
        return None
    _mapping(iter(body[1:]), (), found)
    return tuple(found)


def _mapping(rest: Iterator[yaml.Event], keys: tuple[str, ...], found: list[Scalar]) -> None:
    """Take a mapping up to its end."""
    for key in rest:
        if isinstance(key, yaml.MappingEndEvent):
            return
        name = key.value if isinstance(key, yaml.ScalarEvent) else ""
        if not isinstance(key, yaml.ScalarEvent):
            _value(key, rest, keys, [])  # a key that is no word: nothing of it is a value
        _value(next(rest), rest, (*keys, name), found)


def _value(event: yaml.Event, rest: Iterator[yaml.Event], keys: tuple[str, ...], found: list[Scalar]) -> None:
    """Take one value with everything in it."""
    if isinstance(event, yaml.MappingStartEvent):
        _mapping(rest, keys, found)
    elif isinstance(event, yaml.SequenceStartEvent):
        for item in rest:
            if isinstance(item, yaml.SequenceEndEvent):
                return
            _value(item, rest, keys, found)
    elif isinstance(event, yaml.ScalarEvent) and event.start_mark and event.end_mark:
        start, end = event.start_mark.index, event.end_mark.index
        found.append(Scalar(keys=keys, value=event.value, start=start, end=end, line=event.start_mark.line + 1, style=event.style or ""))
