"""A verdict as JSON, for programs."""

import dataclasses
import json

from gate.facts.rows import Row, Standing, Verdict

VERSION = 1


def write(verdict: Verdict, code: int) -> str:
    """Write one JSON object; every row carries its evidence as recorded, or null."""
    rows = [_row(row) for row in verdict.rows]
    body = {
        "version": VERSION,
        "completed": verdict.completed,
        "exit_code": code,
        "tree": verdict.tree,
        "commit": verdict.commit,
        "branch": verdict.branch,
        "policy": f"sha256:{verdict.policy}",
        "missing": list(verdict.missing),
        "checks": rows,
    }
    return json.dumps(body, indent=2).replace("##[", "#\\u0023[") + "\n"  # GitHub's runner obeys "##[" anywhere; to JSON both are the same


def _row(row: Row) -> dict[str, object]:
    """Tell one check."""
    held = row.evidence if row.standing is Standing.HOLDS else None
    return {
        "check": row.step.check,
        "phase": row.step.phase,
        "standing": row.standing,
        "counted": row.counted,
        "digest": row.digest,
        "waivers": [dataclasses.asdict(waiver) for waiver in row.waivers],
        "optional": row.optional,
        "command": row.step.command,
        "outcome": held.finding.outcome if held else None,
        "evidence": dataclasses.asdict(held) if held else None,
    }
