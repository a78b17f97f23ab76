"""Ruff, mypy, pytest and other programs: run once, read through the formats they make for machines."""

import json
import math
import os
import re
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gate.command import Child, Ran, find, run
from gate.facts import Diagnostic, Reading
from gate.facts.work import Tool
from gate.measure import covers, loaded
from gate.repo import worktree

NO_FILE = "found no Python file"  # so begins what a reading says of a tool that had nothing to read
_CALM = {
    "NO_COLOR": "1",
    "RUST_BACKTRACE": "0",
    "PYTEST_ADDOPTS": "",
}  # what runs is what the policy says, and what a tool says must fit in a few plain lines
_ASKED = {**_CALM, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # a version does not depend on plugins, and loading them takes long
_PATIENCE = 30.0  # seconds in which a tool says its version
_NUMBER = re.compile(r"\d+\.[\w.+-]*\w")
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_FINDING = re.compile(  # severity and code of it are where pycodestyle, pylint, mypy, yamllint and shellcheck write them
    r"(?P<path>[^\s:][^:]*):(?P<line>[0-9]{1,9})(?::[0-9]+)?: *+(?:\[?(?:error|warning)\]?:? )?"
    r"(?:(?P<first>[A-Z]{1,5}[0-9]{1,6}):? )?(?P<message>(?!note:|info:).+?)(?: [\[(](?P<last>[A-Za-z][\w/-]*)[\])])?"
)
_TAIL = 12  # lines of a program that only people can read
_SHOWN = 500  # characters of one line of it

Parsed = tuple[tuple[Diagnostic, ...], dict[str, int]]


def measure(tool: Tool, root: Path) -> Reading:
    """Run a tool that only reads the tree; an exit code that is not an answer is trouble, never "no findings"."""
    if tool.left:
        return Reading(absent=f"left out by {tool.left}")
    if tool.needs and not find(tool.needs, root):
        return Reading(absent=f"{tool.needs} is not installed")
    if not find(tool.argv[0], root):
        return Reading(trouble=f"{tool.argv[0]} is not there; install it beside the gate or correct policies/quality.yaml")
    if covers.absent(tool.covers):
        return Reading(trouble=f"{covers.absent(tool.covers)}; pip install pytest-cov")
    with tempfile.TemporaryDirectory(prefix="gate-") as scratch:
        report = Path(scratch, "report.xml")
        extra = (f"--junitxml={report}", "-o", "junit_family=xunit1") if tool.reads == "pytest" else ()
        noting, notes = loaded.words(Path(scratch), root) if tool.reads == "pytest" else ((), {})
        extra = (*extra, *covers.words(tool.covers, Path(scratch), root), *noting)
        with _versions(tool, root) as versions:
            ran = run((*tool.argv, *extra), cwd=root, seconds=tool.seconds, stream=tool.stream, env=_CALM | notes)
        if tool.reads == "mypy":
            _outlast(root)
        reading = replace(_read(tool, ran, report, root), versions=versions)
        return _with_more(tool, reading, Path(scratch), root)


def _outlast(root: Path) -> None:
    """Wait for the end of a second in which a file was written.

    Mypy's cache knows a file by its size and by the second of its last change: what is written later in that second, and is as long, it
    would never read, and tell of the text before.
    """
    second = int(time.time())
    if (root / ".git").exists() and worktree.written_since(root, math.nextafter(second, 0)):
        time.sleep(max(0.0, second + 1 - time.time()))


def number(said: str) -> str:
    """Return the version in what a program said of itself, or else its first line.

    >>> number("git version 2.39.5"), number("main"), number("")
    ('2.39.5', 'main', '')
    """
    first = next(iter(said.strip().splitlines()), "")
    found = _NUMBER.search(first)
    return found[0] if found else first[:_SHOWN]


def _with_more(tool: Tool, reading: Reading, scratch: Path, root: Path) -> Reading:
    """Add what a second look tells: which code the tests never ran, which files outside of the policy's paths do not parse."""
    if reading.trouble:
        return reading
    more, counts = covers.read(tool.covers, scratch, root)
    some = reading.counts.get("tests", 0) > sum(reading.counts.get(name, 0) for name in ("failures", "errors", "skipped"))
    unloaded, beside = loaded.read(tool.imports if some else (), scratch, root)
    more += unloaded
    for argv in tool.also:
        second = _read(tool, run(argv, cwd=root, seconds=tool.seconds, env=_CALM), scratch, root)
        if second.trouble and NO_FILE not in second.trouble:
            return replace(reading, trouble=second.trouble)
        more += second.diagnostics
        reading = replace(reading, wall=reading.wall + second.wall, cpu=reading.cpu + second.cpu)
    found = dict.fromkeys((*reading.diagnostics, *more))
    return replace(reading, diagnostics=tuple(found), counts=reading.counts | counts, beside=beside)


def _read(tool: Tool, ran: Ran, report: Path, root: Path) -> Reading:
    """Turn what a tool left into a reading."""
    found: Parsed = ((), {})
    trouble = ""
    try:
        found = _PARSERS[tool.reads](ran, report, root)
    except (ValueError, KeyError, OSError, ET.ParseError) as error:
        trouble = f"{tool.name} answered what is not its format ({error}): {_tail(ran)}"
    if ran.stopped:
        trouble = f"{tool.name} took longer than {tool.seconds:.0f} s and was stopped; raise its time in policies/quality.yaml"
    elif ran.code not in (0, *tool.finds):
        said = "see below" if found[0] else "see its output above" if tool.stream else _tail(ran)
        trouble = f"{tool.name} could not check (exit {ran.code}): {said}"
    elif tool.reads == "ruff" and "No Python files found" in ran.err:
        paths = " ".join(tool.argv[tool.argv.index("--") + 1 :])
        trouble = f"{tool.name} {NO_FILE} under {paths}; correct paths in policies/quality.yaml"
    return Reading(
        wall=ran.wall,
        cpu=ran.cpu,
        diagnostics=found[0],
        counts=found[1],
        trouble=trouble,
        failed=ran.code in tool.finds,
    )


def _ruff(ran: Ran, _report: Path, root: Path) -> Parsed:
    """Read ruff's JSON: https://docs.astral.sh/ruff/settings/#output-format."""
    rows = json.loads(ran.out) if ran.out.strip() else []
    return tuple(
        Diagnostic(
            path=os.path.relpath(row["filename"] or ".", root),
            line=(row["location"] or {"row": 1})["row"],  # a file that cannot be read has none
            code=row["code"] or "error",
            message=row["message"],
        )
        for row in rows
    ), {}


def _mypy(ran: Ran, _report: Path, _root: Path) -> Parsed:
    """Read mypy's JSON lines: one object a message, notes left out."""
    rows = [json.loads(line) for line in ran.out.splitlines() if line.startswith("{")]
    return tuple(
        Diagnostic(path=row["file"], line=row["line"], code=row["code"] or "error", message=row["message"])
        for row in rows
        if row["severity"] == "error"
    ), {}


def _pytest(_ran: Ran, report: Path, _root: Path) -> Parsed:
    """Read the JUnit file that pytest writes itself."""
    suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 - pytest wrote it a moment ago
    counts = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    found = []
    for suite in suites:
        for name in counts:
            counts[name] += int(suite.get(name, "0"))
        for case in suite.iter("testcase"):
            bad = case.find("failure") if case.find("failure") is not None else case.find("error")
            if bad is not None:
                said = (bad.get("message") or "failed").splitlines()[0][:_SHOWN]
                path, line = case.get("file", ""), int(case.get("line", "0")) + 1
                found.append(
                    Diagnostic(path=path or case.get("name", ""), line=line, code=bad.tag, message=f"{case.get('name', '')}: {said}")
                )
    return tuple(found), counts


def _exit(ran: Ran, _report: Path, _root: Path) -> Parsed:
    """Keep the last words of a program whose answer is its exit code."""
    said = _tail(ran) if ran.code else ""
    return tuple(Diagnostic(path="", line=0, code=f"exit {ran.code}", message=line) for line in said.splitlines()), {}


def _lines(ran: Ran, _report: Path, root: Path) -> Parsed:
    """Read one finding a line, as compilers and most linters print them: path:line[:column]: message; notes are left out."""
    rows = [found for line in (ran.out + ran.err).splitlines() if (found := _FINDING.fullmatch(_COLOUR.sub("", line.rstrip())))]
    if ran.code and not rows:
        message = "no line is path:line: message"
        raise ValueError(message)
    return tuple(
        Diagnostic(
            path=os.path.relpath(Path(root, row["path"]), root),
            line=int(row["line"]),
            code=row["first"] or row["last"] or "error",
            message=row["message"][:_SHOWN],
        )
        for row in rows
    ), {}


_PARSERS: dict[str, Callable[[Ran, Path, Path], Parsed]] = {"ruff": _ruff, "mypy": _mypy, "pytest": _pytest, "lines": _lines, "exit": _exit}


def _tail(ran: Ran) -> str:
    """Return the last lines that a program printed."""
    lines = [line[:_SHOWN] for line in (ran.out + ran.err).splitlines() if line.strip()]
    return "\n".join(lines[-_TAIL:]) or "it printed nothing"


@contextmanager
def _versions(tool: Tool, root: Path) -> Iterator[dict[str, str]]:
    """Let the very program that runs meanwhile say its version; what it does not say is not there, never a version from elsewhere."""
    told: dict[str, str] = {}
    if not tool.version or not find(tool.version[0], root):
        yield told
        return
    with Child(tool.version, cwd=root, seconds=_PATIENCE, env=_ASKED) as child:
        yield told
        said = child.end()
    if said.code == 0 and (found := number(said.out + said.err)):
        told[tool.name] = found
