"""The door: words in, rooms called, an exit code out."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gate import __version__, arguments
from gate.arguments import positive, seconds
from gate.errors import GateError
from gate.report.text import plain
from gate.units import show_count

if TYPE_CHECKING:
    from gate.facts import Mode

EXIT_CODES = """exit codes: 0 passed, 1 the subject failed, 2 the gate could not work (bad policy, broken tool, bad usage),
3 not enough data to decide, 130 interrupted"""
_PIPE = 141  # what a shell reports for a program that SIGPIPE ended
_CHECKS = ("format", "lint", "types", "tests", "docs", "memory", "quality")


def main(argv: Sequence[str], out: TextIO) -> int:
    """Do what the words say; return the exit code. Errors go to standard error, one clear line each."""
    try:
        words = _parser().parse_args(argv)
        act: Callable[[argparse.Namespace, TextIO], int] = words.act
        return act(words, out)
    except GateError as error:
        lines = [plain(line) for line in str(error).splitlines()]  # what others wrote may be in it
        sys.stderr.write("\n".join([f"gate: {lines[0]}", *lines[1:]]) + "\n")
        return 2
    except BrokenPipeError:  # whoever read our output has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE
    except (OSError, RecursionError) as error:
        where = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
        why = error.strerror if isinstance(error, OSError) else "nested too deep"
        sys.stderr.write(plain(f"gate: {where}{why}; make it readable and writable, or move it out of the way, and run again") + "\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("gate: interrupted\n")
        return 130
    except SystemExit as error:  # argparse has said what was wrong
        return error.code if isinstance(error.code, int) else 2


def _parser() -> argparse.ArgumentParser:
    """Name every verb."""
    parser = argparse.ArgumentParser(prog="gate", description='A quality gate that makes "it is done" checkable.', epilog=EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"gate {__version__}")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    def verb(name: str, act: Callable[[argparse.Namespace, TextIO], int], about: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=about, description=about, epilog=EXIT_CODES)
        made.set_defaults(act=act)
        return made

    policy = verb("policy", _policy, "check the policies, or print the JSON Schema of one")
    policy.add_argument("what", choices=("check", "schema"))
    policy.add_argument("name", nargs="?", choices=("memory", "quality", "cleanup", "docs", "workflow"), help="for schema: which file")
    _only_report(verb("plan", _plan, "say what each phase would do and why, without doing it"))
    clean = _only_report(verb("clean", _clean, "remove dead caches and artefacts by policy"))
    clean.add_argument("--dry-run", action="store_true", help="only list what would be removed and kept")
    clean.add_argument("--all", action="store_true", help="also the live caches of the gate's own tools")
    check = _only_report(verb("check", _check, "run one check, record its evidence"))
    check.add_argument("what", choices=_CHECKS, metavar="|".join(_CHECKS), help="quality: format, lint and types side by side")
    check.add_argument("cases", nargs="*", metavar="CASE", help="for memory: only these agent cases")
    check.add_argument("--explain", action="store_true", help="for memory: also name lines and types of what passes")
    check.add_argument(
        "--steps", type=positive, default=0, metavar="N", help="for memory: watch N steps instead of the policy's; not recorded"
    )
    check.add_argument("--budget", type=seconds, default=0.0, metavar="S", help="for memory: S seconds of work instead; not recorded")
    arguments.of_measure(verb("measure", _measure, "give any callable a verdict: no policy, no repository needed"))
    calibrate = _only_report(verb("calibrate", _calibrate, "write what is measured beside each memory limit, and name dead limits"))
    calibrate.add_argument("cases", nargs="*", metavar="CASE", help="only these cases")
    advise = verb("advise", _advise, "look at live agents and propose what makes them lighter, with what it saves")
    advise.set_defaults(check=True)  # it writes nothing
    advise.add_argument("cases", nargs="*", metavar="CASE", help="only these cases")
    advise.add_argument("--apply-and-measure", action="store_true", help="carry out what is exact in a throw-away process, and measure it")
    demo = verb("demo", _demo, "show what remedies save on agents of 34.5 MB, measured before and after, as a report")
    demo.add_argument("--out", type=Path, default=Path("docs/memory-report.md"), metavar="FILE", help="where the report is written")
    summary = _only_report(verb("summary", _summary, "write the summary from recorded evidence; its exit code is the gate's"))
    summary.add_argument("--json", action="store_true", help="print everything as one JSON object")
    finish = verb("finish", _finish, "commit exactly the verified tree, set the task's status, write its summary")
    finish.set_defaults(check=False)  # it has no mode that only reports; CI=true still stops it
    finish.add_argument("--task", required=True, metavar="ID", help="for example 20 or 20.2")
    tree = verb("tree", _tree, "print the tree id of the work tree, or of a revision")
    tree.add_argument("revision", nargs="?", default="", metavar="REV")
    return parser


def _only_report(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--check", action="store_true", help="only report, change nothing (as with CI=true)")
    return parser


def _mode(words: argparse.Namespace) -> "Mode":
    """Change nothing where a machine runs us or the user says so."""
    from gate.facts import Mode

    return Mode.CHECK if words.check or os.environ.get("CI", "").lower() in {"1", "true"} else Mode.FIX


def _policy(words: argparse.Namespace, out: TextIO) -> int:
    """Check all policies, or print a schema."""
    from gate import policy, worktree

    if words.what == "schema":
        if not words.name:
            message = "policy schema: which file? write for example: gate policy schema memory"
            raise GateError(message)
        out.write(policy.schema_text(words.name))
        return 0
    found = policy.load(worktree.find_root(Path.cwd()))
    out.write(
        f"policies: {show_count(len(found.memory.agents) + len(found.memory.calls), 'memory case')}, no mistakes, sha256:{found.digest}\n"
    )
    return 0


def _plan(words: argparse.Namespace, out: TextIO) -> int:
    """Show the plan."""
    from gate import flow
    from gate.report import terminal

    house = flow.enter(Path.cwd(), _mode(words))
    drawn = flow.preview(house)
    terminal.plan(terminal.console(out), house.steps, drawn)
    return 0


def _clean(words: argparse.Namespace, out: TextIO) -> int:
    """Sweep, or show what would go."""
    from gate import flow
    from gate.judge.verdict import exit_code
    from gate.report import terminal

    house = flow.enter(Path.cwd(), _mode(words))
    told, changes = flow.clean(house, everything=words.all, dry=words.dry_run)
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


def _check(words: argparse.Namespace, out: TextIO) -> int:
    """Run one kind of check."""
    from gate import flow, plan
    from gate.judge.verdict import exit_code
    from gate.report import terminal

    otherwise = bool(words.steps or words.budget)
    if words.what != "memory" and (words.cases or words.explain or otherwise):
        message = f"check {words.what}: CASE, --explain, --steps and --budget belong to check memory"
        raise GateError(message)
    house = flow.enter(Path.cwd(), _mode(words))
    verbs = ("format", "lint", "types") if words.what == "quality" else (words.what,)
    steps = plan.hurried(plan.select(house.steps, verbs, words.cases), steps=words.steps, seconds=words.budget)
    screen = terminal.console(out)
    with terminal.progress(screen, len(steps), watched=words.what == "memory") as bar:
        told = flow.check(house, steps, explained=words.explain or None, recorded=not otherwise, watch=lambda: bar.advance(bar.task_ids[0]))
    terminal.findings(screen, told, explain=words.explain)
    if otherwise:
        out.write("not recorded: the policy asks for other steps or another budget\n")
    return exit_code(finding.outcome for _, finding, _ in told)


def _measure(words: argparse.Namespace, out: TextIO) -> int:
    """Ask about one callable."""
    from gate import single
    from gate.facts import Outcome
    from gate.judge.verdict import exit_code
    from gate.report import lines

    names = single.asked(words.question, setup=words.setup)
    if words.max and words.question in {"default", "all"}:
        message = "measure --max: which question has this limit? add for example --question growth"
        raise GateError(message)
    limits = {words.question: words.max}
    drawn = single.questions(words.target, names, setup=words.setup, limits=limits, seconds=words.budget_seconds, steps=words.steps)
    told = single.answer(drawn, Path.cwd(), explained=words.explain)
    rows = [(step, finding, reading.wall) for step, reading, finding in told]
    if words.json:
        out.write(single.as_json(told))
    elif out.isatty():
        from gate.report import terminal

        terminal.findings(terminal.console(out), rows, explain=bool(words.explain))
    else:
        out.write(lines.text(lines.findings(rows, explain=bool(words.explain))))
    # what could not be measured was asked for by name here, so it is undecided
    return exit_code(Outcome.INCONCLUSIVE if finding.outcome is Outcome.SKIPPED else finding.outcome for _, finding, _ in rows)


def _calibrate(words: argparse.Namespace, out: TextIO) -> int:
    """Measure every limit and write it down."""
    from gate import calibrate, flow, plan
    from gate.facts import Mode

    house = flow.enter(Path.cwd(), _mode(words))
    rows = calibrate.calibrate(house.root, plan.select(house.steps, ["memory"], words.cases), write=house.mode is Mode.FIX)
    for row in rows:
        advice = f"; a limit with headroom: {row.proposal}" if row.proposal and row.says != "fits" else ""
        out.write(plain(f"{row.check}: measured {row.measured or 'nothing'}, limit {row.limit}: {row.says}{advice}") + "\n")
    dead = sum(row.says == "dead" for row in rows)
    done = "policies/memory.yaml is as it was" if house.mode is Mode.CHECK else "policies/memory.yaml holds what was measured"
    out.write(f"{done}; {show_count(dead, 'dead limit')}, above {calibrate.DEAD} times what was measured\n")
    return 0 if all(row.measured for row in rows) else 2


def _advise(words: argparse.Namespace, out: TextIO) -> int:
    """Propose what makes agents lighter."""
    from gate import advise, flow, plan
    from gate.report import advice

    house = flow.enter(Path.cwd(), _mode(words))
    told = []
    for questions in advise.cases(plan.select(house.steps, ["memory"], words.cases)):
        told.append(advise.advise(questions, house.root, applied=words.apply_and_measure))
        out.write(advice.text(told[-1:]))
    return 2 if any(found.survey.trouble or (found.trial and found.trial.trouble) for found in told) else 0


def _demo(words: argparse.Namespace, out: TextIO) -> int:
    """Demonstrate the remedies."""
    from gate.demo import run

    return run.run(Path.cwd(), words.out, out)


def _summary(words: argparse.Namespace, out: TextIO) -> int:
    """Write the summary where people and machines look for it."""
    from gate import flow, worktree
    from gate.judge.verdict import overall
    from gate.report import machine, summary, terminal

    house = flow.enter(Path.cwd(), _mode(words))
    whole, phases = flow.summarise(house)
    code = overall(whole)
    text = summary.write(whole, "Gate", phases)
    page = worktree.store(house.root) / "summary.md"
    page.write_text(text, encoding="utf-8", errors="backslashreplace")
    for_actions = os.environ.get("GITHUB_STEP_SUMMARY")
    if for_actions:
        with Path(for_actions).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    if words.json:
        out.write(machine.write(whole, code))
    else:
        terminal.verdict(terminal.console(out), whole)
        out.write(f"summary: {page.relative_to(house.root)}\n")
    return code


def _finish(words: argparse.Namespace, out: TextIO) -> int:
    """Commit, set the status, write the summary; or say what is missing."""
    from gate import finish, flow
    from gate.facts import Mode
    from gate.judge.verdict import overall
    from gate.report import terminal

    if _mode(words) is Mode.CHECK:
        message = "finish commits, and with CI=true nothing is changed; run it where the work is"
        raise GateError(message)
    house = flow.enter(Path.cwd(), Mode.FIX)
    whole, _ = flow.summarise(house)
    screen = terminal.console(out)
    terminal.verdict(screen, whole)
    if not whole.completed:
        return overall(whole)
    done = finish.finish(house, whole, words.task)
    out.write(f"committed {done.commit[:12]}: {show_count(len(done.paths), 'path')}; task {words.task} is done; summary: {done.summary}\n")
    return 0


def _tree(words: argparse.Namespace, out: TextIO) -> int:
    """Print a tree id."""
    from gate import flow
    from gate.facts import Mode

    out.write(flow.enter(Path.cwd(), Mode.CHECK).tree(words.revision) + "\n")
    return 0
