"""Findings as lines of text, styled or not: what a terminal shows and what a pipe gets."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from gate.facts import Change, Fault, Outcome
from gate.facts.rows import Told
from gate.facts.work import Question
from gate.report import series
from gate.report.text import plain, readable
from gate.units import show_count, show_size, show_time

_COLOURS = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "bold red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.SKIPPED: "cyan",
    Outcome.BROKEN: "bold magenta",
}
_ORDER = (Outcome.BROKEN, Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.SKIPPED, Outcome.PASSED)
INDENT = 13  # columns of an outcome, and of everything that is said below it
_FEW = 5  # checks of which one line says what each found
_NAMED = 5  # checks that a line names

Line = tuple[str | tuple[str, str], ...]  # parts; a part with its style is a pair


def findings(told: Sequence[Told], *, explain: bool = False, verbose: bool = False, words: bool = False) -> Iterator[Line]:
    """Yield the worst first, whole; then what was skipped for one reason in one line, and all that passed in one line.

    With `verbose` each has a line of its own, with `explain` all that is known; `words` tells series to who cannot see blocks.
    """
    for outcome in _ORDER:
        rows = [one for one in told if one.finding.outcome is outcome]
        if outcome in {Outcome.PASSED, Outcome.SKIPPED} and not explain and not verbose:
            yield from _together(rows)
        else:
            for one in rows:
                yield from _whole(one, words=words, more=outcome is not Outcome.PASSED or explain)


def grouped(told: Sequence[Told], *, explain: bool, words: bool) -> str:
    """Return what a log of GitHub Actions shows: what is bad as ever, and each check that passed in a group that is closed at first."""
    passed = [one for one in told if one.finding.outcome is Outcome.PASSED]
    if len(passed) <= _FEW:
        return text(findings(told, explain=explain, words=words))
    bad = [one for one in told if one.finding.outcome is not Outcome.PASSED]
    label = text(_together(passed)).replace("; --verbose tells each", "")
    each = text(findings(passed, explain=explain, verbose=True, words=words))
    return f"{text(findings(bad, explain=explain, words=words))}::group::{label}{each}::endgroup::\n"


def _whole(one: Told, *, words: bool, more: bool) -> Iterator[Line]:
    """Tell one finding; with `more` what it rests on, what to do, and what shows it again."""
    finding = one.finding
    yield _headed(finding.outcome, plain(f"{one.check}  {finding.headline}"), _took([one]))
    if not more:
        return
    bad = finding.outcome in {Outcome.FAILED, Outcome.INCONCLUSIVE}
    if one.step and one.reading and isinstance(one.step.work, Question) and bad:
        for line in series.lines(one.step.work, one.reading, finding.headline, words=words):
            yield _below(line)
    for line in (*finding.details, *([finding.waived] if finding.waived else [])):
        yield _below(line)
    if finding.next_act:
        yield _below(f"next: {finding.next_act}")
    if one.step and finding.outcome is not Outcome.PASSED and not finding.next_act.endswith(one.step.command):
        yield _below(f"again: {one.step.command}")


def _together(rows: Sequence[Told]) -> Iterator[Line]:
    """Tell what has one reason in one line: a few with what each found, many by their number."""
    passed = [one for one in rows if one.finding.outcome is Outcome.PASSED]
    if len(passed) == 1:
        yield from _whole(passed[0], words=False, more=False)
    elif passed:
        kinds = Counter(one.check.partition("/")[0] for one in passed)
        cases = {one.check.rpartition("/")[0] for one in passed if one.check.startswith("memory/")}
        each = "; ".join(plain(f"{one.check}  {one.finding.headline}") for one in passed)
        about = {kind: f" of {show_count(len(cases), 'case')}" if kind == "memory" else "" for kind in kinds}
        many = ", ".join(f"{number} {kind}{about[kind]}" for kind, number in kinds.items())
        said = each if len(passed) <= _FEW else plain(f"{many}; --verbose tells each")
        yield _headed(Outcome.PASSED, f"{show_count(len(passed), 'check')}  {said}", _took(passed))
    for headline in dict.fromkeys(one.finding.headline for one in rows if one.finding.outcome is Outcome.SKIPPED):
        alike = [one for one in rows if one.finding.headline == headline]
        more = f" and {len(alike) - _NAMED} more" if len(alike) > _NAMED else ""
        names = ", ".join(one.check for one in alike[:_NAMED])
        yield _headed(Outcome.SKIPPED, plain(f"{names}{more}  {headline}"), _took(alike))
        for line in dict.fromkeys(one.finding.waived for one in alike if one.finding.waived):
            yield _below(line)


def _headed(outcome: Outcome, said: str, took: str) -> Line:
    """Write the line that an outcome begins; what is said is harmless already."""
    return (f"{outcome:<{INDENT - 1}}", _COLOURS[outcome]), f" {said}  ", (f"({plain(took)})", "dim")


def _below(line: str) -> Line:
    return (f"{'':<{INDENT}}{plain(line)}",)


def _took(rows: Sequence[Told]) -> str:
    """Say what was spent, each reading once, and what was reused; of one reused check from where."""
    reused = [one.took for one in rows if isinstance(one.took, str)]
    if len(rows) == 1 or len(set(reused)) == 1 == len(rows) - len(reused) + 1:
        return reused[0] if reused else show_time(float(rows[0].took))
    walls = {(one.reading.wall, one.reading.cpu) if one.reading else (one.check,): one.took for one in rows}
    spent = show_time(sum(wall for wall in walls.values() if not isinstance(wall, str)))
    return spent if not reused else f"{len(reused)} reused" if len(reused) == len(rows) else f"{spent}; {len(reused)} reused"


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
            yield (
                f"{plain(kind):<16}"
                + ", ".join(f"{_ACTS[act]} {_amount(found)}" for act, found in zip(acts, of_kind, strict=True) if found),
            )
    for act in acts:
        found = [change for change in listed if change.act == act]
        yield (f"{_ACTS[act]} {_amount(found)}", (f"  ({show_time(seconds)})" if act == acts[0] else "", "dim"))
        for change in found[:most]:
            rule = f" by {change.rule}" if change.rule else ""
            yield (
                f"  {plain(readable(change.path))}  {plain(change.kind)}{plain(rule)}, {show_size(change.size)}  ",
                (plain(change.reason), "dim"),
            )
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
