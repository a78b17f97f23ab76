"""The completion summary as Markdown: bad news first, then every figure with the command that shows it again."""

from collections.abc import Iterator

from gate.facts import Evidence, Outcome, Phase, Question, Row, Standing, Sweep, Verdict
from gate.report.text import markdown
from gate.units import show_amount, show_size, show_time

_FIRST = (Outcome.BROKEN, Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.SKIPPED)


def write(verdict: Verdict, title: str, phases: dict[Phase, Evidence | None]) -> str:
    """Write the whole summary; `phases` holds evidence of phases that are no checks."""
    held = [row for row in verdict.rows if _evidence(row)]
    parts = (
        _head(verdict, title),
        _trouble(verdict),
        _phases(verdict, phases),
        _checks(verdict),
        _memory(held),
        _cleaned(held),
        _environment(held),
    )
    return "\n\n".join("\n".join(part) for part in (list(lines) for lines in parts) if part) + "\n"


def word(verdict: Verdict) -> str:
    """Say COMPLETED only when every required check passed on this tree."""
    return "COMPLETED" if verdict.completed else f"NOT COMPLETED: {len(verdict.missing)} missing"


def _head(verdict: Verdict, title: str) -> Iterator[str]:
    yield f"# {markdown(title)}: {word(verdict)}"
    yield ""
    yield f"- tree `{verdict.tree}`"
    yield f"- on top of commit `{verdict.commit or 'none yet'}`, branch {markdown(verdict.branch) or 'none (detached)'}"
    yield f"- policies `sha256:{verdict.policy}`"


def _trouble(verdict: Verdict) -> Iterator[str]:
    """Tell first what failed, what is undecided or was skipped, and what never ran on this tree."""
    if verdict.missing:
        yield "## What is missing"
        yield ""
        yield from (f"- {markdown(text)}" for text in verdict.missing)
    accepted = [row for row in verdict.rows if not row.required and _outcome(row) in {Outcome.SKIPPED, Outcome.INCONCLUSIVE}]
    if accepted:
        yield ""
        yield "## Accepted by policy, not passed"
        yield ""
        yield from (f"- {row.step.check} is {_outcome(row)}: {markdown(_headline(row))}" for row in accepted)
    for row in sorted(verdict.rows, key=_rank):
        found = _evidence(row)
        if found and found.finding.outcome in _FIRST:
            yield ""
            yield f"### {row.step.check}: {found.finding.outcome}"
            yield ""
            yield f"{markdown(found.finding.headline)}"
            yield ""
            yield from (f"- {markdown(line)}" for line in found.finding.details)
            if found.finding.next_act:
                yield f"- **next:** {markdown(found.finding.next_act)}"


def _phases(verdict: Verdict, others: dict[Phase, Evidence | None]) -> Iterator[str]:
    """Give each phase the time that its checks took on this tree; nothing is estimated."""
    yield "## Phases"
    yield ""
    yield "| phase | outcome | checks | measured time |"
    yield "| --- | --- | ---: | ---: |"
    for phase in Phase:
        rows = [row for row in verdict.rows if row.step.phase is phase]
        found = [evidence for row in rows if (evidence := _evidence(row))]
        other = others.get(phase)
        found += [other] if other else []
        took = show_time(sum(evidence.reading.wall for evidence in found)) if found else "not measured"
        yield f"| {phase} | {_phase_outcome(rows, found, verdict.tree)} | {len(found)} of {len(rows) or len(found)} | {took} |"


def _phase_outcome(rows: list[Row], found: list[Evidence], tree: str) -> str:
    """Name the worst outcome of a phase."""
    seen = {evidence.finding.outcome for evidence in found}
    worst = next((outcome for outcome in _FIRST if outcome in seen), None)
    if worst:
        return worst
    if len(found) < len(rows):
        return "incomplete"
    elsewhere = next((evidence.tree for evidence in found if evidence.tree != tree), "")
    return f"{Outcome.PASSED} (for tree `{elsewhere[:12]}`)" if elsewhere else Outcome.PASSED if found else "not run"


def _checks(verdict: Verdict) -> Iterator[str]:
    yield "## Checks"
    yield ""
    yield "| check | outcome | what was found | time | taken | again |"
    yield "| --- | --- | --- | ---: | --- | --- |"
    for row in verdict.rows:
        found = _evidence(row)
        if found:
            cells = (str(found.finding.outcome), markdown(found.finding.headline), show_time(found.reading.wall), found.taken)
        else:
            cells = (str(row.standing), "not measured on this tree", "", "")
        yield f"| {row.step.check} | {' | '.join(cells)} | `{row.step.command}` |"


def _memory(held: list[Row]) -> Iterator[str]:
    """Give every memory figure with its interval, meter, samples and limit."""
    rows = [row for row in held if isinstance(row.step.work, Question)]
    if not rows:
        return
    yield "## Memory"
    yield ""
    yield "| case | question | measured | interval | limit | readings | children | CPU |"
    yield "| --- | --- | ---: | --- | ---: | ---: | ---: | ---: |"
    for row in rows:
        found, work = _evidence(row), row.step.work
        if found is None or not isinstance(work, Question):
            continue
        slope, unit = found.finding.estimate, work.limit.unit
        value = show_amount(slope.value, unit) if slope else "not measured"
        interval = f"{show_amount(slope.low, unit)} to {show_amount(slope.high, unit)}" if slope else ""
        readings = sum(len(series.values) for series in found.reading.series)
        limit, cpu = show_amount(work.limit.most, unit), show_time(found.reading.cpu)
        yield f"| {work.case} | {work.name} | {value} | {interval} | {limit} | {readings} | {found.reading.samples} | {cpu} |"


def _cleaned(held: list[Row]) -> Iterator[str]:
    """Count what was removed, by kind."""
    for row in held:
        found = _evidence(row)
        if found is None or not isinstance(row.step.work, Sweep):
            continue
        gone = [change for change in found.reading.changes if change.act == "removed"]
        yield "## Cleaned"
        yield ""
        if not gone:
            yield "Nothing was removed."
            return
        yield "| kind | removed | bytes |"
        yield "| --- | ---: | ---: |"
        for kind in sorted({change.kind for change in gone}):
            sizes = [change.size for change in gone if change.kind == kind]
            yield f"| {kind} | {len(sizes)} | {show_size(sum(sizes))} |"


def _environment(held: list[Row]) -> Iterator[str]:
    """Name what measured: versions as installed, pins as the measured child found them."""
    facts: dict[str, str] = {}
    for row in held:
        found = _evidence(row)
        if found:
            facts |= found.environment | found.reading.versions
            facts |= {name: text for name, text in found.reading.pins.items() if name not in {"lines", "types"}}
    if not facts:
        return
    yield "## Environment"
    yield ""
    yield "| what | found |"
    yield "| --- | --- |"
    yield from (f"| {markdown(name)} | {markdown(facts[name])} |" for name in sorted(facts, key=str.lower))


def _evidence(row: Row) -> Evidence | None:
    """Return the evidence that holds for this tree."""
    return row.evidence if row.standing is Standing.HOLDS else None


def _outcome(row: Row) -> Outcome | None:
    found = _evidence(row)
    return found.finding.outcome if found else None


def _headline(row: Row) -> str:
    found = _evidence(row)
    return found.finding.headline if found else ""


def _rank(row: Row) -> int:
    outcome = _outcome(row)
    return _FIRST.index(outcome) if outcome in _FIRST else len(_FIRST)
