"""Pure judgement: readings and limits in, findings out; no files, no clock, no processes."""

from gate.facts import Finding, Mode, Reading
from gate.judge import limits, reports
from gate.work import Documents, Question, Step, Sweep

__all__ = ["judge"]


def judge(step: Step, reading: Reading, mode: Mode) -> Finding:
    """Decide what a reading means for its step."""
    early = reports.unusable(step, reading)
    if early:
        return early
    match step.work:
        case Question():
            return limits.judge(step.work, reading)
        case Sweep():
            return reports.swept(reading, mode)
        case Documents():
            return reports.documents(reading)
        case _:
            return reports.tool(step.work, reading, step.command)
