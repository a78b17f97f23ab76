"""Measure what the policies limit, write it beside the limits, and say which limits are dead."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from gate import flow, inquiry
from gate.errors import GateError
from gate.facts import Finding, Outcome
from gate.facts.work import Question, Step
from gate.judge import dead
from gate.policy import FOLDER
from gate.policy.patch import KeyPath, put
from gate.record.files import replace_file
from gate.repo import worktree
from gate.units import show_amount

_COMMIT = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibrated:
    """One limit beside what was measured."""

    check: str
    limit: str
    measured: str  # "" when it could not be measured
    says: str  # "dead", "exceeded", "fits", "zero", or why nothing was measured
    proposal: str = ""


def calibrate(root: Path, steps: Sequence[Step], *, write: bool) -> tuple[Calibrated, ...]:
    """Answer the questions of some steps; with `write` put a `measured:` block beside each limit, and change nothing else.

    Raises GateError when the policy changed meanwhile.
    """
    path = root / FOLDER / "memory.yaml"
    before = path.read_bytes()
    text = before.decode("utf-8-sig")
    rows: list[Calibrated] = []
    largest: dict[KeyPath, float] = {}  # of several cases that share one limit, the heaviest is written
    for group in flow.together(steps):
        questions = [step.work for step in group if isinstance(step.work, Question)]
        for step, question, (_, finding) in zip(group, questions, inquiry.answer(questions, root), strict=True):
            row = _placed(step.check, question, finding)
            rows.append(row)
            key = "calls" if question.subject.form == "call" else "agents"
            keys: KeyPath = (key, question.case.partition("[")[0], "limits", question.name)
            value = finding.estimate.value if finding.estimate else 0.0
            sure = finding.outcome in {Outcome.PASSED, Outcome.FAILED} and not (question.churns and question.name == "handles")
            if sure and row.measured and value >= largest.get(keys, value):
                largest[keys] = value
                text = put(text, keys, "measured", provenance(root, row.measured))
    if write and text.encode() != before:
        replace_file(path, text.encode(), last_check=lambda: _unchanged(path, before))
    return tuple(rows)


def _placed(check: str, question: Question, finding: Finding) -> Calibrated:
    """Set what was measured beside the limit."""
    limit, unit = question.limit, question.limit.unit
    shown = show_amount(limit.most, unit)
    if finding.estimate is None or finding.outcome in {Outcome.BROKEN, Outcome.SKIPPED}:
        return Calibrated(check=check, limit=shown, measured="", says=finding.headline)
    value = max(0.0, finding.estimate.value)
    if finding.outcome is Outcome.PASSED and value < limit.resolution:
        value = 0.0
    measured = show_amount(value, unit).removesuffix("/agent")
    if not limit.most:
        return Calibrated(check=check, limit=shown, measured=measured, says="exceeded" if value else "zero")
    says = "exceeded" if value > limit.most else "dead" if finding.estimate.high < dead.bar(replace(limit, shared=False)) else "fits"
    return Calibrated(check=check, limit=shown, measured=measured, says=says, proposal=dead.proposed(limit, finding.estimate.high))


def provenance(root: Path, measured: str) -> dict[str, str]:
    """Say what was measured, when, for which commit and where."""
    where = f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}"
    commit = worktree.head(root)[:_COMMIT] or "none"
    return {"value": measured, "date": datetime.now(UTC).date().isoformat(), "commit": f"g{commit}", "where": where}


def _unchanged(path: Path, before: bytes) -> None:
    if path.read_bytes() != before:
        message = f"{FOLDER}/{path.name}: changed while it was calibrated; nothing was written: run it again"
        raise GateError(message)
