"""A stranger's clone re-checks a committed summary; whatever is edited, left out or about another tree is named."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gate import __version__, flow
from gate.acts import page, verifying
from gate.facts import Mode
from gate.facts.rows import Page
from gate.facts.work import Phase, Question
from gate.judge import verdict as verdicts
from gate.record import bundle
from tests.conftest import Repository, call
from tests.proofs import tamper
from tests.proofs.finished import EVIDENCE, SUMMARY, finished, invented


def verify(*words: str) -> tuple[int, str]:
    """Verify a summary; return the exit code and what was printed."""
    return call("verify-summary", *(words or (SUMMARY,)))


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finish a task in one repository and clone it, as a stranger does; each test has a copy of the clone."""
    return finished(tmp_path_factory.mktemp("committed"))[0]


@pytest.fixture
def clone(committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a clone of the finished repository, with the current directory in it."""
    shutil.copytree(committed, tmp_path / "clone", symlinks=True)
    monkeypatch.chdir(tmp_path / "clone")
    return Repository(tmp_path / "clone")


def edited(clone: Repository, path: str, old: str, new: str) -> None:
    """Edit the first place of a file."""
    text = (clone.root / path).read_text()
    assert old in text
    (clone.root / path).write_text(text.replace(old, new, 1))


def test_second_clone_verifies(clone: Repository) -> None:
    """Nothing but the clone is needed, and the summary names the digest of each record that lies in the bundle."""
    code, told = verify()
    assert (code, told.splitlines()[1:]) == (0, ["  9 checks, 9 records"]), told
    assert told.startswith(f"verified: {SUMMARY}: COMPLETED, commit ")
    made = bundle.read((clone.root / EVIDENCE).read_bytes())
    text = (clone.root / SUMMARY).read_text()
    assert len({entry.digest for entry in made.checks}) == 9
    assert all(f"| `{entry.digest[:12]}` |" in text for entry in made.checks)


@pytest.mark.parametrize("how", ["squash", "amend", "merge"])
def test_any_commit_of_the_tree_verifies(clone: Repository, how: str) -> None:
    """The tree is what counts: after a squash, an amended message or a merge the summary holds for the new commit."""
    if how == "amend":
        clone.git("commit", "-q", "--amend", "-m", "feat: other words")
    else:
        clone.git("switch", "-q", "-c", "other", "HEAD~1")
        clone.git("merge", "-q", "--squash" if how == "squash" else "--no-ff", "main")
        clone.git("commit", "-q", "--allow-empty", "-m", "feat: all of it")
    assert verify()[0] == 0


EDITS: dict[str, tuple[str, str, str, str]] = {  # what is edited: file, old, new, what is said
    "a time": (SUMMARY, "| 1.2 s |", "| 1.3 s |", "it says "),
    "the word": (SUMMARY, ": COMPLETED", ": COMPLETED, and better", "line 1: it says "),
    "a figure of the bundle": (EVIDENCE, '"wall":1.25', '"wall":1.26', "its record does not hash to"),
    "a title of the bundle": (EVIDENCE, '"title": "Task', '"title": "task', "line 1: it says "),
    "a digest": (EVIDENCE, '"digest":"', '"digest":"0', "its record does not hash to"),
    "a format": (EVIDENCE, '"commit": "', '"commit": 7, "x": "', "the bundle does not hold what a bundle holds"),
    "front matter": (SUMMARY, "# Task", "---\nverified: true\n---\n# Task", "line 1: it says '---'"),
    "a line more": (SUMMARY, "## Checks", "All agents are 99 % lighter.\n\n## Checks", "99 % lighter"),
    "a moment": (EVIDENCE, '"moment": "20', '"moment": "x20', "Invalid isoformat"),
    "no JSON": (EVIDENCE, "{", "[", "the bundle is no evidence bundle"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edits_are_found(clone: Repository, edit: str) -> None:
    """One digit, one word or one line, in the text or in the bundle: it is not verified, and the place is shown."""
    path, old, new, said = EDITS[edit]
    edited(clone, path, old, new)
    code, told = verify()
    assert (code, said in told) == (1, True), told
    assert told.startswith("NOT VERIFIED")


def test_line_ends_of_a_checkout_are_no_edit(clone: Repository) -> None:
    """With core.autocrlf a clone has other line ends, and says the same."""
    for path in (SUMMARY, EVIDENCE):
        (clone.root / path).write_bytes((clone.root / path).read_bytes().replace(b"\n", b"\r\n"))
    assert verify()[0] == 0


def test_evidence_that_is_not_there_is_no_evidence(clone: Repository) -> None:
    """A summary without its bundle proves nothing."""
    (clone.root / EVIDENCE).unlink()
    code, told = verify()
    assert (code, "its evidence is not there: 20.2-evidence.json" in told) == (1, True), told


def test_another_tree_is_named_and_so_is_the_right_one(clone: Repository) -> None:
    """When work goes on, an older summary no longer speaks of HEAD, and the commit that it speaks of is told."""
    clone.write("bots.py", (clone.root / "bots.py").read_text() + "\n# slipped in\n")
    first = clone.git("rev-parse", "HEAD").strip()
    clone.commit("fix: more")
    code, told = verify()
    assert (code, f"and commit {clone.git('rev-parse', 'HEAD')[:12]} holds " in told) == (1, True), told
    assert f"gate verify-summary {SUMMARY} {first[:12]}" in told
    assert verify(SUMMARY, first)[0] == 0


def test_another_policy_is_named(clone: Repository) -> None:
    """A limit that was raised after the fact is another policy and another tree."""
    edited(clone, "policies/memory.yaml", "0 B/step", "1 B/step, because: x")
    clone.commit("fix: more")
    code, told = verify()
    assert (code, "the summary is about policies sha256:" in told) == (1, True), told


def test_a_loosened_policy_is_named(clone: Repository) -> None:
    """A branch that lets more through than the one it left is no honest COMPLETED, whatever its evidence says."""
    clone.git("switch", "-q", "-c", "feature")
    edited(clone, "policies/memory.yaml", "steps: ", "steps: 64  # ")
    clone.commit("chore: fewer")
    code, told = verify()
    assert (code, "policy/guard: policies/memory.yaml:" in told, " -> 64 (lower)" in told) == (1, True, True), told


def test_task_that_is_open_again_is_named(clone: Repository) -> None:
    """COMPLETED over a task that the store has as in-progress does not hold."""
    edited(clone, "tasks/tasks.json", '"title": "Share", "status": "done"', '"title": "Share", "status": "in-progress"')
    clone.commit("chore: open it again")
    code, told = verify()
    assert (code, "says that task 20.2 is in-progress, not done" in told) == (1, True), told


def forged(clone: Repository, change: Callable[[dict[str, object]], None]) -> None:
    """Change the bundle and write text and digests to fit, as somebody would who wants to be believed."""
    body = json.loads((clone.root / EVIDENCE).read_text())
    change(body)
    raw = bundle._laid_out(body)
    (clone.root / EVIDENCE).write_bytes(raw)
    root = clone.root
    policy = verifying._policy(root, "HEAD")
    truth = verifying.Truth(commit="HEAD", tree=body["tree"], policy=policy)
    _, drawn, _ = verifying.differences(truth, b"", raw, Path(EVIDENCE).name)
    assert drawn
    (root / SUMMARY).write_bytes(page.written(drawn, Path(EVIDENCE).name, raw))


def test_check_that_was_left_out_is_named(clone: Repository) -> None:
    """A bundle and a text that agree to say nothing of a check do not hold: the policies of the commit ask for it."""
    forged(clone, lambda body: body.update(checks=[row for row in body["checks"] if row["check"] != "types"]))  # type: ignore[attr-defined]
    code, told = verify()
    assert (code, "types: the policies ask for it, and the bundle has nothing about it" in told) == (1, True), told


@pytest.mark.usefixtures("clone")
def test_only_running_again_finds_invented_evidence() -> None:
    """Figures that were invented from the start agree with themselves; --rerun measures, and says what comes out otherwise."""
    assert verify()[0] == 0
    code, told = verify(SUMMARY, "--rerun")
    assert "  memory/bot/growth: recorded 9 B/step [8.9 B/step, 9.1 B/step], now 0 B/step" in told, told
    assert (code, "9 checks run again, 8 came out as recorded" in told) == (1, True), told


def test_running_again_wants_the_very_tree(clone: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """In a work tree that is not the summary's nothing is measured in its name."""
    clone.write("more.py", "x = 1\n")
    assert verify(SUMMARY, "--rerun")[0] == 2
    assert "in a clean clone, and verify there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("docs/nothing.md",), "docs/nothing.md: not found"),
        ((SUMMARY, "no-such"), "no-such: names no commit"),
        ((SUMMARY, "--rerun=x"), "verify-summary"),
    ],
)
def test_what_cannot_be_verified_is_exit_2(
    clone: Repository, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    """No file, no such revision: that is no verdict about a summary."""
    assert clone.root.exists()
    assert verify(*words)[0] == 2
    assert said in capsys.readouterr().err


def test_bundle_of_another_format_asks_for_its_gate(clone: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """What another version wrote may look different, and is not called false."""
    edited(clone, EVIDENCE, '"format": 2', '"format": 3')
    assert verify()[0] == 2
    assert f"verify it with heapgate {__version__}" in capsys.readouterr().err


def test_bundle_of_a_hundred_cases_is_small(committed: Path) -> None:
    """A hundred cases with four questions each take less than 300 kB, raw samples being left out with their digest."""
    house = flow.enter(committed, Mode.FIX)
    question = next(step for step in house.steps if isinstance(step.work, Question))
    now = replace(flow.today(house), tree=house.tree())
    rows, one = [], invented(house, question)
    for at in range(400):
        found = replace(one, check=f"memory/case-{at // 4}/question-{at % 4}")
        pins = dict.fromkeys("abcdefghi", "value" * 4) | {"noise floor": f"{at % 4} B over 1,000 steps of nothing"}
        told = "heap: no steady growth of 1 B/step or more in 40,992 steps; the rarest event excluded is 1 in 13,664"
        found = replace(found, finding=replace(found.finding, headline=told), reading=replace(found.reading, pins=pins))
        rows.append(verdicts.row(replace(question, check=found.check), found, "", now=now, digest=bundle.digest(found)))
    whole = verdicts.verdict(rows, now=now, commit=house.commit, branch="main")
    raw = bundle.write(Page(title="x", verdict=whole), gate=__version__, task="", environment=now.environment)
    assert len(raw) < 300_000
    read = bundle.read(raw)
    assert [entry.digest for entry in read.checks] == [row.digest for row in rows]
    assert read.checks[0].evidence == bundle.lean(rows[0].evidence or one)


def test_random_edits_are_found(clone: Repository) -> None:
    """Sixty random edits of one byte each, in the summary, its bundle and records: every one that says something else is found."""
    told = tamper.prove(clone.root, clone.root / SUMMARY, number=60, seed=1)
    assert (told.made, told.missed) == (60, ())
    assert min(told.found.values()) >= 10


def test_phases_that_are_no_checks_are_in_the_bundle(clone: Repository) -> None:
    """How long planning and verifying took is evidence too."""
    made = bundle.read((clone.root / EVIDENCE).read_bytes())
    assert {entry.evidence.phase for entry in made.phases if entry.evidence} == {Phase.PLAN, Phase.GIT}
