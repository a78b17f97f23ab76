"""Real ruff, mypy and pytest on real repositories: findings, mending, and tools that cannot work."""

import json
import os
import time

import pytest

from gate import flow
from gate.facts import Diagnostic, Mode, Reading
from gate.facts.work import Tool
from gate.judge import reports
from gate.measure import loaded, tools
from gate.repo import worktree
from tests.conftest import Repository, but_slow, call


def check(what: str, *more: str) -> tuple[int, str]:
    """Run one check; return its exit code and report."""
    return call("check", what, *more)


def test_sound_code_passes_all_three(house: Repository) -> None:
    """Format, lint and types pass side by side on sound code."""
    code, told = check("quality", "--check")
    assert (code, told.startswith("PASSED       3 checks  format  ")) == (0, True), told
    assert house.git("status", "--porcelain") == ""


def test_type_errors_are_found_with_place_and_code(house: Repository) -> None:
    """Mypy's finding comes through with file, line and code, and fails."""
    house.write("bots.py", '"""Bots."""\n\nx: int = "one"\n')
    code, told = check("types")
    assert code == 1
    assert "bots.py:3: Incompatible types in assignment" in told
    assert "[assignment]" in told


def test_an_edit_of_the_same_second_and_length_is_read(house: Repository) -> None:
    """Mypy takes such a file for the one it knows: who edits as soon as the gate has answered is judged by what is there."""
    house.write("bots.py", '"""Bots."""\n\nx: int = 1234  # warm\n')
    check("types", "--check")
    time.sleep(1 - time.time() % 1)  # so that the next run ends in the second in which it begins
    house.write("bots.py", '"""Bots."""\n\nx: int = 1234\n')
    assert check("types", "--check")[0] == 0
    house.write("bots.py", '"""Bots."""\n\nx: int = "34"\n')
    assert check("types", "--check")[0] == 1


def test_mypy_that_cannot_check_is_broken(house: Repository) -> None:
    """Exit 2 of mypy means that it could not check: BROKEN, never "no findings"."""
    house.write("bots.py", "def (\n")
    code, told = check("types")
    assert code == 2
    assert "BROKEN" in told
    assert "mypy could not check (exit 2)" in told
    assert "bots.py:1:" in told


def test_ruff_with_a_bad_configuration_is_broken(house: Repository) -> None:
    """A tool that refuses its own configuration is BROKEN with its own words."""
    house.write("ruff.toml", "no-such-setting = 1\n")
    code, told = check("lint", "--check")
    assert code == 2
    assert "ruff could not check (exit 2)" in told
    assert "no-such-setting" in told


def test_check_mode_reports_and_changes_nothing(house: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """With CI=true badly formatted code fails and stays as it is."""
    house.write("bots.py", "x   =  1\n")
    monkeypatch.setenv("CI", "true")
    code, told = check("format")
    assert code == 1
    assert "bots.py:1:" in told
    assert (house.root / "bots.py").read_text() == "x   =  1\n"


def test_fix_mode_mends_and_says_what_it_changed(house: Repository) -> None:
    """Locally the same code is mended, the evidence is about the mended tree, and the changed file is recorded."""
    house.write("bots.py", "import os\nx   =  1\n")
    code, _ = check("format")
    assert code == 0
    assert (house.root / "bots.py").read_text() == "x = 1\n"
    inside = flow.enter(house.root, Mode.FIX)
    record = worktree.store(house.root) / "evidence" / inside.tree() / "format.json"
    assert json.loads(record.read_text())["evidence"]["reading"]["changes"][0]["path"] == "bots.py"


def test_lint_after_format_leaves_the_tree_alone(house: Repository) -> None:
    """Each mending session mends the same things, so that none makes another's evidence stale."""
    house.write("bots.py", "import os\nx   =  1\n")
    check("format")
    before = flow.enter(house.root, Mode.FIX).tree()
    assert check("lint")[0] == 0
    assert flow.enter(house.root, Mode.FIX).tree() == before


def test_tests_are_counted_from_the_junit_file(house: Repository) -> None:
    """Passed and failed tests are counted as pytest itself recorded them."""
    house.write("test_bots.py", "def test_good():\n    assert True\n\ndef test_bad():\n    assert 1 == 2\n")
    code, told = check("tests")
    assert code == 1
    assert "1 tests passed, 1 failed, 0 skipped" in told
    assert "test_bots.py:4: test_bad: assert 1 == 2 [failure]" in told


def test_no_tests_is_a_failure(house: Repository) -> None:
    """A suite that runs nothing proves nothing."""
    (house.root / "test_bots.py").unlink()
    code, told = check("tests")
    assert code == 1
    assert "no test ran" in told


def test_command_of_the_policy_is_a_check(house: Repository) -> None:
    """A further program passes by 0, fails by a code that the policy names, and is BROKEN by any other."""
    quality = (house.root / "policies/quality.yaml").read_text()
    commands = """commands:
  good: {run: [python, -c, pass]}
  bad: {run: [python, -c, "print(42); exit(3)"], finds: [3]}
  odd: {run: [python, -c, exit(9)]}
  away: {run: [no-such-program], needs: no-such-program}
  lost: {run: [no-such-program]}
"""
    house.write("policies/quality.yaml", quality + commands)
    code, told = check("lint", "--check", "--verbose")
    assert code == 2
    lines = {line.split()[1]: line.split()[0] for line in told.splitlines() if "lint/" in line and not line.startswith(" ")}
    assert lines == {"lint/good": "PASSED", "lint/bad": "FAILED", "lint/odd": "BROKEN", "lint/away": "SKIPPED", "lint/lost": "BROKEN"}
    assert "42" in told


def test_answer_that_is_no_json_is_broken(house: Repository) -> None:
    """A tool that prints text where JSON was promised is BROKEN, not clean."""
    work = Tool(name="ruff", argv=("python", "-c", "print('all good!')"), reads="ruff")
    reading = tools.measure(work, house.root)
    assert "answered what is not its format" in reading.trouble


def test_tool_that_hangs_is_stopped(house: Repository) -> None:
    """A tool that takes longer than its policy allows is stopped and BROKEN."""
    work = Tool(name="slow", argv=("python", "-c", "import time; time.sleep(60)"), seconds=0.3)
    reading = tools.measure(work, house.root)
    assert "took longer than 0 s and was stopped" in reading.trouble


def test_tree_that_changes_while_it_is_measured_records_nothing(house: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Evidence is for one tree: a check that changes the tree is refused and leaves no record."""
    quality = (house.root / "policies/quality.yaml").read_text()
    sly = "open('new.txt', 'w').write('x')"
    house.write("policies/quality.yaml", f'{quality}commands:\n  sly: {{run: [python, -c, "{sly}"]}}\n')
    assert check("lint", "--check")[0] == 2
    assert "the work tree changed while it was measured" in capsys.readouterr().err
    assert not list((house.root / ".gate").glob("evidence/*/*"))


def test_many_findings_are_counted_and_bounded() -> None:
    """A finding repeats twenty complaints and counts the others."""
    many = tuple(Diagnostic(path="a.py", line=at, code="E1", message="no") for at in range(50))
    found = reports.tool(Tool(name="ruff", argv=()), Reading(diagnostics=many, failed=True), "nox -s lint")
    assert found.headline == "ruff: 50 findings"
    assert found.details[-1] == "and 30 more"


@pytest.mark.parametrize("arguments", ["--collect-only", "-k nothing_has_this_name", "--deselect test_bots.py"])
def test_a_suite_in_which_nothing_passed_proves_nothing(house: Repository, arguments: str) -> None:
    """Collecting, deselecting or skipping everything is no pass."""
    quality = (house.root / "policies/quality.yaml").read_text()
    house.write("policies/quality.yaml", quality.replace("[-q,", f"[{', '.join(arguments.split())}, -q,"))
    assert check("tests")[0] == 1


def test_skipped_tests_alone_are_no_pass(house: Repository) -> None:
    """A suite that skips every test fails with its counts."""
    house.write("test_bots.py", "import pytest\n\n@pytest.mark.skip\ndef test_a():\n    pass\n")
    code, told = check("tests")
    assert code == 1
    assert "0 tests passed, 0 failed, 1 skipped" in told


ALONE = '"""T."""\n\n\ndef test_x() -> None:\n    """X."""\n    assert int("1")\n'
NEVER = "no module of it was loaded in the tests: they never import it [covers]"


@pytest.mark.parametrize("workers", but_slow(["", "-n, '2', "], "-n, '2', "))
def test_tests_that_never_import_the_product_prove_nothing(house: Repository, workers: str) -> None:
    """Asked of every suite, for nothing: one of which no process loads a module of the paths fails, one that loads any passes."""
    quality = (house.root / "policies/quality.yaml").read_text()
    house.write("policies/quality.yaml", quality.replace("[-q,", f"[{workers}-q,"))
    house.write("test_bots.py", ALONE)
    code, told = check("tests")
    assert (code, f"bots.py:1: {NEVER}" in told) == (1, True), told
    house.write("test_bots.py", ALONE + "\n\nimport bots\n")
    assert check("tests")[0] == 0


def test_who_runs_the_program_from_outside_says_so(house: Repository) -> None:
    """A reason in the policy answers for tests that load none of it; code that nobody tests asks for no test."""
    house.write("test_bots.py", ALONE)
    quality = (house.root / "policies/quality.yaml").read_text()
    house.write("policies/quality.yaml", quality.replace("tests: {", "tests: {outside: they run it as a program, "))
    assert check("tests")[0] == 0
    house.write("policies/quality.yaml", quality)
    house.git("mv", "bots.py", "noxfile.py")
    house.write("policies/quality.yaml", quality.replace("bots.py", "noxfile.py, test_bots.py"))
    assert check("tests")[0] == 0


def test_copy_of_the_product_is_not_the_product(house: Repository) -> None:
    """Tests that load a copy installed elsewhere say nothing of this tree: the copy is named, and what to do."""
    house.git("rm", "-q", "-f", "bots.py", "test_bots.py")
    for place in ("src", "build/site-packages"):
        house.write(f"{place}/herd/__init__.py")
        house.write(f"{place}/herd/bots.py", "X = 1\n")
    house.write("test_bots.py", "import sys\n\nsys.path.insert(0, 'build/site-packages')\n\nimport herd.bots\n\n" + ALONE)
    quality = (house.root / "policies/quality.yaml").read_text()
    house.write("policies/quality.yaml", quality.replace("[bots.py]", "[src]"))
    code, told = check("tests")
    assert code == 1
    assert "src/herd/__init__.py:1: no module of it was loaded in the tests: they load a copy of it, " in told
    assert "build/site-packages/herd/__init__.py; install this one (pip install -e .) [covers]" in told


def test_code_that_no_commit_holds_is_named(house: Repository) -> None:
    """Whoever clones the repository does not have what git ignores: tests and agents that rest on it say so where they pass."""
    house.write("helper.py", "X = 1\n")
    house.write(".git/info/exclude", "helper.py\n")
    house.write("bots.py", (house.root / "bots.py").read_text() + "\n\nimport helper\n")
    for what in ("tests", "memory"):
        code, told = check(what)
        assert (code, "; with what git ignores: helper.py  (" in told) == (0, True), told
    house.write("helper.py", "raise RuntimeError\n")  # which changes no tree
    assert [check(what)[0] for what in ("tests", "memory")] == [1, 2]


def test_an_environment_in_the_repository_is_nothing_that_git_ignores(house: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pytest's own program in .nox or .venv is installed wherever there is a gate: tests rest on nothing by it, and are reused."""
    house.write(".git/info/exclude", ".nox/\n")
    scratch = house.root.parent / "scratch"
    scratch.mkdir()
    inside = house.write(".nox/env/bin/pytest", "")
    (scratch / "loaded").write_bytes(b"\0".join(os.fsencode(path) for path in (inside, house.root / "bots.py")) + b"\0")
    assert loaded.read(["bots.py"], scratch, house.root) == ((), (".nox/env/bin/pytest",))
    monkeypatch.setattr("sys.prefix", str(house.root / ".nox/env"))
    assert loaded.read(["bots.py"], scratch, house.root) == ((), ())


def test_options_of_the_environment_do_not_choose_tests(house: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """PYTEST_ADDOPTS cannot leave a failing test out."""
    house.write("test_bots.py", "def test_good():\n    pass\n\ndef test_bad():\n    assert False\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k good")
    assert check("tests")[0] == 1


@pytest.mark.parametrize("what", ["format", "lint"])
def test_linters_that_read_no_file_are_broken(house: Repository, what: str) -> None:
    """A path that holds no Python file, or none that git's ignore files show to ruff, is a mistake of the policy and no pass."""
    house.write("src/a.py", "import os\n")
    house.write("src/.gitignore", "*\n")
    quality = (house.root / "policies/quality.yaml").read_text()
    house.write("policies/quality.yaml", quality.replace("paths: [bots.py]", "paths: [src]"))
    code, told = check(what, "--check")
    assert code == 2
    assert "ruff found no Python file under src" in told


def test_path_that_is_not_there_is_told(house: Repository) -> None:
    """A misspelt path is BROKEN with ruff's own words, not a traceback."""
    quality = (house.root / "policies/quality.yaml").read_text()
    house.write("policies/quality.yaml", quality.replace("paths: [bots.py]", "paths: [botz.py]"))
    code, told = check("format", "--check")
    assert code in {1, 2}
    assert "botz.py" in told
