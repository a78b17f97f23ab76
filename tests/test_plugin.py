"""Agent cases and marked functions as tests of pytest: collected, chosen, reported as its own."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import BOTS, POLICIES, Repository, but_slow

MEMORY = """version: 1
agents:
  bot:
    build: bots:build
    step: bots:step
    limits:
      growth: {max: 0 B/step}
      handles: {max: 0/step}
  hoarder:
    build: bots:hoarder
    step: bots:hoard
    budget: {cpu: 1 s}
    limits:
      growth: {max: 0 B/step}
  owing:
    build: bots:hoarder
    step: bots:hoard
    budget: {cpu: 1 s}
    limits:
      growth: {max: 0 B/step}
  gone:
    build: nowhere:build
    step: bots:step
    limits:
      growth: {max: 0 B/step}
  unsure:
    build: bots:build
    step: bots:wait
    steps: 100000
    budget: {time: 1 s}
    limits:
      growth: {max: 0 B/step}
  excused:
    build: bots:build
    step: bots:wait
    steps: 100000
    budget: {time: 1 s}
    limits:
      growth: {max: 0 B/step}
calls:
  pick:
    call: bots:step
    setup: bots:pick
    parametrize: {size: [1, 2]}
    limits:
      handles: {max: 0/call}
"""
DEBTS = 'version: 1\ndebts:\n  - {check: "memory/owing/growth", most: "2 kB/step"}\n'
MORE_BOTS = '''
from time import sleep
from zlib import crc32

BLOB = bytes(300_000)


def hoarder(index: int) -> list[bytes]:
    """Build a hoarder."""
    return []


def hoard(agent: list[bytes]) -> None:
    """Work a little, and keep something."""
    crc32(BLOB)
    agent.append(bytes(1000))


def wait(agent: Bot) -> None:
    """Take time."""
    sleep(0.001)


def pick(size: int) -> bytes:
    """Return a context."""
    return bytes(size)
'''
MARKED = """import os
from zlib import crc32

import pytest

from . import helpers

KEPT = []


@pytest.fixture(autouse=True)
def calm():
    yield


@pytest.mark.agent_memory
def test_keeps_nothing():
    assert "GATE_MEASURED_CHILD" in os.environ, "never called in the process of pytest"


@pytest.mark.agent_memory(seconds=1, handles=None)
def test_keeps_all():
    crc32(helpers.BLOB)
    KEPT.append(bytes(500))


@pytest.mark.agent_memory(growth="100 B/call", handles=None)
async def test_is_async():
    assert "GATE_MEASURED_CHILD" in os.environ


@pytest.mark.agent_memory
def test_asserts():
    assert not KEPT, "and KEPT is not empty"
    KEPT.append(1)
"""
FLAT = """import pytest
import sibling


@pytest.mark.agent_memory(growth=None)
def test_finds_its_sibling():
    sibling.work()
"""
SETTINGS = "[pytest]\ntestpaths = tests\naddopts = --strict-markers --strict-config -ra\nfilterwarnings = error\n"
SKIP = """from gate import inquiry
from gate.facts import Finding, Outcome, Reading

found = Finding(outcome=Outcome.SKIPPED, headline="not measured: this platform has no exact heap meter")
inquiry.answer = lambda questions, root, **how: [(Reading(), found) for question in questions]
"""
ENVIRONMENT = {name: word for name, word in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "GIT_", "CI", "GITHUB_"))}

Outcomes = dict[str, tuple[str, str]]  # what became of each test, and its words


def run(root: Path, *words: str, more: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run pytest as its users do."""
    argv = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", *words]
    return subprocess.run(argv, cwd=root, env={**ENVIRONMENT, **(more or {})}, capture_output=True, text=True, check=False)


def listed(root: Path, *words: str) -> list[str]:
    """Return what pytest would run."""
    return [line for line in run(root, "--co", "-q", *words).stdout.splitlines() if "::" in line]


def outcomes(report: Path) -> Outcomes:
    """Read a JUnit report."""
    told = {}
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest wrote it a second ago
        bad = next((child for child in case if child.tag != "properties"), None)
        words = "; ".join(row.attrib["value"] for row in case.iter("property")) if bad is None else bad.attrib.get("message", "")
        text = (bad.text or "") if bad is not None else ""
        told[f"{case.attrib['classname']}::{case.attrib['name']}"] = "passed" if bad is None else bad.tag, f"{words}\n{text}"
    return told


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Return a repository with agent cases and marked tests of every outcome."""
    made = Repository(tmp_path_factory.mktemp("plugin") / "repo")
    day = date.today() + timedelta(days=9)  # noqa: DTZ011 - as the policy
    waivers = f"waivers: [{{check: memory/excused/*, reason: only here to be excused, owner: ada, expires: {day}}}]\n"
    for name, text in {**POLICIES, "memory": MEMORY, "workflow": POLICIES["workflow"] + waivers}.items():
        made.write(f"policies/{name}.yaml", text)
    made.write("policies/baseline.yaml", DEBTS)
    made.write("bots.py", BOTS + MORE_BOTS)
    made.write("pytest.ini", SETTINGS)
    made.write("tests/__init__.py")
    made.write("tests/helpers.py", "BLOB = bytes(300_000)\n")
    made.write("tests/test_marked.py", MARKED)
    made.write("tests/test_plain.py", "def test_plain():\n    pass\n")
    made.write("flat/sibling.py", "def work():\n    pass\n")
    made.write("flat/test_flat.py", FLAT)
    made.write("lone/test_lone.py", FLAT.replace("import sibling\n", "").replace("sibling.work()", "pass"))
    made.commit()
    return made


@pytest.fixture(scope="module")
def whole(project: Repository) -> tuple[str, Outcomes]:
    """Return what one run of everything in two workers printed, and its JUnit report."""
    ran = run(project.root, "--gate", "-n", "2", "-v", "--junitxml=junit.xml", "tests", "flat")
    return ran.stdout + ran.stderr, outcomes(project.root / "junit.xml")


def test_every_question_is_a_test(whole: tuple[str, Outcomes]) -> None:
    """Each question of the policy and each marked function has its own outcome; the gate's own trouble is an error, no failure."""
    assert {name: outcome for name, (outcome, _) in whole[1].items()} == {
        "tests.test_marked::test_keeps_nothing": "passed",
        "tests.test_marked::test_keeps_all": "failure",
        "tests.test_marked::test_is_async": "passed",
        "tests.test_marked::test_asserts": "error",
        "tests.test_plain::test_plain": "passed",
        "flat.test_flat::test_finds_its_sibling": "passed",
        "policies.memory.yaml.bot::growth": "passed",
        "policies.memory.yaml.bot::handles": "passed",
        "policies.memory.yaml.hoarder::growth": "failure",
        "policies.memory.yaml.owing::growth": "passed",
        "policies.memory.yaml.gone::growth": "error",
        "policies.memory.yaml.unsure::growth": "failure",
        "policies.memory.yaml.excused::growth": "skipped",
        "policies.memory.yaml.pick::handles[1]": "passed",
        "policies.memory.yaml.pick::handles[2]": "passed",
    }, whole[0]


def test_two_workers_share_the_work(whole: tuple[str, Outcomes]) -> None:
    """Under xdist both workers collect the same questions and answer some."""
    assert {"[gw0]", "[gw1]"} <= set(re.findall(r"\[gw\d\]", whole[0]))


def test_failure_reports_the_finding(whole: tuple[str, Outcomes]) -> None:
    """A failed question tells its headline, the line that allocates and the next act, and shows no line of ours."""
    _, words = whole[1]["policies.memory.yaml.hoarder::growth"]
    line = 1 + (BOTS + MORE_BOTS).splitlines().index("    agent.append(bytes(1000))")
    assert re.search(
        rf"\nheap grows by 1\.0\d kB/step .*, limit 0 B/step\n(.*\n)+  bots\.py:{line}: .*agent\.append\(bytes\(1000\)\)", words
    )
    assert re.search(r"next: stop the growth; .* at policies/memory\.yaml:14$", words)
    assert "pytest_plugin" not in whole[0]
    assert re.search(r"^FAILED policies/memory\.yaml::hoarder::growth - .*heap grows", whole[0], re.MULTILINE)


def test_passed_question_says_what_it_excludes(whole: tuple[str, Outcomes]) -> None:
    """The report keeps the headline of what passed as a property."""
    assert "no steady growth of 1 B/step or more in" in whole[1]["policies.memory.yaml.bot::growth"][1]


def test_undecided_is_no_pass(whole: tuple[str, Outcomes]) -> None:
    """Not enough data fails in its own word, unless somebody lives with it for a while: then it is a skip that says so."""
    assert re.search(r"\nINCONCLUSIVE: level for .* of 100,000 steps", whole[1]["policies.memory.yaml.unsure::growth"][1])
    said = r"waived until \d{4}-\d\d-\d\d by ada: only here to be excused: INCONCLUSIVE: level for"
    assert re.search(said, whole[1]["policies.memory.yaml.excused::growth"][1])
    assert re.search(rf"^SKIPPED \[1\] policies/memory\.yaml:\d+: {said}", whole[0], re.MULTILINE)


def test_a_known_debt_passes_and_says_so(whole: tuple[str, Outcomes]) -> None:
    """What policies/baseline.yaml knows of a case counts here as it does in the gate."""
    assert "; known, memory/owing/growth, at most 2 kB/step" in whole[1]["policies.memory.yaml.owing::growth"][1]


def test_broken_names_its_trouble(whole: tuple[str, Outcomes]) -> None:
    """A case that cannot be loaded is an error that says what is missing."""
    assert "BROKEN: ModuleNotFoundError: No module named 'nowhere'\n" in whole[1]["policies.memory.yaml.gone::growth"][1]
    assert "ERROR at setup of gone::growth" in whole[0]


def test_marked_test_names_the_line(whole: tuple[str, Outcomes]) -> None:
    """A marked function that leaks fails with its line, its container, the place of the mark and the fixtures that it went without."""
    _, words = whole[1]["tests.test_marked::test_keeps_all"]
    lines = MARKED.splitlines()
    leak, mark = (1 + lines.index(text) for text in ("    KEPT.append(bytes(500))", "@pytest.mark.agent_memory(seconds=1, handles=None)"))
    assert re.search(rf"\nheap grows by 55\d B/call .*\n(.*\n)+  tests/test_marked\.py:{leak}: .*KEPT\.append", words)
    assert "tests.test_marked.KEPT: list, +1 items/call" in words
    assert "the child runs without the autouse fixtures calm" in words
    assert f"next: stop the growth, or allow it where the test is marked: tests/test_marked.py:{mark}" in words


def test_marked_test_that_raises_is_told_once(whole: tuple[str, Outcomes]) -> None:
    """What stops both questions of a mark is one error, with the place."""
    _, words = whole[1]["tests.test_marked::test_asserts"]
    line = 1 + MARKED.splitlines().index('    assert not KEPT, "and KEPT is not empty"')
    assert words.count(f"\nBROKEN: tests/test_marked.py:{line}: AssertionError: and KEPT is not empty") == 1


def test_last_failed_are_chosen(project: Repository, whole: tuple[str, Outcomes]) -> None:
    """--lf runs again what failed or broke, policy cases like tests."""
    assert listed(project.root, "--gate", "--lf", "tests") == [
        "tests/test_marked.py::test_keeps_all",
        "tests/test_marked.py::test_asserts",
        "policies/memory.yaml::hoarder::growth",
        "policies/memory.yaml::gone::growth",
        "policies/memory.yaml::unsure::growth",
    ], whole[0]


QUESTIONS = [
    "policies/memory.yaml::bot::growth",
    "policies/memory.yaml::bot::handles",
    "policies/memory.yaml::hoarder::growth",
    "policies/memory.yaml::owing::growth",
    "policies/memory.yaml::gone::growth",
    "policies/memory.yaml::unsure::growth",
    "policies/memory.yaml::excused::growth",
    "policies/memory.yaml::pick::handles[1]",
    "policies/memory.yaml::pick::handles[2]",
]


COLLECTED = {
    "--gate tests/test_plain.py": ["tests/test_plain.py::test_plain", *QUESTIONS],
    "--gate . -k 'plain or pick'": ["tests/test_plain.py::test_plain", *QUESTIONS[-2:]],
    "--gate -k bot": QUESTIONS[:2],
    "policies/memory.yaml --gate": QUESTIONS,
    "policies/memory.yaml::pick::handles[2] --gate": QUESTIONS[-1:],
    "tests/test_plain.py": ["tests/test_plain.py::test_plain"],
}


@pytest.mark.parametrize("words", but_slow(COLLECTED, *list(COLLECTED)[1:4]))
def test_what_is_collected(project: Repository, words: str) -> None:
    """With --gate the policy joins whatever is asked for, once; what the command line names of it stands for it; without, nothing does."""
    assert sorted(listed(project.root, *shlex.split(words))) == sorted(COLLECTED[words])


def test_one_watch_answers_growth_and_handles(project: Repository) -> None:
    """Growth and handles of one case that run together are answered by the same run of the same child."""
    ran = run(project.root, "--gate", "policies/memory.yaml::bot", "-rP", "-q", "--junitxml=bot.xml")
    told = outcomes(project.root / "bot.xml")
    steps = {re.findall(r"in ([\d,]+) steps", words)[0] for _, words in told.values()}
    assert (ran.returncode, len(told), len(steps)) == (0, 2, 1), ran.stdout
    assert "growth: heap: no steady growth of 1 B/step or more" in ran.stdout


def test_first_error_stops(project: Repository) -> None:
    """-x stops behind the first question that breaks; one parameter is measured by its name."""
    ran = run(project.root, "--gate", "-x", "-q", "policies/memory.yaml::gone", "policies/memory.yaml::pick::handles[1]")
    assert (ran.returncode, "stopping after 1 failures" in ran.stdout) == (1, True), ran.stdout


def test_function_is_found_by_its_file(project: Repository) -> None:
    """A module that no import would find is loaded from its file."""
    ran = run(project.root, "--import-mode=append", "-q", "lone")
    assert (ran.returncode, "1 passed" in ran.stdout) == (0, True), ran.stdout


def test_plugin_can_be_left_out(project: Repository) -> None:
    """With -p no:gate there is no option and no mark, and other tests run."""
    bare = partial(run, project.root, "-p", "no:gate", "-q")
    assert bare("tests/test_plain.py").returncode == 0
    assert "unrecognized arguments: --gate" in bare("--gate").stderr
    assert "'agent_memory' not found in `markers`" in bare("tests/test_marked.py").stdout


def test_mistakes_of_a_policy_come_at_once(house: Repository) -> None:
    """A policy with mistakes is one collection error that names all of them, without a traceback."""
    house.write("policies/memory.yaml", POLICIES["memory"].replace("0 B/step", "0 MX").replace("steps: 256", "steps: many"))
    ran = run(house.root, "--gate", "-q")
    expected = ["policies/memory.yaml:6: agents.bot.steps: ", 'policies/memory.yaml:8: agents.bot.limits.growth.max: "0 MX"']
    lines = ran.stdout.split("ERROR collecting policies/memory.yaml")[1].splitlines()[1:3]
    assert [line[: len(start)] for line, start in zip(lines, expected, strict=True)] == expected, ran.stdout
    assert (ran.returncode, "Traceback" in ran.stdout, "pytest_plugin" in ran.stdout) == (2, False, False)


@pytest.mark.parametrize(("what", "said"), [("policies", "policies/memory.yaml: not found; write"), (".git", "not inside a git work tree")])
def test_nothing_to_ask_is_bad_usage(house: Repository, what: str, said: str) -> None:
    """Without a policy or a repository, --gate says in one line what is missing."""
    (house.root / what).rename(house.root / "away")
    house.write("pytest.ini", SETTINGS.replace("testpaths = tests\n", ""))
    ran = run(house.root, "--gate")
    assert (ran.returncode, ran.stdout, ran.stderr.startswith("ERROR: --gate: "), said in ran.stderr) == (4, "", True, True), ran.stderr


def test_what_is_not_measured_is_skipped(house: Repository) -> None:
    """Where a platform has no meter, questions and marked tests are skipped with the reason."""
    house.write("conftest.py", SKIP)
    house.write("test_marked.py", "import pytest\n\n\n@pytest.mark.agent_memory\ndef test_it():\n    raise ValueError\n")
    ran = run(house.root, "--gate", "-q", "-rs", "-k", "bot or it")
    places = re.findall(r"^SKIPPED \[1\] (\S+): .*not measured: this platform", ran.stdout, re.MULTILINE)
    assert sorted(places) == ["policies/memory.yaml:8", "test_marked.py:4"], ran.stdout


def test_mark_is_read_when_it_is_collected(bare: Repository) -> None:
    """All that is wrong with the marks of a file or class is one error, a line each: place, what was found, what to do."""
    bare.write(
        "test_wrong.py",
        """import pytest
measured = pytest.mark.agent_memory
@measured(growth="8 MX", handles="3")
def test_limits(): pass
@measured(grow="8 B/call", seconds="long", steps=-1)
def test_words(): pass
@measured("0 B/call")
def test_position(): pass
@measured
def test_fixture(tmp_path): pass
@measured
@pytest.mark.parametrize("x", [1, 2])
def test_parameter(x): pass
@measured
@pytest.mark.usefixtures("tmp_path")
def test_uses(): pass
@measured(growth=None, handles=None)
def test_nothing(): pass
@measured(growth=8)
def test_number(): pass
""",
    )
    bare.write(
        "test_wrong_class.py",
        """import unittest, pytest
@pytest.mark.agent_memory
class TestClass:
    def test_method(self): pass
class TestCase(unittest.TestCase):
    @pytest.mark.agent_memory
    def test_method(self): pass
""",
    )
    ran = run(bare.root, "-q", "--strict-markers")
    found = [line for line in ran.stdout.splitlines() if line.startswith("test_wrong")]
    fixtures = "and a child calls functions without fixtures and parameters; build what it needs in the function, or make it a case"
    fixtures += " under calls: in policies/memory.yaml, which has setup and parametrize"
    assert found == [
        'test_wrong.py:3: test_limits: agent_memory: limit of growth: "8 MX" is not a rate; write for example "0 B/call"',
        'test_wrong.py:3: test_limits: agent_memory: limit of handles: "3" is not a count a call; write for example "0/call"',
        "test_wrong.py:5: test_words: agent_memory: knows no grow; write growth, handles, seconds or steps",
        "test_wrong.py:5: test_words: agent_memory: seconds='long' is no time; write for example seconds=10",
        "test_wrong.py:5: test_words: agent_memory: steps=-1 is no number of calls; write for example steps=1024",
        "test_wrong.py:7: test_position: agent_memory: takes its words by name; write for example growth='8 B/call'",
        f"test_wrong.py:9: test_fixture: agent_memory: uses tmp_path, {fixtures}",
        f"test_wrong.py:11: test_parameter: agent_memory: uses x, {fixtures}",
        f"test_wrong.py:14: test_uses: agent_memory: uses tmp_path, {fixtures}",
        "test_wrong.py:17: test_nothing: agent_memory: leaves nothing to ask; give growth or handles a limit",
        'test_wrong.py:19: test_number: agent_memory: growth=8 is no limit; write for example growth="0 B/call"',
        "test_wrong_class.py:4: test_method: agent_memory: is a method of TestClass, and a child calls functions; move it out of the class",
        "test_wrong_class.py:6: test_method: agent_memory: is a method of TestCase, and a child calls functions; move it out of the class",
    ], ran.stdout
    assert (ran.returncode, "Traceback" in ran.stdout) == (2, False)


def test_who_does_not_use_it_pays_nothing(bare: Repository) -> None:
    """A run of pytest without --gate and marks loads nothing heavy, and of the gate only the plugin."""
    heavy = {"pydantic", "rich", "numpy", "yaml", "psutil", "git", "pathspec", "markdown_it", "subprocess"}
    code = "import sys, pytest\nbefore = set(sys.modules)\nimport gate.pytest_plugin\nprint(*sorted(set(sys.modules) - before))"
    alone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout.split()
    assert (heavy & set(alone), {name for name in alone if name.startswith("gate")}) == (
        set(),
        {"gate", "gate.errors", "gate.pytest_plugin"},
    )
    bare.write(
        "test_it.py", 'import sys\n\n\ndef test_it():\n    assert 0, sorted(name for name in sys.modules if name.startswith("gate"))\n'
    )
    ran = run(bare.root, "-q", "-p", "no:cacheprovider")
    assert "AssertionError: ['gate', 'gate.errors', 'gate.pytest_plugin']" in ran.stdout, ran.stdout
