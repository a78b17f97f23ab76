"""A page of Markdown made of parts, which fold when they are long and lose rows when the page is too large: the least important first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from gate.units import show_count

MOST = 1_048_576  # bytes of a step summary, beyond which GitHub drops all of it
LONG = 30  # rows from which a part folds
_NOTE = 160  # bytes that the note of what is left out may take


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A heading and the rows below it."""

    rows: tuple[str, ...]  # each as it stands in the page
    above: str = ""  # always there when the part is
    top: str = ""  # the head of a table, which goes with its rows
    gap: str = "\n"  # between rows
    noun: str = ""  # what rows are, for a part that may fold: "check"
    folds: int = LONG  # rows beyond which it does
    spare: int = 0  # the higher, the sooner its rows go; 0: never
    first: frozenset[int] = frozenset()  # rows that go before the others of this part
    gone: int = 0  # rows that are left out


def write(parts: Iterable[Part], most: int) -> str:
    """Lay out all parts in as many bytes as they may take; a row that has to go is counted where it stood."""
    kept = list(parts)
    over = _size(_text(kept)) - most
    for at in sorted(range(len(kept)), key=lambda at: -kept[at].spare):
        if over <= 0 or not kept[at].spare:
            break
        kept[at], saved = _shed(kept[at], over)
        over -= saved
    return _text(kept)


def long(rows: Sequence[str], *, above: str, noun: str, spare: int, gap: str = "\n") -> Iterator[Part]:
    """Show the first rows of a list, and fold the others."""
    yield Part(above=above, rows=tuple(rows[:LONG]), gap=gap, spare=spare)
    if len(rows) > LONG:
        yield Part(rows=tuple(rows[LONG:]), gap=gap, noun=noun, folds=0, spare=spare + 1)


def folded(label: str, body: str) -> str:
    """Fold a text behind a label; blank lines let Markdown be read within."""
    return f"<details>\n<summary>{label}</summary>\n\n{body}\n\n</details>"


def _shed(part: Part, over: int) -> tuple[Part, int]:
    """Take rows away until so many bytes are saved, from the end; return also how many were."""
    order = sorted(range(len(part.rows)), key=lambda at: (at not in part.first, -at))
    saved, going = -_NOTE, set()
    for at in order:
        if saved >= over:
            break
        saved += _size(part.rows[at]) + len(part.gap)
        going.add(at)
    left = tuple(row for at, row in enumerate(part.rows) if at not in going)
    return replace(part, rows=left, gone=len(going)), saved


def _text(parts: Iterable[Part]) -> str:
    return "\n\n".join(block for part in parts for block in _blocks(part)) + "\n"


def _blocks(part: Part) -> Iterator[str]:
    """Write a part: what is above, its rows, and how many are not there."""
    if part.above:
        yield part.above
    body = part.gap.join(part.rows)
    body = f"{part.top}\n{body}" if part.top and part.rows else body
    if part.rows:
        number = len(part.rows) + part.gone
        yield folded(show_count(number, part.noun), body) if part.noun and number > part.folds else body
    if part.gone:
        yield f"{show_count(part.gone, 'row')} left out, because GitHub shows no larger page; `gate report --json` has everything"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "backslashreplace"))
