"""The rules of the house hold, and each of them can fail."""

import ast
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from gate.command import Ran, run
from tests.mutants.__main__ import MUTANTS, Mutant

ROOT = Path(__file__).parents[1]
FLOORS = "Data goes one way: every folder has its floor"
ACTS = "Acts stand on each other in one order"
ADOPTION = "Adoption looks, then asks, then draws, then writes"
GIT = "One question to git stands on another"
STACKED = "Records stand on records"
CIRCLES = "Siblings do not go in circles"
RECORDS = "Rooms see records, never the policy or the plan"
PURE = "Judges and reports act on nothing"
EMPTY = "The root of the package loads nothing: every child process passes through it"
LIGHT = "The probe is light: standard library and psutil, nothing else of the gate"
FREE = "Remedies need numpy and scipy at the most, nothing of the gate"
WINDOW = "No window beside the door to child processes"
CHILDREN = "One door to child processes"

MISTAKES = {
    "a judge reads files": ("judge/limits.py", "import os.path", PURE),
    "a judge looks at the clock": ("judge/reports.py", "from datetime import datetime", PURE),
    "a report runs programs": ("report/text.py", "from gate import command", PURE),
    "the probe loads what is heavy": ("probe/target.py", "import numpy", LIGHT),
    "the probe loads records": ("probe/target.py", "import gate.facts", LIGHT),
    "the probe reaches back to who starts it": ("probe/meters.py", "def f() -> None:\n    from gate.measure import agents", LIGHT),
    "a remedy shows sizes": ("remedies/pool.py", "from gate import units", FREE),
    "a remedy prints": ("remedies/pool.py", "import rich.text", FREE),
    "the root loads records": ("__init__.py", "from gate import facts", EMPTY),
    "a report measures": ("report/summary.py", "from gate.measure import tools", FLOORS),
    "records know the order": ("facts/__init__.py", "import gate.flow", FLOORS),
    "a module that nobody placed": ("extra.py", '"""An extra."""', FLOORS),
    "the sweep reads policies": ("tidy/sweep.py", "from gate.policy import Policy", RECORDS),
    "the measure reads the plan for its types": (
        "measure/tools.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import gate.plan",
        RECORDS,
    ),
    "a drawing carries out": ("acts/drawing.py", "from gate.acts import consolidation", ACTS),
    "who finds classes measures them": ("adopt/classes.py", "from gate.adopt import cases", ADOPTION),
    "git's door asks for the state": ("repo/worktree.py", "from gate.repo import status", GIT),
    "the plan's records know the summary's": ("facts/work.py", "from gate.facts import rows", STACKED),
    "judges in a circle": ("judge/trend.py", "from gate.judge import limits", CIRCLES),
    "a second door to yaml": ("policy/load.py", "import yaml", "One door to yaml"),
    "a second door to psutil": ("measure/tools.py", "import psutil", "One door to psutil"),
    "a second door to memray": ("measure/agents.py", "import memray", "One door to memray"),
    "a second door to detect-secrets": ("judge/intake.py", "import detect_secrets", "One door to detect-secrets"),
    "a door to GitPython": ("repo/worktree.py", "import git", "No GitPython: its index is not git's"),
    "a second door to child processes": ("repo/worktree.py", "from subprocess import run", CHILDREN),
    "a comment that posts itself": ("acts/commenting.py", "import urllib.request", "One door to the network"),
    "a window to child processes": ("flow.py", "from multiprocessing import Pool", WINDOW),
}


def lint(folder: Path) -> Ran:
    """Check the contracts on the copy in a folder."""
    return run(["lint-imports", "--no-logo", "--no-cache"], cwd=folder)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the house."""
    shutil.copytree(ROOT / "gate", tmp_path / "gate", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_untouched_copy_passes(copy: Path) -> None:
    """Without a planted mistake every contract is kept, and what is checked is the copy."""
    ran = lint(copy)
    assert (ran.code, "0 broken" in ran.out) == (0, True), ran.out


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_contract_catches(copy: Path, mistake: str) -> None:
    """A planted import breaks the contract that forbids it."""
    path, line, contract = MISTAKES[mistake]
    with (copy / "gate" / path).open("a") as file:
        file.write(f"\n{line}\n")
    ran = lint(copy)
    assert (ran.code, f"{contract} BROKEN" in ran.out) == (1, True), ran.out + ran.err


def test_every_contract_has_its_mistake() -> None:
    """No contract is written down that nobody has seen fail."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["name"] for contract in contracts} == {contract for _, _, contract in MISTAKES.values()}


def imported(folder: Path) -> set[str]:
    """Return the top names of everything that the modules of a folder import, the gate's own by their second name."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.module is not None, f"{path}:{node.lineno}: relative"
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {".".join(name.split(".")[: 2 if name.startswith("gate.") else 1]) for name in found}


@pytest.mark.parametrize(
    ("folder", "more"), [("probe", {"psutil", "gate.probe", "gate.remedies"}), ("remedies", {"numpy", "scipy", "gate.remedies"})]
)
def test_light_rooms_name_all_they_load(folder: str, more: set[str]) -> None:
    """The probe and the remedies load the standard library and what is listed here; a trial of advice carries out a remedy."""
    assert imported(ROOT / "gate" / folder) - sys.stdlib_module_names <= more


def test_what_is_imported_is_declared() -> None:
    """A user who installs the gate has everything that it imports."""
    comes_along = {"pydantic_core", "pytest"}  # pydantic declares the one, and the other is there when it loads our plugin
    wanted = {name for name in imported(ROOT / "gate") if not name.startswith("gate")} - sys.stdlib_module_names - comes_along
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    declared = {re.split(r"[^\w-]", line)[0].lower() for line in (*project["dependencies"], *extras)}
    brings = metadata.packages_distributions()
    assert {name for name in wanted if not declared & {found.lower() for found in brings[name]}} == set()


def untidy(folder: Path) -> Iterator[str]:
    """Name what is too long, says not what it is for, or hides a module of the standard library."""
    for path in sorted(folder.rglob("*.py")):
        name, text = path.relative_to(folder).as_posix(), path.read_text()
        lines, tree = text.splitlines(), ast.parse(text)
        first = ast.get_docstring(tree)
        if len(lines) > 300:
            yield f"{name}: {len(lines)} lines"
        if not first or "\n" in first or not lines[0].startswith('"""') or not lines[0].endswith('."""'):
            yield f"{name}: no first line that says what it is for"
        if path.stem in sys.stdlib_module_names or (path.stem == "__init__" and path.parent.name in sys.stdlib_module_names):
            yield f"{name}: named like one of the standard library"
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 50:
                yield f"{name}:{node.lineno}: {node.name} has more than 50 lines"


def test_house_is_tidy() -> None:
    """No file has more than 300 lines, no function more than 50, every file says what it is for, no name hides another."""
    assert list(untidy(ROOT / "gate")) == []


def test_untidiness_is_seen(tmp_path: Path) -> None:
    """Each rule finds what breaks it, and only beyond its limit."""
    body = "    x = 1\n"
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "__init__.py").write_text('"""One."""\n')
    (tmp_path / "long.py").write_text('"""Two."""\n' + "\n" * 300)
    (tmp_path / "function.py").write_text(f'"""Three."""\n\n\nasync def much() -> None:\n{body * 50}\n\ndef enough() -> None:\n{body * 49}')
    (tmp_path / "mute.py").write_text('"""Four.\n\nMore.\n"""\n')
    (tmp_path / "still.py").write_text("")
    (tmp_path / "trace.py").write_text('"""Six."""\n' + "\n" * 299)
    assert list(untidy(tmp_path)) == [
        "function.py:4: much has more than 50 lines",
        "json/__init__.py: named like one of the standard library",
        "long.py: 301 lines",
        "mute.py: no first line that says what it is for",
        "still.py: no first line that says what it is for",
        "trace.py: named like one of the standard library",
    ]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.does)
def test_every_break_of_the_instrument_can_still_be_planted(mutant: Mutant) -> None:
    """What `nox -s mutants` replaces stands in the code exactly once."""
    assert (ROOT / "gate" / mutant.path).read_text().count(mutant.old) == 1
