"""Sizes, rates and times: from text with units to numbers, and back."""

import math
import re
from collections.abc import Mapping

_UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_SIZE = re.compile(r"([0-9]{1,40}(?:\.[0-9]{1,40})?) ?(B|kB|MB|GB|KiB|MiB|GiB)")
_SHARE = re.compile(r"([0-9]{1,40}(?:\.[0-9]{1,40})?) ?(%)")
_COUNT = re.compile(r"([0-9]{1,40}(?:\.[0-9]{1,40})?)")
_TIME = re.compile(r"([0-9]{1,40}(?:\.[0-9]{1,40})?) ?(ms|s|min)")
_AGE = re.compile(r"([0-9]{1,40}(?:\.[0-9]{1,40})?) ?(min|h|d)")
AMOUNT = re.compile(r"([0-9]{1,40}(?:\.[0-9]{1,40})?)(?: ?(B|kB|MB|GB|KiB|MiB|GiB)/(agent|step|call|cycle)|/(step|call|cycle))?$")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_KILO = 1000
_SHOWN = ("B", "kB", "MB", "GB")
_EXACT = 100


def size(text: str) -> float:
    """Read a size in bytes; decimal (kB, MB, GB) and binary (KiB, MiB, GiB) units.

    >>> size("34.5 MB"), size("1 KiB"), size("8 B")
    (34500000.0, 1024.0, 8.0)

    Raises ValueError when the unit is missing or unknown.
    """
    return _read(text, _SIZE, _UNITS, 'a size; write for example "10 MB"')


def rate(text: str, per: str) -> float:
    """Read bytes per event.

    >>> rate("8 B/step", "step"), rate("1.5 kB/step", "step")
    (8.0, 1500.0)

    Raises ValueError when either unit is missing.
    """
    head, slash, tail = text.partition("/")
    if not slash or tail != per or not _SIZE.fullmatch(head):
        message = f'"{text}" is not a rate; write for example "0 B/{per}"'
        raise ValueError(message)
    return size(head)


def count_rate(text: str, per: str) -> float:
    """Read things per event.

    >>> count_rate("0/step", "step")
    0.0

    Raises ValueError when the unit is missing.
    """
    head, slash, tail = text.partition("/")
    if not slash or tail != per or not _COUNT.fullmatch(head):
        message = f'"{text}" is not a count a {per}; write for example "0/{per}"'
        raise ValueError(message)
    return float(head)


def amount(text: str) -> tuple[float, str]:
    """Read a quantity as `show_amount` writes it, or a plain number; return it with the unit of its limit.

    >>> amount("69.1 MB/agent"), amount("0.5/step"), amount("12")
    ((69100000.0, 'B/agent'), (0.5, '/step'), (12.0, ''))

    Raises ValueError for anything else.
    """
    found = AMOUNT.match(text)
    if not found:
        message = f'"{text}" is not a quantity; write for example "7.6 B/step", "69.1 MB/agent" or "12"'
        raise ValueError(message)
    number, unit, per, events = found.groups()
    return float(number) * _UNITS.get(unit, 1), f"B/{per}" if unit else f"/{events}" if events else ""


def share(text: str) -> float:
    """Read a part of a whole, written in percent.

    >>> share("1 %"), share("12.5%")
    (0.01, 0.125)

    Raises ValueError for anything else.
    """
    return _read(text, _SHARE, {"%": 0.01}, 'a part of a whole; write for example "1 %"')


def duration(text: str) -> float:
    """Read a time in seconds.

    >>> duration("30 s"), duration("2 min"), duration("250 ms")
    (30.0, 120.0, 0.25)

    Raises ValueError when the unit is missing or unknown.
    """
    return _read(text, _TIME, _SECONDS, 'a duration; write for example "30 s"')


def age(text: str) -> float:
    """Read how old something may be, in seconds.

    >>> age("30 d"), age("12 h")
    (2592000.0, 43200.0)

    Raises ValueError when the unit is missing or unknown.
    """
    return _read(text, _AGE, _SECONDS, 'an age; write for example "30 d"')


def show_age(seconds: float) -> str:
    """Write an age as a policy does.

    >>> show_age(1209600), show_age(43200)
    ('14 d', '12 h')
    """
    hours = seconds / 3600
    return f"{_three_digits(hours / 24)} d" if hours % 24 == 0 else f"{_three_digits(hours)} h"


def show_size(count: float) -> str:
    """Write bytes for a person, three digits, decimal units.

    >>> show_size(0), show_size(129.3), show_size(34_500_000), show_size(-2048)
    ('0 B', '129 B', '34.5 MB', '-2.05 kB')
    """
    sign, count = ("-", -count) if count < 0 else ("", count)
    power = 0
    while count >= _KILO and power < len(_SHOWN) - 1:
        count, power = count / _KILO, power + 1
    return f"{sign}{_three_digits(count)} {_SHOWN[power]}"


def show_amount(value: float, unit: str) -> str:
    """Write a quantity in the unit of its limit.

    >>> show_amount(129.3, "B/step"), show_amount(250_000, "B/agent"), show_amount(1, "/step"), show_amount(math.inf, "B/agent")
    ('129 B/step', '250 kB/agent', '1/step', 'none')
    """
    if math.isinf(value):
        return "none"
    head, _, per = unit.partition("/")
    shown = show_size(value) if head == "B" else _three_digits(value)
    return f"{shown}/{per}" if per else shown


def show_share(share: float) -> str:
    """Write a part of a whole in percent, as finely as it is worth reading.

    >>> show_share(0.1234), show_share(0.0102), show_share(0.016), show_share(2.5)
    ('12 %', '1 %', '1.6 %', '250 %')
    """
    return f"{share * 100:.{0 if abs(share) >= 0.1 else 1}f}".removesuffix(".0") + " %"  # noqa: PLR2004 - ten percent


def show_count(number: int, noun: str) -> str:
    """Write how many there are.

    >>> show_count(1, "path"), show_count(1200, "path")
    ('1 path', '1,200 paths')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def show_tally(counts: Mapping[str, int]) -> str:
    """Write how many there are of each, the most first; what has no name is only counted.

    >>> show_tally({"F401": 2, "D103": 1}), show_tally({"": 3})
    ('F401 2, D103 1', '3')
    """
    return ", ".join(f"{name} {number:,}".lstrip() for name, number in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def show_time(seconds: float) -> str:
    """Write a time for a person.

    >>> show_time(0.0042), show_time(3.14159), show_time(125)
    ('4 ms', '3.1 s', '2 min 5 s')
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _EXACT:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def _read(text: str, form: re.Pattern[str], units: Mapping[str, float], wanted: str) -> float:
    """Read a number with its unit; raise ValueError, with what is wanted, for anything else."""
    found = form.fullmatch(text)
    if not found:
        message = f'"{text}" is not {wanted}'
        raise ValueError(message)
    return float(found[1]) * units[found[2]]


def _three_digits(value: float) -> str:
    """Write at least three significant digits, never an exponent, no empty decimals.

    >>> _three_digits(0.256), _three_digits(12.0), _three_digits(999.9), _three_digits(0.0)
    ('0.256', '12', '1000', '0')
    """
    places = 0 if abs(value) >= _EXACT else 1 if abs(value) >= _EXACT / 10 else 2 if abs(value) >= 1 else 3
    text = f"{value:.{places}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
