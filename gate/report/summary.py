"""The completion summary as Markdown: bad news first, then every figure with the command that shows it again."""

from collections.abc import Iterable, Iterator, Sequence

from gate.facts import Change, Evidence, Finding, Outcome, Row, Standing, Verdict
from gate.report.text import code, markdown
from gate.units import show_amount, show_count, show_size, show_time
from gate.work import Phase, Question, Sweep

_FIRST = (Outcome.BROKEN, Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.SKIPPED)


def write(verdict: Verdict, title: str, phases: dict[Phase, Evidence | None]) -> str:
    """Write the whole summary; `phases` holds evidence of phases that are no checks."""
    held = [(row, found) for row in verdict.rows if (found := _evidence(row))]
    blocks = (
        *_head(verdict, title),
        *_missing(verdict, held),
        *_accepted(held),
        *_phases(verdict, phases),
        *_checks(verdict),
        *_memory(held),
        *_cleaned(held),
        *_environment(held),
    )
    return "\n\n".join(blocks) + "\n"


def word(verdict: Verdict) -> str:
    """Say COMPLETED only when every required check passed on this tree."""
    return "COMPLETED" if verdict.completed else f"NOT COMPLETED: {len(verdict.missing)} missing"


Held = list[tuple[Row, Evidence]]  # the rows whose evidence holds for this tree


def _head(verdict: Verdict, title: str) -> Iterator[str]:
    yield f"# {markdown(title)}: {word(verdict)}"
    branch = code(verdict.branch) or "none (detached)"
    yield _list(
        [
            f"tree {code(verdict.tree)}",
            f"on top of commit {code(verdict.commit or 'none yet')}, branch {branch}",
            f"policies {code(f'sha256:{verdict.policy}')}",
            f"evidence {code(f'.gate/evidence/{verdict.tree}/')}, one record a check",
        ]
    )


def _missing(verdict: Verdict, held: Held) -> Iterator[str]:
    """Tell first what separates this tree from COMPLETED, the worst first."""
    if verdict.missing:
        yield "## What is missing"
        yield _list(markdown(text) for text in verdict.missing)
        yield from _trouble([(row, found.finding) for row, found in held if not _is_accepted(row, found)])


def _accepted(held: Held) -> Iterator[str]:
    """Name what the policy lives with; it is never counted as passed."""
    rows = [(row, found.finding) for row, found in held if _is_accepted(row, found)]
    if rows:
        yield "## Accepted by policy, not passed"
        yield _list(f"{markdown(row.step.check)} is {finding.outcome}: {markdown(finding.headline)}" for row, finding in rows)
        yield from _trouble(rows)


def _trouble(rows: list[tuple[Row, Finding]]) -> Iterator[str]:
    """Tell whole what did not pass, where there is more to tell than its headline."""
    bad = [(row, finding) for row, finding in rows if finding.outcome in _FIRST and (finding.details or finding.next_act)]
    for row, finding in sorted(bad, key=lambda pair: _FIRST.index(pair[1].outcome)):
        yield f"### {markdown(row.step.check)}: {finding.outcome}"
        yield markdown(finding.headline)
        yield _list([*map(code, finding.details), *([f"**next:** {markdown(finding.next_act)}"] if finding.next_act else [])])


def _phases(verdict: Verdict, others: dict[Phase, Evidence | None]) -> Iterator[str]:
    """Give each phase the time that its checks took on this tree; nothing is estimated, and what is reused took no time."""
    yield "## Phases"
    rows = []
    for phase in Phase:
        planned = [row for row in verdict.rows if row.step.phase is phase]
        found = [evidence for row in planned if (evidence := _evidence(row))]
        other = others.get(phase)
        found += [other] if other else []
        new = [evidence for evidence in found if not evidence.origin]
        took = show_time(sum(evidence.reading.wall for evidence in new)) if new else "reused" if found else "not measured"
        count = f"{len(found)} of {len(planned) or len(found)}" + (f", {len(found) - len(new)} reused" if len(new) < len(found) else "")
        rows.append((phase, _phase_outcome(planned, other, verdict.tree), count, took))
    yield _table("phase|outcome|checks:|measured time:", rows)


def _phase_outcome(rows: list[Row], other: Evidence | None, tree: str) -> str:
    """Name the worst outcome of a phase; what the policy accepts is counted, not hidden."""
    held = [(row, found) for row in rows if (found := _evidence(row))]
    accepted = sum(_is_accepted(row, found) for row, found in held)
    seen = {found.finding.outcome for row, found in held if not _is_accepted(row, found)} | ({other.finding.outcome} if other else set())
    worst = next((outcome for outcome in _FIRST if outcome in seen), None)
    if worst:
        return worst
    if len(held) < len(rows):
        return "incomplete"
    if other and other.tree != tree:
        return f"{Outcome.PASSED} (for tree {code(other.tree[:12], cell=True)})"
    if not held and not other:
        return "not run"
    return f"{Outcome.PASSED}, {accepted} accepted" if accepted else Outcome.PASSED


def _checks(verdict: Verdict) -> Iterator[str]:
    """Give every check with its outcome, its time and the command that repeats it."""
    yield "## Checks"
    rows = []
    for row in verdict.rows:
        found = _evidence(row)
        cells: tuple[str, ...] = (row.standing, "not measured on this tree", "", "")
        if found:
            cells = (found.finding.outcome, markdown(found.finding.headline), show_time(found.reading.wall), _taken(found))
        rows.append((markdown(row.step.check), *cells, code(row.step.command, cell=True)))
    yield _table("check|outcome|what was found|time:|taken|again", rows)


def _taken(found: Evidence) -> str:
    """Say when evidence was measured, and for which tree when it was another."""
    return markdown(found.taken) + (f", reused from tree {code(found.origin.tree[:12], cell=True)}" if found.origin else "")


def _memory(held: Held) -> Iterator[str]:
    """Give every memory figure with its interval, meter, samples and limit."""
    rows = []
    for row, found in held:
        work = row.step.work
        if not isinstance(work, Question):
            continue
        slope, unit = found.finding.estimate, work.limit.unit
        value = show_amount(slope.value, unit) if slope else "not measured"
        interval = f"{show_amount(slope.low, unit)} to {show_amount(slope.high, unit)}" if slope else ""
        readings = sum(len(series.values) for series in found.reading.series)
        costs = (show_amount(work.limit.most, unit), str(readings), str(found.reading.samples), show_time(found.reading.cpu))
        rows.append((markdown(work.case), markdown(work.name), value, interval, *costs))
    if rows:
        yield "## Memory"
        yield _table("case|question|measured:|interval|limit:|readings:|children:|CPU:", rows)


def _cleaned(held: Held) -> Iterator[str]:
    """Count what the clean-up rules matched before and after, by kind."""
    changes = [change for row, found in held if isinstance(row.step.work, Sweep) for change in found.reading.changes]
    rows = []
    for kind in sorted({change.kind for change in changes}):
        before = [change for change in changes if change.kind == kind]
        after = [change for change in before if change.act not in {"removed", "trashed"}]
        rows.append((markdown(kind), _amount(before), _amount(after), str(len(before) - len(after))))
    if any(isinstance(row.step.work, Sweep) for row, _ in held):
        yield "## Cleaned"
        yield _table("kind|before|after|removed:", rows) if rows else "No rule of the policy matched anything."


def _amount(changes: Sequence[Change]) -> str:
    """Count paths and bytes."""
    return f"{show_count(len(changes), 'path')}, {show_size(sum(change.size for change in changes))}"


def _environment(held: Held) -> Iterator[str]:
    """Name what measured: versions as installed, pins as the measured child found them; all of them where evidence differs."""
    facts: dict[str, dict[str, None]] = {}
    for _, found in held:
        pins = {name: text for name, text in found.reading.pins.items() if name not in {"lines", "types", "holders"}}
        for name, text in (found.environment | found.reading.versions | pins).items():
            facts.setdefault(name, {})[text] = None
    if facts:
        yield "## Environment"
        yield _table("what|found", [(markdown(name), markdown("; ".join(facts[name]))) for name in sorted(facts, key=str.lower)])


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(heads: str, rows: Iterable[Iterable[str]]) -> str:
    """Lay out a table whose cells are harmless already; a head that ends with a colon is one of figures, to the right."""
    names = heads.split("|")
    marks = ("---:" if name.endswith(":") else "---" for name in names)
    lines = ([name.rstrip(":") for name in names], marks, *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _evidence(row: Row) -> Evidence | None:
    """Return the evidence that holds for this tree."""
    return row.evidence if row.standing is Standing.HOLDS else None


def _is_accepted(row: Row, found: Evidence) -> bool:
    """Tell whether the policy lives with an outcome that is no pass."""
    return not row.required and found.finding.outcome in {Outcome.SKIPPED, Outcome.INCONCLUSIVE}
