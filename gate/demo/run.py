"""The demonstration from end to end: weigh agents in fresh processes, compare them in others, write the report."""

import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata, util
from pathlib import Path
from typing import TextIO

from gate import command
from gate.demo import figures, plot, report
from gate.demo.figures import Figures, Framework, Row, Sameness, Weight
from gate.errors import GateError
from gate.facts.work import Budget, Limit, Question, Subject
from gate.judge import trend
from gate.measure import agents
from gate.measure.agents import Fresh
from gate.record.files import replace_file
from gate.threads import Later, answer, side_by_side

STEPS = 200
_AT_ONCE = 2  # processes; more would disturb each other's step times
_BELIEFS, _GRID = "gate.demo.agents", "gate.demo.grid"
_SIZES = (1, 3)  # live agents of 34.5 MB
_ZEROS = {"99.9 % zeros": 0.999, "99 % zeros": 0.99, "90 % zeros": 0.9, "50 % zeros": 0.5, "dense and random": 0.0}
_CLAIMED = 0.9  # zeros from which a state counts as sparse
_EVERY = 7  # steps between two comparisons of 34.5 MB: what is tracked moves every ten, so that each phase is seen
_BUDGET = Budget(seconds=600.0, cpu=300.0, memory=16 * 10**9, output=10**6)
_UNBOUND = Limit(most=math.inf, resolution=0.0, unit="B/agent")


def run(root: Path, page: Path, out: TextIO) -> int:
    """Measure everything, write the page, and return 1 when a claim does not hold.

    Raises GateError when a process could not be measured.
    """
    began = time.monotonic()
    with side_by_side(_AT_ONCE) as later:
        found = _asked(later, root)
    return write(replace(found, seconds=time.monotonic() - began), page, out)


def write(found: Figures, page: Path, out: TextIO) -> int:
    """Write the page and, where matplotlib is installed, its picture beside it; say what holds, and return 1 when something does not."""
    drawn, picture = plot.draw(found), page.with_suffix(".svg")
    page.parent.mkdir(parents=True, exist_ok=True)
    if drawn:
        replace_file(picture, drawn)
    replace_file(page, report.write(found, picture.name if drawn else "").encode())
    told = figures.claims(found)
    out.writelines(f"{'holds' if claim.holds else 'DOES NOT HOLD'}: {claim.text}\n" for claim in told)
    out.write(f"report: {page}\n")
    return 0 if all(claim.holds for claim in told) else 1


def _asked(later: Later, root: Path) -> Figures:
    """Put every question, as many at once as there are threads; the longest come first."""
    rows = [_row(later, root, "no zeros, pruned", ("tracker", "pruned"), {})]
    rows += [
        _row(later, root, state, ("dense", "held"), {"zeros": zeros}, sparse=zeros >= _CLAIMED, dense=not zeros)
        for state, zeros in reversed(_ZEROS.items())
    ]
    framework = _framework(later, root)
    return Figures(rows=tuple(row() for row in reversed(rows)), framework=framework(), machine=_machine(), seconds=0.0)


def _row(later: Later, root: Path, state: str, pair: tuple[str, str], given: dict[str, object], **kind: bool) -> Callable[[], Row]:
    """Ask about one state; return what waits for the answers."""
    same = later(_same, root, _BELIEFS, pair, given, _EVERY)
    before, after = (_question(_BELIEFS, name, _SIZES, settle=1, given=given) for name in pair)
    weights = [later(_weight, question, root) for question in (before, after)]
    shared = later(_shared, after, root)
    return lambda: Row(state=state, before=answer(weights[0]), after=answer(weights[1]), shared=answer(shared), same=answer(same), **kind)


def _framework(later: Later, root: Path) -> Callable[[], Framework]:
    """Ask about agents of pymdp, if it is installed; return what waits for the answers."""
    if not util.find_spec("pymdp"):
        return lambda: Framework(absent="not measured: pip install inferactively-pymdp==0.0.7.1")
    stages = {
        "as released": _question(_GRID, "released", (2, 4), settle=2),
        "equal arrays shared": _question(_GRID, "shared", (10, 30), settle=2),
        "and BeliefArray, BoundedHistory": _question(_GRID, "light", (20, 100), settle=2),
    }
    same = later(_same, root, _GRID, ("released", "light"), {}, 1)
    weights = {name: later(_weight, question, root) for name, question in stages.items()}
    return lambda: Framework(
        version=metadata.version("inferactively-pymdp"),
        stages=tuple((name, answer(weight)) for name, weight in weights.items()),
        same=answer(same),
    )


def _question(module: str, build: str, sizes: tuple[int, ...], *, settle: int, given: dict[str, object] | None = None) -> Question:
    """Ask what one more live agent weighs."""
    subject = Subject(build=f"{module}:{build}", step=f"{module}:step", given=given or {})
    return Question(
        case=build,
        name="footprint",
        subject=subject,
        limit=_UNBOUND,
        budget=_BUDGET,
        sizes=sizes,
        settle=settle,
        population=1,
        steps=1,
    )


def _weight(question: Question, root: Path) -> Weight:
    """Weigh one more live agent, each population in a fresh process."""
    reading = agents.footprint(question, root)
    _refuse(question, reading.trouble)
    slopes = {row.meter: trend.pairwise(row.counts, row.values).value for row in reading.series}
    missing = {"heap", "rss"} - slopes.keys()
    _refuse(question, f"this platform has no meter of {', '.join(sorted(missing))}" if missing else "")
    return Weight(heap=slopes["heap"], rss=slopes["rss"], counts=question.sizes)


def _shared(question: Question, root: Path) -> float:
    """Return the bytes that two live agents hold together."""
    with Fresh(question, root, most=2) as child:
        told, trouble = child.ask("parts", size=2, settle=question.settle)
    _refuse(question, trouble)
    return float(told["parts"]["shared"])


def _same(root: Path, module: str, pair: tuple[str, str], given: dict[str, object], every: int) -> Sameness:
    """Let an agent and its remedied twin take the same steps in a process of their own."""
    before, after = pair
    wanted = {"module": module, "before": before, "after": after, "given": given, "steps": STEPS, "every": every}
    ran = command.run([sys.executable, "-P", "-m", "gate.demo.same", json.dumps(wanted)], cwd=root, seconds=_BUDGET.seconds)
    if ran.code:
        message = f"demo: {module}:{after} cannot be compared with {before}: {ran.err.strip().splitlines()[-1:] or ran.stopped or ran.code}"
        raise GateError(message)
    return Sameness(**json.loads(ran.out))


def _refuse(question: Question, trouble: str) -> None:
    if trouble:
        message = f"demo: {question.subject.build} cannot be weighed: {trouble}"
        raise GateError(message)


def _machine() -> str:
    """Say what the figures hold for."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, numpy {metadata.version('numpy')}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
