"""The one door to a child process: bounded, measured, and nothing of it is left behind."""

import _socket  # socket itself takes longer to load than most of us
import json
import math
import os
import select
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from array import array
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from gate import bounds
from gate.errors import GateError
from gate.probe import pins

HEAR, TELL = "GATE_HEAR", "GATE_TELL"  # environment variables of a child that talks
HELD: set[int] = set()  # descriptors that every child keeps: a lock must not end before what was started under it
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

    `env` is added to the environment; `stream` lets it write to our own output; `errors` says what becomes of output that is not UTF-8.
    Raises GateError when the program is not there or may not be run.
    """
    with Child(argv, cwd=cwd, seconds=seconds, output=output, env=env, stdin=stdin, stream=stream, errors=errors) as child:
        return child.end()


class Child:
    """A bounded child process; it can be talked with line by line through two descriptors beyond its standard three."""

    _births: _socket.socket | None  # by which it is asked to fork others

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
        self._prepare(stdin, errors, talks=talks)
        words, theirs = dict(env or {}), dict(zip((HEAR, TELL), self._theirs, strict=False))
        if talks and sys.platform == "linux":
            ours, births = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
            self._births = ours
            self._theirs.append(births.detach())
            theirs[pins.BIRTHS] = self._theirs[-1]
        words |= {name: str(descriptor) for name, descriptor in theirs.items()}
        try:
            with pins.steady_addresses() if talks else nullcontext():
                process = _start(argv, cwd, words, self._files, self._theirs, stream=stream)
        finally:
            self._let_go()
        self._hold(process, seconds, output, words.get(pins.MARK, ""))

    def _prepare(self, stdin: bytes, errors: str, *, talks: bool) -> None:
        """Open what it reads, writes to and talks through."""
        self._errors = errors
        self._ran: Ran | None = None
        self._births = None
        self._files = [tempfile.TemporaryFile() for _ in range(3)]  # noqa: SIM115 - they live as long as the child
        self._files[0].write(stdin)
        self._files[0].seek(0)
        self._hear = self._tell = -1
        self._theirs: list[int] = []  # descriptors that are the child's alone
        if talks:
            (hears, self._tell), (self._hear, tells) = os.pipe(), os.pipe()
            self._theirs = [hears, tells]
        self._start = time.perf_counter()

    def _let_go(self) -> None:
        """Close what is the child's alone."""
        for descriptor in self._theirs:
            os.close(descriptor)

    def _hold(self, process: "subprocess.Popen[bytes] | _Forked", seconds: float, output: int, mark: str) -> None:
        """Bound it from now on."""
        self._child, self.pid = process, process.pid
        self._watch = bounds.Watch(self.pid, seconds, output, self._files[1:], mark=mark)
        _LIVE.add(self.pid)

    def __enter__(self) -> Self:
        """Hold the child."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Kill it if it still runs, and everything that it started."""
        if self._ran is None:
            bounds.stop(self.pid)
            self.end()
        self._close()

    def _close(self) -> None:
        """Close what it was talked with and what it printed to."""
        for descriptor in (self._hear, self._tell):
            if descriptor >= 0:
                os.close(descriptor)
        if self._births is not None:
            self._births.close()
        for file in self._files:
            file.close()

    def bear(self, words: bytes, descriptors: Sequence[int], seconds: float) -> int:
        """Let it fork a child of ours, which takes these descriptors over; return its identity, 0 when none came within some seconds."""
        assert self._births is not None  # noqa: S101 - who has none is not asked
        self._watch.allow(seconds)
        try:
            self._births.sendmsg([words], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array("i", descriptors))])
        except OSError:  # it ended
            return 0
        answer = self.hear()
        self._watch.allow(math.inf)
        with suppress(ValueError, KeyError, TypeError):  # hooks of the user's that run at a fork may write there, too
            return max(0, int(json.loads(answer)["pid"]))
        return 0

    def ask(self, line: str) -> str:
        """Say one line and return the line that answers it, or "" when the child ended instead."""
        try:
            os.write(self._tell, line.encode() + b"\n")
        except OSError:  # it ended, or was ended
            return ""
        return self.hear()

    def hear(self) -> str:
        """Return the next line that it says, or "" when it ended instead."""
        answer = bytearray()
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([self._hear], [], [], bounds.LOOK)
            more = os.read(self._hear, _PIPE) if ready else b""
            if (ready and not more) or (not ready and self._has_ended()):
                return ""
            answer += more
        if self._watch.has_printed_enough():
            self._watch.stopped = "output"
            bounds.stop(self.pid)
            return ""
        return answer.decode()

    def end(self) -> Ran:
        """Wait for its end and return what it left."""
        if self._tell >= 0:
            os.close(self._tell)
            self._tell = -1
        try:
            code, cpu = _wait(self._child)
        except BaseException:
            bounds.stop(self.pid)
            self._child.wait()
            raise
        finally:
            self._watch.end()
            _LIVE.discard(self.pid)
        wall = time.perf_counter() - self._start
        out, err = (_text(file, self._errors) for file in self._files[1:])
        stragglers = bounds.kill(self.pid)
        self._ran = Ran(code=code, out=out, err=err, wall=wall, cpu=cpu, stopped=self._watch.stopped, stragglers=stragglers)
        return self._ran

    def _has_ended(self) -> bool:
        """Tell whether it ended, and leave it to be waited for; something that it started may hold its descriptors open."""
        if isinstance(self._child, subprocess.Popen) and not hasattr(os, "waitid"):
            return self._child.poll() is not None
        return os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


class Born(Child):
    """A child that another one forks from itself: see gate/probe/nursery.py."""

    def __init__(self, nursery: Child, told: Mapping[str, object], *, seconds: float, output: int, mark: str) -> None:
        """Let it be forked and told something; raises NotBorn when that cannot be."""
        self._prepare(b"", "replace", talks=True)
        try:
            descriptors = [*(file.fileno() for file in self._files), *self._theirs]
            pid = nursery.bear(json.dumps({**told, "mark": mark}).encode(), descriptors, seconds)
        finally:
            self._let_go()
        if not pid:
            self._close()
            raise NotBorn
        self._hold(_Forked(pid), seconds, output, mark)
        self.hear()  # it says when it has left the group of the other one, which may be ended from then on


class NotBorn(Exception):  # noqa: N818 - no error of anybody's: who wanted it starts another process
    """The process that was to fork a child has ended, or the kernel refused."""


class _Forked:
    """What `subprocess` has for a child that it started."""

    def __init__(self, pid: int) -> None:
        """Know it."""
        self.pid = pid
        self.returncode: int | None = None

    def wait(self) -> int:
        """Wait for its end."""
        code, _ = _wait(self) if self.returncode is None else (self.returncode, 0.0)
        return code


def stop_all() -> None:
    """Kill every child that some thread still waits for: the user wants to leave."""
    for pid in tuple(_LIVE):
        bounds.stop(pid)


def find(program: str, cwd: Path) -> str:
    """Return where a program lies, or ""; one with a / in its name is looked for below `cwd`."""
    return shutil.which(str(cwd / program) if "/" in program else program, path=_path()) or ""


def _start(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], files: Sequence[IO[bytes]], keep: Sequence[int], *, stream: bool
) -> "subprocess.Popen[bytes]":
    """Start a child that leads a process group of its own."""
    try:
        return subprocess.Popen(  # noqa: S603 - a list of words, never a shell
            [find(argv[0], cwd) or argv[0], *argv[1:]],
            cwd=cwd,
            env={**os.environ, "PATH": _path(), **env},
            stdin=files[0],
            stdout=None if stream else files[1],
            stderr=None if stream else files[2],
            start_new_session=True,
            pass_fds=(*keep, *HELD),
        )
    except OSError as error:
        if not cwd.is_dir():
            message = f"{cwd}: the folder is gone; find out what removed it"
            raise GateError(message) from error
        message = f"{argv[0]}: cannot be started ({error.strerror}); install it or correct the policy"
        raise GateError(message) from error


def _wait(child: "subprocess.Popen[bytes] | _Forked") -> tuple[int, float]:
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
