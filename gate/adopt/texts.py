"""The policies that are proposed, as text with comments: what was found, what was measured, what is left out and why."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from gate.adopt.cases import STILL, Bar, Case
from gate.adopt.judged import Judged
from gate.adopt.project import Project
from gate.judge import baseline, debts
from gate.policy.docs import DocsPolicy
from gate.record import debtfile
from gate.units import show_count

_PLAIN = re.compile(r"[A-Za-z_./*][\w./*-]*")
_MOST_SHOWN = 8  # cases that are only comments
_MOST_TEXT = 120
_HEAD = "# {about} Written by gate init; yours from now on.\n# Every key with its meaning: gate policy schema {name}\nversion: 1\n"
_CLEANUP = """
kinds:
  bytecode: {class: regenerable, match: ["*.pyc", "*.pyo"], live: true}  # what has no source any more goes to the trash
  tool-caches: {class: regenerable, match: [.mypy_cache/, .ruff_cache/, .pytest_cache/], live: true, max_age: 90 d}
  coverage: {class: regenerable, match: [.coverage, ".coverage.*", htmlcov/]}
  # Further kinds, each to be read before it is wanted; gate clean --dry-run shows what they would take.
  # build: {class: regenerable, match: [/build/, /dist/, "*.egg-info/"]}
  # backups: {class: keepable, match: ["*.bak", "*.orig", "*.rej"]}
  # logs: {class: keepable, match: ["*.log"], max_age: 14 d}
  # empty-folders: {class: keepable, empty: true}

protect: [.coveragerc]
"""
_WORKFLOW = """
# Tasks that gate finish may set to done: Task Master's file, or a tasks.yaml.
# tasks: .taskmaster/tasks/tasks.json

# What fails and is lived with until a day, by somebody's word:
# waivers:
#   - {check: types, reason: "why", owner: "who ends it", expires: 2027-01-31}
"""


def policies(project: Project, judged: Judged, cases: Sequence[Case], where: Mapping[str, str]) -> dict[str, str]:
    """Return each policy file by its name, with a baseline only where there are debts; `where` is the provenance of what was measured."""
    known = [debt for found in judged.debts.values() for debt in found]
    return {
        **({"baseline": debtfile.text(sorted(known, key=baseline.order))} if known else {}),
        "memory": _head("memory", "What agents may weigh, gain and hold open.") + _memory(cases, where),
        "quality": _head("quality", "What ruff, mypy and pytest read.") + _quality(project, judged),
        "cleanup": _head("cleanup", "The closed list of what may go.") + _CLEANUP,
        "docs": _head("docs", "Which documents are read, and where documents may lie.") + _docs(project, judged),
        "workflow": _head("workflow", "What must pass before a task is done, and what is recorded where.") + _WORKFLOW,
    }


def quoted(text: str) -> str:
    """Write a text as YAML and Python both read it: plain where that is safe in YAML, else in double quotes.

    >>> quoted("src/pkg"), quoted("a: b")
    ('src/pkg', '"a: b"')
    """
    return text if _PLAIN.fullmatch(text) and text not in {"true", "false", "null", "yes", "no", "on", "off"} else json.dumps(text)


def _head(name: str, about: str) -> str:
    return _HEAD.format(about=about, name=name)


def _listed(words: Sequence[str]) -> str:
    return f"[{', '.join(map(quoted, words))}]"


def _line(text: str) -> str:
    """Return a text as one line of a comment."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _MOST_TEXT else f"{line[: _MOST_TEXT - 3]}..."


def _quality(project: Project, judged: Judged) -> str:
    """Write what is asked of the code."""
    lines = [f"paths: {_listed(judged.paths)}"]
    lines += [f"# {check} passes today, as {_line(where)} has it" for check, where in judged.passing.items()]
    lines += [f"# {check}: {show_count(debts.number(found), 'known debt')}, in {debts.FILE}" for check, found in judged.debts.items()]
    if judged.without:
        lines += ["", "# Not asked yet, each with the reason; every summary shows them as SKIPPED.", "without:"]
        lines += [f"  {check}: {json.dumps(why)}" for check, why in judged.without.items()]
    words = [f"--ignore={path}" for path in project.skips if "::" not in path] + [f"--deselect={p}" for p in project.skips if "::" in p]
    words += [] if project.testpaths else project.tests
    if words and "tests" not in judged.without:
        lines += ["", "tests:", f"  arguments: {_listed(words)}  # beside what its own configuration says"]
    if judged.commands:
        lines += ["", "# The project's own linters, as they are configured.", "commands:"]
        lines += [f"  {name}: {{run: {_listed(argv)}}}" for name, argv in judged.commands]
    return "\n".join(lines) + "\n"


def _docs(project: Project, judged: Judged) -> str:
    """Write which documents are read."""
    at_root = [path for path in project.documents if "/" not in path]
    usual = DocsPolicy(version=1).root
    strange = [name for name in at_root if name.casefold() not in {known.casefold() for known in usual}]
    lines = ['match: ["*.md"]', "index: null  # no generated index; name a page such as docs/README.md to have one"]
    lines += [f"root: {_listed((*usual, *strange))}  # what may stay at the top"] if strange else []
    if judged.dead:
        lines += ["", "# Links in them lead nowhere today: mend them, then delete the line to have the document read.", "leave:"]
        lines += [f"  - {quoted('/' + path)}  # {number}" for path, number in judged.dead.items()]
    return "\n".join(lines) + "\n"


def _memory(cases: Sequence[Case], where: Mapping[str, str]) -> str:
    """Write the cases that could be measured, and as comments those that could not."""
    measured, others = [case for case in cases if not case.trouble], [case for case in cases if case.trouble]
    lines = [""]
    if measured:
        lines += ["agents:", *(line for case in measured for line in (*_case(case, where), ""))]
    else:
        why = f"nothing could be measured yet: {others[0].seen.name}: {others[0].trouble}" if others else "no class looks like an agent"
        lines += [f"without: {json.dumps(_line(why))}", "", "# agents:"]
    if others:
        lines.append(
            "# Classes that look like agents too, each with what is missing; gate calibrate NAME measures a case once it is written:"
        )
        lines += [line for case in others[:_MOST_SHOWN] for line in _wanted(case)]
        more = len(others) - _MOST_SHOWN
        lines += [f"# and {more} more" if more > 0 else ""]
    return "\n".join(lines).rstrip() + "\n"


def _case(case: Case, where: Mapping[str, str]) -> Iterator[str]:
    """Write one case with its limits."""
    seen = case.seen
    yield f"  # {seen.path}:{seen.line}" + (f", held in numbers at {seen.held}" if seen.held else "")
    yield f"  {case.name}:"
    yield f"    build: {seen.target}"
    yield "    index: false  # it is built without one"
    if seen.given:
        given = ", ".join(f"{name}: [{_scalar(value)}]" for name, value in seen.given.items())
        yield f"    parametrize: {{{given}}}  # as at {seen.whence}"
    if seen.step:
        yield f"    step: {seen.target}.{seen.step}"
        yield f"    steps: {case.steps}"
    else:
        yield f"    step: {STILL}  # does nothing; name what one of them does again and again, and add growth and handles"
    yield "    limits:"
    for bar in case.bars:
        yield from _bar(bar, where)


def _bar(bar: Bar, where: Mapping[str, str]) -> Iterator[str]:
    """Write one limit, or why there is none."""
    if not bar.most:
        yield f"      # {bar.name}: {_line(bar.why)}"
        return
    yield f"      {bar.name}:"
    yield f"        max: {bar.most}"
    if bar.because:
        yield f"        because: {json.dumps(bar.because)}"
    told = {"value": bar.measured, **where}
    yield f"        measured: {{{', '.join(f'{key}: {quoted_value(value)}' for key, value in told.items())}}}"


def quoted_value(text: str) -> str:
    """Write a value that may hold spaces: plain where YAML reads it so."""
    return text if re.fullmatch(r"[\w.+-]+( (B|kB|MB|GB)(/\w+)?)?|[\d.]+/\w+", text) else json.dumps(text)


def _wanted(case: Case) -> Iterator[str]:
    """Write one case as a comment."""
    seen = case.seen
    yield f"#   # {seen.path}:{seen.line}: {_line(case.trouble)}"
    step, limit = (f"{seen.target}.{seen.step}", "growth: {max: 0 B/step}") if seen.step else (STILL, "churn: {max: 0 B/cycle}")
    yield f"#   {case.name}: {{build: {seen.target}, step: {step}, limits: {{{limit}}}}}"


def _scalar(value: object) -> str:
    return json.dumps(value)
