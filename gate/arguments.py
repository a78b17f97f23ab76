"""What stands behind an option of the command: from text to a value, or what to write instead."""

from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from typing import NamedTuple

_QUESTION = "default: growth and handles; all: also peak, and with --setup churn and footprint; footprint and peak only inform then"
_DAY = 86_400  # seconds
_SHARDS = 256  # jobs that one matrix of GitHub Actions may have


class Shard(NamedTuple):  # a dataclass would load inspect, and gate --version would wait for it
    """One of several parts, counted from 1."""

    part: int
    parts: int

    def __str__(self) -> str:
        """Write it as the command is told it."""
        return f"{self.part}/{self.parts}"


def of_measure(parser: ArgumentParser) -> None:
    """Name what `gate measure` can be told."""
    parser.add_argument("target", metavar="TARGET:STEP", help="module:callable or path/to/file.py:callable")
    parser.add_argument("--setup", default="", metavar="TARGET:SETUP", help="what it returns is handed to STEP")
    parser.add_argument("--question", default="default", choices=("growth", "handles", "churn", "footprint", "peak", "all"), help=_QUESTION)
    parser.add_argument("--max", default="", metavar="LIMIT", help='of the one question asked, for example "8 B/call" or "2 MB"')
    parser.add_argument("--steps", type=positive, default=0, metavar="N", help="fewest calls that are watched before anything passes")
    parser.add_argument(
        "--budget-seconds", type=seconds, default=15.0, metavar="S", help="of work before it says INCONCLUSIVE (default: 15)"
    )
    explain = BooleanOptionalAction  # without either: what fails
    parser.add_argument("--explain", action=explain, help="name lines and types also of what passes, or of nothing: quicker")
    parser.add_argument("--json", action="store_true", help="print everything that was read and found as one JSON object")


def positive(text: str) -> int:
    """Read a count.

    >>> positive("1024")
    1024

    Raises ArgumentTypeError, which argparse tells, when it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        message = f"{text!r} is no number of steps; write for example 1024"
        raise ArgumentTypeError(message)
    return int(text)


def seconds(text: str) -> float:
    """Read seconds, up to a day.

    >>> seconds("1.5")
    1.5

    Raises ArgumentTypeError when they are none.
    """
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number <= _DAY:
        message = f"{text!r} is no number of seconds; write for example 15"
        raise ArgumentTypeError(message)
    return number


def shard(text: str) -> Shard:
    """Read which part of how many is meant.

    >>> shard("1/4")
    Shard(part=1, parts=4)

    Raises ArgumentTypeError when it is none.
    """
    index, slash, count = text.partition("/")
    digits = all(part.isascii() and part.isdecimal() and len(part) <= len(str(_SHARDS)) for part in (index, count))
    if not slash or not digits or not 1 <= int(index) <= int(count) <= _SHARDS:
        message = f"{text!r} is no shard; write for example 1/4, the first of four; there are {_SHARDS} at the most"
        raise ArgumentTypeError(message)
    return Shard(part=int(index), parts=int(count))
