"""Where in the code a complaint is: the scope that the syntax tree has at its line, and what tells that scope from others."""

import ast
import copy
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from gate.facts import Diagnostic, Reading
from gate.facts.work import Debt

_ENDS = (".py", ".pyi")
_HASHES, _WORD = 4, 8  # of one shape; bytes of a digest that one of them takes
# Rules about a file as a whole, which are told at its first or last line: whatever stands there has nothing to do with them.
_WHOLE = frozenset({"unformatted", "CPY001", "D100", "D104", "INP001", "N999", "W292", "W391", "A005", "I002", "E902", "invalid-syntax"})
_WHOLE_LIKE = "EXE"  # how rules about the mode of a file begin
_QUALIFIED = re.compile(r"(?P<path>.+\.pyi?):(?P<inner>[^:]+)")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def place(reading: Reading, debts: Iterable[Debt], root: Path) -> Reading:
    """Add to each complaint of a reading its scope and the shape of that; say which scopes of known debts are still there."""
    outlines: dict[str, Outline | None] = {}

    def outline(path: str) -> Outline | None:
        if path not in outlines:
            outlines[path] = _read(root / path) if path.endswith(_ENDS) else None
        return outlines[path]

    placed = tuple(_placed(row, outline(row.path)) for row in reading.diagnostics)
    there = {f"{row.path}:{row.scope}" if row.scope else row.path for row in placed}
    asked = {debt.scope for debt in debts if debt.scope} if placed else set()
    still = (scope for scope in asked if scope in there or _is_there(scope, root, outline))
    return replace(reading, diagnostics=placed, scopes=tuple(sorted(still)))


def there(scopes: Iterable[str], root: Path) -> frozenset[str]:
    """Return those scopes, "path:Class.method" or "path", that are still in the tree."""
    outline = cache(lambda path: _read(root / path) if path.endswith(_ENDS) else None)
    return frozenset(scope for scope in scopes if scope and _is_there(scope, root, outline))


@dataclass(frozen=True, kw_only=True)
class Part:
    """A statement, with the scope that it is in or makes."""

    first: int
    last: int
    scope: str
    node: ast.stmt


@dataclass(frozen=True)
class Outline:
    """The statements of one file."""

    parts: list[Part] = field(default_factory=list)
    shapes: dict[str, str] = field(default_factory=dict)  # of the scopes that were asked for

    @property
    def scopes(self) -> frozenset[str]:
        """Return every scope that has a name."""
        return frozenset(part.scope for part in self.parts)

    def at(self, line: int) -> Part | None:
        """Return the innermost statement at a line."""
        within = [part for part in self.parts if part.first <= line <= part.last]
        return max(within, key=lambda part: (part.first, -part.last), default=None)

    def shape(self, scope: str) -> str:
        """Return a digest of a scope that is alike for scopes that are: each pair of its letters is chosen by one statement.

        Four minima of hashes, eight bits of each (Li and König, b-bit minwise hashing, 2010). The more statements two scopes share, the
        more of the pairs agree; of two that share none, two pairs agree once in ten thousand.
        """
        if scope not in self.shapes:
            inside = [part for part in self.parts if part.scope == scope or part.scope.startswith(f"{scope}.")]
            made = [part for part in inside if part.scope == scope and isinstance(part.node, _SCOPES)]  # "def main():" tells nothing
            told = {_names(part) for part in self.parts} if not scope else {_header(part.node) for part in inside if part not in made}
            digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in told or {""}]
            words = ([digest[at * _WORD : (at + 1) * _WORD] for digest in digests] for at in range(_HASHES))
            self.shapes[scope] = "".join(f"{min(word)[-1]:02x}" for word in words)
        return self.shapes[scope]


def read(source: bytes | str) -> Outline:
    """Return the outline of a source.

    Raises SyntaxError or ValueError when it is none.
    """
    return Outline(list(_parts(ast.parse(source).body, "", named=True)))


def _read(path: Path) -> Outline | None:
    """Read a file; one that cannot be parsed has no scopes."""
    try:
        return read(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _parts(body: Iterable[ast.stmt], scope: str, *, named: bool) -> Iterator[Part]:
    """Yield statements and those inside them; `named` where an assignment makes a name that others may use."""
    for node in body:
        inner, decorators = scope, getattr(node, "decorator_list", ())
        if isinstance(node, _SCOPES):
            inner = f"{scope}.{node.name}".lstrip(".")
        elif named and (name := _assigned(node)):
            inner = f"{scope}.{name}".lstrip(".")
        first = min([node.lineno, *(one.lineno for one in decorators)])
        yield Part(first=first, last=node.end_lineno or node.lineno, scope=inner, node=node)
        deeper = isinstance(node, ast.ClassDef) or (named and not isinstance(node, _SCOPES))
        for part in _bodies(node):
            yield from _parts(part, inner, named=deeper)


def _bodies(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Yield the blocks of a compound statement."""
    for name in ("body", "orelse", "finalbody"):
        yield getattr(node, name, [])
    for name in ("handlers", "cases"):
        for one in getattr(node, name, []):
            yield one.body


def _assigned(node: ast.stmt) -> str:
    """Return the one name that a statement gives a value, or ""."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""


def _placed(row: Diagnostic, outline: Outline | None) -> Diagnostic:
    """Place one complaint."""
    if outline is None:
        return row
    part = None if row.code in _WHOLE or row.code.startswith(_WHOLE_LIKE) else outline.at(row.line)
    scope = part.scope if part else ""
    return replace(row, scope=scope, shape=outline.shape(scope))


def _names(part: Part) -> str:
    """Name what a file defines or imports, by which it is known again under another name."""
    return part.scope.partition(".")[0] or _header(part.node)


def _header(node: ast.stmt) -> str:
    """Write a statement without the blocks in it, nor its own name: whoever renames a function keeps what it does."""
    if isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
        return "try"
    bare = copy.copy(node)
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        if hasattr(bare, name):
            setattr(bare, name, [ast.Pass()] if name == "body" else [])
    if isinstance(bare, _SCOPES):
        bare.name = "_"
    return ast.unparse(bare)


def _is_there(scope: str, root: Path, outline: Callable[[str], Outline | None]) -> bool:
    """Tell whether a scope "path:Class.method" or "path" is in the tree; in a file that cannot be parsed all of them count as there."""
    found = _QUALIFIED.fullmatch(scope)
    path, inner = (found["path"], found["inner"]) if found else (scope, "")
    known = outline(path) if inner else None
    return inner in known.scopes if known else (root / path).exists()
