"""Our workflows and actions from end to end on this machine: shards, caches, a fork's pull request, and the comment on it."""

import json
import subprocess
import venv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BOTS, Repository, calm, furnish
from tests.hub import Played, playing
from tests.runner.expressions import Scope, evaluate, expand, holds
from tests.runner.play import Event, Job, Machine, play

ROOT = Path(__file__).parents[1]
REUSABLE, COMMENT = (ROOT / ".github/workflows" / name for name in ("reusable.yml", "comment.yml"))
INPUTS = {"shards": 2.0, "install": "ruff mypy pytest"}
LIMITS = "limits: {growth: {max: 0 B/step}}"
MEMORY = "version: 1\nagents:\n" + "".join(
    f"  {name}: {{build: bots:build, step: bots:step, steps: 64, {LIMITS}}}\n" for name in ("ant", "bee", "cat")
)
LEAKY = BOTS.replace("    del agent\n", "    KEPT.append(bytes(100))\n    del agent\n").replace(
    "\n\n\nclass", "\n\nKEPT: list[bytes] = []\n\n\nclass", 1
)


# --- the player itself ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("github.event_name == 'PUSH'", True),
        ("github.event.pull_request.head.repo.full_name != github.repository", True),
        ("!cancelled()", True),
        ("always() && inputs.x != '' && (github.event_name != 'push' || inputs.n == 2)", True),
        ("github.ref == format('refs/heads/{0}', github.event.default)", True),
        ("inputs.missing || 'it''s'", "it's"),
        ("fromJSON('[1, 2]')", [1, 2]),
        ("inputs['x']", "y"),
        ("null == 0", True),
    ],
)
def test_expressions_mean_what_github_says(text: str, value: Any) -> None:
    """Strings compare without case, what is not there is null, && and || give values, as the documentation of GitHub has it."""
    github = {"event_name": "push", "repository": "ada/bots", "ref": "refs/heads/main", "event": {"default": "main"}}
    scope = Scope(contexts={"github": github, "inputs": {"x": "y", "n": 2}}, functions={"cancelled": lambda: False, "always": lambda: True})
    assert evaluate(text, scope) == value


def test_conditions_want_success_unless_they_ask() -> None:
    """After a failure only a step that asks for the status runs; an unknown name is an error and not false."""
    scope = Scope(contexts={"inputs": {"x": "1"}}, functions={"success": lambda: False, "always": lambda: True})
    assert not holds(None, scope)
    assert not holds("inputs.x == '1'", scope)
    assert holds("${{ always() && inputs.x == '1' }}", scope)
    assert expand({"a": ["x-${{ inputs.x }}", "${{ inputs }}"]}, scope) == {"a": ["x-1", {"x": "1"}]}
    with pytest.raises(ValueError, match="no context"):
        evaluate("input.x", scope)


# --- from end to end --------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """Return ada's repository: three agent cases that pass."""
    with pytest.MonkeyPatch.context() as patch:
        calm(patch, tmp_path_factory.getbasetemp())
        made = Repository(tmp_path_factory.mktemp("project") / "bots")
        furnish(made)
        made.write("policies/memory.yaml", MEMORY)
        made.commit("feat: three bots")
        yield made


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, project: Repository) -> Machine:
    """Return a server with the repository, and an image with a Python that has everything: the jobs themselves run offline."""
    folder = tmp_path_factory.mktemp("machine")
    image = folder / "image"
    venv.create(image, with_pip=True)
    wanted = ("hatchling", "ruff", "mypy", "pytest", str(ROOT))
    words = [str(image / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    if ran.returncode:
        pytest.skip(f"the image cannot be made, for a package cannot be installed: {ran.stderr[-300:]}")
    server = folder / "server.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(project.root), str(server)], check=True)
    subprocess.run(["git", "-C", str(server), "config", "uploadpack.allowAnySHA1InWant", "true"], check=True)
    environment = {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "LANG": "C.UTF-8"}
    return Machine(folder=folder, server=server, python=image / "bin", environment=environment)


def pushed(project: Repository, machine: Machine) -> Event:
    """Push main; return the event."""
    project.git("push", "-q", str(machine.server), "main")
    sha = project.git("rev-parse", "HEAD").strip()
    payload = {"repository": {"full_name": "ada/bots", "default_branch": "main"}}
    return Event(name="push", payload=payload, sha=sha, ref="refs/heads/main", actions=ROOT)


def proposed(fork: Repository, project: Repository, machine: Machine) -> Event:
    """Propose what a fork has; return the event, whose commit is the merge that GitHub makes."""
    fork.git("push", "-qf", str(machine.server), "HEAD:refs/pull/1/head")
    base, head = project.git("rev-parse", "HEAD").strip(), fork.git("rev-parse", "HEAD").strip()
    tree = fork.git("rev-parse", "HEAD^{tree}").strip()
    fork.git("fetch", "-q", str(machine.server), "main")
    merge = fork.git("commit-tree", tree, "-p", base, "-p", head, "-m", "Merge").strip()
    fork.git("push", "-qf", str(machine.server), f"{merge}:refs/pull/1/merge")
    payload = {
        "repository": {"full_name": "ada/bots", "default_branch": "main"},
        "pull_request": {"number": 1, "base": {"sha": base}, "head": {"sha": head, "repo": {"full_name": "eve/bots"}}},
    }
    return Event(name="pull_request", payload=payload, sha=merge, ref="refs/pull/1/merge", actions=ROOT)


def completed(event: Event, machine: Machine, project: Repository) -> Event:
    """Return the event that a run of a pull request ended."""
    whose = {"full_name": "eve/bots", "owner": {"login": "eve"}}
    run = {
        "id": machine.runs,
        "event": event.name,
        "head_sha": event.payload["pull_request"]["head"]["sha"],
        "head_branch": "main",
        "head_repository": whose,
        "html_url": f"https://github.com/ada/bots/actions/runs/{machine.runs}",
    }
    payload = {"workflow_run": run, "repository": event.payload["repository"]}
    sha = project.git("rev-parse", "HEAD").strip()
    return replace(event, name="workflow_run", payload=payload, sha=sha, ref="refs/heads/main")


def told(done: dict[str, Job]) -> str:
    """Return what all jobs printed, for a failure that explains itself."""
    return "".join(f"=== {name}: {job.result} {job.ran}\n{job.log}" for name, job in done.items())


@pytest.fixture
def hub(machine: Machine) -> Iterator[Played]:
    """Return a GitHub whose comments the workflow can write."""
    with playing() as played:
        machine.environment |= {"GITHUB_API_URL": played.url, "no_proxy": "127.0.0.1"}
        yield played


@pytest.mark.slow
def test_push_then_a_fork_then_its_mended_head(project: Repository, machine: Machine, hub: Played, tmp_path: Path) -> None:
    """Shards of a push end COMPLETED and leave evidence; a fork that leaks and rewrites the law is failed by main's; mended, it passes.

    The fork's runs save no cache, the comment is written once and then over itself, and what main measured is not measured again.
    """
    done = play(machine, REUSABLE, pushed(project, machine), INPUTS)
    assert {name: job.result for name, job in done.items()} == dict.fromkeys(
        ("split", "part-0", "part-1", "part-2", "verdict"), "success"
    ), told(done)
    assert (done["verdict"].outputs["code"], "# Gate: COMPLETED" in done["verdict"].summary) == ("0", True)
    assert sum("of 3 cases" in job.log for job in done.values()) == 2
    assert [key.startswith("push-gate-Linux-3.11-") for key, _, _ in machine.saved] == [True]

    project.write("README.md", "# Bots\n\nSee [the code](bots.py) and its test.\n")
    project.commit("docs: say more")
    again = play(machine, REUSABLE, pushed(project, machine), INPUTS)
    assert again["verdict"].outputs["code"] == "0", told(again)
    kept = [
        json.loads(path.read_bytes())["evidence"] for path in again["verdict"].workspace.glob("project/.gate/outgoing/evidence/*/memory__*")
    ]
    assert [bool(found["origin"]) for found in kept] == [True] * 3
    saved = list(machine.saved)

    fork = Repository(tmp_path / "fork")
    fork.git("pull", "-q", str(machine.server), "main")
    fork.write("bots.py", LEAKY)
    fork.write("policies/memory.yaml", MEMORY.replace("max: 0 B/step", "max: 1 MB/step, because: we are rich"))
    fork.commit("feat: keep things")
    bad = proposed(fork, project, machine)
    done = play(machine, REUSABLE, bad, INPUTS)
    assert (done["verdict"].result, done["verdict"].outputs["code"]) == ("failure", "1"), told(done)
    assert "This pull request changes policies; it was judged by the one of the base branch." in done["verdict"].log
    assert "memory/ant/growth is FAILED" in done["verdict"].summary
    assert "its limit held on the base: heap grows by" in done["verdict"].log, told(done)
    assert machine.saved == saved
    assert ("Upload the findings to code scanning", "skipped") in done["verdict"].ran

    hub.pull(1, head="eve:main", commit=bad.payload["pull_request"]["head"]["sha"])
    said = play(machine, COMMENT, completed(bad, machine, project))
    assert said["comment"].result == "success", told(said)
    assert "### Gate: NOT COMPLETED: 3 missing" in hub.comments[1][0]["body"], told(said)

    fork.write("bots.py", BOTS)
    fork.commit("fix: keep nothing")
    good = proposed(fork, project, machine)
    done = play(machine, REUSABLE, good, INPUTS)
    assert done["verdict"].outputs["code"] == "0", told(done)
    assert "NO WORSE than the base: 0 new findings, 0 fixed" in done["verdict"].log, told(done)
    hub.pulls[0]["head"]["sha"] = good.payload["pull_request"]["head"]["sha"]
    said = play(machine, COMMENT, completed(good, machine, project))
    assert "wrote the comment on #1 anew" in said["comment"].log
    assert [one["body"].splitlines()[2] for one in hub.comments[1]] == ["### Gate: COMPLETED"]
    assert machine.saved == saved


@pytest.mark.slow
def test_what_a_run_cannot_be_told(project: Repository, machine: Machine) -> None:
    """A number of machines that is none fails in the first job, in words; nothing else is started but the verdict, which has nothing."""
    done = play(machine, REUSABLE, pushed(project, machine), {**INPUTS, "shards": "2; rm -rf /"})
    assert done["split"].result == "failure"
    assert "::error title=gate::shards: 2; rm -rf / is no number of machines" in done["split"].log


@pytest.mark.slow
def test_base_without_policies_judges_nothing(machine: Machine, project: Repository, tmp_path: Path) -> None:
    """A fork cannot bring the law with it: where main has no policies, the run fails before anything is measured."""
    bare = Repository(tmp_path / "bare")
    bare.write("README.md", "# Nothing\n")
    bare.commit()
    subprocess.run(["git", "clone", "-q", "--bare", str(bare.root), str(tmp_path / "server.git")], check=True)
    subprocess.run(["git", "-C", str(tmp_path / "server.git"), "config", "uploadpack.allowAnySHA1InWant", "true"], check=True)
    elsewhere = replace(machine, folder=tmp_path, server=tmp_path / "server.git", saved=[])
    fork = Repository(tmp_path / "fork")
    fork.git("pull", "-q", str(project.root), "main")
    event = proposed(fork, bare, elsewhere)
    done = play(elsewhere, REUSABLE, event, INPUTS)
    assert "The base branch has no policies" in done["part-0"].log, told(done)
    assert not list(tmp_path.glob("runs/*/*/work/project/.gate/evidence/*"))
