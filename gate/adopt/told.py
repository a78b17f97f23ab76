"""What adoption says of itself: what it found, what it left out, what it wrote, what comes next."""

from collections.abc import Iterator, Sequence

from gate.adopt.pages import Page
from gate.adopt.run import Proposal
from gate.judge import debts
from gate.report.text import plain
from gate.units import show_count, show_time

_NAMED = 5


def found(proposal: Proposal) -> str:
    """Tell what was found and measured."""
    return "".join(f"{plain(line)}\n" for line in _found(proposal))


def facts(proposal: Proposal, written: Sequence[Page]) -> dict[str, object]:
    """Return the same for programs."""
    said = proposal.judged
    return {
        "project": proposal.project.name,
        "tools": proposal.project.tools,
        "left_out": dict(said.without) if said else {},
        "debts": {check: debts.number(found) for check, found in said.debts.items()} if said else {},
        "cases": [{"name": case.name, "class": case.seen.target, "trouble": case.trouble} for case in proposal.cases],
        "files": [{"path": page.path, "written": page in written, "diff": page.diff} for page in proposal.pages],
        "notes": proposal.notes,
    }


def _found(proposal: Proposal) -> Iterator[str]:
    project = proposal.project
    yield f"project  {project.name}: {', '.join((*project.code, *project.tests))}; Python {', '.join(project.pythons)}"
    tools = ", ".join(f"{tool} ({where})" for tool, where in project.tools.items())
    yield f"tools    {tools or 'none is configured'}" + ("; their configuration stays as it is" if tools else "")
    if proposal.judged:
        said = proposal.judged
        asked = [check for check in ("format", "lint", "types") if check in said.passing or check in said.debts]
        yield f"asked    {', '.join([*asked, *([] if 'tests' in said.without else ['tests']), 'docs', 'memory'])}"
        for check, found in said.debts.items():
            yield f"known    {check}: {show_count(debts.number(found), 'debt')}, may shrink, never grow: {debts.told(found)}"
        for check, why in said.without.items():
            yield f"left out {check}: {why}"
        if said.dead:
            yield f"left out {show_count(len(said.dead), 'document')} with {show_count(sum(said.dead.values()), 'dead link')}"
    measured = [case for case in proposal.cases if not case.trouble]
    if proposal.cases:
        names = ", ".join(case.name for case in measured[:_NAMED]) or "none"
        yield f"agents   measured: {names}; {show_count(len(proposal.cases) - len(measured), 'further class')} as comments".replace(
            "classs", "classes"
        )
    for note in proposal.notes:
        yield f"note     {note}"


def whole(pages: Sequence[Page]) -> str:
    """Show every file as it would be, as a diff."""
    return "".join(f"\n{page.short or page.diff}" for page in pages)


def outcome(proposal: Proposal, written: Sequence[Page], *, dry: bool, seconds: float) -> str:
    """Tell what was written, what only was shown, and what comes next."""
    lines = []
    for page in proposal.pages:
        done = page in written
        what = "new" if page.before is None else "added to" if done or not page.merges else "shown, not written"
        verb = "would write" if dry and not page.merges else "wrote" if done else "kept"
        lines.append(f"{verb:<8} {page.path} ({what})" if not dry or not page.merges else f"kept     {page.path} (shown, not written)")
    kept = [page for page in proposal.pages if page.merges and page not in written]
    if kept and not dry:
        lines.append("to have the files that were there changed as shown: gate init --merge")
    if not proposal.pages:
        lines.append("nothing to do: everything is there")
    elif not written:
        lines.append("nothing was written")
    else:
        lines.append("git status shows them; gate init --undo takes them back; next: nox")
    return "".join(f"{plain(line)}\n" for line in lines) + f"{show_time(seconds)}\n"
