"""A tree against the one that its work began from."""

import argparse
import sys
from pathlib import Path
from typing import TextIO

from gate.verbs import Verb, alone, as_json, aside, unheard


def name(verb: Verb) -> None:
    """Name the verb of this part."""
    made = as_json(verb("compare", alone(compare), "run every check on the base too, and say what is new, fixed, better and worse"))
    made.add_argument(
        "revision", nargs="?", default="", metavar="REF", help="the base (default: where the branch left its upstream, or main)"
    )


def compare(words: argparse.Namespace, out: TextIO) -> int:
    """Compare; 1 when something is new or worse than it may be."""
    from gate import flow
    from gate.acts import comparing
    from gate.facts import Mode
    from gate.judge.exits import exit_code
    from gate.report import comparing as report

    with unheard(sys.stderr if words.json else out, asked=True), aside(asked=words.json):
        found = comparing.compare(flow.enter(Path.cwd(), Mode.CHECK), words.revision)
    code = exit_code(row.outcome for row in found.rows)
    out.write(report.answer(found, code) if words.json else report.write(found))
    return code
