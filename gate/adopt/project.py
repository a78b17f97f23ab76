"""What a project says of itself: its packages, its Pythons, its tests, the tools that it has configured."""

import configparser
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from gate.errors import GateError
from gate.repo import worktree

_OLDEST, _NEWEST = 11, 13  # minor versions of Python 3 that the gate is tested on
_NO_CODE = {"tests", "test", "testing", "docs", "doc", "examples", "example", "benchmarks", "scripts", "tools", "build", "dist"}
_NO_MODULES = {"setup.py", "noxfile.py", "conftest.py", "tasks.py", "manage.py", "fabfile.py"}
_FOR_TESTS = ("test", "tests", "testing", "dev", "develop", "development")
_REQUIREMENTS = re.compile(r"(requirements[-_/])?(test|tests|testing|dev)([-_]?requirements)?\.txt|(test|tests|dev)/requirements\.txt")
_CONFIGURED = {  # by which file, and which words in it, a tool is known to be in use
    "ruff": ("ruff.toml", ".ruff.toml", "pyproject.toml:[tool.ruff", "tox.ini:ruff check", ".pre-commit-config.yaml:id: ruff"),
    "mypy": ("mypy.ini", ".mypy.ini", "pyproject.toml:[tool.mypy", "setup.cfg:[mypy", ".pre-commit-config.yaml:id: mypy"),
    "pytest": ("pytest.ini", "pyproject.toml:[tool.pytest", "setup.cfg:[tool:pytest", "tox.ini:pytest", "tox.ini:py.test"),
    "black": ("pyproject.toml:[tool.black", ".pre-commit-config.yaml:id: black", "tox.ini:black "),
    "flake8": (".flake8", "setup.cfg:[flake8", "tox.ini:[flake8", ".pre-commit-config.yaml:id: flake8"),
    "isort": (".isort.cfg", "pyproject.toml:[tool.isort", "setup.cfg:[isort", ".pre-commit-config.yaml:id: isort"),
    "pylint": (".pylintrc", "pylintrc", "pyproject.toml:[tool.pylint", ".pre-commit-config.yaml:id: pylint"),
    "pyright": ("pyrightconfig.json", "pyproject.toml:[tool.pyright", "pyproject.toml:[tool.basedpyright"),
}
_SKIPS = re.compile(r"--(?:ignore|deselect)[= ]([\w./:\[\]-]+)")  # what whoever runs the tests already leaves out
_BROWSER = re.compile(r"^\s*(?:from|import) (?:playwright|selenium)\b", re.MULTILINE)
_PYTEST = ("pyproject.toml", "pytest.ini", "setup.cfg", "tox.ini")
_FEW = 4_096  # files that are looked through for tests


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A repository as it is found."""

    name: str
    files: tuple[str, ...]  # that a commit would hold
    code: tuple[str, ...]  # packages and modules, below the root
    roots: tuple[str, ...]  # folders from which they are imported
    tests: tuple[str, ...]  # folders and files
    testpaths: bool  # pytest is told where they are
    pythons: tuple[str, ...]  # "3.11", …
    install: tuple[str, ...]  # what pip is told to install it with what its tests want
    groups: tuple[str, ...]  # dependency groups of pyproject.toml, likewise
    reads: tuple[str, ...]  # files that say so
    tools: dict[str, str]  # tool -> where it is configured
    skips: tuple[str, ...]  # tests that its own CI leaves out, or that need a browser which no package brings
    documents: tuple[str, ...]  # Markdown


def look(root: Path) -> Project:
    """Read what is there; nothing of the project is run or imported.

    Raises GateError when there is no Python code, or when pyproject.toml cannot be read.
    """
    files = worktree.files(root)
    told = _toml(root) if "pyproject.toml" in files else {}
    project = told.get("project", {})
    roots = _roots(files)
    code = tuple(_code(files, roots))
    if not code:
        message = f"{root}: no Python package and no module at its top or below src/; gate init is for Python projects"
        raise GateError(message)
    install, groups, reads = _wanted(root, files, told)
    return Project(
        name=str(project.get("name") or root.name),
        files=files,
        code=code,
        roots=roots,
        tests=tuple(_tests(files)),
        testpaths=any("testpaths" in _text(root, path) for path in _PYTEST if path in files),
        pythons=_pythons(str(project.get("requires-python", "")), project.get("classifiers", ())),
        install=install,
        groups=groups,
        reads=reads,
        tools=dict(_tools(root, files)),
        skips=tuple(_skips(root, files)),
        documents=tuple(path for path in files if path.endswith(".md")),
    )


def _toml(root: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"pyproject.toml: cannot be read ({error}); correct it, then run gate init again"
        raise GateError(message) from error


def _text(root: Path, path: str) -> str:
    """Return a file of the project, as far as it is text."""
    return (root / path).read_text(encoding="utf-8", errors="replace")


def _roots(files: Sequence[str]) -> tuple[str, ...]:
    """Return from where the code is imported: src/ where it holds code, else the top."""
    return (
        ("src",)
        if any(PurePosixPath(path).match("src/*/__init__.py") or PurePosixPath(path).match("src/*.py") for path in files)
        else ("",)
    )


def _code(files: Sequence[str], roots: Sequence[str]) -> Iterator[str]:
    """Name the packages, or else the modules, right below the roots."""
    found = []
    for root in roots:
        depth = 1 if root else 0
        inside = [PurePosixPath(path) for path in files if path.endswith(".py") and (not root or path.startswith(f"{root}/"))]
        packages = {path.parts[depth] for path in inside if len(path.parts) == depth + 2 and path.name == "__init__.py"}
        modules = {path.name for path in inside if len(path.parts) == depth + 1}
        modules = {name for name in modules - _NO_MODULES if not name.startswith(("test_", "_")) and not name.endswith("_test.py")}
        found += sorted(f"{root}/{name}".lstrip("/") for name in packages - _NO_CODE or modules if name.lower() not in _NO_CODE)
    yield from found


def _tests(files: Sequence[str]) -> Iterator[str]:
    """Name where tests lie: whole folders named so, or else single files."""
    paths = [PurePosixPath(path) for path in files[:_FEW] if path.endswith(".py")]
    ours = [path for path in paths if path.name.startswith("test_") or path.name.endswith("_test.py")]
    tops = {path.parts[0] for path in ours}
    yield from sorted(top for top in tops if top in {"tests", "test", "testing"} or top.endswith(".py"))


def _pythons(wanted: str, classifiers: Sequence[str]) -> tuple[str, ...]:
    """Return the versions that both the project and the gate know.

    >>> _pythons(">=3.12", ()), _pythons("", ("Programming Language :: Python :: 3.11",))
    (('3.12', '3.13'), ('3.11',))
    """
    known = range(_OLDEST, _NEWEST + 1)
    named = {int(found[1]) for line in classifiers if (found := re.fullmatch(r"Programming Language :: Python :: 3\.(\d+)", line))}
    least = max([int(minor) for minor in re.findall(r">=\s*3\.(\d+)", wanted)], default=0)
    most = [minor for minor in known if minor >= least and (not named or minor in named)]
    return tuple(f"3.{minor}" for minor in most or known)


def _wanted(root: Path, files: Sequence[str], told: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Say how the project is installed with what its tests want: an extra, a group, a file of requirements, or what tox installs."""
    packaged = "build-system" in told or "setup.py" in files or "project" in told
    reads = [name for name in ("pyproject.toml", "setup.py", "setup.cfg") if name in files]
    extras, groups = told.get("project", {}).get("optional-dependencies", {}), told.get("dependency-groups", {})
    extra = next((name for name in _FOR_TESTS if name in extras), "")
    group = next((name for name in _FOR_TESTS if name in groups), "")
    install = ["-e", f".[{extra}]" if extra else "."] if packaged else []
    listed = sorted((path for path in files if _REQUIREMENTS.fullmatch(path)), key=lambda path: "dev" in path)
    if not packaged and "requirements.txt" in files:
        listed = ["requirements.txt", *listed[:1]]
    for path in listed[: 0 if (extra or group) and packaged else 2 if not packaged else 1]:
        install += ["-r", path]
        reads.append(path)
    if not (extra or group or listed) and "tox.ini" in files:
        install += _tox(root)
        reads.append("tox.ini")
    return tuple(install), (group,) if group else (), tuple(reads)


def _tox(root: Path) -> list[str]:
    """Return the plain requirements of tox's own test environment."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string((root / "tox.ini").read_text(encoding="utf-8"))
    except (configparser.Error, UnicodeDecodeError):  # what tox cannot read either says nothing to us
        return []
    lines = parser.get("testenv", "deps", fallback="").splitlines()
    return [line.strip() for line in lines if re.fullmatch(r"[A-Za-z0-9][\w.\[\],<>=!~ -]*", line.strip())]


def _tools(root: Path, files: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Name the tools that are in use, each with where that is written."""
    texts: dict[str, str] = {}
    for tool, marks in _CONFIGURED.items():
        for mark in marks:
            path, _, words = mark.partition(":")
            if path in files:
                text = texts.setdefault(path, _text(root, path))
                if words in text:
                    yield tool, f"{path} {words.strip('[')}".strip()
                    break


def _skips(root: Path, files: Sequence[str]) -> Iterator[str]:
    """Name tests that tox or a workflow leaves out, and those that drive a browser: they need what is not everywhere."""
    tests = [path for path in files[:_FEW] if PurePosixPath(path).match("test_*.py") or path.endswith("_test.py")]
    seen = {path for path in tests if _BROWSER.search(_text(root, path))}
    for path in files:
        if path == "tox.ini" or re.fullmatch(r"\.github/workflows/[^/]+\.ya?ml", path):
            seen |= set(_SKIPS.findall(_text(root, path)))
    yield from sorted(path for path in seen if path.partition("::")[0] in files or any(file.startswith(f"{path}/") for file in files))
