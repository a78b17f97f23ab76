"""Classes that look like agents, found by reading code: how one is built, what lets it take a step, and why it looks so."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

STEPS = ("step", "act", "tick", "update", "advance", "think", "decide", "move", "play", "poll", "expire", "run_once")
_NO_AGENTS = {
    "Exception",
    "BaseException",
    "Enum",
    "IntEnum",
    "StrEnum",
    "Flag",
    "Protocol",
    "NamedTuple",
    "TypedDict",
    "TestCase",
    "Generic",
}
_KEEPS = {"append", "appendleft", "add", "update", "insert", "extend", "setdefault", "pop", "popleft", "remove", "clear"}
_SCALARS = (str, int, float, bool)
_MOST_TEXT = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One class that may be an agent."""

    module: str
    name: str
    path: str
    line: int
    step: str = ""  # a method that needs no argument
    stateful: bool = False  # methods change what it holds
    held: str = ""  # "path:line" where instances of it are put into a container
    missing: tuple[str, ...] = ()  # arguments that have no default
    given: dict[str, object] = field(default_factory=dict)  # arguments as the project's own code gives them
    whence: str = ""  # "path:line" of that code

    @property
    def buildable(self) -> bool:
        """Tell whether it can be tried."""
        return set(self.missing) <= set(self.given)

    @property
    def target(self) -> str:
        """Return how a policy names it."""
        return f"{self.module}:{self.name}"


def find(texts: Mapping[str, str], roots: Sequence[str], others: Mapping[str, str]) -> tuple[Candidate, ...]:
    """Return the candidates among the classes of some files, the likeliest first.

    `texts` are the project's code by path, imported from `roots`; `others` are further files (tests, examples) that show how
    instances are made. A file that does not parse is passed over: its linter tells that.
    """
    trees = {path: tree for path, text in texts.items() if (tree := _parsed(text))}
    known = {found.name: found for path, tree in trees.items() for found in _classes(path, tree, _module(path, roots))}
    calls = list(_calls({**trees, **{path: tree for path, text in others.items() if (tree := _parsed(text))}}, known))
    held = {name: place for name, place, _, inside in reversed(calls) if inside and place.rpartition(":")[0] in trees}
    found = [_candidate(one, known, held.get(one.name, ""), calls) for one in known.values() if _may_be(one, known)]
    return tuple(sorted((one for one in found if one.step or one.held or one.stateful), key=_rank))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Class:
    """One class as it is written."""

    name: str
    module: str
    path: str
    line: int
    bases: tuple[str, ...]
    methods: dict[str, ast.FunctionDef]
    fields: tuple[str, ...] | None  # of a dataclass: those without a default
    abstract: bool


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _module(path: str, roots: Sequence[str]) -> str:
    """Return the name by which a file is imported.

    >>> _module("src/pkg/sub/__init__.py", ["src"]), _module("bots.py", [""])
    ('pkg.sub', 'bots')
    """
    root = next((root for root in roots if root and path.startswith(f"{root}/")), "")
    parts = PurePosixPath(path).relative_to(root or ".").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _classes(path: str, tree: ast.Module, module: str) -> Iterator[_Class]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            methods = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
            data = any("dataclass" in ast.unparse(mark) for mark in node.decorator_list)
            fields = [item for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)]
            yield _Class(
                name=node.name,
                module=module,
                path=path,
                line=node.lineno,
                bases=tuple(ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases),
                methods=methods,
                fields=tuple(ast.unparse(item.target) for item in fields if item.value is None) if data else None,
                abstract=any("abstract" in ast.unparse(mark) for item in methods.values() for mark in item.decorator_list),
            )


def _family(one: _Class, known: Mapping[str, _Class]) -> list[_Class]:
    """Return a class and its bases as far as the project wrote them, nearest first."""
    found, wanted = [one], list(one.bases)
    while wanted:
        base = known.get(wanted.pop(0))
        if base and base not in found:
            found.append(base)
            wanted += base.bases
    return found


def _may_be(one: _Class, known: Mapping[str, _Class]) -> bool:
    """Tell whether a class is public, whole, and made to have instances that change."""
    bases = {base for each in _family(one, known) for base in each.bases}
    odd = bases & _NO_AGENTS or any(base.endswith(("Error", "Exception", "Warning")) for base in bases)
    return not (one.name.startswith("_") or one.abstract or odd or one.module.rpartition(".")[2] in {"conftest", "__main__"})


def _candidate(one: _Class, known: Mapping[str, _Class], held: str, calls: "list[_Call]") -> Candidate:
    """Put together what is known of one class."""
    family = _family(one, known)
    methods: dict[str, ast.FunctionDef] = {}
    for each in reversed(family):
        methods |= each.methods
    first = next((each for each in family if "__init__" in each.methods or each.fields is not None), None)
    names, missing = _arguments(first)
    made = Candidate(
        module=one.module,
        name=one.name,
        path=one.path,
        line=one.line,
        step=next((name for name in STEPS if name in methods and _needs_nothing(methods[name])), ""),
        stateful=any(_changes(method) for name, method in methods.items() if name != "__init__"),
        held=held,
        missing=missing,
    )
    for name, place, call, _ in calls:
        given = _literals(call, names) if missing and name == one.name else {}
        if given and set(missing) <= set(given):
            return replace(made, given={argument: given[argument] for argument in missing}, whence=place)
    return made


def _arguments(first: _Class | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of all arguments that building takes, in order, and of those without a default."""
    if first is None:
        return (), ()
    if "__init__" not in first.methods:
        return first.fields or (), first.fields or ()
    spec = first.methods["__init__"].args
    plain = [argument.arg for argument in (*spec.posonlyargs, *spec.args)][1:]
    needed = plain[: len(plain) - len(spec.defaults)] if len(spec.defaults) <= len(plain) else []
    needed += [argument.arg for argument, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if default is None]
    return tuple(plain + [argument.arg for argument in spec.kwonlyargs]), tuple(needed)


def _needs_nothing(method: ast.FunctionDef) -> bool:
    """Tell whether a method is one that an instance can be asked for without an argument."""
    spec = method.args
    needed = len(spec.posonlyargs) + len(spec.args) - 1 - len(spec.defaults)
    marks = {ast.unparse(mark).rpartition(".")[2] for mark in method.decorator_list}
    return needed <= 0 and None not in spec.kw_defaults and not marks & {"property", "staticmethod", "classmethod", "setter"}


def _changes(method: ast.FunctionDef) -> bool:
    """Tell whether a method writes to what its instance holds."""
    own = method.args.args[0].arg if method.args.args else ""
    for node in ast.walk(method):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store) and _of(node, own):
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _KEEPS and _of(node.func.value, own):
            return True
    return False


def _of(node: ast.expr, own: str) -> bool:
    """Tell whether an expression leads through an attribute of the instance."""
    through = False
    while isinstance(node, ast.Attribute | ast.Subscript):
        through = through or isinstance(node, ast.Attribute)
        node = node.value
    return through and isinstance(node, ast.Name) and node.id == own


_Call = tuple[str, str, ast.Call, bool]  # of which class, where, the call, whether what it makes goes into a container


def _calls(trees: Mapping[str, ast.Module], known: Mapping[str, _Class]) -> Iterator[_Call]:
    """Find where instances of known classes are made."""
    for path, tree in trees.items():
        inside: set[ast.AST] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
                inside.add(node.elt)
            elif isinstance(node, ast.DictComp):
                inside.add(node.value)
            elif isinstance(node, ast.List):
                inside |= set(node.elts)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"append", "add"}:
                inside |= set(node.args)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
                inside.add(node.value)
            if isinstance(node, ast.Call) and (name := _named(node.func)) in known:
                yield name, f"{path}:{node.lineno}", node, node in inside


def _named(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def _literals(call: ast.Call, names: Sequence[str]) -> dict[str, object]:
    """Return the arguments of a call by name when all are plain values, else nothing."""
    given: dict[str, object] = {}
    pairs = [*zip(names, call.args, strict=False), *((keyword.arg or "", keyword.value) for keyword in call.keywords)]
    if len(call.args) > len(names):
        return {}
    for name, node in pairs:
        value = node.value if isinstance(node, ast.Constant) else None
        if not name or not isinstance(value, _SCALARS) or len(str(value)) > _MOST_TEXT:
            return {}
        given[name] = value
    return given


def _rank(one: Candidate) -> tuple[int, int, str, int]:
    """Put first what can be built and stepped, is held in numbers, and stands high in the package."""
    points = 8 * one.buildable + 4 * bool(one.step) + 2 * bool(one.held) + one.stateful
    return -points, one.module.count("."), one.path, one.line
