"""Invented dossiers: everything that a page can show, and as many cases as one likes."""

import hashlib
import random
from dataclasses import replace

from gate.facts import Change, Estimate, Evidence, Finding, Holder, Hotspot, Mode, Outcome, Part, Reading, Remedy, Series, TypeSize
from gate.facts.rows import Base, Compared, Dossier, Page, Past, Row
from gate.facts.work import Budget, Limit, Phase, Question, Rule, Step, Subject, Sweep, Tool, Waiver
from gate.judge import verdict as verdicts

TREE, OTHER, POLICY, COMMIT = "a1" * 20, "b2" * 20, "c3" * 32, "d4" * 20
ENVIRONMENT = {"gate": "0.1.0", "python": "CPython 3.11.7"}
DEBT = Waiver(check="lint/debt", match="", reason="old code", owner="ada", expires="2026-01-02", place="policies/workflow.yaml:3")
IDLE = replace(DEBT, check="lint/gone", place="policies/workflow.yaml:4")
NOW = verdicts.Now(tree=TREE, policy=POLICY, environment=ENVIRONMENT, day="2026-01-02", moment="2026-01-02T04:00:00Z", waivers=(DEBT, IDLE))
_UNITS = {"footprint": "B/agent", "growth": "B/step", "handles": "/step", "peak": "B/agent"}


def step(check: str, phase: Phase = Phase.QUALITY, work: Tool | Sweep | Question | None = None) -> Step:
    """Invent a step."""
    return Step(check=check, phase=phase, does=check, command=f"nox -s {check}", work=work or Tool(name="x", argv=("x",)))


def question(case: str, name: str, most: float) -> Step:
    """Invent a memory question."""
    work = Question(
        case=case,
        name=name,
        subject=Subject(build="bots:build", step="bots:step"),
        limit=Limit(most=most, resolution=1, unit=_UNITS[name]),
        budget=Budget(seconds=60, cpu=10, memory=10**9, output=4000),
        sizes=(2, 13, 24),
        settle=3,
        population=1,
        steps=4096,
    )
    return replace(step(f"memory/{case}/{name}", work=work), command=f"nox -s memory -- {case}")


def row(planned: Step, outcome: Outcome, headline: str, reading: Reading | None = None, **finding: object) -> Row:
    """Invent the row of a step whose evidence holds."""
    said = Finding(outcome=outcome, headline=headline, **finding)  # type: ignore[arg-type] # mixed
    found = Evidence(
        check=planned.check,
        phase=planned.phase,
        tree=TREE,
        policy=POLICY,
        commit=COMMIT,
        taken="2026-01-02T03:04:05Z",
        command=planned.command,
        mode=Mode.CHECK,
        finding=said,
        reading=reading or Reading(wall=0.25, cpu=0.2),
        environment=ENVIRONMENT,
    )
    return verdicts.row(planned, found, "", now=NOW, digest=hashlib.sha256(planned.check.encode()).hexdigest())


def grown(pace: float, *, windows: int = 128, seed: int = 0, kinds: int = 3) -> Reading:
    """Invent a watched run that gains so many bytes a step, and what explains it."""
    chance = random.Random(seed)
    counts = tuple(range(64, 64 * (windows + 1), 64))
    heap = tuple(int(13_000_000 + pace * count + chance.random() * 400) for count in counts)
    still = (3,) * windows
    return Reading(
        wall=1.5,
        cpu=1.2,
        samples=2,
        start=(12_990_000, 32, 12_999_000),
        series=(
            Series(meter="heap", unit="B", over="steps", counts=counts, values=heap),
            Series(meter="fds", unit="", over="steps", counts=counts, values=still),
        ),
        types=tuple(TypeSize(name=f"bots.Thing{kind}", count=1.5, size=pace / 2**kind) for kind in range(kinds)) if pace else (),
        holders=tuple(
            Holder(path=f"agents[0].log['{kind}']", kind="list", items=9000, gained=1.0, size=pace / 3**kind, bound=0)
            for kind in range(kinds)
        )
        if pace
        else (),
        hotspots=(Hotspot(path="bots.py", line=12, text="self.log.append(Thing())", size=pace, count=1.0),) if pace else (),
    )


def weighed(weight: int, *, explained: bool = True, remedies: bool = False) -> Reading:
    """Invent three populations whose agents weigh so much; what fits is not explained unless somebody asks."""
    counts = (2, 13, 24)
    return Reading(
        wall=2.0,
        cpu=1.8,
        samples=3,
        pins={"hash seed": "0"},
        series=(Series(meter="heap", unit="B", over="agents", counts=counts, values=tuple(weight * count for count in counts)),),
        types=(TypeSize(name="numpy.ndarray", count=2.0, size=weight * 0.9), TypeSize(name="dict", count=4.0, size=weight * 0.1))
        if explained
        else (),
        holders=(Holder(path="agent.world", kind="float64 96x96", items=1, gained=0.0, size=weight * 0.8, bound=0),) if explained else (),
        parts=(Part(name="private", size=weight * 0.9), Part(name="unexplained", size=weight * 0.1)) if explained else (),
        remedies=(
            Remedy(does="", leaves=weight, tried=True),
            Remedy(does="share agent.world", leaves=weight * 0.2, tried=False),
            Remedy(does="what can be applied, tried", leaves=weight * 0.21, tried=True),
        )
        if remedies
        else (),
    )


def about(value: float, wide: float = 0.05) -> Estimate:
    """Invent a slope with its interval."""
    return Estimate(value=value, low=value * (1 - wide), high=value * (1 + wide), points=96)


def leaks(case: str, pace: float = 129.0, *, kinds: int = 3) -> Row:
    """Invent a question that failed, with all that explains it."""
    headline = f"heap grows by {pace:.0f} B/step [123 B/step, 135 B/step], limit 0 B/step"
    more = {"details": ("heap 129 B/step over 8,192 steps",), "next_act": "stop the growth", "estimate": about(pace), "unit": "B/step"}
    return row(question(case, "growth", 0), Outcome.FAILED, headline, grown(pace, seed=len(case), kinds=kinds), **more)


def fits(case: str, weight: int = 40_000) -> Row:
    """Invent a footprint that passed."""
    more = {"estimate": about(weight), "unit": "B/agent"}
    return row(
        question(case, "footprint", 50_000), Outcome.PASSED, "heap 40 kB/agent, limit 50 kB/agent", weighed(weight, explained=False), **more
    )


def rows() -> list[Row]:
    """Invent one row of each kind."""
    sweep = step("clean", Phase.CLEAN, Sweep(rules=(Rule(kind="build", match=("build/",)),)))
    gone = Change(path="build", kind="build", size=1_500_000, act="removed", reason="git ignores it")
    optional = Tool(name="x", argv=("x",), needs="npm", optional="not every machine has npm")
    heavy = {"details": ("numpy.ndarray 90 kB/agent",), "next_act": "make one agent lighter", "estimate": about(100_000), "unit": "B/agent"}
    still = {"estimate": Estimate(value=0.0, low=0.0, high=0.0, points=96), "unit": "/step"}
    needs = replace(weighed(900), series=(Series(meter="traced", unit="B", over="steps", counts=(1, 2, 3), values=(700, 900, 800)),))
    stale = row(step("types"), Outcome.PASSED, "mypy: nothing found")
    assert stale.evidence
    return [
        row(sweep, Outcome.PASSED, "removed 1 artefact", Reading(wall=0.004, changes=(gone,))),
        row(step("docs/links", Phase.DOCS), Outcome.PASSED, "1 link, none dead"),
        row(
            step("lint"),
            Outcome.FAILED,
            "ruff: 1 finding",
            details=("bots.py:3: Unused import [F401]",),
            next_act="mend them, then: nox -s lint",
        ),
        row(step("lint/debt"), Outcome.FAILED, "1 finding"),
        row(step("lint/away", work=optional), Outcome.SKIPPED, "not measured: npm is not installed"),
        verdicts.row(step("types"), replace(stale.evidence, tree=OTHER), "", now=NOW),
        verdicts.row(step("tests"), None, "", now=NOW),
        fits("bot"),
        row(
            question("bot", "peak", 4000), Outcome.PASSED, "peak 900 B/agent above rest in one step (traced)", needs, estimate=about(900, 0)
        ),
        leaks("bot"),
        row(question("bot", "handles", 0), Outcome.PASSED, "fds: no steady growth", grown(0), **still),
        row(question("planner", "footprint", 50_000), Outcome.FAILED, "heap 100 kB/agent", weighed(100_000, remedies=True), **heavy),
        row(question("planner", "growth", 0), Outcome.BROKEN, "the measured child was killed by SIGKILL", Reading(wall=1)),
    ]


def past(check: str, values: tuple[float, ...]) -> list[Past]:
    """Invent what a question measured on earlier commits."""
    return [
        Past(
            check=check,
            tree=f"{at:040x}",
            commit=hashlib.sha256(str(at).encode()).hexdigest()[:40],
            taken=f"2026-01-{at + 1:02}T00:00:00Z",
            outcome=Outcome.PASSED,
            estimate=about(value),
            unit="B/agent",
            digest=hashlib.sha256(f"{check}{at}".encode()).hexdigest(),
        )
        for at, value in enumerate(values)
    ]


def dossier(placed: list[Row] | None = None, *, base: bool = True) -> Dossier:
    """Gather rows as the flow does."""
    placed = rows() if placed is None else placed
    whole = verdicts.verdict(placed, now=NOW, commit=COMMIT, branch="main")
    planned = row(step("plan", Phase.PLAN), Outcome.PASSED, "13 checks planned").evidence
    history = [
        one
        for found in placed
        if found.step.check.endswith("footprint")
        for one in past(found.step.check, (20_000.0, 35_000.0, 90_000.0, 100_000.0))
    ]
    pairs = tuple(
        Compared(step=found.step, base=found, now=found, says="worse", change=1200.0, why="the difference is more than both intervals")
        for found in placed
        if found.step.check == "memory/planner/footprint"
    )
    before = Base(revision="main", commit=OTHER, tree=OTHER, rows=()) if base and pairs else None
    page = Page(title="Gate", verdict=whole, phases={Phase.PLAN: planned, Phase.GIT: None}, base=before, compared=pairs if before else ())
    return Dossier(page=page, project="bots", gate="0.1.0", past=tuple(history))


def crowd(number: int, *, failing: int) -> Dossier:
    """Invent many cases, some of which leak; each has a footprint, a growth and handles, and a history of ten."""
    placed: list[Row] = []
    for at in range(number):
        case = f"team-{at}"
        still = {"estimate": Estimate(value=0.0, low=-0.2, high=0.3, points=96)}
        steady = row(question(case, "growth", 0), Outcome.PASSED, "heap: no steady growth of 1 B/step or more", grown(0, seed=at), **still)
        handles = row(question(case, "handles", 0), Outcome.PASSED, "fds, threads: no steady growth", grown(0), **still)
        placed += [fits(case), leaks(case, 100 + at, kinds=24) if at < failing else steady, handles]
    made = dossier(placed, base=False)
    return replace(
        made, past=tuple(one for found in placed[::3] for one in past(found.step.check, tuple(30_000.0 + at for at in range(10))))
    )
