"""What a finding counts for on a day: known debts are taken out of it, and waivers may cover the rest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from gate.facts import Diagnostic, Finding, Outcome, Reading
from gate.facts.rows import Counted, Ratchet, Row
from gate.facts.work import Question, Step, Waiver
from gate.judge import dead, debts

_LIVED_WITH = {Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.SKIPPED}  # never BROKEN: nobody knows what it would have found
_UNKNOWN = {Counted.MISSING, Counted.STALE, Counted.OLD, Counted.BROKEN}

Covering = tuple[Waiver, ...]


def covering(
    waivers: Iterable[Waiver], check: str, finding: Finding, complaints: Sequence[Diagnostic], day: str
) -> tuple[Covering, Covering]:
    """Return the waivers that together cover every complaint of a finding on a day, and else those whose day has passed.

    Without complaints the headline stands for all that was found.
    """
    if finding.outcome not in _LIVED_WITH:
        return (), ()
    lines = [f"{row.path}:{row.line}: {row.message} [{row.code}]" for row in complaints] or [finding.headline]
    named = [waiver for waiver in waivers if fnmatchcase(check, waiver.check) and any(waiver.match in line for line in lines)]
    held = tuple(waiver for waiver in named if day <= waiver.expires)
    if held and all(any(waiver.match in line for waiver in held) for line in lines):
        return held, ()
    return (), tuple(waiver for waiver in named if waiver not in held)


def idle(waivers: Iterable[Waiver], rows: Iterable[Row]) -> Covering:
    """Return the waivers that nothing needs: what they name ran, and came out otherwise."""
    placed = tuple(rows)
    needed = {waiver for row in placed for waiver in (*row.waivers, *row.lapsed)}
    unknown = [row.step.check for row in placed if row.counted in _UNKNOWN]
    return tuple(waiver for waiver in waivers if waiver not in needed and not any(fnmatchcase(check, waiver.check) for check in unknown))


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """A finding as it counts on a day, and what makes it so."""

    finding: Finding
    ratchet: Ratchet
    left: tuple[Diagnostic, ...]  # what a tool complains of, without what is known
    held: Covering  # waivers that together cover what is new
    lapsed: Covering  # and those that would, if their day had not passed


def count(step: Step, finding: Finding, reading: Reading, waivers: Iterable[Waiver], *, day: str, strict: bool) -> Counts:
    """Take out what is known, then see whether waivers cover what is left; nothing else makes a finding count for less."""
    told, ratchet = debts.judged(step, finding, reading, day=day, strict=strict)
    told = dead.judged(step.work, told) if isinstance(step.work, Question) else told
    known = {id(one.found) for one, _ in ratchet.known}
    left = tuple(row for row in reading.diagnostics if id(row) not in known)
    held, lapsed = covering(waivers, step.check, told, left, day)
    return Counts(finding=replace(told, waived=_words(held)), ratchet=ratchet, left=left, held=held, lapsed=lapsed)


def _words(held: Covering) -> str:
    return "; ".join(f"waived until {waiver.expires} by {waiver.owner}: {waiver.reason}" for waiver in held)
