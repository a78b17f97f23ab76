"""Single values: from a word of YAML to the one meaning that every reader would give it."""

import re
from datetime import date

REFUSED = object()  # stands where a value was refused; no type takes it, so that nothing is built on it
ALIEN = re.compile(  # control characters; line ends that editors do not show; marks that reorder or hide text
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\r(?!\n)"
)
_MOST_TEXT = 4096
_MOST_DIGITS = 15  # a float holds them all
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_LIKE_NUMBER = re.compile(
    r"[-+]?(0[xob][0-9a-f_]+|[0-9][0-9_,]*(:[0-9]+)*(\.[0-9_]*)?(e[-+]?[0-9]+)?|\.[0-9_]+(e[-+]?[0-9]+)?|\.inf|\.nan)", re.IGNORECASE
)
_LIKE_WORD = frozenset({"yes", "no", "on", "off", "y", "n", "~", "true", "false", "null"})
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_QUOTE = "write it in quotes if it is text"


def plain(word: str) -> tuple[object, str]:
    """Read a word without quotes; return its value and what is wrong with it.

    >>> plain("12"), plain("true"), plain("10 MB")
    ((12, ''), (True, ''), ('10 MB', ''))
    >>> plain("0x10")[1]
    '0x10 is a number to some readers and text to others; write plain digits, or write it in quotes if it is text'
    """
    if not word:
        return REFUSED, "says nothing; write its value, or delete it"
    if word in {"true", "false", "null"}:
        return {"true": True, "false": False, "null": None}[word], ""
    if _NUMBER.fullmatch(word):
        return _number(word)
    if _DATE.fullmatch(word):
        return _date(word)
    wrong = _ambiguous(word)
    return REFUSED if wrong else word, wrong


def no_text(word: str) -> str:
    """Say why a word, its escapes resolved, is no text for a policy; or return ""."""
    if len(word) > _MOST_TEXT:
        return f"{len(word)} characters long; write at most {_MOST_TEXT}"
    alien = ALIEN.search(word)
    return no_alien(alien[0]) if alien else ""


def no_alien(alien: str) -> str:
    """Say that a character is refused, by its number: it may not be visible.

    >>> no_alien(chr(0))
    'character U+0000 is not allowed in a policy; delete it'
    """
    return f"character U+{ord(alien):04X} is not allowed in a policy; delete it"


def _ambiguous(word: str) -> str:
    """Say what else a word may mean, or return ""."""
    if word.lower() in _LIKE_WORD:
        return f"{word} means different things to different readers; write true, false or null, or {_QUOTE}"
    if _LIKE_NUMBER.fullmatch(word):
        return f"{word} is a number to some readers and text to others; write plain digits, or {_QUOTE}"
    return ""


def _number(word: str) -> tuple[object, str]:
    """Read plain digits; Python itself raises on thousands of them.

    >>> _number("0.5"), _number("9" * 5000)[1]
    ((0.5, ''), 'a number of 5000 characters; write at most 15')
    """
    if len(word) > _MOST_DIGITS:
        return REFUSED, f"a number of {len(word)} characters; write at most {_MOST_DIGITS}"
    return float(word) if "." in word else int(word), ""


def _date(word: str) -> tuple[object, str]:
    """Read an ISO day.

    >>> _date("2026-11-22")[0], _date("2026-02-30")[1]
    (datetime.date(2026, 11, 22), '2026-02-30 is no day of the calendar; write for example 2026-11-22')
    """
    try:
        return date.fromisoformat(word), ""
    except ValueError:
        return REFUSED, f"{word} is no day of the calendar; write for example 2026-11-22"
