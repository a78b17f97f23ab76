"""Jobs and steps as the runner executes them: the scripts of the YAML by bash as they are written, actions of others played by folders."""

import itertools
import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.runner.actions import PLAYED
from tests.runner.expressions import Scope, expand, holds, string

_BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")  # with `shell: bash`
_PLAIN = ("bash", "-e")  # without
_SECONDS = 900


@dataclass(kw_only=True)
class Event:
    """What happened to a repository: what one run is about."""

    name: str
    payload: Mapping[str, Any]
    sha: str
    ref: str
    repository: str = "ada/bots"
    actions: Path  # checkout of the repository that the workflow and its action are of

    def github(self, run: str) -> dict[str, Any]:
        """Return the context of this name."""
        told = {"event_name": self.name, "event": self.payload, "sha": self.sha, "ref": self.ref, "repository": self.repository}
        return {**told, "run_id": run, "token": "of-the-job"}


@dataclass(kw_only=True)
class Machine:
    """What outlives a run: the server's repository, caches, artifacts, and the Python of the image."""

    folder: Path
    server: Path  # a bare repository
    python: Path  # folder of programs
    environment: dict[str, str] = field(default_factory=dict)
    saved: list[tuple[str, str, Path]] = field(default_factory=list)  # key, ref, folder
    scanned: list[Any] = field(default_factory=list)  # SARIF that was uploaded
    runs: int = 0

    def artifacts(self, run: str) -> Path:
        """Return the folder of the artifacts of a run."""
        return self.folder / "artifacts" / run


@dataclass(kw_only=True)
class Job:
    """One job while it runs, and what became of it."""

    name: str
    machine: Machine
    event: Event
    run: str
    inputs: Mapping[str, Any]
    needs: Mapping[str, Any]
    matrix: Mapping[str, Any]
    workspace: Path
    result: str = "success"
    outputs: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    log: str = ""
    summary: str = ""
    ran: list[tuple[str, str]] = field(default_factory=list)  # name and outcome of each step

    @property
    def temporary(self) -> Path:
        """Return what the runner calls RUNNER_TEMP."""
        return self.workspace.with_name("temp")

    def scope(self, inputs: Mapping[str, Any], steps: Mapping[str, Any], github: Mapping[str, Any], status: str) -> Scope:
        """Return what an expression of a step may name."""
        contexts = {
            "github": {**self.event.github(self.run), **github},
            "inputs": inputs,
            "steps": steps,
            "needs": self.needs,
            "matrix": self.matrix,
            "env": self.env,
            "runner": {"os": "Linux", "temp": str(self.temporary)},
        }
        return Scope(contexts=contexts, functions=_functions(status))


def play(machine: Machine, workflow: Path, event: Event, inputs: Mapping[str, Any] | None = None) -> dict[str, Job]:
    """Run all jobs of a workflow, one after the other, each on a fresh disk; return what became of each."""
    told = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    machine.runs += 1
    run = str(machine.runs)
    wanted = told[True].get("workflow_call", {}).get("inputs", {})  # YAML reads `on` as true
    given = {name: (inputs or {}).get(name, one.get("default")) for name, one in wanted.items()}
    done: dict[str, Job] = {}
    needs: dict[str, Any] = {}
    for name, job in told["jobs"].items():  # they are written in an order in which they can run
        before = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        seen = {other: needs[other] for other in before}
        status = "failure" if any(other["result"] != "success" for other in seen.values()) else "success"
        scope = Scope(contexts={"github": event.github(run), "inputs": given, "needs": seen}, functions=_functions(status))
        needs[name] = {"result": "skipped", "outputs": {}}
        for at, matrix in enumerate(_matrices(job, scope)) if holds(job.get("if"), scope) else ():
            label = f"{name}-{at}" if matrix else name
            workspace = machine.folder / "runs" / run / label / "work"
            one = Job(name=label, machine=machine, event=event, run=run, inputs=given, needs=seen, matrix=matrix, workspace=workspace)
            _job(one, job)
            done[label] = one
            needs[name] = {"result": _worse(needs[name]["result"], one.result), "outputs": one.outputs}
    return done


def _matrices(job: Mapping[str, Any], scope: Scope) -> Iterator[dict[str, Any]]:
    """Return every combination of a matrix, of none the one that is empty."""
    axes = expand(job.get("strategy", {}).get("matrix", {}), scope)
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _job(job: Job, told: Mapping[str, Any]) -> None:
    """Run the steps of a job."""
    for folder in (job.workspace, job.temporary):
        folder.mkdir(parents=True)
    job.temporary.joinpath("event.json").write_text(json.dumps(job.event.payload), encoding="utf-8")
    _steps(job, told["steps"], job.inputs, job.steps, {}, None)
    job.outputs |= expand(told.get("outputs", {}), job.scope(job.inputs, job.steps, {}, job.result))


def _steps(
    job: Job, told: list[dict[str, Any]], inputs: Mapping[str, Any], steps: dict[str, Any], github: Mapping[str, Any], action: Path | None
) -> str:
    """Run steps one after the other, of a job or of a composite action; return success or failure."""
    status = job.result if action is None else "success"
    for step in told:
        scope = job.scope(inputs, steps, github, status)
        if not holds(step.get("if"), scope):
            job.ran.append((step["name"], "skipped"))
            continue
        outputs: dict[str, str] = {}
        fine = _step(job, step, scope, outputs, action)
        outcome = "success" if fine else "failure"
        job.ran.append((step["name"], outcome))
        steps[step.get("id", uuid.uuid4().hex)] = {"outputs": outputs, "outcome": outcome}
        if not fine and not step.get("continue-on-error"):
            status = "failure"
            job.result = "failure" if action is None else job.result
    return status


def _step(job: Job, step: Mapping[str, Any], scope: Scope, outputs: dict[str, str], action: Path | None) -> bool:
    """Run one step."""
    if "run" in step:
        return _script(job, step, scope, outputs, action)
    given = {name: string(value) for name, value in expand(step.get("with", {}), scope).items()}
    name = step["uses"].partition("@")[0]
    if name.startswith("$/"):
        return _composite(job, job.event.actions / name.removeprefix("$/"), given, outputs)
    outputs |= PLAYED[name](job, given) or {}
    return not outputs.pop("failed", "")


def _composite(job: Job, home: Path, given: Mapping[str, str], outputs: dict[str, str]) -> bool:
    """Run an action of the repository that the workflow is of."""
    told = yaml.safe_load((home / "action.yml").read_text(encoding="utf-8"))
    assert given.keys() <= told["inputs"].keys(), f"unknown inputs: {given.keys() - told['inputs'].keys()}"
    defaults = job.scope({}, {}, {}, "success")
    inputs = {name: given.get(name, string(expand(one["default"], defaults))) for name, one in told["inputs"].items()}
    steps: dict[str, Any] = {}
    status = _steps(job, told["runs"]["steps"], inputs, steps, {"action_path": str(home)}, home)
    scope = job.scope(inputs, steps, {}, status)
    outputs |= {name: string(expand(one["value"], scope)) for name, one in told.get("outputs", {}).items()}
    return status == "success"


def _script(job: Job, step: Mapping[str, Any], scope: Scope, outputs: dict[str, str], action: Path | None) -> bool:
    """Let bash run a script as it is written, with the files through which it answers."""
    files = {name: job.temporary / f"{name}-{uuid.uuid4().hex}" for name in ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY")}
    for file in files.values():
        file.write_text("")
    script = job.temporary / f"{uuid.uuid4().hex}.sh"
    script.write_text(expand(step["run"], scope))
    env = {
        **job.machine.environment,
        **job.env,
        "PATH": os.pathsep.join([*reversed(job.path), os.environ["PATH"]]),
        "HOME": str(job.machine.folder),
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(job.workspace),
        "GITHUB_EVENT_PATH": str(job.temporary / "event.json"),
        "GITHUB_REPOSITORY": job.event.repository,
        "RUNNER_TEMP": str(job.temporary),
        **({"GITHUB_ACTION_PATH": str(action)} if action else {}),
        **{f"GITHUB_{name}": str(file) for name, file in files.items()},
        **{name: string(value) for name, value in expand(step.get("env", {}), scope).items()},
    }
    where = job.workspace / expand(step.get("working-directory", "."), scope)
    shell = _BASH if step.get("shell") == "bash" else _PLAIN
    ran = subprocess.run([*shell, str(script)], cwd=where, env=env, capture_output=True, text=True, timeout=_SECONDS, check=False)
    job.log += f"--- {step['name']} ({ran.returncode})\n{ran.stdout}{ran.stderr}"
    outputs |= _answered(files["OUTPUT"].read_text())
    job.env |= _answered(files["ENV"].read_text())
    job.path += files["PATH"].read_text().split()
    job.summary += files["STEP_SUMMARY"].read_text()
    return ran.returncode == 0


def _answered(text: str) -> dict[str, str]:
    """Read a file of `name=value` lines and of `name<<WORD` blocks."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, block, word = line.partition("<<")
        if block and "=" not in name:
            found[name] = "\n".join(iter(lines.__next__, word))
        else:
            name, _, value = line.partition("=")
            found[name] = value
    return found


def _functions(status: str) -> dict[str, Any]:
    return {
        "success": lambda: status == "success",
        "failure": lambda: status == "failure",
        "always": lambda: True,
        "cancelled": lambda: False,
    }


def _worse(one: str, other: str) -> str:
    return "failure" if "failure" in {one, other} else other
