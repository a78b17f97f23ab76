"""The user's own code: found by name, called as the policy says."""

import importlib
import operator
from collections.abc import Callable


def load(name: str) -> Callable[..., object]:
    """Import `module:callable` and return the callable.

    Raises ImportError or AttributeError as Python words them, TypeError when the name is not callable.
    """
    module, _, attribute = name.partition(":")
    found: object = operator.attrgetter(attribute)(importlib.import_module(module))
    if not callable(found):
        message = f"{name} is a {type(found).__name__}, not callable; name a function in the policy"
        raise TypeError(message)
    return found
