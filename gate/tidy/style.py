"""Let the formatter and the linter mend what they can, and say which files they changed."""

import re
from pathlib import Path

from gate import command
from gate.errors import GateError
from gate.facts import Change
from gate.facts.work import Tool
from gate.repo import worktree

_HEAD = re.compile(r"^--- (.+)\n\+\+\+ \1\n@@ ", re.MULTILINE)  # of one file in a diff
_QUIET = {"NO_COLOR": "1", "RUFF_NO_CACHE": "true"}  # nothing is written, not even a cache


def fix(tool: Tool, root: Path) -> tuple[Change, ...]:
    """Run the mending commands of a tool, in order.

    Raises GateError when one of them could not work.
    """
    before = _stamps(root)
    for argv in tool.fixes:
        ran = command.run(argv, cwd=root, seconds=tool.seconds)
        if ran.stopped:
            message = f"{' '.join(argv)}: took longer than {tool.seconds:.0f} s and was stopped; look for a cause and run again"
            raise GateError(message)
        if ran.code:  # the reading that follows says what is wrong with the code, place by place
            break
    after = _stamps(root)
    return tuple(
        Change(path=path, kind="style", size=after[path][1], act="rewritten", reason=tool.name)
        for path in sorted(after)
        if before.get(path) != after[path]
    )


def draw(tool: Tool, root: Path) -> tuple[Change, ...]:
    """Say which files the mending commands would rewrite as they are now; nothing where the tool is not there, which its check tells."""
    found: dict[str, str] = {}
    for argv in tool.fixes if command.find(tool.argv[0], root) else ():
        told = command.run((*argv[:2], "--diff", *argv[2:]), cwd=root, seconds=tool.seconds, env=_QUIET, errors="surrogateescape")
        for name in _HEAD.findall(told.out):
            found.setdefault(name, " ".join(argv[:2]))
    known = frozenset(worktree.files(root)) if found else frozenset()
    return tuple(
        Change(path=path, kind="style", size=(root / path).lstat().st_size, act="rewrite", reason=found[path])
        for path in sorted(found)
        if path in known
    )


def _stamps(root: Path) -> dict[str, tuple[int, int]]:
    """Return modification time and size of each Python file that a commit would hold."""
    stamps = {}
    for path in worktree.files(root):
        if path.endswith((".py", ".pyi", ".ipynb")):
            status = (root / path).lstat()
            stamps[path] = (status.st_mtime_ns, status.st_size)
    return stamps
