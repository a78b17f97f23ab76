"""Every verb that tells people something answers programs too: one JSON object with a version and the exit code."""

import argparse
import json
from collections.abc import Callable
from typing import Any

import pytest

from gate.cli import parser
from gate.facts import Finding, Outcome
from gate.report import answers
from tests.conftest import Repository, call
from tests.finishing import TASKS
from tests.test_report import found, step


def answered(*words: str) -> dict[str, Any]:
    """Return what a verb answers, which is one JSON object that names the exit code and nothing else."""
    code, text = call(*words, "--json")
    told: dict[str, Any] = json.loads(text)
    assert (told["version"], told["exit_code"]) == (1, code), text
    return told


@pytest.fixture
def work(house: Repository) -> Repository:
    """Return a repository with tasks, something to clean and a document that lies astray."""
    house.write("tasks/tasks.json", TASKS)
    house.write("policies/docs.yaml", "version: 1\nroot: [README.md]\n")
    house.write("NOTES.md", "# Notes\n\n[dead](no.md)\n")
    house.write("build/x.bin", "x" * 100)
    return house


ASKED: dict[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], object], object]] = {
    "policy": (("policy", "check"), lambda told: (told["policies"][:7], told["memory_cases"]), ("sha256:", 1)),
    "tree": (("tree",), lambda told: len(told["tree"]), 40),
    "clean": (
        ("clean", "--dry-run"),
        lambda told: [(row["act"], row["path"], row["size"]) for row in told["changes"]],
        [("remove", "build", 100)],
    ),
    "clean done": (("clean",), lambda told: [row["outcome"] for row in told["checks"]], ["PASSED"]),
    "empty trash": (("clean", "--empty-trash"), lambda told: [row["kind"] for row in told["changes"]], ["trash"]),
    "docs": (
        ("docs", "--dry-run"),
        lambda told: ([(row["source"], row["target"]) for row in told["moves"]], told["done"]),
        ([("NOTES.md", "docs/NOTES.md")], False),
    ),
    "docs done": (
        ("docs",),
        lambda told: (told["done"], [row["check"] for row in told["checks"] if row["outcome"] == "FAILED"]),
        (True, ["docs/links"]),
    ),
    "docs undone": (("docs", "--undo"), lambda told: [row["act"] for row in told["undone"]][:1], ["restored"]),
    "task": (
        ("task", "show", "20.2"),
        lambda told: (told["id"], told["status"], told["waits_for"], "lint" in told["decided_by"]),
        ("20.2", "pending", [], True),
    ),
    "task begun": (("task", "start", "20.2"), lambda told: (told["id"], told["status"], told["was"]), ("20.2", "in-progress", "pending")),
    "finish": (("finish", "--task", "20.2", "--dry-run"), lambda told: (told["committed"], len(told["runs"]) > 3), ("", True)),
    "doctor": (("doctor",), lambda told: (told["faults"], len(told["looked_at"]) >= 3), ([], True)),
    "calibrate": (
        ("calibrate", "--check"),
        lambda told: (told["written"], [(row["check"], row["measured"], row["says"]) for row in told["limits"]]),
        (False, [("memory/bot/growth", "0 B/step", "zero")]),
    ),
    "advise": (("advise",), lambda told: [(row["case"], row["survey"]["trouble"]) for row in told["cases"]], [("bot", "")]),
    "check": (("check", "format"), lambda told: [row["outcome"] for row in told["checks"]], ["PASSED"]),
    "summary": (("summary",), lambda told: (told["completed"], len(told["checks"]) > 5), (False, True)),
    "report": (("report",), lambda told: (told["completed"], len(told["checks"]) > 5), (False, True)),
    "hook": (
        ("hook", "bots.py"),
        lambda told: (sorted(row["check"] for row in told["checks"]), told["changed"]),
        (["lint", "types"], ["bots.py"]),
    ),
    "plan": (("plan",), lambda told: [row["phase"] for row in told["phases"]][:2], ["plan", "clean"]),
}


def test_verbs_answer_programs(work: Repository) -> None:
    """Each verb says in JSON what it says in lines, and nothing else is printed; one after the other in one repository."""
    assert work.root.exists()
    for what, (words, seen, wanted) in ASKED.items():
        if words[0] in {"plan", "report"}:  # a plan has no exit code of its own, and a report that could be written has 0
            code, text = call(*words, "--json")
            assert (code, seen(json.loads(text))) == (0, wanted), what
        else:
            assert seen(answered(*words)) == wanted, what


def test_verification_answers_programs(work: Repository) -> None:
    """A summary that does not hold says what is wrong, with the exit code of the verb."""
    call("summary")
    work.write("docs/completed/x.md", (work.root / ".gate/summary.md").read_bytes())
    work.write("docs/completed/x-evidence.json", (work.root / ".gate/summary-evidence.json").read_bytes())
    told = answered("verify-summary", "docs/completed/x.md")
    assert told["exit_code"] == 1
    assert told["wrong"]


def test_every_verb_that_tells_something_has_json() -> None:
    """No verb is forgotten: without --json are those whose output is a schema, a page, or a report of its own."""
    verbs = next(action for action in parser()._actions if action.dest == "==SUPPRESS==" or hasattr(action, "_name_parser_map"))
    parsers: dict[str, Any] = verbs._name_parser_map  # type: ignore[attr-defined]
    without = {name for name, one in parsers.items() if not _has_json(one) and name not in {"task", "baseline"}}
    assert without == {"schema", "demo", "completion"}
    of = {name: next(act for act in parsers[name]._actions if hasattr(act, "_name_parser_map")) for name in ("task", "baseline")}
    assert all(_has_json(one) for one in of["task"]._name_parser_map.values())
    baseline = {name for name, one in of["baseline"]._name_parser_map.items() if not _has_json(one)}
    assert baseline == {"verify", "merge", "install-driver"}  # git calls two of them, and the third says one line


def test_names_that_are_no_text_can_be_read() -> None:
    """What no encoding holds is written as what it is made of, in keys and in values."""
    told = json.loads(answers.write(0, names={"a\udcff": ["\ud800", ("b\udcfe",)]}))
    assert told["names"] == {"a\\xff": ["\ufffd", ["b\\xfe"]]}
    row = answers.found([found(step("x"), Finding(outcome=Outcome.FAILED, headline="h\udcff"))])[0]
    assert (row["outcome"], row["command"]) == (Outcome.FAILED, "nox -s x")


def _has_json(parser: argparse.ArgumentParser) -> bool:
    return any("--json" in action.option_strings for action in parser._actions)
