"""A plan as JSON, for programs: everything, in one versioned shape."""

import dataclasses

from gate.facts import Change
from gate.facts.state import Plan, State
from gate.facts.work import Phase, Step, Tool
from gate.report import plan as page
from gate.report.answers import legible
from gate.report.text import as_json

VERSION = 1


def write(plan: Plan) -> str:
    r"""Write one JSON object; a name that is not UTF-8 has \xNN for each byte that is none."""
    body = {
        "version": VERSION,
        "id": plan.id,
        "tree": plan.tree,
        "trouble": plan.trouble,
        "command": page.command(plan),
        "repository": _repository(plan.state),
        "phases": [_phase(plan, phase) for phase in Phase],
        "refused": list(plan.refused),
        "duplicates": [{"path": row.path, "kind": row.code, "message": row.message} for row in plan.duplicates],
    }
    return as_json(legible(body))


def _repository(state: State) -> dict[str, object]:
    """Tell the state; of tracked paths only their number, git names them better."""
    told = dataclasses.asdict(dataclasses.replace(state, status=dataclasses.replace(state.status, tracked=frozenset())))
    status = told.pop("status")
    status.pop("tracked")
    ignored = sorted(status.pop("ignored"))
    unread = [{"path": row.path, "why": row.message} for row in state.unread]
    return {**status, **told, "ignored_paths": ignored, "unread": unread}


def _phase(plan: Plan, phase: Phase) -> dict[str, object]:
    """Tell one phase."""
    return {
        "phase": phase,
        "steps": [_step(step) for step in plan.steps if step.phase is phase],
        "changes": [_change(change) for change in plan.changes.get(phase, ())],
    }


def _step(step: Step) -> dict[str, object]:
    """Tell one step, and which programs it runs: first those that mend."""
    runs = [list(argv) for argv in (*step.work.fixes, step.work.argv)] if isinstance(step.work, Tool) else []
    return {"check": step.check, "does": step.does, "command": step.command, "runs": runs}


def _change(change: Change) -> dict[str, object]:
    """Tell one change; `entries` counts the files and folders in it."""
    words = {"act": change.act, "path": change.path, "kind": change.kind, "rule": change.rule, "reason": change.reason}
    proof = {"ignored_by": change.ignored, "source": change.source}
    return {**words, **proof, "size": change.size, "entries": len(change.entries)}
