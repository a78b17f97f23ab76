"""The ledger as a whole: records that cannot be changed unseen, evidence that goes in time, one run at a time."""

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import jsonschema
import pytest

from gate import flow
from gate.cli import main
from gate.facts import Mode
from gate.record import ledger, lock, pruning
from gate.repo import worktree
from tests.conftest import ROOT, Repository

EDITS = 1000
DAY = 86400.0


def gate(*words: str) -> str:
    """Run one verb that passes; return what it printed."""
    out = io.StringIO()
    assert main(list(words), out) == 0, out.getvalue()
    return out.getvalue()


def record(house: Repository, check: str = "lint") -> Path:
    """Return where the one record of a check lies."""
    return next((house.root / ".gate/evidence").glob(f"*/{check}.json"))


# --- records --------------------------------------------------------------------------


def test_every_edit_that_changes_meaning_is_found(house: Repository) -> None:
    """Of 1,000 random single-byte edits of a record each is found, whether it changes the meaning or not."""
    gate("check", "memory")
    path = record(house, "memory__bot__growth")
    whole, tree = path.read_bytes(), path.parent.name
    dice = random.Random(20)
    for _ in range(EDITS):
        at = dice.randrange(len(whole))
        edited = whole[:at] + bytes([dice.choice([byte for byte in range(256) if byte != whole[at]])]) + whole[at + 1 :]
        path.write_bytes(edited)
        found, damage = ledger.read(house.root, tree, "memory/bot/growth")
        assert (found, bool(damage)) == (None, True), f"byte {at}"
    path.write_bytes(whole)
    assert ledger.read(house.root, tree, "memory/bot/growth")[0]


def test_record_holds_everything_that_a_reader_needs(house: Repository) -> None:
    """Outcome, tree, policy, inputs, environment, pins, noise, samples, times and the versions that tools said themselves are in it."""
    gate("check", "memory")
    gate("check", "types")
    found = json.loads(record(house, "memory__bot__growth").read_text())["evidence"]
    assert (found["check"], found["finding"]["outcome"]) == ("memory/bot/growth", "PASSED")
    assert found["tree"] == flow.enter(house.root, Mode.FIX).tree()
    assert found["inputs"]["files"].keys() == {"bots.py"}
    assert found["inputs"]["folders"].keys() >= {"."}
    assert {"python", "platform", "distributions"} <= found["environment"].keys()
    assert {"PYTHONHASHSEED", "noise floor"} <= found["reading"]["pins"].keys()
    assert len(found["reading"]["series"][0]["values"]) >= 64
    assert found["reading"]["wall"] > 0
    assert found["reading"]["cpu"] > 0
    said = subprocess.run([str(Path(sys.executable).with_name("mypy")), "--version"], capture_output=True, text=True, check=True).stdout
    assert json.loads(record(house, "types").read_text())["evidence"]["reading"]["versions"] == {"mypy": said.split()[1]}


def test_schema_of_records_is_published(house: Repository) -> None:
    """What `gate schema evidence` prints is what lies beside the schemas of the policies, and a record obeys it; a strange one does not."""
    text = gate("schema", "evidence")
    assert text == (ROOT / "policies/.schema/evidence.json").read_text()
    gate("check", "lint")
    found = json.loads(record(house).read_text())
    jsonschema.validate(found, json.loads(text))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found | {"digest": "short"}, json.loads(text))


# --- pruning --------------------------------------------------------------------------


def old(house: Repository, tree: str, days: float, size: int = 10) -> Path:
    """Plant evidence of another tree."""
    path = house.write(f".gate/evidence/{tree}/lint.json", b"x" * size)
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    os.utime(path.parent, (then, then))
    return path.parent


def test_old_evidence_goes_by_age_and_size(house: Repository) -> None:
    """What is older than the policy keeps goes, then the oldest of what is too much; never this tree's, HEAD's, or what was removed."""
    house.write("policies/workflow.yaml", (house.root / "policies/workflow.yaml").read_text() + "")
    workflow = (house.root / "policies/workflow.yaml").read_text().replace("record: {", "record: {keep: {age: 2 d, size: 100 kB}, ")
    house.write("policies/workflow.yaml", workflow)
    house.commit()
    head = flow.enter(house.root, Mode.FIX).tree()
    house.write("bots.py", (house.root / "bots.py").read_text() + "\n# changed\n")
    aged, young = old(house, "a" * 40, 3), old(house, "b" * 40, 0.5)
    large, older = old(house, "c" * 40, 1, 99_000), old(house, "d" * 40, 1.5)
    kept = old(house, head, 9)
    trash = house.write(".gate/trash/1/journal.json", "{}")
    gate("check", "lint")
    there = [path.exists() for path in (aged, young, large, older, kept, trash)]
    assert there == [False, True, False, False, True, True]
    assert (record(house).parent / "lint.json").exists()


def test_pruning_asks_what_to_spare_only_when_something_goes(house: Repository) -> None:
    """Nothing to let go costs no question about trees; scratch folders of killed runs go, those of running ones stay."""
    dead, live = house.root / ".gate/tree-dead", house.root / ".gate/tree-live"
    worktree.store(house.root)
    for folder in (dead, live):
        folder.mkdir()
    os.utime(dead, (0, 0))

    def never() -> list[str]:
        raise AssertionError

    assert pruning.prune(house.root, age=DAY, size=1e6, spare=never) == ()
    assert (dead.exists(), live.exists()) == (False, True)


# --- the lock -------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from gate.record import lock
with lock.held(Path(sys.argv[1]), "gate check memory", print):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(file: Path) -> "subprocess.Popen[str]":
    """Start a process that holds a lock until its input ends."""
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(file)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    assert child.stdout.readline() == "held\n"
    return child


def test_second_run_waits_and_names_the_owner(tmp_path: Path) -> None:
    """Who waits is told at once whose lock it is and how old; when the owner is done, the next goes on."""
    with holder(tmp_path / "lock") as first:
        told: list[str] = []

        def say(text: str) -> None:
            told.append(text)
            assert first.stdin
            first.stdin.close()  # the message comes while the other holds it

        with lock.held(tmp_path / "lock", "gate clean", say):
            assert first.wait() == 0
    assert len(told) == 1
    assert told[0].startswith(f"waiting for gate check memory (pid {first.pid} on ")
    assert " since " in told[0]
    assert told[0].endswith(" ms now")


def test_killed_owner_is_followed_at_once(tmp_path: Path) -> None:
    """A lock whose owner was killed is taken over without waiting, and that is said."""
    with holder(tmp_path / "lock") as first:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    told: list[str] = []
    began = time.monotonic()
    with lock.held(tmp_path / "lock", "gate clean", told.append):
        assert time.monotonic() - began < 0.5
    assert [text.partition(" (")[0] for text in told] == ["gate check memory"]
    assert told[0].endswith("ended without giving back its lock; taken over")
    with lock.held(tmp_path / "lock", "gate clean", told.append):
        assert len(told) == 1  # a lock that was given back is nobody's


def test_process_with_the_number_of_a_dead_owner_is_not_the_owner(tmp_path: Path) -> None:
    """A pid that was given to another process meanwhile is known by when it started."""
    with holder(tmp_path / "lock") as first:
        owner = lock.Owner(**json.loads((tmp_path / "lock").read_text()))
        assert lock._is_alive(owner)
        assert first.stdin
        first.stdin.close()
    reused = {name: getattr(owner, name) for name in ("host", "command", "since", "token")}
    assert not lock._is_alive(lock.Owner(pid=os.getpid(), started=owner.started - 1, **reused))


def test_lock_file_that_was_removed_locks_nobody_out(tmp_path: Path) -> None:
    """When something removes the file, the next run makes a new one, and two that came later still exclude each other."""
    with holder(tmp_path / "lock") as first:
        (tmp_path / "lock").unlink()
        with holder(tmp_path / "lock") as second:
            handle = os.open(tmp_path / "lock", os.O_RDWR)
            assert not lock._try(handle)
            os.close(handle)
            assert second.stdin
            second.stdin.close()
        assert first.stdin
        first.stdin.close()


def test_gate_inside_a_check_of_the_same_repository_does_not_wait(house: Repository) -> None:
    """Tests that call the gate on their own repository, and on others, share the lock of the run that they belong to."""
    program = Path(sys.executable).with_name("gate")
    code = f"""
def test_inside() -> None:
    \"\"\"The gate runs inside itself.\"\"\"
    import subprocess
    import bots
    assert subprocess.run([{str(program)!r}, "check", "lint", "--check"], timeout=60).returncode == 0
"""
    house.write("test_bots.py", f'"""Tests of bots."""\n{code}')
    quality = (house.root / "policies/quality.yaml").read_text()
    house.write("policies/quality.yaml", quality.replace("no:hypothesispytest]", "no:hypothesispytest, test_bots.py]"))
    gate("check", "tests")


def test_two_runs_at_once_both_pass(house: Repository) -> None:
    """Two runs that would disturb each other's tree go one after the other, and the second says for whom it waits."""
    program = str(Path(sys.executable).with_name("gate"))
    house.write("test_bots.py", "import time\n\nimport bots\n\n\ndef test_slow() -> None:\n    time.sleep(1)\n")
    first = subprocess.Popen([program, "check", "tests"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (house.root / ".gate/lock").exists() or not (house.root / ".gate/lock").read_text():
        time.sleep(0.01)
    second = subprocess.run([program, "check", "format"], capture_output=True, text=True, check=False)
    with suppress(ProcessLookupError):
        first.communicate()
    assert (first.returncode, second.returncode) == (0, 0)
    assert f"gate: waiting for gate check tests (pid {first.pid} on " in second.stderr
