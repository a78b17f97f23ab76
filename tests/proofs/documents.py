"""Prove that documents move safely: children killed while they move, real distributions consolidated; exit 1 when broken."""

import argparse
import os
import posixpath
import random
import subprocess
import sys
import tarfile
import time
import venv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gate.pages import tree
from gate.repo import worktree
from gate.tidy import links
from tests.conftest import POLICIES, Repository, calm
from tests.markdown import goals
from tests.scattered import FEW, Killed, gate, scatter
from tests.trees import snapshot

SDISTS = ("griffe==1.5.1", "Markdown==3.7", "pymdown-extensions==10.14.3")
SEED = 20
_EVERY = 50  # children between two lines that say how far it is
_CALLS = 2_000  # more system calls than a move makes
_POLICY = """version: 1
match: ["*.md"]
destinations:
  docs/archived: {path: [misc/, notes/]}
  docs/api: {name: ["*api*"], heading: ["*api*", "*reference*", "*extension*"]}
  docs/operations: {heading: ["*install*", "*usage*", "*contribut*", "*change*", "*release*"]}
  docs/guides: {name: ["*"]}
"""


def main(words: Sequence[str]) -> int:
    """Prove both, and print one line each."""
    parser = argparse.ArgumentParser(prog="nox -s proofs -- documents", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="children killed at random moments")
    parser.add_argument("--sdists", nargs="*", default=list(SDISTS), help="distributions from PyPI, each with its version")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args(words)
    here = Path.cwd()
    with TemporaryDirectory(prefix="documents-") as scratch, pytest.MonkeyPatch.context() as patch:
        calm(patch, Path(scratch))
        try:
            if given.kills:
                patch.setattr(os, "fsync", lambda _: None)  # what a killed process wrote is there without waiting for the disk
                _kill(Path(scratch), given.kills, given.seed)
            if given.sdists:
                _distributions(Path(scratch), given.sdists, given.seed)
        except AssertionError as error:
            _say(f"BROKEN: {error}")
            return 1
        finally:
            os.chdir(here)
    return 0


def _kill(scratch: Path, times: int, seed: int) -> None:
    """Kill children at random moments, and one before every system call that changes something."""
    repo = Repository(scratch / "kill")
    os.chdir(repo.root)
    scatter(repo, FEW)
    killed, start = Killed(repo, random.Random(seed)), time.monotonic()
    for number in range(times):
        killed.at_random(number)
        if number % _EVERY == _EVERY - 1:
            _say(f"{number + 1} of {times}")
    _say(
        f"kill: {times} children killed at random moments, {killed.stopped} of them in the middle of their acts: "
        f"undo, or running again, ended right each time, to the byte and in git's index ({time.monotonic() - start:.0f} s)"
    )
    start, before = time.monotonic(), killed.stopped
    number = killed.in_turn(range(_CALLS))
    _say(
        f"kill: {number} children killed before each system call that changes something, {killed.stopped - before} of them in the middle: "
        f"the same ({time.monotonic() - start:.0f} s)"
    )


def _distributions(scratch: Path, wanted: Sequence[str], seed: int) -> None:
    """Download distributions, and consolidate each after its documents were scattered."""
    venv.create(scratch / "pip", with_pip=True)
    pip = [str(scratch / "pip/bin/python"), "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    for number, name in enumerate(wanted):
        folder = scratch / f"sdist{number}"
        subprocess.run([*pip, "-d", str(folder), name], check=True, capture_output=True)
        with tarfile.open(next(folder.glob("*.tar.gz"))) as packed:
            packed.extractall(folder, filter="data")
        repo = Repository(next(path for path in folder.iterdir() if path.is_dir()))
        os.chdir(repo.root)
        _consolidate(repo, name, random.Random(seed))


def _consolidate(repo: Repository, name: str, chance: random.Random) -> None:
    """Scatter, consolidate, follow every link with another reader, take it back; print one line."""
    for policy, text in POLICIES.items():
        repo.write(f"policies/{policy}.yaml", text)
    repo.write("policies/docs.yaml", _POLICY)
    repo.commit()
    first = _led(repo)
    places = _scatter(repo, chance)
    repo.commit("scattered")
    before, led, whole = snapshot(repo.root), _led(repo), repo.git("write-tree")
    lost = _at(first, places) - led
    assert not lost, f"{name}: scattering broke {lost}"
    start = time.monotonic()
    code, said = gate("docs")
    seconds = time.monotonic() - start
    assert code in {0, 1}, f"{name}: exit {code}"
    moves = dict(line.strip().split("  (")[0].split(" -> ") for line in said.splitlines() if line.endswith(")") and " -> " in line)
    broken = _at(led, moves) - _led(repo)
    assert not broken, f"{name}: {broken}"
    again = gate("docs", "--dry-run")[1]
    assert again.startswith("no document is to move"), f"{name}: {again}"
    assert gate("docs", "--undo")[0] == 0, name
    assert snapshot(repo.root) == before, f"{name}: undo did not restore every byte"
    assert (repo.git("status", "--porcelain"), repo.git("write-tree")) == ("", whole), f"{name}: git sees a difference"
    written = next(line for line in said.splitlines() if line.startswith("wrote "))
    _say(
        f"{name}: {len(places)} documents scattered with seed {SEED}; {len(moves)} moved, {written}; {sum(led.values())} links led to "
        f"files before, {broken.total()} of them broken; undo: every byte, git status clean, tree {whole.strip()[:12]} ({seconds:.1f} s)"
    )


def _at(led: Counter[tuple[str, str]], moves: Mapping[str, str]) -> Counter[tuple[str, str]]:
    """Say where links must lead from and to after files have moved."""
    return Counter({(moves.get(path, path), moves.get(goal, goal)): count for (path, goal), count in led.items()})


def _scatter(repo: Repository, chance: random.Random) -> dict[str, str]:
    """Give every document but the README a random place, links with it; return which went where."""
    files = worktree.files(repo.root)
    documents = [path for path in files if path.endswith(".md")]
    folders = sorted({posixpath.dirname(path) for path in files if not path.startswith((".", "policies"))} | {"misc/deep", "notes"})
    drawn = tree.build(repo.root, files, documents)
    moves: dict[str, str] = {}
    for path in chance.sample(documents, len(documents)):
        places = [posixpath.join(folder, posixpath.basename(path)) for folder in chance.sample(folders, len(folders))]
        free = [place for place in places if place not in files and place not in moves.values()]
        if "/" in path or not path.startswith("README"):
            moves[path] = free[0]
    _, _, rewrites = links.rewrite(drawn, moves, ())
    for source, target in moves.items():
        (repo.root / target).parent.mkdir(parents=True, exist_ok=True)
        (repo.root / source).rename(repo.root / target)
    for rewrite in rewrites:
        (repo.root / rewrite.path).write_bytes(rewrite.after)
    return moves


def _led(repo: Repository) -> Counter[tuple[str, str]]:
    """Count what leads where, by rendering each document."""
    files = frozenset(worktree.files(repo.root))
    return Counter(
        (path, goal) for path in files if path.endswith(".md") for goal in goals(path, (repo.root / path).read_bytes()) if goal in files
    )


def _say(line: str) -> None:
    """Write one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
