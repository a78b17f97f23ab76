"""A tree beside its base, for people and for programs."""

from collections.abc import Iterator, Sequence

from gate.facts import Outcome
from gate.facts.rows import Comparison, Complaint, Difference, Row
from gate.facts.work import Question
from gate.report import answers
from gate.report.text import plain
from gate.units import show_amount, show_count

_SHOWN = 20  # findings of one kind and check that are listed
_SHORT = 12  # letters of an id
_WIDE = 13  # where the name of a check begins
_WORDS = (  # the first that fits is said of all checks
    (Outcome.BROKEN, "BROKEN"),
    (Outcome.FAILED, "WORSE than the base"),
    (Outcome.INCONCLUSIVE, "NOT DECIDED"),
    (Outcome.PASSED, "NO WORSE than the base"),
)


def write(found: Comparison) -> str:
    """Write a line for each check, with what is new and what is fixed below it, and one for all."""
    base = found.base
    lines = [f"against {base.revision}: commit {base.commit[:_SHORT]}, tree {base.tree[:_SHORT]}; now tree {found.tree[:_SHORT]}"]
    for row in found.rows:
        lines.append(f"{row.says:<{_WIDE}}{row.step.check}: {_told(row)}")
        lines += [f"{'':<{_WIDE}}{line}" for line in _listed(row)]
        lines += [f"{'':<{_WIDE}}drift: {row.drift}"] if row.drift else []
    lines.append(_all(found.rows))
    return "".join(f"{plain(line)}\n" for line in lines)


def answer(found: Comparison, code: int) -> str:
    """Write the same for programs."""
    base = found.base
    return answers.write(
        code,
        base={"revision": base.revision, "commit": base.commit, "tree": base.tree},
        tree=found.tree,
        since=found.since,
        checks=[
            {
                "check": row.step.check,
                "says": row.says,
                "outcome": row.outcome,
                "why": row.why,
                "new": [_complaint(one) for one in row.new],
                "accepted": [_complaint(one) for one in row.accepted],
                "fixed": [debt.words for debt in row.fixed],
                "unchanged": row.unchanged,
                "change": row.change,
                "drift": row.drift,
                "unit": row.step.work.limit.unit if isinstance(row.step.work, Question) else "",
                "base": _side(row.base),
                "now": _side(row.now),
            }
            for row in found.rows
        ],
    )


def _told(row: Difference) -> str:
    """Say how one check compares."""
    if isinstance(row.step.work, Question):
        unit = row.step.work.limit.unit
        change = "" if row.says in {"cannot tell", "same"} else f", {'+' if row.change > 0 else ''}{show_amount(row.change, unit)}"
        return f"{_figure(row.base, unit)}, now {_figure(row.now, unit)}{change}; {row.why}"
    if row.why:
        return row.why
    fixed = sum(debt.count for debt in row.fixed)
    counts = (("new", len(row.new)), ("new but accepted", len(row.accepted)), ("fixed", fixed), ("unchanged", row.unchanged))
    return ", ".join(f"{number:,} {word}" for word, number in counts if number or word in {"new", "fixed", "unchanged"})


def _figure(row: Row, unit: str) -> str:
    slope = row.evidence.finding.estimate if row.evidence else None
    if slope is None:
        return "not measured"
    return f"{show_amount(slope.value, unit)} [{show_amount(slope.low, unit)}, {show_amount(slope.high, unit)}]"


def _listed(row: Difference) -> Iterator[str]:
    """Name what is new, what is lived with and what is fixed."""
    for word, named in (
        ("new", [one.line for one in row.new]),
        ("new but accepted", [one.line for one in row.accepted]),
        ("fixed", [debt.words for debt in row.fixed]),
    ):
        yield from (f"{word}: {line}" for line in named[:_SHOWN])
        if len(named) > _SHOWN:
            yield f"{word}: and {len(named) - _SHOWN} more"


def _all(rows: Sequence[Difference]) -> str:
    """Say it of all checks."""
    new = sum(len(row.new) for row in rows)
    fixed = sum(debt.count for row in rows for debt in row.fixed)
    said = [f"{show_count(new, 'new finding')}, {fixed:,} fixed", *(_named(rows, outcome) for outcome in Outcome)]
    outcomes = {row.outcome for row in rows}
    word = next(word for outcome, word in _WORDS if outcome in outcomes or outcome is Outcome.PASSED)
    return f"{word}: {'; '.join(filter(None, said))}"


def _named(rows: Sequence[Difference], outcome: Outcome) -> str:
    names = [row.step.check for row in rows if row.outcome is outcome and outcome is not Outcome.PASSED]
    return f"{outcome} {', '.join(names)}" if names else ""


def _complaint(one: Complaint) -> dict[str, object]:
    row = one.found
    return {
        "line": one.line,
        "path": row.path if row else "",
        "row": row.line if row else 0,
        "rule": one.rule,
        "scope": one.scope,
    }


def _side(row: Row) -> dict[str, object]:
    """Tell what one side found, as recorded."""
    found = row.recorded
    slope = found.finding.estimate if found else None
    return {
        "outcome": found.finding.outcome if found else "",
        "headline": found.finding.headline if found else "",
        "value": slope.value if slope else None,
        "low": slope.low if slope else None,
        "high": slope.high if slope else None,
        "evidence": row.digest,
    }
