"""Where in the code a complaint is: the scope and the statement that the syntax tree has at its line."""

import ast
import copy
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from gate.facts import Diagnostic, Reading
from gate.facts.work import Debt

_ENDS = (".py", ".pyi")
_LETTERS = 8  # of a digest
# Rules about a file as a whole, which are told at its first or last line: whatever stands there has nothing to do with them.
_WHOLE = frozenset({"unformatted", "CPY001", "D100", "D104", "INP001", "N999", "W292", "W391", "A005", "I002", "E902", "invalid-syntax"})
_WHOLE_LIKE = "EXE"  # how rules about the mode of a file begin
_QUALIFIED = re.compile(r"(?P<path>.+\.pyi?):(?P<inner>[^:]+)")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def place(reading: Reading, debts: Iterable[Debt], root: Path) -> Reading:
    """Add to each complaint of a reading its scope and the shape of its statement; say which scopes of known debts are still there."""
    outlines: dict[str, _Outline | None] = {}

    def outline(path: str) -> _Outline | None:
        if path not in outlines:
            outlines[path] = _read(root / path) if path.endswith(_ENDS) else None
        return outlines[path]

    placed = tuple(_placed(row, outline(row.path)) for row in reading.diagnostics)
    there = {f"{row.path}:{row.scope}" if row.scope else row.path for row in placed}
    asked = {debt.scope for debt in debts if debt.scope} if placed else set()
    return replace(
        reading, diagnostics=placed, scopes=tuple(sorted(scope for scope in asked if scope in there or _is_there(scope, root, outline)))
    )


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A statement, with the scope that it is in or makes."""

    first: int
    last: int
    scope: str
    node: ast.stmt


@dataclass(frozen=True)
class _Outline:
    """The statements of one file."""

    tree: ast.Module
    parts: list[_Part] = field(default_factory=list)

    @cached_property
    def scopes(self) -> frozenset[str]:
        """Return every scope that has a name."""
        return frozenset(part.scope for part in self.parts)

    @cached_property
    def names(self) -> str:
        """Return what the file defines, by which it is known again under another name."""
        return " ".join(sorted({part.scope for part in self.parts if part.scope and "." not in part.scope}))

    def at(self, line: int) -> _Part | None:
        """Return the innermost statement at a line."""
        within = [part for part in self.parts if part.first <= line <= part.last]
        return max(within, key=lambda part: (part.first, -part.last), default=None)


def _read(path: Path) -> _Outline | None:
    """Parse a file; one that cannot be parsed has no scopes."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _Outline(tree, list(_parts(tree.body, "", named=True)))


def _parts(body: Iterable[ast.stmt], scope: str, *, named: bool) -> Iterator[_Part]:
    """Yield statements and those inside them; `named` where an assignment makes a name that others may use."""
    for node in body:
        inner, decorators = scope, getattr(node, "decorator_list", ())
        if isinstance(node, _SCOPES):
            inner = f"{scope}.{node.name}".lstrip(".")
        elif named and (name := _assigned(node)):
            inner = f"{scope}.{name}".lstrip(".")
        first = min([node.lineno, *(one.lineno for one in decorators)])
        yield _Part(first=first, last=node.end_lineno or node.lineno, scope=inner, node=node)
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


def _placed(row: Diagnostic, outline: _Outline | None) -> Diagnostic:
    """Place one complaint."""
    if outline is None:
        return row
    part = None if row.code in _WHOLE or row.code.startswith(_WHOLE_LIKE) else outline.at(row.line)
    scope = part.scope if part else ""
    shape = "" if part is None else ast.unparse(_header(part.node))
    return replace(row, scope=scope, shape=_digest(shape if scope else f"{shape}\n{outline.names}"))


def _header(node: ast.stmt) -> ast.stmt:
    """Return a statement without the blocks in it."""
    bare = copy.copy(node)
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        if hasattr(bare, name):
            setattr(bare, name, [ast.Pass()] if name == "body" else [])
    if isinstance(bare, ast.Try) or type(bare).__name__ == "TryStar":
        return ast.Pass()
    return bare


def _is_there(scope: str, root: Path, outline: Callable[[str], _Outline | None]) -> bool:
    """Tell whether a scope "path:Class.method" or "path" is in the tree; in a file that cannot be parsed all of them count as there."""
    found = _QUALIFIED.fullmatch(scope)
    path, inner = (found["path"], found["inner"]) if found else (scope, "")
    read = outline(path) if inner else None
    return inner in read.scopes if read else (root / path).exists()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_LETTERS]
