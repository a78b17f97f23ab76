"""Finish: a commit of exactly the verified tree, a task that is done, and nothing at all when anything is amiss."""

import io
import json
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from gate.cli import main
from gate.record import commit
from tests.conftest import Repository, call, calm
from tests.finishing import SUMMARY, TASKS, Killed, prepared, proven
from tests.trees import snapshot


def finish(task: str = "20.2") -> tuple[int, str]:
    """Finish a task; return the exit code and what was printed."""
    return call("finish", "--task", task)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository with work to commit and complete evidence for it, once: each test has a copy."""
    house = Repository(tmp_path_factory.mktemp("prepared") / "repo")
    with pytest.MonkeyPatch.context() as patch:
        calm(patch, tmp_path_factory.getbasetemp())
        patch.chdir(house.root)
        prepared(house)
        main(["plan"], io.StringIO())
    return house.root


@pytest.fixture
def ready(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository with work to commit and complete evidence for it."""
    monkeypatch.setattr("gate.acts.finish._SETTLED", 0.0)  # no client writes here
    monkeypatch.setattr("gate.repo.underway._PATIENCE", 0.1)
    shutil.copytree(template, tmp_path / "repo", symlinks=True)
    monkeypatch.chdir(tmp_path / "repo")
    return Repository(tmp_path / "repo")


def state(house: Repository) -> tuple[str, str, bytes, str]:
    """Return everything that a refused finish must leave as it was."""
    return (
        house.git("rev-parse", "HEAD"),
        house.git("status", "--porcelain"),
        (house.root / "tasks/tasks.json").read_bytes(),
        house.git("ls-files", "-s"),
    )


def test_finish_commits_the_verified_tree_and_sets_the_task(ready: Repository) -> None:
    """One commit holds the work, the summary with its evidence, and the status; its tree id is the verified one."""
    before = io.StringIO()
    main(["tree"], before)
    code, told = finish()
    assert code == 0, told
    assert ready.git("status", "--porcelain") == ""
    after = io.StringIO()
    main(["tree", "HEAD"], after)
    assert after.getvalue() == before.getvalue()
    changed = ready.git("show", "--name-only", "--format=", "HEAD").split()
    pages = ["docs/completed/20.2-completion-summary.md", "docs/completed/20.2-evidence.json"]
    assert changed == ["bots.py", *pages, "new.txt", "tasks/tasks.json"]


def test_status_is_a_patch_of_two_lines_at_most(ready: Repository) -> None:
    """Only the status of the named task and its time change; every other byte of the store stays."""
    finish()
    after = json.loads((ready.root / "tasks/tasks.json").read_text())
    share = after["master"]["tasks"][0]["subtasks"][1]
    assert share["status"] == "done"
    added = [
        line for line in ready.git("show", "--format=", "--unified=0", "HEAD", "--", "tasks/tasks.json").splitlines() if line[:2] != "++"
    ]
    assert sum(line.startswith("+") for line in added) == 1


def test_summary_of_the_task_is_committed(ready: Repository) -> None:
    """The completion summary names the task, the tree and measured times of all five phases."""
    finish()
    page = (ready.root / "docs/completed/20.2-completion-summary.md").read_text()
    assert page.startswith("# Task 20.2 Share: COMPLETED\n")
    assert "not measured" not in page.split("## Checks")[0]
    phases = page.split("## Phases")[1].split("## Checks")[0]
    assert [phases.count(f"| {phase} | PASSED") for phase in ("plan", "clean", "docs", "quality", "git")] == [1] * 5


def test_message_is_a_conventional_commit(ready: Repository) -> None:
    """Commitizen accepts the message, and its trailers are git's own."""
    finish()
    message = ready.git("log", "-1", "--format=%B")
    ran = subprocess.run([sys.executable, "-m", "commitizen", "check", "--message", message], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ready.git("log", "-1", "--format=%(trailers:key=Task,valueonly)").strip() == "20.2"
    assert len(ready.git("log", "-1", "--format=%(trailers:key=Gate-Tree,valueonly)").strip()) == 40


def test_message_says_what_did_not_pass(ready: Repository) -> None:
    """What is waived or was skipped stands first in the message, with its reason, and never under what was checked."""
    day = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    waiver = f"waivers: [{{check: lint, owner: ada, reason: old code, expires: {day}}}]\n"
    ready.write("policies/workflow.yaml", (ready.root / "policies/workflow.yaml").read_text() + waiver)
    ready.write("policies/quality.yaml", (ready.root / "policies/quality.yaml").read_text() + "without: {types: no types yet}\n")
    ready.commit("chore: live with it")
    ready.write("bots.py", (ready.root / "bots.py").read_text() + "\nimport os\n")
    code, told = call("finish", "--task", "20.2")
    assert code == 0, told
    body = ready.git("log", "-1", "--format=%b")
    assert body.startswith(
        f"Not passed:\n- lint: waived, ruff: 1 finding; until {day} by ada: old code\n"
        "- types: skipped, not measured: left out by policies/quality.yaml: no types yet\n\nCleaned:\n"
    ), body
    assert body.count("lint:") == body.count("types:") == 1


def test_missing_evidence_is_run(ready: Repository) -> None:
    """What has no evidence is run in the same call, and only that; what it finds decides."""
    record = next((ready.root / ".gate/evidence").glob("*/docs__links.json"))
    record.unlink()
    code, told = finish()
    assert code == 0, told
    assert "1 link in 1 document, none dead" in record.read_text()
    assert "- docs/links: 1 link in 1 document, none dead\n" in ready.git("log", "-1", "--format=%B")
    assert "- lint: lint is good\n" in ready.git("log", "-1", "--format=%B")


def test_failing_evidence_refuses(ready: Repository) -> None:
    """What was run because it was missing and failed stops everything, and is told."""
    detailed(ready, "gate: {checks: [docs/links]}")
    ready.write("README.md", "# Bots\n\n[gone](gone.md)\n")
    before = state(ready)
    code, told = finish()
    assert (code, "docs/links is FAILED" in told) == (1, True), told
    assert state(ready) == before


def test_finish_answers_programs(ready: Repository) -> None:
    """With --json one object names the commit, its paths, the tasks and the summary."""
    code, text = call("finish", "--task", "20.2", "--json")
    told = json.loads(text)
    assert (code, told["exit_code"], told["committed"]) == (0, 0, ready.git("rev-parse", "HEAD").strip())
    assert (told["tasks"][:1], told["faults"], "bots.py" in told["paths"]) == (["20.2"], [], True)
    assert (ready.root / told["summary"]).exists()


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("99", "no task 99"),
        ("20", "20.2"),
        ("20.9", "20.9"),
        ("../../etc", "etc"),
    ],
)
def test_task_that_cannot_be_done_refuses(ready: Repository, capsys: pytest.CaptureFixture[str], task: str, said: str) -> None:
    """An unknown task, one with open subtasks and one that is no id stop everything before it begins."""
    before = state(ready)
    assert finish(task)[0] == 2
    assert said in capsys.readouterr().err
    assert state(ready) == before
    assert not (ready.root / "docs").exists()


def test_refusing_hook_leaves_everything(ready: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """The user's hook runs; when it refuses, files, index and task are as before, and its words are told."""
    ready.write(".git/hooks/pre-commit", "#!/bin/sh\necho 'no Friday commits' >&2\nexit 1\n").chmod(0o755)
    ready.git("add", "new.txt")
    before = state(ready)
    assert finish()[0] == 2
    assert "no Friday commits" in capsys.readouterr().err
    assert state(ready) == before
    assert not (ready.root / "docs/completed/20.2-completion-summary.md").exists()


def test_hook_that_mends_is_verified_again(ready: Repository) -> None:
    """A hook that changes a file and adds it makes the evidence stale: that is said, what is stale runs again, and the commit holds."""
    detailed(ready, "gate: {checks: [docs/links]}")
    ready.write(".git/hooks/pre-commit", "#!/bin/sh\necho '# Mended' > mended.txt\ngit add mended.txt\n").chmod(0o755)
    code, told = finish()
    assert code == 0, told
    assert told.count("a hook changed what was committed; the commit was taken back: its evidence is stale, so it is verified again") == 1
    assert "- docs/links: 1 link in 1 document, none dead\n" in ready.git("log", "-1", "--format=%B")
    assert ready.git("rev-list", "--count", "HEAD").strip() == "3"
    assert ready.git("status", "--porcelain") == ""


def test_hook_that_mends_and_refuses_is_verified_again(ready: Repository) -> None:
    """A hook that changes a file and then refuses, as formatters do, is asked again when that was verified."""
    detailed(ready, "gate: {checks: [docs/links]}")
    hook = "#!/bin/sh\ntest -e mended.txt && exit 0\necho '# Mended' > mended.txt\necho 'files were modified' >&2\nexit 1\n"
    ready.write(".git/hooks/pre-commit", hook).chmod(0o755)
    code, told = finish()
    assert (code, "files were modified" in told) == (0, True), told
    assert "mended.txt" in ready.git("ls-files")


def test_hook_that_never_ends_mending_is_refused(ready: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """After the second time what a hook changes is not verified again, and no commit is left."""
    detailed(ready, "gate: {checks: [docs/links]}")
    ready.write(".git/hooks/pre-commit", "#!/bin/sh\necho 'more' >> more.txt\ngit add more.txt\n").chmod(0o755)
    head = ready.git("rev-parse", "HEAD")
    code, told = finish()
    assert (code, told.count("is stale, so it is verified again")) == (2, 2)
    assert "it was verified again 2 times: hooks must leave alone what they have mended" in capsys.readouterr().err
    assert ready.git("rev-parse", "HEAD") == head
    assert json.loads((ready.root / "tasks/tasks.json").read_text())["master"]["tasks"][0]["subtasks"][1]["status"] == "pending"


def test_hook_that_changes_only_the_commit_is_undone(ready: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """What a hook slips into the commit and not into the work tree nobody can verify: the commit is taken back at once."""
    slip = "#!/bin/sh\ngit update-index --add --cacheinfo 100644,$(git hash-object -w README.md),slipped.md\n"
    ready.write(".git/hooks/pre-commit", slip).chmod(0o755)
    before = state(ready)
    assert finish()[0] == 2
    assert "a hook changed what was committed; the commit was taken back" in capsys.readouterr().err
    assert state(ready) == before


@pytest.mark.parametrize("path", ["docs/completed/20.2-evidence.json", "tasks/tasks.json", "docs/completed/slipped.md"])
def test_hook_that_changes_a_record_is_undone(ready: Repository, path: str) -> None:
    """The records are no part of the tree id, and still nothing may be in them but what finish wrote."""
    slip = f"#!/bin/sh\ngit update-index --add --cacheinfo 100644,$(git hash-object -w README.md),{path}\n"
    ready.write(".git/hooks/pre-commit", slip).chmod(0o755)
    before = state(ready)
    assert finish()[0] == 2
    assert state(ready) == before


def test_signing_is_never_skipped(ready: Repository) -> None:
    """With commit.gpgsign and a program that cannot sign, there is no unsigned commit."""
    ready.git("config", "commit.gpgsign", "true")
    ready.git("config", "gpg.program", "false")
    before = state(ready)
    assert finish()[0] == 2
    assert state(ready) == before


# Between two commits of several that are picked or reverted there is no CHERRY_PICK_HEAD and no REVERT_HEAD.
_SIDE = "git stash -q -u; git checkout -q -b side; for i in 1 2 3 4; do echo $i > c; git add c; git commit -qm $i; done; git checkout -q -"
_MINE = "echo 9 > c; git add c; git commit -qm mine; git stash pop -q"
STANDS = {  # where nothing is committed: what leads there, and what is said
    "merge": ("git rev-parse HEAD > .git/MERGE_HEAD", "in the middle of a merge; end it (git merge --continue or --abort)"),
    "cherry-pick": ("git rev-parse HEAD > .git/CHERRY_PICK_HEAD", "in the middle of a cherry-pick"),
    "revert": ("git rev-parse HEAD > .git/REVERT_HEAD", "in the middle of a revert"),
    "rebase": ("mkdir .git/rebase-merge", "in the middle of a rebase"),
    "bisect": ("git bisect start", "in the middle of a bisect; end it (git bisect reset)"),
    "sequence": (
        f"{_SIDE}; git cherry-pick side~2 side~1 side; {_MINE}",
        "in the middle of a cherry-pick; end it (git cherry-pick --continue or",
    ),
    "reverts": (
        f"{_SIDE}; git checkout -q side; git revert side~2 side~1; {_MINE}",
        "in the middle of a revert; end it (git revert --continue or",
    ),
    "index": ("touch .git/index.lock", ".git/index.lock: a lock of git, taken "),
    "head": ("touch .git/HEAD.lock", "another git works here, or one that was killed left it; wait for that git, or remove the file"),
    "branch": ("touch .git/refs/heads/main.lock", ".git/refs/heads/main.lock: a lock of git"),
    "detached": ("git checkout -q --detach", "HEAD is detached"),
    "partly": ("git add bots.py; echo '# more' >> bots.py", "bots.py: partly staged"),
    "untracked": ("git rm -q --cached README.md", "README.md: partly staged"),
    "clean": (
        "printf 'tasks/\\ndocs/completed/\\n' >> .git/info/exclude; git rm -q -r --cached tasks; git add -A; git commit -qm ignored",
        "nothing to commit: every file is as HEAD has it, and git ignores what would be recorded",
    ),
    "conflict": (
        "git stash -q; echo x >> bots.py; git commit -qam x; git stash pop -q; rm -f .git/MERGE_HEAD",
        "bots.py: in conflict; resolve it",
    ),
    "protected": (
        "git checkout -q -b release/1; echo 'commit: {protected: [main, release/*]}' >> policies/workflow.yaml",
        "branch release/1 is protected (policies/workflow.yaml: commit.protected: release/*)",
    ),
}


@pytest.mark.parametrize("case", STANDS)
def test_where_nothing_is_committed(ready: Repository, capsys: pytest.CaptureFixture[str], case: str) -> None:
    """A commit that would conclude something else, belong to no branch or hold something else than is staged is refused with the reason."""
    how, said = STANDS[case]
    subprocess.run(["sh", "-c", how], cwd=ready.root, check=False, capture_output=True)
    before = state(ready)
    assert finish()[0] == 2
    assert said in capsys.readouterr().err
    assert state(ready) == before


def test_lock_behind_the_commit_is_told_and_the_next_finish_settles(ready: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A git that was killed leaves its lock: what is told names it, the commit stays, and without the lock the same command ends right."""
    ready.write(".git/hooks/post-commit", "#!/bin/sh\ntouch -d '1 hour ago' .git/index.lock\n").chmod(0o755)
    before = ready.git("rev-parse", "HEAD")
    assert finish()[0] == 2
    assert ".git/index.lock: a lock of git, taken 60 min" in capsys.readouterr().err
    lock = ready.root / ".git/index.lock"
    assert f"when none runs here: rm {lock}" in call("doctor")[1]
    lock.unlink()
    assert finish()[0] == 0
    assert ready.git("rev-parse", "HEAD~1") == before
    assert ready.git("status", "--porcelain") == ""


def test_lock_of_our_own_index_is_nobodys(ready: Repository) -> None:
    """What a git that we started and that was killed left of the index that we commit stops nothing."""
    for name in ("index", "index.lock"):
        ready.write(f".gate/finish/{name}")
    assert finish()[0] == 0


def test_detached_head_is_allowed(ready: Repository) -> None:
    """Who says so may commit on no branch."""
    ready.git("checkout", "-q", "--detach")
    assert call("finish", "--task", "20.2", "--allow-detached")[0] == 0
    assert ready.git("status", "--porcelain") == ""


def test_dry_run_changes_nothing(ready: Repository) -> None:
    """Everything that would be committed, run and said is shown, and not even a file under .gate is another one."""
    next((ready.root / ".gate/evidence").glob("*/docs__links.json")).unlink()
    before = state(ready)
    call("tree")  # what is noted of the index
    kept = snapshot(ready.root, leave=(".git",))
    code, told = call("finish", "--task", "20.2", "--dry-run", "--message", "feat(bots): share\n\nAll of them.")
    assert code == 0
    assert told.startswith("""to be committed: 2 changed paths, 3 records
  changed  bots.py  215 B
  added    new.txt  3 B
  record   docs/completed/20.2-completion-summary.md
  record   docs/completed/20.2-evidence.json
  record   tasks/tasks.json
would run 1 check: docs/links
would then, if all of them pass, set task 20.2 to done, write 3 records, and commit
would not push
the message, from what is known now:
  feat(bots): share

  All of them.

  Cleaned:
  - clean: clean is good

  Measured:
""")
    assert (snapshot(ready.root, leave=(".git",)), state(ready)) == (kept, before)


def test_what_is_staged_is_committed_alone(ready: Repository, tmp_path: Path) -> None:
    """With --staged the index is verified in a work tree of its own and committed; what lies beside it stays, staged or not."""
    ready.git("add", "-A")
    next((ready.root / ".gate/evidence").glob("*/docs__links.json")).unlink()
    ready.write("bots.py", (ready.root / "bots.py").read_text() + "# later\n")
    ready.write("BROKEN.md", "[gone](gone.md)\n")
    code, told = call("finish", "--task", "20.2", "--staged")
    assert code == 0, told
    assert "- docs/links: 1 link in 1 document, none dead\n" in ready.git("log", "-1", "--format=%B")
    assert ready.git("status", "--porcelain") == " M bots.py\n?? BROKEN.md\n"
    assert (ready.root / "bots.py").read_text().endswith("# later\n")
    ready.git("clone", "-q", ".", str(tmp_path / "clone"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "clone")
        assert call("verify-summary", SUMMARY)[0] == 0


def test_staged_refuses_what_it_would_sweep_in(ready: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing staged is nothing to commit, and a task store with more in it than is staged is not committed whole."""
    assert call("finish", "--task", "20.2", "--staged")[0] == 2
    assert "nothing is staged" in capsys.readouterr().err
    ready.git("add", "new.txt")
    detailed(ready, "more")
    assert call("finish", "--task", "20.2", "--staged")[0] == 2
    assert "tasks/tasks.json: holds more than is staged, and is committed whole" in capsys.readouterr().err


def test_other_tasks_are_not_done_by_the_way(ready: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A store that says done of another task than HEAD's does is not committed with the evidence of this one."""
    store = (ready.root / "tasks/tasks.json").read_text()
    ready.write("tasks/tasks.json", store.replace('"title": "Measure", "status": "done"', '"title": "Measure", "status": "pending"'))
    ready.git("commit", "-q", "-m", "open", "tasks/tasks.json")
    ready.write("tasks/tasks.json", store)
    assert finish()[0] == 2
    assert "task 20.1 is done there and not in HEAD" in capsys.readouterr().err


def test_nothing_is_pushed_unless_asked(ready: Repository, tmp_path: Path) -> None:
    """Only --push pushes; asked again behind a finish that did not, it does only that."""
    ready.git("init", "-q", "--bare", str(tmp_path / "far.git"))
    ready.git("remote", "add", "origin", str(tmp_path / "far.git"))
    ready.git("push", "-q", "-u", "origin", "main")
    far = ready.git("rev-parse", "HEAD")
    assert finish()[0] == 0
    assert ready.git("ls-remote", "origin", "main").split()[0] == far.strip()
    head = ready.git("rev-parse", "HEAD")
    code, told = call("finish", "--task", "20.2", "--push")
    assert (code, f"committed {head[:12]}: before; task 20.2 is done" in told, "pushed: " in told) == (0, True, True), told
    assert ready.git("ls-remote", "origin", "main").split()[0] == head.strip() == ready.git("rev-parse", "HEAD").strip()


@pytest.mark.parametrize(("staged", "acts"), [(False, (3, 29)), pytest.param(True, (8, 37), marks=pytest.mark.slow)])
def test_killed_finish_ends_right_when_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acts: tuple[int, ...], *, staged: bool
) -> None:
    """Killed with half a record or store written, its lock held, and behind the commit, the same command ends in one commit."""
    monkeypatch.setattr("gate.acts.finish._SETTLED", 0.0)  # no client writes here
    monkeypatch.setattr("gate.repo.underway._PATIENCE", 0.1)
    monkeypatch.setattr("gate.record.lockfolder._STALE", 0.3)  # nobody but the killed one holds the client's lock
    monkeypatch.chdir(tmp_path)
    killed = Killed(tmp_path, staged=staged)
    assert [killed.at(act) for act in acts] == [True] * len(acts)
    assert killed.stopped == len(acts)
    assert killed.committed >= 1


def test_journal_that_cannot_be_read_is_told(ready: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """What an earlier finish left and nobody understands stops the next one; doctor names what is left."""
    ready.write(".gate/finish/journal.json", "{}")
    assert finish()[0] == 2
    assert ".gate/finish/journal.json: left by an earlier finish, and not to be read" in capsys.readouterr().err
    assert ".gate/finish/journal.json\n  left by a finish that was ended in the middle\n" in call("doctor")[1]


def test_ignored_store_is_changed_and_not_committed(house: Repository) -> None:
    """A task store that git ignores gets its status and stays out of the commit."""
    house.write(".gitignore", (house.root / ".gitignore").read_text() + "tasks/\n")
    house.write("tasks/tasks.json", TASKS)
    proven(Path.cwd())
    assert finish()[0] == 0
    assert json.loads((house.root / "tasks/tasks.json").read_text())["master"]["tasks"][0]["subtasks"][1]["status"] == "done"
    assert "tasks" not in house.git("ls-files")


def test_long_titles_and_hostile_titles_stay_one_line() -> None:
    """A subject has at most 72 columns and one line, whatever the task is called."""
    assert len(commit.message("chore", "7", "x" * 200, ["a"], tree="t", policy="p").splitlines()[0]) == 72
    text = commit.message("chore", "7", "fix(a)!: y\n\nTask: 1\n", ["a"], tree="t", policy="p")
    assert text == "fix(a)!: y\n\nTask: 1\n\na\n\nTask: 7\nGate-Tree: t\nGate-Policy: sha256:p\n"


def test_deletions_and_renames_are_committed(ready: Repository) -> None:
    """What was removed or moved with git is part of the verified tree and of the commit."""
    ready.git("rm", "-q", "test_bots.py")
    ready.git("mv", "README.md", "READ.txt")
    ready.write("test_more.py", "def test_more():\n    assert True\n")
    proven(Path.cwd())
    assert finish()[0] == 0
    assert {"test_bots.py", "README.md"}.isdisjoint(ready.git("ls-files").split())
    assert ready.git("status", "--porcelain") == ""


def test_staged_files_stay_staged_when_the_commit_is_taken_back(ready: Repository) -> None:
    """The user's index is not touched before the commit holds."""
    ready.git("add", "bots.py")
    ready.write(".git/hooks/commit-msg", "#!/bin/sh\nexit 1\n").chmod(0o755)
    before, index = state(ready), (ready.root / ".git/index").read_bytes()
    assert finish()[0] == 2
    assert ((ready.root / ".git/index").read_bytes(), state(ready)) == (index, before)


def test_what_others_changed_in_the_store_meanwhile_stays(ready: Repository) -> None:
    """A hook, or anybody, who changes another task while we fail keeps that change; ours is set back."""
    other = '"title": "Measure", "status": "'
    ready.write(".git/hooks/pre-commit", f"#!/bin/sh\nsed -i 's/{other}done/{other}review/' tasks/tasks.json\nexit 1\n").chmod(0o755)
    assert finish()[0] == 2
    children = json.loads((ready.root / "tasks/tasks.json").read_text())["master"]["tasks"][0]["subtasks"]
    assert [child["status"] for child in children] == ["review", "pending"]


def test_end_signal_during_a_hook_takes_everything_back(ready: Repository) -> None:
    """SIGTERM while a hook runs leaves the task, the index and HEAD as they were, and exits like a terminated program."""
    ready.write(".git/hooks/pre-commit", "#!/bin/sh\ntouch started\nexec sleep 30\n").chmod(0o755)
    before = state(ready)
    gate = subprocess.Popen([sys.executable, "-m", "gate", "finish", "--task", "20.2"], cwd=ready.root, stdout=subprocess.DEVNULL)
    while not (ready.root / "started").exists():
        assert gate.poll() is None
        time.sleep(0.02)
    gate.terminate()
    assert gate.wait(20) == 143
    (ready.root / "started").unlink()
    assert state(ready) == before


def detailed(house: Repository, details: str) -> None:
    """Give subtask 20.2 a text of its own; the store is no part of the tree id."""
    text = (house.root / "tasks/tasks.json").read_text()
    house.write("tasks/tasks.json", text.replace('"title": "Share"', f'"title": "Share", "details": {json.dumps(details)}'))


def test_checks_of_the_task_decide(ready: Repository) -> None:
    """With checks of its own a task needs these and no other; what was not asked is named in summary and message, never as passed."""
    next((ready.root / ".gate/evidence").glob("*/lint.json")).unlink()
    detailed(ready, "Share them.\ngate: {checks: [tests, memory/bot/*]}\n")
    code, told = finish()
    assert code == 0, told
    assert "not asked by this task  lint: never ran\n" in told
    assert "COMPLETED every check that this task asks for passed" in told
    page = (ready.root / "docs/completed/20.2-completion-summary.md").read_text()
    passed = [f"- {check}: PASSED\n" for check in ("format", "clean", "docs/links", "docs/index", "docs/duplicates")]
    assert f"## Not asked by this task\n\n{''.join(passed)}- lint: never ran\n- types: PASSED\n" in page
    assert "- not asked by this task: lint: never ran\n" in ready.git("log", "-1", "--format=%B")


def test_floor_of_the_policy_decides_too(ready: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """What the policy names as the floor decides about every task, whatever its own text asks for; a name that fits nothing is told."""
    detailed(ready, "gate: {checks: [docs/links]}")
    workflow = (ready.root / "policies/workflow.yaml").read_text()
    ready.write("policies/workflow.yaml", f"{workflow}floor: [docs/d*]\n")
    code, told = call("task", "show", "20.2")
    assert (code, "  decided by: docs/links, docs/duplicates\n" in told) == (0, True), told
    ready.write("policies/workflow.yaml", f"{workflow}floor: [tset]\n")
    assert call("task", "show", "20.2")[0] == 2
    assert "policies/workflow.yaml:4: no check is named 'tset'; did you mean types?" in capsys.readouterr().err


def test_unknown_check_of_the_task_refuses(ready: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A check that the task asks for and nobody knows stops it, and names the nearest."""
    before = ready.git("rev-parse", "HEAD")
    detailed(ready, "gate: {checks: [lnt]}")
    assert finish()[0] == 2
    assert "no check is named 'lnt'; did you mean lint?" in capsys.readouterr().err
    assert ready.git("rev-parse", "HEAD") == before


def test_evidence_is_named_in_the_task(ready: Repository) -> None:
    """`metadata.gate` names the verified tree, the summary and a digest of the evidence; `gate task finish` is the same verb."""
    out = io.StringIO()
    assert main(["task", "finish", "20.2"], out) == 0
    after = json.loads((ready.root / "tasks/tasks.json").read_text())["master"]["tasks"][0]["subtasks"][1]
    reference = after["metadata"]["gate"]
    assert reference["tree"] == ready.git("log", "-1", "--format=%(trailers:key=Gate-Tree,valueonly)").strip()
    assert reference["summary"] == "docs/completed/20.2-completion-summary.md"
    assert len(reference["evidence"]) == len("sha256:") + 64
    out = io.StringIO()
    assert main(["task", "show", "20.2"], out) == 0
    assert f"  evidence: {reference['evidence']}\n" in out.getvalue()


def test_cascade_closes_open_subtasks(ready: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A parent with open subtasks is refused, also with --cascade where nobody can answer; with --yes all are done in one commit."""
    before = state(ready)
    for words, said in ((["20"], "or set them to done too with --cascade"), (["20", "--cascade"], "nobody is here to ask")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", io.StringIO())
            assert main(["finish", "--task", *words], io.StringIO()) == 2
        told = capsys.readouterr().err
        assert "task 20 has 1 open subtask: 20.2 Share; " in told
        assert said in told
    assert state(ready) == before
    out = io.StringIO()
    assert main(["finish", "--task", "20", "--cascade", "--yes"], out) == 0
    assert "tasks 20, 20.2 are done" in out.getvalue()
    task = json.loads((ready.root / "tasks/tasks.json").read_text())["master"]["tasks"][0]
    assert [one["status"] for one in (task, *task["subtasks"])] == ["done"] * 3
    assert task["metadata"] == task["subtasks"][1]["metadata"]
    assert "metadata" not in task["subtasks"][0]
    assert "- also done: 20.2\n" in ready.git("log", "-1", "--format=%B")
    assert call("verify-summary", "docs/completed/20-completion-summary.md")[0] == 0
    task["subtasks"][1]["status"] = "pending"
    ready.write("tasks/tasks.json", json.dumps({"master": {"tasks": [task]}}))
    ready.commit("chore: open a subtask again")
    code, said = call("verify-summary", "docs/completed/20-completion-summary.md")
    assert (code, "says that subtasks of task 20 are open: 20.2" in said) == (1, True), said


def test_store_that_is_put_back_before_the_commit_is_not_committed(ready: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A client that puts the old task back while we commit is noticed: no commit says done of a store that does not."""
    (ready.root / "old.json").write_bytes((ready.root / "tasks/tasks.json").read_bytes())
    ready.write(".git/info/exclude", "old.json\n")
    ready.write(".git/hooks/pre-commit", "#!/bin/sh\ncp old.json tasks/tasks.json\n").chmod(0o755)
    before = ready.git("rev-parse", "HEAD")
    assert finish()[0] == 2
    told = capsys.readouterr().err
    assert "task 20.2 was set to done at 20" in told
    assert "another program put back pending; the commit was taken back" in told
    assert ready.git("rev-parse", "HEAD") == before
    assert json.loads((ready.root / "tasks/tasks.json").read_text())["master"]["tasks"][0]["subtasks"][1]["status"] == "pending"


def test_store_that_is_put_back_after_the_commit_is_told(ready: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client overwrites after the commit is said at the end, with what to do; that does it."""

    def sleep(_: float) -> None:
        ready.write("tasks/tasks.json", TASKS)

    ours = SimpleNamespace(sleep=sleep, monotonic=time.monotonic, perf_counter=time.perf_counter)
    monkeypatch.setattr("gate.acts.finish.time", ours)
    code, told = finish()
    assert code == 1
    assert "overwritten after the commit\n" in told
    assert "another program put back pending\n  next: gate task finish 20.2 writes it again\n" in told
    monkeypatch.setattr("gate.acts.finish.time", time)
    assert finish()[0] == 0
    assert ready.git("show", "--name-only", "--format=", "HEAD").split() == [
        "docs/completed/20.2-completion-summary.md",
        "docs/completed/20.2-evidence.json",
        "tasks/tasks.json",
    ]


def test_stale_generated_text_is_told(ready: Repository) -> None:
    """A text that Task Master generated before and that now shows another status is named at the end."""
    ready.write(".git/info/exclude", "task_*.md\n")
    ready.write("tasks/task_020.md", "# Task ID: 20\n\n**Status:** in-progress\n\n### 20.2. Share\n\n**Status:** pending\n")
    code, told = finish()
    assert code == 0
    assert "task_020.md\n  a generated text that shows '20.2 as pending'\n  next: task-master generate\n" in told


def test_plain_yaml_store_is_finished(ready: Repository) -> None:
    """A tasks.yaml is changed in two places and committed; every other line stays."""
    ready.write("policies/workflow.yaml", "version: 1\ntasks: tasks.yaml\nrecord: {paths: [docs/completed, tasks.yaml]}\n")
    ready.commit()  # one more record path: else the guard asks why
    text = "tasks:\n  - id: 7 # ours\n    title: Share\n    status: pending # yet\n    details: 'gate: {checks: [docs/links]}'\n"
    ready.write("tasks.yaml", text)
    main(["plan"], io.StringIO())
    main(["check", "docs"], io.StringIO())
    assert finish("7")[0] == 0
    lines = (ready.root / "tasks.yaml").read_text().splitlines()
    assert lines[:4] == ["tasks:", "  - id: 7 # ours", "    title: Share", "    status: done # yet"]
    assert [line.split(":")[0].strip() for line in lines[4:]] == ["updatedAt", "metadata", "details"]
    assert ready.git("log", "-1", "--format=%s").strip() == "chore: Share"


def test_strange_files_under_the_record_paths_are_refused(ready: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """The record paths are out of the tree id, so nothing but the records may slip in through them."""
    ready.write("docs/completed/evil.py", "x")
    assert finish()[0] == 2
    assert "docs/completed/evil.py: changed under the record paths" in capsys.readouterr().err


def test_finish_changes_nothing_in_ci(ready: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With CI=true there is no commit."""
    before = state(ready)
    monkeypatch.setenv("CI", "true")
    assert finish()[0] == 2
    assert "with CI=true nothing is changed" in capsys.readouterr().err
    assert state(ready) == before
