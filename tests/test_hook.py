"""What is said before a commit: by the verb itself, and by real pre-commit and prek that call it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gate.acts import glance
from tests.conftest import ROOT, Repository, call

LIGHT = "version: 1\npaths: [bots.py, test_bots.py, more]\nwithout: {types: mypy takes long to start}\n"
BAD = '"""Bots."""\n\nx   =  1\n'
WRONG = '"""Bots."""\n\nx: int = "one"\n'


def test_nothing_changed(house: Repository) -> None:
    """Without a change no tool runs, and what nobody has asked yet is named."""
    assert house.root.exists()
    code, told = call("hook")
    assert code == 0
    assert told == (
        "0 changed files; 0 checks passed on this very tree; not known of it: format, clean, docs/links, docs/index and 5 more: nox\n"
    )


def test_only_what_changed_is_read(house: Repository) -> None:
    """A file that is given is judged, another bad one is not; nothing is changed, nothing is recorded."""
    house.write("policies/quality.yaml", LIGHT)
    house.write("more/fine.py", '"""Fine."""\n')
    house.write("more/bad.py", BAD)
    assert call("hook", "more/fine.py", "README.md")[1].startswith("PASSED       format")
    code, told = call("hook", "more/bad.py")
    assert (code, told.splitlines()[0][:20]) == (1, "FAILED       format ")
    assert "more/bad.py:3:" in told
    assert (house.root / "more/bad.py").read_text() == BAD
    assert "0 checks passed on this very tree" in call("hook", "more/fine.py")[1]


def test_changed_files_are_found(house: Repository) -> None:
    """Without names everything counts that differs from the last commit; types are checked too."""
    house.write("bots.py", WRONG)
    code, told = call("hook")
    assert code == 1
    assert "bots.py:3: Incompatible types in assignment" in told


def test_what_is_excluded_stays_out(house: Repository) -> None:
    """A file that the tool's own configuration leaves out is not read because it is named."""
    house.write("policies/quality.yaml", LIGHT)
    house.write("ruff.toml", 'extend-exclude = ["more"]\n')
    house.write("more/bad.py", BAD)
    code, told = call("hook", "more/bad.py")
    assert (code, told.partition(";")[0]) == (0, "1 changed file")


def test_recorded_evidence_is_taken(house: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """What holds for this very tree is not asked again, good or bad; a recorded failure of anything stops the commit."""
    house.write("bots.py", (house.root / "bots.py").read_text().replace("    del agent\n", "    LIST.append(agent)\n") + "\n\nLIST = []\n")
    house.write("policies/quality.yaml", LIGHT.replace("bots.py, test_bots.py, more", "test_bots.py"))
    assert call("check", "quality", "--check")[0] == 0
    with monkeypatch.context() as blind:
        blind.setattr("gate.measure.tools.measure", None)
        code, told = call("hook", "test_bots.py")
    assert (code, told.count("FAILED")) == (0, 0)
    assert "1 changed file; 2 checks passed on this very tree; not known of it: clean," in told
    assert call("check", "memory")[0] == 1
    code, told = call("hook", "README.md")
    assert (code, told.startswith("FAILED       memory/bot/growth  heap grows by")) == (1, True)


def test_what_is_left_out_is_not_run(house: Repository) -> None:
    """A check that the policy leaves out does not run in the hook either, and is not missed."""
    house.write(
        "policies/quality.yaml", "version: 1\npaths: [bots.py]\nwithout: {format: later, lint: later, types: later, tests: later}\n"
    )
    house.write("bots.py", BAD)
    code, told = call("hook", "bots.py")
    assert (code, "format" in told, "tests" in told) == (0, False, False)


def test_a_waiver_covers_here_too(house: Repository) -> None:
    """What is lived with until a day does not stop a commit."""
    house.write("policies/quality.yaml", LIGHT)
    house.write("bots.py", BAD)
    waiver = "waivers: [{check: format, reason: old, owner: Ada, expires: 2026-12-31}]\n"
    house.write("policies/workflow.yaml", f"version: 1\n{waiver}")
    code, told = call("hook", "bots.py")
    assert (code, "FAILED       format" in told, "by Ada" in told) == (0, True, True)


def test_policy_mistakes_stop_the_commit(house: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Every mistake of a policy is told, exit 2."""
    house.write("policies/docs.yaml", "version: 1\nmach: []\n")
    assert call("hook")[0] == 2
    assert 'policies/docs.yaml:2: mach: unknown key; did you mean "match"?' in capsys.readouterr().err


def test_paths_are_named_from_where_one_stands(house: Repository) -> None:
    """Names count from the current folder; what lies outside of the repository, or is gone, is no changed file."""
    house.write("more/a.py")
    assert glance.changed(house.root, ["a.py", "../bots.py", "gone.py", "/etc/passwd"], house.root / "more") == ("more/a.py", "bots.py")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository that offers our hooks, with the gate on PATH; no index of packages can be reached."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, words in {"gate": "-m gate", "pre-commit": "-m pre_commit"}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (programs / name).chmod(0o755)
    (programs / "prek").symlink_to(Path(sys.executable).with_name("prek"))
    for name, value in {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"),
        "PREK_HOME": str(tmp_path / "prek"),
        "HOME": str(tmp_path),
        "PIP_NO_INDEX": "1",
        "PYTHONPATH": str(ROOT),
    }.items():
        monkeypatch.setenv(name, value)
    made = Repository(tmp_path / "source")
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", made.root)
    made.commit()
    return made


@pytest.mark.slow
@pytest.mark.parametrize("program", ["pre-commit", "prek"])
def test_real_hook_managers(house: Repository, source: Repository, program: str) -> None:
    """A bad file stops a real commit and is told; once it is mended the commit goes through, also with -a and its own index."""
    entry = f"repos:\n- repo: {source.root}\n  rev: {source.git('rev-parse', 'HEAD').strip()}\n  hooks:\n  - id: gate\n"
    house.write(".pre-commit-config.yaml", entry)
    house.write("policies/quality.yaml", LIGHT)
    house.commit()
    subprocess.run([program, "install"], cwd=house.root, check=True, capture_output=True)
    house.write("bots.py", BAD)
    tried = subprocess.run(["git", "commit", "-qam", "fix: x"], cwd=house.root, capture_output=True, text=True, check=False)
    assert tried.returncode == 1
    assert "FAILED       format" in tried.stdout + tried.stderr
    house.write("bots.py", '"""Bots."""\n\nx = 1\n')
    house.write("untracked.py", BAD)
    tried = subprocess.run(["git", "commit", "-qam", "fix: x"], cwd=house.root, capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert house.git("show", "HEAD:bots.py") == '"""Bots."""\n\nx = 1\n'
    assert house.git("status", "--porcelain") == "?? untracked.py\n"


def test_the_second_time_no_policy_is_read(house: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the plan that was kept the hook says the same, good or bad, without policies; a changed policy takes the long way again."""
    house.write("policies/quality.yaml", LIGHT)
    house.write("more/bad.py", BAD)
    first = call("hook", "more/bad.py")
    with monkeypatch.context() as blind:
        blind.setattr("gate.flow.enter", None)
        again = call("hook", "more/bad.py")
    assert [(code, re.sub(r"\(\d+ ms\)", "", told)) for code, told in (again,)] == [(1, re.sub(r"\(\d+ ms\)", "", first[1]))]
    house.write("policies/quality.yaml", LIGHT + "wrong: 1\n")
    assert call("hook", "more/bad.py")[0] == 2
