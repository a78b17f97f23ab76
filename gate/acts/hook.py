"""What can be said in a moment before a commit: style, lint and types of what changed, and what is recorded of this very tree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gate import flow, reuse
from gate.facts import Finding, Outcome, Reading
from gate.facts.rows import Told
from gate.facts.work import Step, Tool
from gate.flow import House
from gate.judge import judge
from gate.judge import waivers as exceptions
from gate.measure import measure, tools
from gate.repo import worktree
from gate.threads import answer, side_by_side

CHECKS = ("format", "lint", "types")
_PYTHON = (".py", ".pyi")


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """What was found in a moment."""

    told: list[Told]  # what ran, and what is recorded and did not pass
    known: int  # checks that are recorded for this very tree and passed
    unknown: tuple[str, ...]  # checks that only a run can answer


def look(house: House, files: Sequence[str]) -> Looked:
    """Ask the tools about the files among the policy's paths; nothing is changed and nothing is recorded.

    What is recorded of the whole tree says more than a look at a few files, and is taken instead.
    """
    present = house.present(house.tree())
    found = reuse.find(present, map(reuse.asked, house.steps))
    chosen = [name for name in files if name.endswith(_PYTHON) and _below(name, house.policy.quality.paths)]
    ran = [step for step in house.steps if step.check in CHECKS and step.check not in found and _asked(step)] if chosen else []
    with side_by_side(len(CHECKS)) as later:
        asked = [later(_look, house, _narrowed(step, chosen)) for step in ran]
        told: list[Told] = [row for each in asked if (row := answer(each))]
    kept = {step.check: found[step.check] for step in house.steps if step.check in found}
    for step in house.steps:
        one = kept.get(step.check)
        if one and one.finding.outcome is not Outcome.PASSED:
            told.append(Told(check=step.check, finding=_counted(house, step, one.finding, one.reading), took=one.source, step=step))
    said = {one.check for one in told}
    passed = sum(one.finding.outcome is Outcome.PASSED for one in kept.values())
    unknown = tuple(step.check for step in house.steps if step.check not in kept and step.check not in said and _asked(step))
    return Looked(told=told, known=passed, unknown=unknown)


def changed(root: Path, named: Sequence[str], start: Path) -> tuple[str, ...]:
    """Return paths below the root: those that are named from `start`, or else all that differ from the last commit."""
    if not named:
        return tuple(path for path in worktree.changed(root) if (root / path).is_file())
    whole = [(start / name).resolve() for name in named]
    return tuple(path.relative_to(root.resolve()).as_posix() for path in whole if path.is_file() and path.is_relative_to(root.resolve()))


def _asked(step: Step) -> bool:
    """Tell whether the policy asks this check."""
    return not (isinstance(step.work, Tool) and step.work.left)


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(folder in {".", path} or path.startswith(f"{folder}/") for folder in folders)


def _narrowed(step: Step, files: Sequence[str]) -> Step:
    """Return a step that reads only some files; what the tool's own configuration leaves out stays out."""
    if not isinstance(step.work, Tool):
        return step
    head = step.work.argv[: step.work.argv.index("--")]
    skip = ("--force-exclude",) if step.work.reads == "ruff" else ()
    debts = tuple(debt for debt in step.debts if debt.scope.partition(":")[0] in files)  # those of the rest are not looked for
    return replace(step, debts=debts, work=replace(step.work, argv=(*head, *skip, "--", *files), also=(), version=()))


def _look(house: House, step: Step) -> Told | None:
    """Run one tool; None when its own configuration leaves out everything that changed."""
    if not isinstance(step.work, Tool):
        message = f"{step.check} is no tool"
        raise TypeError(message)
    reading = measure(step, house.root)
    if tools.NO_FILE in reading.trouble:
        return None
    finding = _counted(house, step, judge(step, reading, house.mode), reading)
    return Told(check=step.check, finding=finding, took=reading.wall, step=step, reading=reading)


def _counted(house: House, step: Step, finding: Finding, reading: Reading) -> Finding:
    """Return a finding as known debts and waivers let it count today; what is mended is for the whole check to say."""
    return exceptions.count(step, finding, reading, house.waivers, day=flow.day(), strict=False).finding
