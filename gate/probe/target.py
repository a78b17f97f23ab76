"""The user's own code: found by name, called as the policy says."""

import importlib
import inspect
import operator
from collections.abc import Callable


def load(name: str) -> Callable[..., object]:
    """Import `module:callable` and return the callable.

    Raises ImportError or AttributeError as Python words them, TypeError when the name is not callable.
    """
    module, _, attribute = name.partition(":")
    found: object = operator.attrgetter(attribute)(importlib.import_module(module))
    if any(told(found) for told in (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)):
        message = f"{name} is async or a generator: calling it runs nothing; name a plain function, for example one that calls asyncio.run"
        raise TypeError(message)
    if not callable(found):
        message = f"{name} is a {type(found).__name__}, not callable; name a function in the policy"
        raise TypeError(message)
    return found


def checked(build: Callable[..., object]) -> Callable[[int], object]:
    """Return the same build, which refuses to return what is no agent."""

    def build_one(index: int) -> object:
        """Build one agent.

        Raises TypeError for None, which weighs nothing, and for a coroutine or generator, which has not run yet.
        """
        agent = build(index)
        if agent is None or inspect.iscoroutine(agent) or inspect.isgenerator(agent):
            message = f"build({index}) returned {type(agent).__name__}, not an agent; return the agent itself"
            raise TypeError(message)
        return agent

    return build_one
