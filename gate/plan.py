"""From the policy to the ordered steps: what will be done, by which phase, and how to do it again."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from gate.errors import GateError
from gate.policy import Policy
from gate.policy.models import AgentCase
from gate.work import Budget, Documents, Limit, Phase, Question, Rule, Step, Sweep, Tool


def steps(policy: Policy) -> tuple[Step, ...]:
    """Return every step: what changes the tree first, then what judges it, so that all evidence is about one tree."""
    return (_format(policy), _clean(policy), _docs(policy), *_lint(policy), _types(policy), _tests(policy), *_memory(policy))


def select(every: Sequence[Step], verbs: Sequence[str], cases: Sequence[str] = ()) -> tuple[Step, ...]:
    """Return the steps of some verbs, of memory only the named cases.

    Raises GateError for a case that no policy knows.
    """
    known = sorted({step.work.case for step in every if isinstance(step.work, Question)})
    for case in cases:
        if case not in known:
            near = get_close_matches(case, known, n=1)
            advice = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(known)}"
            message = f"policies/memory.yaml: no agent case is named {case!r}; {advice}"
            raise GateError(message)
    chosen = [step for step in every if step.check.split("/")[0] in verbs]
    return tuple(step for step in chosen if not cases or (isinstance(step.work, Question) and step.work.case in cases))


def _format(policy: Policy) -> Step:
    work = Tool(
        name="ruff",
        argv=("ruff", "format", "--check", "--output-format=json", "--", *policy.quality.paths),
        fixes=_fixes(policy),
        reads="ruff",
    )
    return Step(check="format", phase=Phase.QUALITY, does="format the code (ruff)", command="nox -s format", work=work)


def _clean(policy: Policy) -> Step:
    rules = tuple(Rule(kind=kind, match=rule.match, live=rule.live) for kind, rule in policy.cleanup.kinds.items())
    work = Sweep(rules=rules, protect=policy.cleanup.protect)
    return Step(check="clean", phase=Phase.CLEAN, does="remove dead caches and artefacts", command="nox -s clean", work=work)


def _docs(policy: Policy) -> Step:
    docs = policy.docs
    work = Documents(match=docs.match, leave=docs.leave, root=docs.root, home=docs.home)
    return Step(
        check="docs/links",
        phase=Phase.DOCS,
        does="follow every link inside the repository and find stray documents",
        command="nox -s docs",
        work=work,
    )


def _lint(policy: Policy) -> Iterator[Step]:
    argv = ("ruff", "check", "--no-fix", "--output-format=json", "--", *policy.quality.paths)
    work = Tool(name="ruff", argv=argv, fixes=_fixes(policy), reads="ruff")
    yield Step(check="lint", phase=Phase.QUALITY, does="lint the code (ruff)", command="nox -s lint", work=work)
    for name, command in policy.quality.commands.items():
        work = Tool(name=name, argv=command.run, finds=command.finds, needs=command.needs, seconds=command.time)
        yield Step(check=f"lint/{name}", phase=Phase.QUALITY, does=f"run {' '.join(command.run)}", command="nox -s lint", work=work)


def _types(policy: Policy) -> Step:
    argv = ("mypy", "--output=json", "--no-error-summary", "--no-pretty", "--", *policy.quality.paths)
    return Step(
        check="types",
        phase=Phase.QUALITY,
        does="check the types (mypy)",
        command="nox -s types",
        work=Tool(name="mypy", argv=argv, reads="mypy"),
    )


def _tests(policy: Policy) -> Step:
    tests = policy.quality.tests
    work = Tool(name="pytest", argv=("pytest", *tests.arguments), reads="pytest", finds=(1, 2, 5), seconds=tests.time, stream=True)
    return Step(check="tests", phase=Phase.QUALITY, does="run the tests (pytest)", command="nox -s tests", work=work)


def _memory(policy: Policy) -> Iterator[Step]:
    for case, agent in policy.memory.agents.items():
        for name in ("footprint", "growth", "handles"):
            limit = _limit(policy, case, agent, name)
            if limit:
                yield _question(case, agent, name, limit)


def _fixes(policy: Policy) -> tuple[tuple[str, ...], ...]:
    """Mend before formatting, in every session that mends: none may undo another's evidence."""
    paths = policy.quality.paths
    return (("ruff", "check", "--fix", "--exit-zero", "--quiet", "--", *paths), ("ruff", "format", "--quiet", "--", *paths))


def _limit(policy: Policy, case: str, agent: AgentCase, name: str) -> Limit | None:
    """Return the limit that a case sets for a question, or None."""
    place = policy.places.get(f"memory.agents.{case}.limits.{name}", "policies/memory.yaml")
    limits = agent.limits
    if name == "footprint":
        wanted = limits.footprint
        return Limit(most=wanted.max, resolution=0, unit="B/agent", because=wanted.because, place=place) if wanted else None
    steady = limits.growth if name == "growth" else limits.handles
    unit = "B/step" if name == "growth" else "/step"
    return Limit(most=steady.max, resolution=steady.resolution, unit=unit, because=steady.because, place=place) if steady else None


def _question(case: str, agent: AgentCase, name: str, limit: Limit) -> Step:
    budget = Budget(seconds=agent.budget.time, memory=int(agent.budget.memory), output=int(agent.budget.output))
    work = Question(
        case=case,
        name=name,
        build=agent.build,
        step=agent.step,
        limit=limit,
        budget=budget,
        sizes=agent.sizes,
        settle=agent.settle,
        population=agent.population,
        steps=agent.steps,
        weight=agent.limits.footprint.max if agent.limits.footprint else 0.0,
    )
    does = {"footprint": "weigh one live agent", "growth": "watch the heap over steps", "handles": "count what stays open"}[name]
    return Step(check=f"memory/{case}/{name}", phase=Phase.QUALITY, does=does, command=f"nox -s memory -- {case}", work=work)
