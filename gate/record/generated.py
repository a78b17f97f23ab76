"""The texts that Task Master generates for each task, task_001.md today and task_001.txt before: which of them are out of date."""

import re
from collections.abc import Iterator
from pathlib import Path

from gate.facts import Fault
from gate.record.jsonspan import listed
from gate.record.tasks import Tasks

_NAME = re.compile(r"task_0*([0-9]+)(?:_(.+))?\.(?:md|txt)")
_MAIN = "master"  # the tag that file names leave out
# A task's own line in both kinds; then a subtask's heading with its status, in the kind before, or in front of its own line.
_STATUS = re.compile(r"^(?:\*\*Status:\*\*|# Status:) *(\S+)", re.MULTILINE)
_CHILD = re.compile(r"^(?:### ([0-9]+\.[0-9]+)\.[^\n]*\n+\*\*Status:\*\* *(\S+)|## ([0-9]+)\.[^\n]* \[([^\]\n]+)\] *$)", re.MULTILINE)
_MOST_READ = 1 << 20  # bytes of one text


def stale(folder: Path, tasks: Tasks) -> Iterator[Fault]:
    """Name each generated text of the list in use that shows another status than the store, or a task that is no more."""
    for path in sorted(folder.glob("task_*")):
        found = _NAME.fullmatch(path.name)
        if not found or (found[2] or _MAIN) != (tasks.tag or _MAIN) or not path.is_file():
            continue
        with path.open("rb") as file:
            text = file.read(_MOST_READ).decode("utf-8", "replace")
        wrong = [f"{key} as {status}" for key, status in _shown(found[1], text) if not _agrees(tasks, key, status)]
        if found[1] not in tasks.every:
            yield Fault(place=str(path), found=f"a generated text of task {found[1]}, which is no more", act="task-master generate")
        elif wrong:
            yield Fault(place=str(path), found=f"a generated text that shows {listed(wrong)}", act="task-master generate")


def _shown(task_id: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield ids and the status that the text shows for each."""
    own = _STATUS.search(text)
    if own:
        yield task_id, own[1]
    for full, status, child, said in _CHILD.findall(text):
        yield full or f"{task_id}.{child}", status or said


def _agrees(tasks: Tasks, key: str, status: str) -> bool:
    """Tell whether the store says the same; a task without a status is pending to Task Master."""
    return key in tasks.every and (tasks.every[key].status or "pending") == status
