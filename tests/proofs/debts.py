"""Adopt released packages with debts, plant new findings in them, and show that exactly these are told."""

import argparse
import re
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from gate.command import run
from tests.conftest import POLICIES, Repository, call, calm


@dataclass(frozen=True, kw_only=True)
class Plant:
    """One new finding: what is put where, and which check tells it how."""

    check: str
    path: str
    before: str  # the line above which it is put, as a line of the file begins
    text: str
    tells: str  # in the line that tells it


@dataclass(frozen=True, kw_only=True)
class Package:
    """A source distribution, what of it is read, and what is planted."""

    name: str
    paths: tuple[str, ...]
    plants: tuple[Plant, ...]  # beside these two: whatever makes agents or limits worse is planted where those are compared with a base


PACKAGES = (
    Package(
        name="bottle==0.13.4",
        paths=("bottle.py",),
        plants=(
            Plant(
                check="lint",
                path="bottle.py",
                before="class RouteReset",
                text="import fractions\n\n\n",
                tells="`fractions` imported but unused",
            ),
            Plant(
                check="types",
                path="bottle.py",
                before="def yieldroutes",
                text='def planted(number: int) -> str:\n    """Plant."""\n    return number\n\n\n',
                tells='Incompatible return value type (got "int", expected "str")',
            ),
        ),
    ),
    Package(
        name="pexpect==4.9.0",
        paths=("pexpect",),
        plants=(
            Plant(
                check="lint",
                path="pexpect/screen.py",
                before="def constrain",
                text="import fractions\n\n\n",
                tells="`fractions` imported but unused",
            ),
            Plant(
                check="types",
                path="pexpect/utils.py",
                before="def which",
                text='def planted(number: int) -> str:\n    """Plant."""\n    return number\n\n\n',
                tells='Incompatible return value type (got "int", expected "str")',
            ),
        ),
    ),
)


def main(words: Sequence[str]) -> int:
    """Adopt each package and plant; return 1 when a plant was not told, or anything else was."""
    parser = argparse.ArgumentParser(prog="nox -s proofs -- debts", description=__doc__)
    parser.parse_args(words)
    wrong = 0
    for package in PACKAGES:
        with tempfile.TemporaryDirectory(prefix="gate-") as scratch, pytest.MonkeyPatch.context() as patch:
            calm(patch, Path(scratch))
            patch.setenv("CI", "true")
            made = _unpacked(package, Path(scratch))
            patch.chdir(made.root)
            for line in proven(package, made):
                wrong += line.startswith("WRONG")
                sys.stdout.write(f"{package.name}: {line}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{wrong} wrong\n")
    return int(wrong > 0)


def proven(package: Package, made: Repository) -> Iterator[str]:
    """Adopt, plant, and say what is told at each step; what is wrong begins with WRONG."""
    _, told = call("baseline", "create", "lint", "types")
    for line in told.splitlines()[:-1]:
        check, number, rules = line.split(": ", 2)
        yield f"{check}: {number}, of {rules.count(',') + 1} rules"
    made.commit()
    entries = len(yaml.safe_load((made.root / "policies/baseline.yaml").read_text(encoding="utf-8"))["debts"])
    yield f"policies/baseline.yaml: {entries} lines, {(made.root / 'policies/baseline.yaml').stat().st_size:,} B"
    code, new = _new()
    yield f"{'' if (code, new) == (0, []) else 'WRONG '}as adopted: exit {code}, {len(new)} new"
    for path in {plant.path for plant in package.plants}:
        file = made.root / path
        file.write_text(
            re.sub(r"^(?=def |class )", "# moved\n# down\n", file.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE),
            encoding="utf-8",
        )
    code, new = _new()
    yield f"{'' if (code, new) == (0, []) else 'WRONG '}everything two lines further down: exit {code}, {len(new)} new"
    for plant in package.plants:
        file = made.root / plant.path
        text = file.read_text(encoding="utf-8")
        if f"\n{plant.before}" not in text:
            yield f"WRONG nothing can be planted before {plant.before}"
        file.write_text(text.replace(f"\n{plant.before}", f"\n{plant.text}{plant.before}", 1), encoding="utf-8")
    code, new = _new()
    for plant in package.plants:
        found = [line for line in new if plant.path in line and plant.tells in line]
        yield f"{'' if found else 'WRONG '}planted for {plant.check}: {found[0] if found else 'not told'}"
    rest = [line for line in new if not any(plant.path in line and plant.tells in line for plant in package.plants)]
    yield f"{'WRONG ' if rest or code != 1 else ''}exit {code}, {len(rest)} others told{': ' + '; '.join(rest) if rest else ''}"


def _new() -> tuple[int, list[str]]:
    """Run both checks; return the worst exit code and the complaints that are told as new."""
    codes, lines = [], []
    for what in ("lint", "types"):
        code, told = call("check", what)
        codes.append(code)
        lines += [line.strip() for line in told.splitlines() if re.match(r" +[^ ]+:\d+: ", line)]
    return max(codes), lines


def _unpacked(package: Package, scratch: Path) -> Repository:
    """Fetch a source distribution with pip, and begin a repository with it and the policies of a new user."""
    words = ("download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(scratch), package.name)
    ran = run(("pip", *words), cwd=scratch, seconds=600)
    if ran.code:
        message = f"pip download {package.name}: {ran.out}{ran.err}"
        raise RuntimeError(message)
    (archive,) = scratch.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(scratch, filter="data")
    made = Repository(scratch / archive.name.removesuffix(".tar.gz"))
    for name, text in POLICIES.items():
        made.write(f"policies/{name}.yaml", text.replace("[bots.py]", f"[{', '.join(package.paths)}]"))
    made.write(".gitignore", "__pycache__/\n.mypy_cache/\n.ruff_cache/\n")
    made.commit()
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
