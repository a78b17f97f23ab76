"""The completion summary as Markdown: bad news first, then every figure with the command that shows it again."""

from collections import Counter
from collections.abc import Iterator, Sequence

from gate.facts import Change, Evidence, Finding, Outcome
from gate.facts.rows import Counted, Page, Row, Standing, Verdict
from gate.facts.work import Phase, Sweep
from gate.report import memory
from gate.report.text import bullets, code, markdown, table
from gate.units import show_count, show_size, show_time

_FIRST = (Outcome.BROKEN, Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.SKIPPED)
_SHORT = 12  # letters of a digest that a row names


def write(page: Page) -> str:
    """Write the whole summary; nothing in it comes from anywhere else, so that it can be written again."""
    verdict = page.verdict
    held = [(row, found) for row in verdict.rows if (found := _evidence(row))]
    blocks = (
        *_head(page),
        *_missing(verdict, held),
        *_aside(verdict),
        *_waived(held),
        *_skipped(held),
        *_idle(verdict),
        *_phases(verdict, page.phases),
        *_checks(verdict),
        *memory.write(held, page),
        *_cleaned(held),
        *_environment(held),
    )
    return "\n\n".join(blocks) + "\n"


def word(verdict: Verdict) -> str:
    """Say COMPLETED only when every required check passed on this tree."""
    return "COMPLETED" if verdict.completed else f"NOT COMPLETED: {len(verdict.missing)} missing"


Held = list[tuple[Row, Evidence]]  # the rows whose evidence holds for this tree


def _head(page: Page) -> Iterator[str]:
    """Count every check in its one class, then name what all of it is about."""
    verdict = page.verdict
    yield f"# {markdown(page.title)}: {word(verdict)}"
    branch, counts = code(verdict.branch) or "none (detached)", Counter(row.counted for row in verdict.rows)
    reused = sum(bool(row.evidence and row.evidence.origin) for row in verdict.rows if row.standing is Standing.HOLDS)
    beside = f", in {code(page.bundle)} beside this page, {code(f'sha256:{page.seal}')}" if page.bundle else ""
    yield bullets(
        [
            f"{show_count(len(verdict.rows), 'check')}: {', '.join(f'{counts[name]} {name}' for name in Counted)}; {reused} reused",
            f"tree {code(verdict.tree)}",
            f"on top of commit {code(verdict.commit or 'none yet')}, branch {branch}",
            f"as of {markdown(verdict.moment)}, waivers of {markdown(verdict.day)}",
            f"policies {code(f'sha256:{verdict.policy}')}",
            f"evidence {code(f'.gate/evidence/{verdict.tree}/')}, one record a check{beside}",
        ]
    )


def _missing(verdict: Verdict, held: Held) -> Iterator[str]:
    """Tell first what separates this tree from COMPLETED, the worst first."""
    if verdict.missing:
        yield "## What is missing"
        yield bullets(markdown(text) for text in verdict.missing)
        yield from _trouble([(row, found.finding) for row, found in held if row.open])


def _aside(verdict: Verdict) -> Iterator[str]:
    """Name the checks that decide nothing about this task, with how they stand: nobody shall take them for passed."""
    if verdict.aside:
        yield "## Not asked by this task"
        yield bullets(map(markdown, verdict.aside))


def _waived(held: Held) -> Iterator[str]:
    """Name what somebody lives with for a while; it is never counted as passed."""
    rows = [(row, found.finding) for row, found in held if row.counted is Counted.WAIVED]
    if rows:
        yield "## Waived, not passed"
        yield bullets(
            f"{markdown(row.step.check)} is {finding.outcome}: {markdown(finding.headline)}; waived until {markdown(waiver.expires)}"
            f" by {markdown(waiver.owner)} ({markdown(waiver.place)}): {markdown(waiver.reason)}"
            for row, finding in rows
            for waiver in row.waivers
        )
        yield from _trouble(rows)


def _skipped(held: Held) -> Iterator[str]:
    """Name what did not run for want of a program and may; it is never counted as passed."""
    rows = [(row, found.finding) for row, found in held if row.optional]
    if rows:
        yield "## Skipped, not passed"
        yield bullets(
            f"{markdown(row.step.check)} is {finding.outcome}: {markdown(finding.headline)}; optional: {markdown(row.optional)}"
            for row, finding in rows
        )


def _idle(verdict: Verdict) -> Iterator[str]:
    """Name waivers that nothing needs, so that they are not there for what comes."""
    if verdict.idle:
        yield "## Waivers that cover nothing"
        yield bullets(
            f"{markdown(waiver.check)}, by {markdown(waiver.owner)} until {markdown(waiver.expires)}: delete it at {markdown(waiver.place)}"
            for waiver in verdict.idle
        )


def _trouble(rows: list[tuple[Row, Finding]]) -> Iterator[str]:
    """Tell whole what did not pass, where there is more to tell than its headline."""
    bad = [(row, finding) for row, finding in rows if finding.outcome in _FIRST and (finding.details or finding.next_act)]
    for row, finding in sorted(bad, key=lambda pair: _FIRST.index(pair[1].outcome)):
        yield f"### {markdown(row.step.check)}: {finding.outcome}"
        yield markdown(finding.headline)
        yield bullets([*map(code, finding.details), *([f"**next:** {markdown(finding.next_act)}"] if finding.next_act else [])])


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
        # questions that one watch answered have one reading, and its time passed once
        walls = {(evidence.reading.wall, evidence.reading.cpu): evidence.reading.wall for evidence in new}
        took = show_time(sum(walls.values())) if new else "reused" if found else "not measured"
        count = f"{len(found)} of {len(planned) or len(found)}" + (f", {len(found) - len(new)} reused" if len(new) < len(found) else "")
        rows.append((phase, _phase_outcome(planned, other, verdict.tree), count, took))
    yield table("phase|outcome|checks:|measured time:", rows)


def _phase_outcome(rows: list[Row], other: Evidence | None, tree: str) -> str:
    """Name the worst outcome of a phase; what is waived or skipped is counted, not hidden."""
    held = [(row, found) for row in rows if (found := _evidence(row))]
    lived = Counter(row.counted for row in rows if not row.open and row.counted is not Counted.PASSED)
    seen = {found.finding.outcome for row, found in held if row.open} | ({other.finding.outcome} if other else set())
    worst = next((outcome for outcome in _FIRST if outcome in seen), None)
    if worst:
        return worst
    if len(held) < len(rows):
        return "incomplete"
    if other and other.tree != tree:
        return f"{Outcome.PASSED} (for tree {code(other.tree[:12], cell=True)})"
    if not held and not other:
        return "not run"
    return ", ".join([Outcome.PASSED, *(f"{number} {name}" for name, number in lived.items())])


def _checks(verdict: Verdict) -> Iterator[str]:
    """Give every check with its outcome, its time and the command that repeats it."""
    yield "## Checks"
    rows = []
    for row in verdict.rows:
        found = _evidence(row)
        cells: tuple[str, ...] = (row.standing, "not measured on this tree", "", "", "")
        if found:
            outcome = f"{found.finding.outcome}, waived" if row.waivers else found.finding.outcome
            cells = (outcome, markdown(found.finding.headline), show_time(found.reading.wall), _taken(found))
            cells = (*cells, code(row.digest[:_SHORT]))
        rows.append((markdown(row.step.check), *cells, code(row.step.command, cell=True)))
    yield table("check|outcome|what was found|time:|taken|evidence|again", rows)


def _taken(found: Evidence) -> str:
    """Say when evidence was measured, and for which tree when it was another."""
    return markdown(found.taken) + (f", reused from tree {code(found.origin.tree[:12], cell=True)}" if found.origin else "")


def _cleaned(held: Held) -> Iterator[str]:
    """Count what the clean-up rules matched before and after, by kind."""
    changes = [change for row, found in held if isinstance(row.step.work, Sweep) for change in found.reading.changes]
    rows = []
    for kind in sorted({change.kind for change in changes}):
        before = [change for change in changes if change.kind == kind]
        after = [change for change in before if change.act not in {"removed", "trashed"}]
        rows.append((markdown(kind), _amount(before), _amount(after), str(_paths(before) - _paths(after))))
    if any(isinstance(row.step.work, Sweep) for row, _ in held):
        yield "## Cleaned"
        yield table("kind|before|after|removed:", rows) if rows else "No rule of the policy matched anything."


def _amount(changes: Sequence[Change]) -> str:
    """Count paths and bytes."""
    return f"{show_count(_paths(changes), 'path')}, {show_size(sum(change.size for change in changes))}"


def _paths(changes: Sequence[Change]) -> int:
    return sum(change.paths for change in changes)


def _environment(held: Held) -> Iterator[str]:
    """Name what measured: versions as installed, pins as the measured child found them; all of them where evidence differs."""
    facts: dict[str, dict[str, None]] = {}
    for _, found in held:
        pins = {name: text for name, text in found.reading.pins.items() if name not in {"lines", "types", "holders"}}
        for name, text in (found.environment | found.reading.versions | pins).items():
            facts.setdefault(name, {})[text] = None
    if facts:
        yield "## Environment"
        yield table("what|found", [(markdown(name), markdown("; ".join(facts[name]))) for name in sorted(facts, key=str.lower)])


def _evidence(row: Row) -> Evidence | None:
    """Return the evidence that holds for this tree."""
    return row.evidence if row.standing is Standing.HOLDS else None
