"""Adopt released packages with debts, plant new findings in them, and show that exactly these are told."""

import argparse
import json
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
    names: str = ""  # likewise, where that is not the path

    def told(self, line: str) -> bool:
        """Tell whether a line tells it."""
        return (self.names or self.path) in line and self.tells in line


@dataclass(frozen=True, kw_only=True)
class Package:
    """A source distribution, what of it is read, and what is planted."""

    name: str
    paths: tuple[str, ...]
    agents: str  # the file that builds and steps one agent
    plants: tuple[Plant, ...]


_MISTYPED = 'def planted(number: int) -> str:\n    """Plant."""\n    return number\n\n\n'
_MISTYPED_TOLD = 'Incompatible return value type (got "int", expected "str")'
PACKAGES = (
    Package(
        name="bottle==0.13.4",
        paths=("bottle.py",),
        agents="""import bottle


def build(index):
    app = bottle.Bottle()
    app.route("/hello", callback=lambda: index)
    return app


def step(app):
    app.match({"REQUEST_METHOD": "GET", "PATH_INFO": "/hello"})
""",
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
                text=_MISTYPED,
                tells=_MISTYPED_TOLD,
            ),
            Plant(
                check="memory",
                path="bottle.py",
                before="        path = environ['PATH_INFO'] or '/'",
                text="        self.rules.append(None)\n",
                tells="heap grows by ",
                names="memory/agent/growth",
            ),
        ),
    ),
    Package(
        name="pexpect==4.9.0",
        paths=("pexpect",),
        agents="""from pexpect.screen import screen


def build(index):
    return screen()


def step(agent):
    agent.put_abs(1, 1, "x")
""",
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
                text=_MISTYPED,
                tells=_MISTYPED_TOLD,
            ),
            Plant(
                check="memory",
                path="pexpect/screen.py",
                before="        self.w[r-1][c-1] = ch",
                text="        self.w.append(self.w[0])\n",
                tells="heap grows by ",
                names="memory/agent/growth",
            ),
        ),
    ),
)
DOUBLED = Plant(
    check="policy/guard",
    path="policies/memory.yaml",
    before="",
    text="",
    tells=" (higher)",
    names="agents.agent.limits.footprint.max: ",
)
MEMORY = """version: 1
agents:
  agent:
    build: agents:build
    step: agents:step
    limits:
      growth: {max: 0 B/step}
      handles: {max: 0/step}
      footprint: {max: 1 GB, because: "what was measured, with headroom"}
"""


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
    _limit(made, 1)
    made.commit()
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
    _limit(made, 2)
    code, new = _new()
    plants = (*package.plants, DOUBLED)
    for plant in plants:
        found = [line for line in new if plant.told(line)]
        yield f"{'' if found else 'WRONG '}planted for {plant.check}: {found[0] if found else 'not told'}"
    rest = [line for line in new if not any(plant.told(line) for plant in plants)]
    yield f"{'WRONG ' if rest or code != 1 else ''}exit {code}, {len(rest)} others told{': ' + '; '.join(rest) if rest else ''}"


def _new() -> tuple[int, list[str]]:
    """Run every check and the guard; return the worst exit code and the complaints that are told as new."""
    codes, lines = [], []
    for words in (("check", "lint"), ("check", "types"), ("check", "memory"), ("policy", "guard")):
        code, told = call(*words)
        codes.append(code)
        tells = r"(?!PASSED)[A-Z]+ +memory/" if "memory" in words else r" +[^ ]+:\d+: "  # a memory check also names lines that explain it
        lines += [line.strip() for line in told.splitlines() if re.match(tells, line)]
    return max(codes), lines


def _limit(made: Repository, times: int) -> None:
    """Write so many times the limit that calibration proposes for what one agent weighs now."""
    path = made.root / "policies/memory.yaml"
    written = re.sub(r"footprint: \{max: [^,]+", "footprint: {max: 1 GB", path.read_text(encoding="utf-8"))
    path.write_text(written, encoding="utf-8")
    rows = json.loads(call("calibrate", "--check", "--json")[1])["limits"]
    (proposal,) = [row["proposal"] for row in rows if row["check"].endswith("/footprint")]
    amount, unit = proposal.split(" ")
    path.write_text(written.replace("1 GB", f"{float(amount) * times:g} {unit}"), encoding="utf-8")


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
    made.write("policies/memory.yaml", MEMORY)
    made.write("agents.py", package.agents)
    made.write(".gitignore", "__pycache__/\n.mypy_cache/\n.ruff_cache/\n")
    made.commit()
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
