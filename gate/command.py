"""The one door to a child process: bounded, measured, and nothing of it is left behind."""

import os
import select
import shutil
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from gate import bounds
from gate.errors import GateError
from gate.probe import pins

HEAR, TELL = "GATE_HEAR", "GATE_TELL"  # environment variables of a child that talks
_LIVE: set[int] = set()  # children that are waited for, in any thread
_PIPE = 2**16
_READ = 64 * 2**20  # bytes of output that are read back at the most


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What a child process left: its exit code, output and costs."""

    code: int  # negative: the signal that ended it
    out: str
    err: str
    wall: float  # seconds
    cpu: float  # seconds, user and system, of the child and what it waited for
    stopped: str = ""  # "time", "output" or "crowd" when a bound ended it
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
    with Child(argv, cwd=cwd, seconds=seconds, output=output, env=env, stdin=stdin, stream=stream, errors=errors) as child:
        return child.end()


class Child:
    """A bounded child process; it can be talked with line by line through two descriptors beyond its standard three."""

    def __init__(  # noqa: PLR0913 - what bounds a child, each by its name
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        seconds: float,
        output: int = _READ,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        stream: bool = False,
        errors: str = "replace",
        talks: bool = False,
    ) -> None:
        """Start it, as `run` does; one that talks is measured: its addresses do not vary, and its environment has the descriptors."""
        self._errors = errors
        self._ran: Ran | None = None
        self._files = [tempfile.TemporaryFile() for _ in range(3)]  # noqa: SIM115 - they live as long as the child
        give, out, err = self._files
        give.write(stdin)
        give.seek(0)
        self._hear = self._tell = -1
        theirs: dict[str, int] = {}
        if talks:
            (theirs[HEAR], self._tell), (self._hear, theirs[TELL]) = os.pipe(), os.pipe()
        self._start = time.perf_counter()
        words = {**(env or {}), **{name: str(descriptor) for name, descriptor in theirs.items()}}
        try:
            with pins.steady_addresses() if talks else nullcontext():
                self._child = _start(argv, cwd, words, give, None if stream else (out, err), tuple(theirs.values()))
        finally:
            for descriptor in theirs.values():
                os.close(descriptor)
        self.pid = self._child.pid
        self._watch = bounds.Watch(self._child.pid, seconds, output, (out, err), mark=words.get(pins.MARK, ""))
        _LIVE.add(self._child.pid)

    def __enter__(self) -> Self:
        """Hold the child."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Kill it if it still runs, and everything that it started."""
        if self._ran is None:
            bounds.stop(self._child.pid)
            self.end()
        for descriptor in (self._hear, self._tell):
            if descriptor >= 0:
                os.close(descriptor)
        for file in self._files:
            file.close()

    def ask(self, line: str) -> str:
        """Say one line and return the line that answers it, or "" when the child ended instead."""
        try:
            os.write(self._tell, line.encode() + b"\n")
        except OSError:  # it ended, or was ended
            return ""
        answer = bytearray()
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([self._hear], [], [], bounds.LOOK)
            more = os.read(self._hear, _PIPE) if ready else b""
            if (ready and not more) or (not ready and self._has_ended()):
                return ""
            answer += more
        if self._watch.has_printed_enough():
            self._watch.stopped = "output"
            bounds.stop(self._child.pid)
            return ""
        return answer.decode()

    def end(self) -> Ran:
        """Wait for its end and return what it left."""
        _, out, err = self._files
        if self._tell >= 0:
            os.close(self._tell)
            self._tell = -1
        try:
            code, cpu = _wait(self._child)
        except BaseException:
            bounds.stop(self._child.pid)
            self._child.wait()
            raise
        finally:
            self._watch.end()
            _LIVE.discard(self._child.pid)
        wall = time.perf_counter() - self._start
        out_text, err_text, stragglers = _text(out, self._errors), _text(err, self._errors), bounds.kill(self._child.pid)
        self._ran = Ran(code=code, out=out_text, err=err_text, wall=wall, cpu=cpu, stopped=self._watch.stopped, stragglers=stragglers)
        return self._ran

    def _has_ended(self) -> bool:
        """Tell whether it ended, and leave it to be waited for; something that it started may hold its descriptors open."""
        if not hasattr(os, "waitid"):
            return self._child.poll() is not None
        return os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def stop_all() -> None:
    """Kill every child that some thread still waits for: the user wants to leave."""
    for pid in tuple(_LIVE):
        bounds.stop(pid)


def find(program: str, cwd: Path) -> str:
    """Return where a program lies, or ""; one with a / in its name is looked for below `cwd`."""
    return shutil.which(str(cwd / program) if "/" in program else program, path=_path()) or ""


def _start(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], give: IO[bytes], take: tuple[IO[bytes], IO[bytes]] | None, keep: tuple[int, ...]
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
            pass_fds=keep,
        )
    except OSError as error:
        if not cwd.is_dir():
            message = f"{cwd}: the folder is gone; find out what removed it"
            raise GateError(message) from error
        message = f"{argv[0]}: cannot be started ({error.strerror}); install it or correct the policy"
        raise GateError(message) from error


def _wait(child: subprocess.Popen[bytes]) -> tuple[int, float]:
    """Wait for the end; return the exit code and the CPU seconds that it took."""
    if not hasattr(os, "wait4") or child.returncode is not None:  # Windows, or somebody had to ask: the code is known, the cost is not
        return child.wait(), 0.0
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, used.ru_utime + used.ru_stime


def _path() -> str:
    """Look beside our own interpreter first."""
    return os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])


def _text(file: IO[bytes], errors: str) -> str:
    """Read the last bytes of what a child printed."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _READ))
    return file.read().decode("utf-8", errors)
