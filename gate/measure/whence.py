"""Where the code of an agent case comes from: what it loads of another checkout is not what was to be measured."""

from pathlib import Path

from gate.facts.work import Question
from gate.measure.agents import Fresh

_OURS = ("gate/__init__.py", "gate/probe/")  # of a checkout of the gate itself: the instrument, and no part of any agent


def strangers(question: Question, root: Path, other: Path, known: frozenset[str]) -> tuple[tuple[str, ...], str]:
    """Return which of the `known` files of another checkout a case below `root` loads, and why that cannot be told."""
    with Fresh(question, root) as child:
        told, trouble = child.ask("whence", below=f"{other}/")
    inside = (file for file in told.get("files", ()) if not file.startswith(f"{root}/"))
    paths = (Path(file).relative_to(other).as_posix() for file in inside)
    return tuple(path for path in paths if path in known and not path.startswith(_OURS)), trouble
