"""From the policy to the ordered steps: what will be done, by which phase, and how to do it again."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import product

from gate.errors import GateError
from gate.policy import Policy
from gate.policy.memory import AgentCase, CallCase, LimitPolicy
from gate.work import (
    Budget,
    Destination,
    Documents,
    Duplicates,
    Filing,
    Index,
    Limit,
    Phase,
    Question,
    Rule,
    Step,
    Subject,
    Sweep,
    Tool,
    Waiver,
)


def steps(policy: Policy) -> tuple[Step, ...]:
    """Return every step: what changes the tree first, then what judges it, so that all evidence is about one tree."""
    return (
        _format(policy),
        _clean(policy),
        _docs(policy),
        *_index(policy),
        _duplicates(policy),
        *_lint(policy),
        _types(policy),
        _tests(policy),
        *_memory(policy),
    )


def waivers(policy: Policy) -> tuple[Waiver, ...]:
    """Return every exception of the policy, each with its place."""
    return tuple(
        Waiver(
            check=entry.check,
            match=entry.match,
            reason=entry.reason,
            owner=entry.owner,
            expires=entry.expires.isoformat(),
            place=policy.places.get(f"workflow.waivers.{at}", "policies/workflow.yaml"),
        )
        for at, entry in enumerate(policy.workflow.waivers)
    )


def select(every: Sequence[Step], verbs: Sequence[str], cases: Sequence[str] = ()) -> tuple[Step, ...]:
    """Return the steps of some verbs, of memory only the named cases.

    Raises GateError for a case that no policy knows.
    """
    known = sorted({step.work.case for step in every if isinstance(step.work, Question)})
    whole = {case.partition("[")[0] for case in known}
    for case in cases:
        if case not in known and case not in whole:
            near = get_close_matches(case, known, n=1)
            advice = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(known)}"
            message = f"policies/memory.yaml: no agent case is named {case!r}; {advice}"
            raise GateError(message)
    chosen = [step for step in every if step.check.split("/")[0] in verbs]
    return tuple(
        step
        for step in chosen
        if not cases or (isinstance(step.work, Question) and not {step.work.case, step.work.case.partition("[")[0]}.isdisjoint(cases))
    )


def hurried(chosen: Sequence[Step], *, steps: int = 0, seconds: float = 0.0) -> tuple[Step, ...]:
    """Return the same steps with another number of watched steps or another budget of work, where one is given."""
    return tuple(
        replace(
            step,
            work=replace(
                step.work,
                steps=steps or step.work.steps,
                budget=replace(step.work.budget, cpu=seconds, seconds=max(seconds, step.work.budget.seconds))
                if seconds
                else step.work.budget,
            ),
        )
        if isinstance(step.work, Question)
        else step
        for step in chosen
    )


def _format(policy: Policy) -> Step:
    work = Tool(
        name="ruff",
        argv=("ruff", "format", "--check", "--output-format=json", "--", *policy.quality.paths),
        fixes=_fixes(policy),
        reads="ruff",
        version=("ruff", "--version"),
    )
    return Step(check="format", phase=Phase.QUALITY, does="format the code (ruff)", command="nox -s format", work=work)


def _clean(policy: Policy) -> Step:
    rules = tuple(
        Rule(
            kind=kind,
            match=rule.match,
            empty=rule.empty,
            tool=rule.tool,
            regenerable=rule.class_ == "regenerable",
            live=rule.live,
            age=rule.max_age,
            keep=rule.keep,
        )
        for kind, rule in policy.cleanup.kinds.items()
    )
    work = Sweep(rules=rules, protect=policy.cleanup.protect)
    return Step(check="clean", phase=Phase.CLEAN, does="remove dead caches and artefacts", command="nox -s clean", work=work)


def _docs(policy: Policy) -> Step:
    docs = policy.docs
    work = Documents(
        match=docs.match,
        leave=docs.leave,
        root=docs.root,
        home=docs.home,
        destinations=tuple(Destination(folder=folder, filings=tuple(_filings(policy, folder))) for folder in docs.destinations),
        still=(*policy.workflow.record.paths, *([docs.index] if docs.index else [])),
    )
    return Step(
        check="docs/links",
        phase=Phase.DOCS,
        does="follow every link inside the repository and find stray documents",
        command="nox -s links",
        work=work,
    )


def _filings(policy: Policy, folder: str) -> Iterator[Filing]:
    """Take the rules of one destination apart, each with its line."""
    wanted = policy.docs.destinations[folder]
    lists: dict[tuple[str, ...], tuple[str, ...]] = {(by,): getattr(wanted, by) for by in ("path", "name", "heading", "assets")}
    lists |= {("front_matter", key): values for key, values in wanted.front_matter.items()}
    for keys, patterns in lists.items():
        for at, pattern in enumerate(patterns):
            place = policy.places.get(".".join(("docs.destinations", folder, *keys, str(at))), "policies/docs.yaml")
            yield Filing(by=keys[0], pattern=pattern, key="".join(keys[1:]), place=place)


def _index(policy: Policy) -> Iterator[Step]:
    page = policy.docs.index
    if page:
        work = Index(path=page, match=policy.docs.match, leave=policy.docs.leave)
        does = f"compare the index in {page} with the documents"
        yield Step(check="docs/index", phase=Phase.DOCS, does=does, command="nox -s docs", work=work)


def _duplicates(policy: Policy) -> Step:
    docs = policy.docs
    work = Duplicates(match=docs.match, leave=docs.leave, threshold=docs.duplicates.threshold, fails=docs.duplicates.fail)
    return Step(check="docs/duplicates", phase=Phase.DOCS, does="find documents that say the same", command="nox -s docs", work=work)


def _lint(policy: Policy) -> Iterator[Step]:
    argv = ("ruff", "check", "--no-fix", "--output-format=json", "--")
    parse = (*argv[:-1], "--select=E9", "--", ".")  # a script that nobody lints must at least parse
    work = Tool(
        name="ruff", argv=(*argv, *policy.quality.paths), also=(parse,), fixes=_fixes(policy), reads="ruff", version=("ruff", "--version")
    )
    yield Step(check="lint", phase=Phase.QUALITY, does="lint the code (ruff)", command="nox -s lint", work=work)
    for name, command in policy.quality.commands.items():
        work = Tool(
            name=name,
            argv=command.run,
            finds=command.finds,
            needs=command.needs,
            optional=command.optional,
            seconds=command.time,
            version=command.version,
        )
        yield Step(
            check=f"lint/{name}",
            phase=Phase.QUALITY,
            does=f"run {' '.join(command.run)}",
            command="nox -s lint",
            work=work,
            reuse=command.reuse == "auto",
            environ=command.env,
        )


def _types(policy: Policy) -> Step:
    argv = ("mypy", "--output=json", "--no-error-summary", "--no-pretty", "--", *policy.quality.paths)
    return Step(
        check="types",
        phase=Phase.QUALITY,
        does="check the types (mypy)",
        command="nox -s types",
        work=Tool(name="mypy", argv=argv, reads="mypy", version=("mypy", "--version")),
    )


def _tests(policy: Policy) -> Step:
    tests = policy.quality.tests
    work = Tool(
        name="pytest",
        argv=("pytest", *tests.arguments),
        reads="pytest",
        finds=(1, 2, 5),
        covers=tests.covers,
        seconds=tests.time,
        stream=True,
        version=("pytest", "--version"),
    )
    return Step(
        check="tests",
        phase=Phase.QUALITY,
        does="run the tests (pytest)",
        command="nox -s tests",
        work=work,
        reuse=tests.reuse == "auto",
        environ=tests.env,
    )


def _memory(policy: Policy) -> Iterator[Step]:
    for name, agent in policy.memory.agents.items():
        build = str(agent.build or agent.population)
        form = "agents" if agent.build else "population"
        limits: dict[str, LimitPolicy | None] = {
            "footprint": agent.limits.footprint,
            "peak": agent.limits.peak,
            "growth": agent.limits.growth,
        }
        limits |= {"churn": agent.limits.churn, "handles": agent.limits.handles}
        if agent.limits.churn:
            limits["churn-handles"] = agent.limits.handles  # what an agent opened must be closed when it is dropped
        for case, given in _cases(name, agent.parametrize):
            yield from _questions(
                policy, f"agents.{name}", case, agent, limits, Subject(step=agent.step, build=build, form=form, given=given)
            )
    for name, call in policy.memory.calls.items():
        wanted: dict[str, LimitPolicy | None] = {"growth": call.limits.growth, "handles": call.limits.handles}
        for case, given in _cases(name, call.parametrize):
            subject = Subject(step=call.call, build=call.setup or "", form="call", given=given)
            yield from _questions(policy, f"calls.{name}", case, call, wanted, subject)


def _cases(name: str, parametrize: Mapping[str, tuple[object, ...]]) -> Iterator[tuple[str, dict[str, object]]]:
    """Name each combination as pytest does: the values in brackets."""
    if not parametrize:
        yield name, {}
        return
    for values in product(*parametrize.values()):
        yield f"{name}[{'-'.join(map(str, values))}]", dict(zip(parametrize, values, strict=True))


def _fixes(policy: Policy) -> tuple[tuple[str, ...], ...]:
    """Mend before formatting, in every session that mends: none may undo another's evidence."""
    paths = policy.quality.paths
    return (("ruff", "check", "--fix", "--exit-zero", "--quiet", "--", *paths), ("ruff", "format", "--quiet", "--", *paths))


_UNITS = {
    "agents": {
        "footprint": "B/agent",
        "peak": "B/agent",
        "growth": "B/step",
        "churn": "B/cycle",
        "handles": "/step",
        "churn-handles": "/cycle",
    },
    "calls": {"growth": "B/call", "handles": "/call"},
}
_DOES = {
    "footprint": "weigh one live agent",
    "peak": "find the most that one step needs",
    "growth": "watch what is kept",
    "churn": "watch what dropped agents leave",
    "handles": "count what stays open",
    "churn-handles": "count what dropped agents leave open",
}


def _questions(
    policy: Policy, key: str, case: str, found: AgentCase | CallCase, limits: Mapping[str, LimitPolicy | None], subject: Subject
) -> Iterator[Step]:
    """Ask everything that a case has a limit for."""
    budget = Budget(seconds=found.budget.time, cpu=found.budget.cpu, memory=int(found.budget.memory), output=int(found.budget.output))
    footprint = limits.get("footprint")
    for name, wanted in limits.items():
        if wanted is None:
            continue
        limit = Limit(
            most=wanted.max,
            resolution=getattr(wanted, "resolution", 0.0),
            unit=_UNITS[key.partition(".")[0]][name],
            alpha=getattr(wanted, "alpha", 0.0),
            meter=getattr(wanted, "meter", ""),
            because=wanted.because,
            place=policy.places.get(f"memory.{key}.limits.{name.removeprefix('churn-')}", "policies/memory.yaml"),
        )
        work = Question(
            case=case,
            name=name.removeprefix("churn-"),
            subject=subject,
            limit=limit,
            budget=budget,
            sizes=found.sizes if isinstance(found, AgentCase) else (1, 2),
            settle=found.settle,
            population=found.live if isinstance(found, AgentCase) else 1,
            steps=found.steps,
            weight=footprint.max if footprint else 0.0,
        )
        yield Step(
            check=f"memory/{case}/{name}",
            phase=Phase.QUALITY,
            does=_DOES[name],
            command=f"nox -s memory -- {shlex.quote(case)}",
            work=work,
            reuse=found.reuse == "auto",
            environ=found.env,
        )
