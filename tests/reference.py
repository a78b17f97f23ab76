"""The reference, written from the parser and the models: python -m tests.reference writes it, a test finds it stale."""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gate.cli import parser
from gate.policy.load import schema
from gate.policy.models import FILES
from gate.verbs import manual

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
_EVERY = ("-h", "--help")  # in each verb, and told once


def pages() -> dict[str, str]:
    """Return each page of the reference by its name."""
    return {"cli.md": cli(), "policies.md": policies()}


# --- the command ------------------------------------------------------------------------


def cli() -> str:
    """Tell every verb with all that it can be told."""
    every = parser()
    verbs = _choices(every)
    blocks = [
        "# The command, verb by verb",
        "Written from the parser itself by `python -m tests.reference`; `gate VERB --help` says the same.",
        "## Exit codes",
        _fenced("text", manual.EXIT_CODES),
    ]
    for name, one in verbs.items():
        blocks += _verb(f"gate {name}", one, manual.examples(name))
    return "\n\n".join(blocks) + "\n"


def _verb(name: str, one: argparse.ArgumentParser, examples: tuple[str, ...]) -> Iterator[str]:
    """Tell one verb, and what can be done with it."""
    yield f"## {name}"
    yield from ("\n".join(_plain(line) for line in part.split("\n")) for part in (one.description or "").split("\n\n"))
    acts = _choices(one)
    rows = [_row(action) for action in one._actions if not isinstance(action, argparse._SubParsersAction) and not _is_help(action)]
    if rows:
        yield _table(("word", "means"), rows)
    if examples:
        yield _fenced("sh", "\n".join(examples))
    for word, act in acts.items():
        yield f"### {name} {word}"
        yield _plain((act.description or "").capitalize()) + "."
        told = [_row(action) for action in act._actions if not _is_help(action)]
        if told:
            yield _table(("word", "means"), told)


def _choices(one: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers below one."""
    found = [action.choices for action in one._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(found[0]) if found else {}


def _is_help(action: argparse.Action) -> bool:
    return tuple(action.option_strings) == _EVERY


def _row(action: argparse.Action) -> tuple[str, str]:
    """Tell one word of a verb."""
    shown = action.metavar if isinstance(action.metavar, str) else "|".join(map(str, action.choices or [])) or action.dest.upper()
    if not action.option_strings:
        many = {"*": f"[{shown} …]", "+": f"{shown} …", "?": f"[{shown}]"}
        word = many.get(str(action.nargs), shown)
    else:
        takes = action.nargs != 0
        word = ", ".join(action.option_strings) + (f" [{shown}]" if takes and action.nargs == "?" else f" {shown}" if takes else "")
    needed = " (required)" if action.required and action.option_strings else ""
    return f"`{word}`".replace("|", "\\|"), _plain(f"{action.help or ''}{needed}")


# --- the policies -----------------------------------------------------------------------


def policies() -> str:
    """Tell every key of every policy file."""
    blocks = ["# The policies, key by key", "Written from the models themselves by `python -m tests.reference`."]
    for name in FILES:
        whole: dict[str, Any] = schema(name)
        definitions = whole.get("$defs", {})
        blocks += [f"## policies/{name}.yaml", _plain(whole.get("description", ""))]
        blocks += [_keys(whole)]
        for title, one in definitions.items():
            if "properties" in one:
                blocks += [f"### {name}: {title}", _plain(one.get("description", "")), _keys(one)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _keys(model: dict[str, Any]) -> str:
    """Lay out the keys of one model."""
    needed = set(model.get("required", ()))
    rows = []
    for key, told in model.get("properties", {}).items():
        default = "required" if key in needed else _default(told)
        rows.append((f"`{key}`", _type(told), default, _plain(str(told.get("description", "")))))
    return _table(("key", "value", "default", "means"), rows)


def _type(told: dict[str, Any]) -> str:
    """Name the type of a value."""
    more, kind = told.get("additionalProperties"), str(told.get("type", "anything"))
    match told:
        case {"$ref": str(place)}:
            name = place.rpartition("/")[2]
        case {"const": value}:
            name = f"`{value}`"
        case {"enum": [*values]}:
            name = ", ".join(f"`{value}`" for value in values)
        case {"anyOf": [*ways]} | {"oneOf": [*ways]}:
            name = " or ".join(dict.fromkeys(_type(one) for one in ways))
        case {"patternProperties": dict(patterns)}:
            name = f"names with {' or '.join(map(_type, patterns.values()))}"
        case {"items": dict(items)}:
            name = f"list of {_type(items)}"
        case _:
            name = f"names with {_type(more)}" if isinstance(more, dict) else kind.replace("object", "mapping").replace("array", "list")
    return name


def _default(told: dict[str, Any]) -> str:
    if "default" not in told:
        return ""
    value = told["default"]
    return f"`{value}`" if isinstance(value, int | float) or value else "none"


# --- layout -----------------------------------------------------------------------------


def _plain(text: str) -> str:
    """Keep words from being read as Markdown."""
    clean = re.sub(r"([<|*_\[\]])", r"\\\1", " ".join(text.split()))
    return clean.replace("%%", "%")


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  ", "| ") for line in lines)


def _fenced(kind: str, text: str) -> str:
    return f"```{kind}\n{text}\n```"


def main() -> int:
    """Write all pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
