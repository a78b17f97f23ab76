"""What tools ask of the code: style, lint, types and tests."""

from collections.abc import Iterator
from dataclasses import replace

from gate.facts.called import HEADS, PARSE
from gate.facts.work import (
    Phase,
    Step,
    Tool,
)
from gate.policy import Policy


def formatting(policy: Policy) -> Step:
    """Format the code."""
    work = Tool(
        name="ruff",
        argv=(*HEADS["format"], *policy.quality.paths),
        fixes=_fixes(policy),
        reads="ruff",
        version=("ruff", "--version"),
    )
    return _asked(policy, Step(check="format", phase=Phase.QUALITY, does="format the code (ruff)", command="nox -s format", work=work))


def lint(policy: Policy) -> Iterator[Step]:
    """Lint the code, with ruff and with every further linter."""
    work = Tool(
        name="ruff",
        argv=(*HEADS["lint"], *policy.quality.paths),
        also=(PARSE,),
        fixes=_fixes(policy),
        reads="ruff",
        version=("ruff", "--version"),
    )
    yield _asked(policy, Step(check="lint", phase=Phase.QUALITY, does="lint the code (ruff)", command="nox -s lint", work=work))
    for name, command in policy.quality.commands.items():
        work = Tool(
            name=name,
            argv=command.run,
            reads=command.reads,
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


def types(policy: Policy) -> Step:
    """Check the types."""
    argv = (*HEADS["types"], *policy.quality.paths)
    work = Tool(name="mypy", argv=argv, reads="mypy", version=("mypy", "--version"))
    return _asked(policy, Step(check="types", phase=Phase.QUALITY, does="check the types (mypy)", command="nox -s types", work=work))


def tests(policy: Policy) -> Step:
    """Run the tests."""
    tests = policy.quality.tests
    work = Tool(
        name="pytest",
        argv=("pytest", *tests.arguments),
        reads="pytest",
        finds=(1, 2, 5),
        covers=tests.covers,
        imports=() if tests.covers or tests.outside else policy.quality.paths,
        seconds=tests.time,
        stream=True,
        version=("pytest", "--version"),
    )
    whole = Step(check="tests", phase=Phase.QUALITY, does="run the tests (pytest)", command="nox -s tests", work=work)
    return _asked(policy, replace(whole, reuse=tests.reuse == "auto", environ=tests.env))


def _asked(policy: Policy, step: Step) -> Step:
    """Return a step as it is, or as one that is not carried out where the policy says why."""
    why = _why_not(policy, step.check)
    if not why or not isinstance(step.work, Tool):
        return step
    left = f"policies/quality.yaml: {why}"
    return replace(step, work=replace(step.work, left=left, optional=why, fixes=(), version=(), stream=False))


def _fixes(policy: Policy) -> tuple[tuple[str, ...], ...]:
    """Mend before formatting, in every session that mends: none may undo another's evidence; what is not asked mends nothing.

    A check with known debts mends nothing either: they stand where somebody else's tree is, and whoever wants them gone takes the tool.
    """
    paths = policy.quality.paths
    owing = {debt.check for debt in policy.baseline.debts}
    lint = ("ruff", "check", "--fix", "--exit-zero", "--quiet", "--", *paths)
    style = ("ruff", "format", "--quiet", "--", *paths)
    return tuple(argv for check, argv in (("lint", lint), ("format", style)) if not _why_not(policy, check) and check not in owing)


def _why_not(policy: Policy, check: str) -> str:
    """Say why the policy does not ask a check, or return ""."""
    return getattr(policy.quality.without, check, None) or ""
