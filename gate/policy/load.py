"""From the files of `policies/` to one Policy, or to every mistake in all of them at once."""

import hashlib
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gate.errors import PolicyError
from gate.policy.models import FILES, Model, Policy
from gate.policy.reader import MOST_BYTES, Located, read

FOLDER = "policies"
_SIMPLE = {  # what pydantic calls it -> what to write
    "missing": "is missing; add it",
    "int_type": "is not a whole number; write plain digits",
    "bool_type": "is not true or false; write one of them",
    "string_type": "is not text; write it in quotes",
    "tuple_type": "is not a list; write for example [one, two]",
    "dict_type": "is not a mapping; write keys and values below it",
    "model_type": "is not a mapping; write keys and values below it",
    "date_type": "is not a day; write for example 2026-11-22",
}


def load(root: Path) -> Policy:
    """Read all policies of the repository at `root`.

    Raises PolicyError with every mistake of every file, each as `file:line: key path: what was found; what to write`.
    """
    mistakes: list[str] = []
    models: dict[str, Model] = {}
    places: dict[str, str] = {}
    digest = hashlib.sha256()
    for name, model in FILES.items():
        file = f"{FOLDER}/{name}.yaml"
        raw, wrong = _bytes(root / file)
        if raw is None:
            mistakes.append(f"{file}:1: (file): {wrong}")
            continue
        digest.update(name.encode() + b"\0" + hashlib.sha256(raw).digest())
        located = read(raw)
        built = _build(model, located)
        mistakes += [f"{file}:{line}: {'.'.join(map(str, path)) or '(file)'}: {what}" for line, path, what in sorted(located.mistakes, key=_by_line)]
        if built is not None:
            models[name] = built
        places |= {".".join((name, *map(str, path))): f"{file}:{line}" for path, line in located.lines.items()}
    if mistakes:
        raise PolicyError(tuple(mistakes))
    return Policy.model_validate({**models, "digest": digest.hexdigest(), "places": places})


def schema(name: str) -> dict[str, object]:
    """Return the JSON Schema of one policy file, for editors."""
    made = FILES[name].model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"{FOLDER}/{name}.yaml", **made}


def _by_line(mistake: tuple[int, object, str]) -> int:
    return mistake[0]


def _bytes(path: Path) -> tuple[bytes | None, str]:
    """Read a file, one byte more than allowed at the most; or say why not."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1), ""
    except FileNotFoundError:
        return None, "not found; create it, beginning with version: 1"
    except OSError as error:
        return None, f"cannot be read ({error.strerror}); make it a readable file"


def _build(model: type[Model], located: Located) -> Model | None:
    """Validate what was read; add what is wrong to its mistakes."""
    if located.value is None:
        if not located.mistakes:
            located.mistakes.append((1, (), "the file says nothing; begin it with version: 1"))
        return None
    try:
        return model.model_validate(located.value)
    except ValidationError as error:
        known = {path for _, path, _ in located.mistakes}
        for detail in error.errors(include_url=False):
            path = tuple(detail["loc"])
            if path not in known:
                located.mistakes.append((located.line(path), path, _say(model, detail)))
    return None


def _say(model: type[Model], detail: ErrorDetails) -> str:
    """Word one mistake: what was found, and what to write."""
    kind, found = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return _unknown(model, tuple(detail["loc"]))
    if kind in {"value_error"}:
        return str(detail["ctx"]["error"])
    if kind == "missing":
        return _SIMPLE[kind]
    if kind in _SIMPLE:
        return f"{_show(found)} {_SIMPLE[kind]}"
    return f"{_show(found)} is refused: {detail['msg'][0].lower()}{detail['msg'][1:]}; correct it"


def _unknown(model: type[Model], path: tuple[int | str, ...]) -> str:
    """Name the known key that is nearest to an unknown one."""
    known = _keys(model, path[:-1])
    near = get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
    advice = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known)}"
    return f"unknown key; {advice}"


def _keys(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the model at a path knows."""
    at: object = model
    for part in path:
        if isinstance(at, type) and issubclass(at, BaseModel):
            at = _unwrap(at.model_fields[str(part)].annotation)
        else:
            at = _unwrap(get_args(at)[-1 if isinstance(part, str) else 0])
    return list(at.model_fields) if isinstance(at, type) and issubclass(at, BaseModel) else []


def _unwrap(annotation: object) -> object:
    """Return the model inside an optional one."""
    return get_args(annotation)[0] if isinstance(annotation, UnionType) else annotation


def _show(found: object) -> str:
    """Quote what was found, short."""
    text = repr(found)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - a line of a terminal
