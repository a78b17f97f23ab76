"""What stands behind an option of the command: from text to a value, or what to write instead."""

from argparse import ArgumentTypeError

_DAY = 86_400  # seconds


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
