"""The completion summary as Markdown: bad news first, then every figure with the command that shows it again."""

from collections import Counter
from collections.abc import Iterator, Sequence

from gate.facts import Change, Evidence, Finding, Outcome
from gate.facts.rows import Counted, Page, Row, Standing, Verdict
from gate.facts.work import Phase, Sweep
from gate.report import annotations, memory, parts, phases
from gate.report.parts import Part
from gate.report.text import bullets, code, head, label, markdown, row
from gate.units import show_count, show_size, show_tally, show_time

_FIRST = (Outcome.BROKEN, Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.SKIPPED)
_SHORT = 12  # letters of a digest that a row names
_SHOWN = 12  # lines about one check that are not folded
# In which order rows go when the page would be too large: the least important has the highest.
_MISSING, _TROUBLE, _LIVED, _FIGURES, _IDLE, _EVERY, _CLEANED, _ENVIRONMENT = 1, 3, 5, 6, 7, 8, 9, 10


def write(page: Page, most: int = parts.MOST) -> str:
    """Write the whole summary in so many bytes; nothing in it comes from anywhere else, so that it can be written again."""
    verdict = page.verdict
    held = [(one, found) for one in verdict.rows if (found := _evidence(one))]
    every = (
        _head(page),
        *_missing(verdict, held),
        *_aside(verdict),
        *_waived(held),
        *_known(held),
        *_skipped(held),
        *_idle(verdict),
        _phases(verdict, page.phases),
        _checks(verdict),
        *memory.write(held, page, spare=_FIGURES),
        *_cleaned(held),
        *_environment(held),
    )
    return parts.write(every, most)


def word(verdict: Verdict) -> str:
    """Say COMPLETED only when every required check passed on this tree."""
    return "COMPLETED" if verdict.completed else f"NOT COMPLETED: {len(verdict.missing)} missing"


Held = list[tuple[Row, Evidence]]  # the rows whose evidence holds for this tree


def _head(page: Page) -> Part:
    """Count every check in its one class, then name what all of it is about."""
    verdict = page.verdict
    branch, tally = code(verdict.branch) or "none (detached)", Counter(one.counted for one in verdict.rows)
    counts = ", ".join(f"{tally[name]} {name}" for name in Counted)
    reused = sum(bool(one.evidence and one.evidence.origin) for one in verdict.rows if one.standing is Standing.HOLDS)
    owed = sum(len(one.ratchet.known) for one in verdict.rows)
    owing = f"; {show_count(owed, 'known debt')}" if owed else ""
    beside = f", in {code(page.bundle)} beside this page, {code(f'sha256:{page.seal}')}" if page.bundle else ""
    return Part(
        above=f"# {label(page.title)} {word(verdict)}",
        rows=bullets(
            [
                f"{show_count(len(verdict.rows), 'check')}: {counts}; {reused} reused{owing}",
                f"tree {code(verdict.tree)}",
                f"on top of commit {code(verdict.commit or 'none yet')}, branch {branch}",
                f"as of {markdown(verdict.moment)}, waivers of {markdown(verdict.day)}",
                f"policies {code(f'sha256:{verdict.policy}')}",
                f"evidence {code(f'.gate/evidence/{verdict.tree}/')}, one record a check{beside}",
            ]
        ),
    )


def _missing(verdict: Verdict, held: Held) -> Iterator[Part]:
    """Tell first what separates this tree from COMPLETED, the worst first."""
    if verdict.missing:
        yield from parts.long(bullets(map(markdown, verdict.missing)), above="## What is missing", noun="more", spare=_MISSING)
        more = annotations.left_out(verdict)
        if more:
            shown = f"the {annotations.MOST} of each level that GitHub shows beside the code"
            yield Part(rows=(f"{show_count(more, 'place')} more than {shown}: `gate report --sarif` names them.",))
        yield from _trouble([(one, found.finding) for one, found in held if one.open])


def _aside(verdict: Verdict) -> Iterator[Part]:
    """Name the checks that decide nothing about this task, with how they stand: nobody shall take them for passed."""
    if verdict.aside:
        yield from parts.long(bullets(map(markdown, verdict.aside)), above="## Not asked by this task", noun="more", spare=_IDLE)


def _waived(held: Held) -> Iterator[Part]:
    """Name what somebody lives with for a while; it is never counted as passed."""
    rows = [(one, found.finding) for one, found in held if one.counted is Counted.WAIVED]
    if rows:
        told = bullets(
            f"{markdown(one.step.check)} is {finding.outcome}: {markdown(finding.headline)}; waived until {markdown(waiver.expires)}"
            f" by {markdown(waiver.owner)} ({markdown(waiver.place)}): {markdown(waiver.reason)}"
            for one, finding in rows
            for waiver in one.waivers
        )
        yield from parts.long(told, above="## Waived, not passed", noun="more", spare=_LIVED)
        yield from _trouble(rows, spare=_LIVED)


def _known(held: Held) -> Iterator[Part]:
    """Count what is known and tolerated, and name each of it that somebody answers for until a day."""
    owing = [one for one, _ in held if one.ratchet.known]
    lines = []
    for one in owing:
        slots = [slot for _, slot in one.ratchet.known]
        tally = show_tally(Counter(slot.rule for slot in slots))
        lines.append(f"{markdown(one.step.check)}: {show_count(len(slots), 'known debt')}: {markdown(tally)}")
        lines += [f"accepted: {markdown(slot.words)}" for slot in sorted(slots, key=lambda slot: slot.expires) if slot.expires]
    if owing:
        yield from parts.long(bullets(lines), above="## Known debts, not new", noun="more", spare=_LIVED)


def _skipped(held: Held) -> Iterator[Part]:
    """Name what did not run for want of a program and may; it is never counted as passed."""
    rows = [(one, found.finding) for one, found in held if one.optional]
    if rows:
        told = bullets(
            f"{markdown(one.step.check)} is {finding.outcome}: {markdown(finding.headline)}; optional: {markdown(one.optional)}"
            for one, finding in rows
        )
        yield from parts.long(told, above="## Skipped, not passed", noun="more", spare=_LIVED)


def _idle(verdict: Verdict) -> Iterator[Part]:
    """Name waivers that nothing needs, so that they are not there for what comes."""
    if verdict.idle:
        told = bullets(
            f"{markdown(waiver.check)}, by {markdown(waiver.owner)} until {label(waiver.expires)} delete it at {markdown(waiver.place)}"
            for waiver in verdict.idle
        )
        yield from parts.long(told, above="## Waivers that cover nothing", noun="more", spare=_IDLE)


def _trouble(rows: list[tuple[Row, Finding]], spare: int = _TROUBLE) -> Iterator[Part]:
    """Tell whole what did not pass, where there is more to tell than its headline."""
    bad = [(one, finding) for one, finding in rows if finding.outcome in _FIRST and (finding.details or finding.next_act)]
    told = [_block(one, finding) for one, finding in sorted(bad, key=lambda pair: _FIRST.index(pair[1].outcome))]
    if told:
        yield from parts.long(told, above="", noun="more", spare=spare, gap="\n\n")


def _block(one: Row, finding: Finding) -> str:
    """Tell one check whole: its next act first where there is much to tell, and what is long behind a label."""
    lines = bullets(map(code, finding.details))
    act = bullets([f"**next:** {markdown(finding.next_act)}"] if finding.next_act else [])
    head_ = f"### {label(one.step.check)} {finding.outcome}\n\n{markdown(finding.headline)}\n\n"
    if len(lines) <= _SHOWN:
        return head_ + "\n".join([*lines, *act])
    more = parts.folded(f"{len(lines) - _SHOWN} more", "\n".join(lines[_SHOWN:]))
    return head_ + "\n".join([*lines[:_SHOWN], *act]) + f"\n\n{more}"


def _phases(verdict: Verdict, others: dict[Phase, Evidence | None]) -> Part:
    """Give each phase the time that its checks took on this tree."""
    rows = []
    for told in phases.told(verdict, others):
        about = f" (for tree {code(told.tree[:12], cell=True)})" if told.tree else ""
        rows.append(row((told.phase, told.outcome + about, told.count, told.took)))
    return Part(above="## Phases", top=head("phase|outcome|checks:|measured time:"), rows=tuple(rows))


def _checks(verdict: Verdict) -> Part:
    """Give every check with its outcome, its time and the command that repeats it."""
    rows = []
    for one in verdict.rows:
        found = _evidence(one)
        cells: tuple[str, ...] = (one.standing, "not measured on this tree", "", "", "")
        if found:
            outcome = f"{found.finding.outcome}, waived" if one.waivers else found.finding.outcome
            cells = (outcome, markdown(found.finding.headline), show_time(found.reading.wall), _taken(found))
            cells = (*cells, code(one.digest[:_SHORT]))
        rows.append(row((markdown(one.step.check), *cells, code(one.step.command, cell=True))))
    top = head("check|outcome|what was found|time:|taken|evidence|again")
    passed = frozenset(at for at, one in enumerate(verdict.rows) if one.counted is Counted.PASSED)
    # a table without rows is there too: that nothing was checked is worth its heading
    return Part(above="## Checks" if rows else f"## Checks\n\n{top}", top=top, rows=tuple(rows), noun="check", spare=_EVERY, first=passed)


def _taken(found: Evidence) -> str:
    """Say when evidence was measured, and for which tree when it was another."""
    return markdown(found.taken) + (f", reused from tree {code(found.origin.tree[:12], cell=True)}" if found.origin else "")


def _cleaned(held: Held) -> Iterator[Part]:
    """Count what the clean-up rules matched before and after, by kind."""
    changes = [change for one, found in held if isinstance(one.step.work, Sweep) for change in found.reading.changes]
    rows = []
    for kind in sorted({change.kind for change in changes}):
        before = [change for change in changes if change.kind == kind]
        after = [change for change in before if change.act not in {"removed", "trashed"}]
        rows.append(row((markdown(kind), _amount(before), _amount(after), str(_paths(before) - _paths(after)))))
    if any(isinstance(one.step.work, Sweep) for one, _ in held):
        top = head("kind|before|after|removed:") if rows else ""
        told = tuple(rows) or ("No rule of the policy matched anything.",)
        yield Part(above="## Cleaned", top=top, rows=told, noun="kind", spare=_CLEANED)


def _amount(changes: Sequence[Change]) -> str:
    """Count paths and bytes."""
    return f"{show_count(_paths(changes), 'path')}, {show_size(sum(change.size for change in changes))}"


def _paths(changes: Sequence[Change]) -> int:
    return sum(change.paths for change in changes)


def _environment(held: Held) -> Iterator[Part]:
    """Name what measured: versions as installed, pins as the measured child found them; all of them where evidence differs."""
    facts: dict[str, dict[str, None]] = {}
    for _, found in held:
        pins = {name: text for name, text in found.reading.pins.items() if name not in {"lines", "types", "holders"}}
        for name, text in (found.environment | found.reading.versions | pins).items():
            facts.setdefault(name, {})[text] = None
    if facts:
        rows = [row((markdown(name), markdown("; ".join(facts[name])))) for name in sorted(facts, key=str.lower)]
        yield Part(above="## Environment", top=head("what|found"), rows=tuple(rows), noun="fact", spare=_ENVIRONMENT)


def _evidence(one: Row) -> Evidence | None:
    """Return the evidence that holds for this tree."""
    return one.evidence if one.standing is Standing.HOLDS else None
