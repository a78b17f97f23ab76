"""What each verb of the command can be told and does, from its words to an exit code; heavy rooms load when they are entered."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


def as_json(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Let a verb be told to answer programs."""
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    return parser


def shown(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Let a verb be told how to show what it found."""
    parser.add_argument("--verbose", action="store_true", help="a line for each check that passed, instead of one for all")
    parser.add_argument("--plain", action="store_true", help="words instead of drawings, and nothing that moves: for a screen reader")
    return parser


@contextmanager
def unheard(out: TextIO, *, asked: bool) -> Iterator[None]:
    """Let nothing that programs print meanwhile act as a workflow command of GitHub Actions: only we know the word that ends it."""
    if not (asked and in_actions()):
        yield
        return
    import secrets

    word = secrets.token_hex(16)
    out.write(f"::group::what the tools print\n::stop-commands::{word}\n")
    out.flush()
    try:
        yield
    finally:
        sys.stdout.flush()
        out.write(f"\n::{word}::\n::endgroup::\n")
        out.flush()


@contextmanager
def aside(*, asked: bool) -> Iterator[None]:
    """Let what programs print meanwhile go to standard error, so that ours alone is what a program reads."""
    if not asked:
        yield
        return
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(ours, 1)
        os.close(ours)


def in_actions() -> bool:
    """Tell whether a runner of GitHub Actions reads what we print."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


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
