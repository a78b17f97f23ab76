"""The tree id: what it holds, what it leaves out, and what computing it never touches."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.errors import GateError
from gate.repo import worktree
from tests.conftest import Repository


def test_clean_tree_has_the_id_of_its_commit(house: Repository) -> None:
    """With nothing left out and nothing changed, the tree id is git's own tree of HEAD."""
    assert worktree.tree_id(house.root) == house.git("rev-parse", "HEAD^{tree}").strip()


def test_id_is_what_committing_everything_would_give(house: Repository) -> None:
    """Changed, new, staged, deleted, executable and linked files count as git would commit them; ignored ones do not."""
    house.write("bots.py", "x = 1\n")
    house.write("new folder/ünï.txt", "n")
    house.write("staged.txt", "s")
    house.git("add", "staged.txt")
    house.write("staged.txt", "changed after staging")
    (house.root / "README.md").unlink()
    house.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    (house.root / "link").symlink_to("run.sh")
    house.write("build/out.bin", "ignored")
    before = worktree.tree_id(house.root)
    house.commit()
    assert before == house.git("rev-parse", "HEAD^{tree}").strip()


def test_user_index_and_objects_stay_as_they_are(house: Repository) -> None:
    """Computing an id changes neither the index nor the object store."""
    house.write("new.txt", "content that git has never seen")
    git = house.root / ".git"
    before = (git / "index").read_bytes(), sorted(path for path in (git / "objects").rglob("*"))
    worktree.tree_id(house.root, ["README.md"])
    assert ((git / "index").read_bytes(), sorted((git / "objects").rglob("*"))) == before


def test_record_paths_are_left_out(house: Repository) -> None:
    """What a finish writes does not change the id, and any revision gives the same one."""
    leave = ["docs/completed", "tasks/tasks.json"]
    before = worktree.tree_id(house.root, leave)
    house.write("docs/completed/1.md", "done")
    house.write("tasks/tasks.json", "{}")
    assert worktree.tree_id(house.root, leave) == before
    house.commit()
    assert worktree.tree_id(house.root, leave, "HEAD") == before
    house.write("docs/other.md", "counts")
    assert worktree.tree_id(house.root, leave) != before


def test_end_of_line_filters_are_git_s(bare: Repository) -> None:
    """A CRLF work file that git normalises has the id of the normalised commit."""
    bare.write(".gitattributes", "*.txt text eol=crlf\n")
    bare.write("a.txt", "one\r\ntwo\r\n")
    before = worktree.tree_id(bare.root)
    bare.commit()
    assert before == bare.git("rev-parse", "HEAD^{tree}").strip()


def test_repository_without_commit_has_an_id(bare: Repository) -> None:
    """Before the first commit there is a tree all the same."""
    bare.write("a.txt", "a")
    before = worktree.tree_id(bare.root)
    bare.commit()
    assert before == bare.git("rev-parse", "HEAD^{tree}").strip()
    assert worktree.branch(bare.root) == "main"


def test_outside_a_repository_is_said(tmp_path: Path) -> None:
    """The error names the place and the next act."""
    with pytest.raises(GateError, match="not inside a git work tree; run gate inside a repository"):
        worktree.find_root(tmp_path)


def test_unknown_revision_is_said(house: Repository) -> None:
    """Git's own words come through."""
    with pytest.raises(GateError, match="git rev-parse: exit 128"):
        worktree.tree_id(house.root, (), "no-such-revision")


def test_store_ignores_itself(house: Repository) -> None:
    """The gate's folder is ignored in every repository, without touching the user's .gitignore."""
    worktree.store(house.root)
    assert house.git("status", "--porcelain") == ""


def test_no_program_of_a_configuration_runs(house: Repository) -> None:
    """A planted fsmonitor command in .git/config is not run by reading."""
    mark = house.root.parent / "ran"
    house.git("config", "core.fsmonitor", f"touch {mark}; false")
    worktree.changed(house.root)
    worktree.tree_id(house.root)
    assert not mark.exists()


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_files_that_git_was_told_not_to_look_at_are_looked_at(house: Repository, flag: str) -> None:
    """Work hidden from git by a flag is in the tree id all the same, and the user's flag stays."""
    before = worktree.tree_id(house.root)
    house.git("update-index", flag, "bots.py")
    house.write("bots.py", "raise SystemExit\n")
    assert worktree.tree_id(house.root) != before
    assert house.git("status", "--porcelain") == ""


def test_dirty_submodule_is_refused(house: Repository, tmp_path: Path) -> None:
    """Work inside a submodule that is not committed there cannot be in the tree, so it is named and refused."""
    other = Repository(tmp_path / "other")
    other.write("a.txt", "a")
    other.commit()
    house.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.root), "sub")
    house.commit()
    assert worktree.tree_id(house.root) == house.git("rev-parse", "HEAD^{tree}").strip()
    house.write("sub/a.txt", "changed")
    with pytest.raises(GateError, match="sub: the submodule holds work that is not committed in it"):
        worktree.tree_id(house.root)


def test_id_of_an_old_commit(house: Repository) -> None:
    """Any commit has its id, also when what is left out changed since."""
    house.write("tasks/tasks.json", "1")
    old = house.commit()
    before = worktree.tree_id(house.root, ["tasks/tasks.json"])
    for text in ("2", "3"):
        house.write("tasks/tasks.json", text)
        house.commit()
    house.write("tasks/tasks.json", "4")
    assert worktree.tree_id(house.root, ["tasks/tasks.json"], old) == before


def crlf(house: Repository) -> None:
    """Let git turn line ends around as on Windows."""
    house.git("config", "core.autocrlf", "true")
    house.write("dos.txt", "one\r\ntwo\r\n")
    house.write("bots.py", "x = 1\r\n")


def filtered(house: Repository) -> None:
    """Let a clean filter put a pointer in the place of large files, as git-lfs does."""
    house.git("config", "filter.large.clean", "sha256sum | sed 's/ .*//'")
    house.git("config", "filter.large.smudge", "cat")
    house.git("config", "filter.large.required", "true")
    house.write(".gitattributes", "*.bin filter=large -text\n")
    house.write("model.bin", bytes(range(256)) * 99)


def large(house: Repository) -> None:
    """Give one file to the real git-lfs, and change it after a commit."""
    if not shutil.which("git-lfs"):
        pytest.skip("git-lfs is not installed here, so a clean filter stands for it alone: apt-get install git-lfs")
    house.git("lfs", "install", "--local")
    house.git("lfs", "track", "*.bin")
    house.write("model.bin", bytes(range(256)) * 99)
    house.commit()
    house.write("model.bin", bytes(range(256)) * 98)


def intended(house: Repository) -> None:
    """Announce files with git add -N: one that is there, one that went again."""
    house.write("here.txt", "here")
    house.write("gone.txt", "gone")
    house.git("add", "-N", "here.txt", "gone.txt")
    (house.root / "gone.txt").unlink()


def executable(house: Repository) -> None:
    """Set one executable bit, take another away."""
    house.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    house.write("tool.sh", "#!/bin/sh\n").chmod(0o755)
    house.commit()
    (house.root / "tool.sh").chmod(0o644)
    house.write("bots.py", "x = 1\n").chmod(0o755)


def modeless(house: Repository) -> None:
    """Work on a file system that keeps no executable bit."""
    house.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    house.commit()
    house.git("config", "core.fileMode", "false")
    (house.root / "run.sh").chmod(0o644)
    house.write("run.sh", "#!/bin/sh\ntrue\n")


def linked(house: Repository) -> None:
    """Link to a file, to a folder, to nothing and out of the repository; and turn a file into a link."""
    for name, goal in {"file": "bots.py", "folder": "policies", "nothing": "no such", "outside": "/etc/hosts"}.items():
        (house.root / name).symlink_to(goal)
    (house.root / "README.md").unlink()
    (house.root / "README.md").symlink_to("bots.py")


def linkless(house: Repository) -> None:
    """Work on a file system without symbolic links, where git keeps them as small files."""
    (house.root / "link").symlink_to("bots.py")
    house.commit()
    house.git("config", "core.symlinks", "false")
    (house.root / "link").unlink()
    house.write("link", "policies")


def nested(house: Repository) -> None:
    """Add a submodule whose commit moved on."""
    other = Repository(house.root.parent / "other")
    other.write("a.txt", "a")
    other.commit()
    house.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.root), "sub")
    house.commit()
    inside = Repository(house.root / "sub")
    inside.write("a.txt", "b")
    inside.commit()


def split(house: Repository) -> None:
    """Keep the index in two files, of the fourth version, with a cache of what is untracked."""
    house.git("update-index", "--split-index", "--untracked-cache", "--index-version", "4")
    house.write("new/a.txt", "a")


def replaced(house: Repository) -> None:
    """Put a folder in the place of a file and a file in the place of a folder."""
    house.write("dir/a.txt", "a")
    house.commit()
    (house.root / "dir/a.txt").unlink()
    (house.root / "dir").rmdir()
    house.write("dir", "now a file")
    (house.root / "README.md").unlink()
    house.write("README.md/b.txt", "b")


@pytest.mark.parametrize(
    "work",
    [crlf, filtered, large, intended, executable, modeless, linked, linkless, nested, split, replaced],
    ids=lambda work: work.__name__,
)
def test_id_is_the_tree_of_the_commit_that_git_would_make(house: Repository, work: Callable[[Repository], None]) -> None:
    """Whatever git does to a file on its way into a commit, the id is what it comes to; index and objects stay, records are left out."""
    work(house)
    house.write("docs/completed/1.md", "a record")
    git = house.root / ".git"
    before = (git / "index").read_bytes(), sorted((git / "objects").rglob("*"))
    told = worktree.tree_id(house.root, ["docs/completed"])
    assert ((git / "index").read_bytes(), sorted((git / "objects").rglob("*"))) == before
    commit = house.commit()
    assert worktree.tree_id(house.root, ["docs/completed"]) == told
    assert worktree.tree_id(house.root, ["docs/completed"], commit) == told
    house.git("rm", "-r", "-q", "--cached", "docs/completed")
    assert house.git("write-tree").strip() == told
    assert told != house.git("rev-parse", f"{commit}^{{tree}}").strip()


def test_names_of_record_paths_mean_themselves(house: Repository) -> None:
    """A record path with letters that git reads as patterns leaves out that path and no other."""
    house.write("notes [1]*/a.md", "a")
    before = worktree.tree_id(house.root, ["notes [1]*"])
    house.write("notes [1]*/b.md", "b")
    assert worktree.tree_id(house.root, ["notes [1]*"]) == before
    house.write("notes 1x/c.md", "c")
    assert worktree.tree_id(house.root, ["notes [1]*"]) != before


def test_embedded_repository_without_a_commit_is_named(house: Repository) -> None:
    """Git cannot add a repository that holds no commit; what is told names it and the ways out, and one of them works."""
    Repository(house.root / "deep/inside").write("a.txt", "a")
    with pytest.raises(
        GateError, match="git add: exit 128: deep/inside is a repository inside that holds no commit yet; commit in it, let git ignore it"
    ):
        worktree.tree_id(house.root)
    house.write(".gitignore", "inside/\n")
    assert worktree.tree_id(house.root)


def test_embedded_repository_with_work_of_its_own_is_refused(house: Repository) -> None:
    """A repository inside that was never added as a submodule is held to the same rule from the first time on."""
    inside = Repository(house.root / "inside")
    inside.write("a.txt", "a")
    inside.commit()
    before = worktree.tree_id(house.root)
    inside.write("b.txt", "not committed in it")
    with pytest.raises(GateError, match=r"inside: the repository inside holds work .* let git ignore it"):
        worktree.tree_id(house.root)
    (house.root / "inside/b.txt").unlink()
    house.git("-c", "advice.addEmbeddedRepo=false", "add", "inside")
    house.commit()
    assert before == house.git("rev-parse", "HEAD^{tree}").strip()
    house.git("rm", "-q", "--cached", "inside")
    house.commit()
    inside.write("a.txt", "not committed in it")
    with pytest.raises(GateError, match="inside: the submodule holds work that is not committed in it"):
        worktree.tree_id(house.root)


def test_folder_that_holds_only_records_is_not_in_the_tree(house: Repository) -> None:
    """As in git, where nothing is left in a folder there is no folder; a record path that is a file among folders does no harm."""
    before = worktree.tree_id(house.root)
    house.write("deep/er/record.md", "a record")
    leave = ["deep/er/record.md", "README.md/none", "bots.py/no/such"]
    assert worktree.tree_id(house.root, leave) == before
    assert worktree.tree_id(house.root, leave, house.commit()) == before


def test_flags_are_seen_as_soon_as_they_are_set(house: Repository) -> None:
    """What was found in the index is kept only for that very index: a flag that is set later, or a damaged note, hides no work."""
    before = worktree.tree_id(house.root)
    house.git("update-index", "--assume-unchanged", "bots.py")
    house.write("bots.py", "x = 1\n")
    changed = worktree.tree_id(house.root)
    assert changed != before
    for note in ("", "[]", '{"index": 1}', '{"index": [], "blind": [], "links": false}'):
        house.write(".gate/index.json", note)
        assert worktree.tree_id(house.root) == changed, note


def test_replaced_objects_are_not_looked_at(house: Repository) -> None:
    """What `git replace` lets this clone see in the place of a commit no other clone sees: the id is of the commit itself."""
    first, before = house.git("rev-parse", "HEAD").strip(), worktree.tree_id(house.root, revision="HEAD")
    house.write("bots.py", "raise SystemExit\n")
    house.commit()
    true = worktree.tree_id(house.root, revision="HEAD")
    house.git("replace", "HEAD", first)
    assert worktree.tree_id(house.root, revision="HEAD") == worktree.tree_id(house.root) == true != before


def test_lock_of_git_is_named_with_the_way_out(house: Repository) -> None:
    """Where git finds a lock its answer names the file, who may have left it and what to do."""
    house.write(".git/refs/tags/mine.lock")
    said = "refs/tags/mine.lock is there: another git works here, or one that was killed left it; wait, or remove it when none runs"
    with pytest.raises(GateError, match=said):
        worktree.git(house.root, "update-ref", "refs/tags/mine", "HEAD")
