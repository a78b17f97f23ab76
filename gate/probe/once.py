"""A child that answers one question and ends: what looks so hard that nothing may be measured after it."""

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from gate.probe import pins
from gate.probe.own import Own, leave_twin, worded


def answer(request: str, look: Callable[[dict[str, Any], float], object]) -> NoReturn:
    """Print what a look returns as the only line of standard output; or end with 1 and say on standard error, last of all, why not.

    A look is given the request and the moment (monotonic seconds) after which it begins nothing more. What the user's code prints
    goes to standard error; its threads that never end do not hold the process back.
    """
    wanted = Own.decode(request)
    root, code, into = wanted["root"], 0, os.dup(1)
    os.set_inheritable(into, False)  # noqa: FBT003 - what the agents start does not hold our line
    os.dup2(2, 1)
    pins.bound(wanted["memory"])
    try:
        sys.path.insert(0, root)
        sys.argv = [root]
        text = Own.encode(look(wanted, Own.monotonic() + wanted["seconds"]))
    except BaseException as error:  # noqa: BLE001 - SystemExit and all else of the user's code is an answer too
        text, into, code = worded(error, root), 2, 1
    leave_twin()
    rest = f"\n{text}\n".encode("utf-8", "backslashreplace")
    while rest:
        rest = rest[Own.write(into, rest) :]
    Own.leave(code)
    raise AssertionError  # pragma: no cover - for who reads the types
