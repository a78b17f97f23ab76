"""What is to be done: tasks, and what is amiss around them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gate.errors import GateError
from gate.report.text import plain
from gate.units import show_count
from gate.verbs import Verb, as_json, finishing, mode

if TYPE_CHECKING:
    from gate import flow
    from gate.facts import Mode
    from gate.record.tasks import Task, Tasks


def name(verb: Verb) -> None:
    """Name the verbs of this part."""
    made = verb("task", show, "show a task, start it, or finish it")
    acts = made.add_subparsers(title="acts", required=True, metavar="show|start|finish")
    for word, act, about in (
        ("show", show, "say where a task stands and what separates it from done"),
        ("start", start, "set a task to in-progress"),
        ("finish", finishing.finish, "the same as gate finish --task ID"),
    ):
        one = acts.add_parser(word, help=about, description=about, epilog=made.epilog)
        one.set_defaults(act=act, check=False)
        one.add_argument("task", metavar="ID", help="for example 20 or 20.2")
        if word == "finish":
            finishing.of_finish(one)
        else:
            as_json(one)
    as_json(verb("doctor", doctor, "tell what is measured here and what is amiss around the gate, as a report that can be pasted"))


def show(words: argparse.Namespace, out: TextIO) -> int:
    """Tell one task; what another program overwrote of it is a finding."""
    from gate import tasking
    from gate.acts import finish
    from gate.facts import Mode

    house, tasks = _entered(Mode.CHECK)
    task = tasks.find(words.task)
    whole, _ = finish.verdict_of(house, task.id)
    lost = [what for key, what in tasking.lost(house.root, tasks) if key == task.id]
    code = 1 if lost else 0
    if words.json:
        from gate.report import answers

        facts = {"id": task.id, "title": task.title, "status": task.status, "gate": task.gate}
        waits = {"open_subtasks": tasks.open_children(task.id), "waits_for": tasks.open_dependencies(task.id)}
        decided = [row.step.check for row in whole.rows if row.asked]
        out.write(answers.write(code, **facts, **waits, decided_by=decided, tree=whole.tree, missing=whole.missing, overwritten=lost))
        return code
    lines = [f"{task.id}  {task.title}: {task.status or 'no status'}"]
    for what, found in (("open subtasks", tasks.open_children(task.id)), ("waits for", tasks.open_dependencies(task.id))):
        lines += [f"  {what}: {', '.join(_named(tasks, key) for key in found)}"] if found else []
    asked = [row.step.check for row in whole.rows if row.asked]
    lines.append(f"  decided by: {', '.join(asked)}" if whole.aside else f"  decided by: every required check of {len(asked)}")
    lines += [f"  missing: {text}" for text in whole.missing] or [f"  all of them passed on tree {whole.tree[:12]}"]
    lines += [f"  {key}: {value}" for key, value in task.gate.items()]
    lines += [f"  overwritten: it was {what}; {_again(task)}" for what in lost]
    out.writelines(plain(line) + "\n" for line in lines)
    return code


def start(words: argparse.Namespace, out: TextIO) -> int:
    """Set a task to in-progress; unfinished dependencies refuse."""
    from gate import tasking
    from gate.facts import Mode
    from gate.record.jsonspan import listed
    from gate.record.tasks import Change
    from gate.report import answers

    if mode(words) is Mode.CHECK:
        message = "task start changes the task store, and with CI=true nothing is changed; run it where the work is"
        raise GateError(message)
    house, tasks = _entered(Mode.FIX)
    task = tasks.find(words.task)
    waits = tasks.open_dependencies(task.id)
    if waits:
        message = f"{tasks.place}: task {task.id} cannot be started: its dependencies {listed(waits)} are open; finish or cancel them first"
        raise GateError(message)
    if task.status != "in-progress":
        store = tasking.open_store(house.root, house.policy.workflow.tasks)
        tasking.change(house.root, store, [Change(id=task.id, status="in-progress", at=tasking.now())])
    if words.json:
        out.write(answers.write(0, id=task.id, status="in-progress", was=task.status))
    elif task.status == "in-progress":
        out.write(f"task {task.id} is in-progress already\n")
    else:
        out.write(plain(f"task {task.id} is in-progress, it was {task.status or 'without a status'}: {task.title}") + "\n")
    return 0


def doctor(words: argparse.Namespace, out: TextIO) -> int:
    """Tell what is the case here, then everything that is amiss, each with the next act; exit 1 when there is anything."""
    from gate import flow
    from gate.acts import doctor as doctors
    from gate.acts import machine
    from gate.errors import PolicyError
    from gate.facts import Fault, Mode
    from gate.repo import worktree
    from gate.report import answers, lines

    root = worktree.find_root(Path.cwd())
    try:
        house = flow.enter(root, Mode.CHECK)
        (found, looked), policies = doctors.examine(house), machine.known(house)
    except PolicyError as error:  # what is the case here must be told above all when something is wrong
        faults = [Fault(place=mistake.partition(": ")[0], found=mistake.partition(": ")[2], act="correct it") for mistake in error.mistakes]
        found, looked, policies = tuple(faults), ("the policies",), show_count(len(error.mistakes), "mistake")
    here, code = machine.describe(root, policies), 1 if found else 0
    if words.json:
        out.write(answers.write(code, here=here, faults=found, looked_at=looked))
        return code
    out.writelines(f"{plain(line)}\n" for line in machine.lines(here))
    out.write(lines.text(lines.faults(found)))
    out.write(f"{show_count(len(found), 'thing')} amiss; looked at {', '.join(looked)}\n")
    return code


def _entered(entered: "Mode") -> "tuple[flow.House, Tasks]":
    """Enter the repository and read its tasks."""
    from gate import flow, tasking

    house = flow.enter(Path.cwd(), entered)
    return house, tasking.open_store(house.root, house.policy.workflow.tasks).tasks()


def _named(tasks: "Tasks", key: str) -> str:
    """Name a task with its status; a dependency may be on one that is not there."""
    return f"{key} ({tasks.every[key].status or 'no status'})" if key in tasks.every else f"{key} (not there)"


def _again(task: "Task") -> str:
    """Say how what was lost is written again."""
    return f"write it again: gate task start {task.id}, or gate task finish {task.id}"
