"""Tools, documents and sweeps: what their reports mean."""

from collections.abc import Sequence
from dataclasses import replace

from gate.facts import Change, Diagnostic, Finding, Mode, Outcome, Reading
from gate.facts.work import Step, Tool, Work
from gate.units import show_count, show_size

_NAMED = 5  # files that a headline names
_SHOWN = 20  # complaints that a finding repeats


def unusable(step: Step, reading: Reading) -> Finding | None:
    """Return a finding when there is nothing to judge: the gate could not work, or had nothing to work with."""
    if reading.trouble:
        found = broken(reading.trouble)
        return replace(found, details=(*found.details, *_lines(reading.diagnostics)), next_act=f"mend this, then: {step.command}")
    if reading.absent:
        return Finding(outcome=Outcome.SKIPPED, headline=f"not measured: {reading.absent}")
    return None


def broken(trouble: str) -> Finding:
    """Word why the gate could not measure."""
    first, *rest = trouble.splitlines()
    return Finding(outcome=Outcome.BROKEN, headline=first, details=tuple(rest), next_act="mend this and measure again")


def tool(work: Work, reading: Reading, command: str) -> Finding:
    """Decide what a tool's answer means."""
    name = work.name if isinstance(work, Tool) else ""
    proven = name != "pytest" or _passed(reading) > 0
    if not reading.failed and not reading.diagnostics and proven:
        mended = f"; rewrote {', '.join(change.path for change in reading.changes[:_NAMED])}" if reading.changes else ""
        more = f" and {len(reading.changes) - _NAMED} more" if len(reading.changes) > _NAMED else ""
        found = Finding(outcome=Outcome.PASSED, headline=(_counted(reading) or f"{name}: nothing found") + mended + more)
        return beside(found, reading.beside)
    number = len(reading.diagnostics)
    if name == "pytest":
        headline = _counted(reading) if reading.counts.get("tests") else "no test ran"
        headline = headline if proven or number else f"{headline}; a suite in which nothing passed proves nothing"
        unrun = [row.path for row in reading.diagnostics if row.code == "covers"]
        headline += f"; the code that it is for did not run: {', '.join(unrun[:_NAMED])}" if unrun else ""
    else:
        headline = f"{name}: {show_count(number, 'finding')}"
    return Finding(outcome=Outcome.FAILED, headline=headline, details=_lines(reading.diagnostics), next_act=f"mend them, then: {command}")


def beside(found: Finding, paths: Sequence[str]) -> Finding:
    """Say of a finding that it rests on files which no commit holds: who clones the repository does not have them."""
    if not paths:
        return found
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return replace(found, headline=f"{found.headline}; with what git ignores: {', '.join(paths[:_NAMED])}{more}")


def documents(reading: Reading) -> Finding:
    """Decide what the links say."""
    read = f"{show_count(reading.counts['links'], 'link')} in {show_count(reading.counts['documents'], 'document')}"
    if not reading.diagnostics:
        return Finding(outcome=Outcome.PASSED, headline=f"{read}, none dead")
    headline = f"{show_count(len(reading.diagnostics), 'complaint')} about {read}"
    return Finding(
        outcome=Outcome.FAILED, headline=headline, details=_lines(reading.diagnostics), next_act="correct them, then: nox -s links"
    )


def index(reading: Reading, path: str) -> Finding:
    """Decide whether the generated index says what there is; a page that has none is no failure."""
    if reading.diagnostics:
        return Finding(
            outcome=Outcome.FAILED,
            headline=f"the index in {path} cannot be kept",
            details=_lines(reading.diagnostics),
            next_act="mend this, then: nox -s docs",
        )
    listed = show_count(reading.counts["documents"], "document")
    if not reading.counts["there"]:
        return Finding(outcome=Outcome.PASSED, headline=f"no index of {listed} in {path}; nox -s docs makes one")
    if reading.changes:
        return Finding(outcome=Outcome.FAILED, headline=f"the index in {path} is stale", next_act="write it anew: nox -s docs")
    return Finding(outcome=Outcome.PASSED, headline=f"the index in {path} lists {listed}")


def duplicates(reading: Reading) -> Finding:
    """Tell which documents say the same; that is a failure only where the policy says so."""
    documents = show_count(reading.counts["documents"], "document")
    if not reading.diagnostics:
        return Finding(outcome=Outcome.PASSED, headline=f"{documents}, none twice")
    kinds = [f"{reading.counts[kind]} {kind}" for kind in ("identical", "near-identical") if reading.counts[kind]]
    named = "; ".join(f"{row.path} is {row.message}" for row in reading.diagnostics[:_NAMED])
    more = f" and {len(reading.diagnostics) - _NAMED} more" if len(reading.diagnostics) > _NAMED else ""
    return Finding(
        outcome=Outcome.FAILED if reading.failed else Outcome.PASSED,
        headline=f"{' and '.join(kinds)} among {documents}: {named}{more}",
        details=_lines(reading.diagnostics),
        next_act="keep one of each, or set duplicates.fail in policies/docs.yaml to false, then: nox -s docs" if reading.failed else "",
    )


def swept(reading: Reading, mode: Mode) -> Finding:
    """Decide what a sweep left: gone is passed, still there is failed when nothing may be changed."""
    gone = [change for change in reading.changes if change.act == "removed"]
    moved = [change for change in reading.changes if change.act == "trashed"]
    left = [change for change in reading.changes if change.act in {"remove", "trash"}]
    kept = [change for change in reading.changes if change.act == "kept"]
    details = tuple(f"kept {change.path}: {change.reason}" for change in kept[:_SHOWN])
    after = f"{show_count(len(kept), 'matched path')} kept, {_weight(kept)}"
    if left:
        would = tuple(f"{change.path} ({change.kind}, {show_size(change.size)}): {change.reason}" for change in left[:_SHOWN])
        act = "mend what keeps them, then: nox -s clean" if mode is Mode.FIX else "remove them: nox -s clean"
        return Finding(
            outcome=Outcome.FAILED,
            headline=f"{show_count(len(left), 'artefact')} to remove, {_weight(left)}",
            details=(*would, *details),
            next_act=act,
        )
    removed = f"removed {show_count(len(gone), 'artefact')}, {_weight(gone)}" if gone else ""
    trashed = f"moved {show_count(len(moved), 'path')} to the trash, {_weight(moved)}" if moved else ""
    headline = "; ".join([*filter(None, [removed, trashed]), after] if gone or moved else ["nothing to remove", after])
    return Finding(outcome=Outcome.PASSED, headline=headline, details=details)


def _weight(changes: Sequence[Change]) -> str:
    return show_size(sum(change.size for change in changes))


def _counted(reading: Reading) -> str:
    """Word the counts of a test run."""
    counts = reading.counts
    if not counts.get("tests"):
        return ""
    bad = counts["failures"] + counts["errors"]
    ran = f"; {counts['lines that ran']:,} of {counts['lines']:,} lines of functions ran" if counts.get("lines") else ""
    return f"{_passed(reading)} tests passed, {bad} failed, {counts['skipped']} skipped{ran}"


def _passed(reading: Reading) -> int:
    """Return how many tests passed."""
    counts = reading.counts
    return counts.get("tests", 0) - counts.get("failures", 0) - counts.get("errors", 0) - counts.get("skipped", 0)


def _lines(found: tuple[Diagnostic, ...]) -> tuple[str, ...]:
    """Write each complaint on a line, as editors understand it."""
    lines = [f"{row.path}:{row.line}: {row.message} [{row.code}]" if row.path else row.message for row in found[:_SHOWN]]
    return (*lines, f"and {len(found) - _SHOWN} more") if len(found) > _SHOWN else tuple(lines)
