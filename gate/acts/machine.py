"""What this machine, this environment and this repository are: for who reads a report of trouble without being here."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gate import flow
from gate.acts import single
from gate.command import find, run
from gate.environment import environment
from gate.errors import GateError
from gate.facts.work import Question
from gate.measure.tools import number
from gate.repo import underway, worktree
from gate.units import show_count

_TOOLS = ("git", "ruff", "mypy", "pytest", "nox", "uv")
_METERS = ("heap", "rss", "mapped", "fds", "threads", "children", "segments")
_NOTHING = "builtins:int"  # a call that keeps nothing: what moves while it runs is noise
_SECONDS = 1.0  # of work
_PATIENCE = 20.0  # seconds in which a tool says its version
_BAD = "missing"  # how a pin that does not hold begins


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What is the case here; each value is a sentence that can be pasted."""

    environment: dict[str, str]
    tools: dict[str, str]  # name -> version, or that it is not here
    meters: dict[str, str]  # name -> that it is measured, or why it is not
    pins: dict[str, str]
    noise: str
    git: dict[str, str]
    policies: str


def describe(root: Path, policies: str) -> Machine:
    """Measure a call that does nothing, ask each tool for its version, and look at the repository; nothing is changed."""
    pins, seen, trouble = _measured(root)
    return Machine(
        environment=environment(),
        tools={name: _version(name, root) for name in _TOOLS},
        meters={name: "measured" if name in seen else f"not measured: {trouble or 'not on this platform'}" for name in _METERS},
        pins={name: value for name, value in pins.items() if name != "noise floor"},
        noise=pins.get("noise floor", f"not measured: {trouble or 'no heap meter'}"),
        git=dict(_git(root)),
        policies=policies,
    )


def lines(found: Machine) -> Iterator[str]:
    """Tell it, a line each."""
    told = found.environment
    yield f"gate      {told['gate']}, {told['python']}, {told['platform']}, {show_count(int(told['cores']), 'core')}"
    yield f"tools     {', '.join(f'{name} {version}' for name, version in found.tools.items())}"
    yield f"installed {told['distributions']}"
    here = [name for name, said in found.meters.items() if said == "measured"]
    yield f"meters    {', '.join(here) or 'none'}"
    yield from (f"          {name}: {said}" for name, said in found.meters.items() if said != "measured")
    loose = {name: value for name, value in found.pins.items() if value.startswith(_BAD)}
    yield f"pins      {len(found.pins) - len(loose)} of {len(found.pins)} hold"
    yield from (f"          {name}: {value}" for name, value in loose.items())
    yield f"import    {found.pins.get('import', 'unknown')}"
    yield f"noise     {found.noise}"
    yield f"git       {', '.join(f'{name} {value}' for name, value in found.git.items())}"
    yield f"policies  {found.policies}"


def known(house: flow.House) -> str:
    """Say what the policies ask."""
    cases = {step.work.case for step in house.steps if isinstance(step.work, Question)}
    return f"sha256:{house.policy.digest[:12]}, {show_count(len(house.steps), 'check')}, {show_count(len(cases), 'memory case')}"


def _measured(root: Path) -> tuple[dict[str, str], set[str], str]:
    """Watch a call that does nothing; return the pins, the meters that read something, and why there are none."""
    asked = single.questions(_NOTHING, ["growth", "handles"], seconds=_SECONDS)
    reading = single.answer(asked, root, explained=False)[0][1]
    return reading.pins, {row.meter for row in reading.series}, reading.trouble


def _version(name: str, root: Path) -> str:
    """Let a program say its version."""
    if not find(name, root):
        return "(not here)"
    said = run((name, "--version"), cwd=root, seconds=_PATIENCE, env={"NO_COLOR": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    return number(said.out + said.err) or f"(does not say: exit {said.code})"


def _git(root: Path) -> Iterator[tuple[str, str]]:
    """Say where the repository is."""
    yield "branch", worktree.branch(root) or "(detached)"
    yield "at", worktree.head(root)[:12] or "(no commit yet)"
    changed = worktree.changed(root)
    yield "with", f"{show_count(len(changed), 'changed path')}" if changed else "nothing changed"
    if busy := underway.operations(root):
        yield "in the middle of a", " and a ".join(busy)
    try:
        yield "tree", worktree.tree_id(root)[:12]
    except GateError as error:
        yield "tree", f"(none: {str(error).splitlines()[0]})"
    yield "CI", os.environ.get("CI") or "(not set)"
