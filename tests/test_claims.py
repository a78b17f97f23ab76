"""A repository that re-enacts false claims of completion, each known from a real project: the gate names every one."""

from pathlib import Path

import pytest

from tests.conftest import BOTS, POLICIES, Repository, calm, furnish
from tests.conftest import call as gate
from tests.finishing import prepared
from tests.proofs.finished import SUMMARY, finished

MEMORY = """version: 1
agents:
  bot:  # said to be optimised
    build: bots:build
    step: bots:step
    sizes: [8, 16, 24]
    limits:
      footprint: {max: 10 MB, because: "34.5 MB per agent reduced to < 10 MB"}
  leak:  # said to be without leaks
    build: bots:build
    step: bots:slow
    steps: 100000000
    budget: {time: 2 s, cpu: 0.2 s}
    limits:
      growth: {max: 0 B/step}
"""
QUALITY = """version: 1
paths: [bots.py]
tests: {arguments: [-q, -p, no:cacheprovider, -p, no:hypothesispytest], covers: [bots.py]}
commands:
  security: {run: [no-such-scanner], needs: no-such-scanner}
  pause: {run: [python, -c, "import time; time.sleep(0.3)"]}
"""
ORIGINAL = BOTS.replace("    return Bot()", "    bot = Bot()\n    bot.memory = bytes(2000)\n    return bot").replace(
    '    """Keep nothing."""', '    """Keep a memory."""\n\n    memory: bytes'
)
ORIGINAL += '\n\ndef slow(agent: Bot) -> None:\n    """Take its time."""\n    del agent\n    sum(range(200_000))\n'
OPTIMISED = ORIGINAL.replace("bytes(2000)", "bytes(5000)")
COPY = "class Bot:\n    pass\n\n\ndef test_bot() -> None:\n    assert Bot()\n"  # of the product, pasted into its test


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, str]:
    """Claim everything at once and run the gate; return the exit code of the summary, what it printed, and its page."""
    made = Repository(tmp_path_factory.mktemp("claims") / "repo")
    with pytest.MonkeyPatch.context() as patch:
        calm(patch, tmp_path_factory.getbasetemp())
        patch.chdir(made.root)
        furnish(made)
        made.write("bots.py", ORIGINAL)
        for name, text in {**POLICIES, "memory": MEMORY, "quality": QUALITY}.items():
            made.write(f"policies/{name}.yaml", text)
        made.commit("feat: the original")
        made.git("tag", "original")
        made.write("bots.py", OPTIMISED)
        made.write("test_bots.py", COPY)
        made.write("README.md", "# Bots\n\n95-99.9 % saved, see [the report](reports/memory.md).\n")
        made.write("tools/release.sh.py", "def release(:\n")
        for words in (["clean"], *(["check", what, "--check"] for what in ("format", "docs", "lint", "types", "tests", "memory"))):
            gate(*words)
        code, said = gate("summary", "--against", "original")
    return code, said, (made.root / ".gate/summary.md").read_text()


CLAIMS = {  # what was claimed -> what the gate says of it
    "optimised, and heavier than the original": "against original: memory/bot/footprint 2.",
    "the target was met before any work": "; limit met at the base commit too: 2.",
    "the limit would let a thousand times as much pass": "; a dead limit, ",
    "a tool that was off is in the list": "lint/security is SKIPPED: not measured: no-such-scanner is not installed",
    "no leak, in too few points": "memory/leak/growth is INCONCLUSIVE",
    "tests pass, of a copy of the code": "tests is FAILED: 1 tests passed, 0 failed, 0 skipped; the code that it is for did not run",
    "links that lead nowhere": "docs/links is FAILED",
    "scripts that no interpreter reads": "lint is FAILED",
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_false_claim_is_named(told: tuple[int, str, str], claim: str) -> None:
    """One run over all claims names this one."""
    code, said, _ = told
    assert (code != 0, CLAIMS[claim] in said) == (True, True), said


def test_heavier_is_worse_whatever_was_hoped(told: tuple[int, str, str]) -> None:
    """Against the measured base the change has a sign, and is more than both intervals."""
    row = next(line for line in told[2].splitlines() if line.startswith("| bot | footprint | 2."))
    assert "| +3" in row
    assert "| worse | the difference is more than both intervals; limit met at the base commit too" in row


def test_places_are_named(told: tuple[int, str, str]) -> None:
    """The dead link and the script that does not parse are told with file and line."""
    page = told[2]
    assert "`README.md:3: " in page
    assert "`tools/release.sh.py:1: " in page


def test_what_did_not_run_is_in_no_list_of_tools(told: tuple[int, str, str]) -> None:
    """Only what ran has a version; the tool that was off is counted as skipped."""
    assert "no-such-scanner" not in told[2].split("## Environment")[1]
    assert ", 1 skipped, " in told[2].splitlines()[2]


def test_times_are_of_a_clock(told: tuple[int, str, str]) -> None:
    """What sleeps for 0.3 s took at least that, and no phase that did not run has a time."""
    row = next(line for line in told[2].splitlines() if line.startswith("| lint/pause |"))
    amount, unit = row.split(" | ")[3].split(" ")
    assert float(amount) * {"ms": 0.001, "s": 1}[unit] >= 0.3
    assert "| plan | not run | 0 of 0 | not measured |" in told[2]
    assert "| git | not run | 0 of 0 | not measured |" in told[2]


def test_summary_of_another_tree_or_an_open_task_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was committed after it was validated, and a task that is still in progress, are told by who verifies the summary."""
    root, _ = finished(tmp_path)
    monkeypatch.chdir(root)
    clone = Repository(root)
    clone.write("bots.py", OPTIMISED)
    store = (root / "tasks/tasks.json").read_text()
    clone.write("tasks/tasks.json", store.replace('"title": "Share", "status": "done"', '"title": "Share", "status": "in-progress"'))
    clone.git("commit", "-q", "-a", "--amend", "--no-edit")
    code, said = gate("verify-summary", SUMMARY)
    assert code == 1
    assert "the summary is about tree " in said
    assert "says that task 20.2 is in-progress, not done" in said


def test_staged_key_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private key that was added to the index with everything else stops the commit, by name and by content, and is not printed."""
    made = prepared(Repository(tmp_path / "repo"))
    monkeypatch.chdir(made.root)
    head = "-----BEGIN RSA PRIVATE " + "KEY-----"  # in two, or this file would be one
    made.write("deploy/id_rsa", f"{head}\nMIIEpAIBAAKCAQEA75bD\n")
    made.git("add", ".")
    before = made.git("rev-parse", "HEAD")
    code, said = gate("finish", "--task", "20.2")
    assert (code, made.git("rev-parse", "HEAD")) == (1, before)
    assert (
        "deploy/id_rsa:1\n  key: id_rsa is how a file of keys is named\n  next: let git ignore it (.gitignore), and git rm --cached" in said
    )
    assert "deploy/id_rsa:1\n  secret: looks like a secret: Private Key\n  next: take it out and make a new one" in said
    assert "MIIEpAIBAAKCAQEA75bD" not in said
