"""What the tools and the links of a repository say today: what works is asked from now on, what it finds becomes a known debt."""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gate.adopt.project import Project
from gate.command import find
from gate.facts import Finding, Outcome, Reading
from gate.facts.called import HEADS, PARSE
from gate.facts.work import Debt, Documents, Phase, Step, Tool
from gate.judge import baseline, debts, reports
from gate.measure import documents, measure, tools
from gate.threads import answer, side_by_side
from gate.units import show_count

_MOST = 6_000  # lines that the debts of one check may take of policies/baseline.yaml, which holds 20,000
_SECONDS = 20.0  # that one tool may take
_NAMED = 5  # modules that a reason names
_ABSENT = re.compile(r'library stub for module named "([^".]+)')
_NOT_USED = "this project does not use {}; delete this line to have it asked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What is asked of the code from now on."""

    paths: tuple[str, ...]
    without: dict[str, str]  # check -> why it is left out
    passing: dict[str, str]  # check -> where it is configured
    debts: dict[str, tuple[Debt, ...]]  # check -> what is known from now on
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
    if project.tests and any(one.may_be_better for one in said.values()):
        again = {check: _asked(check, project, narrow, root) if one.may_be_better else one for check, one in said.items()}
        if _worth(again.values()) > _worth(said.values()):
            paths, said = narrow, again
    without = {check: one.why for check, one in said.items() if one.why}
    if not project.tests:
        without["tests"] = "no test was found; delete this line with the first one"
    used = {"format": "ruff", "lint": "ruff", "types": "mypy"}
    return Judged(
        paths=paths,
        without=without,
        passing={check: project.tools[used[check]] for check, one in said.items() if one.is_clean},
        debts={check: one.debts for check, one in said.items() if one.debts},
        dead=dead,
        commands=tuple(_further(project, root)),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """What one check says today."""

    why: str = ""  # it is left out
    debts: tuple[Debt, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not (self.why or self.debts)

    @property
    def may_be_better(self) -> bool:
        """Tell whether fewer paths may make a difference."""
        return bool(self.debts) or self.why.startswith("today")


def _worth(every: Iterable[_Said]) -> tuple[int, int]:
    """Return how many checks are asked, and how many of them find nothing."""
    told = tuple(every)
    return sum(not one.why for one in told), sum(one.is_clean for one in told)


def _asked(check: str, project: Project, paths: Sequence[str], root: Path) -> _Said:
    """Return what a check finds, or why it is left out; what may be otherwise on fewer paths begins with "today"."""
    name = "mypy" if check == "types" else "ruff"
    if name not in project.tools:
        return _Said(why=_NOT_USED.format(name))
    if not find(name, root):
        return _Said(why=f"{name} was not there to try when gate init ran; delete this line to have it asked")
    parse = (PARSE,) if check == "lint" else ()
    work = Tool(name=name, argv=(*HEADS[check], *paths), also=parse, reads=name, seconds=_SECONDS)
    step = Step(check=check, phase=Phase.QUALITY, does="", command="gate init", work=work)
    reading = measure(step, root)
    found = reports.unusable(step, reading) or reports.tool(work, reading, "")
    if why := _unable(name, found, reading) or _without_imports(project, reading):
        return _Said(why=why)
    known = debts.adopted(baseline.complaints(step, found, reading))
    why = _unformatted(project, paths, reading) if check == "format" else ""
    if len(known) > _MOST:
        why = f"today {name} finds {len(reading.diagnostics):,} mistakes, more than a baseline holds; mend some, then delete this line"
    return _Said(why=why, debts=() if why else known)


def _unable(name: str, found: Finding, reading: Reading) -> str:
    """Say why a tool could not answer, or return ""."""
    if "took longer" in reading.trouble:
        return f"{name} took longer than {_SECONDS:.0f} s when gate init tried it; see that it passes, then delete this line"
    if found.outcome is Outcome.BROKEN:
        return f"today {found.headline.splitlines()[0][:160]}; mend that, then delete this line"
    return ""


def _without_imports(project: Project, reading: Reading) -> str:
    """Say which modules are not installed: whoever has them sees none of these mistakes, and others that mypy cannot see without them.

    Modules of the project itself that are not there are its own matter, and debts.
    """
    own = {PurePosixPath(path).stem for path in project.code}
    said = (_ABSENT.search(row.message) for row in reading.diagnostics if row.code == "import-not-found")
    absent = sorted({found[1] for found in said if found} - own)
    if not absent:
        return ""
    names = ", ".join(absent[:_NAMED]) + (f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else "")
    groups = [word for group in project.groups for word in ("--group", group)]
    told = shlex.join(("pip", "install", *(project.install or absent), *groups))
    return (
        f"not installed where mypy ran: {names}; what it finds without them is no debt: {told}, "
        "or ignore_missing_imports for what nobody installs; then gate init --undo and gate init"
    )


def _unformatted(project: Project, paths: Sequence[str], reading: Reading) -> str:
    """Say that a formatter is not used: whoever never formats need not begin with the next new file."""
    every = [name for name in project.files if name.endswith((".py", ".pyi")) and any(_is_below(name, path) for path in paths)]
    odd = {row.path for row in reading.diagnostics}
    if not odd or len(odd) * 2 < len(every):
        return ""
    return f"today ruff would format {show_count(len(odd), 'file')} anew, of {len(every)}; format them, then delete this line"


def _is_below(name: str, path: str) -> bool:
    return name == path or name.startswith(f"{path}/")


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
            reading = tools.measure(work, root)
            if not (reading.trouble or reading.failed):
                found.append((name, work.argv))
    return found
