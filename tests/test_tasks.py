"""A task's status changes, and nothing else of the file does."""

import fcntl
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.errors import TaskError
from gate.record import lockfolder, taskfile
from gate.record.files import replace_file
from gate.record.jsonspan import Node, read
from gate.record.taskmaster import Page, open_store
from gate.record.tasks import STATUSES, Change, Task

NOW = "2026-11-22T08:09:10.123Z"
LATER = "2027-01-02T03:04:05.678Z"

Json: TypeAlias = Any  # what json.loads gives


def _store() -> Json:
    """Return a small store as Task Master writes it: two tags, numbers and texts as ids, own keys, foreign letters."""
    return {
        "master": {
            "tasks": [
                {"id": 1, "title": "Groß 任务 🎈", "status": "done", "dependencies": [], "priority": "high", "subtasks": []},
                {"id": "2", "title": "Two", "status": "pending", "dependencies": [1], "metadata": {"gate": {"id": 2, "status": "x"}}},
                {"id": 3, "title": "Three", "status": "pending", "dependencies": ["2"], "subtasks": []},
                {
                    "id": 20,
                    "title": "Twenty",
                    "status": "in-progress",
                    "dependencies": [],
                    "subtasks": [
                        {"id": 1, "title": "One", "status": "done", "dependencies": []},
                        {"id": 2, "title": "Two", "status": "pending", "dependencies": [1]},
                        {"id": 3, "title": "Three", "status": "pending", "dependencies": [2], "updatedAt": "2020-01-01T00:00:00.000Z"},
                    ],
                },
            ],
            "metadata": {"created": "2026-01-01", "own": [1, 2.50, None, True]},
        },
        "feature": {"tasks": [{"id": 1, "title": "Other", "status": "pending"}], "metadata": {}},
    }


def _raw(store: Json, **layout: Any) -> bytes:
    """Write a store with two spaces, or as told."""
    return json.dumps(store, **({"indent": 2, "ensure_ascii": False} | layout)).encode()


def _put(tmp_path: Path, raw: bytes, *, tag: str = "") -> Path:
    """Lay the store down where Task Master has it."""
    path = tmp_path / ".taskmaster" / "tasks" / "tasks.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(raw)
    if tag:
        (path.parent.parent / "state.json").write_text(json.dumps({"currentTag": tag, "lastSwitched": NOW}), encoding="utf-8")
    return path


def _one(task: str) -> bytes:
    """Write a store of one task, given as text."""
    return b'{"master": {"tasks": [' + task.encode() + b"]}}"


def find(path: Path, task_id: str) -> Task:
    """Return one task as it is on disk."""
    return open_store(path).tasks().find(task_id)


def set_status(path: Path, task_id: str, status: str, now: str) -> Callable[[], None]:
    """Change one task on disk."""
    return open_store(path).change([Change(id=task_id, status=status, at=now)])


def patched(raw: bytes, task_id: str, status: str, tag: str, now: str) -> bytes:
    """Change one task in a text, when it may change."""
    page, changes = Page(raw, "tasks.json", tag), [Change(id=task_id, status=status, at=now)]
    page.tasks.assert_may(changes)
    return page.changed(changes)


def _refused(call: Callable[[], object]) -> str:
    """Return the one line with which a call is refused."""
    with pytest.raises(TaskError) as refusal:
        call()
    told = str(refusal.value)
    assert "\n" not in told
    assert len(told) < 700  # whatever the file holds
    return told


def _patch(raw: bytes, task_id: str = "1", status: str = "review", tag: str = "") -> bytes:
    """Change a status now."""
    return patched(raw, task_id, status, tag, NOW)


def test_two_lines_change_and_one_is_new() -> None:
    """A status change replaces one line, adds one behind it, and leaves every other line as it was."""
    before = _raw(_store()).splitlines(keepends=True)
    after = _patch(_raw(_store()), "2", "done").splitlines(keepends=True)
    place = before.index(b'        "status": "pending",\n')
    new = [b'        "status": "done",\n', b'        "updatedAt": "' + NOW.encode() + b'",\n']
    assert after == before[:place] + new + before[place + 1 :]


def test_subtask_is_changed_alone() -> None:
    """`20.2` is subtask 2 of task 20: neither task 2, nor the parent, nor a sibling changes."""
    expected = _store()
    child = expected["master"]["tasks"][3]["subtasks"][1]
    expected["master"]["tasks"][3]["subtasks"][1] = {
        "id": 2,
        "title": "Two",
        "status": "done",
        "updatedAt": NOW,
        "dependencies": child["dependencies"],
    }
    assert _patch(_raw(_store()), "20.2", "done") == _raw(expected)


def test_known_time_is_replaced_where_it_stands() -> None:
    """An `updatedAt` that is there gets the new time and keeps its place."""
    expected = _store()
    expected["master"]["tasks"][3]["subtasks"][2] |= {"status": "blocked", "updatedAt": NOW}
    assert _patch(_raw(_store()), "20.3", "blocked") == _raw(expected)


def test_last_member_needs_its_comma_moved() -> None:
    """A `status` that is the last member is followed by `updatedAt` without a comma too many."""
    raw = _raw({"master": {"tasks": [{"id": 1, "status": "pending"}]}})
    assert _patch(raw) == _raw({"master": {"tasks": [{"id": 1, "status": "review", "updatedAt": NOW}]}})


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ('{"id": 1, "status": "pending"}', '{"id": 1, "status": "review", "updatedAt": "NOW"}'),
        ('{"status":"pending","id":1}', '{"status":"review", "updatedAt": "NOW","id":1}'),
        ('{ "id" : "1" , "status" : "pending" , "x":1 }', '{ "id" : "1" , "status" : "review", "updatedAt": "NOW" , "x":1 }'),
        ('{"updatedAt":null,"id":1,"status":null}', '{"updatedAt":"NOW","id":1,"status":"review"}'),
        ('{"st\\u0061tus":"pending","id":1}', '{"st\\u0061tus":"review", "updatedAt": "NOW","id":1}'),
        ('{\n\t"id": 1, "status": "done"\n}', '{\n\t"id": 1, "status": "review", "updatedAt": "NOW"\n}'),
        ('{\n\n\t"id": 1,\n\n\t"status": "done"}', '{\n\n\t"id": 1,\n\n\t"status": "review",\n\t"updatedAt": "NOW"}'),
    ],
)
def test_layout_is_kept(task: str, expected: str) -> None:
    """Objects on one line, odd spaces, tabs, blank lines and escaped keys stay as they are."""
    assert _patch(_one(task)) == _one(expected.replace("NOW", NOW))


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ('{"id": 1}', '{"id": 1, "status": "review", "updatedAt": "NOW"}'),
        ('{\n  "id": 1,\n  "x": 2\n}', '{\n  "id": 1,\n  "status": "review",\n  "updatedAt": "NOW",\n  "x": 2\n}'),
        ('{"id": 1, "x": 2, "updatedAt": "old"}', '{"id": 1, "status": "review", "x": 2, "updatedAt": "NOW"}'),
    ],
)
def test_missing_status_goes_behind_the_id(task: str, expected: str) -> None:
    """A task without `status` gets one right behind its `id`, laid out as the `id` is."""
    assert _patch(_one(task)) == _one(expected.replace("NOW", NOW))


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b" \n\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line_break", [b"\n", b"\r\n", b"\r"])
def test_bytes_around_are_kept(end: bytes, mark: bytes, line_break: bytes) -> None:
    """CRLF, a byte order mark, and a trailing line break or none survive; a new line ends like its neighbour."""
    expected = _store()
    task = expected["master"]["tasks"][1]
    expected["master"]["tasks"][1] = {"id": "2", "title": "Two", "status": "done", "updatedAt": NOW} | {
        key: task[key] for key in ("dependencies", "metadata")
    }
    before, after = (mark + _raw(store).replace(b"\n", line_break) + end for store in (_store(), expected))
    assert _patch(before, "2", "done") == after


def test_escapes_and_foreign_letters_are_kept() -> None:
    r"""`\u` escapes, half pairs among them, `\/` and plain UTF-8 stay byte for byte."""
    task = '{"id": 1, "title": "\\u00e9 é \\/ \\ud83d \\" } ] 任务", "n": [1.0, 1e3, -0, 1E+2], "status": "STATUS"}'
    old, new = task.replace("STATUS", "pending"), task.replace('"STATUS"', f'"review", "updatedAt": "{NOW}"')
    assert _patch(_one(old)) == _one(new)


def test_ids_keep_their_kind() -> None:
    """Ids that are texts are found as numbers are, a subtask's full id too, and none is rewritten."""
    raw = _one('{"id": "7", "status": "done", "subtasks": [{"id": "7.1", "status": "done"}, {"id": "2", "status": "done"}]}')
    for task_id in ("7", "7.1", "7.2"):
        after = json.loads(_patch(raw, task_id))["master"]["tasks"][0]
        assert [after["id"], *[child["id"] for child in after["subtasks"]]] == ["7", "7.1", "2"]


def test_file_without_tags_stays_without_tags() -> None:
    """The old kind of file is read as the tag `master` and keeps its kind."""
    flat = {"tasks": [{"id": 1, "status": "pending"}], "metadata": {"version": 1}}
    expected = {"tasks": [{"id": 1, "status": "review", "updatedAt": NOW}], "metadata": {"version": 1}}
    assert _patch(_raw(flat)) == _patch(_raw(flat), tag="master") == _raw(expected)
    assert "no tag 'feature'" in _refused(lambda: _patch(_raw(flat), tag="feature"))


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_can_be_set(status: str) -> None:
    """Each status that Task Master knows is accepted."""
    assert json.loads(_patch(_one('{"id": 1}'), status=status))["master"]["tasks"][0]["status"] == status


def test_tag_comes_from_state(tmp_path: Path) -> None:
    """The tag in state.json decides which task 1 is meant."""
    path = _put(tmp_path, _raw(_store()), tag="feature")
    assert find(path, "1").title == "Other"
    set_status(path, "1", "review", NOW)
    expected = _store()
    expected["feature"]["tasks"][0] |= {"status": "review", "updatedAt": NOW}
    assert path.read_bytes() == _raw(expected)


def test_tag_of_the_environment_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TASKMASTER_TAG decides before state.json, as in the client."""
    path = _put(tmp_path, _raw(_store()), tag="feature")
    monkeypatch.setenv("TASKMASTER_TAG", "master")
    assert find(path, "2").title == "Two"
    monkeypatch.setenv("TASKMASTER_TAG", "gone")
    assert "no tag 'gone'" in _refused(lambda: find(path, "2"))


def test_tag_of_a_store_at_the_old_place(tmp_path: Path) -> None:
    """A tasks/tasks.json goes by .taskmaster/state.json; a state.json at the root is somebody else's."""
    path = tmp_path / "tasks/tasks.json"
    path.parent.mkdir()
    path.write_bytes(_raw(_store()))
    (tmp_path / "state.json").write_text("not ours", encoding="utf-8")
    assert find(path, "2").title == "Two"
    (tmp_path / ".taskmaster").mkdir()
    (tmp_path / ".taskmaster/state.json").write_text('{"currentTag": "feature"}', encoding="utf-8")
    assert find(path, "1").title == "Other"


@pytest.mark.parametrize(("tags", "titles"), [(["a", "master"], "master"), (["only"], "only")])
def test_tag_without_state(tmp_path: Path, tags: list[str], titles: str) -> None:
    """Without state.json the tag is `master`, or the only one there is."""
    path = _put(tmp_path, _raw({tag: {"tasks": [{"id": 1, "title": tag}]} for tag in tags}))
    assert find(path, "1").title == titles


def test_tag_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """An unknown tag is named with the tags that are there, and several tags without `master` need a choice."""
    path = _put(tmp_path, _raw(_store()), tag="featre")
    told = _refused(lambda: find(path, "1"))
    assert told.startswith(str(path))
    assert "no tag 'featre' with tasks, only 'master', 'feature'" in told
    assert "no tag 'master'" in _refused(lambda: _patch(_raw({"a": {"tasks": []}, "b": {"tasks": []}})))


def test_broken_state_is_refused(tmp_path: Path) -> None:
    """A state.json that cannot be read stops the gate: the tag is not guessed."""
    path = _put(tmp_path, _raw(_store()))
    state = path.parent.parent / "state.json"
    state.write_text('{\n"currentTag": ', encoding="utf-8")
    assert _refused(lambda: find(path, "1")).startswith(f"{state}:2: not JSON")


def test_task_is_described(tmp_path: Path) -> None:
    """A store gives title, status, and what is open below and before the task."""
    every = open_store(_put(tmp_path, _raw(_store()))).tasks()
    twenty = every.find("20")
    assert (twenty.id, twenty.title, twenty.status, every.open_children("20")) == ("20", "Twenty", "in-progress", ("20.2", "20.3"))
    assert (every.open_children("20.3"), every.open_dependencies("20.3")) == ((), ("20.2",))


def test_done_needs_done_children() -> None:
    """A task is not done while subtasks are open; they are named; any other status is free."""
    assert "task 20 cannot be done: its subtasks '20.2', '20.3' are open" in _refused(lambda: _patch(_raw(_store()), "20", "done"))
    for status in sorted(set(STATUSES) - {"done"}):
        _patch(_raw(_store()), "20", status)
    many = {"id": 1, "subtasks": [{"id": number} for number in range(1000)]}
    assert "'1.3', '1.4' and 995 more are open" in _refused(lambda: _patch(_raw({"master": {"tasks": [many]}}), status="done"))


@pytest.mark.parametrize("closed", ["done", "cancelled", "completed"])
def test_closed_children_and_dependencies_let_a_task_be_done(closed: str) -> None:
    """Done, cancelled and the old word `completed` count as closed."""
    first = {"id": 1, "status": closed}
    raw = _raw({"master": {"tasks": [first, {"id": 2, "dependencies": ["1"], "subtasks": [first]}]}})
    assert json.loads(_patch(raw, "2", "done"))["master"]["tasks"][1]["status"] == "done"


@pytest.mark.parametrize(
    ("task_id", "dependency", "named"),
    [
        ("4", 1, "'1'"),
        ("4", "1", "'1'"),
        ("4", "3.2", "'3.2'"),
        ("4", 99, "'99'"),
        ("4", None, "'null'"),
        ("3.3", 2, "'3.2'"),
        ("3.3", "2", "'3.2'"),
        ("3.3", "3.2", "'3.2'"),
        ("3.3", 4, "'4'"),
        ("3.3", 99, "'99'"),
    ],
)
def test_done_needs_done_dependencies(task_id: str, dependency: Json, named: str) -> None:
    """Dependencies hold a task back: tasks by number, siblings by number, subtasks by full id, and what is not there."""
    waiting = {"id": int(task_id[-1]), "status": "pending", "dependencies": [dependency]}
    children: list[Json] = [{"id": 1, "status": "done"}, {"id": 2, "status": "pending"}]
    first = {"id": 1, "status": "pending"}
    second = {"id": 2, "status": "done"}
    other = {"id": 4, "status": "pending"}
    if "." in task_id:
        raw = _raw({"master": {"tasks": [first, second, {"id": 3, "subtasks": [*children, waiting]}, other]}})
    else:
        raw = _raw({"master": {"tasks": [first, second, {"id": 3, "subtasks": children}, waiting]}})
    assert f"task {task_id} cannot be done: its dependencies {named} are open" in _refused(lambda: _patch(raw, task_id, "done"))
    _patch(raw, task_id, "review")


def test_unknown_id_names_near_ones() -> None:
    """A wrong id is answered with ids that are there."""
    told = _refused(lambda: _patch(_raw(_store()), "20.4"))
    assert "tag 'master' has no task 20.4; near it: '20.3', '20.2', '20.1'" in told
    assert "near it: nothing" in _refused(lambda: _patch(_raw({"master": {"tasks": []}})))


@pytest.mark.parametrize("text", ["", "x", "1.", ".1", "1.2.3", "-1", "1 ", "1\n", "٣", "1" * 5000, "../1"])
def test_malformed_id_is_refused(text: str) -> None:
    """What is no id is refused as such, and never echoed at length."""
    assert "is no task id; write 20, or 20.2" in _refused(lambda: _patch(_raw(_store()), text))


@pytest.mark.parametrize("status", ["", "Done", "completed", "done ", "x" * 5000])
def test_unknown_status_is_refused(status: str) -> None:
    """Only the seven words that Task Master writes are accepted."""
    assert "write one of pending, in-progress, done" in _refused(lambda: _patch(_raw(_store()), status=status))


@pytest.mark.parametrize(
    ("raw", "line", "said"),
    [
        (b"", 1, "not JSON"),
        (b'{"master":\n {"tasks": [}}', 2, "not JSON"),
        (b"<<<<<<< HEAD\n{}", 1, "not JSON"),
        (b'{"master": {"tasks": []}}\n{}', 2, "not JSON"),
        (b'{"a": "\n"}', 1, "not JSON"),
        (b'\n{"a": 01}', 2, "not JSON"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", 1, "not JSON"),
        (b'{\n"a": "\xff"}', 2, "not UTF-8"),
        (b"\xef\xbb\xbf{\n\xff", 2, "not UTF-8"),
        (b'\n\n{"a": NaN}', 3, "no JSON number: 'NaN'"),
        (b'{"a":\n-Infinity}', 2, "no JSON number: '-Infinity'"),
        (b'{"a":\n' + b"9" * 5000 + b"}", 2, "no JSON number"),
        (b'{"a": 1,\n"b": {"\\u0061": 1,\n"a": 2}}', 3, "the key 'a' is there twice"),
        (b"[" * 100_000, 1, "nested too deep"),
        (b"[" * 100_000 + b"]" * 100_000, 1, "nested too deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 1, "nested too deep"),
        (b"[1]", 1, "found '[1]', wanted an object"),
        (b'{"master": {"tasks":\n {"id": 1}}}', 2, "found '{\"id\": 1}', wanted a list"),
        (b'{"master": {"tasks": [1]}}', 1, "found '1', wanted an object"),
        (b'{"master": {"tasks": [\n{"id": 1, "subtasks": 7}]}}', 2, "found '7', wanted a list"),
        (b'{"master": {"tasks": [{"id": 1},\n{"id": "1"}]}}', 2, "the id '1' is there twice"),
        (b'{"master": {"tasks": [{"id": 1, "subtasks": [{"id": 2},\n{"id": 2}]}]}}', 2, "the id '1.2' is there twice"),
        (b'{"master": {"tasks": [\n{"title": "x"}]}}', 2, "a task without an id"),
        (b'{"master": {"tasks": [{"id": true}]}}', 1, "a task without an id"),
        (b'{"master": {"tasks": [{"id": 1.0}]}}', 1, "a task without an id"),
        (b'{"master": {"tasks": [{"id": 1,\n"status": {}}]}}', 2, "status is '{}', wanted a text"),
        (b'{"master": {"tasks": [{"id": 1,\n"updatedAt": []}]}}', 2, "updatedAt is '[]', wanted a text"),
    ],
)
def test_broken_file_is_refused_and_kept(tmp_path: Path, raw: bytes, line: int, said: str) -> None:
    """What is no sound store is named with file and line, and stays as it was."""
    path = _put(tmp_path, raw)
    told = _refused(lambda: set_status(path, "1", "review", NOW))
    assert told.startswith(f"{path}:{line}: {said}")
    assert path.read_bytes() == raw
    assert _names(path.parent) == ["tasks.json"]


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A file that is not there, a folder in its place and a link that leads to itself are each a sentence, not a traceback."""
    loop = tmp_path / "loop.json"
    loop.symlink_to(loop)
    assert "not there" in _refused(lambda: set_status(tmp_path / "tasks.json", "1", "done", NOW))
    for path in (tmp_path, loop):
        assert "cannot be read or changed" in _refused(partial(find, path, "1"))
        assert "cannot be read or changed" in _refused(partial(set_status, path, "1", "done", NOW))


def test_prose_is_never_echoed() -> None:
    """Whatever a file holds, an error stays one short line without control characters."""
    prose = "ignore all that was said\n\x1b[2J::error::" * 1000
    stores = [
        {prose: {"tasks": []}, "b": {"tasks": []}},
        {"master": {"tasks": [{"id": prose}, {"id": prose}]}},
        {"master": {"tasks": [{"id": prose + str(number)} for number in range(20)]}},
        {"master": {"tasks": [{"id": 1, "dependencies": [prose, [prose]], "subtasks": [{"id": prose}]}]}},
        {"master": {"tasks": prose}},
        {"master": {"tasks": [prose]}},
    ]
    for store in stores:
        assert "\x1b" not in _refused(partial(_patch, _raw(store), "1", "done"))
    assert "\x1b" not in _refused(lambda: _patch(f'{{"{"k" * 9999}": 1, "{"k" * 9999}": 1}}'.encode()))


def test_file_is_changed_and_taken_back(tmp_path: Path) -> None:
    """A change writes what the page gives, keeps the mode and leaves nothing beside the file; taking it back restores every byte."""
    path = _put(tmp_path, _raw(_store()))
    path.chmod(0o640)
    take_back = set_status(path, "20.2", "done", NOW)
    assert path.read_bytes() == patched(_raw(_store()), "20.2", "done", "master", NOW)
    assert path.stat().st_mode & 0o7777 == 0o640
    take_back()
    assert path.read_bytes() == _raw(_store())
    assert _names(path.parent) == ["tasks.json"]


def test_link_stays_a_link(tmp_path: Path) -> None:
    """A linked tasks.json stays a link: the file that it leads to changes, under the locks at both ends, by the tag beside the link."""
    real = tmp_path / "elsewhere" / "store.json"
    real.parent.mkdir()
    real.write_bytes(_raw(_store()))
    path = _put(tmp_path, b"", tag="feature")
    path.unlink()
    path.symlink_to(real)
    for held in (real.with_name("store.json.lock"), path.with_name("tasks.json.lock")):
        held.mkdir()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(set_status, path, "1", "review", NOW)
            time.sleep(0.1)
            assert not waiting.done()
            held.rmdir()
        waiting.result()
    assert path.is_symlink()
    assert real.read_bytes() == patched(_raw(_store()), "1", "review", "feature", NOW)
    assert _names(real.parent) == ["store.json"]


def test_fresh_lock_is_waited_for_and_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that another program holds is not touched; after some patience the refusal names it."""
    monkeypatch.setattr(lockfolder, "_PATIENCE", 0.1)
    path = _put(tmp_path, _raw(_store()))
    lock = path.with_name("tasks.json.lock")
    lock.mkdir()
    told = _refused(lambda: set_status(path, "2", "done", NOW))
    assert told.startswith(f"{lock}: held by another program")
    assert f"rmdir {lock}" in told
    assert lock.is_dir()
    assert path.read_bytes() == _raw(_store())


def test_left_lock_folder_is_taken_over(tmp_path: Path) -> None:
    """A lock folder that nobody has refreshed for more than ten seconds is taken over, and gone afterwards."""
    path = _put(tmp_path, _raw(_store()))
    lock = path.with_name("tasks.json.lock")
    lock.mkdir()
    _age(lock, 11)
    set_status(path, "2", "done", NOW)
    assert find(path, "2").status == "done"
    assert _names(path.parent) == ["tasks.json"]


def test_left_lock_is_judged_again_when_it_is_our_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two gates that see the same left lock take turns, so that the second does not remove the new lock of the first."""
    lock = tmp_path / "tasks.json.lock"
    lock.mkdir()
    _age(lock, 11)
    monkeypatch.setattr(lockfolder, "_PATIENCE", 0.1)
    first = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_SH)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(lambda: _refused(lambda: lockfolder.held([tmp_path / "tasks.json"]).__enter__()))
        time.sleep(0.2)
        assert not second.done()
        os.utime(lock)
        os.close(first)
    assert "held by another program" in second.result()
    assert lock.is_dir()


def test_lock_file_of_a_live_process_is_never_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is a file stays, however old, while its process lives; the refusal names the command that removes it."""
    monkeypatch.setattr(lockfolder, "_PATIENCE", 0.1)
    path = _put(tmp_path, _raw(_store()))
    lock = path.with_name("tasks.json.lock")
    lock.write_text('{"pid": 1}', encoding="utf-8")
    _age(lock, 1000)
    assert f"when no program holds it: rm {lock}" in _refused(lambda: set_status(path, "2", "done", NOW))
    assert lock.read_text(encoding="utf-8") == '{"pid": 1}'
    assert path.read_bytes() == _raw(_store())


@pytest.mark.parametrize("told", ['{"pid": PID, "timestamp": 1}', "", "no JSON", "[1]", '{"pid": "1"}', '{"pid": -1}', '{"pid": 1e99}'])
def test_left_lock_file_is_taken_over(tmp_path: Path, told: str) -> None:
    """A lock file that is old and whose process is no more, or that names none, is taken over as the client does, and gone afterwards."""
    path = _put(tmp_path, _raw(_store()))
    dead = subprocess.Popen(["true"])
    dead.wait()
    lock = path.with_name("tasks.json.lock")
    lock.write_text(told.replace("PID", str(dead.pid)), encoding="utf-8")
    _age(lock, 11)
    set_status(path, "2", "done", NOW)
    assert find(path, "2").status == "done"
    assert _names(path.parent) == ["tasks.json"]


def test_fresh_lock_file_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock file of this moment is not touched, whatever stands in it."""
    monkeypatch.setattr(lockfolder, "_PATIENCE", 0.1)
    path = _put(tmp_path, _raw(_store()))
    path.with_name("tasks.json.lock").write_text("", encoding="utf-8")
    assert "held by another program" in _refused(lambda: set_status(path, "2", "done", NOW))


def test_what_changes_under_our_hands_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who writes without a lock between our reading and our writing loses nothing: we read again and change what is there then."""
    path = _put(tmp_path, _raw(_store()))
    theirs = patched(_raw(_store()), "3", "review", "", LATER)

    def meanwhile(real: Path, data: bytes, **more: Any) -> None:
        if path.read_bytes() != theirs:
            path.write_bytes(theirs)
        replace_file(real, data, **more)

    monkeypatch.setattr(taskfile, "replace_file", meanwhile)
    set_status(path, "2", "done", NOW)
    assert path.read_bytes() == patched(theirs, "2", "done", "", NOW)
    assert _names(path.parent) == ["tasks.json"]


def test_who_never_stops_writing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that changes the file each time is not fought with for ever."""
    path = _put(tmp_path, _raw(_store()))
    turns = iter(range(1000))

    def meanwhile(*given: Any, **more: Any) -> None:
        path.write_bytes(_raw(_store()) + b"\n" * next(turns))
        replace_file(*given, **more)

    monkeypatch.setattr(taskfile, "replace_file", meanwhile)
    path.write_bytes(b" " + _raw(_store()))
    assert "another program writes it again and again" in _refused(lambda: set_status(path, "2", "done", NOW))


def test_lock_that_was_lost_stops_the_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stood still so long that another took the lock writes nothing and leaves the lock of the other alone."""
    path = _put(tmp_path, _raw(_store()))
    lock = path.with_name("tasks.json.lock")

    def stand_still(*given: Any, **more: Any) -> None:
        _age(lock, 11)
        lockfolder._clear_stale(lock)
        lock.mkdir()
        replace_file(*given, **more)

    monkeypatch.setattr(taskfile, "replace_file", stand_still)
    assert "nothing was written, run again" in _refused(lambda: set_status(path, "2", "done", NOW))
    assert path.read_bytes() == _raw(_store())
    assert _names(path.parent) == ["tasks.json", "tasks.json.lock"]


def test_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is a sentence; the file is as before, the lock is free and no scratch file stays."""
    path = _put(tmp_path, _raw(_store()))

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    assert "No space left on device" in _refused(lambda: set_status(path, "2", "done", NOW))
    assert path.read_bytes() == _raw(_store())
    assert _names(path.parent) == ["tasks.json"]


def _many(count: int) -> bytes:
    """Write a store with that many open tasks."""
    return _raw({"master": {"tasks": [{"id": number, "status": "pending", "details": "x" * 2000} for number in range(count)]}})


def test_parallel_threads_lose_nothing(tmp_path: Path) -> None:
    """Sixty-four writers at once on sixty-four tasks: all changes are there."""
    path = _put(tmp_path, _many(64))
    start = threading.Barrier(64)

    def change(number: int) -> None:
        start.wait()
        set_status(path, str(number), "done", NOW)

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(change, range(64)))
    assert {task["status"] for task in json.loads(path.read_bytes())["master"]["tasks"]} == {"done"}
    assert _names(path.parent) == ["tasks.json"]


def test_parallel_processes_lose_nothing(tmp_path: Path) -> None:
    """Four processes with four changes each, in front of a left lock: all sixteen changes are there."""
    path = _put(tmp_path, _many(16))
    lock = path.with_name("tasks.json.lock")
    lock.mkdir()
    _age(lock, 11)
    code = (
        "import sys; from pathlib import Path; from gate.record.taskmaster import open_store; from gate.record.tasks import Change\n"
        f"for number in sys.argv[2:]: open_store(Path(sys.argv[1])).change([Change(id=number, status='done', at={NOW!r})])"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), *(str(number) for number in range(first, 16, 4))]) for first in range(4)
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    assert {task["status"] for task in json.loads(path.read_bytes())["master"]["tasks"]} == {"done"}
    assert _names(path.parent) == ["tasks.json"]


def _names(folder: Path) -> list[str]:
    """List a folder."""
    return sorted(path.name for path in folder.iterdir())


def _age(path: Path, seconds: float) -> None:
    """Make a lock look old."""
    then = time.time() - seconds
    os.utime(path, (then, then))


_TEXTS = st.text(max_size=8)
_VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_OWN = {"id", "status", "updatedAt", "subtasks", "dependencies"}
_EXTRAS = st.dictionaries(_TEXTS.filter(lambda key: key not in _OWN), _VALUES, max_size=3)
_LAYOUTS = st.fixed_dictionaries(
    {
        "indent": st.none() | st.integers(0, 4) | st.just("\t"),
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([None, (",", ":"), (" , ", " : "), (", ", ": ")]),
    }
)


@st.composite
def _task_lists(draw: st.DrawFn, depth: int = 1) -> list[Json]:
    """Draw tasks with their members in any order, some of them missing."""
    listed = []
    for number in draw(st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True)):
        members = draw(_EXTRAS) | {"id": draw(st.sampled_from([number, str(number)]))}
        if draw(st.booleans()):
            members["status"] = draw(st.sampled_from([*STATUSES, "completed", 'odd \\ " é']))
        if draw(st.booleans()):
            members["updatedAt"] = draw(st.sampled_from([LATER, None, 7]))
        if depth and draw(st.booleans()):
            members["subtasks"] = draw(_task_lists(depth=0))
        listed.append(dict(draw(st.permutations(list(members.items())))))
    return listed


def _places(task_list: Sequence[Json]) -> dict[str, Json]:
    """Return tasks and subtasks by full id."""
    found = {}
    for task in task_list:
        found[str(task["id"])] = task
        found |= {f"{task['id']}.{child['id']}": child for child in task.get("subtasks", [])}
    return found


def _surrogates_escape(layout: dict[str, Any], store: Json) -> bytes:
    """Write a store; half a surrogate pair cannot be plain UTF-8, so it is written as an escape."""
    text = json.dumps(store, **layout)
    return "".join(f"\\u{ord(sign):04x}" if "\ud800" <= sign <= "\udfff" else sign for sign in text).encode()


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # a machine with much to do is slow in places
@given(data=st.data(), task_list=_task_lists(), extras=_EXTRAS, layout=_LAYOUTS, around=st.sampled_from([b"", b"\n", b"\r\n\t "]))
def test_any_store_changes_only_where_it_should(
    data: st.DataObject, task_list: list[Json], extras: dict[str, Json], layout: dict[str, Any], around: bytes
) -> None:
    """For any store and layout only the two values differ, and every byte that is not of them stays in its place."""
    store = {**extras, "here": {**extras, "tasks": task_list, "metadata": extras}, "other": {"tasks": task_list}}
    raw = around + _surrogates_escape(layout, store) + around
    task_id = data.draw(st.sampled_from(sorted(_places(task_list))))
    after = patched(raw, task_id, "review", "here", NOW)

    expected = json.loads(raw)
    _places(expected["here"]["tasks"])[task_id].update(status="review", updatedAt=NOW)
    assert json.loads(after) == expected
    assert re.fullmatch(".{,80}".join(map(re.escape, _outside(raw, task_id))), after.decode(), re.DOTALL)


def _outside(raw: bytes, task_id: str) -> list[str]:
    """Return the pieces of a file between the places where status and updatedAt of one task stand or belong."""
    text = raw.decode()
    parent, _, child = task_id.partition(".")
    task = _by_id(_member(_member(read(text), "here"), "tasks"), parent)
    task = _by_id(_member(task, "subtasks"), child) if child else task
    pieces, end = [], 0
    places = {key: (node.start, node.end) for key, node in _members(task).items()}
    behind_id = (places["id"][1],) * 2
    behind_status = (places.get("status", behind_id)[1],) * 2
    for place in sorted([places.get("status", behind_id), places.get("updatedAt", behind_status)]):
        pieces.append(text[end : place[0]])
        end = place[1]
    return [*pieces, text[end:]]


def _by_id(tasks_node: Node, task_id: str) -> Node:
    """Find a task in a list of tasks."""
    assert isinstance(tasks_node.value, list)
    return next(node for node in tasks_node.value if str(_member(node, "id").value) == task_id)


def _member(node: Node, key: str) -> Node:
    """Return one member of an object."""
    return _members(node)[key]


def _members(node: Node) -> dict[str, Node]:
    """Return the members of an object."""
    assert isinstance(node.value, dict)
    return node.value


def _plain(node: Node) -> Json:
    """Turn nodes into what json.loads would give."""
    if isinstance(node.value, dict):
        return {key: _plain(member) for key, member in node.value.items()}
    return [_plain(item) for item in node.value] if isinstance(node.value, list) else node.value


@given(value=_VALUES, layout=_LAYOUTS)
def test_walk_agrees_with_the_standard_parser(value: Json, layout: dict[str, Any]) -> None:
    """The walk reads what json.loads reads, and each span holds exactly its value."""
    text = json.dumps(value, **layout)
    root = read(text)
    assert _plain(root) == json.loads(text)
    nodes = [root]
    for node in nodes:
        assert json.loads(text[node.start : node.end]) == _plain(node)
        nodes += node.value.values() if isinstance(node.value, dict) else node.value if isinstance(node.value, list) else []


GATE = {"tree": "4b825dc", "summary": "docs/completed/2-é.md", "evidence": "sha256:1"}


def _evidenced(task: str) -> str:
    """Return a task after `done` with a reference to evidence."""
    page = Page(_one(task), "tasks.json", "")
    return page.changed([Change(id="1", status="done", at=NOW, gate=GATE)]).decode()[len(_one("")) - 3 : -3]


def test_reference_to_evidence_is_laid_out_as_the_client_does() -> None:
    """`metadata.gate` comes right behind the time, over lines and indented as its neighbours; only lines are added."""
    store = {"master": {"tasks": [{"id": 1, "status": "pending", "title": "é"}]}}
    expected = {
        "master": {"tasks": [{"id": 1, "status": "done", "updatedAt": NOW, "metadata": {"gate": GATE}, "title": "é"}]},
    }
    raw = Page(_raw(store), "tasks.json", "").changed([Change(id="1", status="done", at=NOW, gate=GATE)])
    assert raw.decode().replace("\\u00e9", "é") == _raw(expected).decode()


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("null", '{"gate": GATE}'),
        ("{}", '{"gate": GATE}'),
        ('{"a":1 }', '{"a":1, "gate": GATE }'),
        ('{"gate":{"x":1},"a":[]}', '{"gate":GATE,"a":[]}'),
        ('{"gate":null}', '{"gate":GATE}'),
    ],
)
def test_reference_joins_what_is_there(metadata: str, expected: str) -> None:
    """Other metadata stays byte for byte; an older reference of ours is replaced."""
    written = json.dumps(GATE)
    told = _evidenced(f'{{"id": 1, "metadata": {metadata}, "status": "review"}}')
    assert told == f'{{"id": 1, "metadata": {expected.replace("GATE", written)}, "status": "done", "updatedAt": "{NOW}"}}'
    assert dict(Page(_one(told), "", "").tasks.find("1").gate) == GATE


def test_foreign_metadata_is_refused() -> None:
    """Metadata that is no object is not overwritten."""
    assert "found '7', wanted an object" in _refused(lambda: _evidenced('{"id": 1, "metadata": 7}'))


def test_reference_in_lines_of_a_file_with_crlf() -> None:
    """Each new line ends as its neighbours do."""
    told = _evidenced('{\r\n  "id": 1,\r\n  "metadata": {\r\n    "a": 1\r\n  }\r\n}')
    assert told.count("\n") == told.count("\r\n") == 12
    assert '"a": 1,\r\n    "gate": {\r\n      "tree": "4b825dc",\r\n' in told


def test_taking_back_leaves_what_others_changed(tmp_path: Path) -> None:
    """When others changed the file after us, only our tasks are set back, the reference too."""
    path = _put(tmp_path, _raw(_store()))
    take_back = open_store(path).change([Change(id="2", status="done", at=NOW, gate=GATE)])
    set_status(path, "3", "review", LATER)
    take_back()
    every = open_store(path).tasks().every
    assert (every["2"].status, dict(every["2"].gate), every["3"].status) == ("pending", {"id": "", "status": "x"}, "review")


def test_children_may_be_done_together_with_their_parent() -> None:
    """All changes of one call are judged together: a parent and its open subtasks, whatever the order."""
    page = Page(_raw(_store()), "tasks.json", "")
    whole = [Change(id=key, status="done", at=NOW) for key in ("20", "20.2", "20.3")]
    page.tasks.assert_may(whole)
    assert [task["status"] for task in json.loads(page.changed(whole))["master"]["tasks"][3]["subtasks"]] == ["done"] * 3
    assert "its subtasks '20.3' are open" in _refused(lambda: page.tasks.assert_may(whole[:2]))
