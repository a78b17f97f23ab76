"""What comes first: the plan, the sweep, and documents to where they belong."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from gate.errors import GateError
from gate.verbs import Verb, alone, as_json, mode, only_report

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from gate.acts.consolidation import Done
    from gate.facts.rows import Told
    from gate.flow import House

_SECOND = 1.0


def name(verb: Verb) -> None:
    """Name the verbs of this part."""
    made = as_json(only_report(verb("plan", plan, "say what each phase would do and why, without doing it")))
    made.add_argument("--out", type=Path, metavar="FILE", help="write it there instead")
    made = as_json(only_report(verb("clean", alone(clean), "remove or trash dead caches and artefacts by policy")))
    made.add_argument("--all", action="store_true", help="also the live caches of the gate's own tools")
    made.add_argument("--caches", action="store_true", help="also the caches of npm, pip and uv, which all projects of this user share")
    one = made.add_mutually_exclusive_group()
    one.add_argument("--dry-run", action="store_true", help="only list what would go and what would stay; nothing is written")
    one.add_argument("--undo", nargs="?", const="", metavar="WHEN", help="bring back what the newest clean-up trashed, or that of WHEN")
    one.add_argument("--empty-trash", action="store_true", help="throw away what all runs keep; nothing can be undone then")
    made.add_argument("--plan", default="", metavar="ID", help="only when everything is as this plan was drawn for")

    about = "move documents to where the policy wants them, links with them, and check every link"
    made = as_json(only_report(verb("docs", alone(docs), about)))
    made.add_argument("--dry-run", action="store_true", help="only show each move and each link that would be written anew")
    made.add_argument("--undo", nargs="?", const="", metavar="WHEN", help="take back the newest run, or the one of this name")
    made.add_argument("--learning", metavar="TEXT", help="keep what a task taught, dated today, in AGENTS.md and CLAUDE.md")
    made.add_argument("--task", default="", metavar="ID", help="for --learning: the task that taught it")
    made.add_argument("--plan", default="", metavar="ID", help="only when everything is as this plan was drawn for")


def plan(words: argparse.Namespace, out: TextIO) -> int:
    """Show the plan; one that cannot be named by a tree cannot be carried out."""
    from gate import flow
    from gate.acts import planning
    from gate.report import outline
    from gate.report import plan as page

    house = flow.enter(Path.cwd(), mode(words))
    if words.out:
        planning.writable(house, words.out)
    drawn = planning.preview(house)
    told = outline.write(drawn) if words.json else page.text(drawn)
    if words.out:
        words.out.write_text(told, encoding="utf-8")
        told = f"plan {drawn.id}: {words.out}\n"
    out.write(told)
    return 2 if drawn.trouble else 0


def clean(words: argparse.Namespace, out: TextIO) -> int:
    """Sweep, show what would go, or take a sweep back."""
    from gate import flow
    from gate.acts import planning, tidying
    from gate.facts.work import Phase
    from gate.judge.exits import exit_code
    from gate.report import answers, terminal
    from gate.report.text import plain

    house, screen, start = flow.enter(Path.cwd(), mode(words)), terminal.console(sys.stderr if words.json else out), time.perf_counter()
    if words.undo is not None or words.empty_trash:
        return _trash(words, house, out)
    if words.plan and (words.all or words.caches or words.dry_run):
        message = "clean --plan: a plan says what goes; leave --all, --caches and --dry-run out"
        raise GateError(message)
    with _Late(screen) as watch, planning.carried_out(house, words.plan, Phase.CLEAN) as meant:
        told: list[Told] = []
        if words.dry_run:
            drawn = tidying.draw(house, everything=words.all, shared=words.caches, watch=watch)
        else:
            told, drawn = tidying.clean(house, everything=words.all, shared=words.caches, watch=watch, meant=meant)
    code = exit_code(one.finding.outcome for one in told) if told else 0
    if words.json:
        out.write(answers.write(code, changes=answers.changes(drawn.changes), notes=drawn.notes, checks=answers.found(told)))
        return code
    terminal.cleaning(screen, drawn.changes, whole=words.dry_run, seconds=time.perf_counter() - start)
    out.writelines(f"note: {plain(note)}\n" for note in drawn.notes)
    terminal.findings(screen, told)
    return code


def docs(words: argparse.Namespace, out: TextIO) -> int:
    """Move documents, or show what would move, or take it back; then follow every link."""
    from gate import flow
    from gate.acts import consolidation, planning
    from gate.facts import Mode
    from gate.facts.work import Phase
    from gate.judge.exits import exit_code
    from gate.report import answers, moves, terminal

    house = flow.enter(Path.cwd(), mode(words))
    if words.undo is not None:
        back = consolidation.undo(house, words.undo)
        out.write(answers.write(0, undone=answers.changes(back)) if words.json else moves.undone(back))
        return 0
    new = consolidation.learnt(words.learning, words.task)
    dry = words.dry_run or house.mode is Mode.CHECK
    with planning.carried_out(house, words.plan, Phase.DOCS):
        done = consolidation.preview(house, new) if dry else consolidation.move(house, new)
    if words.json:
        found = [] if words.dry_run else consolidation.check(house)
        code = 0 if words.dry_run else exit_code(one.finding.outcome for one in found) or int(bool(done.refused))
        out.write(_moved(done, found, code, done=not dry))
        return code
    out.write(moves.undone(done.back) if done.back else "")
    out.write(moves.text(done.told, done=not dry))
    out.write(moves.pages(done.pages, done.refused, done=not dry))
    out.write(f"to take it back: gate docs --undo {done.when}\n" if done.when else "")
    if words.dry_run:
        return 0
    found = consolidation.check(house)
    terminal.findings(terminal.console(out), found)
    return exit_code(one.finding.outcome for one in found) or int(bool(done.refused))


def _moved(made: "Done", found: "list[Told]", code: int, *, done: bool) -> str:
    """Write what moved, or would, for a program."""
    from gate.report import answers

    told = made.told
    return answers.write(
        code,
        done=done,
        run=made.when,
        undone=answers.changes(made.back),
        moves=told.moves,
        links=told.relinks,
        stays=[{"path": path, "why": why} for path, why in told.stays],
        dead=told.dead,
        pages=answers.changes(made.pages),
        refused=made.refused,
        checks=answers.found(found),
    )


def _trash(words: argparse.Namespace, house: "House", out: TextIO) -> int:
    """Take a clean-up back, or empty the trash."""
    from gate.acts import tidying
    from gate.facts import Mode
    from gate.report import answers, terminal

    if house.mode is Mode.CHECK:
        message = "clean --undo and --empty-trash change files, and with CI=true or --check nothing is changed; run them where the work is"
        raise GateError(message)
    start = time.perf_counter()
    changes = tidying.empty_trash(house) if words.empty_trash else tidying.undo(house, words.undo, "clean")
    if words.json:
        out.write(answers.write(0, changes=answers.changes(changes)))
    elif changes:
        terminal.cleaning(terminal.console(out), changes, whole=False, seconds=time.perf_counter() - start)
    else:
        why = "nothing to take back: no run, or the newest one is taken back already" if words.undo is not None else "the trash is empty"
        out.write(f"{why}\n")
    return 0


class _Late:
    """A progress bar that comes when work takes longer than a second, and only at a terminal."""

    def __init__(self, screen: "Console") -> None:
        """Begin to wait."""
        self._screen, self._start = screen, time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        """Watch."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar.stop()

    def __call__(self, does: str) -> None:
        """Count one more thing that was done."""
        if self._bar is None and self._screen.is_terminal and time.monotonic() - self._start > _SECOND:
            from gate.report import terminal

            self._bar = terminal.progress(self._screen, None, watched=True, does=does)
            self._bar.start()
        if self._bar:
            self._bar.update(self._bar.task_ids[0], advance=1, description=does)
