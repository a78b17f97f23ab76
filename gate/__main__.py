"""The command `gate`, also as `python -m gate`."""

import sys

from gate.cli import main


def run() -> None:
    """Leave with the exit code."""
    sys.exit(main(sys.argv[1:], sys.stdout))


if __name__ == "__main__":
    run()
