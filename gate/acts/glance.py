"""The short way of the hook: the tools about a few files, by the plan that was kept, without reading policies again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gate import again, reuse
from gate.facts import Mode, Outcome, Reading
from gate.facts.called import HEADS
from gate.facts.rows import Told
from gate.facts.work import Phase, Step, Tool
from gate.judge import judge
from gate.measure import measure, tools
from gate.repo import worktree
from gate.threads import answer, side_by_side

_PYTHON = (".py", ".pyi")


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """What was found in a moment."""

    told: list[Told]  # what ran, and what is recorded and did not pass
    known: int  # checks that are recorded for this very tree and passed
    unknown: tuple[str, ...]  # checks that only a run can answer


def look(root: Path, files: Sequence[str]) -> Looked | None:
    """Ask the tools about the files; None where only the policies can say what their answers count for."""
    kept = again.kept(root)
    if kept is None or any(one.check in HEADS and one.owes for one in kept.every) or kept.code.waived:
        return None
    found = reuse.find(kept.present, kept.every)
    if any(one.finding.outcome is not Outcome.PASSED for one in found.values()):
        return None
    chosen = among(files, kept.code.paths)
    checks = [check for check in HEADS if check in kept.code.asked and check not in found] if chosen else []
    with side_by_side(len(HEADS)) as later:
        told = [row for each in [later(_look, root, check, chosen) for check in checks] if (row := answer(each))]
    said = {one.check for one in told}
    unknown = tuple(check for check in kept.code.asked if check not in found and check not in said)
    return Looked(told=told, known=len(found), unknown=unknown)


def among(files: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Return the Python files that lie in some folders."""
    return [
        name
        for name in files
        if name.endswith(_PYTHON) and any(folder in {".", name} or name.startswith(f"{folder}/") for folder in folders)
    ]


def ask(step: Step, root: Path) -> Reading | None:
    """Run one tool; None when its own configuration leaves out everything that changed."""
    reading = measure(step, root)
    return None if tools.NO_FILE in reading.trouble else reading


def changed(root: Path, named: Sequence[str], start: Path) -> tuple[str, ...]:
    """Return paths below the root: those that are named from `start`, or else all that differ from the last commit."""
    if not named:
        return tuple(path for path in worktree.changed(root) if (root / path).is_file())
    whole = [(start / name).resolve() for name in named]
    return tuple(path.relative_to(root.resolve()).as_posix() for path in whole if path.is_file() and path.is_relative_to(root.resolve()))


def narrowed(step: Step, files: Sequence[str]) -> Step:
    """Return a step that reads only some files; what the tool's own configuration leaves out stays out."""
    if not isinstance(step.work, Tool):
        return step
    head = step.work.argv[: step.work.argv.index("--")]
    skip = ("--force-exclude",) if step.work.reads == "ruff" else ()
    debts = tuple(debt for debt in step.debts if debt.scope.partition(":")[0] in files)  # those of the rest are not looked for
    return replace(step, debts=debts, work=replace(step.work, argv=(*head, *skip, "--", *files), also=(), version=()))


def _look(root: Path, check: str, files: Sequence[str]) -> Told | None:
    name = HEADS[check][0]
    whole = Step(check=check, phase=Phase.QUALITY, does="", command=f"nox -s {check}", work=Tool(name=name, argv=HEADS[check], reads=name))
    step = narrowed(whole, files)
    reading = ask(step, root)
    if reading is None:
        return None
    return Told(check=check, finding=judge(step, reading, Mode.CHECK), took=reading.wall, step=step, reading=reading)
