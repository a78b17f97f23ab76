"""The one door to a child process: bounded, measured, and nothing of it is left behind."""

import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gate.errors import GateError

_LOOK = 0.05  # seconds between two looks at a bounded child
_LIVE: set[int] = set()  # children that are waited for, in any thread
_READ = 64 * 2**20  # bytes of output that are read back at the most


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What a child process left: its exit code, output and costs."""

    code: int  # negative: the signal that ended it
    out: str
    err: str
    wall: float  # seconds
    cpu: float  # seconds, user and system, of the child and what it waited for
    stopped: str = ""  # "time" or "output" when a bound ended it
    stragglers: bool = False  # processes of its group outlived it and were killed


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    seconds: float = 120.0,
    output: int = _READ,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    stream: bool = False,
    errors: str = "replace",
) -> Ran:
    """Run a program in its own process group and wait for it; programs beside our interpreter come first.

    `env` is added to the environment; `stream` lets the child write to our own output; `errors` says what
    becomes of output that is not UTF-8.
    Raises GateError when the program is not there or may not be run.
    """
    with tempfile.TemporaryFile() as give, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        give.write(stdin)
        give.seek(0)
        start = time.perf_counter()
        child = _start(argv, cwd, env or {}, give, None if stream else (out, err))
        watch = _Watch(child.pid, seconds, output, (out, err))
        _LIVE.add(child.pid)
        try:
            code, cpu = _wait(child)
        except BaseException:
            _kill(child.pid)
            child.wait()
            raise
        finally:
            watch.end()
            _LIVE.discard(child.pid)
        wall = time.perf_counter() - start
        return Ran(
            code=code,
            out=_text(out, errors),
            err=_text(err, errors),
            wall=wall,
            cpu=cpu,
            stopped=watch.stopped,
            stragglers=_kill(child.pid),
        )


def stop_all() -> None:
    """Kill every child that some thread still waits for: the user wants to leave."""
    for pid in tuple(_LIVE):
        _kill(pid)


def find(program: str, cwd: Path) -> str:
    """Return where a program lies, or ""; one with a / in its name is looked for below `cwd`."""
    return shutil.which(str(cwd / program) if "/" in program else program, path=_path()) or ""


def _start(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], give: IO[bytes], take: tuple[IO[bytes], IO[bytes]] | None
) -> "subprocess.Popen[bytes]":
    """Start a child that leads a process group of its own."""
    try:
        return subprocess.Popen(  # noqa: S603 - a list of words, never a shell
            [find(argv[0], cwd) or argv[0], *argv[1:]],
            cwd=cwd,
            env={**os.environ, "PATH": _path(), **env},
            stdin=give,
            stdout=take and take[0],
            stderr=take and take[1],
            start_new_session=True,
        )
    except OSError as error:
        message = f"{argv[0]}: cannot be started ({error.strerror}); install it or correct the policy"
        raise GateError(message) from error


class _Watch:
    """Kill a child that takes too long or prints too much."""

    def __init__(self, pid: int, seconds: float, output: int, files: Sequence[IO[bytes]]) -> None:
        """Start to look."""
        self.stopped = ""
        self._pid, self._files = pid, files
        self._deadline, self._output = time.monotonic() + seconds, output
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(_LOOK):
            printed = sum(os.fstat(file.fileno()).st_size for file in self._files)
            late = time.monotonic() > self._deadline
            if late or printed > self._output:
                self.stopped = "time" if late else "output"
                _kill(self._pid)
                return

    def end(self) -> None:
        """Stop looking; the child has ended."""
        self._over.set()
        self._thread.join()


def _wait(child: subprocess.Popen[bytes]) -> tuple[int, float]:
    """Wait for the end; return the exit code and the CPU seconds that it took."""
    if not hasattr(os, "wait4"):  # Windows: the code is known, the cost is not
        return child.wait(), 0.0
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, used.ru_utime + used.ru_stime


def _kill(group: int) -> bool:
    """Kill what is left of a process group; tell whether anything was."""
    if not hasattr(os, "killpg"):  # Windows has no groups
        return False
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        return False
    return True


def _path() -> str:
    """Look beside our own interpreter first."""
    return os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])


def _text(file: IO[bytes], errors: str) -> str:
    """Read the last bytes of what a child printed."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _READ))
    return file.read().decode("utf-8", errors)
