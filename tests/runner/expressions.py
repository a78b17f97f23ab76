"""The expressions of GitHub Actions: `${{ … }}`, `if:`, and what they evaluate to."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*)|(?P<mark>==|!=|&&|\|\||[!().,\[\]]))"
)
_INSIDE = re.compile(r"\$\{\{(?P<what>(?:[^}']|'(?:[^']|'')*')*)\}\}")
_STATUS = re.compile(r"\b(?:success|failure|always|cancelled)\s*\(")
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(kw_only=True)
class Scope:
    """What an expression may name: contexts, and functions beside those that every expression has."""

    contexts: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


def expand(told: Any, scope: Scope) -> Any:
    """Evaluate every expression in a value of YAML; one that is a whole string keeps its type."""
    if isinstance(told, dict):
        return {key: expand(value, scope) for key, value in told.items()}
    if isinstance(told, list):
        return [expand(value, scope) for value in told]
    if not isinstance(told, str):
        return told
    whole = _INSIDE.fullmatch(told.strip())
    if whole:
        return evaluate(whole["what"], scope)
    return _INSIDE.sub(lambda found: string(evaluate(found["what"], scope)), told)


def holds(condition: Any, scope: Scope) -> bool:
    """Decide an `if:`; one that asks for no status wants everything before to have succeeded."""
    if condition is None:
        return bool(scope.functions["success"]())
    text = str(condition).strip()
    whole = _INSIDE.fullmatch(text)
    text = whole["what"] if whole else text
    return (bool(_STATUS.search(text)) or bool(scope.functions["success"]())) and truth(evaluate(text, scope))


def evaluate(text: str, scope: Scope) -> Any:
    """Evaluate one expression.

    >>> evaluate("github.event == 'PUSH' && format('{0}-{1}', 'a', 2) || 'no'", Scope(contexts={"github": {"event": "push"}}))
    'a-2'
    """
    parser = _Parser(_tokens(text), scope)
    found = parser.either()
    if parser.rest:
        message = f"{text!r}: what does {parser.rest[0]!r} mean here?"
        raise ValueError(message)
    return found


def truth(value: Any) -> bool:
    """Tell what counts as true: everything but false, null, 0 and the empty string."""
    return bool(value) or isinstance(value, dict | list)


def string(value: Any) -> str:
    """Write a value into a string."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else json.dumps(value) if isinstance(value, dict | list) else str(value)


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.strip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            message = f"{text!r}: cannot be read from {text[at:]!r} on"
            raise ValueError(message)
        found.append((token.lastgroup, token[token.lastgroup]))
        at = token.end()
    return found


class _Parser:
    """Evaluate while reading; nothing that is evaluated for nothing has an effect."""

    def __init__(self, tokens: list[tuple[str, str]], scope: Scope) -> None:
        self.rest, self._scope = tokens, scope

    def either(self) -> Any:
        """Read what stands between ||."""
        found = self._both()
        while self._takes("||"):
            other = self._both()
            found = found if truth(found) else other
        return found

    def _both(self) -> Any:
        found = self._compared()
        while self._takes("&&"):
            other = self._compared()
            found = other if truth(found) else found
        return found

    def _compared(self) -> Any:
        found = self._denied()
        for mark, same in (("==", True), ("!=", False)):
            if self._takes(mark):
                return _equal(found, self._denied()) is same
        return found

    def _denied(self) -> Any:
        return not truth(self._denied()) if self._takes("!") else self._reached()

    def _reached(self) -> Any:
        found = self._single()
        while True:
            if self._takes("."):
                found = _inside(found, self._next("name"))
            elif self._takes("["):
                found = _inside(found, self.either())
                self._needs("]")
            else:
                return found

    def _single(self) -> Any:
        if self._takes("("):
            found = self.either()
            self._needs(")")
            return found
        kind, text = self.rest.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text)
        if kind == "name" and self._takes("("):
            return self._called(text)
        if kind == "name" and text in _WORDS:
            return _WORDS[text]
        if kind == "name" and text in self._scope.contexts:
            return self._scope.contexts[text]
        message = f"{text!r} is no context here"
        raise ValueError(message)

    def _called(self, name: str) -> Any:
        given: list[Any] = []
        while not self._takes(")"):
            given.append(self.either())
            self._takes(",")
        functions: dict[str, Callable[..., Any]] = {
            "format": _format,
            "fromJSON": json.loads,
            "toJSON": json.dumps,
            **self._scope.functions,
        }
        return functions[name](*given)

    def _takes(self, mark: str) -> bool:
        if self.rest and self.rest[0] == ("mark", mark):
            self.rest.pop(0)
            return True
        return False

    def _needs(self, mark: str) -> None:
        if not self._takes(mark):
            message = f"{mark!r} is missing"
            raise ValueError(message)

    def _next(self, kind: str) -> str:
        found, text = self.rest.pop(0)
        assert found == kind
        return text


def _inside(found: Any, name: Any) -> Any:
    """Return a property, or nothing of what has none, as GitHub does."""
    return found.get(name) if isinstance(found, Mapping) else None


def _equal(one: Any, other: Any) -> bool:
    """Compare as GitHub does: strings without case, unlike types as numbers."""
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    if type(one) is type(other) or {type(one), type(other)} <= {int, float}:
        return bool(one == other)
    return _number(one) == _number(other)


def _number(value: Any) -> float:
    try:
        return 0.0 if value in {None, ""} else float(value)
    except (TypeError, ValueError):
        return math.nan


def _format(text: str, *given: Any) -> str:
    return re.sub(r"\{(\d+)\}", lambda found: string(given[int(found[1])]), text)
