"""Known debts: a baseline that is made once, shrinks, and is merged to the stricter side."""

import argparse
import sys
from argparse import ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gate.errors import GateError
from gate.report.text import plain
from gate.units import show_count
from gate.verbs import Act, Verb, alone, as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.acts.debts import Written

_SHOWN = 20  # new findings that are listed


def name(verb: Verb) -> None:
    """Name the verb of this part."""
    made = verb("baseline", verify, "known findings, in policies/baseline.yaml: they may become fewer and never more")
    acts = made.add_subparsers(title="acts", required=True, metavar="create|update|verify|merge|install-driver")

    def act(word: str, does: Act, about: str) -> argparse.ArgumentParser:
        one = acts.add_parser(word, help=about, description=about, epilog=made.epilog)
        one.set_defaults(act=does)
        return one

    one = act("create", alone(create), "write down all that is found today, in a repository that has no baseline")
    one.add_argument(
        "checks", nargs="*", metavar="CHECK", help="only these, such as lint, types or memory (default: all that can be known again)"
    )
    as_json(one)
    one = act("update", alone(update), "take out what is fixed, follow what moved; it adds nothing but what is accepted")
    as_json(one)
    one.add_argument("--accept", default="", metavar="TEXT", help="add the one new finding that contains this text")
    one.add_argument("--reason", default="", help="with --accept: why it is lived with")
    one.add_argument("--owner", default="", help="with --accept: who ends this")
    one.add_argument(
        "--expires",
        type=_day,
        default=None,
        metavar="DAY",
        help="with --accept: the last day, such as 2026-12-31, half a year ahead at most",
    )
    act("verify", verify, "refuse a baseline that knows more than both sides of a merge")
    one = act("merge", merge, "git's merge driver: keep the stricter side of every debt, in the place of OURS")
    for word in ("base", "ours", "theirs"):
        one.add_argument(word, type=Path, metavar=word.upper())
    one.add_argument("path", nargs="?", default="policies/baseline.yaml", metavar="PATH", help="how the file is called in errors")
    act("install-driver", install, "let git merge baselines so in this clone: .gitattributes and its configuration")


def create(words: argparse.Namespace, out: TextIO) -> int:
    """Adopt."""
    from gate import flow
    from gate.acts import debts
    from gate.facts import Mode
    from gate.judge import debts as judge

    rows = debts.create(flow.enter(Path.cwd(), Mode.CHECK), words.checks)
    if words.json:
        return _answered(rows, 0, out)
    for row in rows:
        if row.after:
            out.write(plain(f"{row.check}: {show_count(judge.number(row.after), 'known debt')}: {judge.told(row.after)}") + "\n")
    number = sum(judge.number(row.after) for row in rows)
    out.write(
        f"{judge.FILE}: {show_count(number, 'debt')}; they may become fewer, never more: commit it\n"
        if number
        else "nothing was found: no baseline is needed\n"
    )
    return 0


def update(words: argparse.Namespace, out: TextIO) -> int:
    """Shrink, or grow by one."""
    from gate import flow
    from gate.acts import debts
    from gate.facts import Mode

    answer = None
    if words.accept:
        left_out = [option for option in ("reason", "owner", "expires") if not str(getattr(words, option) or "").strip()]
        if left_out:
            message = f"--accept wants also --{', --'.join(left_out)}: somebody answers for it, until a day"
            raise GateError(message)
        answer = debts.Answer(which=words.accept, reason=words.reason.strip(), owner=words.owner.strip(), expires=words.expires)
    elif words.reason or words.owner or words.expires:
        message = "--reason, --owner and --expires belong to --accept; an update alone adds nothing"
        raise GateError(message)
    rows = debts.update(flow.enter(Path.cwd(), Mode.CHECK), answer)
    code = 2 if any(row.trouble and row.after for row in rows) else 0
    if words.json:
        return _answered(rows, code, out)
    _told(rows, out)
    return code


def _answered(rows: "Sequence[Written]", code: int, out: TextIO) -> int:
    """Tell programs."""
    from gate.report import answers

    out.write(answers.write(code, checks=rows))
    return code


def _told(rows: "Sequence[Written]", out: TextIO) -> None:
    """Tell what is known now, what is fixed and what stays out."""
    from gate.judge import debts

    for row in rows:
        before, after = debts.number(row.before), debts.number(row.after)
        said = f"{before} debts, now {after}" if before != after else show_count(after, "debt")
        said += f"; {row.trouble}" if row.trouble else ""
        out.write(plain(f"{row.check}: {said}") + "\n")
        out.writelines(plain(f"  new, not written down: {one.line}") + "\n" for one in row.new[:_SHOWN])
        if len(row.new) > _SHOWN:
            out.write(f"  and {len(row.new) - _SHOWN} more\n")
    out.write(f"{debts.FILE}: {show_count(sum(debts.number(row.after) for row in rows), 'debt')}\n")


def verify(words: argparse.Namespace, out: TextIO) -> int:
    """Compare with both sides of a merge."""
    from gate.acts import merging
    from gate.repo import worktree

    del words
    what, number = merging.verify(worktree.find_root(Path.cwd()))
    out.write(f"{show_count(number, 'debt')}, none above both sides: {what}\n")
    return 0


def merge(words: argparse.Namespace, out: TextIO) -> int:
    """Merge for git, which shows what we say and takes any exit code but 0 for a conflict."""
    from gate.acts import merging
    from gate.judge import debts

    merged = merging.merge(words.base, words.ours, words.theirs, words.path)
    out.write(plain(f"{words.path}: {show_count(debts.number(merged.debts), 'debt')}, of each what the stricter side knows") + "\n")
    for side, left in (("ours", merged.ours), ("theirs", merged.theirs)):
        for debt in left:
            sys.stderr.write(
                plain(f"{words.path}: left out, only {side} has it: {debt.words}; accept it anew: gate baseline update --accept") + "\n"
            )
    return 0


def install(words: argparse.Namespace, out: TextIO) -> int:
    """Set up the driver."""
    from gate.acts import merging
    from gate.repo import worktree

    del words
    changed = merging.install(worktree.find_root(Path.cwd()))
    out.write("".join(f"{line}\n" for line in changed) or "git merges baselines by the gate already\n")
    return 0


def _day(text: str) -> date:
    """Read a day.

    >>> _day("2026-12-31")
    datetime.date(2026, 12, 31)

    Raises ArgumentTypeError when it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no day of the calendar; write for example 2026-12-31"
        raise ArgumentTypeError(message) from error
