"""What comes first: the plan, and the sweep."""

import argparse
from pathlib import Path
from typing import TextIO

from gate.verbs import Verb, mode, only_report


def name(verb: Verb) -> None:
    """Name the verbs of this part."""
    only_report(verb("plan", plan, "say what each phase would do and why, without doing it"))
    made = only_report(verb("clean", clean, "remove dead caches and artefacts by policy"))
    made.add_argument("--dry-run", action="store_true", help="only list what would be removed and kept")
    made.add_argument("--all", action="store_true", help="also the live caches of the gate's own tools")


def plan(words: argparse.Namespace, out: TextIO) -> int:
    """Show the plan."""
    from gate import flow, tidying
    from gate.report import terminal

    house = flow.enter(Path.cwd(), mode(words))
    drawn = tidying.preview(house)
    terminal.plan(terminal.console(out), house.steps, drawn)
    return 0


def clean(words: argparse.Namespace, out: TextIO) -> int:
    """Sweep, or show what would go."""
    from gate import flow, tidying
    from gate.judge.verdict import exit_code
    from gate.report import terminal

    house = flow.enter(Path.cwd(), mode(words))
    told, changes = tidying.clean(house, everything=words.all, dry=words.dry_run)
    screen = terminal.console(out)
    if words.dry_run:
        taken = [change for change in changes if change.act == "remove"]
        terminal.changes(screen, taken, "would remove")
        terminal.changes(screen, [change for change in changes if change.act == "kept"], "would keep")
        if not taken:
            out.write("nothing to remove\n")
        return 0
    terminal.changes(screen, [change for change in changes if change.act == "removed"], "removed")
    terminal.findings(screen, told)
    return exit_code(finding.outcome for _, finding, _ in told)
