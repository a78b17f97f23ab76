"""What tools ask of the code: style, lint, types and tests."""

from collections.abc import Iterator

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
        argv=("ruff", "format", "--check", "--output-format=json", "--", *policy.quality.paths),
        fixes=_fixes(policy),
        reads="ruff",
        version=("ruff", "--version"),
    )
    return Step(check="format", phase=Phase.QUALITY, does="format the code (ruff)", command="nox -s format", work=work)


def lint(policy: Policy) -> Iterator[Step]:
    """Lint the code, with ruff and with every further linter."""
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
    argv = ("mypy", "--output=json", "--no-error-summary", "--no-pretty", "--", *policy.quality.paths)
    return Step(
        check="types",
        phase=Phase.QUALITY,
        does="check the types (mypy)",
        command="nox -s types",
        work=Tool(name="mypy", argv=argv, reads="mypy", version=("mypy", "--version")),
    )


def tests(policy: Policy) -> Step:
    """Run the tests."""
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


def _fixes(policy: Policy) -> tuple[tuple[str, ...], ...]:
    """Mend before formatting, in every session that mends: none may undo another's evidence."""
    paths = policy.quality.paths
    return (("ruff", "check", "--fix", "--exit-zero", "--quiet", "--", *paths), ("ruff", "format", "--quiet", "--", *paths))
