"""What is asked: checks of a policy, and one callable without any."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gate import arguments
from gate.arguments import positive, seconds, shard
from gate.errors import GateError
from gate.report.text import plain
from gate.units import show_count
from gate.verbs import Verb, alone, as_json, aside, in_actions, mode, only_report, sharing, shown, unheard

if TYPE_CHECKING:
    from gate.facts.rows import Told, Verdict

_CHECKS = ("format", "lint", "types", "tests", "docs", "memory", "quality")
_POLICIES = ("memory", "quality", "cleanup", "docs", "workflow", "baseline")


def name(verb: Verb) -> None:
    """Name the verbs of this part."""
    made = as_json(verb("policy", policy, "check the policies, compare them with the base, or print the JSON Schema of one"))
    made.add_argument("what", choices=("check", "guard", "schema"))
    made.add_argument(
        "name", nargs="?", metavar="NAME", help="for schema: which file; for guard: a revision (default: where the branch began)"
    )
    made = shown(only_report(verb("check", alone(check), "run one check, record its evidence")))
    made.add_argument("--json", action="store_true", help="print everything as gate report --json does, of these checks alone")
    made.add_argument("what", choices=_CHECKS, metavar="|".join(_CHECKS), help="quality: format, lint and types side by side")
    made.add_argument("cases", nargs="*", metavar="CASE", help="for memory: only these agent cases")
    made.add_argument("--explain", action="store_true", help="for memory: also name lines and types of what passes")
    made.add_argument(
        "--steps", type=positive, default=0, metavar="N", help="for memory: watch N steps instead of the policy's; not recorded"
    )
    made.add_argument("--budget", type=seconds, default=0.0, metavar="S", help="for memory: S seconds of work instead; not recorded")
    made.add_argument("--fresh", action="store_true", help="run it again also where nothing that it reads changed")
    made.add_argument("--shard", type=shard, metavar="I/N", help="for memory: only part I of N; the parts together are gate merge's")
    arguments.of_measure(shown(verb("measure", measure, "give any callable a verdict: no policy, no repository needed")))
    made = as_json(
        only_report(verb("calibrate", alone(calibrate), "write what is measured beside each memory limit, and name dead limits"))
    )
    made.add_argument("cases", nargs="*", metavar="CASE", help="only these cases")
    made = as_json(verb("advise", advise, "look at live agents and propose what makes them lighter, with what it saves"))
    made.set_defaults(check=True)  # it changes nothing; what it saw is recorded
    made.add_argument("cases", nargs="*", metavar="CASE", help="only these cases")
    made.add_argument("--apply-and-measure", action="store_true", help="carry out what is exact in a throw-away process, and measure it")
    made = verb("demo", demo, "show what remedies save on agents of 34.5 MB, measured before and after, as a report")
    made.add_argument("--out", type=Path, default=Path("docs/memory-report.md"), metavar="FILE", help="where the report is written")


def policy(words: argparse.Namespace, out: TextIO) -> int:
    """Check all policies, compare them with the base, or print a schema."""
    from gate import policy as policies
    from gate.repo import worktree

    if words.what == "guard":
        return guard(words, out)
    if words.what == "schema":
        if words.name not in _POLICIES:
            message = "policy schema: which file? write for example: gate policy schema memory"
            raise GateError(message)
        out.write(policies.schema_text(words.name))
        return 0
    found = policies.load(worktree.find_root(Path.cwd()))
    cases = len(found.memory.agents) + len(found.memory.calls)
    if words.json:
        from gate.report import answers

        out.write(answers.write(0, policies=f"sha256:{found.digest}", memory_cases=cases))
    else:
        out.write(f"policies: {show_count(cases, 'memory case')}, no mistakes, sha256:{found.digest}\n")
    return 0


def guard(words: argparse.Namespace, out: TextIO) -> int:
    """Tell what lets more through than on the base; 1 until somebody says why that is right."""
    from gate import policy as policies
    from gate.acts import guarding
    from gate.repo import worktree
    from gate.report import answers

    root = worktree.find_root(Path.cwd())
    found = guarding.guard(root, policies.load(root), words.name or "")
    code = 1 if found.open else 0
    if words.json:
        out.write(answers.write(code, **found.as_dict()))
    else:
        out.writelines(f"{plain(line)}\n" for line in found.lines())
    return code


def check(words: argparse.Namespace, out: TextIO) -> int:
    """Run one kind of check, or say what is recorded of it."""
    from gate import again
    from gate.facts.rows import Told
    from gate.judge.exits import exit_code

    otherwise = bool(words.steps or words.budget)
    if words.what != "memory" and (words.cases or words.explain or otherwise or words.shard):
        message = f"check {words.what}: CASE, --explain, --steps, --budget and --shard belong to check memory"
        raise GateError(message)
    verbs = ("format", "lint", "types") if words.what == "quality" else (words.what,)
    long = words.fresh or words.explain or otherwise or words.json or words.shard
    known = None if long else again.answers(words.root, verbs, words.cases, mode(words))
    if known and any(found.finding.outcome != "PASSED" for _, found in known):
        known = None  # the policy may say something about it
    rows = [Told(check=one.check, finding=found.finding, took=found.source) for one, found in known] if known else None
    rows = _measured(words, verbs, out) if rows is None else rows
    code = exit_code(one.finding.outcome for one in rows if not one.finding.waived)
    if words.json:
        from gate.report import machine

        out.write(machine.write(_verdict(words, rows), code, whole=False))
        return code
    _tell(words, out, rows)
    _annotate(words, out, rows)
    if otherwise:
        out.write("not recorded: the policy asks for other steps or another budget\n")
    return code


def _measured(words: argparse.Namespace, verbs: Sequence[str], out: TextIO) -> "list[Told]":
    """Measure what is not known yet, and show how far that is."""
    from gate import flow, plan
    from gate.facts.work import Tool
    from gate.report import terminal
    from gate.report.live import Live

    house = flow.enter(Path.cwd(), mode(words))
    otherwise = bool(words.steps or words.budget)
    steps = plan.hurried(sharing.chosen(house, words, verbs, out), steps=words.steps, seconds=words.budget)
    beside: TextIO = sys.stderr if words.json else out
    streamed = any(isinstance(step.work, Tool) and step.work.stream for step in steps)
    live = Live(terminal.console(beside), len(steps), watched=not (words.plain or streamed))
    with unheard(beside, asked=streamed), aside(asked=words.json), live:
        return flow.check(house, steps, explained=words.explain or None, recorded=not otherwise, fresh=words.fresh, watch=live)


def _verdict(words: argparse.Namespace, rows: "Sequence[Told]") -> "Verdict":
    """Return what was found as reports are written from, of these checks alone."""
    from gate import flow
    from gate.acts import asked

    return asked.verdict(flow.enter(Path.cwd(), mode(words)), rows, recorded=not (words.steps or words.budget))


def _tell(words: argparse.Namespace, out: TextIO, rows: "Sequence[Told]") -> None:
    """Write findings, styled at a terminal; what styles them loads only there."""
    from gate.report import lines

    explain, verbose = bool(words.explain), words.verbose or words.act is measure  # what is measured was asked for by name
    if out.isatty():
        from gate.report import terminal

        terminal.findings(terminal.console(out), rows, explain=explain, verbose=verbose, words=words.plain)
    elif in_actions():
        out.write(lines.grouped(rows, explain=explain, words=words.plain))
    else:
        out.write(lines.text(lines.findings(rows, explain=explain, verbose=verbose, words=words.plain)))


def _annotate(words: argparse.Namespace, out: TextIO, rows: "Sequence[Told]") -> None:
    """Remark on lines in GitHub Actions; within a session of nox the summary at its end does, which knows what is worst."""
    if in_actions() and "NOX_CURRENT_SESSION" not in os.environ and any(one.finding.outcome != "PASSED" for one in rows):
        from gate.report import annotations

        out.write(annotations.write(_verdict(words, rows)))


def measure(words: argparse.Namespace, out: TextIO) -> int:
    """Ask about one callable."""
    from dataclasses import replace

    from gate.acts import single
    from gate.facts import Outcome
    from gate.facts.rows import Told
    from gate.judge.exits import exit_code

    names = single.asked(words.question, setup=words.setup)
    if words.max and words.question in {"default", "all"}:
        message = "measure --max: which question has this limit? add for example --question growth"
        raise GateError(message)
    limits = {words.question: words.max}
    drawn = single.questions(words.target, names, setup=words.setup, limits=limits, seconds=words.budget_seconds, steps=words.steps)
    told = single.answer(drawn, Path.cwd(), explained=words.explain)
    if words.json:
        out.write(single.as_json(told))
    else:
        rows = [
            Told(check=step.check, finding=finding, took=reading.wall, step=replace(step, command=words.line), reading=reading)
            for step, reading, finding in told
        ]
        _tell(words, out, rows)
    # what could not be measured was asked for by name here, so it is undecided
    return exit_code(Outcome.INCONCLUSIVE if finding.outcome is Outcome.SKIPPED else finding.outcome for _, _, finding in told)


def calibrate(words: argparse.Namespace, out: TextIO) -> int:
    """Measure every limit and write it down."""
    from gate import flow, plan
    from gate.acts import calibrate as calibration
    from gate.facts import Mode
    from gate.judge import dead

    house = flow.enter(Path.cwd(), mode(words))
    rows = calibration.calibrate(house.root, plan.select(house.steps, ["memory"], words.cases), write=house.mode is Mode.FIX)
    code = 0 if all(row.measured for row in rows) else 2
    if words.json:
        from gate.report import answers

        out.write(answers.write(code, written=house.mode is Mode.FIX, dead_above=dead.TIMES, limits=rows))
        return code
    for row in rows:
        advice = f"; a limit with headroom: {row.proposal}" if row.proposal and row.says != "fits" else ""
        out.write(plain(f"{row.check}: measured {row.measured or 'nothing'}, limit {row.limit}: {row.says}{advice}") + "\n")
    number = sum(row.says == "dead" for row in rows)
    done = "policies/memory.yaml is as it was" if house.mode is Mode.CHECK else "policies/memory.yaml holds what was measured"
    out.write(f"{done}; {show_count(number, 'dead limit')}, above {dead.TIMES} times what was measured\n")
    return code


def advise(words: argparse.Namespace, out: TextIO) -> int:
    """Propose what makes agents lighter."""
    from gate import advise as advisor
    from gate import flow, plan
    from gate.facts.work import Phase
    from gate.report import advice, answers

    house = flow.enter(Path.cwd(), mode(words))
    told, tree = [], house.tree()
    for questions in advisor.cases(plan.select(house.steps, ["memory"], words.cases)):
        told.append(advisor.advise(questions, house.root, applied=words.apply_and_measure))
        out.write("" if words.json else advice.text(told[-1:]))
        seen = advisor.noted(told[-1])
        if not seen.trouble:
            headline = show_count(len(told[-1].proposals), "proposal")
            flow.note(house, f"advice/{told[-1].case}", Phase.QUALITY, f"gate advise {told[-1].case}", tree, headline, seen)
    code = 2 if any(found.survey.trouble or (found.trial and found.trial.trouble) for found in told) else 0
    out.write(answers.write(code, cases=told) if words.json else "")
    return code


def demo(words: argparse.Namespace, out: TextIO) -> int:
    """Demonstrate the remedies."""
    from gate.demo import run

    return run.run(Path.cwd(), words.out, out)
