"""A plan as text for a person: the repository, then each phase with what it would do; lists are bounded, lines have 80 columns."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from gate.facts import Change
from gate.facts.state import Dirty, Plan, State, Weight
from gate.facts.work import Phase
from gate.report.text import plain, readable
from gate.units import show_count, show_size

WIDTH = 80
_MOST = 8  # lines of one list; what is longer ends with a count of the rest
_LABEL = 13
_DIRTY = ("conflicted", "staged", "renamed", "changed", "untracked")
_ACTS = {
    "remove": "would remove",
    "trash": "would move to the trash",
    "move": "would move",
    "rewrite": "would write",
    "kept": "would keep",
}


def text(plan: Plan) -> str:
    """Write the whole plan; it ends with the one command that carries it out."""
    lines = [*_repository(plan.state), *(line for phase in Phase for line in _phase(plan, phase)), *_end(plan)]
    return "".join(f"{_cut(line, WIDTH)}\n" for line in lines)


def command(plan: Plan) -> str:
    """Return what carries out everything that the plan would change, or "" when there is nothing or it cannot be named."""
    phases = [phase for phase in (Phase.CLEAN, Phase.DOCS) if any(change.act != "kept" for change in plan.changes.get(phase, ()))]
    return f"nox -s {' '.join(phases)} -- --plan {plan.id}" if phases and plan.id else ""


def _repository(state: State) -> Iterator[str]:
    """Tell what the repository is."""
    status = state.status
    yield "repository"
    yield _row("branch", f"{status.branch or 'none (detached)'} at {status.commit[:12] or 'no commit yet'}")
    if status.upstream:
        yield _row("upstream", f"{_distance(status.ahead, status.behind)} {status.upstream}")
    if status.busy:
        yield _row("in progress", ", ".join(status.busy))
    yield from _dirty(status.dirty)
    yield _row("tracked", _amount(state.tracked.count, state.tracked.size))
    yield _row("untracked", _amount(state.untracked.count, state.untracked.size))
    yield from _table(_weights(state.heaviest))
    yield _row("ignored", _amount(state.ignored.count, state.ignored.size))
    yield from _some("submodules", [f"{_name(found.path)}: {found.state}" for found in status.submodules])
    yield from _some("nested", map(_name, state.nested))
    yield from _some("Git LFS", [*map(_name, state.lfs), *(f"{_name(path)}: a pointer only" for path in state.pointers)])
    if state.large:
        yield _row("large", show_count(len(state.large), "file"))
        yield from _table(_weights(state.large))
    todo, fixme = sum(mark.todo for mark in state.marks), sum(mark.fixme for mark in state.marks)
    yield _row("to do", f"{todo:,} TODO, {fixme:,} FIXME in {show_count(len(state.marks), 'file')}")
    yield from _table([(_name(mark.path), f"{mark.todo} TODO, {mark.fixme} FIXME") for mark in state.marks])
    yield _row("documents", _amount(sum(found.count for found in state.documents), sum(found.size for found in state.documents)))
    yield from _table(_weights(state.documents))
    yield from _some("not read", [f"{_name(row.path)}: {row.message}" for row in state.unread])
    yield from _some("not UTF-8", map(_name, state.odd))


def _distance(ahead: int | None, behind: int | None) -> str:
    """Say how far a branch is from its upstream."""
    if ahead is None or behind is None:
        return "gone:"
    if not ahead and not behind:
        return "even with"
    return " and ".join([*([f"{ahead:,} ahead of"] if ahead else []), *([f"{behind:,} behind"] if behind else [])])


def _dirty(dirty: Sequence[Dirty]) -> Iterator[str]:
    """Count what differs from the last commit by kind, and name what is not simply untracked: that is listed by weight."""
    counts = {kind: sum(found.kind == kind for found in dirty) for kind in _DIRTY}
    yield _row("dirty", ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count) or "nothing")
    for kind in _DIRTY[:-1]:
        found = [one for one in dirty if one.kind == kind]
        yield from _table([(kind, f"{_name(one.path)} (was {_name(one.was)})" if one.was else _name(one.path)) for one in found])


def _phase(plan: Plan, phase: Phase) -> Iterator[str]:
    """Tell what one phase would do."""
    steps = [step for step in plan.steps if step.phase is phase]
    rows = [(plain(step.check), plain(step.does)) for step in steps]
    sessions = list(dict.fromkeys(step.command.split(" ")[2] for step in steps))
    if phase is Phase.GIT:
        paths = len({found.path for found in plan.state.status.dirty})
        rows, sessions = [("finish", f"commit the verified tree, {show_count(paths, 'path')} that differ now")], ["finish"]
    if rows:
        yield ""
        yield f"{phase:<{_LABEL + 2}}nox -s {' '.join(sessions)}"
        yield from _table(rows, most=2 * _MOST)
    yield from _changes(plan.changes.get(phase, ()))
    if phase is Phase.DOCS:
        for why in plan.refused:
            yield from _told(f"refused: {why}")
        yield from _some("duplicates", [f"{plain(row.path)} is {plain(row.message)}" for row in plan.duplicates])


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    """List what would be changed and what is kept, with bytes, kinds and reasons."""
    for act, words in _ACTS.items():
        found = [change for change in changes if change.act == act]
        if found:
            yield f"  {words} {show_count(len(found), 'path')}, {show_size(sum(change.size for change in found))}"
            rows = [(_name(one.path), f"{show_size(one.size):<8} {plain(one.kind)}: {plain(one.reason)}") for one in found]
            yield from _table(rows, whole="gate plan --json")


def _end(plan: Plan) -> Iterator[str]:
    """Say how the plan is carried out."""
    yield ""
    if plan.trouble:
        yield "this plan cannot be carried out, because the tree has no id:"
        yield from _told(plan.trouble)
    elif command(plan):
        yield f"carry it out: {command(plan)}"
    else:
        yield "nothing to clean, move or write; the checks run with: nox"


def _told(message: str) -> Iterator[str]:
    """Tell an error whole, over as many lines as it takes."""
    for line in message.splitlines():
        yield from wrap(plain(line), WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _row(label: str, words: str) -> str:
    return f"  {label:<{_LABEL}}{plain(words)}"


def _amount(count: int, size: int) -> str:
    return f"{show_count(count, 'file')}, {show_size(size)}"


def _weights(found: Iterable[Weight]) -> list[tuple[str, str]]:
    return [(_name(one.path), _amount(one.count, one.size) if one.path.endswith("/") else show_size(one.size)) for one in found]


def _some(label: str, names: Iterable[str]) -> Iterator[str]:
    """List a few names under their label, or nothing."""
    listed = list(names)
    if listed:
        yield _row(label, f"{len(listed):,}")
        yield from _list(listed)


def _list(lines: Sequence[str], *, most: int = _MOST, whole: str = "") -> Iterator[str]:
    """Indent some lines, and count those that are left out; `whole` is the command that leaves out none."""
    yield from (f"    {line}" for line in lines[:most])
    if len(lines) > most:
        yield f"    and {len(lines) - most:,} more" + (f"; all of them, each with its rule: {whole}" if whole else "")


def _table(rows: Sequence[tuple[str, str]], *, most: int = _MOST, whole: str = "") -> Iterator[str]:
    """List names with what is said about them in one column; a long name gives way in its middle."""
    shown = rows[:most]
    words = max((_width(words) for _, words in shown), default=0)
    room = min(max((_width(name) for name, _ in shown), default=0), max(WIDTH // 2, WIDTH - 6 - words))
    cut = [(_cut(name, room, middle=True), words) for name, words in shown]
    lines = [f"{name}{' ' * (room - _width(name) + 2)}{words}" for name, words in cut]
    yield from _list([*lines, *[""] * (len(rows) - len(shown))], most=most, whole=whole)


def _name(path: str) -> str:
    """Show a path as text."""
    return plain(readable(path))


def _cut(line: str, most: int, *, middle: bool = False) -> str:
    """Shorten what is wider than it may be, at its end or in its middle.

    >>> _cut("abcdefgh", 5), _cut("abcdefgh", 5, middle=True), _cut("日本語", 5)
    ('abcd…', 'ab…gh', '日本…')
    """
    if _width(line) <= most:
        return line
    head = most // 2 if middle else most - 1
    return f"{_take(line, head)}…{_take(line[::-1], most - 1 - head)[::-1]}"


def _take(line: str, most: int) -> str:
    """Return the beginning that fits."""
    while _width(line) > most:
        line = line[:-1]
    return line


def _width(line: str) -> int:
    """Return how many columns a line takes."""
    return sum((unicodedata.east_asian_width(letter) in "WF") + (unicodedata.combining(letter) == 0) for letter in line)
