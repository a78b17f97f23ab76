"""What the probe cannot do without, kept where the user's code does not replace it."""

import gc
import json
import os
import signal
import sys
import time

_LONGEST = 2000  # characters of an error that are told
_SLASH = os.sep
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Own:
    """Functions as they were before the user's code came; in a class, because what fakes time and files searches modules for them."""

    monotonic, perf_counter, process_time = time.monotonic, time.perf_counter, time.process_time
    collect, is_collecting, freeze, unfreeze = gc.collect, gc.isenabled, gc.freeze, gc.unfreeze
    read, write, listdir, fstat, access, getpid, leave = os.read, os.write, os.listdir, os.fstat, os.access, os.getpid, os._exit
    descriptor, dup2, close = os.open, os.dup2, os.close
    if sys.platform != "win32":
        pread, setsid, getitimer = os.pread, os.setsid, signal.getitimer
    open, getcwd, frame = open, os.getcwd, sys._getframe  # noqa: SLF001 - there is no other way to a frame
    encode, decode = json.JSONEncoder().encode, json.JSONDecoder().decode
    pid, python = os.getpid(), sys.version.partition(" ")[0]


def leave_twin() -> None:
    """End a process that the user's code forked and let return to us: it is not the one that was asked."""
    if Own.getpid() != Own.pid:
        Own.leave(0)


def descendants(pid: str) -> list[str]:
    """Return the living processes that descend from one, as the kernel tells them."""
    found: list[str] = []
    try:
        tasks = Own.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:  # it ended meanwhile
        return found
    for task in tasks:
        try:
            with Own.open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                own = file.read().decode().split()
        except (FileNotFoundError, ProcessLookupError):  # the thread ended meanwhile, or the kernel does not tell
            continue
        for child in own:
            found += [child, *descendants(child)]
    return found


def worded(error: BaseException, root: str) -> str:
    """Say what the user's code raised, and where; an error that cannot be shown is named."""
    name = type(error).__name__
    try:
        where, text = _where(error, root), str(error)
    except BaseException as other:  # noqa: BLE001 - showing it runs code of the user's
        return f"{name}; showing it raises {type(other).__name__}"
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"
    return f"{where}{name}: {text}" if text else f"{where}{name}"


def _where(error: BaseException, root: str) -> str:
    """Return the last place of the user's code that an error came by; nothing is imported for it: the user may have a traceback.py."""
    where, at = "", error.__traceback__
    while at:
        name = at.tb_frame.f_code.co_filename
        if name.startswith(root + _SLASH) and not name.startswith(_HERE):
            where = f"{name[len(root) + 1 :]}:{at.tb_lineno}: "
        at = at.tb_next
    return where
