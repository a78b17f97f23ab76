"""Pure judgement: readings and limits in, findings out; no files, no clock, no processes."""

from gate.facts import Finding, Mode, Reading
from gate.facts.work import Documents, Duplicates, Index, Step, Sweep
from gate.judge import reports
from gate.judge.reports import beside

__all__ = ["beside", "judge"]


def judge(step: Step, reading: Reading, mode: Mode) -> Finding:
    """Decide what a reading means for its step; questions about agents are decided by `limits`, which may want another look."""
    early = reports.unusable(step, reading)
    if early:
        return early
    match step.work:
        case Sweep():
            return reports.swept(reading, mode)
        case Documents():
            return reports.documents(reading)
        case Index():
            return reports.index(reading, step.work.path)
        case Duplicates():
            return reports.duplicates(reading)
        case _:
            return reports.tool(step.work, reading, step.command)
