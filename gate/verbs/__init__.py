"""What each verb of the command can be told and does, from its words to an exit code; heavy rooms load when they are entered."""

import argparse
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from gate.facts import Mode

Act = Callable[[argparse.Namespace, TextIO], int]
Verb = Callable[[str, Act, str], argparse.ArgumentParser]  # its name, what it does, and that in a sentence


def only_report(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Let a verb be told to change nothing."""
    parser.add_argument("--check", action="store_true", help="only report, change nothing (as with CI=true)")
    return parser


def mode(words: argparse.Namespace) -> "Mode":
    """Change nothing where a machine runs us or the user says so."""
    from gate.facts import Mode

    return Mode.CHECK if words.check or os.environ.get("CI", "").lower() in {"1", "true"} else Mode.FIX


def alone(act: Act) -> Act:
    """Let a verb that changes or measures the tree wait until no other one does; a dry run does neither, and leaves no lock behind."""

    @wraps(act)
    def locked(words: argparse.Namespace, out: TextIO) -> int:
        from gate.record import lock
        from gate.repo import worktree
        from gate.report.text import plain

        def say(text: str) -> None:
            sys.stderr.write(f"gate: {plain(text)}\n")
            sys.stderr.flush()

        words.root = worktree.find_root(Path.cwd())
        if getattr(words, "dry_run", False):
            return act(words, out)
        with lock.held(worktree.store(words.root) / "lock", words.line, say):
            return act(words, out)

    return locked
