"""What this machine and this environment are: what evidence must say, and must match to hold."""

import hashlib
import os
import platform
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from gate import __version__

_INSTALLED = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-[^/]*)?\.(?:dist|egg)-info")
_STEERS = (
    "PYTHON",
    "LD_",
    "MYPY",
    "RUFF_",
    "PYTEST_PLUGINS",
    "PYTEST_DISABLE",
    "MALLOC_",
    "GLIBC_TUNABLES",
)  # variables that change what runs, whatever it is


@cache
def environment() -> dict[str, str]:
    """Say what this machine and this environment are."""
    installed = _installed()
    return {
        "gate": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "cores": str(os.cpu_count()),
        "distributions": f"{len(installed)}, sha256:{hashlib.sha256(chr(10).join(installed).encode()).hexdigest()[:16]}",
    }


@cache
def source() -> str:
    """Hash the gate's own code: a version is not enough where the gate itself is worked on."""
    digest, folder = hashlib.sha256(), Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def policies(files: Mapping[str, bytes]) -> str:
    """Hash the bytes of all policies, each under its name."""
    digest = hashlib.sha256()
    for name, raw in files.items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(raw).digest())
    return digest.hexdigest()


def variables(declared: tuple[str, ...]) -> dict[str, str]:
    """Hash what environment variables hold that a check declares, and those that change what runs; a value may be a secret."""
    names = {*declared, *(name for name in os.environ if name.startswith(_STEERS))}
    return {name: hashlib.sha256(os.fsencode(os.environ[name])).hexdigest()[:16] if name in os.environ else "" for name in sorted(names)}


def _installed() -> list[str]:
    """Name every installed distribution by its folder: reading what each says of itself takes a hundred times longer."""
    found = set()
    for folder in sys.path:
        try:
            with os.scandir(folder or ".") as entries:
                names = [entry.name for entry in entries if entry.name.endswith(("-info", ".egg-link", ".pth"))]
        except OSError:  # what is not there holds nothing
            continue
        found |= {f"{told['name']}=={told['version']}" if (told := _INSTALLED.fullmatch(name)) else name for name in names}
    return sorted(found)
