"""First stage of a measured child: switch off what makes addresses vary, and become the probe; nothing is loaded that it does not need."""

import ctypes
import os
import sys

ADDR_NO_RANDOMIZE = 0x0040000  # <sys/personality.h>


def main(request: str) -> None:
    """Replace this process by the probe; what cannot be pinned is noticed there."""
    if sys.platform == "linux":
        ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE)
    os.execv(sys.executable, [sys.executable, "-P", "-m", "gate.probe", request])  # noqa: S606 - no shell, our own interpreter


if __name__ == "__main__":
    main(sys.argv[1])
