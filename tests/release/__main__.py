"""Build the wheel from the sdist, check both, and use the wheel in an empty environment: nox -s release (-- --out FOLDER)."""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from gate import __version__

ROOT = Path(__file__).parents[2]
MOST_DEPENDENCIES = 30  # distributions in the empty environment beside pip and the gate itself
BOTS = "KEPT = []\n\n\ndef call() -> None:\n    KEPT.append(bytes(100))\n"


def main() -> int:
    """Do everything in its order; the first thing that fails ends it with what it printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="where wheel and sdist are left")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gate-release-") as scratch:
        out = words.out.resolve() if words.out else Path(scratch, "dist")
        files = built(out)
        print(_run([sys.executable, "-m", "twine", "check", "--strict", *map(str, files)]).strip())
        print(_run([sys.executable, "-m", "check_wheel_contents", "--toplevel", "gate", str(files[1])]).strip())
        used(Path(scratch), files[1])
    return 0


def built(out: Path) -> tuple[Path, Path]:
    """Build an sdist of the tree, and the wheel from that sdist alone, so that nothing is in neither."""
    _run([sys.executable, "-m", "build", "--outdir", str(out), str(ROOT)])
    sdist, wheel = out / f"heapgate-{__version__}.tar.gz", out / f"heapgate-{__version__}-py3-none-any.whl"
    for file in (sdist, wheel):
        print(f"{file.name}: {file.stat().st_size:,} B")
    return sdist, wheel


def used(scratch: Path, wheel: Path) -> None:
    """Install the wheel where nothing is, and let it find a leak in a repository that has nothing of the gate."""
    empty = scratch / "empty"
    venv.create(empty, with_pip=True)
    _run([str(empty / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)])
    listed = json.loads(_run([str(empty / "bin/python"), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"]))
    names = sorted({one["name"] for one in listed} - {"pip", "setuptools", "heapgate"})
    print(f"an empty environment: {len(names)} distributions beside it: {', '.join(names)}")
    if len(names) > MOST_DEPENDENCIES:
        message = f"more than {MOST_DEPENDENCIES} distributions come along"
        raise SystemExit(message)
    gate, work = str(empty / "bin/gate"), scratch / "work"
    work.mkdir()
    _run(["git", "init", "--quiet", str(work)])
    (work / "bots.py").write_text(BOTS, encoding="utf-8")
    assert _run([gate, "--version"], cwd=work) == f"gate {__version__}\n"
    _says([gate, "policy", "check"], work, 2, "policies/memory.yaml:1: (file): not found")
    _says([gate, "measure", "bots.py:call"], work, 1, "FAILED       growth")
    print("gate --version, policy check and measure: as they should be")


def _says(argv: list[str], work: Path, code: int, text: str) -> None:
    """Let a command end with this code, in these words, without a traceback."""
    ran = subprocess.run(argv, cwd=work, capture_output=True, text=True, check=False)
    told = ran.stdout + ran.stderr
    if (ran.returncode, text in told, "Traceback" in told) != (code, True, False):
        message = f"{' '.join(argv)}: exit {ran.returncode}, wanted {code} and {text!r}:\n{told}"
        raise SystemExit(message)


def _run(argv: list[str], cwd: Path = ROOT) -> str:
    """Run a program that must succeed; return what it printed."""
    ran = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    if ran.returncode:
        message = f"{' '.join(argv)}: exit {ran.returncode}:\n{ran.stdout}{ran.stderr}"
        raise SystemExit(message)
    return ran.stdout


if __name__ == "__main__":
    sys.exit(main())
