"""YAML as data and nothing else: bounded, without aliases, tags or second meanings, every key with its line."""

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import yaml

from gate.policy.scalars import ALIEN, REFUSED, no_alien, no_text, plain

MOST_BYTES = 1 << 20
MOST_DEPTH = 32
MOST_EVENTS = 20_000  # keys, values, beginnings and ends: some 700 agents, and every hostile file is refused within a second
_DIRECTIVE = re.compile("^%", re.MULTILINE)
_TAB = re.compile("[ -]*\t")

KeyPath = tuple[Hashable, ...]


@dataclass(slots=True)
class Located:
    """What one file says, and where it says it."""

    value: object = REFUSED  # mappings, tuples, str, int, float, bool, None, date; REFUSED when the file has no whole value
    lines: dict[KeyPath, int] = field(default_factory=dict)  # key path -> line, from 1
    mistakes: list[tuple[int, KeyPath, str]] = field(default_factory=list)  # line, key path, what and what to write
    last: int = 1  # the last line; libyaml counts one more where a file ends within a line

    def line(self, path: KeyPath) -> int:
        """Return the line of a key path, or of the nearest key above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def at(self, path: KeyPath) -> object:
        """Return what the file says at a key path, or REFUSED."""
        value = self.value
        for part in path:
            try:
                value = value[part]  # type: ignore[index]  # what cannot be indexed is caught
            except (LookupError, TypeError):
                return REFUSED
        return value

    def note(self, line: int, path: KeyPath, what: str) -> None:
        """Add a mistake."""
        self.mistakes.append((min(line, self.last), path, what))


def read(raw: bytes, *, most: int = MOST_BYTES, events: int = MOST_EVENTS) -> Located:
    """Read one YAML document; anything that a policy must not hold becomes a mistake, never an exception."""
    located = Located(last=raw.count(b"\n") + 1)
    text = _decode(raw, located, most)
    if text is None:
        return located
    found = _events(_without_directives(text, located), located, events)
    if not found:
        if not located.mistakes:
            located.note(1, (), 'the file says nothing; begin it with "version: 1"')
        return located
    rest = iter(found)
    value = _value(next(rest), rest, (), located)
    if isinstance(found[-1], yaml.DocumentEndEvent):  # else it broke off, and half a policy would look like missing keys
        located.value = value
    return located


def _decode(raw: bytes, located: Located, most: int) -> str | None:
    """Turn bytes into text, or note why they are none."""
    if len(raw) > most:
        located.note(1, (), f"the file has more than {most} bytes; delete what is not policy")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        located.note(line, (), f"byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8")
        return None
    aliens: dict[str, int] = {}
    for found in ALIEN.finditer(text):
        aliens.setdefault(found[0], found.start())
    for alien, start in aliens.items():
        located.note(text.count("\n", 0, start) + 1, (), no_alien(alien))
    return None if aliens else text


def _without_directives(text: str, located: Located) -> str:
    """Make comments of %YAML and %TAG lines: libyaml needs quadratic time for them, and no policy needs them."""
    found = _DIRECTIVE.search(text)
    if not found:
        return text
    located.note(text.count("\n", 0, found.start()) + 1, (), "a line begins with %, a YAML directive; delete it")
    return _DIRECTIVE.sub("#", text)


def _events(text: str, located: Located, most: int) -> list[yaml.Event]:
    """Collect the events of the first document, as far as they are YAML and within bounds."""
    events: list[yaml.Event] = []
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentStartEvent):
                if events and isinstance(event, yaml.DocumentStartEvent):
                    located.note(_line(event), (), "a second document begins; keep one document a file")
                    break
                continue
            depth += _deeper(event)
            wrong = _beyond(depth, len(events), most)
            if wrong:
                located.note(_line(event), (), wrong)
                break
            events.append(event)
    except yaml.YAMLError as error:
        located.note(*_broken(error, text))
    return events


def _beyond(depth: int, events: int, most: int) -> str:
    """Say which bound is crossed, or return ""."""
    if depth > MOST_DEPTH:
        return f"nested deeper than {MOST_DEPTH}; no policy is that deep, flatten it"
    if events >= most:
        return f"more than {most} keys and values; no policy is that long, delete what is not policy"
    return ""


def _broken(error: yaml.YAMLError, text: str) -> tuple[int, KeyPath, str]:
    """Say where and why text is not YAML."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return 1, (), f"not YAML: {error}; save it as plain text"
    at = error.problem_mark.line
    if _TAB.match("".join(text.split("\n")[at : at + 1])):
        return at + 1, (), "a tab indents this line; write spaces"
    since = f" {error.context} from line {error.context_mark.line + 1} on" if error.context_mark and error.context_mark.line < at else ""
    return at + 1, (), f"not YAML: {error.problem}{since}; check indentation, quotes and colons"


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _deeper(event: yaml.Event) -> int:
    return isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)


def _value(event: yaml.Event, rest: Iterator[yaml.Event], path: KeyPath, located: Located) -> object:
    """Build the value that begins with an event and remember its line; MOST_DEPTH bounds the recursion."""
    located.lines.setdefault(path, _line(event))
    for wrong in _forbidden(event):
        located.note(_line(event), path, wrong)
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(rest, path, located)
    if isinstance(event, yaml.SequenceStartEvent):
        return tuple(_value(item, rest, (*path, at), located) for at, item in enumerate(_children(rest)))
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event, path, located)
    return REFUSED


def _forbidden(event: yaml.Event) -> Iterator[str]:
    """Say what is more than plain data about an event."""
    if isinstance(event, yaml.AliasEvent):
        yield f"*{event.anchor} is an alias; write the value out"
    elif isinstance(event, yaml.NodeEvent) and event.anchor:
        yield f"&{event.anchor} is an anchor; delete it and write the value out where it is wanted"
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag:
        yield f"{event.tag.replace('tag:yaml.org,2002:', '!!')} is a tag; policies are plain data, delete it"


def _children(rest: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    """Yield the events at which the children of a collection begin; who takes one also takes what belongs to it."""
    for event in rest:
        if isinstance(event, yaml.CollectionEndEvent):
            return
        yield event


def _mapping(rest: Iterator[yaml.Event], path: KeyPath, located: Located) -> dict[str, object]:
    """Build a mapping; keys are words, each once."""
    built: dict[str, object] = {}
    for key in _children(rest):
        name = _key(key, rest, path, located)
        item = next(rest, None)
        if item is None:  # the file breaks off
            break
        if name is None:
            _skip(item, rest)
        else:
            built[name] = _value(item, rest, (*path, name), located)
    return built


def _key(event: yaml.Event, rest: Iterator[yaml.Event], path: KeyPath, located: Located) -> str | None:
    """Read a key, or note why there is none."""
    if not isinstance(event, yaml.ScalarEvent):
        located.note(_line(event), path, "a key is a list, a mapping or an alias; write a word")
        _skip(event, rest)
        return None
    name, place = str(event.value), (*path, event.value)
    if name == "<<":
        located.note(_line(event), place, "merges another mapping; write its keys out")
        return None
    if place in located.lines:
        located.note(_line(event), place, f"written twice, first on line {located.lines[place]}; keep one")
        return None
    located.lines[place] = _line(event)
    for wrong in _forbidden(event):
        located.note(_line(event), place, wrong)
    read_as = _scalar(event, place, located)
    if read_as is not REFUSED and not isinstance(read_as, str):
        located.note(_line(event), place, "is no text, and a key is a word; write it in quotes")
    return name


def _skip(event: yaml.Event, rest: Iterator[yaml.Event]) -> None:
    """Take all events of a value that is not wanted."""
    depth = 0
    for at in chain([event], rest):
        depth += _deeper(at)
        if depth <= 0:
            return


def _scalar(event: yaml.ScalarEvent, path: KeyPath, located: Located) -> object:
    """Read a value with the one meaning that every reader would give it."""
    word = str(event.value)
    wrong = no_text(word)
    value: object = word
    if not wrong and not event.style:  # neither quoted nor block
        value, wrong = plain(word)
    if wrong:
        located.note(_line(event), path, wrong)
    return REFUSED if wrong else value
