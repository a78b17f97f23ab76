"""The files that adoption writes, from templates: new ones whole, and of those that are there only what is missing."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from gate.acts import merging
from gate.adopt.judged import Judged
from gate.adopt.project import Project
from gate.judge import debts
from gate.policy import FOLDER
from gate.repo import worktree
from gate.tidy import edits
from gate.units import show_count

_IGNORED = {  # a line of .gitignore -> a path that it is about: what the tools of the gate leave behind must not be part of a tree
    ".nox/": ".nox/x",
    "__pycache__/": "x/__pycache__/x.txt",
    "*.py[co]": "x/x.pyc",
    ".mypy_cache/": ".mypy_cache/x",
    ".ruff_cache/": ".ruff_cache/x",
    ".pytest_cache/": ".pytest_cache/x",
    ".coverage": ".coverage",
    ".coverage.*": ".coverage.x",
    "*.egg-info/": "x.egg-info/x",
}
_MARK = "heapgate"  # in a noxfile that knows the gate already
_FOREIGN_CI = (".gitlab-ci.yml", "azure-pipelines.yml", ".circleci/config.yml", ".travis.yml", "Jenkinsfile", "bitbucket-pipelines.yml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One file as it is and as it would be."""

    path: str
    before: bytes | None
    after: bytes
    merges: bool = False  # it is somebody's: it is shown, and written only when that is asked for
    short: str = ""  # shown instead of what may be thousands of lines

    @property
    def diff(self) -> str:
        """Return what changes, as `git diff` shows it."""
        old, new = ((data or b"").decode(errors="replace").splitlines(keepends=True) for data in (self.before, self.after))
        name = "/dev/null" if self.before is None else f"a/{self.path}"
        lines = difflib.unified_diff(old, new, name, f"b/{self.path}")
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def draw(
    root: Path, project: Project, judged: Judged, policies: Mapping[str, str], heapgate: str
) -> tuple[tuple[Page, ...], tuple[str, ...]]:
    """Return every file that would be new or change, and in words what is not proposed."""
    pages = [page for name, text in policies.items() if name != "baseline" and (page := _new(root, f"{FOLDER}/{name}.yaml", text))]
    pages += _baseline(root, judged, policies["baseline"]) if "baseline" in policies else ()
    filled = _filled(root, project, judged, heapgate)
    pages += _noxfile(root, filled)
    notes = []
    foreign = next((path for path in _FOREIGN_CI if path in project.files), "")
    if foreign and not any(path.startswith(".github/workflows/") for path in project.files):
        notes.append(f"no workflow of GitHub Actions: {foreign} says that CI is elsewhere; let it run: nox")
    else:
        pages += [page for page in [_new(root, ".github/workflows/gate.yml", _template("workflow", filled))] if page]
    pages += _hook(root, filled)
    pages += _ignore(root)
    return tuple(pages), tuple(notes)


def missing(root: Path) -> tuple[str, ...]:
    """Return the names of the policies that are not there."""
    names = ("memory", "quality", "cleanup", "docs", "workflow")
    return tuple(name for name in names if edits.read(root, f"{FOLDER}/{name}.yaml") is None)


def _new(root: Path, path: str, text: str) -> Page | None:
    """Return a file that is not there yet."""
    return Page(path=path, before=None, after=text.encode()) if edits.read(root, path) is None else None


def _baseline(root: Path, judged: Judged, text: str) -> Iterator[Page]:
    """Write down what is found today, and let git merge that; a baseline that is there knows better."""
    page = _new(root, debts.FILE, text)
    if page:
        told = "".join(f"+# {check}: {debts.told(found)}\n" for check, found in judged.debts.items())
        lines = text.count("\n")
        yield replace(page, short=f"--- /dev/null\n+++ b/{page.path}\n@@ {show_count(lines, 'line')}, by check and rule @@\n{told}")
        before = edits.read(root, merging.ATTRIBUTES)
        after = merging.attributed(before)
        if after != before:
            yield Page(path=merging.ATTRIBUTES, before=before, after=after)


def _template(name: str, filled: Mapping[str, str]) -> str:
    """Fill in a template."""
    text = resources.files("gate.adopt").joinpath("templates", f"{name}.txt").read_text(encoding="utf-8")
    for word, value in filled.items():
        text = text.replace(f"@{word}@", value)
    return text


def _filled(root: Path, project: Project, judged: Judged, heapgate: str) -> dict[str, str]:
    """Say what stands in the places of the templates."""
    tools = [name for name in ("ruff", "mypy", "pytest", "black", "isort", "flake8") if name in project.tools]
    tools += [] if "tests" in judged.without or "pytest" in tools else ["pytest"]
    groups = ", ".join(_text(name) for name in project.groups)
    load = f', *nox.project.dependency_groups(nox.project.load_toml(ROOT / "pyproject.toml"), {groups})'
    session = " -s gate" if _own_noxfile(root) is not None else ""
    return {
        "HEAPGATE": _text(heapgate),
        "INSTALL": _texts(project.install),
        "TOOLS": _texts(tools),
        "READS": _texts(project.reads),
        "GROUPS": load if groups else "",
        "BRANCH": worktree.branch(root) or "main",
        "PYTHONS": f"[{', '.join(_text(version) for version in project.pythons)}]",
        "SESSION": session,
        "ENTRY": "nox -s gate -- hook" if session else "nox -s hook --",
    }


def _text(text: str) -> str:
    """Write a text as Python and YAML both read it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _texts(texts: Sequence[str]) -> str:
    return f"({', '.join(map(_text, texts))}{',' if len(texts) == 1 else ''})"


def _own_noxfile(root: Path) -> bytes | None:
    """Return a noxfile that knows nothing of the gate."""
    before = edits.read(root, "noxfile.py")
    return before if before is not None and "_thin(" not in before.decode(errors="replace") else None


def _noxfile(root: Path, filled: Mapping[str, str]) -> Iterator[Page]:
    """Write a noxfile, or show the session that an existing one lacks."""
    before = edits.read(root, "noxfile.py")
    if before is None:
        yield Page(path="noxfile.py", before=None, after=_template("noxfile", filled).encode())
    elif _MARK not in before.decode(errors="replace").lower():
        text = before.decode(errors="replace")
        groups = filled["GROUPS"].replace('ROOT / "pyproject.toml"', '"pyproject.toml"')
        session = _template("session", {**filled, "GROUPS": groups})
        after = text.rstrip("\n") + "\n" + session
        after = after if "import os\n" in text else _imported(after)
        yield Page(path="noxfile.py", before=before, after=after.encode(), merges=True)


def _imported(text: str) -> str:
    """Add `import os` before the first import that is not from __future__."""
    lines = text.splitlines(keepends=True)
    at = next((at for at, line in enumerate(lines) if line.startswith(("import ", "from ")) and "__future__" not in line), 0)
    return "".join([*lines[:at], "import os\n", *lines[at:]])


def _hook(root: Path, filled: Mapping[str, str]) -> Iterator[Page]:
    """Write a pre-commit configuration, or show the entry that an existing one lacks."""
    path = ".pre-commit-config.yaml"
    before, entry = edits.read(root, path), _template("hook", filled)
    if before is None:
        yield Page(
            path=path,
            before=None,
            after=f"# What runs before each commit, once somebody has run: pre-commit install\nrepos:\n{entry}".encode(),
        )
    elif b"id: gate\n" not in before:
        text = before.decode(errors="replace").rstrip("\n")
        flush = any(line.startswith("- repo") for line in text.splitlines())
        entry = "".join(line.removeprefix("  ") for line in entry.splitlines(keepends=True)) if flush else entry
        yield Page(path=path, before=before, after=f"{text}\n{entry}".encode(), merges=True)


def _ignore(root: Path) -> Iterator[Page]:
    """Add to .gitignore what the tools of the gate leave behind and git does not ignore yet; nothing that is tracked."""
    before = edits.read(root, ".gitignore")
    text = (before or b"").decode(errors="surrogateescape")
    known = worktree.ignored(root, _IGNORED.values())
    wanted = [] if {".gate", ".gate/", "/.gate", "/.gate/"} & {line.strip() for line in text.splitlines()} else [".gate/"]
    wanted += [line for line, sample in _IGNORED.items() if sample not in known]
    if wanted:
        head = text if not text or text.endswith("\n") else f"{text}\n"
        gap = "\n" if head else ""
        block = f"{gap}# what the gate and its tools write\n" + "".join(f"{line}\n" for line in wanted)
        yield Page(path=".gitignore", before=before, after=(head + block).encode(errors="surrogateescape"))
