"""The door for pytest: policy cases as test items with --gate, and test functions that are measured in a fresh child."""

import inspect
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from gate.errors import GateError

if TYPE_CHECKING:  # every pytest run of everybody who has the gate installed loads this file: what is heavy loads where it is used
    from collections.abc import Generator

    from gate.facts import Finding, Reading
    from gate.facts.work import Question, Step, Waiver

MARK = "agent_memory"
LIMITS = {"growth": "0 B/call", "handles": "0/call"}  # what the mark allows when it says nothing else
_ABOUT = f"{MARK}(growth='0 B/call', handles='0/call', seconds=15, steps=48): call this test again and again in a fresh child, and judge \
what it keeps; None leaves a question out"
_TOGETHER = {"growth", "handles"}  # one watch answers these
_DAY = 86_400
_POLICY = pytest.StashKey[Path]()

Told = list[tuple[str, "Finding"]]  # what was asked, what was found


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --gate."""
    about = "also ask what policies/memory.yaml of this repository wants to know; each question about an agent case is a test"
    parser.getgroup("gate", "memory of agents (heapgate)").addoption("--gate", action="store_true", help=about)


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known; with --gate add the policy to what is collected, unless the command line names it or a folder above it."""
    config.addinivalue_line("markers", _ABOUT)
    if not config.getoption("gate"):
        return
    from gate.repo.worktree import find_root  # noqa: PLC0415 - only with --gate

    try:
        found = find_root(config.rootpath)
    except GateError as error:
        message = f"--gate: {error}"
        raise pytest.UsageError(message) from error
    root = next((path for path in (config.rootpath, *config.rootpath.parents) if path.samefile(found)), found)  # as pytest spells it
    policy = root / "policies" / "memory.yaml"
    if not policy.is_file():
        message = f"--gate: {policy}: not found; write what agents may weigh there, or run pytest without --gate"
        raise pytest.UsageError(message)
    config.stash[_POLICY] = policy
    named = [Path(config.invocation_params.dir, word.partition("::")[0]).resolve() for word in config.args]
    if not any(policy.resolve().is_relative_to(path) for path in named):
        config.args.append(str(policy))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "PolicyFile | None":
    """Collect the policy of the repository, and no other."""
    wanted = parent.config.stash.get(_POLICY, None)
    return PolicyFile.from_parent(parent, path=file_path) if wanted and wanted.resolve() == file_path.resolve() else None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> "Generator[None, pytest.CollectReport, pytest.CollectReport]":
    """Put an item that measures in the place of each marked test; one mistake in a mark makes its file an error that names them all."""
    report = yield
    found: list[pytest.Item | pytest.Collector] = []
    mistakes: dict[str, None] = {}  # in order, once each: one function with many parameters makes one mistake
    for item in report.result or ():
        wrong: list[str] = []
        found.append(_marked(item, collector, wrong) if isinstance(item, pytest.Function) and item.get_closest_marker(MARK) else item)
        mistakes |= dict.fromkeys(wrong)
    if mistakes:
        report.outcome, report.longrepr, found = "failed", "\n".join(mistakes), []
    if report.result:
        report.result = found
    return report


class Measured(pytest.Item):
    """A test that is a measurement: what stops the gate is an error of its set-up, what was found is its result."""

    def ask(self) -> Told:
        """Measure and judge."""
        raise NotImplementedError

    def setup(self) -> None:
        """Measure; an answer that says nothing of the subject ends here."""
        try:
            self._told = self.ask()
        except GateError as error:
            pytest.fail(str(error), pytrace=False)
        self.user_properties += [(f"gate {name}", finding.headline) for name, finding in self._told]
        bad = {finding.outcome.value for _, finding in self._told if not finding.waived}
        if "BROKEN" in bad:
            pytest.fail(self._text(), pytrace=False)
        if not bad & {"FAILED", "INCONCLUSIVE"} and bad != {"PASSED"}:
            first = "".join(f"{finding.waived}: " for _, finding in self._told if finding.waived) + self._text().partition("\n")[0]
            raise pytest.skip.Exception(first, _use_item_location=True)  # as skip marks do: it names the test, not this line

    def runtest(self) -> None:
        """Tell what was found."""
        if any(finding.outcome in {"FAILED", "INCONCLUSIVE"} for _, finding in self._told):
            pytest.fail(self._text(), pytrace=False)
        self.add_report_section("call", "gate", "\n".join(f"{name}: {finding.headline}" for name, finding in self._told))

    def _text(self) -> str:
        """Word everything that did not pass, as the command does."""
        from gate.report.text import plain  # noqa: PLC0415 - only when something was measured

        lines: list[str] = []
        for name, finding in self._told:
            if finding.outcome != "PASSED":
                about = f"{name}: " if len(self._told) > 1 and finding.outcome != "BROKEN" else ""
                outcome = "" if finding.outcome in {"FAILED", "SKIPPED"} else f"{finding.outcome}: "
                act = [f"next: {finding.next_act}"] if finding.next_act else []
                lines += [outcome + about + finding.headline, *(f"  {line}" for line in (*finding.details, *act))]
        return "\n".join(map(plain, dict.fromkeys(lines)))  # what two questions have in common is said once


class PolicyFile(pytest.File):
    """policies/memory.yaml."""

    def collect(self) -> "Iterator[Case]":
        """Yield every case; a policy with mistakes is one error that names them all."""
        from gate import plan, policy  # noqa: PLC0415 - only with --gate
        from gate.facts.work import Question  # noqa: PLC0415

        try:
            found = policy.load(self.path.parents[1])
        except GateError as error:
            raise self.CollectError(str(error)) from error
        cases: dict[str, list[Step]] = {}
        for step in plan.steps(found):
            if isinstance(step.work, Question):
                cases.setdefault(step.work.case.partition("[")[0], []).append(step)
        for name, steps in cases.items():
            yield Case.from_parent(self, name=name, steps=steps, waivers=plan.waivers(found))


class Case(pytest.Collector):
    """One case, with all of its parameters."""

    def __init__(self, name: str, parent: PolicyFile, *, steps: "Sequence[Step]", waivers: "tuple[Waiver, ...]") -> None:
        """Keep what is asked, and what is lived with."""
        super().__init__(name, parent)
        self.steps, self.waivers = steps, waivers
        self.answers: dict[str, tuple[Reading, Finding]] = {}  # what one watch found for a question that is still to come

    def collect(self) -> "Iterator[Asked]":
        """Yield every question, with its parameters behind it: so pytest's command line can name it."""
        for step in self.steps:
            case = getattr(step.work, "case", "")
            yield Asked.from_parent(self, name=step.check.rpartition("/")[2] + case.removeprefix(self.name), step=step)


class Asked(Measured):
    """One question about one case."""

    def __init__(self, name: str, parent: Case, *, step: "Step") -> None:
        """Keep the question."""
        super().__init__(name, parent)
        self.case, self.step, self.check = parent, step, step.check
        self.question = cast("Question", step.work)

    def ask(self) -> Told:
        """Measure, together with what the same watch answers and this run wants to know."""
        from gate import inquiry  # noqa: PLC0415 - only when something is measured
        from gate.judge import waivers  # noqa: PLC0415 - as above

        if self.check not in self.case.answers:
            wanted = [self, *(item for item in self.session.items if isinstance(item, Asked) and self._goes_with(item))]
            answers = inquiry.answer([item.question for item in wanted], self.path.parents[1])
            self.case.answers |= {item.check: told for item, told in zip(wanted, answers, strict=True)}
        reading, found = self.case.answers.pop(self.check)  # so that who runs a test twice measures twice
        day = date.today().isoformat()  # noqa: DTZ011 - the reader's day
        return [(self.question.name, waivers.count(self.step, found, reading, self.case.waivers, day=day, strict=False).finding)]

    def reportinfo(self) -> tuple[Path, int, str]:
        """Point to the limit."""
        line = self.question.limit.place.rpartition(":")[2]
        return self.path, int(line) - 1 if line.isdecimal() else 0, f"{self.case.name}::{self.name}"

    def _goes_with(self, other: "Asked") -> bool:
        """Tell whether the watch that answers this question answers another one as well."""
        mine, theirs = self.question, other.question
        return (other.case, theirs.case, theirs.churns) == (self.case, mine.case, mine.churns) and {theirs.name, mine.name} == _TOGETHER


class Marked(Measured):
    """One test function, called again and again in a fresh child."""

    def __init__(self, name: str, parent: pytest.Collector, *, function: pytest.Function, questions: "Sequence[Question]") -> None:
        """Take over what pytest knows of the function."""
        super().__init__(name, parent)
        self.obj = function.obj  # conditions of skip marks see its module
        self.own_markers += function.own_markers
        self.keywords.update(function.keywords)
        self.questions, self._info = questions, function.reportinfo()
        self._beside = ", ".join(name for name in function.fixturenames if name not in inspect.signature(function.obj).parameters)

    def ask(self) -> Told:
        """Measure in a child that finds what pytest's own path finds."""
        from gate.acts import single  # noqa: PLC0415

        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", os.pathsep.join(_own_path()))
            answers = single.answer(self.questions, self.config.rootpath)
        note = (f"the child runs without the autouse fixtures {self._beside}",) if self._beside else ()
        return [(step.check, replace(finding, details=finding.details + note, next_act=self._act(finding))) for step, _, finding in answers]

    def _act(self, finding: "Finding") -> str:
        """Say what to do where a mark is what can be changed."""
        limit, cpu = self.questions[0].limit, self.questions[0].budget.cpu
        match finding.outcome.value:
            case "FAILED":
                return f"{finding.next_act.partition(';')[0]}, or allow it where the test is marked: {limit.place}"
            case "INCONCLUSIVE":
                return f"write seconds={cpu * 4:g} where the test is marked: {limit.place}"
        return finding.next_act

    def reportinfo(self) -> tuple["os.PathLike[str] | str", int | None, str]:
        """Point to the function."""
        return self._info


def _marked(function: pytest.Function, parent: pytest.Collector, mistakes: list[str]) -> pytest.Item:
    """Return the item that measures a function, or say what is wrong with its mark."""
    from gate.acts import single  # noqa: PLC0415

    path, line, _ = function.reportinfo()
    place = f"{os.path.relpath(path, function.config.rootpath)}:{(line or 0) + 1}"
    mark = function.get_closest_marker(MARK)
    words = {**LIMITS, "seconds": single.SECONDS, "steps": 0, **(mark.kwargs if mark else {})}
    wrong = [*_unfit(function), *(["takes its words by name; write for example growth='8 B/call'"] if mark and mark.args else [])]
    wrong += _unread(words)
    questions: list[Question] = []
    for name in [name for name in LIMITS if words[name] is not None and not wrong]:
        try:
            drawn = single.questions(_target(function), [name], limits={name: words[name]}, seconds=words["seconds"], steps=words["steps"])
        except GateError as error:
            wrong.append(str(error))
        else:
            questions += [replace(question, limit=replace(question.limit, place=place)) for question in drawn]
    mistakes += [f"{place}: {function.originalname}: {MARK}: {what}" for what in wrong]
    return function if wrong else Marked.from_parent(parent, name=function.name, function=function, questions=questions)


def _unfit(function: pytest.Function) -> Iterator[str]:
    """Say why a child cannot call a function as it is."""
    if isinstance(function.parent, pytest.Class):
        yield f"is a method of {function.parent.name}, and a child calls functions; move it out of the class"
    wanted = [name for name in inspect.signature(function.obj).parameters if name in function.fixturenames]
    wanted += [str(name) for mark in function.iter_markers("usefixtures") for name in mark.args]
    if wanted:
        yield (
            f"uses {', '.join(wanted)}, and a child calls functions without fixtures and parameters; build what it needs in the "
            "function, or make it a case under calls: in policies/memory.yaml, which has setup and parametrize"
        )


def _unread(words: dict[str, object]) -> Iterator[str]:
    """Say which words of a mark mean nothing."""
    unknown = set(words) - {*LIMITS, "seconds", "steps"}
    if unknown:
        yield f"knows no {', '.join(sorted(unknown))}; write {', '.join(LIMITS)}, seconds or steps"
    for name, example in LIMITS.items():
        if not isinstance(words[name], str | None):
            yield f'{name}={words[name]!r} is no limit; write for example {name}="{example}"'
    if all(words[name] is None for name in LIMITS):
        yield f"leaves nothing to ask; give {' or '.join(LIMITS)} a limit"
    seconds, steps = words["seconds"], words["steps"]
    if not isinstance(seconds, int | float) or not 0 < seconds <= _DAY:
        yield f"seconds={seconds!r} is no time; write for example seconds=10"
    if not isinstance(steps, int) or steps < 0:
        yield f"steps={steps!r} is no number of calls; write for example steps=1024"


def _target(function: pytest.Function) -> str:
    """Name a function as the child can load it: by its module where that is what an import would find, else by its file."""
    name = function.module.__name__
    inside = name.replace(".", os.sep)
    folders = [str(function.config.rootpath), *_own_path()]
    files = (Path(folder, rest) for folder in folders for rest in (f"{inside}.py", f"{inside}{os.sep}__init__.py"))
    found = next((file for file in files if file.is_file()), None)
    return f"{name if found and found.samefile(function.path) else function.path}:{function.originalname}"


def _own_path() -> list[str]:
    """Return the folders that this run, or who started it, put before the standard library: a child finds the rest by itself."""
    library = sysconfig.get_path("stdlib")
    return [entry for entry in takewhile(lambda entry: not entry.startswith(library), sys.path) if Path(entry).is_dir()]
