"""Let the formatter and the linter mend what they can, and say which files they changed."""

from pathlib import Path

from gate import worktree
from gate.command import run
from gate.errors import GateError
from gate.facts import Change
from gate.work import Tool


def fix(tool: Tool, root: Path) -> tuple[Change, ...]:
    """Run the mending commands of a tool, in order.

    Raises GateError when one of them could not work.
    """
    before = _stamps(root)
    for argv in tool.fixes:
        ran = run(argv, cwd=root, seconds=tool.seconds)
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


def _stamps(root: Path) -> dict[str, tuple[int, int]]:
    """Return modification time and size of each Python file that a commit would hold."""
    stamps = {}
    for path in worktree.files(root):
        if path.endswith((".py", ".pyi", ".ipynb")):
            status = (root / path).lstat()
            stamps[path] = (status.st_mtime_ns, status.st_size)
    return stamps
