"""The plan in real repositories: what it says of their state, what it would do, and that a stale one is refused."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate.acts.planning import identity
from gate.facts import Change, Diagnostic, Entry
from gate.facts.state import Amount, Dirty, Marks, Plan, State, Status, Submodule, Weight
from gate.facts.work import Documents, Phase, Step, Tool
from gate.measure import state
from gate.repo import worktree
from gate.report import outline
from gate.report import plan as page
from tests.conftest import Repository, but_slow, call, furnish

ALL = Documents(match=("*.md",), leave=(), root=(), home="docs")


def look(repository: Repository) -> State:
    """Read the state of a repository."""
    return state.read(ALL, repository.root)


def planned() -> dict[str, Any]:
    """Return the plan of the repository that we are in, as JSON."""
    code, told = call("plan", "--json")
    assert code == 0
    found = json.loads(told)
    assert isinstance(found, dict)
    return found


# --- the state of a repository --------------------------------------------------------


def test_before_the_first_commit(bare: Repository) -> None:
    """A repository in which nothing was ever committed has a state like any other."""
    bare.write("a.txt", "abc")
    found = look(bare)
    assert (found.status.branch, found.status.commit, found.status.upstream, found.status.ahead) == ("main", "", "", None)
    assert found.untracked == Amount(count=1, size=3)
    assert found.status.dirty == (Dirty(path="a.txt", kind="untracked"),)


def test_branch_and_its_upstream(bare: Repository, tmp_path: Path) -> None:
    """Ahead and behind are counted; an upstream that is gone and a detached HEAD are said."""
    bare.commit()
    bare.git("clone", "-q", str(bare.root), str(tmp_path / "mine"))
    mine = Repository(tmp_path / "mine")
    assert (look(mine).status.upstream, look(mine).status.ahead, look(mine).status.behind) == ("origin/main", 0, 0)
    bare.commit()
    for message in ("chore: one", "chore: two"):
        mine.commit(message)
    mine.git("fetch", "-q")
    assert (look(mine).status.ahead, look(mine).status.behind) == (2, 1)
    mine.git("update-ref", "-d", "refs/remotes/origin/main")
    assert (look(mine).status.upstream, look(mine).status.ahead) == ("origin/main", None)
    mine.git("checkout", "-q", "--detach")
    assert (look(mine).status.branch, len(look(mine).status.commit)) == ("", 40)


def test_dirty_paths_by_kind(bare: Repository) -> None:
    """Staged, changed, renamed, untracked and conflicted paths are told apart; one that is staged and changed is told as both."""
    for name in ("both", "changed", "old name", "clash"):
        bare.write(name, f"{name} and enough text to be found again\n" * 5)
    bare.commit()
    bare.git("checkout", "-qb", "other")
    bare.write("clash", "theirs")
    bare.commit()
    bare.git("checkout", "-q", "main")
    bare.write("clash", "ours")
    bare.commit()
    bare.write("both", "staged")
    bare.git("add", "both")
    bare.git("mv", "old name", "# branch.oid new name")
    bare.git("commit", "-qm", "move", "--", "old name", "# branch.oid new name")
    bare.git("mv", "# branch.oid new name", "! newer name")
    bare.git("stash", "-q")
    with pytest.raises(Exception, match="merge"):
        bare.git("merge", "-q", "other")
    assert [(found.path, found.kind) for found in look(bare).status.dirty] == [("clash", "conflicted")]
    assert look(bare).status.busy == ("merge",)
    bare.git("checkout", "-q", "--ours", "clash")
    bare.git("merge", "--abort")
    bare.git("stash", "pop", "-q", "--index")
    bare.write("both", "changed again")
    bare.write("changed", "x")
    bare.write("new dir/new\nfile", "")
    assert {(found.path, found.kind, found.was) for found in look(bare).status.dirty} == {
        ("both", "staged", ""),
        ("both", "changed", ""),
        ("changed", "changed", ""),
        ("! newer name", "renamed", "# branch.oid new name"),
        ("new dir/new\nfile", "untracked", ""),
    }
    assert look(bare).status.busy == ()


@pytest.mark.parametrize(
    ("words", "busy"),
    [
        (("merge", "other"), "merge"),
        (("rebase", "other"), "rebase"),
        (("rebase", "--apply", "other"), "rebase"),
        (("cherry-pick", "other"), "cherry-pick"),
        (("revert", "HEAD~1"), "revert"),
        (("bisect", "start"), "bisect"),
        (("am", "patch"), "am"),
    ],
)
def test_operation_in_progress(bare: Repository, words: tuple[str, ...], busy: str) -> None:
    """Each operation that git stops in the middle of is named."""
    bare.write("a", "1\n")
    bare.commit()
    bare.git("checkout", "-qb", "other")
    bare.write("a", "2\n")
    bare.commit()
    bare.write("../patch", bare.git("format-patch", "-1", "--stdout"))
    bare.git("checkout", "-q", "main")
    for text in ("3\n", "4\n"):
        bare.write("a", text)
        bare.commit()
    given = [word if word != "patch" else "../patch" for word in words]
    if busy == "bisect":
        bare.git(*given)
    else:
        with pytest.raises(Exception, match="returned non-zero"):
            bare.git(*given)
    assert look(bare).status.busy == (busy,)


def test_counts_and_bytes(bare: Repository, tmp_path: Path) -> None:
    """Every file is counted once, by its bytes, as tracked, untracked or ignored, over levels of .gitignore and through no link."""
    bare.write(".gitignore", "build/\n*.log\n")
    bare.write("a/.gitignore", "!keep.log\n/deep/\n")
    bare.write("build/forced.txt", "12345")
    bare.git("add", "-f", "build/forced.txt")
    bare.write("gone.txt", "x")
    bare.commit()
    (bare.root / "gone.txt").unlink()
    for path, size in {"build/x/y.bin": 100, "x.log": 20, "a/deep/z": 3, "a/keep.log": 7, "a/new/1": 30, "a/new/2": 40}.items():
        bare.write(path, b"x" * size)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/huge").write_bytes(b"x" * 999)
    (bare.root / "way").symlink_to(tmp_path / "outside")
    (bare.root / "circle").symlink_to(".")
    found = look(bare)
    assert found.tracked == Amount(count=4, size=13 + 17 + 5)  # the deleted file is in the index still
    assert found.ignored == Amount(count=3, size=123)
    assert found.untracked == Amount(count=5, size=77 + len(str(tmp_path / "outside")) + 1)
    assert [(one.path, one.count, one.size) for one in found.heaviest if one.path.startswith("a")] == [
        ("a/new/", 2, 70),
        ("a/keep.log", 1, 7),
    ]
    assert found.unread == ()


def test_other_repositories(bare: Repository, tmp_path: Path) -> None:
    """Nested repositories, bare ones and work trees are named and what is theirs is not counted; submodules have their state."""
    bare.write("a", "1")
    bare.commit()
    bare.git("worktree", "add", "-q", "tree")
    Repository(bare.root / "vendor/tool").write("work.txt", "theirs")
    bare.git("init", "-q", "--bare", "mirror.git")
    other = Repository(tmp_path / "other")
    other.write("x", "1")
    commit = other.commit()
    for name in ("clean", "dirty", "moved", "absent"):
        bare.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.root), name)
    bare.git("commit", "-qm", "submodules")
    bare.write("dirty/x", "2")
    Repository(bare.root / "moved").commit()
    bare.git("submodule", "--quiet", "deinit", "absent")
    found = look(bare)
    assert found.nested == ("mirror.git/", "tree/", "vendor/tool/")
    assert {(one.path, one.commit == commit, one.state) for one in found.status.submodules} == {
        ("clean", True, "clean"),
        ("dirty", True, "holds uncommitted work"),
        ("moved", True, "at another commit"),
        ("absent", True, "not there"),
    }
    assert found.tracked.count == 2  # a and .gitmodules
    assert not [one for one in found.heaviest if not one.path.startswith("mirror.git/")]


def test_large_files_and_lfs(bare: Repository) -> None:
    """Files of 10 MB or more, paths that go to Git LFS and pointers that were never replaced are named, ignored ones not."""
    bare.write(".gitignore", "ignored.bin")
    bare.write("a/.gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    for path in ("a/model.bin", "b/lost.dat"):
        bare.write(path, pointer)
    bare.write("b/about.txt", f"a pointer begins with\n  {pointer}")
    bare.commit()
    for name, size in {"ignored.bin": 2, "large.bin": 1, "small.bin": 0.99}.items():
        with (bare.root / name).open("wb") as file:
            file.truncate(int(size * state.LARGE))
    found = look(bare)
    assert found.large == (Weight(path="large.bin", count=1, size=state.LARGE),)
    assert (found.lfs, found.pointers) == (("a/model.bin",), ("a/model.bin", "b/lost.dat"))


def test_marks_are_counted(bare: Repository) -> None:
    """TODO and FIXME are counted as whole words in capitals, in text that a commit would hold, whatever git is configured to print."""
    bare.write(".gitignore", "ignored.py\n")
    bare.write("a.py", "# TODO one, TODO two\n# FIXME(ada): three\nTODOLIST = todo = fixme = 1\n")
    bare.commit()
    bare.write("new\nname.py", "# TODO\n")
    bare.write("ignored.py", "# TODO\n")
    bare.write("binary", b"TODO\0TODO")
    for key in ("grep.lineNumber", "grep.column", "grep.fullName"):
        bare.git("config", key, "true")
    bare.git("config", "color.ui", "always")
    assert look(bare).marks == (Marks(path="a.py", todo=2, fixme=1), Marks(path="new\nname.py", todo=1, fixme=0))


def test_documents_and_where_they_lie(bare: Repository) -> None:
    """Documents of the policy are counted by folder."""
    for path in ("README.md", "docs/a.md", "docs/b.md", "docs/left/c.md", "x.txt"):
        bare.write(path, "12345")
    left = replace(ALL, leave=("docs/left/",))
    assert state.read(left, bare.root).documents == (Weight(path="./", count=1, size=5), Weight(path="docs/", count=2, size=10))


def test_what_cannot_be_read_is_told(bare: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be listed, a pipe and a name that is not UTF-8 are told, and the rest is counted."""
    bare.write("closed/a", "1")
    bare.write("open/b", "22")
    os.mkfifo(bare.root / "pipe")
    (bare.root / os.fsdecode(b"n\xffme")).write_bytes(b"333")
    real = os.scandir

    def scandir(path: str) -> Any:
        if path.endswith("closed/"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr("gate.measure.state.os.scandir", scandir)  # root, who may run this, is never refused
    found = look(bare)
    assert [(row.path, row.message) for row in found.unread] == [
        ("closed/", "Permission denied"),
        ("pipe", "neither a file nor a link, git does not see it"),
    ]
    assert found.untracked == Amount(count=2, size=5)
    assert found.odd == (os.fsdecode(b"n\xffme"),)


# --- what is told ---------------------------------------------------------------------


def drawn(**words: object) -> Plan:
    """Invent a plan with something of everything."""
    status = Status(
        commit="c" * 40,
        branch="main",
        upstream="origin/main",
        ahead=2,
        behind=1,
        busy=("rebase", "bisect"),
        dirty=(Dirty(path="b.py", kind="renamed", was="a.py"), Dirty(path="c.py", kind="changed"), Dirty(path="d.md", kind="untracked")),
        ignored=frozenset({"build/"}),
        tracked=frozenset({"b.py", "c.py"}),
        submodules=(Submodule(path="lib", commit="d" * 40, state="clean"),),
    )
    found = State(
        status=status,
        tracked=Amount(count=2, size=2048),
        untracked=Amount(count=1, size=5),
        ignored=Amount(count=1200, size=34_500_000),
        nested=("vendor/x/",),
        lfs=("model.bin",),
        pointers=("lost.dat",),
        large=(Weight(path="data/" + "very/" * 20 + "long.csv", count=1, size=20_000_000),),
        heaviest=tuple(Weight(path=f"{name}.md", count=1, size=5) for name in "defghijklm"),
        marks=(Marks(path="b.py", todo=3, fixme=1),),
        documents=(Weight(path="docs/", count=4, size=2000),),
        unread=(Diagnostic(path="closed/", line=0, code="unread", message="Permission denied"),),
        odd=(os.fsdecode(b"n\xffme"),),
    )
    clean = Change(path="build", kind="build", size=34_500_000, act="remove", rule="build/", reason="git ignores it")
    clean = replace(clean, ignored=".gitignore:1:build/")
    changes = {
        Phase.CLEAN: (clean, replace(clean, path="dist", size=7, act="kept", reason="git tracks files in it")),
        Phase.DOCS: (replace(clean, path="a.md", size=9, act="move", kind="document", reason="to docs/a.md, by policies/docs.yaml:4"),),
    }
    lint = Step(check="lint", phase=Phase.QUALITY, does="lint it", command="nox -s lint", work=Tool(name="x", argv=("x", "-c")))
    plan = Plan(
        tree="a" * 40,
        trouble="",
        id="a" * 12 + "-" + "b" * 12,
        state=found,
        steps=(lint, replace(lint, check="clean", phase=Phase.CLEAN, command="nox -s clean", does="clean up")),
        changes={str(phase): found for phase, found in changes.items()},
        refused=("README.md:3: two pairs",),
        duplicates=(Diagnostic(path="x.md", line=1, code="identical", message="identical to a.md"),),
    )
    return replace(plan, **words)  # type: ignore[arg-type] # words of a test


TEXT = """\
repository
  branch       main at cccccccccccc
  upstream     2 ahead of and 1 behind origin/main
  in progress  rebase, bisect
  dirty        1 renamed, 1 changed, 1 untracked
    renamed  b.py (was a.py)
    changed  c.py
  tracked      2 files, 2.05 kB
  untracked    1 file, 5 B
    d.md  5 B
    e.md  5 B
    f.md  5 B
    g.md  5 B
    h.md  5 B
    i.md  5 B
    j.md  5 B
    k.md  5 B
    and 2 more
  ignored      1,200 files, 34.5 MB
  submodules   1
    lib: clean
  nested       1
    vendor/x/
  Git LFS      2
    model.bin
    lost.dat: a pointer only
  large        1 file
    data/very/very/very/very/very/very…/very/very/very/very/very/long.csv  20 MB
  to do        3 TODO, 1 FIXME in 1 file
    b.py  3 TODO, 1 FIXME
  documents    4 files, 2 kB
    docs/  4 files, 2 kB
  not read     1
    closed/: Permission denied
  not UTF-8    1
    n\\xffme

clean          nox -s clean
    clean  clean up
  would remove 1 path, 34.5 MB
    build  34.5 MB  build: git ignores it
  would keep 1 path, 7 B
    dist  7 B      build: git tracks files in it
  would move 1 path, 9 B
    a.md  9 B      document: to docs/a.md, by policies/docs.yaml:4
  refused: README.md:3: two pairs
  duplicates   1
    x.md is identical to a.md

quality        nox -s lint
    lint  lint it

git            nox -s finish
    finish  commit the verified tree, 3 paths that differ now

carry it out: nox -s clean docs -- --plan aaaaaaaaaaaa-bbbbbbbbbbbb
"""


def test_whole_text() -> None:
    """A plan fits 80 columns, bounds its lists, counts the rest, and ends with the command that carries it out."""
    assert page.text(drawn()) == TEXT
    assert all(len(line) <= 80 for line in TEXT.splitlines())


def test_plan_without_an_id() -> None:
    """A tree that has no id is no plan to carry out, and a plan of nothing has no command."""
    assert page.text(drawn(id="", tree="", trouble="git add: no")).endswith(
        "\nthis plan cannot be carried out, because the tree has no id:\n  git add: no\n"
    )
    assert page.text(drawn(changes={})).endswith("\nnothing to clean, move or write; the checks run with: nox\n")


@pytest.mark.parametrize("name", ["a\nb", "::error::x", "\x1b[31mred", "##[error]x", "日本語" * 40, "e\u0301" * 90])
def test_foreign_names_stay_in_their_line(name: str) -> None:
    """No name adds a line, a colour or an order, or makes a line wider than the rest."""
    plan, told = drawn(), []
    for word in (name, "word"):
        change = Change(path=word, kind=word, size=1, act="remove", reason=word)
        found = replace(plan.state, heaviest=(Weight(path=word, count=1, size=1),), nested=(word,), odd=(word,))
        told.append(page.text(replace(plan, state=found, changes={Phase.CLEAN: (change,)})))
    assert told[0].count("\n") == told[1].count("\n")
    assert not any(line.lstrip().startswith(("::", "##[")) or "\x1b" in line or "##[" in line for line in told[0].splitlines())
    assert all(page._width(line) <= 80 for line in told[0].splitlines())


def test_shape_of_the_json() -> None:
    """Everything is there in version 1 of the shape, a name that is not UTF-8 as text."""
    found = json.loads(outline.write(drawn()))
    assert list(found) == ["version", "id", "tree", "trouble", "command", "repository", "phases", "refused", "duplicates"]
    assert (found["version"], found["command"]) == (1, "nox -s clean docs -- --plan aaaaaaaaaaaa-bbbbbbbbbbbb")
    told = found["repository"]
    assert set(told) == {
        *("commit", "branch", "upstream", "ahead", "behind", "busy", "dirty", "ignored_paths", "submodules", "tracked", "untracked"),
        *("ignored", "nested", "lfs", "pointers", "large", "heaviest", "marks", "documents", "unread", "odd"),
    }
    assert (told["odd"], told["ignored_paths"], len(told["heaviest"])) == (["n\\xffme"], ["build/"], 10)
    assert told["dirty"][0] == {"path": "b.py", "kind": "renamed", "was": "a.py"}
    assert [phase["phase"] for phase in found["phases"]] == list(Phase)
    assert found["phases"][1]["changes"][0] == {
        "act": "remove",
        "path": "build",
        "kind": "build",
        "rule": "build/",
        "ignored_by": ".gitignore:1:build/",
        "source": "",
        "reason": "git ignores it",
        "size": 34_500_000,
        "entries": 0,
    }
    assert found["phases"][3]["steps"] == [{"check": "lint", "does": "lint it", "command": "nox -s lint", "runs": [["x", "-c"]]}]


# --- the id ---------------------------------------------------------------------------

CHANGE = Change(
    path="a", kind="build", size=5, act="remove", reason="r", entries=(Entry(path="a", device=1, inode=2, folder=False, size=5),)
)


def test_id_names_what_would_be_changed() -> None:
    """Whatever would be done to whichever files is in the id; what is kept and the order of a walk are not."""
    tree = "0123456789abcdef" * 3
    same = identity(tree, {Phase.CLEAN: (CHANGE, replace(CHANGE, path="b"))})
    assert same.startswith("0123456789ab-")
    assert len(same) == 25
    kept = replace(CHANGE, path="c", act="kept")
    assert identity(tree, {Phase.CLEAN: (kept, replace(CHANGE, path="b"), replace(CHANGE, reason="s")), Phase.DOCS: ()}) == same
    entry = CHANGE.entries[0]
    others = [
        *(replace(CHANGE, path="x"), replace(CHANGE, kind="y"), replace(CHANGE, size=6), replace(CHANGE, act="trash")),
        *(replace(CHANGE, entries=()), replace(CHANGE, entries=(replace(entry, inode=3),))),
        *(replace(CHANGE, entries=(replace(entry, device=3),)), replace(CHANGE, entries=(replace(entry, written=3),))),
    ]
    ids = {identity(tree, {Phase.CLEAN: (other, replace(CHANGE, path="b"))}) for other in others}
    assert len(ids) == len(others)
    assert same not in ids
    assert identity(tree, {Phase.DOCS: (CHANGE, replace(CHANGE, path="b"))}) != same


def untidy(house: Repository) -> None:
    """Give both phases something to do."""
    house.write("docs/a.md", "# A\n\nSee [notes](../notes.md).\n")
    house.write("notes.md", "# Notes\n\nOf [a](docs/a.md).\n")
    house.commit()
    house.write("build/x.bin", "x" * 100)


def test_one_command_carries_a_plan_out(house: Repository) -> None:
    """The plan is the same when it is drawn again, `clean` and then `docs` carry it out with one id, and again there is nothing to do."""
    untidy(house)
    first = planned()
    assert planned() == first
    acts = [(phase["phase"], change["act"], change["path"]) for phase in first["phases"] for change in phase["changes"]]
    assert acts == [
        ("clean", "remove", "build"),
        ("docs", "move", "notes.md"),
        ("docs", "rewrite", "docs/a.md"),
        ("docs", "rewrite", "docs/notes.md"),
        ("docs", "rewrite", "docs/README.md"),
    ]
    assert first["command"] == f"nox -s clean docs -- --plan {first['id']}"
    for phase in ("clean", "docs", "clean", "docs"):
        assert call(phase, "--plan", first["id"])[0] == 0, phase
    assert not (house.root / "build").exists()
    assert (house.root / "docs/notes.md").read_text() == "# Notes\n\nOf [a](a.md).\n"
    assert "- [Notes](notes.md): Of a." in (house.root / "docs/README.md").read_text()
    assert planned()["command"] == ""


STALE: dict[str, tuple[Callable[[Repository], object], str]] = {
    "a file is written": (lambda house: house.write("bots.py", "x = 1\n"), r"the work tree changed since it was drawn \(bots\.py\)"),
    "a file is new": (lambda house: house.write("new/er.py", "x = 1\n"), r"the work tree changed since it was drawn \(new/er\.py\)"),
    "a file is gone": (lambda house: (house.root / "bots.py").unlink(), r"the work tree changed since it was drawn \(bots\.py\)"),
    "a file is moved": (lambda house: house.git("mv", "bots.py", "b.py"), r"the work tree changed since it was drawn \(b\.py, bots\.py\)"),
    "ignored files are new": (lambda house: house.write("build/y", "y"), r"the tree is the same, but not .* \(build\)"),
    "ignored files are written": (lambda house: house.write("build/x.bin", "y"), r"the tree is the same, but not .* \(build\)"),
    "ignored files are gone": (lambda house: (house.root / "build/x.bin").unlink(), r"the tree is the same, but not .* \(build\)"),
}


@pytest.mark.parametrize("verb", ["clean", "docs"])
@pytest.mark.parametrize("case", but_slow(STALE, "a file is new", "a file is gone", "ignored files are written"))
def test_stale_plan_is_refused(house: Repository, capsys: pytest.CaptureFixture[str], verb: str, case: str) -> None:
    """What came between a plan and carrying it out is named in one line, exit 2, and nothing is changed."""
    untidy(house)
    plan = planned()["id"]
    time.sleep(0.01)  # the clock of a file system is coarse
    happens, told = STALE[case]
    happens(house)
    before = snapshot(house.root)
    assert call(verb, "--plan", plan)[0] == 2
    assert snapshot(house.root) == before
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(f"gate: plan {plan} is stale: ")
    assert error.endswith("; nothing was changed, draw it again: nox -s plan\n")
    assert_matches(told, error)


def assert_matches(pattern: str, text: str) -> None:
    """Find a pattern in a text, and show the text otherwise."""
    with pytest.raises(AssertionError, match=pattern):
        raise AssertionError(text)


def snapshot(root: Path) -> dict[str, bytes]:
    """Return every file that is no record of the gate's or of git's, with its bytes."""
    own = (".git", ".gate")
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file() and path.relative_to(root).parts[0] not in own}


@pytest.mark.parametrize("plan", ["x", "0" * 12, "0" * 12 + "-" + "Z" * 12, "../../etc/passwd"])
def test_what_is_no_id(house: Repository, capsys: pytest.CaptureFixture[str], plan: str) -> None:
    """Words that no plan has for an id are refused with the next act."""
    assert house.root.exists()
    assert call("clean", "--plan", plan)[0] == 2
    assert capsys.readouterr().err == f"gate: --plan: {plan!r} is not the id of a plan; draw one: nox -s plan\n"


def test_documents_that_the_clean_up_touched_need_a_new_plan(house: Repository) -> None:
    """When one phase changes what another would do, the other is refused: that is not what was shown."""
    untidy(house)
    plan = planned()["id"]
    assert call("clean", "--plan", plan)[0] == 0
    house.write("docs/b.md", "# B\n")
    assert call("docs", "--plan", plan)[0] == 2


# --- the command ----------------------------------------------------------------------


def test_plan_writes_nothing_unless_asked(house: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A plan changes no file; --out writes it where writing does not make it stale, and nowhere else."""
    untidy(house)
    before = snapshot(house.root)
    code, told = call("plan")
    assert (code, snapshot(house.root)) == (0, before)
    file = tmp_path / "plan.txt"
    code, short = call("plan", "--out", str(file))
    assert (code, file.read_text()) == (0, told)
    assert short.endswith(f": {file}\n")
    assert call("plan", "--json", "--out", "build/plan.json")[0] == 0
    assert json.loads((house.root / "build/plan.json").read_text())["version"] == 1
    for inside in ("plan.txt", "bots.py"):
        assert call("plan", "--out", inside)[0] == 2
        assert "git does not ignore it" in capsys.readouterr().err
    (house.root / "build/plan.json").unlink()
    assert snapshot(house.root) == before


def test_what_the_quality_phase_would_mend(house: Repository) -> None:
    """Files that ruff would write anew are named, without a cache left behind, and are no part of what --plan carries out."""
    house.write("bots.py", (house.root / "bots.py").read_text() + "x = {  'a':1}\n")
    house.write("test_bots.py", "import os\n" + (house.root / "test_bots.py").read_text())
    house.write("ruff.toml", 'lint.select = ["F401"]\n')
    house.write("policies/quality.yaml", "version: 1\npaths: [bots.py, test_bots.py]\n")
    before = snapshot(house.root)
    found = planned()
    quality = next(phase for phase in found["phases"] if phase["phase"] == "quality")
    assert [(change["act"], change["path"], change["reason"]) for change in quality["changes"]] == [
        ("rewrite", "bots.py", "ruff format"),
        ("rewrite", "test_bots.py", "ruff check"),
    ]
    assert found["command"] == ""
    assert snapshot(house.root) == before


def test_tree_without_an_id(house: Repository, tmp_path: Path) -> None:
    """Uncommitted work in a submodule leaves a state to see, no id, and exit 2."""
    other = Repository(tmp_path / "other")
    other.write("x", "1")
    other.commit()
    house.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.root), "lib")
    house.commit()
    house.write("lib/x", "2")
    code, told = call("plan")
    assert code == 2
    assert "lib: holds uncommitted work" in told
    assert told.endswith("  lib: the submodule holds work that is not committed in it; commit it there,\n    then run again\n")


def test_many_files_take_few_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many git processes for 2,000 files in 200 folders as for 20."""
    asked: list[str] = []
    real = worktree._git

    def ask(root: Path, *words: str, **more: Any) -> Any:
        asked.append(words[0])
        return real(root, *words, **more)

    monkeypatch.setattr("gate.repo.worktree._git", ask)
    counts = []
    for number in (2, 200):
        house = Repository(tmp_path / str(number))
        furnish(house)
        for folder in range(number):
            for name in range(10):
                house.write(f"f{folder}/{name}.txt", "x")
        monkeypatch.chdir(house.root)
        asked.clear()
        assert call("plan")[0] == 0
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 40
