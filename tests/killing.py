"""A child that is killed at a chosen system call: before it, or when half of what it writes is written."""

import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any

from gate.tidy import descriptors

CHANGING = ("write", "fsync", "mkdir", "rename", "link", "unlink", "rmdir", "ftruncate", "fchmod")  # system calls that change something


def killed_at(call: int, act: Callable[[], object], *, half: bool = False) -> bool:
    """Let a child act and be killed by SIGKILL at one of its changing system calls; tell whether it came so far.

    With `half` the call is made in half when it writes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a test runner has threads; the child uses none of them
        child = os.fork()
    if child == 0:
        code = 1
        try:
            _arm(call, half=half)
            act()
            code = 0
        except BaseException as error:  # noqa: BLE001 - a forked child must not go on in the test runner
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, f"the child failed before call {call}"
    return False


def _arm(call: int, *, half: bool) -> None:
    """Count changing system calls in this process and let one of them be the last."""
    left = [call]

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def made(*words: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                if half and real.__name__ == "write":
                    handle, data = words
                    real(handle, bytes(data)[: len(data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*words, **named)

        return made

    for name in CHANGING:
        real = getattr(os, name)
        setattr(os, name, counted(real))
        if real in os.supports_dir_fd:
            os.supports_dir_fd.add(getattr(os, name))
    setattr(descriptors, "_renameat2", counted(descriptors._renameat2))  # noqa: B010 - behind the door
