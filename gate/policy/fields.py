"""The kinds of values in a policy: quantities with units, targets, paths, patterns, names."""

import datetime as dt
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from gate import units
from gate.facts.work import Slack
from gate.policy.wording import show

MOST_DAYS = 180  # that what is lived with may hold: what lasts longer is a limit or a rule, and is written as one
_MOST_QUANTITY = 40
_MOST_PATTERN = 256
_DIGITS = r"^[0-9]+(\.[0-9]+)?"
_BYTES = " ?(B|kB|MB|GB|KiB|MiB|GiB)"
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_DRIVE = re.compile("[A-Za-z]:")
_TASK = r"[0-9]{1,9}(\.[0-9]{1,9})?"
_CLASS = re.compile(r"\[[!^]?(?:[A-Za-z0-9_.](?:-[A-Za-z0-9_.])?)+\]")
_RANGE = re.compile("(.)-(.)")


def written(text: str) -> float:
    """Give a default as a policy writes it, so that the schema shows it so; the model reads it."""
    return cast("float", text)


def _quantity(reader: Callable[[str], float | Slack], example: str, pattern: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """Read with a function of units; only short plain ASCII can be a quantity, the rest shows itself and is refused there."""

    def read(found: object) -> float | Slack:
        text = found if isinstance(found, str) else show(found)
        text = text.encode("ascii", "backslashreplace").decode()
        return reader(text if len(text) <= _MOST_QUANTITY else f"{text[: _MOST_QUANTITY - 3]}...")

    return BeforeValidator(read), WithJsonSchema(
        {"type": "string", "pattern": f"{_DIGITS}{pattern}$", "maxLength": _MOST_QUANTITY, "examples": [example]}
    )


def _slack(reader: Callable[[str], float], example: str, pattern: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """Read how much worse than on the base something may be: as a quantity, or in percent of what the base has."""

    def read(text: str) -> Slack:
        if text.endswith("%"):
            return Slack(share=units.share(text))
        try:
            return Slack(amount=reader(text))
        except ValueError as error:
            message = f'{error}, or "1 %"'
            raise ValueError(message) from error

    return _quantity(read, example, f"( ?%|{pattern})")


def _version(found: object) -> object:
    if type(found) is not int or found != 1:  # true and 1.0 equal 1
        message = f"{show(found)} is no version that this gate knows; write 1"
        raise ValueError(message)
    return found


def _target(found: str) -> str:
    if not _TARGET.fullmatch(found):
        message = f'{show(found)} is not module:name; write for example "tests.agents:build"'
        raise ValueError(message)
    return found


def _inside(found: str) -> str:
    """Return a path in its one spelling: no "./", no "//", no "/" at its end."""
    path = PurePosixPath(found)
    leaves = path.is_absolute() or ".." in path.parts or _DRIVE.match(found) or "\\" in found
    if not found.strip() or leaves or not found.isprintable():
        message = f'{show(found)} is not a path inside the repository; write one relative to its root, without ".."'
        raise ValueError(message)
    if ".git" in (part.casefold() for part in path.parts):
        message = f"{show(found)} belongs to git; write a path outside .git"
        raise ValueError(message)
    if str(path).startswith("-"):
        message = f"{show(found)} would be read as an option; write a path that begins otherwise"
        raise ValueError(message)
    return str(path)


def _below(found: str) -> str:
    if found == ".":
        message = f"{show(found)} is the whole repository; write a folder or a file in it"
        raise ValueError(message)
    return found


def _pattern(found: str) -> str:
    """Take what git and pathspec read alike; a pattern that they read as nothing would protect nothing."""
    if not found.strip(" /") or found.lstrip().startswith(("!", "#")) or not found.isprintable() or len(found) > _MOST_PATTERN:
        message = f"{show(found)} is not a pattern of this policy; write what to match, as in a .gitignore line without ! and #"
        raise ValueError(message)
    if "\\" in found or not _closed(found):
        message = f"{show(found)} has a backslash or an open bracket; write / between folders, and ? for a character that is special"
        raise ValueError(message)
    return found


def _closed(pattern: str) -> bool:
    """Tell whether each bracket belongs to a class such as [co] or [a-z].

    >>> _closed("*.py[co]"), _closed("data["), _closed("[z-a]")
    (True, False, False)
    """
    rising = all(first <= last for found in _CLASS.finditer(pattern) for first, last in _RANGE.findall(found[0]))
    return rising and not set("[]") & set(_CLASS.sub("", pattern))


def _task_id(found: str) -> str:
    if not re.fullmatch(_TASK, found):
        message = f'{show(found)} is no task id; write for example "20", or "20.2" for subtask 2 of task 20'
        raise ValueError(message)
    return found


def _scalar(found: object) -> object:
    if type(found) not in {str, int, float, bool}:
        message = f"{show(found)} is no single value; write text, a number, true or false"
        raise ValueError(message)
    return found


def _said(found: str) -> str:
    if not found.strip():
        message = "says nothing; write a word"
        raise ValueError(message)
    return found


def _soon(day: dt.date) -> dt.date:
    if day > dt.date.today() + dt.timedelta(days=MOST_DAYS):  # noqa: DTZ011 - a policy's day is the reader's day
        message = f"{day} is more than {MOST_DAYS} days ahead; write a nearer day, and renew it then"
        raise ValueError(message)
    return day


Scalar = Annotated[object, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Size = Annotated[float, *_quantity(units.size, "10 MB", _BYTES)]
ByteRate = Annotated[float, *_quantity(lambda text: units.rate(text, "step"), "0 B/step", f"{_BYTES}/step")]
ByteRateCall = Annotated[float, *_quantity(lambda text: units.rate(text, "call"), "0 B/call", f"{_BYTES}/call")]
ByteRateCycle = Annotated[float, *_quantity(lambda text: units.rate(text, "cycle"), "0 B/cycle", f"{_BYTES}/cycle")]
Share = Annotated[float, *_quantity(units.share, "5 %", " ?%")]
SizeSlack = Annotated[Slack, *_slack(units.size, "1 %", _BYTES)]
ByteRateSlack = Annotated[Slack, *_slack(lambda text: units.rate(text, "step"), "1 B/step", f"{_BYTES}/step")]
ByteRateCallSlack = Annotated[Slack, *_slack(lambda text: units.rate(text, "call"), "1 B/call", f"{_BYTES}/call")]
HandleRate = Annotated[float, *_quantity(lambda text: units.count_rate(text, "step"), "0/step", "/step")]
HandleRateCall = Annotated[float, *_quantity(lambda text: units.count_rate(text, "call"), "0/call", "/call")]
Duration = Annotated[float, Field(gt=0, le=86400), *_quantity(units.duration, "60 s", " ?(ms|s|min)")]
Age = Annotated[float, Field(ge=0), *_quantity(units.age, "7 d", " ?(min|h|d)")]
Version = Annotated[Literal[1], BeforeValidator(_version)]
Target = Annotated[str, AfterValidator(_target), Field(examples=["tests.agents:build"])]
Inside = Annotated[str, AfterValidator(_inside)]
Below = Annotated[Inside, AfterValidator(_below)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Word = Annotated[str, Field(min_length=1)]
Said = Annotated[Word, AfterValidator(_said)]
Day = Annotated[dt.date, AfterValidator(_soon)]
TaskId = Annotated[str, AfterValidator(_task_id), WithJsonSchema({"type": "string", "pattern": f"^{_TASK}$"})]
