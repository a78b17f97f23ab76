"""What the tools and the links of a repository say today: what passes is asked from now on, what does not is left out with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gate.adopt.project import Project
from gate.command import find
from gate.facts import Outcome, Reading
from gate.facts.work import Documents, Phase, Step, Tool
from gate.judge import reports
from gate.measure import documents, tools
from gate.threads import answer, side_by_side
from gate.units import show_count

_SECONDS = 20.0  # that one tool may take
_NOT_USED = "this project does not use {}; delete this line to have it asked"
_RUFF = ("--output-format=json", "--")


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What is asked of the code from now on."""

    paths: tuple[str, ...]
    without: dict[str, str]  # check -> why it is left out
    passing: dict[str, str]  # check -> what it said
    dead: dict[str, int]  # document -> complaints about it
    commands: tuple[tuple[str, tuple[str, ...]], ...]  # further linters that pass, by name


def judge(project: Project, root: Path) -> Judged:
    """Ask each tool that the project has configured, over its code with and without its tests, and follow the links."""
    wide, narrow = (*project.code, *project.tests), project.code
    with side_by_side(2) as later:
        links = later(_dead, project, root)
        first = {check: later(_asked, check, project, wide, root) for check in ("format", "lint", "types")}
        said = {check: answer(each) for check, each in first.items()}
        dead = answer(links)
    paths = wide
    if project.tests and any(why.startswith("today") for why in said.values()):
        again = {check: _asked(check, project, narrow, root) if why.startswith("today") else why for check, why in said.items()}
        if sum(not why for why in again.values()) > sum(not why for why in said.values()):
            paths, said = narrow, again
    without = {check: why for check, why in said.items() if why}
    if not project.tests:
        without["tests"] = "no test was found; delete this line with the first one"
    used = {"format": "ruff", "lint": "ruff", "types": "mypy"}
    return Judged(
        paths=paths,
        without=without,
        passing={check: project.tools[used[check]] for check, why in said.items() if not why},
        dead=dead,
        commands=tuple(_further(project, root)),
    )


def _asked(check: str, project: Project, paths: Sequence[str], root: Path) -> str:
    """Return why a check is left out, or "" when it passes today; a debt begins with "today"."""
    name = "mypy" if check == "types" else "ruff"
    if name not in project.tools:
        return _NOT_USED.format(name)
    if not find(name, root):
        return f"{name} was not there to try when gate init ran; delete this line to have it asked"
    argv = {
        "format": ("ruff", "format", "--check", *_RUFF, *paths),
        "lint": ("ruff", "check", "--no-fix", *_RUFF, *paths),
        "types": ("mypy", "--output=json", "--no-error-summary", "--no-pretty", "--", *paths),
    }[check]
    parse = (("ruff", "check", "--no-fix", *_RUFF[:-1], "--select=E9", "--", "."),) if check == "lint" else ()
    work = Tool(name=name, argv=argv, also=parse, reads=name, seconds=_SECONDS)
    reading = tools.measure(work, root)
    found = reports.unusable(_step(check, work), reading) or reports.tool(work, reading, "")
    if found.outcome is Outcome.PASSED:
        return ""
    if "took longer" in reading.trouble:
        return f"{name} took longer than {_SECONDS:.0f} s when gate init tried it; see that it passes, then delete this line"
    if found.outcome is Outcome.BROKEN:
        return f"today {found.headline.splitlines()[0][:160]}; mend that, then delete this line"
    return f"today {_debts(check, reading)}; mend them, then delete this line"


def _step(check: str, work: Tool) -> Step:
    return Step(check=check, phase=Phase.QUALITY, does="", command="gate init", work=work)


def _debts(check: str, reading: Reading) -> str:
    """Count what a tool found."""
    files = len({row.path for row in reading.diagnostics})
    if check == "format":
        return f"ruff would format {show_count(files, 'file')} anew"
    name = "mypy" if check == "types" else "ruff"
    return f"{name} finds {show_count(len(reading.diagnostics), 'mistake')} in {show_count(files, 'file')}"


def _dead(project: Project, root: Path) -> dict[str, int]:
    """Count the dead links of each document."""
    work = Documents(match=("*.md",), leave=(), root=tuple(path for path in project.documents if "/" not in path), home=".")
    counts: dict[str, int] = {}
    for row in documents.measure(work, root).diagnostics:
        counts[row.path] = counts.get(row.path, 0) + 1
    return counts


def _further(project: Project, root: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Return the project's other linters that are here and pass."""
    wanted = {"black": ("black", "--check", "--quiet"), "isort": ("isort", "--check-only", "--quiet"), "flake8": ("flake8",)}
    found = []
    for name, argv in wanted.items():
        work = Tool(name=name, argv=(*argv, *project.code), seconds=_SECONDS)
        if name in project.tools and find(name, root):
            reading = tools.measure(replace(work), root)
            if not (reading.trouble or reading.failed):
                found.append((name, work.argv))
    return found
