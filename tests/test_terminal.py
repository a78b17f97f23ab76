"""What a person reads at a terminal, in a pipe, in a log of GitHub Actions and through a screen reader, as whole texts."""

import io
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import pytest
from defusedxml import ElementTree
from rich.console import Console

from gate.facts import Finding, Outcome, Reading, Series
from gate.facts.rows import Told
from gate.facts.work import Question, Step, Tool
from gate.report import lines, series, terminal
from gate.report.live import Live
from tests.conftest import POLICIES, Repository, call
from tests.gallery import summary as summaries
from tests.gallery import terminal as pictures
from tests.test_report import SKIPPED, asked, found, passed, step

GROWN = Finding(
    outcome=Outcome.FAILED,
    headline="heap grows by 129 B/step [128 B/step, 130 B/step], limit 0 B/step",
    details=("heap 129 B/step [128 B/step, 130 B/step] over 4,096 steps", "bots.py:12: 129 B/step: self.seen.append(observation)"),
    next_act="stop the growth; if it has a bound, set settle beyond it; or accept it with a reason at policies/memory.yaml:9",
)
BOXES = re.compile("[\u2500-\u259f\u2800-\u28ff]")  # box drawing, blocks, braille


def growing(name: str = "growth", unit: str = "B/step", most: float = 0) -> Step:
    """Invent a question."""
    return asked(name, unit, most)


def read(meter: str, values: Sequence[int], over: str = "steps", counts: Sequence[int] = (), unit: str = "B") -> Reading:
    """Invent readings of one meter, and of another that no headline is about."""
    at = tuple(counts) or tuple(range(64, 64 * len(values) + 1, 64))
    row = Series(meter=meter, unit=unit, over=over, counts=at, values=tuple(values))
    return Reading(wall=2, cpu=1, series=(row, replace(row, meter="heap mean")))


LEAK = found(growing(), GROWN, read("heap", range(1_000_000, 1_000_000 + 64 * 8256, 8256)))


@pytest.fixture(autouse=True)
def _no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what asks for colour or for a width out of the tests."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "GITHUB_ACTIONS", "NOX_CURRENT_SESSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def shown(told: Sequence[Told], width: int = 80, *, words: bool = False, verbose: bool = False, colour: bool = False) -> str:
    """Return what a terminal of this width gets."""
    out = io.StringIO()
    screen = Console(
        file=out, force_terminal=True, width=width, color_system="standard" if colour else None, highlight=False, soft_wrap=True
    )
    terminal.findings(screen, told, words=words, verbose=verbose)
    return out.getvalue()


# --- one failure ----------------------------------------------------------------------


def test_failure_at_eighty_columns() -> None:
    """Headline, the series with its limit, the line with its text, the next act and the command, in 80 columns without colour."""
    assert (
        shown([LEAK])
        == """\
FAILED       memory/bot/growth  heap grows by 129 B/step [128 B/step, 130
             B/step], limit 0 B/step  (2.0 s)
             heap     ▁▁▂▂▂▂▂▃▃▃▃▄▄▄▄▄▅▅▅▅▆▆▆▆▆▇▇▇▇███  +520 kB in 4,096 steps
             limit    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  +0 B
             heap 129 B/step [128 B/step, 130 B/step] over 4,096 steps
             bots.py:12: 129 B/step: self.seen.append(observation)
             next: stop the growth; if it has a bound, set settle beyond it; or
             accept it with a reason at policies/memory.yaml:9
             again: nox -s memory -- bot
"""
    )


def test_failure_in_words() -> None:
    """A screen reader gets the series in words, and no character that is drawn."""
    text = shown([LEAK], words=True)
    assert "heap: +520 kB in 4,096 steps, rising in 31 of 31 parts; the limit allows +0 B" in " ".join(text.split())
    assert not BOXES.search(text)


def test_colour_only_adds() -> None:
    """With colour the same letters stand in the same places: nothing is told by colour alone."""
    coloured = shown([LEAK, found(step("lint"), passed())], colour=True)
    assert "\x1b[1;31mFAILED" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown([LEAK, found(step("lint"), passed())])


def test_no_colour_is_asked_for_as_everybody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR takes the colours away at a terminal too."""
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    terminal.findings(Console(file=out, force_terminal=True, width=80), [LEAK])
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", out.getvalue())


def test_terminal_that_knows_no_blocks_gets_words() -> None:
    """Where the blocks cannot be written the series is told in words, and nothing breaks."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    terminal.findings(terminal.console(out), [LEAK])
    out.flush()
    assert b"rising in 31 of 31 parts" in raw.getvalue()


def test_pipe_gets_one_line_each() -> None:
    """In a pipe nothing is wrapped, so that a headline can be searched for."""
    text = lines.text(lines.findings([LEAK]))
    assert text.splitlines()[0] == f"FAILED       memory/bot/growth  {GROWN.headline}  (2.0 s)"


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_nothing_is_lost_by_wrapping(width: int) -> None:
    """However narrow, each word is there, and only a word that is longer than the line reaches beyond it: a path stays whole."""
    path = "a/" * 50 + "x.py:12:"
    one = replace(LEAK, finding=replace(GROWN, details=(f"{path} it grows",)))
    text = shown([one], width)
    assert " ".join(text.split()) == " ".join(lines.text(lines.findings([one])).split())
    assert [line.strip() for line in text.splitlines() if len(line) > width and "▁" not in line] == ([path] if width < 113 else [])


SHAPES = {
    "a footprint": (
        growing("footprint", "B/agent", 2000),
        "heap 4 kB/agent, limit 2 kB/agent",
        read("heap", (32_000, 64_000, 96_000), "agents", (8, 16, 24)),
        ("heap     ▂▅█  96 kB for 24 live agents", "limit    ▁▂▄  48 kB"),
        "heap: 96 kB for 24 live agents, rising in 2 of 2 parts; the limit allows 48 kB",
    ),
    "a peak": (
        growing("peak", "B/agent", 1000),
        "peak 5 kB/agent above rest in one step (traced), limit 1 kB/agent",
        read("traced", (900, 5000, 900, 800), counts=(1, 2, 3, 4)),
        ("traced   ▁█▁▁  at most 5 kB", "limit    ▁▁▁▁  1 kB"),
        "traced: at most 5 kB, first at step 2 or shortly before; the limit is 1 kB",
    ),
    "handles": (
        growing("handles", "/step", 0),
        "fds grow by 1/step",
        read("fds", (3, 67, 131), unit=""),
        ("fds      ▁▅█  +128 in 192 steps", "limit    ▁▁▁  +0"),
        "fds: +128 in 192 steps, rising in 2 of 2 parts; the limit allows +0",
    ),
    "a growth within its limit": (
        growing("growth", "B/step", 2),
        "resident memory grows",
        read("rss", (100, 164, 228)),
        ("resident ▁▃▅  +128 B in 192 steps", "limit    ▁▅█  +256 B"),
        "resident: +128 B in 192 steps, rising in 2 of 2 parts; the limit allows +256 B",
    ),
}


@pytest.mark.parametrize("what", SHAPES)
def test_series_with_its_limit(what: str) -> None:
    """Each question draws what its headline is about on one scale with what its limit allows, and says the same in words."""
    planned, headline, reading, drawn, words = SHAPES[what]
    assert isinstance(planned.work, Question)
    assert series.lines(planned.work, reading, headline, words=False) == drawn
    assert series.lines(planned.work, reading, headline, words=True) == (words,)
    assert series.lines(planned.work, Reading(), headline, words=False) == ()


# --- all is well ----------------------------------------------------------------------


def thirty() -> list[Told]:
    """Invent thirty cases that pass, three questions each, and four other checks."""
    names = [f"memory/bot{at:02}/{name}" for at in range(30) for name in ("footprint", "growth", "handles")]
    return [
        found(step(name), passed(), Reading(wall=0.5 + at / 1000)) for at, name in enumerate([*names, "lint", "lint/a", "types", "format"])
    ]


def test_all_is_well_in_one_line() -> None:
    """What passed is one line, however much it is."""
    assert lines.text(lines.findings(thirty())) == (
        "PASSED       94 checks  90 memory of 30 cases, 2 lint, 1 types, 1 format; --verbose tells each  (51.4 s)\n"
    )
    assert lines.text(lines.findings(thirty(), verbose=True)).count("\n") == 94


def test_reused_is_counted() -> None:
    """What was not measured again is counted; when all of it comes from one place, the place is named."""
    reused = [replace(one, took="reused from x", reading=None) for one in thirty()]
    assert lines.text(lines.findings(reused)).endswith("(reused from x)\n")
    others = [replace(one, took="reused from y") for one in reused[:2]]
    assert lines.text(lines.findings([*others, *reused])).endswith("(96 reused)\n")
    assert lines.text(lines.findings(reused[:1])).endswith("(reused from x)\n")
    assert lines.text(lines.findings([*reused[:3], *thirty()[3:]])).endswith("(49.9 s; 3 reused)\n")


def test_one_reason_is_told_once() -> None:
    """Checks that were skipped for one reason are one line, which names a few of them."""
    rows = [found(step(f"memory/b{at}/peak"), SKIPPED, Reading()) for at in range(7)]
    names = ", ".join(f"memory/b{at}/peak" for at in range(5))
    assert lines.text(lines.findings(rows)) == f"SKIPPED      {names} and 2 more  not measured: npm is not installed  (0 ms)\n"


def test_log_of_github_actions_folds_what_passed() -> None:
    """A group holds each check that passed; what failed stands before it, unfolded, and foreign text begins no group."""
    bad = replace(LEAK, finding=replace(GROWN, headline="::group::x", details=("::endgroup::", "##[group]y")))
    text = lines.grouped([*thirty(), bad], explain=False, words=False)
    commands = [line for line in text.splitlines() if line.lstrip().startswith("::") or "##[" in line]
    assert commands == ["::group::PASSED       94 checks  90 memory of 30 cases, 2 lint, 1 types, 1 format  (51.4 s)", "::endgroup::"]
    assert text.index("FAILED") < text.index("::group::PASSED")
    assert text.count("PASSED       memory/") == 90


# --- while it runs --------------------------------------------------------------------


def watched(events: Sequence[tuple[Step, float | None]], *, terminal_: bool = True) -> str:
    """Return the last picture of what is measured, after these events."""
    out = io.StringIO()
    screen = Console(file=out, force_terminal=terminal_, width=80, color_system=None, force_interactive=terminal_)
    with Live(screen, 3, watched=True) as live:
        for planned, spent in events:
            live(planned, spent)
        live._bar.refresh()
        return re.split(r"\x1b\[2K|\r|\x1b\[1A", out.getvalue())[-1] if not terminal_ else _picture(out.getvalue())


def _picture(text: str) -> str:
    """Return the letters of the last frame."""
    frame = text.rpartition("\x1b[2K")[2]
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame)


def test_live_line_of_each_check() -> None:
    """Each check that runs has a line with its progress and what is left of its budget; what is over has none, and is counted."""
    grow, lint = growing(), step("lint[/x]", work=Tool(name="x", argv=("x",), seconds=60))
    rows = watched([(grow, 0.0), (lint, 0.0), (step("types"), 0.0), (step("types"), None), (grow, 2.5)]).splitlines()
    assert [re.sub(r"[━╸╺ ]+", " ", row).strip() for row in rows] == [
        "3 checks 1 done 0:00:00",
        "memory/bot/growth 7.5 s of 10.0 s of work left 0:00:00",
        "lint[/x] 60.0 s at the most 0:00:00",
    ]
    assert max(map(len, rows)) <= 80


def test_nobody_watches() -> None:
    """Where no terminal is, nothing moves and nothing is written."""
    assert watched([(growing(), 0.0), (growing(), 1.0), (growing(), None)], terminal_=False) == ""


# --- the command ----------------------------------------------------------------------


def test_check_is_quiet_when_all_is_well(house: Repository) -> None:
    """A whole `gate check memory` of many cases that pass is one line, all of them with --verbose; exit codes are as ever."""
    head, agents, case = POLICIES["memory"].partition("agents:\n")
    house.write("policies/memory.yaml", head + agents + "".join(case.replace("bot:", f"bot{number}:") for number in range(7)))
    code, text = call("check", "memory")
    assert (code, text.count("\n"), text.startswith("PASSED       7 checks  7 memory of 7 cases; --verbose")) == (0, 1, True), text
    code, text = call("check", "memory", "--verbose")
    assert (code, text.count("\n")) == (0, 7)
    assert "no steady growth of 1 B/step or more" in text


def test_check_as_json_is_a_report(house: Repository) -> None:
    """`gate check --json` prints one object of the published shape, and what the tools print is not in it."""
    house.write("bots.py", "import os\n")
    ran = subprocess.run([sys.executable, "-m", "gate", "check", "lint", "--check", "--json"], capture_output=True, text=True, check=False)
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["exit_code"], told["completed"]) == (1, 1, None)
    assert [(row["check"], row["places"][0]["path"], row["places"][0]["code"]) for row in told["checks"]] == [("lint", "bots.py", "F401")]
    house.write("bots.py", "BOT = 1\n")
    house.write("test_bots.py", "import bots\n\ndef test_x():\n    print('out', bots.BOT)\n")
    ran = subprocess.run([sys.executable, "-m", "gate", "check", "tests", "--json"], capture_output=True, text=True, check=False)
    assert (json.loads(ran.stdout)["checks"][0]["outcome"], "1 passed" in ran.stderr) == ("PASSED", True)


def test_what_a_test_prints_is_no_order_to_the_runner(house: Repository) -> None:
    """What a program prints stands between stop-commands and its word, which it cannot know; our own remarks stand behind it."""
    house.write("test_bots.py", "def test_x():\n    print('\\n::error::planted')\n    print('::stop-commands::x')\n    assert False\n")
    words = [sys.executable, "-m", "gate", "check", "tests"]
    env = {"PATH": __import__("os").environ["PATH"], "GITHUB_ACTIONS": "true", "PYTHONPATH": ":".join(filter(None, sys.path))}
    ran = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
    text = ran.stdout
    word = re.findall(r"::stop-commands::([0-9a-f]{32})\n", text)
    assert len(word) == 1
    start, end = text.index(f"::stop-commands::{word[0]}\n"), text.index(f"\n::{word[0]}::\n")
    planted = [found_.start() for found_ in re.finditer("^::(error::planted|stop-commands::x)", text, re.MULTILINE)]
    assert planted
    assert all(start < at < end for at in planted)
    assert re.findall("^::error title=tests", text[end:], re.MULTILINE) == ["::error title=tests"]


def test_annotations_wait_for_the_summary_within_nox(house: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check remarks on what it found in GitHub Actions; in a session of nox it leaves that to the summary, which knows the worst."""
    house.write("bots.py", "import os\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert "\n::error title=lint F401,file=bots.py,line=1,endLine=1::" in call("check", "lint", "--check")[1]
    monkeypatch.setenv("NOX_CURRENT_SESSION", "lint")
    assert "::error" not in call("check", "lint", "--check")[1]
    assert "\n::error title=lint F401,file=bots.py,line=1,endLine=1::" in call("summary", "--check")[1]


def test_plain_report_has_nothing_drawn(house: Repository) -> None:
    """--plain draws nothing, whoever reads."""
    house.write("bots.py", (house.root / "bots.py").read_text().replace("    del agent", "    SEEN.append(bytes(100))") + "\n\nSEEN = []\n")
    code, text = call("check", "memory", "--plain")
    assert (code, "rising in" in text, BOXES.search(text)) == (1, True, None)
    assert {letter for letter in text if unicodedata.category(letter) == "Cc"} == {"\n"}
    assert BOXES.search(call("check", "memory")[1])


def test_picture_of_a_report_loads_nothing(house: Repository) -> None:
    """The gallery draws what the command really shows, as SVG that any reader reads and that asks nobody for anything."""
    house.write("bots.py", (house.root / "bots.py").read_text().replace("    del agent", "    SEEN.append(bytes(100))") + "\n\nSEEN = []\n")
    svg = pictures.draw(house.root)
    tree = ElementTree.fromstring(svg)
    text = "".join(tree.itertext()).replace("\xa0", " ")
    assert "FAILED" in text
    assert "again: nox -s memory -- bot" in text
    assert "work left" not in text
    assert not re.findall(r"(?:url\(|href=.|src=.)(?!#|gate)[^)]*//", svg)
    page = summaries.write(house.root)
    assert page.startswith("# Gate: NOT COMPLETED")
    assert "SEEN.append(bytes(100))" in page
