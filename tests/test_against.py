"""A tree against a measured base: in a work tree of its own, once, and only what the base itself holds."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from gate import flow, inquiry
from gate.cli import main
from gate.facts import Estimate, Finding, Mode, Outcome
from gate.facts.rows import Base
from gate.judge import against
from gate.record import ledger
from gate.repo import revisions
from tests.conftest import Repository
from tests.test_report import asked, evidence, gathered, placed

CASE = """version: 1
agents:
  bot:
    build: {module}:build
    step: {module}:step
    sizes: [8, 16]
    limits:
      footprint: {{max: 10 kB, because: "small"}}
"""
BOT = '''"""A bot."""


def build(index: int) -> list[bytes]:
    """Build a bot."""
    return [bytes({size} + index)]


def step(agent: list[bytes]) -> None:
    """Do nothing."""
    del agent
'''


def compared(*, now: Finding, base: Finding) -> tuple[str, str]:
    """Say how one question compares with its base."""
    step = asked("footprint", "B/agent", 2000)
    row, old = (placed(step, evidence(step, finding)) for finding in (now, base))
    (pair,) = against.compare(gathered([row]), Base(revision="main", commit="c", tree="t", rows=(old,)))
    return pair.says, pair.why


def weighed(value: float, low: float, high: float, outcome: Outcome = Outcome.PASSED) -> Finding:
    """Invent a finding about a weight."""
    return Finding(outcome=outcome, headline="x", estimate=Estimate(value=value, low=low, high=high, points=3), unit="B/agent")


def test_only_what_is_apart_is_better_or_worse() -> None:
    """A difference counts when it is more than both intervals and more than 1 % of the base; without a figure nobody can tell."""
    met = "; limit met at the base commit too: 1 kB/agent"
    more, within = "the difference is more than both intervals", "the difference is within the intervals, or below 1 % of the base"
    base = weighed(1000, 990, 1010)
    assert compared(now=weighed(500, 490, 510), base=base) == ("better", more + met)
    assert compared(now=weighed(1500, 1490, 1510), base=base) == ("worse", more + met)
    assert compared(now=weighed(985, 975, 995), base=base) == ("same", within + met)
    assert compared(now=weighed(1500, 1000, 2000), base=base) == ("same", within + met)
    exact = weighed(1000, 1000, 1000)
    assert compared(now=weighed(991, 991, 991), base=exact) == ("same", within + met)
    assert compared(now=weighed(989, 989, 989), base=exact) == ("better", more + met)
    assert compared(now=exact, base=weighed(5000, 4990, 5010, Outcome.FAILED)) == ("better", more)
    gone = Finding(outcome=Outcome.BROKEN, headline="no module named bots")
    assert compared(now=exact, base=gone) == ("cannot tell", "not measured at the base: no module named bots")
    assert compared(now=gone, base=exact) == ("cannot tell", "not measured now: no module named bots")


def state(house: Repository) -> tuple[str, ...]:
    """Return everything of a checkout that measuring a base must leave as it is."""
    return tuple(house.git(*words) for words in (["status", "--porcelain"], ["ls-files", "-s"], ["branch", "-a"], ["worktree", "list"]))


def test_base_is_measured_once_and_the_checkout_left_alone(house: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base is the commit, not what lies uncommitted; a second run asks nobody, and nothing of the first stays but its evidence."""
    house.write("policies/memory.yaml", CASE.format(module="bots"))
    house.write("bots.py", BOT.format(size=1000))
    head = house.commit()
    house.write("bots.py", BOT.format(size=3000))
    house.git("add", "bots.py")
    house.write("bots.py", BOT.format(size=5000))
    before = state(house)
    assert main(["check", "memory", "--check"], io.StringIO()) == 0
    out = io.StringIO()
    main(["summary", "--against", "HEAD"], out)
    assert "against HEAD: memory/bot/footprint 1." in out.getvalue()
    assert ": worse; " in out.getvalue()
    assert (state(house), sorted(path.name for path in (house.root / ".gate/trees").iterdir())) == (
        before,
        ["lock", "pytest.ini", "ruff.toml"],
    )
    inside = flow.enter(house.root, Mode.CHECK)
    found, _ = ledger.read(house.root, inside.tree("HEAD"), "memory/bot/footprint")
    assert (found and found.commit, inside.tree() != inside.tree("HEAD")) == (head, True)
    monkeypatch.setattr(inquiry, "answer", None)
    again = io.StringIO()
    main(["summary", "--against", "HEAD"], again)
    assert again.getvalue() == out.getvalue()


def test_code_of_the_checkout_is_never_measured_as_the_base(house: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the path leads to the checkout's own package, the base is not measured, and the file is named; where it can be led, it is."""
    house.write("policies/memory.yaml", CASE.format(module="pack"))
    house.write("src/pack.py", BOT.format(size=1000))
    house.commit()
    house.write("src/pack.py", BOT.format(size=5000))
    monkeypatch.setenv("PYTHONPATH", f"{house.root / 'src'}:{Path(__file__).parents[1]}")
    out = io.StringIO()
    main(["summary", "--against", "HEAD"], out)
    assert "not measured at the base: it loads src/pack.py of the checkout, not of the base" in out.getvalue()
    for record in (house.root / ".gate/evidence").glob("*/memory__*"):
        record.unlink()
    monkeypatch.syspath_prepend(str(house.root / "src"))  # as an editable installation does
    main(["summary", "--against", "HEAD"], out)
    assert "against HEAD: memory/bot/footprint 1." in out.getvalue()


def test_unknown_revision_is_one_clear_error(house: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A base that is no commit stops before anything is measured."""
    assert house.root.exists()
    assert main(["summary", "--against", "no-such"], io.StringIO()) == 2
    assert "no-such: names no commit of this repository" in capsys.readouterr().err


def test_work_tree_of_a_killed_run_goes_with_the_next(house: Repository) -> None:
    """After kill -9 the work tree stays; the next run removes it and what git noted of it, and leaves one alone whose run goes on."""
    code = "import sys, time\nfrom pathlib import Path\nfrom gate.repo import revisions\n"
    code += "with revisions.checked_out(Path.cwd(), sys.argv[1]) as folder:\n    print(folder, flush=True)\n    time.sleep(60)\n"
    head = house.git("rev-parse", "HEAD").strip()
    words = [sys.executable, "-c", code, head]
    with (
        subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as killed,
        subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as going,
    ):
        left, held = (Path((child.stdout or io.StringIO()).readline().strip()) for child in (killed, going))
        killed.kill()
        killed.wait()
        assert (left / "bots.py").exists()
        with revisions.checked_out(house.root, head) as folder:
            assert (folder / "bots.py").exists()
            assert (left.exists(), (held / "bots.py").exists()) == (False, True)
        going.kill()
    with revisions.checked_out(house.root, head):
        assert not held.exists()
    assert len(house.git("worktree", "list").splitlines()) == 1
