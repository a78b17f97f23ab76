"""Caches that all projects of a user share, cleaned by the commands of the tools whose they are: a closed list, never a policy's words."""

from collections.abc import Sequence
from pathlib import Path

from gate.command import find, run
from gate.facts import Change
from gate.facts.work import Rule
from gate.tidy.journal import Journal

COMMANDS = {
    "npm": ("npm", "cache", "clean", "--force"),
    "pip": ("pip", "cache", "purge"),
    "uv": ("uv", "cache", "clean"),
}
_SECONDS = 600.0


def draw(rules: Sequence[Rule]) -> list[Change]:
    """Say which commands would run."""
    changes = []
    for rule in rules:
        if rule.tool:
            argv = COMMANDS[rule.tool]
            there = find(argv[0], Path.cwd())
            act, reason = ("remove", "its own command, which nothing takes back") if there else ("kept", f"{argv[0]} is not installed")
            changes.append(Change(path=" ".join(argv), kind=rule.kind, size=0, act=act, reason=reason, rule=rule.tool))
    return changes


def clean(change: Change, journal: Journal) -> str:
    """Run one command; return "" or why it did not work."""
    journal.note(change.path)
    ran = run(COMMANDS[change.rule], cwd=journal.root, seconds=_SECONDS)
    lines = (ran.err.strip() or ran.out.strip()).splitlines()
    return f"exit {ran.code}: {lines[-1] if lines else 'no message'}" if ran.code or ran.stopped else ""
