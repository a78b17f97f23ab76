"""Candidates measured: what each weighs, gains and holds open, as limits with headroom; or why it could not be measured."""

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

from gate import inquiry
from gate.adopt.classes import Candidate
from gate.facts import Finding, Outcome, Reading
from gate.facts.work import Budget, Limit, Question, Subject
from gate.judge import dead
from gate.threads import answer, side_by_side
from gate.units import show_amount

STILL = "builtins:id"  # a step that does nothing, for what has none
MOST = 5  # cases that are proposed to be measured from now on; more can be asked for later
_TRIED = 12  # candidates that are measured at the most
_ABSENT = "ModuleNotFoundError"
_AT_ONCE = 2  # agents have weight
_FEWEST, _USUAL = 64, 4096  # steps
_WORK = 2.0  # seconds that watching one case may take from then on
_HEADROOM = 1.5  # of growth, whose slope is less sure than a weight
_BUDGET = Budget(seconds=10.0, cpu=5.0, memory=8 * 10**9, output=16 * 10**6)
_RESOLUTION = {"B/step": 1.0, "B/cycle": 8.0, "/step": 0.01, "/cycle": 0.01}
_AFRESH = "a fifth above the upper end of what gate init measured; say how many of them must fit where"
_GROWS = "half above what it gained when gate init measured it; say why it may, or mend it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One limit as it is proposed."""

    name: str  # footprint, growth, churn, handles
    most: str  # with its unit, "" where nothing was decided
    because: str = ""
    measured: str = ""
    why: str = ""  # it is not proposed


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One candidate as a policy would hold it."""

    name: str
    seen: Candidate
    steps: int = _USUAL
    bars: tuple[Bar, ...] = ()
    trouble: str = ""  # why it is only a comment

    @property
    def stepped(self) -> bool:
        """Tell whether it takes steps."""
        return bool(self.seen.step)


def measure(found: Sequence[Candidate], root: Path, *, until: float, watch: Callable[[str], None]) -> tuple[Case, ...]:
    """Measure candidates until there are as many cases as are proposed, or until a moment (monotonic seconds); the rest are told."""
    names: dict[str, Candidate] = {}
    for one in found:
        names[_name(one, names)] = one
    told = [Case(name=name, seen=one, trouble=_unbuildable(one)) for name, one in names.items()]
    enough = threading.Semaphore(MOST)

    def take(case: Case) -> Case:
        if not enough.acquire(blocking=False):
            return replace(case, trouble=f"not measured: {MOST} cases are enough to begin with")
        if time.monotonic() > until:
            return replace(case, trouble="not measured: gate init takes no longer than a minute")
        watch(case.name)
        done = _measured(case, root)
        if done.trouble:
            enough.release()
        return done

    with side_by_side(_AT_ONCE) as later:
        ready = [case for case in told if not case.trouble]
        done = {case.name: later(take, case) for case in ready[:_TRIED]}
        answers = {name: answer(each) for name, each in done.items()}
    late = f"not measured: gate init tries {_TRIED} classes at the most"
    return tuple(answers.get(case.name, case if case.trouble else replace(case, trouble=late)) for case in told)


def _unbuildable(one: Candidate) -> str:
    """Say what is missing to build one."""
    if one.buildable:
        return ""
    return f"needs {', '.join(one.missing)}: write a function (index) -> {one.name}, and name it as build"


def _measured(case: Case, root: Path) -> Case:
    """Ask the questions of one case; with no working step it is weighed and churned only."""
    if case.stepped:
        watched = inquiry.answer(_questions(case, ("growth", "handles")), root, explained=False)
        if not _is_broken(watched[0][1]):
            case = replace(case, steps=_steps(watched[0][0]))
            if case.steps > _FEWEST:
                watched = inquiry.answer(_questions(case, ("growth", "handles")), root, explained=False)
        if "took longer" in watched[0][1].headline:
            return replace(case, trouble=f"not measured: {_FEWEST} steps take longer than {_BUDGET.seconds:.0f} s")
        if _is_broken(watched[0][1]) and _ABSENT in _plainly(watched[0][1]):
            return replace(case, trouble=f"{_plainly(watched[0][1])}; install it beside the gate")
        if _is_broken(watched[0][1]):
            tried = _measured(replace(case, seen=replace(case.seen, step="")), root)
            return tried if tried.trouble else replace(tried, bars=(*tried.bars, _undecided("growth", watched[0][1], case.seen.step)))
        weighed = inquiry.answer(_questions(case, ("footprint",)), root, explained=False)
        found = [("footprint", *weighed[0]), ("growth", *watched[0]), ("handles", *watched[1])]
    else:
        answers = inquiry.answer(_questions(case, ("footprint", "churn")), root, explained=False)
        found = [("footprint", *answers[0]), ("churn", *answers[1])]
    if _is_broken(found[0][2]):
        late = "took longer" in found[0][2].headline
        return replace(case, trouble=f"not measured: takes longer than {_BUDGET.seconds:.0f} s" if late else _plainly(found[0][2]))
    bars = tuple(_bar(name, finding) for name, _, finding in found)
    return replace(case, bars=bars) if any(bar.most for bar in bars) else replace(case, trouble=bars[0].why)


def _questions(case: Case, names: Sequence[str]) -> list[Question]:
    """Draw up what the policy would ask, without limits."""
    seen = case.seen
    subject = Subject(step=f"{seen.target}.{seen.step}" if seen.step else STILL, build=seen.target, form="alike", given=dict(seen.given))
    units = {"footprint": "B/agent", "growth": "B/step", "churn": "B/cycle", "handles": "/step"}
    steps = case.steps if case.stepped and case.steps < _USUAL else _FEWEST if names[0] == "growth" else _USUAL
    return [
        Question(
            case=case.name,
            name=name,
            subject=subject,
            limit=Limit(
                most=inf if name == "footprint" else 0.0,
                resolution=_RESOLUTION.get(units[name], 0.0),
                unit=units[name],
                alpha=0.001,
                meter="larger" if name == "footprint" else "",
            ),
            budget=_BUDGET,
            sizes=(),
            settle=3,
            population=1,
            steps=steps,
        )
        for name in names
    ]


def _steps(reading: Reading) -> int:
    """Return how many steps fit the work that a case is given from now on, as a power of two."""
    taken = max((row.counts[-1] for row in reading.series if row.over == "steps" and row.counts), default=_FEWEST)
    each = reading.cpu / max(1, taken)
    steps = _USUAL
    while steps > _FEWEST and steps * each > _WORK:
        steps //= 2
    return steps


def _bar(name: str, finding: Finding) -> Bar:
    """Turn an answer into a limit with headroom; what is undecided becomes none."""
    unit = {"footprint": "B/agent", "growth": "B/step", "churn": "B/cycle", "handles": "/step"}[name]
    if finding.estimate is None or finding.outcome not in {Outcome.PASSED, Outcome.FAILED}:
        return _undecided(name, finding)
    value, high = max(0.0, finding.estimate.value), max(0.0, finding.estimate.high)
    measured = show_amount(value, unit).removesuffix("/agent")
    if name == "footprint":
        most = show_amount(dead.rounded(max(high, 1.0)), unit).removesuffix("/agent")
        return Bar(name=name, most=most, because=_AFRESH, measured=measured)
    if finding.outcome is Outcome.PASSED:
        return Bar(name=name, most=show_amount(0, unit), measured=show_amount(0 if value < _RESOLUTION[unit] else value, unit))
    return Bar(name=name, most=show_amount(dead.rounded(high) * _HEADROOM / 1.2, unit), because=_GROWS, measured=measured)


def _undecided(name: str, finding: Finding, step: str = "") -> Bar:
    said = f"{step} did not work alone: {_plainly(finding)}" if step else _plainly(finding)
    return Bar(name=name, most="", why=said)


def _plainly(finding: Finding) -> str:
    """Return the last line in which a child said what was wrong, or else the headline."""
    return (finding.details[-1] if finding.outcome is Outcome.BROKEN and finding.details else finding.headline).strip()


def _is_broken(finding: Finding) -> bool:
    return finding.outcome in {Outcome.BROKEN, Outcome.SKIPPED}


def _name(one: Candidate, taken: Mapping[str, object]) -> str:
    """Name a case after its class, and after its module where two have the same."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", one.name).lower().replace("_", "-").strip("-")
    plain = re.sub(r"[^a-z0-9-]", "", words)[:50] or "agent"
    return plain if plain not in taken else f"{plain}-{len(taken)}"
