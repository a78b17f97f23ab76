"""A small Python tree that is edited at random, and knows of each of its findings whether it was there before."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

NAMES = ("load", "main", "run", "step", "parse", "close", "write", "check")  # few, so that files have functions of one name
KINDS = {  # a tool -> what it finds: of a statement, a header, a value with a name
    "types": (("len(5)", "None.real", "'a' + 1"), "no annotation", "str"),
    "lint": (("assert data == None", "print(f'')", "assert not data is data"), "no docstring", "None"),
}


@dataclass
class Line:
    """One statement of a function; `debt` is 0 where a tool finds nothing."""

    text: str
    debt: int = 0


@dataclass
class Function:
    """A function or a method; `debt` is of its header."""

    name: str
    lines: list[Line]
    debt: int = 0


@dataclass
class Value:
    """A name that is given a value, at the top of a file or in a class."""

    name: str
    number: int
    debt: int = 0


@dataclass
class Class:
    """A class with values and methods."""

    name: str
    values: list[Value]
    methods: list[Function]


@dataclass
class File:
    """One module, and how it is laid out."""

    path: str
    items: list[Function | Class | Value]
    indent: int = 4
    gap: int = 2
    quote: str = "'"
    noise: int = 0  # lines of comment at its top
    imports: list[str] = field(default_factory=list)


Scope = Function | Value


class Tree:
    """The files, and random edits of them."""

    def __init__(self, rng: random.Random, tool: str) -> None:
        """Make some files with debts in them."""
        self.rng, self.tool, self._numbers = rng, tool, count(1)
        self.statements, self.header, self.value = KINDS[tool]
        self.files = [self._file(f"m{at}.py") for at in range(rng.randint(2, 4))]
        self.tired: set[tuple[int, str]] = set()  # scopes in which a finding was mended in this round, by what it was
        for _ in range(rng.randint(3, 9)):
            self.add()

    def number(self) -> int:
        """Return a number that nothing else has."""
        return next(self._numbers)

    def known(self) -> set[int]:
        """Return what is found now."""
        return {debt for _, _, _, debt in self.where()}

    def edit(self, times: int) -> list[str]:
        """Edit some times; return what was done."""
        self.tired.clear()
        acts: tuple[Callable[[], None], ...] = (
            self.move, self.rename_neighbour, self.reformat, self.insert, self.swap, self.delete_file, self.split, self.add, self.fix,
        )  # fmt: skip
        done = [self.rng.choice(acts) for _ in range(times)]
        for act in done:
            act()
        return [act.__name__ for act in done]

    def move(self) -> None:
        """Put what is in a file, a class or a function in another order."""
        file = self.rng.choice(self.files)
        self.rng.shuffle(file.items)
        for item in file.items:
            if isinstance(item, Class):
                self.rng.shuffle(item.methods)
        function = self.rng.choice([*self.functions(file)])
        self.rng.shuffle(function.lines)

    def rename_neighbour(self) -> None:
        """Rename a function in which nothing is found."""
        file = self.rng.choice(self.files)
        clean = [one for one in file.items if isinstance(one, Function) and not one.debt and not any(line.debt for line in one.lines)]
        if clean:
            self.rng.choice(clean).name = f"renamed{self.number()}"

    def reformat(self) -> None:
        """Lay a file out anew."""
        file = self.rng.choice(self.files)
        file.indent, file.gap, file.quote = self.rng.choice([2, 4, 8]), self.rng.randint(1, 4), self.rng.choice("'\"")

    def insert(self) -> None:
        """Insert comments, clean statements and a clean function."""
        file = self.rng.choice(self.files)
        file.noise += self.rng.randint(1, 5)
        function = self.rng.choice([*self.functions(file)])
        function.lines.insert(self.rng.randint(0, len(function.lines)), self._clean())
        file.items.insert(self.rng.randint(0, len(file.items)), self._function(f"extra{self.number()}"))

    def swap(self) -> None:
        """Mend one finding and make an equal one in another scope."""
        held = [(scope, line) for scope in self.scopes() if isinstance(scope, Function) for line in scope.lines if line.debt]
        if not held:
            return
        scope, line = self.rng.choice(held)
        text = line.text
        others = [one for one in self.scopes() if isinstance(one, Function) and one is not scope and (id(one), text) not in self.tired]
        self.tired.add((id(scope), text))
        line.text, line.debt = self._clean().text, 0
        if others:
            other = self.rng.choice(others)
            other.lines.insert(self.rng.randint(0, len(other.lines)), Line(text, self.number()))

    def delete_file(self) -> None:
        """Delete a file."""
        if len(self.files) > 1:
            gone = self.rng.choice(self.files)
            self.files.remove(gone)
            for file in self.files:
                file.imports = [name for name in file.imports if f"{name}.py" != gone.path]

    def split(self) -> None:
        """Let some of a file's items go to a new file."""
        file = self.rng.choice(self.files)
        there = [item for item in file.items if self.rng.random() < 0.5]
        if there and len(there) < len(file.items):
            file.items = [item for item in file.items if item not in there]
            new = File(f"m{self.number()}n.py", there, indent=file.indent)
            file.imports.append(new.path.removesuffix(".py"))
            self.files.append(new)
            for each in (file, new):
                if not any(self.functions(each)):
                    each.items.append(self._function(f"extra{self.number()}"))

    def add(self) -> None:
        """Make something new to find: in a statement, in a header, or in a value with a name."""
        scope = self.rng.choice([*self.scopes()])
        if isinstance(scope, Value):
            if not scope.debt and (id(scope), self.value) not in self.tired:
                scope.debt = self.number()
        elif self.rng.random() < 0.3:
            if not scope.debt and (id(scope), self.header) not in self.tired:
                scope.debt = self.number()
        elif (id(scope), text := self.rng.choice(self.statements)) not in self.tired:
            scope.lines.insert(self.rng.randint(0, len(scope.lines)), Line(text, self.number()))

    def fix(self) -> None:
        """Mend one finding, whatever it is."""
        held = [scope for scope in self.scopes() if scope.debt or (isinstance(scope, Function) and any(line.debt for line in scope.lines))]
        if not held:
            return
        scope = self.rng.choice(held)
        lines = [line for line in scope.lines if line.debt] if isinstance(scope, Function) else []
        if lines:
            line = self.rng.choice(lines)
            self.tired.add((id(scope), line.text))
            line.text, line.debt = self._clean().text, 0
        else:
            self.tired.add((id(scope), self.value if isinstance(scope, Value) else self.header))
            scope.debt = 0

    def functions(self, file: File) -> Iterator[Function]:
        """Yield the functions of a file, methods too."""
        for item in file.items:
            if isinstance(item, Function):
                yield item
            elif isinstance(item, Class):
                yield from item.methods

    def scopes(self) -> Iterator[Scope]:
        """Yield everything in which something can be found."""
        for file in self.files:
            yield from self.functions(file)
            for item in file.items:
                if isinstance(item, Value):
                    yield item
                elif isinstance(item, Class):
                    yield from item.values

    def sources(self) -> dict[str, str]:
        """Write every file."""
        return {file.path: "\n".join(text for text, _ in self._written(file)) + "\n" for file in self.files}

    def where(self) -> Iterator[tuple[str, int, str, int]]:
        """Yield what is found: path, line, what it is, and its number."""
        for file in self.files:
            for at, (text, debt) in enumerate(self._written(file), start=1):
                if debt:
                    yield file.path, at, text.strip(), debt

    def _written(self, file: File) -> Iterator[tuple[str, int]]:
        yield f"{file.quote * 3}About {file.path}.{file.quote * 3}", 0
        yield from [(f"# {at}", 0) for at in range(file.noise)]
        yield from [(f"import {name}", 0) for name in file.imports]
        for item in file.items:
            yield from [("", 0)] * file.gap
            if isinstance(item, Class):
                yield f"class {item.name}:", 0
                yield self._in(file, 1, f"{file.quote * 3}A class.{file.quote * 3}"), 0
                for value in item.values:
                    yield self._in(file, 1, self._value(value)), value.debt
                for method in item.methods:
                    yield "", 0
                    yield from self._function_lines(file, method, 1)
            elif isinstance(item, Value):
                yield self._value(item), item.debt
            else:
                yield from self._function_lines(file, item, 0)

    def _function_lines(self, file: File, one: Function, deep: int) -> Iterator[tuple[str, int]]:
        first = "self, " if deep else ""
        untyped = one.debt and self.tool == "types"
        yield self._in(file, deep, f"def {one.name}({first}data{'' if untyped else ': int'}){'' if untyped else ' -> None'}:"), one.debt
        if not (one.debt and self.tool == "lint"):
            yield self._in(file, deep + 1, f"{file.quote * 3}Do it.{file.quote * 3}"), 0
        for line in one.lines:
            yield self._in(file, deep + 1, line.text.replace("'", file.quote)), line.debt

    def _value(self, value: Value) -> str:
        if self.tool == "lint":
            return f"{value.name} = {f'({value.number}, len == None)' if value.debt else value.number}"
        return f"{value.name}: {self.value if value.debt else 'int'} = {value.number}"

    def _in(self, file: File, deep: int, text: str) -> str:
        return " " * (file.indent * deep) + text

    def _file(self, path: str) -> File:
        names = self.rng.sample(NAMES, 4)
        items: list[Function | Class | Value] = [self._function(name) for name in names[:3]]
        methods = [self._function(name) for name in self.rng.sample(NAMES, 2)]
        items.append(Class(f"C{self.number()}", [self._named("seen")], methods))
        return File(path, [*items, self._named(names[3].upper())])

    def _function(self, name: str) -> Function:
        return Function(name, [self._clean() for _ in range(self.rng.randint(2, 5))])

    def _named(self, name: str) -> Value:
        return Value(name, self.rng.randint(1, 10**6))

    def _clean(self) -> Line:
        return Line(f"print(data + {self.rng.randint(1, 10**6)})")


def wrong(tree: Tree, known: set[int], told: Iterable[tuple[str, int]]) -> tuple[int, int]:
    """Count the new findings that are not told, and those told that are not new; of two that are alike in one file either may be told."""
    fresh, said, what = Counter[tuple[str, str]](), Counter[tuple[str, str]](), {}
    for path, line, text, debt in tree.where():
        kind = text.partition("(data")[2] if text.startswith("def ") else text.partition(" = ")[0] if " = " in text else text
        what[path, line] = path, kind
        fresh[path, kind] += debt not in known
    for place in told:
        said[what[place]] += 1
    return (fresh - said).total(), (said - fresh).total()
