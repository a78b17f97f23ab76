"""The git phase: what goes in, what stands in the way, and what was committed."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gate.errors import GateError
from gate.report.text import plain
from gate.units import show_count
from gate.verbs import Verb, alone, as_json, aside, mode

if TYPE_CHECKING:
    from gate import flow
    from gate.acts import finish as finishing
    from gate.acts.completing import Finished
    from gate.facts.intake import Entering
    from gate.facts.rows import Verdict
    from gate.record.attempt import Attempt
    from gate.record.tasks import Task

_MOST_NAMED = 9  # subtasks in one line


def name(verb: Verb) -> None:
    """Name the verbs of this part."""
    made = verb("finish", alone(finish), "commit exactly the verified tree, set the task's status, write its summary")
    made.set_defaults(check=False)  # it has no mode that only reports; CI=true still stops it
    made.add_argument("--task", required=True, metavar="ID", help="for example 20 or 20.2")
    of_finish(made)


def of_finish(parser: argparse.ArgumentParser) -> None:
    """Name what `gate finish` and `gate task finish` can be told."""
    as_json(parser)
    parser.add_argument("--message", default="", metavar="TEXT", help="the subject of the commit instead of the task's title")
    parser.add_argument("--dry-run", action="store_true", help="only show the paths, the message and what would happen; nothing is changed")
    parser.add_argument("--staged", action="store_true", help="verify and commit what is staged, and leave the rest of the work tree alone")
    parser.add_argument("--push", action="store_true", help="git push afterwards; otherwise nothing ever leaves this machine")
    parser.add_argument("--allow-detached", action="store_true", help="also commit where HEAD is on no branch")
    parser.add_argument("--cascade", action="store_true", help="also set open subtasks to done, after asking")
    parser.add_argument("--yes", action="store_true", help="with --cascade: do not ask")
    parser.add_argument("--against", default="", metavar="REV", help="also measure the memory cases of this revision, and compare")


def finish(words: argparse.Namespace, out: TextIO) -> int:
    """Verify, commit, set the status, write the summary; or say what stands in the way."""
    from gate import flow
    from gate.acts import finish as finishing
    from gate.facts import Mode
    from gate.report import answers

    if mode(words) is Mode.CHECK and not words.dry_run:
        message = "finish commits, and with CI=true nothing is changed; run it where the work is"
        raise GateError(message)
    start = time.monotonic()
    house = flow.enter(Path.cwd(), Mode.CHECK)  # what is mended is another tree: nox mends, finish verifies
    wish = finishing.Wish(
        task=words.task,
        message=words.message,
        staged=words.staged,
        detached=words.allow_detached,
        against=words.against,
        agree=lambda children: agree(children, words, sys.stderr if words.json else out),
    )
    if words.dry_run:
        return _preview(finishing.preview(house, wish), words, out)
    said = _Said(None if words.json else out)
    with aside(asked=words.json):  # tests print while they run
        code, done = finishing.finish(house, wish, said)
    if done is None:
        refused, missing = said.refused, said.missing
        out.write(answers.write(code, committed="", missing=missing, refused=refused) if words.json else "")
        return code
    return _told(house, done, words, out, since=start)


def _preview(drawn: "finishing.Drawn", words: argparse.Namespace, out: TextIO) -> int:
    """Show what would happen."""
    from gate.report import answers, entering

    runs, ids = drawn.runs, [one.id for one in drawn.closed]
    missing = () if runs else drawn.verdict.missing
    code = 1 if drawn.entering.refused or missing else 0
    if words.json:
        paths, refused = [item.path for item in drawn.entering.items], drawn.entering.refused
        facts = {"paths": paths, "records": drawn.records, "message": drawn.message}
        out.write(answers.write(code, committed="", tasks=ids, runs=runs, missing=missing, refused=refused, **facts))
        return code
    told = entering.preview(drawn.entering, drawn.records, drawn.message, runs=runs, missing=missing, tasks=ids, push=words.push)
    out.write(told)
    return code


def _told(house: "flow.House", done: "Finished", words: argparse.Namespace, out: TextIO, *, since: float) -> int:
    """Say what is done, push where that is wanted, and name what another program overwrote meanwhile."""
    from gate import tasking
    from gate.acts import finish as finishing
    from gate.facts import Fault
    from gate.record import commit
    from gate.report import answers, lines

    ids = [change.id for change in done.changes]
    which = f"task {words.task} is done" if len(ids) == 1 else f"tasks {', '.join(ids)} are done"
    held = f"{show_count(len(done.paths), 'path')}; " if done.paths else "before; "
    if not words.json:
        out.write(f"committed {done.commit[:12]}: {held}{which}; summary: {done.summary}\n")
    pushed = commit.push(house.root) if words.push else ""
    if pushed and not words.json:
        out.write(plain(f"pushed: {pushed}") + "\n")
    lost = finishing.settled(house, done, since=since)
    store = tasking.open_store(house.root, house.policy.workflow.tasks)
    again = f"gate task finish {words.task} writes it again"
    amiss = [*store.faults(), *(Fault(place="overwritten after the commit", found=said, act=again) for said in lost)]
    code = 1 if lost else 0
    if words.json:
        facts = {"tasks": ids, "summary": done.summary, "pushed": pushed}
        out.write(answers.write(code, committed=done.commit, paths=done.paths, **facts, faults=amiss))
    else:
        out.write(lines.text(lines.faults(amiss)))
    return code


class _Said:
    """Tell a person what finish does, and keep what stands in the way."""

    def __init__(self, out: TextIO | None) -> None:
        """Write there, or nowhere."""
        self._out = out
        self.missing: tuple[str, ...] = ()
        self.refused: tuple[object, ...] = ()

    def enters(self, drawn: "Entering", records: Sequence[str]) -> None:
        """Say what goes in, and what must not."""
        from gate.report import entering

        self.refused = drawn.refused
        self._say(entering.goes_in(drawn, records))

    def stands(self, whole: "Verdict") -> None:
        """Say where the tree stands."""
        from gate.report import terminal

        self.missing = whole.missing
        if self._out:
            terminal.verdict(terminal.console(self._out), whole)

    def again(self, why: str) -> None:
        """Say that a hook changed the tree."""
        self._say(plain(f"{why}: its evidence is stale, so it is verified again") + "\n")

    def left(self, attempt: "Attempt", done: "Finished | None") -> None:
        """Say what became of an earlier finish that was killed."""
        what = f"its commit {done.commit[:12]} holds" if done else "nothing of it was committed, and all of it was taken back"
        self._say(plain(f"an earlier finish of task {attempt.task} was ended in the middle: {what}") + "\n")

    def _say(self, text: str) -> None:
        if self._out:
            self._out.write(text)
            self._out.flush()


def agree(children: "tuple[Task, ...]", words: argparse.Namespace, out: TextIO) -> None:
    """Raise GateError unless the user wants open subtasks to be done too."""
    names = ", ".join(f"{child.id} {child.title}" for child in children[:_MOST_NAMED])
    more = f" and {len(children) - _MOST_NAMED} more" if len(children) > _MOST_NAMED else ""
    told = f"task {words.task} has {show_count(len(children), 'open subtask')}: {names}{more}"
    if words.cascade and (words.yes or words.dry_run):
        return
    if not words.cascade:
        message = f"{told}; finish or cancel them first, or set them to done too with --cascade"
        raise GateError(message)
    if not sys.stdin.isatty():
        message = f"{told}; nobody is here to ask whether they are done too: add --yes, or run it in a terminal"
        raise GateError(message)
    out.write(plain(f"{told}. Set them to done too? [y/N] "))
    out.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        message = f"{told}; not agreed to, nothing was changed"
        raise GateError(message)
    words.yes = True  # and is not asked again when a hook makes us begin again
