"""A plugin for pytest: at the end of a session it notes the file of every module that is loaded, where the gate wants to know."""

import os
import sys
from types import ModuleType

MARK = "GATE_LOADED"  # environment variable: where notes are written to
NAME = __name__


def pytest_sessionfinish() -> None:
    """Write the notes in one piece: each process of a session adds its own, and so do sessions that tests start."""
    place = os.environ.get(MARK)
    if place:
        with open(place, "ab", buffering=0) as file:
            file.write(b"".join(os.fsencode(os.path.realpath(path)) + b"\0" for path in _files()))


def _files() -> list[str]:
    """Return where modules come from; one that is only loaded when it is used is asked nothing."""
    every: list[object] = list(sys.modules.values())  # anybody may put anything there
    modules = [module for module in every if isinstance(module, ModuleType)]
    told = (object.__getattribute__(module, "__dict__").get("__file__") for module in modules)
    return [path for path in told if isinstance(path, str)]
