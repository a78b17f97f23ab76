"""The command `gate`, also as `python -m gate`."""

import os
import signal
import sys
from types import FrameType

from gate.cli import main

_TERMINATED = 128 + signal.SIGTERM  # as shells report it


def run() -> None:
    """Leave with the exit code; being told to end is an exception, so that what was begun is taken back."""
    signal.signal(signal.SIGTERM, _end)
    if sys.stdout is None:  # closed by whoever started us
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - open as long as we are
    code = main(sys.argv[1:], sys.stdout)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _end(_signal: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does."""
    raise SystemExit(_TERMINATED)


if __name__ == "__main__":
    run()
