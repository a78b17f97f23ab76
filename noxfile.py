"""The front door: each session installs the gate and calls one of its verbs."""

import hashlib
import os
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"  # uv where it is there, never required
nox.options.reuse_venv = "yes"
nox.options.sessions = ["plan", "format", "clean", "docs", "lint", "types", "tests", "memory", "summary"]

ROOT = Path(__file__).parent
STAMP = ".heapgate-installed"


def _bin(name: str) -> Path:
    """Find a program of the environment that all sessions share."""
    folder = ROOT / ".nox" / "env" / ("Scripts" if os.name == "nt" else "bin")
    return folder / name


@nox.session(default=False)
def env(session: nox.Session) -> None:
    """Install the gate and everything it calls, once; the other sessions use it."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + sys.version.encode()).hexdigest()
    stamp = Path(session.virtualenv.location) / STAMP
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        session.log("nothing new to install")
        return
    session.install("-e", ".", *nox.project.dependency_groups(project, "dev"))
    stamp.write_text(wanted, encoding="utf-8")


def _gate(session: nox.Session, *words: str) -> None:
    """Call one verb of the gate from the shared environment, with what the user added."""
    path = os.pathsep.join([str(_bin(".").resolve()), os.environ.get("PATH", "")])
    session.run(str(_bin("gate")), *words, *session.posargs, external=True, env={"PATH": path})


@nox.session(venv_backend="none", requires=["env"])
def plan(session: nox.Session) -> None:
    """Say what each phase would do and why, without doing it."""
    _gate(session, "plan")
