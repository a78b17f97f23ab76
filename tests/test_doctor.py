"""What gate doctor tells of this machine, and the completion of shells: from real programs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gate import __version__
from gate.acts import machine
from gate.acts.machine import Machine
from tests.conftest import Repository, call


def test_doctor_tells_what_is_measured_here(house: Repository) -> None:
    """Versions, meters, pins, noise and the repository are told, first for people, then as JSON; both from a measurement."""
    house.write("tasks/tasks.json", '{"master":{"tasks":[]}}')
    house.commit()
    code, told = call("doctor")
    lines = dict(line.split(maxsplit=1) for line in told.splitlines())
    assert code == 0, told
    assert lines["gate"].startswith(f"{__version__}, CPython ")
    assert f"git {house.git('--version').split()[2]}, ruff " in lines["tools"]
    assert lines["meters"] == "heap, rss, mapped, fds, threads, children, segments"
    assert lines["pins"].split()[0] == lines["pins"].split()[2]
    assert lines["noise"].endswith("B over 1,000 steps of nothing")
    assert lines["git"].startswith(f"branch main, at {house.git('rev-parse', 'HEAD')[:12]}, with nothing changed, tree ")
    assert lines["policies"].endswith("9 checks, 1 memory case")
    whole = json.loads(call("doctor", "--json")[1])
    assert (whole["version"], whole["faults"], set(whole["here"]["meters"].values())) == (1, [], {"measured"})
    assert whole["here"]["pins"]["PYTHONHASHSEED"] == "0"


def test_doctor_speaks_when_a_policy_is_broken(house: Repository) -> None:
    """A mistake in a policy is a thing amiss, exit 1, and everything else is told all the same."""
    house.write("policies/docs.yaml", "version: 1\nmach: []\n")
    code, told = call("doctor")
    assert code == 1
    assert "noise " in told
    assert "policies  1 mistake" in told
    assert (
        'policies/docs.yaml:2\n  mach: unknown key; did you mean "match"?\n  next: correct it\n1 thing amiss; looked at the policies\n'
        in told
    )
    assert json.loads(call("doctor", "--json")[1])["faults"][0]["place"] == "policies/docs.yaml:2"


def test_what_is_missing_is_named() -> None:
    """A meter that reads nothing and a pin that does not hold have a line each, with the reason."""
    told = list(
        machine.lines(
            Machine(
                environment={"gate": "1", "python": "P", "platform": "X", "cores": "1", "distributions": "2"},
                tools={"git": "2", "uv": "(not here)"},
                meters={"heap": "not measured: not on this platform", "fds": "measured"},
                pins={"PYTHONHASHSEED": "0", "ADDR_NO_RANDOMIZE": "missing: the kernel or container refuses it"},
                noise="not measured: no heap meter",
                git={"branch": "main", "at": "(no commit yet)"},
                policies="none",
            )
        )
    )
    assert told == [
        "gate      1, P, X, 1 core",
        "tools     git 2, uv (not here)",
        "installed 2",
        "meters    fds",
        "          heap: not measured: not on this platform",
        "pins      1 of 2 hold",
        "          ADDR_NO_RANDOMIZE: missing: the kernel or container refuses it",
        "import    unknown",
        "noise     not measured: no heap meter",
        "git       branch main, at (no commit yet)",
        "policies  none",
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed(shell: str) -> None:
    """Each shell gets a script that names every verb of the parser."""
    code, told = call("completion", shell)
    assert code == 0
    assert all(word in told for word in ("gate", "doctor", "calibrate", "verify-summary"))


def test_bash_completes(tmp_path: Path) -> None:
    """A real bash that read the script completes verbs, what a verb takes and its options."""
    (tmp_path / "gate.bash").write_text(call("completion", "bash")[1])
    code = 'source gate.bash; ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shtab_gate; echo "${COMPREPLY[*]}"; }'
    words = ["bash", "-c", f'{code}; ask gate cal; ask gate check "l"; ask gate init --d']
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout == "calibrate\nlint\n--dry-run\n"


ZSH = r"""
zmodload zsh/zpty
zpty asked zsh -f -i
zpty -w asked "PROMPT=; fpath=(\$PWD \$fpath); autoload -Uz compinit; compinit -u -D; gate() { print -r -- \"GOT <\$*>\" }; echo REA''DY"
zpty -r asked said '*READY*'
for words in 'gate cal' 'gate check form' 'gate init --d'; do
  zpty -w -n asked "$words"$'\t\n'
  zpty -r asked said '*GOT <*>*'
  print -r -- ${(M)${(f)said}:#*GOT*}
done
"""


def shell(name: str) -> str:
    """Return the path of a shell; skip, and say so, where it is not installed."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed here, so its completion was not tried: apt-get install {name}")
    return found


def test_fish_completes(tmp_path: Path) -> None:
    """A real fish that read the script completes verbs, what a verb takes and its options, each with its sentence."""
    (tmp_path / "gate.fish").write_text(call("completion", "fish")[1])
    code = "source gate.fish; " + "; ".join(f"complete -C '{words}'" for words in ("gate cal", "gate check form", "gate init --d"))
    env = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    ran = subprocess.run([shell("fish"), "--no-config", "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert [line.partition("\t")[0] for line in ran.stdout.splitlines()] == ["calibrate", "format", "--dry-run"]


def test_zsh_completes(tmp_path: Path) -> None:
    """A real zsh at a terminal, told nothing but where the script lies, completes what is typed when the tabulator is pressed."""
    (tmp_path / "_gate").write_text(call("completion", "zsh")[1])
    words = [shell("zsh"), "-f", "-c", ZSH]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.split("\n") == ["GOT <calibrate>", "GOT <check format>", "GOT <init --dry-run>", ""]


def test_completion_costs_nothing_elsewhere() -> None:
    """What writes the scripts is loaded by nothing else, and python -m gate is the same command."""
    code = "import io, sys; from gate.cli import main; main(['policy', 'schema', 'docs'], io.StringIO()); sys.exit('shtab' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    ran = subprocess.run([sys.executable, "-m", "gate", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout == f"gate {__version__}\n"
