"""What is amiss around the gate, each thing with what to do about it; it looks and changes nothing."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from gate import flow, tasking
from gate.errors import GateError, TaskError
from gate.facts import Fault
from gate.record import attempt
from gate.record.jsonspan import listed
from gate.repo import underway

_LONG = 10.0  # seconds


def examine(house: flow.House) -> tuple[tuple[Fault, ...], tuple[str, ...]]:
    """Return everything that is amiss, and the names of what was looked at."""
    return tuple(fault for look in LOOKS.values() for fault in look(house)), tuple(LOOKS)


def _store(house: flow.House) -> Iterator[Fault]:
    """Look at the task store, its locks, its state and what is generated from it."""
    try:
        yield from tasking.open_store(house.root, house.policy.workflow.tasks).faults()
    except TaskError as error:
        yield Fault(place="policies/workflow.yaml", found=str(error), act="correct it, then run gate doctor again")


def _overwritten(house: flow.House) -> Iterator[Fault]:
    """Look whether what we wrote is still there."""
    try:
        tasks = tasking.open_store(house.root, house.policy.workflow.tasks).tasks()
    except TaskError:  # named by the look at the store
        return
    for task_id, what in tasking.lost(house.root, tasks):
        yield Fault(
            place=str(tasks.place), found=f"task {task_id} was {what}", act=f"gate task start {task_id}, or gate task finish {task_id}"
        )


def _half_done(house: flow.House) -> Iterator[Fault]:
    """Look for tasks that are done while subtasks of theirs are not."""
    try:
        tasks = tasking.open_store(house.root, house.policy.workflow.tasks).tasks()
    except TaskError:  # named by the look at the store
        return
    for task in tasks.every.values():
        if task.status == "done" and (still := tasks.open_children(task.id)):
            act = f"finish or cancel them, or set it back: gate task start {task.id}"
            yield Fault(place=str(tasks.place), found=f"task {task.id} is done, and its subtasks {listed(still)} are open", act=act)


def _acceptance(house: flow.House) -> Iterator[Fault]:
    """Look whether every check that a task names is known, and every task that the policy names is there."""
    known = [step.check for step in house.steps]
    try:
        tasks = tasking.open_store(house.root, house.policy.workflow.tasks).tasks()
    except TaskError:  # named by the look at the store
        return
    for task in tasks.every.values():
        try:
            tasking.asked(house.policy, tasks, task, known)
        except TaskError as error:
            yield Fault(place=str(tasks.place), found=str(error).removeprefix(f"{tasks.place}: "), act="correct it")
    for task_id in house.policy.workflow.gate:
        if task_id not in tasks.every:
            place = house.policy.places.get(f"workflow.gate.{task_id}", "policies/workflow.yaml")
            yield Fault(place=place, found=f"there is no task {task_id}", act="correct the id, or delete the entry")


def _unfinished(house: flow.House) -> Iterator[Fault]:
    """Look for a finish that was ended in the middle."""
    path = house.root / attempt.PLACE
    if path.exists():
        yield Fault(place=str(attempt.PLACE), found="left by a finish that was ended in the middle", act=_again(house))


def _locks(house: flow.House) -> Iterator[Fault]:
    """Look for locks of git that are older than any of its own acts."""
    for path, age in underway.locks(house.root).items():
        if age > _LONG:
            yield Fault(place=str(path), found=underway.said(age), act=underway.removal(path))


def _again(house: flow.House) -> str:
    try:
        left = attempt.read(house.root)
    except GateError as error:
        return str(error).removeprefix(f"{attempt.PLACE}: ")
    return f"gate finish --task {left.task} brings it to its end, or takes it back" if left else "run gate doctor again"


# To add a look: a function from the house to faults, under the name by which the doctor says that it looked.
LOOKS: Mapping[str, Callable[[flow.House], Iterator[Fault]]] = MappingProxyType(
    {
        "the task store with its locks and state": _store,
        "what was written into it": _overwritten,
        "the checks that tasks ask for": _acceptance,
        "subtasks of what is done": _half_done,
        "what a finish left": _unfinished,
        "the locks of git": _locks,
    }
)
