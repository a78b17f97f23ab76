"""Prove with the real Task Master client that each reads and keeps what the other writes, and that nothing is lost unnoticed."""

import argparse
import difflib
import json
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gate import tasking
from gate.record.taskmaster import open_store
from gate.record.tasks import Change, Store

WRITERS = 64
_CLIENT = Path("node_modules/.bin/task-master")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_GATE = {"tree": "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "summary": "docs/completed/1.1-completion-summary.md", "evidence": "sha256:0"}
_REST = 6.0  # seconds that a writer rests at the most: the client gives its own lock up after some three


def main(words: Sequence[str]) -> int:
    """Prove both and print what was seen; exit 1 when something does not hold."""
    parser = argparse.ArgumentParser(prog="nox -s interop --", description=__doc__)
    parser.add_argument("--client", type=Path, required=True, metavar="FOLDER", help="where npm installed task-master-ai")
    parser.add_argument("--seconds", type=float, default=60, help="of 64 writers beside the client")
    parser.add_argument("parts", nargs="*", default=["together", "crowd"], metavar="together|crowd", help="both by default")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="gate-interop-") as scratch:
        client = Client(given.client.resolve() / _CLIENT, Path(scratch))
        _say(f"task-master {client.run('--version').strip().splitlines()[-1]}, {client.net}")
        wrong = together(client) if "together" in given.parts else []
        wrong += crowd(client, given.seconds) if "crowd" in given.parts else []
    for line in wrong:
        _say(f"does not hold: {line}")
    _say("all holds" if not wrong else f"{len(wrong)} do not hold")
    return 1 if wrong else 0


class Client:
    """The real client in a project and a home of its own, without a network where the system permits it."""

    def __init__(self, program: Path, scratch: Path) -> None:
        """Make a project."""
        self.root = scratch / "project"
        self.root.mkdir()
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)  # the gate notes the branch beside what it wrote
        self.file = self.root / ".taskmaster/tasks/tasks.json"
        alone = (
            subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
            if shutil.which("unshare")
            else False
        )
        self.net = "without a network" if alone else "with a network that it has no key for: unshare -n is not permitted here"
        self._words = [*(["unshare", "-n"] if alone else []), str(program)]
        self._env = {
            "HOME": str(scratch),
            "PATH": os.environ["PATH"],
            "NO_COLOR": "1",
            "CI": "1",
            "TASKMASTER_SKIP_AUTO_UPDATE": "1",
        }
        init = "init -y -n demo -d d --no-aliases --skip-install --no-git --git-tasks --rules claude"
        self.run(*init.split())
        config = self.root / ".taskmaster/config.json"
        config.write_text(config.read_text().replace('"anonymousTelemetry": true', '"anonymousTelemetry": false'))
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_text('{"master":{"tasks":[]}}')

    def run(self, *words: str, **env: str) -> str:
        """Run one command; return what it printed, and fail when it does."""
        ran = subprocess.run([*self._words, *words], cwd=self.root, env=self._env | env, capture_output=True, text=True, check=False)
        if ran.returncode:
            message = f"task-master {' '.join(words)}: exit {ran.returncode}: {ran.stdout[-500:]}{ran.stderr[-500:]}"
            raise RuntimeError(message)
        return _ESCAPES.sub("", ran.stdout)

    def json(self, *words: str, **env: str) -> Any:
        """Run one command; return the JSON that it printed."""
        told = self.run(*words, **env)
        return json.loads(told[told.index("{") :])

    def statuses(self, **env: str) -> dict[str, str]:
        """Return what the client says of every task."""
        found = {}
        for task in self.json("list", "--with-subtasks", "--json", **env)["tasks"]:
            found[str(task["id"])] = task["status"]
            found |= {f"{task['id']}.{child['id']}": child["status"] for child in task.get("subtasks", [])}
        return found

    def complaints(self) -> list[str]:
        """Return what reading commands complain of; validate-dependencies exits with 0 whatever it finds."""
        told = self.run("validate-dependencies")
        return [] if re.search(r"Validated Successfully|All Dependencies Are Valid", told, re.IGNORECASE) else [told[-600:]]


def together(client: Client) -> list[str]:
    """Let each write and the other read, in turn; return what does not hold."""
    client.run("add-task", "-t", "Größe 任务", "-d", "first", "--details", "gate: {checks: [tests]}", "--priority", "high")
    client.run("add-task", "-t", "Second", "-d", "second", "--details", "x", "--dependencies", "1")
    client.run("add-subtask", "-p", "1", "-t", "Profile", "-d", "p")
    client.run("add-subtask", "-p", "1", "-t", "Share", "-d", "s", "--dependencies", "1.1")
    store, wrong = open_store(client.file), []

    def holds(what: str, *, so: bool) -> None:
        """Keep count of a claim."""
        _say(f"{'yes' if so else 'NO '}  {what}")
        if not so:
            wrong.append(what)

    before = client.file.read_bytes()
    _change(store, "1.1", "done", _GATE)
    marks = [line[:1] for line in difflib.ndiff(before.decode().splitlines(), client.file.read_text().splitlines())]
    added, removed = marks.count("+"), marks.count("-")
    holds(f"one status with its evidence adds {added} lines and removes {removed} of {len(before.splitlines())}", so=removed == 1)
    holds("the client lists what we wrote", so=client.statuses() == _ours(store))
    holds("the client shows what we wrote", so=client.json("show", "1.1", "--json")["task"]["status"] == "done")
    holds("the client goes on to the next task", so="1.2" in client.run("next"))
    holds("the client finds all dependencies valid", so=client.complaints() == [])
    for words in ("set-status --id=1.2 --status=in-progress", "fix-dependencies", "add-task -t Third -d third --details x", "generate"):
        client.run(*words.split())
        holds(f"after its {words.split()[0]} we read what it says", so=_ours(store) == client.statuses())
        holds(f"after its {words.split()[0]} our evidence is there", so=dict(store.tasks().find("1.1").gate) == _GATE)
    holds("the texts that it generates agree with the store", so=not list(store.faults()))
    _change(store, "1.2", "done", _GATE)
    holds("after our write the text of task 1 is named as stale", so=[Path(fault.place).stem for fault in store.faults()] == ["task_001"])
    client.run("generate")
    holds("after its generate none is", so=not list(store.faults()))
    _change(store, "1", "done", _GATE)
    holds("the client lists the parent as done", so=client.statuses() == _ours(store) and client.statuses()["1"] == "done")
    wrong += _tags(client, holds)
    return wrong


def _tags(client: Client, holds: Callable[..., None]) -> list[str]:
    """Use another tag, by state and by environment, and a file without tags."""
    store = open_store(client.file)
    client.run("tags", "add", "other", "--copy-from", "master")
    client.run("tags", "use", "other")
    _change(store, "2", "in-progress", None)
    holds("by state.json both work on the tag 'other'", so=client.statuses() == _ours(store) and store.tasks().tag == "other")
    os.environ["TASKMASTER_TAG"] = "master"
    try:
        named = client.statuses(TASKMASTER_TAG="master")
        holds("by TASKMASTER_TAG both work on the tag 'master'", so=named == _ours(store) and named["2"] == "pending")
    finally:
        del os.environ["TASKMASTER_TAG"]
    client.run("tags", "use", "master")
    whole = json.loads(client.file.read_bytes())
    client.file.write_text(json.dumps({"tasks": whole["master"]["tasks"], "metadata": {}}, indent=2, ensure_ascii=False))
    _change(store, "2", "review", None)
    holds("a file without tags keeps its kind", so=list(json.loads(client.file.read_bytes())) == ["tasks", "metadata"])
    holds("the client lists what we wrote into a file without tags", so=client.statuses() == _ours(store))
    return []


def crowd(client: Client, seconds: float) -> list[str]:
    """Let 64 processes of ours write their tasks while the client writes its own; return what was lost unnoticed."""
    ids = [str(number) for number in range(1, WRITERS + 1)]
    many = [{"id": number, "title": f"Task {number}", "status": "pending", "dependencies": []} for number in range(1, WRITERS + 3)]
    client.file.write_text(json.dumps({"master": {"tasks": many}}, indent=2))
    until = time.monotonic() + seconds
    fork = multiprocessing.get_context("fork")
    counts = fork.Array("i", WRITERS)
    writers = [fork.Process(target=_write, args=(client, task_id, until, counts)) for task_id in ids]
    for writer in writers:
        writer.start()
    try:
        theirs, done, refused = _loop(client, until)
    finally:
        for writer in writers:
            writer.join()
    tasks = open_store(client.file).tasks()
    written = dict(zip(ids, counts[:], strict=True))
    gone = [key for key, count in written.items() if count and tasks.find(key).gate.get("evidence") != f"sha256:{count}"]
    noticed = {key for key, _ in tasking.lost(client.root, tasks)}
    unnoticed = [key for key in gone if key not in noticed]
    kept = sum(tasks.find(key).status == status for key, status in theirs.items())
    told = f"{WRITERS} writers made {sum(written.values())} writes in {seconds:g} s"
    _say(f"{told} beside {done} changes by the client and {refused} that it gave up for want of the lock")
    there, over = len(ids) - len(gone), len(gone)
    _say(f"last writes of ours: {there} of {len(ids)} there, {over} overwritten by the client, {len(unnoticed)} of them unnoticed")
    _say(f"last writes of the client: {kept} of {len(theirs)} there")
    broken = [f"a writer of ours ended with {writer.exitcode}" for writer in writers if writer.exitcode]
    broken += [f"the write of task {key} is lost and nobody noticed" for key in unnoticed]
    broken += [f"task {key} is called overwritten and is not" for key in sorted(noticed - set(gone))]
    return broken + ([] if kept == len(theirs) and theirs else ["a write of the client is lost"])


def _write(client: Client, task_id: str, until: float, counts: Any) -> None:
    """Write one task again and again; count what was written, which is also the evidence."""
    store, chance = open_store(client.file), random.Random(task_id)
    while time.monotonic() < until:
        time.sleep(chance.random() * _REST)
        count = counts[int(task_id) - 1] + 1
        status = "in-progress" if count % 2 else "review"
        change = Change(id=task_id, status=status, at=tasking.now(), gate={"evidence": f"sha256:{count}"})
        tasking.change(client.root, store, [change])
        counts[int(task_id) - 1] = count


def _loop(client: Client, until: float) -> tuple[dict[str, str], int, int]:
    """Let the client set its two tasks again and again; return the last status of each, and how often it could and could not."""
    theirs: dict[str, str] = {}
    done = refused = 0
    while time.monotonic() < until:
        task_id, status = str(WRITERS + 1 + done % 2), ("in-progress", "review", "done")[done // 2 % 3]
        try:
            client.run("set-status", f"--id={task_id}", f"--status={status}")
        except RuntimeError as error:
            if f"Failed to update task status for {task_id}" not in str(error):  # all that it says when it does not get its lock
                raise
            refused += 1
        else:
            theirs[task_id] = status
            done += 1
    return theirs, done, refused


def _change(store: Store, task_id: str, status: str, gate: dict[str, str] | None) -> None:
    store.change([Change(id=task_id, status=status, at=tasking.now(), gate=gate)])


def _ours(store: Store) -> dict[str, str]:
    """Return what we say of every task."""
    return {key: task.status for key, task in store.tasks().every.items()}


def _say(line: str) -> None:
    """Write one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
