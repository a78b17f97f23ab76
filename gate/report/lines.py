"""Findings as lines of text, styled or not: what a terminal shows and what a pipe gets."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from gate.facts import Change, Fault, Finding, Outcome
from gate.report.text import plain
from gate.units import show_count, show_size, show_time

_COLOURS = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "bold red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.SKIPPED: "cyan",
    Outcome.BROKEN: "bold magenta",
}
_ORDER = (Outcome.BROKEN, Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.SKIPPED, Outcome.PASSED)


class Named(Protocol):
    """A step, or what stands for one."""

    @property
    def check(self) -> str:
        """Return the name of the check."""


Told = Sequence[tuple[Named, Finding, float | str]]  # step, finding, seconds or where it is reused from
Line = tuple[str | tuple[str, str], ...]  # parts; a part with its style is a pair


def findings(told: Told, *, explain: bool = False) -> Iterator[Line]:
    """Yield the worst first, whole; then what passed, a line each."""
    for step, finding, took in sorted(told, key=lambda row: _ORDER.index(row[1].outcome)):
        outcome = (f"{finding.outcome:<12}", _COLOURS[finding.outcome])
        yield (
            outcome,
            f" {plain(step.check)}  {plain(finding.headline)}  ",
            (f"({took if isinstance(took, str) else show_time(took)})", "dim"),
        )
        if finding.outcome is not Outcome.PASSED or explain:
            yield from ((f"             {plain(line)}",) for line in finding.details)
            if finding.waived:
                yield (f"             {plain(finding.waived)}",)
            if finding.next_act:
                yield (f"             next: {plain(finding.next_act)}",)


_ACTS = {
    "remove": "would remove",
    "trash": "would move to the trash",
    "removed": "removed",
    "trashed": "moved to the trash",
    "restored": "restored",
    "gone": "gone for good",
    "kept": "kept",
}


def cleaning(listed: Sequence[Change], *, most: int, seconds: float) -> Iterator[Line]:
    """Yield counts and bytes by kind, then the paths of each act with their reasons, at most `most` of one act."""
    if not listed:
        yield (f"nothing that a rule matches ({show_time(seconds)})",)
        return
    acts = [act for act in _ACTS if any(change.act == act for change in listed)]
    if len({change.kind for change in listed}) > 1:
        for kind in sorted({change.kind for change in listed}):
            of_kind = [[change for change in listed if (change.kind, change.act) == (kind, act)] for act in acts]
            yield (f"{kind:<16}" + ", ".join(f"{_ACTS[act]} {_amount(found)}" for act, found in zip(acts, of_kind, strict=True) if found),)
    for act in acts:
        found = [change for change in listed if change.act == act]
        yield (f"{_ACTS[act]} {_amount(found)}", (f"  ({show_time(seconds)})" if act == acts[0] else "", "dim"))
        for change in found[:most]:
            rule = f" by {change.rule}" if change.rule else ""
            yield f"  {plain(change.path)}  {plain(change.kind)}{plain(rule)}, {show_size(change.size)}  ", (plain(change.reason), "dim")
        if len(found) > most:
            yield (f"  and {show_count(len(found) - most, 'more path')}; all of them: gate clean --dry-run, or .gate/evidence",)


def _amount(changes: Sequence[Change]) -> str:
    """Count paths and bytes."""
    return f"{show_count(len(changes), 'path')}, {show_size(sum(change.size for change in changes))}"


def faults(found: Iterable[Fault]) -> Iterator[Line]:
    """Yield what is amiss, each with its place above and the next act below it."""
    for fault in found:
        yield (plain(fault.place),)
        yield (f"  {plain(fault.found)}",)
        yield (f"  next: {plain(fault.act)}",)


def text(rows: Iterator[Line]) -> str:
    """Return lines without their styles."""
    return "".join("".join(part if isinstance(part, str) else part[0] for part in row) + "\n" for row in rows)
