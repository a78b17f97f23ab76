"""What lasts: the summary, the commit, the id of a tree."""

import argparse
import os
from pathlib import Path
from typing import TextIO

from gate.errors import GateError
from gate.units import show_count
from gate.verbs import Verb, alone, mode, only_report


def name(verb: Verb) -> None:
    """Name the verbs of this part."""
    made = only_report(verb("summary", summary, "write the summary from recorded evidence; its exit code is the gate's"))
    made.add_argument("--json", action="store_true", help="print everything as one JSON object")
    made = verb("finish", alone(finish), "commit exactly the verified tree, set the task's status, write its summary")
    made.set_defaults(check=False)  # it has no mode that only reports; CI=true still stops it
    made.add_argument("--task", required=True, metavar="ID", help="for example 20 or 20.2")
    made = verb("schema", schema, "print the JSON Schema of what the gate records")
    made.add_argument("what", choices=("evidence",))
    made = verb("tree", tree, "print the tree id of the work tree, or of a revision")
    made.add_argument("revision", nargs="?", default="", metavar="REV")


def summary(words: argparse.Namespace, out: TextIO) -> int:
    """Write the summary where people and machines look for it."""
    from gate import flow, worktree
    from gate.judge.verdict import overall
    from gate.report import machine, terminal
    from gate.report import summary as page

    house = flow.enter(Path.cwd(), mode(words))
    whole, phases = flow.summarise(house)
    code = overall(whole)
    text = page.write(whole, "Gate", phases)
    file = worktree.store(house.root) / "summary.md"
    file.write_text(text, encoding="utf-8", errors="backslashreplace")
    for_actions = os.environ.get("GITHUB_STEP_SUMMARY")
    if for_actions:
        with Path(for_actions).open("a", encoding="utf-8", errors="backslashreplace") as step:
            step.write(text)
    if words.json:
        out.write(machine.write(whole, code))
    else:
        terminal.verdict(terminal.console(out), whole)
        out.write(f"summary: {file.relative_to(house.root)}\n")
    return code


def finish(words: argparse.Namespace, out: TextIO) -> int:
    """Commit, set the status, write the summary; or say what is missing."""
    from gate import finish as finishing
    from gate import flow
    from gate.facts import Mode
    from gate.judge.verdict import overall
    from gate.report import terminal

    if mode(words) is Mode.CHECK:
        message = "finish commits, and with CI=true nothing is changed; run it where the work is"
        raise GateError(message)
    house = flow.enter(Path.cwd(), Mode.FIX)
    whole, _ = flow.summarise(house)
    screen = terminal.console(out)
    terminal.verdict(screen, whole)
    if not whole.completed:
        return overall(whole)
    done = finishing.finish(house, whole, words.task)
    out.write(f"committed {done.commit[:12]}: {show_count(len(done.paths), 'path')}; task {words.task} is done; summary: {done.summary}\n")
    return 0


def schema(_words: argparse.Namespace, out: TextIO) -> int:
    """Print a schema."""
    from gate.record import ledger

    out.write(ledger.schema_text())
    return 0


def tree(words: argparse.Namespace, out: TextIO) -> int:
    """Print a tree id."""
    from gate import flow
    from gate.facts import Mode

    out.write(flow.enter(Path.cwd(), Mode.CHECK).tree(words.revision) + "\n")
    return 0
