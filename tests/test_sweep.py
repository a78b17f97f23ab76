"""The sweep in real repositories: what goes, what stays, and why."""

import io
import os
import py_compile
from pathlib import Path

import pytest

from gate import plan
from gate.cli import main
from gate.facts import Change
from gate.facts.work import Sweep
from gate.policy import load
from gate.tidy import sweep
from gate.tidy.journal import Journal
from tests.conftest import Repository


def draw(house: Repository, *, everything: bool = False) -> dict[str, Change]:
    """Draw the sweep of the repository's own policy."""
    step = next(step for step in plan.steps(load(house.root)) if isinstance(step.work, Sweep))
    assert isinstance(step.work, Sweep)
    return {change.path: change for change in sweep.draw(step.work, house.root, everything=everything)}


def gone(house: Repository, *, everything: bool = False) -> set[str]:
    """Sweep for real; return the paths that were removed."""
    return carried(house, tuple(draw(house, everything=everything).values()), {"removed", "trashed"})


def carried(house: Repository, drawn: tuple[Change, ...], acts: set[str]) -> set[str]:
    """Carry out what was drawn; return the paths with which one of these acts was done."""
    with Journal.begin(house.root, "clean", "") as journal:
        return {change.path for change in sweep.carry_out(drawn, journal) if change.act in acts}


def files(root: Path) -> set[str]:
    """List every file and link below a folder, git's own left out."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if ".git/" not in str(path) and (path.is_symlink() or path.is_file())}


def test_ignored_artefacts_go(house: Repository) -> None:
    """Build output and coverage data that git ignores are removed with their bytes counted."""
    house.write("build/lib/a.bin", "x" * 1000)
    house.write(".coverage", "data")
    drawn = draw(house)
    assert (drawn["build"].act, drawn["build"].size, drawn["build"].kind) == ("remove", 1000, "build")
    assert gone(house) == {"build", ".coverage"}
    assert not (house.root / "build").exists()


def test_coverage_configuration_stays(house: Repository) -> None:
    """`.coveragerc` is not coverage data, whatever a wildcard says."""
    house.write(".coveragerc", "[run]\n")
    house.write(".coverage.host.1", "data")
    assert gone(house) == {".coverage.host.1"}
    assert (house.root / ".coveragerc").exists()


def test_tracked_things_stay(house: Repository) -> None:
    """A tracked file in an ignored folder keeps itself and the folder, not its ignored neighbour; tracked byte code stays."""
    house.write("build/keep.txt", "work")
    house.write("pkg/old.pyc", "tracked byte code")
    house.git("add", "-f", "build/keep.txt", "pkg/old.pyc")
    house.commit()
    house.write("build/drop.bin", "x")
    assert gone(house) == {"build/drop.bin"}
    assert (house.root / "build/keep.txt").read_text() == "work"
    assert draw(house)["build"].reason == "git tracks files in it"
    assert draw(house)["pkg/old.pyc"].reason == "git tracks it"


def test_work_that_git_does_not_know_stays(house: Repository) -> None:
    """Untracked and not ignored means work: it stays, with the reason."""
    house.write(".gitignore", "")
    house.write("build/notes.txt", "my only copy")
    drawn = draw(house)
    assert (drawn["build"].act, drawn["build"].reason) == ("kept", "git does not ignore it: it may be work")
    assert gone(house) == set()


def test_byte_code_is_proven(house: Repository) -> None:
    """Orphans go, live byte code stays, an only copy stays, a foreign file in __pycache__ stays."""
    source = house.write("pkg/live.py", "x = 1\n")
    py_compile.compile(str(source))
    house.write("pkg/__pycache__/orphan.cpython-311.pyc", "dead")
    house.write("pkg/__pycache__/notes.md", "a foreign file")
    house.write("pkg/only.pyc", "no source anywhere")
    assert gone(house) == {"pkg/__pycache__/orphan.cpython-311.pyc"}
    assert "only copy" in draw(house)["pkg/only.pyc"].reason
    assert any(path.startswith("pkg/__pycache__/live.") for path in gone(house, everything=True))
    assert {"pkg/__pycache__/notes.md", "pkg/only.pyc", "pkg/live.py"} <= files(house.root)


def test_emptied_byte_code_folder_goes_too(house: Repository) -> None:
    """A __pycache__ of orphans leaves no empty folder behind."""
    house.write("pkg/__pycache__/gone.cpython-311.pyc", "dead")
    assert gone(house) == {"pkg/__pycache__"}
    assert not (house.root / "pkg/__pycache__").exists()


def test_live_caches_stay_unless_asked(house: Repository) -> None:
    """The warm caches of the gate's own tools go only with --all."""
    house.write(".mypy_cache/3.11/a.json", "{}")
    assert gone(house) == set()
    assert gone(house, everything=True) == {".mypy_cache"}


@pytest.mark.parametrize("folder", [".venv", ".nox/tests", "node_modules/x", "envs/mine"])
def test_environments_stay(house: Repository, folder: str) -> None:
    """Nothing inside an environment is touched, whatever its name when it has a pyvenv.cfg."""
    house.write(".gitignore", "*\n")
    house.write(f"{folder}/lib/build/x.bin", "x")
    house.write(f"{folder}/lib/__pycache__/orphan.cpython-311.pyc", "x")
    if folder.startswith("envs"):
        house.write(f"{folder}/pyvenv.cfg", "home = /usr\n")
    assert gone(house, everything=True) == set()


def test_nested_repository_stays(house: Repository) -> None:
    """A repository inside an ignored build folder keeps its unpushed work."""
    house.write("build/other/.git/HEAD", "ref: refs/heads/main\n")
    house.write("vendor/tool/.git", "gitdir: ../../x\n")
    house.write("vendor/tool/build/x.bin", "x")
    assert gone(house, everything=True) == set()
    assert "another repository or another file system" in draw(house)["build"].reason


def test_links_are_not_followed(house: Repository, tmp_path: Path) -> None:
    """A link to a folder outside is neither entered nor emptied; inside a cache only the link itself goes."""
    outside = tmp_path / "outside"
    (outside / "build").mkdir(parents=True)
    (outside / "build" / "precious.txt").write_text("p")
    (house.root / "way").symlink_to(outside)
    house.write("build/x.bin", "x")
    (house.root / "build/out").symlink_to(outside)
    assert gone(house, everything=True) == {"build"}
    assert (outside / "build" / "precious.txt").read_text() == "p"


def test_folder_swapped_for_a_link_after_the_plan_is_not_entered(house: Repository, tmp_path: Path) -> None:
    """What became another thing between plan and act stays, and so does what the link leads to."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.bin").write_text("precious")
    house.write("build/x.bin", "x")
    drawn = tuple(draw(house).values())
    (house.root / "build").rename(house.root / "moved")
    (house.root / "build").symlink_to(outside)
    assert carried(house, drawn, {"remove"}) == {"build"}
    assert (outside / "x.bin").read_text() == "precious"
    assert (house.root / "moved/x.bin").exists()


def test_file_written_after_the_plan_stays(house: Repository) -> None:
    """Only what was planned is removed: a new file keeps its folder."""
    house.write("build/x.bin", "x")
    drawn = tuple(draw(house).values())
    house.write("build/new.txt", "written meanwhile")
    assert carried(house, drawn, {"removed"}) == set()
    assert files(house.root / "build") == {"new.txt"}


def test_dry_run_changes_nothing(house: Repository) -> None:
    """--dry-run lists paths and bytes, and every file is still there."""
    house.write("build/x.bin", "x" * 2048)
    before = files(house.root) - {".gate/.gitignore"}
    out = io.StringIO()
    assert main(["clean", "--dry-run"], out) == 0
    assert "would remove 1 path, 2.05 kB" in out.getvalue()
    assert files(house.root) - {".gate/.gitignore"} == before


def test_check_mode_reports_and_fails(house: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """With CI=true nothing is removed and what lies about fails the check."""
    house.write("build/x.bin", "x")
    monkeypatch.setenv("CI", "true")
    out = io.StringIO()
    assert main(["clean"], out) == 1
    assert "1 artefact to remove" in out.getvalue()
    assert (house.root / "build/x.bin").exists()


def test_git_after_gc_is_untouched(house: Repository) -> None:
    """Empty folders of .git that `git gc` leaves are git's own."""
    house.git("gc", "-q")
    before = sorted(str(path) for path in (house.root / ".git").rglob("*"))
    assert main(["clean", "--all"], io.StringIO()) == 0
    assert sorted(str(path) for path in (house.root / ".git").rglob("*")) == before
    house.git("status")


@pytest.mark.parametrize("inside", ["env/pyvenv.cfg", ".nox/tests/x", "mirror.git/HEAD"])
def test_environment_inside_a_matched_folder_keeps_it(house: Repository, inside: str) -> None:
    """A virtual environment, .nox or a bare repository below an ignored build folder keeps the whole folder."""
    house.write(f"build/{inside}", "x")
    house.write("build/mirror.git/objects/x" if "mirror" in inside else "build/a.bin", "x")
    assert gone(house, everything=True) == set()
    assert "is an environment, another repository or another file system" in draw(house)["build"].reason


def test_what_could_not_be_removed_is_told_with_its_reason(house: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A removal that the system refuses fails the check and says why."""
    house.write("build/x.bin", "x")

    real = os.unlink

    def refuse(name: str, *, dir_fd: int | None = None) -> None:
        if name == "x.bin":
            raise OSError(1, f"Operation not permitted on {name}")
        real(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", refuse)
    monkeypatch.setattr(os, "supports_dir_fd", os.supports_dir_fd | {refuse})
    out = io.StringIO()
    assert main(["clean"], out) == 1
    assert "build/x.bin: Operation not permitted on x.bin" in out.getvalue()
