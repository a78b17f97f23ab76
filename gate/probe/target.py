"""The user's own code: found by name, entered, stepped and left as the policy says."""

from __future__ import annotations

import importlib
import importlib.util
import operator
import os
import sys
from collections.abc import Awaitable
from functools import cache, partial
from math import inf
from types import AsyncGeneratorType, CoroutineType, GeneratorType

from gate.probe.own import Own, leave_twin

TYPE_CHECKING = False  # see gate/probe/__main__.py
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterator
    from typing import Any

    Call = Callable[..., Any]  # any callable of the user's

_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200  # inspect.CO_GENERATOR and its like


def load(name: str, root: str) -> Call:
    """Import `module:callable` or `path/to/file.py:callable`, below `root`, and return the callable.

    Raises ImportError or AttributeError as Python words them, TypeError when the name is not callable.
    """
    where, _, attribute = name.rpartition(":")
    if not where or not attribute:
        message = f"{name!r} names no callable; write module:callable or path/to/file.py:callable"
        raise TypeError(message)
    found: object = operator.attrgetter(attribute)(_file(os.path.join(root, where)) if where.endswith(".py") else _module(where, root))
    if not callable(found):
        message = f"{name} is a {type(found).__name__}, not callable; name a function"
        raise TypeError(message)
    return found


class Herd:
    """The agents that live at one time; holding them takes no memory beyond the room that was made for them."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        """Load what a request names; nothing is built yet."""
        build, root, self._form = wanted["build"], wanted["root"], wanted["form"]
        self.whole = self._form == "population"
        step = load(wanted["step"], root)
        self._build, self._step = _plain(load(build, root)) if build else None, _exhausted(step)
        self._bare = build or not _wants_one(step)
        leave_twin()
        self._given = wanted.get("given", {})
        self.agents: list[Any] = []
        self._open: list[Any] = []
        self.count = 0

    def room(self, most: int) -> None:
        """Make room for so many agents; that is the child's own, and the loaded code may be shared by many children."""
        self.agents, self._open = [None] * most, [None] * most

    def add(self, number: int = 1) -> None:
        """Build some more agents; a population is built whole."""
        if self.whole:
            self._put(0, number)
            self.count = number
            return
        for _ in range(number):
            self._put(self.count, self.count)
            self.count += 1

    def move(self, start: int, times: int, until: float = inf) -> None:
        """Let each agent from `start` on take some steps, one agent after the other; of a population its model; see `take`."""
        for index in (0,) if self.whole else range(start, self.count):
            take(self._one(index), times, until)

    def round(self) -> Call:
        """Return what lets every agent take one step."""
        if self.whole or self.count == 1:
            return self._one(0)
        step, agents = self._step, self.agents[: self.count]

        def everyone() -> None:
            for agent in agents:
                step(agent)

        return everyone

    def steps(self) -> list[Call]:
        """Return what lets each single agent, or the model of a population, take one step."""
        return [self._one(index) for index in range(1 if self.whole else self.count)]

    def cycle(self, settle: int) -> Call:
        """Return what builds one agent, lets it take some steps and drops it."""

        def one() -> None:
            self._put(0, 0)
            step = self._one(0)
            for _ in range(settle):
                step()
            self.drop(0)

        return one

    def drop(self, index: int) -> None:
        """Let one agent go; what was entered is left."""
        entered, self._open[index], self.agents[index] = self._open[index], None, None
        if entered is not None:
            _leave(entered)

    def _one(self, index: int) -> Call:
        """Return what lets one agent, or the model of a population, take one step."""
        if self._build is None:
            return self._step if self._bare else partial(self._step, None)
        return partial(self._step, self.agents[index][0] if self.whole else self.agents[index])

    def _put(self, index: int, number: int) -> None:
        """Build one agent and enter it."""
        if self._build is None:  # a plain function: nothing to build
            return
        built = self._build(**self._given) if self._form in {"call", "alike"} else self._build(number, **self._given)
        self.agents[index], self._open[index] = _entered(built)
        leave_twin()
        if self.whole and not _is_population(self.agents[index], number):
            message = f"population({number}) returned no pair of a model and its {number} agents; return model, agents"
            raise TypeError(message)
        if self.agents[index] is None and self._form != "call":
            message = f"build({number}) returned None, not an agent; return the agent itself"
            raise TypeError(message)


def take(step: Call, times: int, until: float = inf) -> int:
    """Take some steps, none but the first after `until` (monotonic seconds); return how many."""
    for taken in range(times):
        if taken and Own.monotonic() > until:
            return taken
        done = step()
        if not taken:
            check(done)
    leave_twin()
    return times


def check(done: object) -> None:
    """Raise TypeError when a step did not do its work but returned a coroutine that somebody should have awaited."""
    if type(done) is CoroutineType:
        done.close()
        message = "the step returned a coroutine, which nobody awaits; name the async function itself, or run it to its end"
        raise TypeError(message)


def _module(where: str, root: str) -> object:
    """Import a module by its name."""
    if os.path.isfile(os.path.join(root, where)):
        message = f"{where} is no Python file: its name must end in .py"
        raise ImportError(message)
    return importlib.import_module(where)


@cache
def _file(path: str) -> object:
    """Import a Python file, once, under its own name unless that is taken, and with its folder on the path as when it is run."""
    place, (folder, base) = os.path.realpath(path), os.path.split(path)
    stem = base.removesuffix(".py")
    for name in (stem, f"{stem}_py"):
        known = sys.modules.get(name)
        if known is not None and vars(known).get("__file__") == place:
            return known
        if known is None and name not in sys.stdlib_module_names:
            break
    spec = importlib.util.spec_from_file_location(name, place)
    if spec is None or spec.loader is None or not os.path.isfile(path):
        message = f"{base} is no Python file"
        raise ImportError(message)
    if folder not in sys.path:
        sys.path.insert(1, folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _plain(found: Call) -> Call:
    """Return a callable that has done its work when it returns: a coroutine is run to its end."""
    if _flags(found) & _COROUTINE:
        return lambda *words, **named: run(found(*words, **named))
    return found


def _exhausted(step: Call) -> Call:
    """Return a step that has done its work when it returns: one that yields is run to its end, too."""
    if _flags(step) & _GENERATOR:
        return lambda *words: _exhaust(step(*words))
    if _flags(step) & _ASYNC_GENERATOR:
        return lambda *words: run(_exhaust_async(step(*words)))
    return _plain(step)


def _flags(found: object) -> int:
    """Return the flags of the code that a call runs; `inspect` would tell them too and costs more to import than it is worth here."""
    while isinstance(found, partial):
        found = found.func
    for call in (found, getattr(type(found), "__call__", None)):  # noqa: B004 - asks how it is called, not whether
        code = getattr(getattr(call, "__func__", call), "__code__", None)
        if code is not None:
            return int(code.co_flags)
    return 0


def _wants_one(step: Call) -> bool:
    """Tell whether a function cannot be called without an argument; what a method is bound to is given already."""
    function = getattr(step, "__func__", step)
    code, given = getattr(function, "__code__", None), getattr(function, "__defaults__", None) or ()
    return code is not None and code.co_argcount - (function is not step) > len(given)


def _is_population(built: Any, number: int) -> bool:
    return isinstance(built, tuple) and len(built) == 2 and hasattr(built[1], "__len__") and len(built[1]) == number  # noqa: PLR2004 - a pair


def run(work: Awaitable[Any]) -> Any:
    """Run a coroutine in the one event loop of this process."""

    async def whole() -> Any:
        return await work

    return _loop().run_until_complete(whole())


@cache
def _loop() -> AbstractEventLoop:
    import asyncio  # noqa: PLC0415 - who is not async does not pay for it

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def _entered(built: Any) -> tuple[Any, Any]:
    """Return the agent in what was built, and what must be left when it is dropped, or None.

    A coroutine is awaited; a generator gives the agent with its first `yield`, and is the agent itself when that is None; a
    context manager is entered.
    """
    if issubclass(type(built), Awaitable):  # asked of the type: an object may run code to say what it is
        built = run(built)
    if type(built) is GeneratorType:
        first = next(built)
        return (built, None) if first is None else (first, built)
    if type(built) is AsyncGeneratorType:
        return run(anext(built)), built
    kind = type(built)
    if hasattr(kind, "__aenter__") and hasattr(kind, "__aexit__"):
        return run(kind.__aenter__(built)), built
    if hasattr(kind, "__enter__") and hasattr(kind, "__exit__"):
        return kind.__enter__(built), built
    return built, None


def _leave(entered: Any) -> None:
    """Leave what was entered, as the end of a with statement does."""
    kind = type(entered)
    if type(entered) is GeneratorType:
        _exhaust(entered)
    elif type(entered) is AsyncGeneratorType:
        run(_exhaust_async(entered))
    elif hasattr(kind, "__aexit__"):
        run(kind.__aexit__(entered, None, None, None))
    else:
        kind.__exit__(entered, None, None, None)


def _exhaust(rest: Iterator[object]) -> None:
    for _ in rest:
        pass


async def _exhaust_async(rest: Any) -> None:
    async for _ in rest:
        pass
