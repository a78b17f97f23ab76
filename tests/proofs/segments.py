"""Kill a holder of shared segments at every line and at any time, and fork one; print one line, exit 1 when something is left."""

import argparse
import atexit
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from gate.remedies import segments
from gate.remedies.segments import Segments

_LARGE = 1 << 20  # numbers of an array that takes a while to write


def main(words: Sequence[str]) -> int:
    """Kill, fork, and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.segments", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="at any time, beside those at every line")
    given = parser.parse_args(words)
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))  # noqa: S108 - a new folder
    lines, broken = at_every_line(folder)
    broken += at_any_time(folder, given.kills) + forked(folder)
    shutil.rmtree(folder)
    said = "; ".join(dict.fromkeys(broken)) or "no half file, nothing left after the next start"
    sys.stdout.write(f"segments: killed at {lines} lines and {given.kills} times at random: {said}\n")
    return 1 if broken else 0


def at_every_line(folder: Path) -> tuple[int, list[str]]:
    """Kill a process that begins, interns and lets go at its first line, its second, and so on until it comes through."""
    broken: list[str] = []
    for line in range(1, 10_000):
        child = _start(lambda at=line: _use(folder, at))  # type: ignore[misc] # mypy infers no lambda with a default
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            broken += [f"{path.name} is left by one that ended" for path in _all(folder)]
            return line - 1, broken + ([f"ended with {status}"] if status else [])
        broken += _left(folder, f"killed at line {line}")
        if broken:
            return line, broken
    return 0, ["never came through"]


def at_any_time(folder: Path, kills: int) -> list[str]:
    """Kill a process that interns large arrays and lets go of them again and again."""
    broken, chance = list[str](), random.Random(1)
    for number in range(kills):
        child = _start(lambda: _use_again(folder))
        time.sleep(chance.random() * 0.02)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        broken += _left(folder, f"kill {number}")
    return broken


def forked(folder: Path) -> list[str]:
    """Let parent and child let go one after the other, in both orders: the file is there until the last one did."""
    broken: list[str] = []
    held: Any = Segments(folder).intern(np.arange(1000))
    child = _start(lambda: None)
    os.waitpid(child, 0)
    if not _files(folder):
        broken.append("a child that ended took what its parent holds")
    child = _start(lambda: time.sleep(60))
    del held
    Segments(folder)
    if not _files(folder):
        broken.append("a parent that let go took what its child holds")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return broken + _left(folder, "fork")


def _start(act: Callable[[], object]) -> int:
    """Fork a child that acts and does what programs do at their end, while what it made is still there."""
    child = os.fork()
    if child:
        return child
    try:
        made = act()
        atexit._run_exitfuncs()
        del made
        os._exit(0)
    finally:
        os._exit(1)


def _use(folder: Path, line: int) -> object:
    left = line

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename == segments.__file__ and event == "line":
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    held: Any = Segments(folder).intern(np.arange(1000))
    del held
    return Segments(folder).intern(np.arange(2000))


def _use_again(folder: Path) -> None:
    shared = Segments(folder)
    while True:
        for number in range(3):
            shared.intern(np.full(_LARGE, number))


def _left(folder: Path, when: str) -> list[str]:
    """Tell what is wrong with what is there: a file that is not what its name says, or one that the next start does not remove."""
    half = [path for path in _files(folder) if path.stem != blake2b(path.read_bytes(), digest_size=20).hexdigest()]
    Segments(folder)
    return [f"{when}: {len(half)} half files"] * bool(half) + [f"{when}: {path.name} is left" for path in _all(folder)]


def _files(folder: Path) -> list[Path]:
    return [path for path in _all(folder) if path.suffix == ".segment"]


def _all(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*/*") if path.is_file()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
