"""What several machines share: the shards of a suite, their evidence, and the verdict for a pull request."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gate.report.text import plain
from gate.units import show_count
from gate.verbs import Verb, alone, as_json, mode

if TYPE_CHECKING:
    from gate import flow
    from gate.facts.work import Step

_MOST_NAMED = 9  # checks in one line


def name(verb: Verb) -> None:
    """Name the verbs of this part."""
    made = as_json(
        verb("merge", alone(merge), "take over the evidence of shards: the same tree, policies and environment, and nothing else")
    )
    made.set_defaults(check=True)  # it writes evidence only
    made.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a .gate, or the evidence folder of one, of another run")
    about = "say a run's verdict as a comment for its pull request: its bundle is data, the policies are yours"
    made = as_json(verb("comment", comment, about))
    made.add_argument("bundle", type=Path, metavar="BUNDLE", help="summary-evidence.json, as the run left it")
    made.add_argument("--event", type=Path, required=True, metavar="FILE", help="the workflow_run event: $GITHUB_EVENT_PATH")
    made.add_argument("--post", action="store_true", help="write it on GitHub, over the one that is there; needs GITHUB_TOKEN")


def chosen(house: "flow.House", words: argparse.Namespace, verbs: Sequence[str], out: TextIO) -> "Sequence[Step]":
    """Return the steps that `gate check` is asked for, and say which part of all cases a shard is."""
    from gate import plan

    steps = plan.select(house.steps, verbs, words.cases)
    if not words.shard:
        return steps
    from gate.acts import gathering
    from gate.plan import shards

    mine = gathering.of_shard(house, steps, words.shard)
    every, names = shards.cases(steps), shards.cases(mine)
    told = f"shard {words.shard}: {len(names)} of {show_count(len(every), 'case')}: {', '.join(names) or 'nothing to do'}"
    (sys.stderr if words.json else out).write(plain(told) + "\n")
    return mine


def merge(words: argparse.Namespace, out: TextIO) -> int:
    """Put the evidence of shards together; which checks have none yet is said, and is for the summary to judge."""
    from gate import flow
    from gate.acts import gathering

    done = gathering.merge(flow.enter(Path.cwd(), mode(words)), words.folders)
    if words.json:
        from gate.report import answers

        missing = [step.check for step in done.missing]
        out.write(answers.write(0, tree=done.tree, records=done.records, new=done.new, missing=missing, notes=done.notes))
        return 0
    brought, of = show_count(len(done.new), "record"), show_count(len(words.folders), "folder")
    out.write(f"merged {brought} of tree {done.tree[:12]} from {of}; {done.records - len(done.new)} say nothing new\n")
    out.writelines(f"note: {plain(note)}\n" for note in done.notes)
    if done.missing:
        names = ", ".join(step.check for step in done.missing[:_MOST_NAMED])
        more = f" and {len(done.missing) - _MOST_NAMED} more" if len(done.missing) > _MOST_NAMED else ""
        out.write(plain(f"no record of this tree yet: {names}{more}") + "\n")
    return 0


def comment(words: argparse.Namespace, out: TextIO) -> int:
    """Print the comment, or post it."""
    from gate import flow
    from gate.acts import commenting
    from gate.acts.hub import hub
    from gate.facts import Mode

    run = commenting.read(words.event)
    text = commenting.write(flow.enter(Path.cwd(), Mode.CHECK), words.bundle, run)
    posted = commenting.post(run, text, hub()) if words.post else ""
    if words.json:
        from gate.report import answers

        out.write(answers.write(0, comment=text, posted=posted))
    else:
        out.write(f"{plain(posted)}\n" if words.post else text)
    return 0
