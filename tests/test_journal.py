"""Runs that change files: everything can be taken back, nothing is overwritten, and a kill at any system call loses nothing."""

import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from gate.errors import GateError
from gate.facts import Change, Entry
from gate.tidy import descriptors
from gate.tidy.journal import Journal, empty, runs, undo
from tests.conftest import Repository, but_slow
from tests.killing import killed_at
from tests.trees import Snapshot, snapshot

STRANGE = os.fsdecode(b"sp\xff ace\n.bak")


def entry(root: Path, path: str) -> Entry:
    """Take a path for planned as it is now."""
    now = (root / path).lstat()
    folder = (root / path).is_dir() and not (root / path).is_symlink()
    return Entry(path=path, device=now.st_dev, inode=now.st_ino, folder=folder, size=now.st_size, written=now.st_mtime_ns)


@pytest.fixture
def tree(bare: Repository, tmp_path: Path) -> Path:
    """Return a repository with things of every sort that git does not know."""
    bare.commit()
    bare.write("work/a.bak", "mine")
    bare.write(f"work/{STRANGE}", b"\0\xff")
    bare.write("old/deep/er/x.log", "log").chmod(0o640)
    (bare.root / "old/deep").chmod(0o750)
    bare.write("outside.txt", "o")
    (bare.root / "link").symlink_to(tmp_path)
    os.mkfifo(bare.root / "pipe")
    (bare.root / "nothing").mkdir()
    bare.write("cache/x.pyc", "byte code")
    return bare.root


TRASHED = ("work/a.bak", f"work/{STRANGE}", "old/deep", "link", "pipe", "nothing")


def sweep(root: Path) -> None:
    """Do a run that trashes and removes; what is gone already, a run before this one took."""
    with Journal.begin(root, "clean", "") as journal:
        for path in TRASHED:
            if os.path.lexists(root / path):
                assert journal.trash(entry(root, path)) == ""
        if (root / "cache").exists():
            left = tuple(entry(root, path) for path in ("cache/x.pyc", "cache") if (root / path).exists())
            change = Change(path="cache", kind="bytecode", size=9, act="remove", reason="", entries=left)
            assert journal.remove_all([change], lambda: None) == [""]


def without(tree: Snapshot, *paths: str) -> Snapshot:
    """Leave out paths with everything below them."""
    gone = [os.fsencode(path) for path in paths]
    return {path: found for path, found in tree.items() if not any(path == one or path.startswith(one + b"/") for one in gone)}


def test_what_was_trashed_comes_back_as_it_was(tree: Path) -> None:
    """Files, folders, links, pipes, modes, times and names that are not UTF-8 survive the trash; regenerable things are said to be gone."""
    before = snapshot(tree)
    sweep(tree)
    assert snapshot(tree) == without(before, *TRASHED, "cache")
    told = {change.path: change.act for change in undo(tree)}
    assert told == dict.fromkeys(TRASHED, "restored") | {"cache": "gone"}
    assert snapshot(tree) == without(before, "cache")
    assert undo(tree) == ()


def test_undo_refuses_to_overwrite_and_changes_nothing(tree: Path) -> None:
    """One place that is taken again, or a file where a folder must be, stops the whole undo before its first act."""
    sweep(tree)
    (tree / "work/a.bak").write_text("newer")
    shutil.rmtree(tree / "old")
    (tree / "old").write_text("a file now")
    before = snapshot(tree, leave=(".git",))
    with pytest.raises(GateError, match="exists again") as error:
        undo(tree)
    assert "old/deep has a file in the place of a folder above it" in str(error.value)
    assert snapshot(tree, leave=(".git",)) == before
    (tree / "work/a.bak").unlink()
    (tree / "old").unlink()
    assert {change.act for change in undo(tree)} == {"restored", "gone"}
    assert (tree / "work/a.bak").read_text() == "mine"


def test_undo_takes_the_newest_run_or_the_named_one(tree: Path) -> None:
    """Without a name the newest run of the verb is taken back; a name or its beginning finds another; an unknown one is refused."""
    for path, verb in (("pipe", "clean"), ("link", "clean"), ("outside.txt", "docs")):
        with Journal.begin(tree, verb, "abc") as journal:
            journal.trash(entry(tree, path))
    first, second, third = runs(tree)
    assert (first.what, first.tree, first.state, third.what) == ("clean", "abc", "done", "docs")
    assert [change.path for change in undo(tree, what="clean")] == ["link"]
    assert [change.path for change in undo(tree, first.when)] == ["pipe"]
    assert [run.state for run in runs(tree)] == ["undone", "undone", "done"]
    with pytest.raises(GateError, match=f"undo 1999: 0 runs are named so; name one of: {first.when}, {second.when}"):
        undo(tree, "1999")


def test_run_that_does_nothing_leaves_nothing(tree: Path) -> None:
    """No folder is made for a run without an act, so that undo finds the one that did something."""
    with Journal.begin(tree, "clean", ""):
        pass
    assert runs(tree) == ()
    assert undo(tree) == ()


def test_removal_takes_only_what_was_planned(tree: Path) -> None:
    """A file that was written or replaced since, and a folder that holds a new file, stay with the reason; what is gone is fine."""
    planned = [entry(tree, path) for path in ("cache/x.pyc", "cache", "work/a.bak")]
    (tree / "cache/new").write_text("n")
    (tree / "work/a.bak").write_text("more of mine")
    with Journal.begin(tree, "clean", "") as journal:
        told = [journal.remove(one) for one in planned]
        assert journal.remove(planned[0]) == ""
    assert told == ["", "cache: Directory not empty", "work/a.bak: changed after the plan was drawn"]
    assert (tree / "work/a.bak").read_text() == "more of mine"


@pytest.mark.parametrize("act", ["remove", "trash"])
def test_link_in_the_place_of_a_folder_is_not_entered(tree: Path, tmp_path: Path, act: str) -> None:
    """What a link leads to outside the repository is neither removed nor trashed."""
    planned = entry(tree, "work/a.bak")
    (tree / "work").rename(tmp_path / "outside")
    (tree / "work").symlink_to(tmp_path / "outside")
    with Journal.begin(tree, "clean", "") as journal:
        assert getattr(journal, act)(planned) == "work/a.bak: Not a directory"
    assert (tmp_path / "outside/a.bak").read_text() == "mine"


def test_what_was_swapped_during_the_rename_comes_back(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another file that took the name between the look and the rename is put back, and nothing of it is lost."""
    real = descriptors.rename_new

    def swapped(at: int, name: str, to: int, new: str) -> None:
        monkeypatch.setattr(descriptors, "rename_new", real)
        (tree / "work/other").write_text("written meanwhile")
        (tree / "work/other").replace(tree / "work/a.bak")
        real(at, name, to, new)

    monkeypatch.setattr(descriptors, "rename_new", swapped)
    with Journal.begin(tree, "clean", "") as journal:
        assert journal.trash(entry(tree, "work/a.bak")) == "work/a.bak: changed after the plan was drawn"
    assert (tree / "work/a.bak").read_text() == "written meanwhile"


def test_moved_file_keeps_what_is_staged_of_it(bare: Repository) -> None:
    """A tracked file moves for git too, its staged bytes stay staged, folders are made and unmade."""
    bare.write("notes/a.md", "one\n")
    bare.commit()
    bare.write("notes/a.md", "two\n")
    bare.git("add", "-A")
    bare.write("notes/a.md", "three\n")
    before, status = snapshot(bare.root), bare.git("status", "--porcelain")
    with Journal.begin(bare.root, "docs", "") as journal:
        journal.move("notes/a.md", "docs/new/a.md", tracked=True)
    assert bare.git("show", ":docs/new/a.md") == "two\n"
    assert bare.git("ls-files") == "docs/new/a.md\n"
    assert (bare.root / "docs/new/a.md").read_text() == "three\n"
    assert [change.act for change in undo(bare.root)] == ["restored"] * 3
    assert (snapshot(bare.root), bare.git("status", "--porcelain")) == (before, status)


def test_move_never_overwrites(bare: Repository) -> None:
    """A taken place, a missing source, and an index that knows the target stop a move; a later undo knows that it did not happen."""
    bare.write("a.md", "a")
    bare.write("b.md", "b")
    bare.commit()
    with Journal.begin(bare.root, "docs", "") as journal:
        with pytest.raises(GateError, match=r"a.md: git cannot move it to b.md: one is in conflict, not tracked, or tracked already"):
            journal.move("a.md", "b.md", tracked=True)
        with pytest.raises(GateError, match=r"a.md: cannot be moved to b.md \(the place is taken\); make room"):
            journal.move("a.md", "b.md", tracked=False)
        with pytest.raises(GateError, match="it is gone"):
            journal.move("c.md", "d.md", tracked=False)
        journal.move("a.md", "deep/a.md", tracked=True)
    assert [change.path for change in undo(bare.root)] == ["a.md", "deep"]
    assert ((bare.root / "a.md").read_text(), (bare.root / "b.md").read_text()) == ("a", "b")


def test_rewritten_file_comes_back_with_its_mode_and_time(bare: Repository) -> None:
    """Old bytes lie in the trash, the new file keeps the mode, and undo brings the very same file back; a new file goes."""
    bare.write("a.md", "old\r\n").chmod(0o755)
    os.utime(bare.root / "a.md", (1, 1))
    before = snapshot(bare.root)
    with Journal.begin(bare.root, "docs", "") as journal:
        journal.rewrite("a.md", b"old\r\n", b"new")
        journal.rewrite("a.md", b"new", b"newer")
        journal.rewrite("docs/b.md", None, b"made")
    assert ((bare.root / "a.md").read_bytes(), (bare.root / "a.md").stat().st_mode & 0o777) == (b"newer", 0o755)
    undo(bare.root)
    assert snapshot(bare.root) == before


def test_rewrite_refuses_what_is_not_as_planned(bare: Repository, tmp_path: Path) -> None:
    """Other bytes than planned, a file where none was, and a link in its place are left as they are."""
    bare.write("a.md", "mine")
    (tmp_path / "outside.md").write_text("mine")
    (bare.root / "link.md").symlink_to(tmp_path / "outside.md")
    with Journal.begin(bare.root, "docs", "") as journal:
        for path, expected in (("a.md", b"theirs"), ("a.md", None), ("gone.md", b"x"), ("link.md", b"mine")):
            with pytest.raises(GateError, match=f"{path}: cannot be rewritten"):
                journal.rewrite(path, expected, b"new")
    assert ((bare.root / "a.md").read_text(), (tmp_path / "outside.md").read_text()) == ("mine", "mine")
    assert undo(bare.root) == ()


def test_bytes_written_during_the_exchange_come_back(bare: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who saves the file in the instant before it is exchanged keeps what was saved."""
    bare.write("a.md", "old")
    real = descriptors.exchange

    def late(at: int, name: str, to: int, other: str) -> None:
        monkeypatch.setattr(descriptors, "exchange", real)
        (bare.root / "a.md").write_text("saved meanwhile")
        real(at, name, to, other)

    monkeypatch.setattr(descriptors, "exchange", late)
    with Journal.begin(bare.root, "docs", "") as journal, pytest.raises(GateError, match="changed after the plan was drawn"):
        journal.rewrite("a.md", b"old", b"new")
    assert (bare.root / "a.md").read_text() == "saved meanwhile"
    undo(bare.root)
    assert (bare.root / "a.md").read_text() == "saved meanwhile"


def test_undo_keeps_what_was_edited_since(bare: Repository) -> None:
    """A rewritten file that somebody went on editing stops undo, in place or by another file of that name."""
    bare.write("a.md", "old")
    with Journal.begin(bare.root, "docs", "") as journal:
        journal.rewrite("a.md", b"old", b"new")
    (bare.root / "a.md").write_text("new, and more")
    with pytest.raises(GateError, match=r"a.md was changed since; move these away, then undo again \(nothing was changed\)"):
        undo(bare.root)
    assert (bare.root / "a.md").read_text() == "new, and more"


def test_two_runs_at_a_time_are_one_too_many(tree: Path) -> None:
    """A second run is refused while one holds the lock, and not after."""
    with (
        Journal.begin(tree, "clean", ""),
        pytest.raises(GateError, match="another run is changing files"),
        Journal.begin(tree, "clean", ""),
    ):
        pass
    with Journal.begin(tree, "clean", ""):
        pass


def test_half_a_line_is_no_act(tree: Path) -> None:
    """What a killed run wrote in half never happened; a damaged line before the last is said, not guessed at."""
    with Journal.begin(tree, "clean", "") as journal:
        journal.trash(entry(tree, "pipe"))
    file = tree / ".gate/trash" / runs(tree)[0].when / "journal.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"act": "trash", "path": "wo')
    assert [change.path for change in undo(tree)] == ["pipe"]
    assert [json.loads(line)["act"] for line in file.read_text().splitlines()] == ["begin", "trash", "end", "undo", "undone"]
    file.write_bytes(b"{]\n" + whole)
    with pytest.raises(GateError, match="a line of it is damaged; restore by hand"):
        undo(tree)


def test_clock_that_was_set_back_keeps_the_order(tree: Path) -> None:
    """The run that was made last is the newest, whatever the clock says."""
    (tree / ".gate/trash/29990101T000000.000000Z").mkdir(parents=True)
    with Journal.begin(tree, "clean", "") as journal:
        journal.trash(entry(tree, "pipe"))
    assert [run.when for run in runs(tree)] == ["29990101T000000.000000Z+"]


def test_emptied_trash_is_gone_and_links_in_it_lead_nowhere(tree: Path, tmp_path: Path) -> None:
    """Emptying deletes every run, read-only folders too, and a link as itself; nothing is left to undo."""
    (tree / "old/deep/er").chmod(0o500)
    sweep(tree)
    when = runs(tree)[0].when
    told = empty(tree)
    assert [(change.path, change.act) for change in told] == [(f".gate/trash/{when}", "removed")]
    assert told[0].size > 0
    assert list((tree / ".gate/trash").iterdir()) == []
    assert tmp_path.exists()
    assert undo(tree) == ()


def test_trash_that_is_a_link_is_refused(tree: Path, tmp_path: Path) -> None:
    """A trash that leads out of the repository is not used."""
    (tree / ".gate").mkdir()
    (tree / ".gate/trash").symlink_to(tmp_path)
    with pytest.raises(GateError, match=r".gate/trash: .*; it must be a folder of this repository"):
        undo(tree)


def docs(root: Path) -> None:
    """Move a tracked document and rewrite it, as far as no run before this one did."""
    with Journal.begin(root, "docs", "") as journal:
        if (root / "a.md").exists():
            journal.move("a.md", "docs/a.md", tracked=True)
        if (root / "docs/a.md").read_bytes() == b"old":
            journal.rewrite("docs/a.md", b"old", b"new")
        if not (root / "docs/README.md").exists():
            journal.rewrite("docs/README.md", None, b"index")


@pytest.fixture
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: what a killed process wrote is there without that."""

    def fsync(_handle: int) -> None:
        """Return at once."""

    monkeypatch.setattr(os, "fsync", fsync)


def through(calls: Callable[[int], bool], *, most: int) -> int:
    """Kill at each call in turn until one run comes through; return how many were killed."""
    for call in range(most):
        if not calls(call):
            return call
    message = f"more than {most} calls"
    raise AssertionError(message)


@pytest.mark.usefixtures("_no_wait")
@pytest.mark.parametrize("half", but_slow([False, True], False))  # noqa: FBT003 - a case
@pytest.mark.parametrize("known", [True, False], ids=["renameat2", "link"])
def test_kill_at_every_system_call_loses_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch, half: bool, known: bool) -> None:  # noqa: FBT001 - cases
    """A sweep killed before any changing system call, or half way through a line, is undone to the byte, or ended by running it again."""
    if not known:
        monkeypatch.setattr(descriptors, "_system_call", lambda: None)
    before = snapshot(tree)
    kept, gone = without(before, "cache"), without(before, *TRASHED, "cache")

    def killed(call: int) -> bool:
        (tree / "cache").mkdir(exist_ok=True)
        (tree / "cache/x.pyc").write_text("byte code")
        came = killed_at(call, lambda: sweep(tree), half=half)
        if call % 2:
            sweep(tree)
            assert snapshot(tree) == gone, call
        for run in reversed(runs(tree)):
            undo(tree, run.when)
        assert without(snapshot(tree), "cache") == kept, call
        empty(tree)
        return came

    assert through(killed, most=120) > 30


@pytest.mark.slow
@pytest.mark.usefixtures("_no_wait")
def test_kill_of_a_move_and_of_its_undo_at_every_system_call_loses_nothing(bare: Repository) -> None:
    """Moving and rewriting documents, killed anywhere, is undone or ended by running again; and so is an undo that was killed."""
    bare.write("a.md", "old")
    bare.commit()
    before, index = snapshot(bare.root), bare.git("ls-files", "--stage")

    def killed(call: int) -> bool:
        came = killed_at(call, lambda: docs(bare.root))
        if call % 2:
            docs(bare.root)
            assert {path.name for path in (bare.root / "docs").iterdir()} == {"a.md", "README.md"}
        for run in reversed(runs(bare.root)):
            for late in range(call % 5, 40, 5):
                if not killed_at(late, partial(undo, bare.root, run.when)):
                    break
        assert (snapshot(bare.root), bare.git("ls-files", "--stage")) == (before, index), call
        assert bare.git("status", "--porcelain") == "", call
        empty(bare.root)
        return came

    assert through(killed, most=120) > 20
