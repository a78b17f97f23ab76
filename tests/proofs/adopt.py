"""Let released projects that were not made for it adopt the gate: their sdists as git repositories, `gate init`, `nox`, no edit."""

import argparse
import os
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.command import Ran, run

ROOT = Path(__file__).parents[2]
STRANGERS = ("cachetools", "simpy", "mesa")
EXTRAS = {"mesa": "[network]"}  # without which its own examples cannot be imported
EDITS = {  # project -> file, what stands there, what is written instead: one line each, and why
    "mesa": (
        (
            "noxfile.py",
            'INSTALL = ("-e", ".[dev]")',
            'INSTALL = ("-e", ".[dev]", "pandas<3")',
            "mesa 3.3 fails its own tests with pandas 3",
        ),
        (
            "policies/quality.yaml",
            "  arguments: [",
            "  arguments: [-k, not test_call_space_drawer, ",
            "a test of its own that fails with the altair of today",
        ),
    ),
}
_LONG = 1800.0  # seconds that one command may take
_TAIL = 40  # lines of a log that are printed when something failed
_AS = ("-c", "user.name=a", "-c", "user.email=a@b.c")


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """What became of one project."""

    name: str
    install: float
    init: float
    nox: float
    again: float
    code: int
    word: str  # the last verdict that nox printed
    cases: int
    edits: tuple[str, ...]  # why each line was edited
    left: tuple[str, ...]  # checks that are left out
    wrong: tuple[str, ...]  # promises that were broken


def main(words: Sequence[str]) -> int:
    """Adopt each project, print a table; return 1 when one of them did not pass as it was."""
    parser = argparse.ArgumentParser(prog="nox -s adopt --", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(STRANGERS), help="projects on PyPI, as name or name==version")
    parser.add_argument("--folder", type=Path, default=None, help="work here and leave everything; otherwise nothing is left")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="gate-adopt-") as scratch:
        folder = (given.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        pip = _environment(folder / "base")
        wheel = _wheel(pip, folder / "wheel")
        told = []
        for name in given.names:
            told.append(_adopt(_repository(pip, name, folder), wheel))
            _say(_line(told[-1]))
    _say(f"{'':<22}{'install':>10}{'gate init':>10}{'nox':>10}{'again':>10}{'edits':>7}  outcome")
    for one in told:
        _say(_line(one))
    return int(any(one.code or one.wrong for one in told))


def _say(line: str) -> None:
    """Write at once: a long proof is watched while it runs."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _line(one: Adopted) -> str:
    edits = "more" if one.code else str(len(one.edits))
    times = "".join(f"{seconds:>8.1f} s" for seconds in (one.install, one.init, one.nox, one.again))
    left = f"; left out: {', '.join(one.left)}" if one.left else ""
    wrong = "".join(f"\n  BROKEN PROMISE: {words}" for words in one.wrong)
    why = "".join(f"\n  edited: {words}" for words in one.edits)
    return f"{one.name:<22}{times}{edits:>7}  exit {one.code}, {one.word}; {one.cases} agent cases{left}{why}{wrong}"


def _environment(folder: Path) -> Path:
    """Make an environment; return its pip."""
    if not folder.exists():
        _done(run((sys.executable, "-m", "venv", str(folder)), cwd=ROOT, seconds=_LONG))
    return folder / "bin" / "pip"


def _wheel(pip: Path, folder: Path) -> Path:
    """Build our wheel."""
    _done(run((str(pip), "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)), cwd=ROOT, seconds=_LONG))
    return next(folder.glob("*.whl"))


def _repository(pip: Path, name: str, folder: Path) -> Path:
    """Download the sdist of a project, and commit what is in it."""
    sdists, place = folder / "sdists" / name, folder / "repositories"
    words = ("download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(sdists), name)
    _done(run((str(pip), *words), cwd=folder, seconds=_LONG))
    with tarfile.open(next(sdists.glob("*.tar.gz"))) as archive:
        top = archive.getnames()[0].partition("/")[0]
        root = place / top
        if root.exists():
            shutil.rmtree(root)
        archive.extractall(place, filter="data")
    for told in (
        ["init", "--quiet", "-b", "main"],
        ["add", "--all"],
        [*_AS, "commit", "--quiet", "-m", "chore: as released"],
        ["tag", top.rpartition("-")[2]],
    ):
        _done(run(("git", *told), cwd=root))
    return root


def _adopt(root: Path, wheel: Path) -> Adopted:
    """Install the gate beside the project, let it adopt the gate, and run nox twice, as a person would."""
    start = time.perf_counter()
    pip = _environment(root.parent / f"{root.name}-env")
    _done(
        run(
            (str(pip), "install", "--quiet", f"{wheel}[tools]", "nox", "-e", f"{root}{EXTRAS.get(_plain(root), '')}"),
            cwd=root,
            seconds=_LONG,
        )
    )
    _done(run((str(pip), "install", "--quiet", "--no-deps", "--force-reinstall", str(wheel)), cwd=root, seconds=_LONG))  # of this moment
    install = time.perf_counter() - start
    before = run(("git", "status", "--porcelain"), cwd=root).out
    env = {"HEAPGATE": str(wheel), "PATH": f"{pip.parent}{os.pathsep}{os.environ['PATH']}", "CI": "", "PYTHONPATH": ""}
    gate, wrong = str(pip.with_name("gate")), []
    first = _done(run((gate, "init"), cwd=root, seconds=_LONG, env=env))
    second = _done(run((gate, "init"), cwd=root, seconds=_LONG, env=env))
    wrong += [] if "nothing was written" in second.out or "nothing to do" in second.out else ["a second gate init wrote something"]
    changed = [line for line in run(("git", "status", "--porcelain"), cwd=root).out.splitlines() if line not in before.splitlines()]
    wrong += [f"gate init touched {line}" for line in changed if line[:2] != "??" and not line.endswith(" .gitignore")]
    edits = tuple(_edited(root, *edit) for edit in EDITS.get(_plain(root), ()))
    ours = run(("git", "status", "--porcelain"), cwd=root).out
    nox = run((str(pip.with_name("nox")),), cwd=root, seconds=_LONG, env=env)
    wrong += [] if run(("git", "status", "--porcelain"), cwd=root).out == ours else ["nox changed the tree"]
    again = run((str(pip.with_name("nox")),), cwd=root, seconds=_LONG, env=env)
    if nox.code:
        _say("\n".join([*first.out.splitlines(), *nox.err.splitlines()[-_TAIL:], *nox.out.splitlines()[-_TAIL:]]))
    verdicts = [line for line in nox.out.splitlines() if line.startswith(("COMPLETED", "INCOMPLETE", "NOT COMPLETED"))]
    memory = (root / "policies/memory.yaml").read_text(encoding="utf-8")
    left = tuple(line.split()[2].rstrip(":") for line in first.out.splitlines() if line.startswith("left out") and ": " in line)
    return Adopted(
        name=root.name,
        install=install,
        init=first.wall,
        nox=nox.wall,
        again=again.wall,
        code=nox.code or again.code,
        word=" ".join(verdicts[-1].split()[:1]) if verdicts else "no verdict",
        edits=edits,
        cases=memory.count("\n    build: "),
        left=left,
        wrong=tuple(wrong),
    )


def _plain(root: Path) -> str:
    """Return the name of a project without its version."""
    return root.name.rpartition("-")[0]


def _edited(root: Path, path: str, old: str, new: str, why: str) -> str:
    """Edit one line, as a person would have to."""
    text = (root / path).read_text(encoding="utf-8")
    if text.count(old) != 1:
        message = f"{path}: {old!r} stands there {text.count(old)} times; the edit of this proof is out of date"
        raise RuntimeError(message)
    (root / path).write_text(text.replace(old, new), encoding="utf-8")
    return f"{path}: {why}"


def _done(ran: Ran) -> Ran:
    """Return what ran, or raise with its last words."""
    if ran.code:
        said = "\n".join((ran.out + ran.err).splitlines()[-_TAIL:])
        message = f"exit {ran.code}: {said}"
        raise RuntimeError(message)
    return ran


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
