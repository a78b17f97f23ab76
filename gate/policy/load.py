"""From the files of `policies/` to one Policy, or to every mistake in all of them at once."""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gate.environment import policies
from gate.errors import PolicyError
from gate.policy.base import Model
from gate.policy.baseline import BYTES, EVENTS, BaselinePolicy
from gate.policy.models import ALL, FILES, Policy
from gate.policy.reader import MOST_BYTES, KeyPath, Located, read
from gate.policy.scalars import REFUSED
from gate.policy.wording import nearest, one_line, say, show

FOLDER = "policies"
_ENTRY = 2  # keys above a debt: there may be thousands, and only its own line is told
MOST_SHOWN = 50  # mistakes of one file; more are counted
_KEY = 40
_WHAT = 240
_OF_KEYS = frozenset({"string_pattern_mismatch", "string_too_short", "value_error"})  # what can be wrong with a key


def load(root: Path) -> Policy:
    """Read all policies of the repository at `root`.

    Raises PolicyError with every mistake of every file, each as `file:line: key path: what was found; what to write`.
    """
    if not os.path.lexists(root / FOLDER):
        raise PolicyError((f"{FOLDER}: there is no such folder; gate init looks at this repository and writes its policies",))
    return _whole({name: _file(root, name) for name in ALL if name in FILES or os.path.lexists(root / FOLDER / f"{name}.yaml")})


def parse(texts: Mapping[str, bytes]) -> Policy:
    """Read the bytes of all policy files, by their names, as `load` does when they lie in a repository."""
    return _whole({name: _judged(name, f"{FOLDER}/{name}.yaml", raw) for name, raw in texts.items()})


def _whole(files: Mapping[str, "_File"]) -> Policy:
    """Put the files together, or raise PolicyError with every mistake."""
    mistakes = tuple(mistake for file in files.values() for mistake in file.mistakes)
    if mistakes:
        raise PolicyError(mistakes)
    return Policy.model_validate(
        {
            "baseline": BaselinePolicy(version=1),
            **{name: file.model for name, file in files.items()},
            "digest": policies({name: file.raw for name, file in files.items()}),
            "places": {
                ".".join((name, *map(str, path))): f"{FOLDER}/{name}.yaml:{line}"
                for name, file in files.items()
                for path, line in file.lines.items()
                if name in FILES or len(path) == _ENTRY
            },
        }
    )


def baseline(raw: bytes, file: str) -> BaselinePolicy:
    """Read one baseline that lies elsewhere than the policies, such as a version of it that git merges.

    Raises PolicyError with every mistake.
    """
    judged = _judged("baseline", file, raw)
    if judged.mistakes or not isinstance(judged.model, BaselinePolicy):
        raise PolicyError(tuple(judged.mistakes))
    return judged.model


def schema(name: str) -> dict[str, object]:
    """Return the JSON Schema of one policy file, for editors.

    Raises PolicyError when there is no policy of this name.
    """
    if name not in ALL:
        raise PolicyError((f"{show(name)} is no policy; write one of {', '.join(ALL)}",))
    made = ALL[name].model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": f"{FOLDER}/{name}.yaml"}


def schema_text(name: str) -> str:
    """Return the schema as it is published in policies/.schema/<name>.json."""
    return json.dumps(schema(name), indent=2, sort_keys=False) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """What became of one file: a model, or mistakes."""

    raw: bytes = b""
    model: Model | None = None
    lines: dict[KeyPath, int]
    mistakes: list[str]


def _file(root: Path, name: str) -> _File:
    """Read one file, and judge it."""
    file = f"{FOLDER}/{name}.yaml"
    raw, wrong = _bytes(root / file, MOST_BYTES if name in FILES else BYTES)
    if raw is None:
        return _File(lines={}, mistakes=[f"{file}:1: (file): {wrong}"])
    return _judged(name, file, raw)


def _judged(name: str, file: str, raw: bytes) -> _File:
    """Judge the bytes of one file; a baseline may be longer than a policy that people write."""
    located = read(raw) if name in FILES else read(raw, most=BYTES, events=EVENTS)
    model, details = _build(ALL[name], located)
    return _File(raw=raw, model=model, lines=located.lines, mistakes=_told(file, ALL[name], located, details))


def _bytes(path: Path, most: int) -> tuple[bytes | None, str]:
    """Read a file, one byte more than allowed at the most; or say why not."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
            return None, "is not a file; put a file in its place"
        with path.open("rb") as file:
            return file.read(most + 1), ""
    except FileNotFoundError:
        return None, 'not found; create it, beginning with "version: 1"'
    except OSError as error:
        return None, f"cannot be read ({error.strerror}); make it a readable file"


def _build(model: type[Model], located: Located) -> tuple[Model | None, list[ErrorDetails]]:
    """Validate what was read."""
    if located.value is REFUSED:
        return None, []
    try:
        return model.model_validate(located.value), []
    except ValidationError as error:
        return None, _own(model, error.errors(include_url=False), {path for _, path, _ in located.mistakes})


def _own(model: type[Model], details: list[ErrorDetails], known: set[KeyPath]) -> list[ErrorDetails]:
    """Leave out what only follows from another mistake: one mistake, one line."""
    unknown = [_path(detail) for detail in details if detail["type"] == "extra_forbidden"]
    meant = {(*path[:-1], nearest(model, path)) for path in unknown[:MOST_SHOWN]}
    return [detail for detail in details if not _follows(detail, known, meant)]


def _follows(detail: ErrorDetails, known: set[KeyPath], meant: set[KeyPath]) -> bool:
    """Tell whether a value was refused already, a key is misspelt or merged, or a list too short without its wrong items."""
    path = _path(detail)
    match detail["type"]:
        case "extra_forbidden":
            return False
        case "missing":
            return path in meant or (*path[:-1], "<<") in known
        case "too_short":
            return path in known or len(detail["input"]) >= detail["ctx"]["min_length"]
    return path in known


def _path(detail: ErrorDetails) -> KeyPath:
    """Return the key path of a mistake; pydantic marks a wrong key of a mapping behind its path."""
    path = tuple(detail["loc"])
    return path[:-1] if path[-1:] == ("[key]",) and detail["type"] in _OF_KEYS else path


def _told(file: str, model: type[Model], located: Located, details: list[ErrorDetails]) -> list[str]:
    """Write the mistakes by their lines, as many as a person reads; wording is dear, so only what is shown is worded."""
    found: list[tuple[int, KeyPath, str | ErrorDetails]] = [*located.mistakes]
    found += [(located.line(_path(detail)), _path(detail), detail) for detail in details]
    found.sort(key=lambda mistake: mistake[0])
    told = []
    for line, path, what in found[:MOST_SHOWN]:
        words = what if isinstance(what, str) else say(model, what, located.at(path) if what["loc"] == path else path[-1])
        told.append(f"{file}:{line}: {_dotted(path)}: {one_line(words, _WHAT)}")
    if len(found) > MOST_SHOWN:
        told.append(f"{file}:{found[MOST_SHOWN][0]}: (file): {len(found) - MOST_SHOWN} more from here on; correct those above first")
    return told


def _dotted(path: KeyPath) -> str:
    """Write a key path.

    >>> _dotted(("agents", "a", "sizes", 0)), _dotted(("",)), _dotted(())
    ('agents.a.sizes.0', '""', '(file)')
    """
    return ".".join(one_line(str(part), _KEY) or '""' for part in path) or "(file)"
