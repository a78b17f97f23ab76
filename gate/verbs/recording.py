"""What lasts: the summary, its check, the id of a tree."""

import argparse
import os
import sys
from pathlib import Path
from typing import TextIO

from gate.report.text import plain
from gate.verbs import Verb, alone, as_json, in_actions, mode, only_report


def name(verb: Verb) -> None:
    """Name the verbs of this part."""
    made = as_json(only_report(verb("summary", alone(summary), "write the summary from recorded evidence; its exit code is the gate's")))
    made.add_argument("--against", default="", metavar="REV", help="also measure the memory cases of this revision, and compare")
    made = as_json(verb("verify-summary", verify, "check a committed summary: its tree, its policies, its evidence and every word of it"))
    made.add_argument("file", type=Path, metavar="FILE", help="the summary; its evidence lies beside it")
    made.add_argument("revision", nargs="?", default="", metavar="REV", help="whose tree it is about (default: HEAD)")
    made.add_argument("--rerun", action="store_true", help="also run every check again, here, and say what comes out otherwise")
    made = verb("schema", schema, "print the JSON Schema of what the gate records, or of gate report --json")
    made.add_argument("what", choices=("evidence", "report"))
    made = as_json(verb("tree", tree, "print the tree id of the work tree, or of a revision"))
    made.add_argument("revision", nargs="?", default="", metavar="REV")


def summary(words: argparse.Namespace, out: TextIO) -> int:
    """Write the summary where people and machines look for it."""
    from gate import flow
    from gate.acts import against, page, standing
    from gate.judge.verdict import overall
    from gate.repo import worktree
    from gate.report import annotations, machine, terminal

    house = flow.enter(Path.cwd(), mode(words))
    base = against.measure(house, words.against) if words.against else None
    whole, phases = flow.summarise(house)
    whole = standing.stand(house.root, house.policy, whole)
    code = overall(whole)
    file = worktree.store(house.root) / "summary.md"
    drawn = page.draw(house, whole, phases, title="Gate", file=file.name, base=base)
    file.with_name(drawn.name).write_bytes(drawn.bundle)
    file.write_bytes(drawn.text)
    for_actions = os.environ.get("GITHUB_STEP_SUMMARY")
    if for_actions and not page.append(drawn, Path(for_actions)):
        sys.stderr.write("gate: the step summary has no room left, and GitHub would drop all of it: write less to it before gate summary\n")
    if words.json:
        out.write(machine.write(whole, code))
    else:
        screen = terminal.console(out)
        terminal.verdict(screen, whole)
        terminal.compared(screen, words.against, drawn.page.compared)
        out.write(f"summary: {file.relative_to(house.root)}\n")
        out.write(annotations.write(whole) if in_actions() else "")
    return code


def verify(words: argparse.Namespace, out: TextIO) -> int:
    """Check a summary; 0 when it is what its evidence says about this revision, 1 when it is not, 2 when that cannot be told."""
    return (alone(_verify) if words.rerun else _verify)(words, out)


def _verify(words: argparse.Namespace, out: TextIO) -> int:
    from gate.acts import verifying
    from gate.repo import worktree

    checked = verifying.verify(worktree.find_root(Path.cwd()), words.file, words.revision, again=words.rerun)
    code = 1 if checked.wrong else 2 if checked.open else 0
    if words.json:
        from dataclasses import asdict

        from gate.report import answers

        out.write(answers.write(code, summary=str(words.file), **asdict(checked)))
        return code
    said = "NOT VERIFIED" if checked.wrong else "NOT DECIDED" if checked.open else "verified"
    about = f"{checked.word}, " if checked.word else ""
    lines = [f"{said}: {words.file}: {about}commit {checked.commit[:12]}", *checked.wrong, *checked.open, *checked.notes]
    out.write("".join(f"{'  ' if at else ''}{plain(line)}\n" for at, line in enumerate(lines)))
    return code


def schema(words: argparse.Namespace, out: TextIO) -> int:
    """Print a schema."""
    from gate.record import ledger
    from gate.report import machine

    out.write(machine.schema_text() if words.what == "report" else ledger.schema_text())
    return 0


def tree(words: argparse.Namespace, out: TextIO) -> int:
    """Print a tree id."""
    from gate import flow
    from gate.facts import Mode

    found = flow.enter(Path.cwd(), Mode.CHECK).tree(words.revision)
    if words.json:
        from gate.report import answers

        out.write(answers.write(0, tree=found))
    else:
        out.write(f"{found}\n")
    return 0
