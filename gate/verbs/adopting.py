"""The ways in: a repository that adopts the gate, and the hook before a commit."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gate.verbs import Verb, alone, as_json, mode, only_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.acts.glance import Looked

_NAMED = 4  # checks in one line


def name(verb: Verb) -> None:
    """Name the verbs of this part."""
    made = as_json(only_report(verb("init", alone(init), "let a repository adopt the gate: look, measure, write what is missing")))
    one = made.add_mutually_exclusive_group()
    one.add_argument("--dry-run", action="store_true", help="show every file as it would be; write nothing")
    one.add_argument(
        "--merge", action="store_true", help="also change the noxfile and the pre-commit configuration that are there, as shown"
    )
    one.add_argument("--undo", action="store_true", help="take back what the newest gate init wrote")
    made.add_argument("--heapgate", default="heapgate", metavar="SPEC", help="what pip installs as the gate: a version, a URL or a wheel")
    made = as_json(verb("hook", hook, "look at what changed, in a moment: style, types, policies, and what is recorded of this tree"))
    made.set_defaults(check=True)  # it writes nothing
    made.add_argument("files", nargs="*", metavar="FILE", help="what changed (default: all that differs from the last commit)")


def init(words: argparse.Namespace, out: TextIO) -> int:
    """Adopt, show what that would be, or take it back."""
    from gate.adopt import run, told
    from gate.facts import Mode
    from gate.report import answers

    start, root = time.perf_counter(), words.root
    if words.undo:
        gone = run.undo(root)
        forgotten = run.forget_merge(root, gone)
        if words.json:
            out.write(answers.write(0, undone=answers.changes(gone)))
            return 0
        out.writelines(f"took back {change.path}\n" for change in gone)
        out.write("took back git's merge driver for baselines, in this clone\n" if forgotten else "")
        out.write("" if gone else "nothing to take back: gate init wrote nothing, or it is taken back already\n")
        return 0
    dry = words.dry_run or mode(words) is Mode.CHECK
    proposal = run.propose(root, heapgate=words.heapgate, watch=_say)
    written = () if dry else run.write(root, proposal, merge=words.merge)
    configured = run.let_merge(root, written)
    if words.json:
        out.write(answers.write(0, **told.facts(proposal, written)))
        return 0
    out.write(told.found(proposal))
    out.write(told.whole([page for page in proposal.pages if dry or (page.merges and not words.merge)]))
    out.writelines(f"set      {line} (only in this clone; others run: gate baseline install-driver)\n" for line in configured[-1:])
    out.write(told.outcome(proposal, written, dry=dry, seconds=time.perf_counter() - start))
    return 0


def hook(words: argparse.Namespace, out: TextIO) -> int:
    """Say in a moment what can be said of what changed."""
    from gate.acts import glance
    from gate.judge.exits import exit_code
    from gate.repo import worktree
    from gate.report import answers, lines
    from gate.report.text import plain
    from gate.units import show_count

    root = worktree.find_root(Path.cwd())
    files = glance.changed(root, words.files, Path.cwd())
    looked = glance.look(root, files) or _looked(files)
    code = exit_code(one.finding.outcome for one in looked.told if not one.finding.waived)
    if words.json:
        out.write(answers.write(code, changed=files, checks=answers.found(looked.told), known=looked.known, unknown=looked.unknown))
        return code
    out.write(lines.text(lines.findings(looked.told, verbose=True)))
    names = ", ".join(looked.unknown[:_NAMED]) + (f" and {len(looked.unknown) - _NAMED} more" if len(looked.unknown) > _NAMED else "")
    rest = f"; not known of it: {plain(names)}: nox" if looked.unknown else ""
    out.write(f"{show_count(len(files), 'changed file')}; {show_count(looked.known, 'check')} passed on this very tree{rest}\n")
    return code


def _looked(files: "Sequence[str]") -> "Looked":
    """Go the long way, by the policies."""
    from gate import flow
    from gate.acts import hook as hooks
    from gate.facts import Mode

    return hooks.look(flow.enter(Path.cwd(), Mode.CHECK), files)


def _say(what: str) -> None:
    """Show a person at a terminal what is being done."""
    if sys.stderr.isatty():
        sys.stderr.write(f"gate: {what}\n")
        sys.stderr.flush()
