"""What is asked about agents and calls: every limit of every case."""

import shlex
from collections.abc import Iterator, Mapping
from itertools import product

from gate.facts.work import (
    Budget,
    Limit,
    Phase,
    Question,
    Step,
    Subject,
    Tool,
)
from gate.policy import Policy
from gate.policy.memory import AgentCase, CallCase, LimitPolicy


def questions(policy: Policy) -> Iterator[Step]:
    """Ask every question of every case that has a limit for it; a policy without any says why."""
    if policy.memory.without:
        work = Tool(name="memory", argv=("gate",), left=f"policies/memory.yaml: {policy.memory.without}", optional=policy.memory.without)
        yield Step(check="memory", phase=Phase.QUALITY, does="measure no agent yet", command="nox -s memory", work=work)
    for name, agent in policy.memory.agents.items():
        build = str(agent.build or agent.population)
        form = "population" if agent.population else "agents" if agent.index else "alike"
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
            slack=getattr(wanted, "no_worse_than_base", None),
            shared=bool(found.parametrize) or (name.endswith("handles") and "churn-handles" in limits),
            ample=policy.memory.dead_limits == "tell",
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
