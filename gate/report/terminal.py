"""What a person reads at a terminal: failures whole, everything else in a line."""

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from gate.facts import Change
from gate.facts.rows import Compared, Counted, Row, Told, Verdict
from gate.facts.work import Question
from gate.report import lines, series
from gate.report.text import plain
from gate.units import show_amount, show_count, show_tally

_MOST = 12  # paths of one list
_NARROW = 40  # columns below which nothing is wrapped


def console(out: TextIO) -> Console:
    """Write to `out`; colour only where it is a terminal, no wrapping that a reader did not ask for."""
    return Console(file=out, highlight=False, soft_wrap=True)


def has_blocks(screen: Console) -> bool:
    """Tell whether a line of blocks can be written."""
    try:
        series.BLOCKS.encode(screen.encoding)
    except (LookupError, UnicodeEncodeError):
        return False
    return not screen.is_dumb_terminal


def progress(screen: Console, total: int | None, *, watched: bool, does: str = "measuring") -> Progress:
    """Show how far long work is; quiet when nobody watches or a tool shows its own."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=screen, transient=True, disable=not (watched and screen.is_terminal))
    bar.add_task(does, total=total)
    return bar


def findings(screen: Console, told: Sequence[Told], *, explain: bool = False, verbose: bool = False, words: bool = False) -> None:
    """Tell the worst first, whole; then what passed, in a line."""
    for line in lines.findings(told, explain=explain, verbose=verbose, words=words or not has_blocks(screen)):
        _say(screen, *line, hang=lines.INDENT)


def cleaning(screen: Console, listed: Sequence[Change], *, whole: bool, seconds: float) -> None:
    """Tell what a clean-up does or did, by kind, then path by path; `whole` leaves none out."""
    for line in lines.cleaning(listed, most=len(listed) if whole else _MOST, seconds=seconds):
        _say(screen, *line)


def verdict(screen: Console, whole: Verdict) -> None:
    """Say in a few lines where this tree stands."""
    for text in whole.aside:
        _say(screen, f"not asked by this task  {plain(text)}")
    if whole.completed:
        which = "every check that this task asks for" if whole.aside else "every required check"
        _say(screen, ("COMPLETED", "green"), f" {which} passed on tree {plain(whole.tree[:12])}")
    else:
        _say(screen, ("NOT COMPLETED", "bold red"), f" tree {plain(whole.tree[:12])} misses {len(whole.missing)}:")
    for text in whole.missing:
        _say(screen, f"  {plain(text)}")
    for row in whole.rows:
        _owing(screen, row)
    lived = [row for row in whole.rows if not row.open and row.counted is not Counted.PASSED]
    for row in lived:
        why = row.optional or "; ".join(f"until {waiver.expires} by {waiver.owner}: {waiver.reason}" for waiver in row.waivers)
        _say(screen, plain(f"  {row.step.check} is {row.counted}, not passed: {why}"))
    if lived:
        counts = Counter(row.counted for row in whole.rows)
        _say(screen, f"  {show_count(len(whole.rows), 'check')}: {', '.join(f'{counts[name]} {name}' for name in Counted if counts[name])}")


def _owing(screen: Console, row: Row) -> None:
    """Say what is known of a check and tolerated, and name what somebody answers for."""
    slots = [slot for _, slot in row.ratchet.known]
    if slots:
        tally = show_tally(Counter(slot.rule for slot in slots))
        _say(screen, plain(f"  {row.step.check} has {show_count(len(slots), 'known debt')}: {tally}"))
    for slot in slots:
        if slot.expires:
            _say(screen, plain(f"    accepted: {slot.words}"))


def compared(screen: Console, revision: str, pairs: Sequence[Compared]) -> None:
    """Tell each memory question on the base and now; better is said only where it was measured."""
    for pair in pairs:
        figures = [_figure(row) for row in (pair.base, pair.now)]
        _say(screen, plain(f"against {revision}: {pair.step.check} {figures[0]}, now {figures[1]}: {pair.says}; {pair.why}"))


def _figure(row: Row) -> str:
    slope = row.evidence.finding.estimate if row.evidence else None
    return show_amount(slope.value, row.step.work.limit.unit) if slope and isinstance(row.step.work, Question) else "not measured"


def _say(screen: Console, *parts: str | tuple[str, str], hang: int = 2) -> None:
    """Print one line; a part with its style is a pair. Never as markup: "[x]" and ":100:" of a foreign text mean themselves.

    At a terminal it goes on below itself, and a path is never broken; elsewhere it is one line, which can be searched for.
    """
    whole = Text.assemble(*parts)
    if not screen.is_terminal or cell_len(whole.plain) <= screen.width or screen.width < _NARROW:
        screen.print(whole)
        return
    at = 0
    for row in wrap(whole.plain, screen.width, subsequent_indent=" " * hang, break_long_words=False, break_on_hyphens=False):
        part = row if at == 0 else row[hang:]
        at = whole.plain.index(part, at)
        text = whole[at : at + len(part)]
        at += len(part)
        if part.startswith("::"):  # at the start of a line it would be an order to a CI runner
            text = Text.assemble(": ", text[1:])
        text.pad_left(len(row) - len(part))
        screen.print(text)
