"""Cleaning a stranger's repository: each trap that other tools spring, the kinds of the policy, the report, races and kills."""

import io
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from gate.cli import main
from gate.facts import Change
from gate.facts.work import Rule, Sweep
from gate.tidy import scan, sweep, tools
from gate.tidy.journal import runs
from gate.tidy.openfiles import Held
from gate.tidy.rules import Rules
from gate.verbs import tidying
from tests.conftest import ROOT, Repository
from tests.tidymachine import TidyMachine
from tests.tidytrees import assert_nothing_is_lost, big, killed_soon
from tests.trees import snapshot

DAY = 86_400
SHIPPED = (ROOT / "policies/cleanup.yaml").read_text()
IGNORED = ("*.pyc", "__pycache__/", ".env", "*.sqlite", ".idea/", "data/", ".venv/", "build/", "node_modules/", "*.log", "htmlcov/")


@pytest.fixture
def shipped(house: Repository) -> Repository:
    """Return a repository with the policy that this one ships, in which git ignores what most do."""
    house.write("policies/cleanup.yaml", SHIPPED)
    house.write(".gitignore", "\n".join(IGNORED) + "\n")
    house.commit()
    return house


def call(*words: str) -> tuple[int, str]:
    """Call the command; return its exit code and what it printed, without times."""
    out = io.StringIO()
    code = main(list(words), out)
    return code, re.sub(r"[0-9.]+ (ms|s)\b", "T", out.getvalue())


def draw(house: Repository, *rules: Rule, everything: bool = False, now: float | None = None) -> dict[str, Change]:
    """Draw a sweep by some rules."""
    return {change.path: change for change in sweep.draw(Sweep(rules=rules), house.root, everything=everything, now=now)}


TRAPS = {
    "a tracked file in __pycache__": "pkg/__pycache__/kept.cpython-311.pyc",
    "byte code without its source": "legacy.pyc",
    "a foreign file in __pycache__": "pkg/__pycache__/notes.md",
    "a file of secrets": ".env",
    "a database that git ignores": "app.sqlite",
    "the settings of an editor": ".idea/workspace.xml",
    "results that git ignores": "data/results.csv",
    "byte code of an environment": ".venv/lib/__pycache__/x.cpython-311.pyc",
    "byte code of an environment of another name": "mine/lib/__pycache__/x.cpython-311.pyc",
    "a build folder of a package that somebody else installed": "node_modules/left/dist/index.js",
    "work that git does not know": "draft.txt",
    "work in a repository inside": "vendor/tool/build/unpushed.txt",
    "the configuration of coverage": ".coveragerc",
    "a young log": "today.log",
    "a file in a folder that is named like a log": "x.log/inner.txt",
}


def test_traps_of_other_tools_are_not_sprung(shipped: Repository, tmp_path: Path) -> None:
    """Of all that pyclean, git clean, find and rmtree take by mistake, the shipped policy with --all takes nothing."""
    for path in TRAPS.values():
        shipped.write(path, path)
        os.utime(shipped.root / path, (time.time() - (0 if path == "today.log" else 99 * DAY),) * 2)
    shipped.write("mine/pyvenv.cfg", "home = /usr\n")
    shipped.write("vendor/tool/.git/HEAD", "ref: refs/heads/main\n")
    shipped.git("add", "-f", "pkg/__pycache__/kept.cpython-311.pyc")
    (tmp_path / "outside/build").mkdir(parents=True)
    (tmp_path / "outside/build/x.bak").write_text("precious")
    (shipped.root / "way").symlink_to(tmp_path / "outside")
    shipped.write("build/taken.bin", "x")
    code, _ = call("clean", "--all")
    assert code == 0
    assert [name for name, path in TRAPS.items() if not (shipped.root / path).exists()] == []
    assert (tmp_path / "outside/build/x.bak").exists()
    assert not (shipped.root / "build").exists()


def test_folders_of_git_survive_a_gc_and_a_rule_for_empty_folders(shipped: Repository) -> None:
    """`.git/refs` stays when `git gc` has emptied it, in this repository and in one inside it."""
    inner = Repository(shipped.root / "vendor/tool")
    inner.commit()
    for repository in (shipped, inner):
        repository.git("gc", "-q")
    (shipped.root / "left/over").mkdir(parents=True)
    before = {repository.root: snapshot(repository.root / ".git") for repository in (shipped, inner)}
    assert call("clean", "--all")[0] == 0
    assert not (shipped.root / "left").exists()
    for repository in (shipped, inner):
        kept = snapshot(repository.root / ".git")
        assert {path for path in before[repository.root] if path not in kept} == set()
        repository.git("status")


def test_dry_run_is_dry(shipped: Repository) -> None:
    """--dry-run writes nothing at all: not a file, not a time, nothing of git's, no folder of our own."""
    shutil.rmtree(shipped.root / ".gate", ignore_errors=True)
    for path in ("build/x.bin", "a.bak", "pkg/__pycache__/gone.cpython-311.pyc"):
        shipped.write(path, "x")
    before = snapshot(shipped.root, leave=())
    assert call("clean", "--dry-run", "--all")[0] == 0
    assert snapshot(shipped.root, leave=()) == before


@pytest.mark.parametrize("dirt", ["build/x.bin", "a.bak", "pkg/__pycache__/gone.cpython-311.pyc", "htmlcov/index.html", "core~"])
def test_dirty_tree_does_not_pass_as_clean(shipped: Repository, monkeypatch: pytest.MonkeyPatch, dirt: str) -> None:
    """With CI=true any artefact fails the check and stays; without, it goes and the next look passes."""
    shipped.write(dirt, "x")
    monkeypatch.setenv("CI", "true")
    assert call("clean")[0] == 1
    assert (shipped.root / dirt).exists()
    monkeypatch.delenv("CI")
    assert call("clean")[0] == 0
    monkeypatch.setenv("CI", "true")
    assert call("clean")[0] == 0


def test_report_tells_kinds_bytes_reasons_and_what_stays(shipped: Repository) -> None:
    """What would go, each path with its rule and the line by which git ignores it, and what stays with its reason."""
    shipped.write("build/x.bin", "x" * 2000)
    shipped.write("htmlcov/index.html", "tracked")
    shipped.git("add", "-f", "htmlcov/index.html")
    shipped.write("notes.bak", "mine")
    code, told = call("clean", "--dry-run")
    assert (code, re.sub("^note: .* of other users could not be looked at\n", "", told, flags=re.MULTILINE)) == (  # not in every container
        0,
        """\
backups         would move to the trash 1 path, 4 B
build           would remove 1 path, 2 kB
coverage        kept 1 path, 7 B
would remove 1 path, 2 kB  (T)
  build  build by /build/, 2 kB  git ignores it (.gitignore:8:build/)
would move to the trash 1 path, 4 B
  notes.bak  backups by *.bak, 4 B  git does not ignore it: it may be work
kept 1 path, 7 B
  htmlcov  coverage by htmlcov/, 7 B  git tracks files in it
""",
    )


def test_clean_is_taken_back_from_the_command(shipped: Repository) -> None:
    """--undo restores what was trashed and says what is gone; a second one finds nothing; --empty-trash ends that."""
    shipped.write("build/x.bin", "x" * 2000)
    shipped.write("notes.bak", "mine")
    code, told = call("clean")
    assert code == 0
    assert "removed 1 artefact, 2 kB; moved 1 path to the trash, 4 B; 0 matched paths kept, 0 B" in told
    when = runs(shipped.root)[0].when
    code, told = call("clean", "--undo", when[:8])
    assert (code, told) == (
        0,
        f"""\
remove          gone for good 1 path, 2 kB
trash           restored 1 path, 4 B
restored 1 path, 4 B  (T)
  notes.bak  trash, 4 B  as before {when}
gone for good 1 path, 2 kB
  build  remove, 2 kB  regenerable: its tool makes it again
""",
    )
    assert (shipped.root / "notes.bak").read_text() == "mine"
    assert call("clean", "--undo") == (0, "nothing to take back: no run, or the newest one is taken back already\n")
    call("clean")
    assert call("clean", "--empty-trash")[0] == 0
    assert runs(shipped.root) == ()


def test_trash_is_left_alone_where_nothing_may_change(shipped: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """With CI=true neither --undo nor --empty-trash does anything; an unknown run is an error."""
    assert shipped.root.exists()
    assert call("clean", "--undo", "1999")[0] == 2
    monkeypatch.setenv("CI", "true")
    assert call("clean", "--undo")[0] == 2
    assert call("clean", "--empty-trash")[0] == 2


def test_undo_goes_wholly_or_not_at_all_from_the_command(shipped: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A taken place is exit 2, one line that names it, and nothing is changed."""
    shipped.write("a.bak", "old")
    shipped.write("b.bak", "old")
    call("clean")
    shipped.write("a.bak", "new")
    assert call("clean", "--undo")[0] == 2
    assert "a.bak exists again; move these away, then undo again (nothing was changed)" in capsys.readouterr().err
    assert not (shipped.root / "b.bak").exists()


def test_age_spares_what_is_young(house: Repository) -> None:
    """A log goes when it was last written longer ago than its rule says; a live cache goes by age without --all."""
    for path in ("old.log", "new.log"):
        house.write(path, "log")
    house.write(".mypy_cache/a.json", "{}")
    for path in ("old.log", ".mypy_cache/a.json"):
        os.utime(house.root / path, (time.time() - 20 * DAY,) * 2)
    drawn = draw(
        house,
        Rule(kind="logs", match=("*.log",), age=14 * DAY),
        Rule(kind="caches", match=(".mypy_cache/",), regenerable=True, live=True, age=14 * DAY),
    )
    assert {path: (change.act, change.reason) for path, change in drawn.items()} == {
        ".mypy_cache": ("remove", "git ignores it (.gitignore:6:.mypy_cache/)"),
        "old.log": ("trash", "git does not ignore it: it may be work"),
        "new.log": ("kept", "written less than 14 d ago"),
    }


def test_newest_reports_stay(house: Repository) -> None:
    """Of a kind that keeps two, the two that were written last stay."""
    for number in range(4):
        os.utime(house.write(f"junit{number}.xml", "x"), (1000 - number,) * 2)
    drawn = draw(house, Rule(kind="reports", match=("junit*.xml",), keep=2))
    assert {path: change.act for path, change in drawn.items()} == {
        "junit0.xml": "kept",
        "junit1.xml": "kept",
        "junit2.xml": "trash",
        "junit3.xml": "trash",
    }
    assert drawn["junit0.xml"].reason == "one of the newest 2"


def test_pattern_matches_a_path_itself(house: Repository) -> None:
    """A rule for files takes no folder and nothing for the name of a folder above it; a rule for folders takes no file."""
    for path in ("x.log/inner.txt", "logs/y.log", "a/out", "b/out/c.txt"):
        house.write(path, "x")
    drawn = draw(house, Rule(kind="logs", match=("*.log",)), Rule(kind="outs", match=("out/",)))
    assert set(drawn) == {"logs/y.log", "b/out"}


def test_cache_that_git_does_not_ignore_is_at_most_trashed(house: Repository) -> None:
    """CACHEDIR.TAG with its signature lets a cache go to the trash; a tag without it, or none, keeps it; its own .gitignore is a proof."""
    for name, tag in (("tagged", "Signature: 8a477f597d28d172789f06886806bc55\n"), ("faked", "Signature: 0\n"), ("plain", "")):
        house.write(f"{name}/.cache/x", "x")
        if tag:
            house.write(f"{name}/.cache/CACHEDIR.TAG", tag)
    house.write("own/.cache/.gitignore", "# made by a tool\n*\n")
    house.write("own/.cache/x", "x")
    house.write("half/.cache/.gitignore", "*\n!x\n")
    house.write("half/.cache/x", "x")
    drawn = draw(house, Rule(kind="caches", match=(".cache/",), regenerable=True))
    assert {path.split("/")[0]: (change.act, change.ignored) for path, change in drawn.items()} == {
        "tagged": ("trash", ""),
        "faked": ("kept", ""),
        "plain": ("kept", ""),
        "own": ("remove", "own/.cache/.gitignore:2:*"),
        "half": ("kept", ""),
    }


def test_line_that_does_not_ignore_after_all_is_no_proof(house: Repository) -> None:
    """A pattern with ! that git names as the one that decides keeps a path, whatever ignores it further up."""
    house.write(".gitignore", "*.log\n")
    house.write("a/b/.gitignore", "!keep.log\n")
    house.write("a/b/keep.log", "work")
    house.write("a/b/drop.log", "x")
    drawn = draw(house, Rule(kind="logs", match=("*.log",), regenerable=True))
    assert (drawn["a/b/keep.log"].act, drawn["a/b/keep.log"].ignored) == ("kept", "")
    assert (drawn["a/b/drop.log"].act, drawn["a/b/drop.log"].ignored) == ("remove", ".gitignore:1:*.log")


def test_byte_code_has_its_proof(house: Repository) -> None:
    """Live byte code names its source, pytest's too; an orphan goes to the trash, because nothing makes it again, nor does a dead link."""
    house.write("pkg/a.py", "x = 1\n")
    (house.root / "pkg/dead.py").symlink_to("nowhere.py")
    names = (
        "a.cpython-311.pyc",
        "a.cpython-311-pytest-9.0.2.pyc",
        "a.cpython-311.opt-1.pyc",
        "gone.cpython-311.pyc",
        "dead.cpython-311.pyc",
    )
    for name in names:
        house.write(f"pkg/__pycache__/{name}", "x")
    drawn = draw(house, Rule(kind="bytecode", match=("*.pyc",), regenerable=True, live=True), everything=True)
    assert {path.rpartition("/")[2]: (change.act, change.source) for path, change in drawn.items()} == {
        "a.cpython-311.pyc": ("remove", "pkg/a.py"),
        "a.cpython-311-pytest-9.0.2.pyc": ("remove", "pkg/a.py"),
        "a.cpython-311.opt-1.pyc": ("remove", "pkg/a.py"),
        "gone.cpython-311.pyc": ("trash", ""),
        "dead.cpython-311.pyc": ("trash", ""),
    }
    assert drawn["pkg/__pycache__/a.cpython-311.pyc"].rule == "*.pyc"


def test_rule_for_the_folder_of_byte_code_spares_what_is_none(house: Repository) -> None:
    """`__pycache__/` as a pattern takes byte code one by one, and a foreign file keeps itself and the folder."""
    house.write("a.py", "")
    house.write("__pycache__/a.cpython-311.pyc", "x")
    house.write("__pycache__/notes.md", "mine")
    drawn = draw(house, Rule(kind="bytecode", match=("__pycache__/",), regenerable=True), everything=True)
    assert {path: change.act for path, change in drawn.items()} == {
        "__pycache__/a.cpython-311.pyc": "remove",
        "__pycache__/notes.md": "kept",
    }


def test_empty_folders_go_as_one_unless_a_tool_uses_them(house: Repository) -> None:
    """Only the uppermost empty folder is moved; one that git ignores, and a submodule that is not there yet, stay."""
    for path in ("a/b/c", "build/tmp", "sub"):
        (house.root / path).mkdir(parents=True)
    house.write("full/x", "x")
    (house.root / "full/empty").mkdir()
    house.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    drawn = draw(house, Rule(kind="empty", empty=True))
    assert {path: change.act for path, change in drawn.items()} == {"a": "trash", "full/empty": "trash", "build/tmp": "kept", "sub": "kept"}


def test_what_another_process_writes_stays(house: Repository) -> None:
    """A log that is open for writing elsewhere is kept, one that is only read is not."""
    with (
        writing(house.write("busy.log", "x"), "a") as pid,
        writing(house.write("read.log", "x"), "r"),
    ):
        drawn = draw(house, Rule(kind="logs", match=("*.log",)))
    assert drawn["busy.log"].reason == f"process {pid} has busy.log open for writing"
    assert drawn["read.log"].act == "trash"


def test_what_could_not_be_looked_at_is_said(shipped: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report tells of processes and folders that this user may not see, and of a system that shows none."""
    shipped.write("build/x.bin", "x")
    real = os.listdir

    def refuse(path: str | Path) -> list[str]:
        if str(path) == "/proc/1/fd":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert "note: 1 process of other users could not be looked at\n" in call("clean", "--dry-run")[1]
    assert Held(files={}, unseen=-1).looked == "whether other processes write to it was not looked at: this system has no /proc"
    shipped.write("deep/" + "/".join("d" * 120), "x")
    assert "note: 1 folder could not be looked into: deep/d/d" in call("clean", "--dry-run")[1]


@contextmanager
def writing(path: Path, mode: str) -> Iterator[int]:
    """Let another process hold a file open."""
    code = "import sys; file = open(sys.argv[1], sys.argv[2]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code, path, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        yield child.pid
        assert child.stdin
        child.stdin.close()


def test_mounted_folders_stay(house: Repository) -> None:
    """Another part of the same file system that is mounted inside is neither entered nor taken along."""
    house.write("build/mnt/.keep", "")
    house.write("elsewhere/x.bak", "precious")
    code = """
import sys
from pathlib import Path
from gate.tidy import sweep
from gate.facts.work import Rule, Sweep
rules = (Rule(kind="build", match=("build/",), regenerable=True), Rule(kind="backups", match=("*.bak",)))
for change in sweep.draw(Sweep(rules=rules), Path(sys.argv[1])):
    print(change.path, change.act, change.reason, sep="|")
"""
    (house.root.parent / "look.py").write_text(code)
    mount = 'mount --bind "$1/elsewhere" "$1/build/mnt" && exec "$2" "$3" "$1"'
    words = ["unshare", "-m", "sh", "-c", mount, "sh", str(house.root), sys.executable, str(house.root.parent / "look.py")]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    if ran.returncode and ("denied" in ran.stderr or "not permitted" in ran.stderr):
        pytest.skip("only who may mount can see what is mounted")
    assert ran.stdout.splitlines() == [
        "elsewhere/x.bak|trash|git does not ignore it: it may be work",
        f"build|kept|build/mnt is {scan.FOREIGN}",
    ], ran.stderr


def test_shared_caches_are_cleaned_by_their_own_tools_and_only_when_asked(
    house: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache of a tool is its own command, run with --caches and at no other time; one that fails is told."""
    house.write("policies/cleanup.yaml", "version: 1\nkinds:\n  npm: {tool: npm}\n  pip: {tool: pip}\n  uv: {tool: uv}\n")
    house.commit()
    ran = tmp_path / "ran"
    good = tmp_path / "npm"
    good.write_text(f'#!/bin/sh\necho "$*" >> {ran}\n')
    bad = tmp_path / "pip"
    bad.write_text("#!/bin/sh\necho cannot >&2\nexit 3\n")
    good.chmod(0o755)
    bad.chmod(0o755)
    monkeypatch.setitem(tools.COMMANDS, "npm", (str(good), "cache", "clean"))
    monkeypatch.setitem(tools.COMMANDS, "pip", (str(bad), "cache", "purge"))
    monkeypatch.setitem(tools.COMMANDS, "uv", (str(tmp_path / "no-uv"), "cache", "clean"))
    assert call("clean", "--all")[0] == 0
    assert call("clean", "--caches", "--dry-run")[0] == 0
    assert not ran.exists()
    code, told = call("clean", "--caches")
    assert code == 1
    assert ran.read_text() == "cache clean\n"
    assert "exit 3: cannot" in told
    assert "is not installed" in told


PATTERNS = st.builds(
    lambda parts, anchor, folder: ("/" if anchor else "") + "/".join(parts) + ("/" if folder else ""),
    st.lists(st.sampled_from(["a", "b", "*", "**", "a*", "*b", "?", "[ab]", "a.log", "*.log"]), min_size=1, max_size=3),
    st.booleans(),
    st.booleans(),
)
PATHS = [f"{top}/{middle}/{name}" for top in ("a", "b", "a.log") for middle in ("a", "b", "x.log", "ab") for name in ("a", "b", "c.log")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pattern=PATTERNS)
def test_patterns_mean_what_they_mean_to_git(tmp_path: Path, pattern: str) -> None:
    """A path is ignored by git exactly when our pattern matches it itself or a folder above it, wherever files may be matched."""
    repository = tmp_path / "git"
    if not repository.exists():
        Repository(repository)
    (repository / ".gitignore").write_text(f"{pattern}\n")
    asked = "\0".join(PATHS)
    told = subprocess.run(
        ["git", "check-ignore", "-z", "--stdin"], cwd=repository, input=asked, capture_output=True, text=True, check=False
    ).stdout
    folders, files = Rules([Rule(kind="x", match=(f"{pattern.rstrip('/')}/",))]), Rules([Rule(kind="x", match=(pattern,))])
    ours = {
        path for path in PATHS if files.file(path) or any(folders.folder(above) for above in (path.split("/")[0], path.rpartition("/")[0]))
    }
    assert ours == set(filter(None, told.split("\0")))


def test_names_that_pass_are_all_that_match() -> None:
    """The cheap look at a name lets everything through that a pattern matches, patterns that say nothing about names too."""
    for pattern in ("*", "[a-z]*", "a*", "*.py[co]", ".*.sw[op]", "x", "*[0-9]", "a/**", "d?"):
        rules = Rules([Rule(kind="x", match=(pattern,))])
        first, last = rules.file_names.letters()
        for name in ("a", "x", "abc", "m.pyc", ".m.swp", "z9", "d1", "a1"):
            if rules.file(f"a/{name}" if "/" in pattern else name):
                assert rules.file_names.pass_(name), (pattern, name)
                assert "" in rules.file_names.heads or name[0] in first or name[-1] in last, (pattern, name)


def test_bar_comes_after_a_second_and_only_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short work shows no bar, long work does, and a pipe never gets one."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    shown = {}
    for terminal in (True, False):
        out = io.StringIO()
        clock[0] = 0.0
        with tidying._Late(Console(file=out, force_terminal=terminal)) as watch:
            watch("looking")
            early = out.getvalue()
            clock[0] = 1.5
            watch("looking")
        shown[terminal] = (early, "looking" in out.getvalue())
    assert shown == {True: ("", True), False: ("", False)}


def test_folder_that_is_swapped_for_a_link_while_clean_runs_leads_nowhere(house: Repository, tmp_path: Path) -> None:
    """Somebody exchanges folders for links to a folder outside, again and again, while clean runs: nothing out there is touched."""
    outside = tmp_path / "outside"
    names = [f"{number}.bak" for number in range(20)]
    for name in names:
        (outside / "build").mkdir(parents=True, exist_ok=True)
        (outside / name).write_text("precious")
        (outside / "build" / name).write_text("precious")
    before = snapshot(outside)
    stop, still = threading.Event(), threading.Lock()  # the lock keeps our own writing apart from the exchange, not the clean-up

    def swap() -> None:
        while not stop.is_set():
            for folder in ("work", "build"):
                with still, suppress(OSError):  # clean was here in between, which is the point
                    aside, place = house.root / f"{folder}.aside", house.root / folder
                    if not aside.exists():
                        place.rename(aside)
                    place.symlink_to(outside)
                    time.sleep(0.0005)
                    place.unlink()
                    aside.rename(place)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(12):
            with still:
                for path in (f"{folder}/{name}" for folder in ("work", "build") for name in names):
                    house.write(path, "x")
            call("clean", "--all")
    finally:
        stop.set()
        thread.join()
    assert {path: found[:3] for path, found in snapshot(outside).items()} == {path: found[:3] for path, found in before.items()}


@pytest.mark.usefixtures("_no_wait")
def test_killed_clean_is_undone_or_ended_by_running_it_again(tmp_path: Path) -> None:
    """A clean that is killed at ten random moments loses nothing: what it trashed comes back, and another run ends what it began."""
    chance = random.Random(1)
    repository = big(tmp_path / "repo", folders=12)
    for number in range(10):
        killed_soon(repository, chance)
        assert_nothing_is_lost(repository, again=number % 2 == 0)


@pytest.fixture
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: what a killed process wrote is there without that."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


class _Random(TidyMachine):
    """The state machine without waiting for the disk."""


TestRandomRepositories = pytest.mark.usefixtures("_no_wait")(_Random.TestCase)
TestRandomRepositories.settings = settings(
    max_examples=50, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
