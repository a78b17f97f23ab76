"""What other processes hold open for writing, as far as this system tells."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_WRITES = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Files below a root that are open for writing, and how far that was looked."""

    files: dict[tuple[int, int], int]  # device and inode -> process
    unseen: int  # processes whose files this user may not see; -1 where no process can be looked at

    @property
    def looked(self) -> str:
        """Say what was not looked at, or ""."""
        if self.unseen < 0:
            return "whether other processes write to it was not looked at: this system has no /proc"
        many = "process" if self.unseen == 1 else "processes"
        return f"{self.unseen} {many} of other users could not be looked at" if self.unseen else ""


NOTHING = Held(files={}, unseen=0)  # nobody had to be asked


def held(root: Path) -> Held:
    """Look at the descriptors of every other process: best effort, because one may open a file a moment later."""
    proc = Path("/proc")
    if not (proc / "self/fd").is_dir():
        return Held(files={}, unseen=-1)
    files: dict[tuple[int, int], int] = {}
    unseen = 0
    below = os.path.join(os.path.realpath(root), "")  # noqa: PTH118 - with a / at its end
    for pid in filter(str.isdigit, os.listdir(proc)):  # noqa: PTH208 - there are many, and a Path for each is slow
        if int(pid) == os.getpid():
            continue
        try:
            files.update(dict.fromkeys(_written(f"/proc/{pid}", below), int(pid)))
        except PermissionError:
            unseen += 1
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
    return Held(files=files, unseen=unseen)


def _written(process: str, below: str) -> Iterator[tuple[int, int]]:
    """Yield what one process has open for writing below a folder."""
    for number in os.listdir(f"{process}/fd"):  # noqa: PTH208 - as above
        try:
            if not os.readlink(f"{process}/fd/{number}").startswith(below):  # noqa: PTH115 - as above
                continue
            if _flags(f"{process}/fdinfo/{number}") & _WRITES:
                status = os.stat(f"{process}/fd/{number}")  # noqa: PTH116 - as above
                yield status.st_dev, status.st_ino
        except FileNotFoundError:  # closed meanwhile
            continue


def _flags(file: str) -> int:
    """Read how a descriptor was opened."""
    with open(file, encoding="ascii") as lines:  # noqa: PTH123 - as above
        return next((int(line.split()[1], 8) for line in lines if line.startswith("flags:")), 0)
