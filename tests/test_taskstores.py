"""Task stores of every kind: tasks in plain YAML, checks that a task asks for, what was overwritten, and the verbs."""

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest

from gate import tasking
from gate.errors import TaskError
from gate.facts import Fault
from gate.policy import load
from gate.policy.patch import put, set_values
from gate.policy.reader import read
from gate.record.taskmaster import open_store
from gate.record.tasks import STATUSES, Change, Store, Task, Tasks
from gate.repo import worktree
from gate.tasking import plain, stores
from tests.conftest import POLICIES, Repository
from tests.conftest import call as gate
from tests.finishing import TASKS


@pytest.fixture(autouse=True)
def _no_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the doctor ask no tool for its version: tests/test_doctor.py does, and it takes long."""
    monkeypatch.setattr("gate.acts.machine._TOOLS", ())


NOW = "2026-11-22T08:09:10.123Z"
GATE = {"tree": "4b825dc", "summary": "docs/completed/1-completion-summary.md", "evidence": "sha256:1e5"}
YAML = """# our tasks
tasks:
  - id: 1   # the first
    title: "Größe 任务 🎈"
    status: 'done'

  - {id: "2", title: Two, status: pending, dependencies: [1]}   # on one line
  - id: 20
    title: Twenty
    own: [kept, as it is]
    subtasks:
      - id: 1
        status: "pending"   # soon
        details: |
          Prose of several lines,
          gate: {checks: [tests]}

        metadata: {mine: 1}
      - id: 2
        dependencies: [1, "9"]
"""


def changed(text: str, *changes: Change) -> str:
    """Return a tasks.yaml with changes."""
    page = plain.Page(text.encode(), "tasks.yaml")
    page.tasks.assert_may(changes)
    return page.changed(changes).decode()


def refused(call: Callable[[], object]) -> str:
    """Return the one line with which a call is refused."""
    with pytest.raises(TaskError) as refusal:
        call()
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_yaml_is_read_as_a_store() -> None:
    """Ids, titles, statuses, dependencies and details of a tasks.yaml are those of a tasks.json."""
    tasks = plain.Page(YAML.encode(), "tasks.yaml").tasks
    assert list(tasks.every) == ["1", "2", "20", "20.1", "20.2"]
    assert (tasks.find("1").title, tasks.find("1").status, tasks.find("20").status) == ("Größe 任务 🎈", "done", "")
    assert (tasks.open_children("20"), tasks.open_dependencies("20.2")) == (("20.1", "20.2"), ("20.1", "9"))
    assert tasks.open_dependencies("2") == ()
    assert tasks.find("20.1").details.endswith("gate: {checks: [tests]}\n")
    assert "the list has no task 20.3; near it: '20.2'" in refused(lambda: tasks.find("20.3"))


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_yaml_changes_where_it_should(line_break: str, mark: str) -> None:
    """Status, time and evidence change or come behind; comments, quotes, blank lines and every other byte stay."""
    text = mark + YAML.replace("\n", line_break)
    one = changed(text, Change(id="20.1", status="done", at=NOW, gate=GATE), Change(id="2", status="done", at=NOW, gate=GATE))
    written = '{tree: "4b825dc", summary: docs/completed/1-completion-summary.md, evidence: "sha256:1e5"}'
    two = f'status: done, updatedAt: "{NOW}", metadata: {{gate: {written}}}, dependencies: [1]}}   # on one line'
    expected = (
        YAML.replace('status: "pending"   # soon', f'status: "done"   # soon\n        updatedAt: "{NOW}"')
        .replace("metadata: {mine: 1}", f"metadata: {{mine: 1, gate: {written}}}")
        .replace("status: pending, dependencies: [1]}   # on one line", two)
    )
    assert one == mark + expected.replace("\n", line_break)
    again = plain.Page(one.encode(), "tasks.yaml").tasks
    assert dict(again.find("2").gate) == dict(again.find("20.1").gate) == GATE
    assert changed(one, Change(id="2", status="done", at=NOW, gate=GATE)) == one


def test_yaml_without_status_or_end_of_line() -> None:
    """A missing status comes behind the id, also where the file ends without a line break."""
    assert changed("tasks:\n- id: 1", Change(id="1", status="review", at=NOW)) == f'tasks:\n- id: 1\n  status: review\n  updatedAt: "{NOW}"'


def test_every_status_is_text_in_yaml() -> None:
    """Each status is read back as it was written."""
    for status in STATUSES:
        text = changed("tasks: [{id: 1}]", Change(id="1", status=status, at=NOW))
        assert plain.Page(text.encode(), "").tasks.find("1").status == status


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("tasks:\n  - id: 1\n  - id: 1\n", 3, "the id '1' is there twice"),
        ("tasks:\n  - title: x\n", 2, "the id is 'None', wanted a whole number"),
        ("tasks:\n  - id: 20.10\n", 2, "the id is '20.1', wanted a whole number"),
        ("tasks:\n  - id: 1\n    dependencies: [20.10]\n", 3, "'20.1' is no id"),
        ("tasks:\n  - id: 1\n    status: 7\n", 3, "status is '7', wanted a text"),
        ("tasks:\n  - id: 1\n    metadata: x\n", 3, "metadata is no mapping"),
        ("tasks:\n  - &a {id: 1}\n  - *a\n", 2, "&a is an anchor; delete it and write the value out where it is wanted (1 more mistakes"),
        ("tasks:\n  - 1\n", 2, "found '1', wanted keys and values"),
        ("tasks: {a: 1}\n", 1, "tasks is no list"),
        ("work:\n  - 1\n", 1, "tasks is no list; write each one behind a dash; the keys there are 'work'"),
        ("- 1\n", 1, "found '(1,)', wanted keys and values"),
        ("tasks:\n  - id: 1\n    status: yes\n", 3, "yes means different things"),
        ("", 1, "the file says nothing"),
    ],
)
def test_broken_yaml_is_refused(tmp_path: Path, text: str, line: int, said: str) -> None:
    """What is no sound list of tasks is named with file and line."""
    path = tmp_path / "tasks.yaml"
    path.write_text(text, encoding="utf-8")
    assert refused(lambda: plain.open_store(path).tasks()).startswith(f"{path}:{line}: {said}")


def test_policies_with_crlf_stay_so() -> None:
    """A block that is put behind the last line ends as its neighbours do."""
    text = "a:\r\n  b: 1 # why\r\n"
    assert put(text, ("a",), "c", {"x": "z"}) == "a:\r\n  b: 1 # why\r\n  c: {x: z}\r\n"
    assert set_values(text, ("a",), {"b": "2"}, behind="") == 'a:\r\n  b: "2" # why\r\n'


def test_store_is_known_by_its_name(tmp_path: Path) -> None:
    """A store that is no kind we know is refused with the kinds that there are."""
    (tmp_path / "tasks.yml").write_text(YAML, encoding="utf-8")
    assert tasking.open_store(tmp_path, "tasks.yml").tasks().find("20.1").status == "pending"
    assert "tasks.toml is no task store; write a path that ends with .json, .yaml, .yml" in refused(
        lambda: tasking.open_store(tmp_path, "tasks.toml")
    )


# --- what decides about a task --------------------------------------------------------

KNOWN = ("format", "lint", "tests", "memory/belief/growth", "memory/belief/peak")


def asked(house: Repository, details: str, *, task_id: str = "1") -> tuple[str, ...]:
    """Return what decides about a task with these details."""
    task = Task(id=task_id, title="", status="pending", details=details)
    return tasking.asked(load(house.root), Tasks("tasks.json", "master", {task_id: task}), task, KNOWN)


@pytest.mark.parametrize(
    ("details", "checks"),
    [
        ("", ()),
        ("Prose. gate: {checks: [lint]} in a line decides nothing.", ()),
        ("gate: the front one", ()),
        ("Do it.\ngate: {checks: [tests, memory/belief/*]}\nThen rest.", ("tests", "memory/belief/*")),
        ("  gate:\n    checks:\n      - tests\nmore", ("tests",)),
        ("gate: {checks: [tests,\n  lint]}", ("tests", "lint")),
        ("```yaml\ngate: {checks: [format]}\n```", ("format",)),
    ],
)
def test_checks_are_read_from_the_text_of_a_task(house: Repository, details: str, checks: tuple[str, ...]) -> None:
    """`gate:` at the beginning of a line is policy, in either form of YAML; any other prose is not."""
    assert asked(house, details) == checks


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ("gate: {checks: [test]}", "task 1: its details: no check is named 'test'; did you mean tests?"),
        ("gate: {checks: [memory/blief/*]}", "did you mean memory/belief/"),
        (
            "x\ngate: {checks: []}",
            "task 1: line 2 of its details: no list of checks; write for example gate: {checks: [tests, memory/belief/*]}",
        ),
        ("gate: {checks: tests}", "no list of checks"),
        ("gate: {checks: [tests], other: 1}", "no list of checks"),
        ("gate:\n", "line 1 of its details: says nothing"),
        ("gate: {checks: [tests]", "line 1 of its details: not YAML"),
        ("gate: {checks: [tests]}\ngate: {checks: [lint]}", "say gate: 2 times; keep one"),
    ],
)
def test_checks_that_are_none_are_refused(house: Repository, details: str, said: str) -> None:
    """An unknown check names the nearest, and what is no list of checks is refused: a mistake never makes a gate wider."""
    assert said in refused(lambda: asked(house, details))


def test_checks_of_the_policy_and_of_the_text_are_asked_together(house: Repository) -> None:
    """workflow.yaml names checks by task id; what the text asks for comes to it."""
    house.write("policies/workflow.yaml", POLICIES["workflow"] + 'gate:\n  "20.2": {checks: [lint]}\n  "3": {checks: [lnt]}\n')
    assert asked(house, "gate: {checks: [tests]}", task_id="20.2") == ("tests", "lint")
    assert asked(house, "", task_id="1") == ()
    told = refused(lambda: asked(house, "", task_id="3"))
    assert told.startswith("policies/workflow.yaml:6: no check is named 'lnt'; did you mean lint?")


# --- what was overwritten, and what is left around ------------------------------------


@pytest.fixture
def kept(house: Repository) -> Repository:
    """Return a repository with tasks."""
    house.write("tasks/tasks.json", TASKS)
    return house


def test_what_a_client_puts_back_is_noticed(kept: Repository) -> None:
    """A client that had read before we wrote puts the old status back: show and doctor name the task, and exit 1."""
    path = kept.root / "tasks/tasks.json"
    stale = path.read_bytes()
    assert gate("task", "start", "20.2") == (0, "task 20.2 is in-progress, it was pending: Share\n")
    assert gate("doctor")[0] == 0
    path.write_bytes(stale)
    code, told = gate("doctor")
    assert code == 1
    assert "task 20.2 was set to in-progress at 20" in told
    assert "and another program put back pending\n  next: gate task start 20.2" in told
    code, told = gate("task", "show", "20.2")
    assert (code, "overwritten: it was set to in-progress at" in told) == (1, True)
    gate("task", "start", "20.2")
    assert gate("doctor")[0] == 0


def test_what_others_change_after_us_is_theirs(kept: Repository) -> None:
    """A later change by another program is no loss, as long as our evidence is there; without it, it is."""
    path, store = kept.root / "tasks/tasks.json", open_store(kept.root / "tasks/tasks.json")
    tasking.change(kept.root, store, [Change(id="20.2", status="done", at=NOW, gate=GATE)])
    store.change([Change(id="20.2", status="review", at="2027-01-01T00:00:00.000Z")])
    assert list(tasking.lost(kept.root, store.tasks())) == []
    path.write_text(path.read_text().replace("4b825dc", "0000000"))
    assert [key for key, _ in tasking.lost(kept.root, store.tasks())] == ["20.2"]
    path.write_text('{"master": {"tasks": []}}')
    assert list(tasking.lost(kept.root, store.tasks())) == [("20.2", f"set to done at {NOW}, and it is not there any more")]


def test_another_branch_has_another_store(kept: Repository) -> None:
    """On another branch, where the task was never started, nothing is called overwritten; back on ours it is looked for again."""
    kept.commit()
    gate("task", "start", "20.2")
    kept.git("switch", "-q", "-c", "other")
    kept.git("checkout", "-q", "--", "tasks/tasks.json")
    assert gate("doctor")[0] == 0
    kept.git("switch", "-q", "main")
    assert gate("doctor")[0] == 1


def test_taking_back_forgets_what_was_noted(kept: Repository) -> None:
    """What we took back ourselves is not called overwritten; what was noted before is noted again."""
    store = open_store(kept.root / "tasks/tasks.json")
    tasking.change(kept.root, store, [Change(id="20.2", status="in-progress", at=NOW)])
    tasking.change(kept.root, store, [Change(id="20.2", status="done", at=NOW, gate=GATE), Change(id="20.1", status="review", at=NOW)])()
    assert list(tasking.lost(kept.root, store.tasks())) == []
    assert [path.name[:5] for path in (worktree.store(kept.root) / "tasks").iterdir()] == ["20.2-"]


@pytest.mark.usefixtures("kept")
def test_doctor_names_locks_that_nobody_holds() -> None:
    """A stale folder, a stale file and what takers put aside are each named with the command that removes exactly this."""
    code, told = gate("doctor")
    assert (code, told.splitlines()[-1][:27]) == (0, "0 things amiss; looked at t")
    lock = Path("tasks/tasks.json.lock")
    lock.mkdir()
    assert gate("doctor")[0] == 0
    then = time.time() - 100
    os.utime(lock, (then, then))
    Path(f"{lock}.stale.7.8").mkdir()
    code, told = gate("doctor")
    assert code == 1
    assert f"{lock}\n  a lock that nobody has refreshed for 100 s\n  next: rmdir {lock}\n" in told
    assert f"  next: rmdir {lock}.stale.7.8\n" in told
    lock.rmdir()
    lock.write_text("{}")
    os.utime(lock, (then, then))
    code, told = gate("doctor")
    assert "a lock of this kind stops Task Master for ever" in told
    assert f"  next: rm {lock}\n" in told


def test_change_that_cannot_be_noted_is_not_made(kept: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a note nobody would look for the change later: then it is taken back."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gate.tasking.written.replace_file", fail)
    store = open_store(kept.root / "tasks/tasks.json")
    with pytest.raises(OSError, match="No space"):
        tasking.change(kept.root, store, [Change(id="20.2", status="done", at=NOW, gate=GATE)])
    assert (kept.root / "tasks/tasks.json").read_text() == TASKS
    assert list(tasking.lost(kept.root, store.tasks())) == []


def test_doctor_names_a_store_that_cannot_be_read(house: Repository) -> None:
    """A missing store, a broken one, a broken state and a tag that is not there are each a fault with a place, not an end."""
    for name, text, said in (
        ("tasks/tasks.json", None, "not there; make it"),
        ("tasks/tasks.json", "{", "1: not JSON"),
        (".taskmaster/state.json", "[", "state.json:1: not JSON"),
        (".taskmaster/state.json", '{"currentTag": "gone"}', "no tag 'gone' with tasks, only 'master'"),
    ):
        if text is not None:
            house.write("tasks/tasks.json", TASKS)
            house.write(name, text)
        code, told = gate("doctor")
        assert (code, said in told, told.splitlines()[-1][:13]) == (1, True, "1 thing amiss"), told


def test_doctor_names_what_is_done_while_subtasks_are_open(kept: Repository) -> None:
    """A parent that somebody set to done by hand, with work left in it, is named with what is left and the next act."""
    kept.write("tasks/tasks.json", TASKS.replace('"status": "in-progress"', '"status": "done"'))
    code, told = gate("doctor")
    assert code == 1
    assert "task 20 is done, and its subtasks '20.2' are open\n  next: finish or cancel them, or set it back: gate task start 20\n" in told


def test_doctor_names_checks_that_no_task_can_pass(kept: Repository) -> None:
    """A task that asks for an unknown check, and a policy for a task that is not there, are found before anyone finishes."""
    kept.write("tasks/tasks.json", TASKS.replace('"title": "Share"', '"title": "Share", "details": "gate: {checks: [tsts]}"'))
    kept.write("policies/workflow.yaml", POLICIES["workflow"] + 'gate:\n  "9": {checks: [tests]}\n')
    code, told = gate("doctor")
    assert code == 1
    assert "task 20.2: its details: no check is named 'tsts'; did you mean tests?" in told
    assert "policies/workflow.yaml:5\n  there is no task 9\n" in told


def test_stale_generated_texts_are_named(kept: Repository) -> None:
    """Texts of either kind that show another status than the store are named, and those of tasks that are no more; others are not."""
    kept.write("tasks/task_020.md", "# Task ID: 20\n\n**Status:** in-progress\n\n## Subtasks\n\n### 20.2. Share\n\n**Status:** done  \n")
    kept.write("tasks/task_020.txt", "# Task ID: 20\n# Status: in-progress\n\n# Subtasks:\n## 1. Measure [done]\n## 2. Share [pending]\n")
    kept.write("tasks/task_007.txt", "# Task ID: 7\n# Status: done\n")
    kept.write("tasks/task_020_other.md", "# Task ID: 20\n\n**Status:** done\n")
    kept.write("tasks/task_notes.md", "**Status:** done\n")
    code, told = gate("doctor")
    assert code == 1
    assert told[told.index("tasks/task_007.txt") :].startswith(
        "tasks/task_007.txt\n  a generated text of task 7, which is no more\n  next: task-master generate\n"
        "tasks/task_020.md\n  a generated text that shows '20.2 as done'\n  next: task-master generate\n2 things amiss"
    )


# --- the verbs ------------------------------------------------------------------------


def test_show_says_what_separates_a_task_from_done(kept: Repository) -> None:
    """A task is shown with what is open, which checks decide, and what is missing; nothing is written."""
    kept.write("tasks/tasks.json", TASKS.replace('"title": "Share"', '"title": "Share", "details": "gate: {checks: [tests]}"'))
    before = kept.git("status", "--porcelain")
    assert gate("task", "show", "20")[1].startswith(
        "20  Make bots | lighter: in-progress\n  open subtasks: 20.2 (pending)\n  decided by: every required check of 9\n  missing: "
    )
    code, told = gate("task", "show", "20.2")
    assert (code, told) == (
        0,
        "20.2  Share: pending\n  decided by: tests\n  missing: tests never ran on this tree: nox -s tests\n",
    )
    assert kept.git("status", "--porcelain") == before


def test_start_waits_for_dependencies(kept: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Unfinished dependencies refuse; a task that is in-progress stays as it is; with CI=true nothing is changed."""
    kept.write("tasks/tasks.json", TASKS.replace('"status": "done"', '"status": "pending"'))
    assert gate("task", "start", "20.2")[0] == 2
    assert "task 20.2 cannot be started: its dependencies '20.1' are open" in capsys.readouterr().err
    before = (kept.root / "tasks/tasks.json").read_bytes()
    assert gate("task", "start", "20") == (0, "task 20 is in-progress already\n")
    assert (kept.root / "tasks/tasks.json").read_bytes() == before
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CI", "true")
        assert gate("task", "start", "20.1")[0] == 2
    assert json.loads(before) == json.loads((kept.root / "tasks/tasks.json").read_bytes())


@pytest.mark.parametrize("words", [["task"], ["task", "show"], ["task", "end", "1"], ["task", "start", "1", "--cascade"]])
def test_bad_usage_exits_2(words: list[str]) -> None:
    """Words that mean nothing exit 2."""
    assert gate(*words)[0] == 2


class Folder:
    """A third kind of store, as small as one can be: a folder with a file for each task, the status in its first line."""

    def __init__(self, path: Path) -> None:
        """Keep the folder."""
        self.path = path

    def tasks(self) -> Tasks:
        """Read every file."""
        found = {file.stem: Task(id=file.stem, title=file.stem, status=file.read_text().strip()) for file in self.path.glob("[0-9]*")}
        return Tasks(self.path, "", found)

    def change(self, changes: Sequence[Change]) -> Callable[[], None]:
        """Write the files."""
        self.tasks().assert_may(changes)
        before = {change.id: (self.path / change.id).read_text() for change in changes}
        for change in changes:
            (self.path / change.id).write_text(f"{change.status}\n")

        def take_back() -> None:
            for task_id, text in before.items():
                (self.path / task_id).write_text(text)

        return take_back

    def faults(self) -> Iterator[Fault]:
        """Find nothing."""
        yield from ()


def test_third_kind_of_store_needs_one_line(house: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class with three methods and a name in STORES is all that the verbs need."""
    kinds: dict[str, Callable[[Path], Store]] = {**stores.STORES, ".d": Folder}
    monkeypatch.setattr(stores, "STORES", MappingProxyType(kinds))
    house.write("policies/workflow.yaml", "version: 1\ntasks: tasks.d\nrecord: {paths: [docs/completed, tasks.d]}\n")
    house.write("tasks.d/7", "pending\n")
    assert gate("task", "start", "7") == (0, "task 7 is in-progress, it was pending: 7\n")
    assert (house.root / "tasks.d/7").read_text() == "in-progress\n"
    assert gate("doctor")[0] == 0
    house.write("tasks.d/7", "pending\n")
    assert gate("doctor")[0] == 1


def test_reader_takes_what_the_patch_writes() -> None:
    """A reference to evidence whose values look like numbers, days or words of YAML is read back as text."""
    hard: dict[str, str] = {
        "a": "1e5",
        "b": "2026-11-22T00:00:00.000Z",
        "c": "0",
        "d": "yes",
        "e": 'q"\\',
        "f": "null",
        "g": "a: b",
        "h": "#",
    }
    located = read(set_values("t:\n  x: 1\n", ("t",), {"gate": hard}, behind="x").encode())
    assert (located.mistakes, located.value) == ([], {"t": {"x": 1, "gate": hard}})


def test_cascade_asks_at_a_terminal(kept: Repository) -> None:
    """At a terminal --cascade asks once, and anything but yes changes nothing."""
    code = (
        "import sys; from gate.verbs.finishing import agree; from argparse import Namespace; from gate.record.tasks import Task\n"
        "words = Namespace(task='20', cascade=True, yes=False, dry_run=False)\n"
        "agree((Task(id='20.2', title='Share', status='pending'),), words, sys.stdout)"
    )
    for answer, ended in (("y\n", 0), ("\n", 1), ("no\n", 1)):
        ours, theirs = pty.openpty()
        child = subprocess.Popen([sys.executable, "-c", code], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=kept.root)
        os.write(ours, answer.encode())
        out, err = child.communicate(timeout=20)
        os.close(ours)
        os.close(theirs)
        assert (child.returncode, out) == (ended, b"task 20 has 1 open subtask: 20.2 Share. Set them to done too? [y/N] ")
        assert (b"not agreed to, nothing was changed" in err) is bool(ended)
