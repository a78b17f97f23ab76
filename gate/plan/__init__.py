"""From the policy to the ordered steps: what will be done, by which phase, and how to do it again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from gate import units
from gate.errors import GateError
from gate.facts.intake import Allowance, Intake
from gate.facts.work import Debt, Question, Step, Waiver
from gate.plan import memory, quality, tidy
from gate.policy import Policy
from gate.policy.baseline import BaselinePolicy


def steps(policy: Policy) -> tuple[Step, ...]:
    """Return every step: what changes the tree first, then what judges it, so that all evidence is about one tree."""
    every = (
        quality.formatting(policy),
        tidy.clean(policy),
        tidy.links(policy),
        *tidy.index(policy),
        tidy.duplicates(policy),
        *quality.lint(policy),
        quality.types(policy),
        quality.tests(policy),
        *memory.questions(policy),
    )
    known = debts(policy.baseline, policy.places)
    for step in every:
        if step.check in known and not step.keeps:
            message = (
                f"{known[step.check][0].place}: what {step.check} finds cannot be known again; "
                "write a waiver in policies/workflow.yaml, or let a command of policies/quality.yaml read lines"
            )
            raise GateError(message)
    return tuple(replace(step, debts=tuple(known.get(step.check, ()))) for step in every)


def debts(baseline: BaselinePolicy, places: Mapping[str, str]) -> dict[str, list[Debt]]:
    """Return the known debts of each check, each with its place."""
    found: dict[str, list[Debt]] = {}
    for at, entry in enumerate(baseline.debts):
        most, unit = units.amount(entry.most) if entry.most is not None else (None, "")
        debt = Debt(
            check=entry.check,
            rule=entry.rule,
            scope=entry.scope,
            message=entry.message,
            count=entry.count,
            most=most,
            unit=unit,
            shape=entry.shape,
            reason=entry.reason,
            owner=entry.owner,
            expires=entry.expires.isoformat() if entry.expires else "",
            place=places.get(f"baseline.debts.{at}", "policies/baseline.yaml"),
        )
        found.setdefault(debt.check, []).append(debt)
    return found


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


def intake(policy: Policy) -> Intake:
    """Return what may go into a commit."""
    commit = policy.workflow.commit
    allow = tuple(
        Allowance(
            path=entry.path,
            kinds=entry.kinds,
            reason=entry.reason,
            place=policy.places.get(f"workflow.commit.allow.{at}", "policies/workflow.yaml"),
        )
        for at, entry in enumerate(commit.allow)
    )
    return Intake(
        largest=int(commit.max_file),
        longest=commit.max_report,
        reports=commit.reports,
        binaries=commit.binaries,
        hashed=tuple(f"/{path}" for path in policy.workflow.record.paths),
        allow=allow,
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
