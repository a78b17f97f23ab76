"""YAML as data and nothing else: bounded, without aliases, tags or second meanings, every key with its line."""

import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import date

import yaml

MOST_BYTES = 1 << 20
MOST_DEPTH = 32
_PLAIN = "write it in quotes if it is text"
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_LIKE_NUMBER = re.compile(r"[-+.]?[0-9][0-9_,:.eE+-]*|0[xob][0-9a-fA-F_]+|[-+]?\.(inf|nan)", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LIKE_TRUTH = frozenset({"yes", "no", "on", "off", "y", "n", "~"})

Path = tuple[Hashable, ...]


@dataclass(slots=True)
class Located:
    """What one file says, and where it says it."""

    value: object = None  # mappings, tuples, str, int, float, bool, None, date
    lines: dict[Path, int] = field(default_factory=dict)  # key path -> line, from 1
    mistakes: list[tuple[int, Path, str]] = field(default_factory=list)  # line, key path, what and what to write

    def line(self, path: Path) -> int:
        """Return the line of a key path, or of the nearest key above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(raw: bytes) -> Located:
    """Read one YAML document; anything that a policy must not hold becomes a mistake, never an exception."""
    located = Located()
    text = _decode(raw, located)
    if text is None or not _bounded(text, located):
        return located
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    if node is None:
        located.mistakes.append((1, (), "the file is empty; begin it with version: 1"))
        return located
    located.value = _value(node, (), located)
    return located


def _decode(raw: bytes, located: Located) -> str | None:
    """Turn bytes into text, or note why they are none."""
    if len(raw) > MOST_BYTES:
        located.mistakes.append((1, (), f"the file has {len(raw)} bytes; a policy has at most {MOST_BYTES}: split it or delete what is not policy"))
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        located.mistakes.append((line, (), f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"))
        return None


def _bounded(text: str, located: Located) -> bool:
    """Walk the events, which cost no memory, and note what may not be built."""
    depth = documents = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            line = event.start_mark.line + 1
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            documents += isinstance(event, yaml.DocumentStartEvent)
            wrong = _forbidden(event, depth, documents)
            if wrong:
                located.mistakes.append((line, (), wrong))
            if depth > MOST_DEPTH:
                return False
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = mark.line + 1 if mark else 1
        located.mistakes.append((where, (), f"not YAML: {error.problem or error.context}; check indentation, quotes and colons here"))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        located.mistakes.append((line, (), f"character #x{_code(error.character):04x} is not allowed in YAML; delete it"))
    return not located.mistakes


def _code(character: str | int) -> int:
    return character if isinstance(character, int) else ord(character)


def _forbidden(event: yaml.Event, depth: int, documents: int) -> str:
    """Say what is wrong with an event, or return ""."""
    if isinstance(event, yaml.AliasEvent):
        return f"*{event.anchor} is an alias; write the value out"
    if getattr(event, "anchor", None):
        return f"&{event.anchor} is an anchor; write the value out where it is wanted"
    if getattr(event, "tag", None):
        return f"{event.tag} is a tag; policies are plain data, delete it"
    if depth > MOST_DEPTH:
        return f"nested deeper than {MOST_DEPTH}; no policy is that deep, flatten it"
    if documents > 1:
        return "a second document begins; keep one document a file"
    return ""


def _value(node: yaml.Node, path: Path, located: Located) -> object:
    """Build the value of a node and remember the line of each key."""
    located.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, located)
    if isinstance(node, yaml.SequenceNode):
        return tuple(_value(item, (*path, at), located) for at, item in enumerate(node.value))
    return _scalar(node, path, located)


def _mapping(node: yaml.MappingNode, path: Path, located: Located) -> dict[str, object]:
    """Build a mapping; keys are words, each once."""
    built: dict[str, object] = {}
    for key, item in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            located.mistakes.append((line, path, "a key is a list or a mapping; write a word"))
            continue
        name = str(key.value)
        if name == "<<":
            located.mistakes.append((line, path, "<< merges another mapping; write the keys out"))
            continue
        if name in built:
            located.mistakes.append((line, (*path, name), f"written twice, first on line {located.lines[*path, name]}; keep one"))
            continue
        located.lines[*path, name] = line
        built[name] = _value(item, (*path, name), located)
    return built


def _scalar(node: yaml.Node, path: Path, located: Located) -> object:
    """Read a plain value with the one meaning that every reader would give it."""
    line, word = node.start_mark.line + 1, str(node.value)
    if node.style is not None:  # quoted or block: text
        return word
    if word in {"true", "false"}:
        return word == "true"
    if word in {"null", ""}:
        return None
    if _NUMBER.fullmatch(word):
        return float(word) if "." in word else int(word)
    if _DATE.fullmatch(word):
        return _date(word, path, located, line)
    if word.lower() in _LIKE_TRUTH or word in {"True", "False", "TRUE", "FALSE", "Null", "NULL"}:
        located.mistakes.append((line, path, f"{word} means different things to different readers; write true, false or null, or {_PLAIN}"))
    elif _LIKE_NUMBER.fullmatch(word):
        located.mistakes.append((line, path, f"{word} is a number to some readers and text to others; write plain digits, or {_PLAIN}"))
    return word


def _date(word: str, path: Path, located: Located, line: int) -> object:
    """Read an ISO day."""
    try:
        return date.fromisoformat(word)
    except ValueError as error:
        located.mistakes.append((line, path, f"{word} is no day ({error}); write for example 2026-11-22"))
        return word
