"""The command as a user meets it: exit codes, clear errors, and what it does not load."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from gate import __version__
from tests.conftest import POLICIES, Repository, call

BROKEN = Path(__file__).with_name("assets") / "policies"
HEAVY = ("numpy", "scipy", "git", "rich")


@pytest.mark.parametrize("words", [["--version"], ["policy", "check"], ["policy", "schema", "memory"]])
def test_light_paths_stay_light(house: Repository, words: list[str]) -> None:
    """Version and policy checks load no numpy, scipy, git or rich."""
    code = f"""
import io, sys
from gate.cli import main
code = main({words!r}, io.StringIO())
heavy = sorted(name for name in {HEAVY!r} if name in sys.modules)
sys.exit(f"loaded: {{heavy}}" if heavy else code)
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=house.root, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_version_loads_next_to_nothing() -> None:
    """Starting the gate costs milliseconds: what is slow to load, of the standard library too, comes with the verb that needs it."""
    slow = ("inspect", "urllib.request", "pydantic", "yaml", "psutil", "subprocess", "tempfile", "gate.policy", "gate.flow")
    code = "import io, sys\nfrom gate.cli import main\nmain(['--version'], io.StringIO())\n"
    code += f"sys.exit(str(sorted({{*sys.modules}} & {{*{slow!r}}})))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stderr == "[]\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints the version and exits 0."""
    assert call("--version")[0] == 0
    assert capsys.readouterr().out == f"gate {__version__}\n"


@pytest.mark.parametrize("words", [[], ["no-such-verb"], ["check"], ["check", "nothing"], ["finish"], ["clean", "--force"]])
def test_bad_usage_exits_2(words: list[str]) -> None:
    """Words that mean nothing exit 2."""
    assert call(*words)[0] == 2


def test_policies_without_mistakes(house: Repository) -> None:
    """A sound policy folder is said to be so, with its hash."""
    assert house.root.exists()
    code, told = call("policy", "check")
    assert code == 0
    assert told.startswith("policies: 1 memory case, no mistakes, sha256:")


def test_policy_mistakes_stop_every_verb(house: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake in a policy is one line with file, line, key path and what to write; exit 2, no traceback."""
    house.write("policies/cleanup.yaml", "version: 1\nkinds:\n  x: {match: [a], lives: true}\n")
    for words in (["policy", "check"], ["plan"], ["clean"], ["check", "lint"], ["summary"], ["finish", "--task", "1"], ["tree"]):
        assert call(*words)[0] == 2
        told = capsys.readouterr().err
        assert 'policies/cleanup.yaml:3: kinds.x.lives: unknown key; did you mean "live"?' in told
        assert "Traceback" not in told


@pytest.mark.slow
def test_every_broken_policy_is_refused_by_the_command(house: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Each broken file of tests/assets/policies, in its place: exit 2, the file and a line named, no traceback."""
    broken = sorted(BROKEN.glob("*-*"))
    assert len(broken) >= 40
    for case in broken:
        name = case.name.partition("-")[0]
        good = (house.root / f"policies/{name}.yaml").read_bytes()
        house.write(f"policies/{name}.yaml", case.read_bytes())
        assert call("policy", "check")[0] == 2, case.name
        told = capsys.readouterr().err
        assert re.match(rf"gate: policies/{name}\.yaml:[0-9]+: ", told), (case.name, told)
        assert "Traceback" not in told, case.name
        house.write(f"policies/{name}.yaml", good)
    assert call("policy", "check")[0] == 0


def test_outside_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Outside a repository the next act is named."""
    monkeypatch.chdir(tmp_path)
    assert call("plan")[0] == 2
    assert "run gate inside a repository" in capsys.readouterr().err


def test_unknown_case_names_the_nearest(house: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt agent case is answered with the nearest one."""
    assert house.root.exists()
    assert call("check", "memory", "bott")[0] == 2
    assert 'did you mean "bot"?' in capsys.readouterr().err


def test_cases_belong_to_memory(house: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Cases for another check are refused, not ignored."""
    assert house.root.exists()
    assert call("check", "lint", "bot")[0] == 2
    assert "belong to check memory" in capsys.readouterr().err


def test_plan_changes_nothing_and_names_every_step(house: Repository) -> None:
    """The plan lists each check with the command that runs it, and what cleaning would take."""
    house.write("build/x.bin", "x")
    code, told = call("plan")
    assert code == 0
    for check in ("clean", "docs/links", "format", "lint", "types", "tests", "memory/bot/growth"):
        assert check in told
    assert "would remove 1 path" in told
    assert (house.root / "build/x.bin").exists()


def test_tree_of_a_revision(house: Repository) -> None:
    """The tree id of a clean work tree is the one of its commit."""
    assert house.root.exists()
    assert call("tree")[1] == call("tree", "HEAD")[1]


def test_works_from_a_folder_below(house: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repository is found from any folder in it."""
    house.write("deep/er/x.txt", "x")
    monkeypatch.chdir(house.root / "deep/er")
    assert call("policy", "check")[0] == 0


def test_interrupt_exits_130(house: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C is answered with 130 and one line."""
    assert house.root.exists()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gate.repo.worktree.find_root", interrupt)
    assert call("plan")[0] == 130
    assert capsys.readouterr().err == "gate: interrupted\n"


def test_interrupt_ends_a_long_measurement_at_once(house: Repository) -> None:
    """A real Ctrl-C while some cases are measured and more wait ends the gate with 130 within seconds, and leaves no measured child."""
    head, agents, case = POLICIES["memory"].partition("agents:\n")
    house.write("policies/memory.yaml", head + agents + "".join(case.replace("bot:", f"bot{number}:") for number in range(12)))
    house.write("bots.py", (house.root / "bots.py").read_text().replace("    del agent", "    __import__('time').sleep(50)"))
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests in the background has it ignored
    gate = subprocess.Popen([sys.executable, "-m", "gate", "check", "memory"], cwd=house.root, stderr=subprocess.PIPE)
    signal.signal(signal.SIGINT, heard)
    while not (children := [child for child in psutil.Process(gate.pid).children(recursive=True) if _is_probe(child)]):
        time.sleep(0.05)
    gate.send_signal(signal.SIGINT)
    _, told = gate.communicate(timeout=20)
    assert gate.returncode == 130
    assert told == b"gate: interrupted\n"
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)


def test_what_is_in_the_way_is_one_clear_error(house: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A file where the gate keeps its folder is named, with what to do, and no traceback."""
    house.write(".gate", "a file")
    assert call("tree")[0] == 2
    told = capsys.readouterr().err
    assert ".gate" in told
    assert "move it out of the way" in told
    assert told.count("\n") == 1


def test_reader_that_leaves_early_is_no_error(house: Repository) -> None:
    """`gate plan | head -1` ends in silence."""
    words = ["bash", "-c", f"{sys.executable} -m gate plan | head -1"]
    ran = subprocess.run(words, cwd=house.root, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    assert ran.stdout.count("\n") == 1


def _is_probe(process: psutil.Process) -> bool:
    """Tell whether a process, which may end meanwhile, is a measured child."""
    try:
        return "gate.probe" in process.cmdline()
    except psutil.NoSuchProcess:
        return False
