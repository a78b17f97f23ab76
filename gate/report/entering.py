"""What a finish takes into its commit: every path, what must not go in, the message, and what would happen."""

from collections.abc import Iterator, Sequence

from gate.facts import Fault
from gate.facts.intake import Entering, Suspect
from gate.report import lines
from gate.report.text import plain
from gate.units import show_count, show_size

_MOST = 200  # paths that are listed unless all are asked for


def goes_in(told: Entering, records: Sequence[str], *, whole: bool = False) -> str:
    """List every path that is committed, and what is refused or let in by a policy."""
    return "".join(f"{plain(line)}\n" for line in _paths(told, records, whole=whole)) + _suspects(told)


def preview(
    told: Entering, records: Sequence[str], message: str, *, runs: Sequence[str], missing: Sequence[str], tasks: Sequence[str], push: bool
) -> str:
    """Tell what would happen, in its order, and the message as it stands now."""
    acts = [f"run {show_count(len(runs), 'check')}: {', '.join(runs)}"] if runs else []
    stops = [f"refuse: {show_count(len(told.refused), 'thing')} must not go in"] if told.refused else []
    stops += [f"refuse: {text}" for text in missing]
    which = f"{'task' if len(tasks) == 1 else 'tasks'} {', '.join(tasks)}"
    then = "then, if all of them pass, " if runs else ""
    acts += stops or [
        f"{then}set {which} to done, write {show_count(len(records), 'record')}, and commit",
        "push" if push else "not push",
    ]
    text = [
        *(f"would {act}" for act in acts),
        "the message, from what is known now:",
        *(f"  {line}".rstrip() for line in message.splitlines()),
    ]
    return goes_in(told, records, whole=True) + "".join(f"{plain(line)}\n" for line in text)


def _paths(told: Entering, records: Sequence[str], *, whole: bool) -> Iterator[str]:
    items = [item for item in told.items if item.path not in records]
    yield f"to be committed: {show_count(len(items), 'changed path')}, {show_count(len(records), 'record')}"
    for item in items[: len(items) if whole else _MOST]:
        yield f"  {item.act:<8} {item.path}{f'  {show_size(item.size)}' if item.size else ''}"
    if not whole and len(items) > _MOST:
        yield f"  and {show_count(len(items) - _MOST, 'more path')}; all of them: gate finish --dry-run"
    yield from (f"  record   {path}" for path in records)
    yield from (f"  let in   {one.path}:{one.line}: {one.kind}: {one.found}; {one.allowed}" for one in told.allowed)


def _suspects(told: Entering) -> str:
    """Tell what must not go in, each with its next act; never what a secret is."""
    return lines.text(lines.faults(_fault(one) for one in told.refused))


def _fault(one: Suspect) -> Fault:
    allow = f"or say why it goes in: commit.allow of policies/workflow.yaml, path: {one.path}, kinds: [{one.kind}]"
    return Fault(place=f"{one.path}:{one.line}", found=f"{one.kind}: {one.found}", act=f"{one.act}; {allow}")
