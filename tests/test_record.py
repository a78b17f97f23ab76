"""Evidence that lasts: written whole, known when damaged, and honest about which tree it speaks of."""

import io
import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import jsonschema
import pytest

from gate import flow
from gate.cli import main
from gate.facts import Evidence, Mode, Outcome
from gate.record import ledger
from gate.repo import worktree
from tests.conftest import Repository, but_slow, call, calm, furnish


def check(*words: str) -> int:
    """Run one verb in silence; return its exit code."""
    return main(list(words), io.StringIO())


def summary(*words: str) -> tuple[int, str]:
    """Write the summary; return the exit code and what was printed."""
    return call("summary", *words)


def evidence(house: Repository, name: str) -> tuple[Evidence | None, str]:
    """Read the evidence of a check for the tree as it is."""
    return ledger.read(house.root, flow.enter(house.root, Mode.FIX).tree(), name)


def everything() -> None:
    """Run what `nox` runs, up to the summary."""
    for words in (["plan"], ["check", "format"], ["clean"], *(["check", what] for what in ("docs", "lint", "types", "tests", "memory"))):
        assert check(*words) == 0, words


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let everything pass on one repository, once: each test that needs that has a copy."""
    made = Repository(tmp_path_factory.mktemp("proved") / "repo")
    with pytest.MonkeyPatch.context() as patch:
        calm(patch, tmp_path_factory.getbasetemp())
        patch.chdir(made.root)
        furnish(made)
        everything()
    return made.root


@pytest.fixture
def measured(proved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository on whose tree everything passed, with the current directory in it."""
    shutil.copytree(proved, tmp_path / "repo", symlinks=True)
    monkeypatch.chdir(tmp_path / "repo")
    return Repository(tmp_path / "repo")


def test_evidence_comes_back_as_it_was_written(house: Repository) -> None:
    """A record is read as the same facts, samples and environment included."""
    check("check", "memory")
    found, damage = evidence(house, "memory/bot/growth")
    assert damage == ""
    assert found is not None
    assert found.finding.outcome is Outcome.PASSED
    assert len(found.reading.series[0].values) >= 64
    assert found.environment["python"].startswith("CPython 3.")
    ledger.write(house.root, found)
    assert evidence(house, "memory/bot/growth")[0] == found


@pytest.mark.parametrize("damage", but_slow(["cut", "edit", "empty", "list"], "empty", "list"))
def test_damaged_evidence_counts_as_never_ran(measured: Repository, damage: str) -> None:
    """A truncated, edited or foreign record is no evidence, and the summary says which and why."""
    path = next((measured.root / ".gate/evidence").glob("*/lint.json"))
    text = path.read_text()
    path.write_text({"cut": text[:300], "edit": text.replace("PASSED", "FAILED"), "empty": "", "list": "[]"}[damage])
    assert evidence(measured, "lint")[0] is None
    code, told = summary()
    assert code == 1
    assert "lint never ran on this tree: nox -s lint (its record " in told


def test_all_green_is_completed(measured: Repository) -> None:
    """Only when every check passed on this tree does the summary say COMPLETED and exit 0."""
    code, told = summary()
    assert (code, "COMPLETED" in told, "NOT COMPLETED" in told) == (0, True, False)
    page = (measured.root / ".gate/summary.md").read_text()
    assert page.startswith("# Gate: COMPLETED\n")
    assert f"- tree `{flow.enter(measured.root, Mode.FIX).tree()}`" in page


def test_any_change_makes_evidence_stale(measured: Repository) -> None:
    """One byte in one file, and no evidence holds any more; taking it back, and all of it does."""
    measured.write("bots.py", (measured.root / "bots.py").read_text() + "\n# one more\n")
    code, told = summary()
    assert code == 1
    assert told.count("is stale: it last ran on another tree, policy or environment") == 9
    measured.git("checkout", "-q", "bots.py")
    assert summary()[0] == 0


def test_changed_policy_makes_evidence_stale(measured: Repository) -> None:
    """Evidence is for one policy: raising a limit asks for new evidence."""
    policy = measured.root / "policies/memory.yaml"
    policy.write_text(policy.read_text().replace("steps: 256", "steps: 512"))
    assert summary()[0] == 1


def test_failed_check_is_told_first(measured: Repository) -> None:
    """What failed stands before everything that passed, with its details and the command."""
    measured.write("bots.py", '"""Bots."""\n\nx: int = "one"\n')
    check("check", "types")
    check("check", "lint")
    code, _ = summary()
    page = (measured.root / ".gate/summary.md").read_text()
    assert code == 1
    assert page.index("### types: FAILED") < page.index("## Phases")
    assert "bots.py:3: Incompatible types in assignment" in page


def test_optional_skip_is_shown_and_not_counted(measured: Repository) -> None:
    """A check whose program may be missing is named as skipped, never as passed nor among what ran; without the word it is missing."""
    quality = (measured.root / "policies/quality.yaml").read_text()
    measured.write("policies/quality.yaml", f"{quality}commands:\n  away: {{run: [no-such], needs: no-such}}\n")
    everything()
    assert summary()[0] == 1
    measured.write("policies/quality.yaml", f"{quality}commands:\n  away: {{run: [no-such], needs: no-such, optional: not here}}\n")
    everything()
    code, told = summary()
    assert (code, "lint/away is skipped, not passed: not here\n  10 checks: 1 skipped, 9 passed" in told) == (0, True), told
    page = (measured.root / ".gate/summary.md").read_text()
    assert "## Skipped, not passed\n\n- lint/away is SKIPPED: not measured: no-such is not installed; optional: not here" in page
    assert "no-such" not in page.split("## Environment")[1]


def test_waived_failure_is_shown_until_its_day(measured: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure that somebody lives with is told with its reason by the check and by the summary, and fails again on the day after."""
    quality, workflow = ((measured.root / f"policies/{name}.yaml").read_text() for name in ("quality", "workflow"))
    measured.write("policies/quality.yaml", f'{quality}commands:\n  bad: {{run: [python, -c, "exit(1)"]}}\n')
    assert check("check", "lint") == 1
    day = date.today()  # noqa: DTZ011 - as the policy
    measured.write("policies/workflow.yaml", f"{workflow}waivers: [{{check: lint/bad, reason: old, owner: ada, expires: {day}}}]\n")
    measured.commit()  # else the guard asks why
    everything()
    code, told = summary()
    assert (code, f"lint/bad is waived, not passed: until {day} by ada: old" in told) == (0, True), told
    assert f"waived until {day} by ada" in (measured.root / ".gate/summary.md").read_text()
    monkeypatch.setattr(flow, "day", (day + timedelta(days=1)).isoformat)
    code, told = summary()
    assert (code, f"(waiver by ada at policies/workflow.yaml:4 expired on {day}: old)" in told) == (1, True), told
    assert check("check", "lint") == 1


def test_inconclusive_is_exit_3(measured: Repository) -> None:
    """Not enough data is neither 0 nor 1."""
    policy = measured.root / "policies/memory.yaml"
    policy.write_text(policy.read_text().replace("steps: 256", "steps: 100000000\n    budget: {time: 1 s}"))
    measured.write("bots.py", (measured.root / "bots.py").read_text().replace("    del agent", "    sum(range(100_000))\n    del agent"))
    out = io.StringIO()
    assert main(["check", "memory"], out) == 3, out.getvalue()
    everything_but_memory = (["check", "format"], ["clean"], *(["check", what] for what in ("docs", "lint", "types", "tests")))
    assert [check(*words) for words in everything_but_memory] == [0] * 6
    assert summary()[0] == 3


def test_summary_for_machines(measured: Repository) -> None:
    """--json carries the same verdict, with every record."""
    assert measured.root.exists()
    code, told = summary("--json")
    body = json.loads(told)
    assert (code, body["completed"], body["exit_code"], body["missing"]) == (0, True, 0, [])
    checks = {"format", "clean", "docs/links", "docs/index", "docs/duplicates", "lint", "types", "tests", "memory/bot/growth"}
    assert {row["check"] for row in body["checks"]} == checks
    assert all(row["evidence"]["tree"] == body["tree"] for row in body["checks"])


def test_step_summary_is_appended(house: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In GitHub Actions the same text is added to what is there."""
    page = tmp_path / "step.md"
    page.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    summary()
    assert page.read_text() == "before\n" + (house.root / ".gate/summary.md").read_text()


def test_schema_of_evidence_accepts_evidence(house: Repository) -> None:
    """What is written is what the published schema describes."""
    check("check", "lint")
    record = json.loads(next((worktree.store(house.root) / "evidence").glob("*/lint.json")).read_text())
    jsonschema.validate(record, ledger.schema())


def test_record_of_one_check_is_no_record_of_another(house: Repository) -> None:
    """A copied record does not make checks that never ran pass."""
    check("check", "format")
    made = next((house.root / ".gate/evidence").glob("*/format.json"))
    for name in ("clean", "docs__links", "lint", "types", "tests", "memory__bot__growth"):
        made.with_name(f"{name}.json").write_bytes(made.read_bytes())
    assert summary()[0] == 1


def test_evidence_of_another_environment_is_stale(measured: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found with other packages installed does not hold here."""
    assert summary()[0] == 0
    assert measured.root.exists()
    monkeypatch.setattr(flow, "environment", lambda: {"python": "another"})
    assert summary()[0] == 1
