"""The policy guard: each loosened field is named, what is only stricter or written otherwise never is; a reason lets it pass."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.acts import guarding
from gate.judge import guard
from gate.policy import Policy, parse
from tests.conftest import POLICIES, Repository, call

BASE = {
    **POLICIES,
    "memory": """version: 1
agents:
  bot:
    build: bots:build
    step: bots:step
    steps: 256
    reuse: never
    parametrize: {size: [1, 2]}
    limits:
      footprint: {max: 10 MB, because: "500 fit"}
      growth: {max: 2 B/step, because: "a log", alpha: 0.001}
      handles: {max: 0/step}
""",
    "quality": """version: 1
paths: [bots.py, tests]
tests: {arguments: [-q], covers: [bots.py]}
commands:
  spell: {run: [codespell], needs: ""}
""",
    "docs": "version: 1\nleave: [old/]\nduplicates: {threshold: 0.8, fail: true}\n",
    "workflow": """version: 1
tasks: tasks/tasks.json
floor: ["tests", "memory/*"]
waivers: [{check: lint, reason: later, owner: ada, expires: 2026-01-31}]
record: {paths: [docs/completed, tasks/tasks.json]}
commit: {protected: [main], allow: [{path: "*.pem", kinds: [key], reason: "a test key"}]}
""",
}
EDITS = [  # file, what is written, what is written instead, which field is looser, why; "" where none is
    ("memory", "max: 10 MB", "max: 20 MB", "memory.agents.bot.limits.footprint.max", "higher"),
    ("memory", "max: 10 MB", "max: 10000 kB", "", ""),
    ("memory", "max: 10 MB", "max: 9 MB", "", ""),
    ("memory", "max: 2 B/step", "max: 4 B/step", "memory.agents.bot.limits.growth.max", "higher"),
    ("memory", "alpha: 0.001", "alpha: 0.05", "memory.agents.bot.limits.growth.alpha", "higher"),
    ("memory", "alpha: 0.001", "resolution: 64 B/step", "memory.agents.bot.limits.growth.resolution", "higher"),
    ("memory", "      handles: {max: 0/step}\n", "", "memory.agents.bot.limits.handles", "not asked any more"),
    ("memory", "      handles: {max: 0/step}\n", "      handles: {max: 0/step}\n      peak: {max: 0 B}\n", "", ""),
    ("memory", "steps: 256", "steps: 128", "memory.agents.bot.steps", "lower"),
    ("memory", "steps: 256", "steps: 512", "", ""),
    ("memory", "reuse: never", "reuse: auto", "memory.agents.bot.reuse", "another one"),
    ("memory", "size: [1, 2]", "size: [1]", "memory.agents.bot.parametrize.size", "without 2"),
    ("memory", 'because: "a log"', 'because: "two logs"', "", ""),
    ("memory", "step: bots:step", "step: bots:noop", "memory.agents.bot.step", "another one"),
    ("memory", "  bot:\n", "  ant:\n", "memory.agents.bot", "not asked any more"),
    ("quality", "paths: [bots.py, tests]", "paths: [bots.py]", "quality.paths", "without tests"),
    ("quality", "paths: [bots.py, tests]", "paths: [.]", "", ""),
    ("quality", "version: 1\n", 'version: 1\nwithout: {types: "too slow"}\n', "quality.without.types", "done without"),
    ("quality", ", covers: [bots.py]", "", "quality.tests.covers", "without bots.py"),
    ("quality", ", covers: [bots.py]", ", covers: [bots.py], outside: a program", "quality.tests.outside", "done without"),
    ("quality", "[-q]", "[-q, -k, quick]", "quality.tests.arguments", "another one"),
    ("quality", 'commands:\n  spell: {run: [codespell], needs: ""}\n', "", "quality.commands.spell", "not run any more"),
    ("quality", 'needs: ""', "needs: npm", "quality.commands.spell.needs", "another one"),
    ("cleanup", "match: [build/,", "match: [build/, src/,", "cleanup.kinds.build.match", "more src/"),
    ("cleanup", "protect: [.coveragerc]", "protect: []", "cleanup.protect", "without .coveragerc"),
    ("cleanup", "protect: [.coveragerc]", "protect: [.coveragerc, data/]", "", ""),
    ("cleanup", "live: true}\n  build", "live: false}\n  build", "cleanup.kinds.tool-caches.live", "lower"),
    ("cleanup", "kinds:\n", 'kinds:\n  logs: {match: ["*.log"]}\n', "cleanup.kinds.logs", "may go, too"),
    ("docs", "leave: [old/]", "leave: [old/, new/]", "docs.leave", "more new/"),
    ("docs", "threshold: 0.8", "threshold: 0.9", "docs.duplicates.threshold", "higher"),
    ("docs", "fail: true", "fail: false", "docs.duplicates.fail", "lower"),
    ("workflow", 'floor: ["tests", "memory/*"]', 'floor: ["tests"]', "workflow.floor", "without memory/*"),
    ("workflow", 'floor: ["tests", "memory/*"]', 'floor: ["*"]', "", ""),
    ("workflow", "expires: 2026-01-31", "expires: 2026-02-28", "workflow.waivers.lint.expires", "longer"),
    ("workflow", "expires: 2026-01-31", "expires: 2026-01-01", "", ""),
    (
        "workflow",
        "waivers: [",
        "waivers: [{check: types, reason: x, owner: ada, expires: 2026-01-01}, ",
        "workflow.waivers.types",
        "lived with",
    ),
    ("workflow", "paths: [docs/completed,", "paths: [docs/completed, src,", "workflow.record.paths", "more src"),
    ("workflow", "protected: [main]", "protected: []", "workflow.commit.protected", "without main"),
    ("workflow", "kinds: [key]", "kinds: [key, secret]", "workflow.commit.allow.*.pem.kinds", "more secret"),
    (
        "workflow",
        "version: 1\n",
        'version: 1\ngate: {"7": {checks: [lint]}}\n',
        "workflow.gate.7",
        "only these checks decide about this task",
    ),
]


def read(texts: dict[str, str]) -> Policy:
    """Read policies."""
    return parse({name: text.encode() for name, text in texts.items()})


def told(before: Policy, after: Policy) -> dict[str, str]:
    """Return which fields are looser, and why."""
    return {".".join(row.path): row.why for row in guard.loosened(guarding.flat(before), guarding.flat(after))}


@pytest.mark.parametrize(("file", "old", "new", "path", "why"), EDITS, ids=[f"{file}-{new.strip()[:40]}" for file, _, new, _, _ in EDITS])
def test_each_loosened_field_is_named_alone(file: str, old: str, new: str, path: str, why: str) -> None:
    """One field that is looser is named with why, nothing else is; what is stricter or written otherwise is quiet."""
    assert old in BASE[file]
    after = read({**BASE, file: BASE[file].replace(old, new)})
    assert told(read(BASE), after) == ({path: why} if path else {})


def edited(some: list[int]) -> tuple[Policy, set[str]]:
    """Make several edits, each where what it replaces is still written; return what became of the policy, and which fields are looser."""
    texts, looser = dict(BASE), set()
    for at in some:
        file, old, new, path, _ = EDITS[at]
        if old in texts[file]:
            texts[file] = texts[file].replace(old, new)
            looser |= {path} - {""}
    return read(texts), looser


def strictness(policy: Policy) -> dict[str, object]:
    """Return what a policy demands, without how it is written."""
    found = {}
    for path, value in guarding.flat(policy).items():
        if guard.matters(path):
            found[".".join(path)] = frozenset(value) if isinstance(value, tuple) and path[-1] not in {"arguments", "run"} else value
    return found


SOME = st.lists(st.integers(0, len(EDITS) - 1), max_size=8, unique=True)


@settings(deadline=None, max_examples=60)
@given(SOME, SOME)
def test_two_policies_of_which_none_is_looser_are_as_strict(one: list[int], two: list[int]) -> None:
    """Of any two policies every difference that matters is told on one side at least, and none against itself."""
    first, second = edited(one)[0], edited(two)[0]
    assert not told(first, first)
    if not told(first, second) and not told(second, first):
        assert strictness(first) == strictness(second)


@settings(deadline=None, max_examples=60)
@given(SOME)
def test_exactly_the_loosened_fields_are_named_among_others(some: list[int]) -> None:
    """However many fields are loosened and tightened at once, those that are looser are named, alone or with the part that is gone."""
    after, looser = edited(some)
    assert set(told(read(BASE), after)) == {path for path in looser if not any(path.startswith(f"{other}.") for other in looser)}


def test_every_field_has_a_rule() -> None:
    """A field that nobody has thought of is told by any change of it: what has no rule of its own is listed here."""
    unruled = {".".join(path) for path in guarding.flat(read(BASE)) if not guard.knows(path)}
    assert unruled == {
        "memory.agents.bot.build",
        "memory.agents.bot.index",
        "memory.agents.bot.live",
        "memory.agents.bot.step",
        "quality.commands.spell.reads",
        "quality.commands.spell.run",
        "quality.tests.arguments",
    }


LOOSE = ("max: 0 B/step", 'max: 8 B/step, because: "by design"')


def loosen(house: Repository, *edit: str) -> None:
    """Loosen the limit of the bots, or edit otherwise."""
    old, new = edit or LOOSE
    path = house.root / "policies/memory.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def acknowledge(house: Repository, text: str) -> str:
    """Acknowledge what the guard said, and return the hash."""
    digest = next(word.strip('{,"') for word in text.split() if word.startswith('"sha256:'))
    path = house.root / "policies/workflow.yaml"
    path.write_text(f'{path.read_text()}acknowledged:\n  - {{policy: "{digest}", reason: "the log is wanted"}}\n')
    return digest


def test_a_loosened_limit_fails_until_it_is_acknowledged(house: Repository) -> None:
    """The guard names the field with what it was and is; a reason with the hash of just this change lets it pass, and nothing more."""
    base = house.git("rev-parse", "--short=12", "HEAD").strip()
    assert call("policy", "guard") == (0, f"PASSED       policy/guard  nothing is looser than on main ({base})\n")
    house.git("checkout", "-q", "-b", "work")
    loosen(house)
    code, text = call("policy", "guard")
    assert code == 1
    assert text.splitlines()[:2] == [
        f"FAILED       policy/guard  1 field looser than on main ({base})",
        "             policies/memory.yaml:8: agents.bot.limits.growth.max: 0 B/step -> 8 B/step (higher)",
    ]
    acknowledge(house, text)
    house.commit()
    code, text = call("policy", "guard")
    assert (code, text.splitlines()[0]) == (
        0,
        f"PASSED       policy/guard  1 field looser than on main ({base}); acknowledged: the log is wanted",
    )
    loosen(house, "max: 8 B/step", "max: 16 B/step")
    assert call("policy", "guard")[0] == 1
    loosen(house, "max: 16 B/step", "max: 8 B/step")
    assert call("policy", "guard")[0] == 0


def test_an_acknowledgement_is_spent_once_it_is_on_the_base(house: Repository) -> None:
    """The same change made again later wants a reason again: that of the first time lies on the base already."""
    house.git("checkout", "-q", "-b", "work")
    loosen(house)
    acknowledge(house, call("policy", "guard")[1])
    loosen(house, LOOSE[1], LOOSE[0])
    house.commit()
    house.git("branch", "-f", "main")
    loosen(house)
    assert call("policy", "guard")[0] == 1


def test_the_summary_is_not_completed_while_a_policy_is_looser(house: Repository) -> None:
    """The summary misses the acknowledgement first, and only that."""
    loosen(house)
    _, text = call("summary")
    assert (
        "  policy/guard is FAILED: policies/memory.yaml:8: agents.bot.limits.growth.max: 0 B/step -> 8 B/step (higher): gate policy guard"
        in text
    )
    loosen(house, LOOSE[1], LOOSE[0])
    assert "policy/guard" not in call("summary")[1]


def test_debts_added_by_hand_are_told_and_those_that_moved_are_not(house: Repository) -> None:
    """A baseline may follow its code and shrink; one more debt is a finding."""
    entry = '  - {{check: "lint", scope: "{}:build", rule: "F401", message: "x", shape: "57e2a4c7"}}\n'
    house.write("policies/baseline.yaml", "version: 1\ndebts:\n" + entry.format("bots.py"))
    house.commit()
    house.write("policies/baseline.yaml", "version: 1\ndebts:\n" + entry.format("ants.py"))
    assert call("policy", "guard")[0] == 0
    house.write("policies/baseline.yaml", "version: 1\ndebts:\n" + entry.format("bots.py") + entry.format("ants.py"))
    code, text = call("policy", "guard")
    assert code == 1
    assert "policies/baseline.yaml:4: debts: not known -> lint F401 ants.py:build: x (one more debt)" in text


def test_without_a_base_it_says_why(bare: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first commit, and beside a base that had no policies, there is nothing to compare with: SKIPPED, with the reason."""
    monkeypatch.chdir(bare.root)
    for name, text in POLICIES.items():
        bare.write(f"policies/{name}.yaml", text)
    code, text = call("policy", "guard")
    assert (code, text.split("  ")[0]) == (0, "SKIPPED")
    assert "there is no base" in text
    bare.git("commit", "-q", "--allow-empty", "-m", "chore: none")
    code, text = call("policy", "guard")
    assert code == 0
    assert "has no policies to compare with: policies/memory.yaml is not there" in text
    assert call("policy", "guard", "nowhere")[0] == 2


def test_what_bounds_nothing_any_more_is_looser_and_rounding_is_not() -> None:
    """A bound that is gone, and a policy that measures nothing, are told; a number that differs by how it was computed is not."""
    most = ("memory", "agents", "bot", "limits", "peak", "max")
    slack = (*most[:-1], "no_worse_than_base", "amount")
    assert [row.why for row in guard.loosened({most: 9.0, slack: 1.0}, {most: 9.0})] == ["left out"]
    assert [row.why for row in guard.loosened({most: 9.0}, {("memory", "without"): "later"})] == ["not asked any more", "done without"]
    assert not guard.loosened({most: 0.3}, {most: 0.1 + 0.2})


@pytest.fixture
def shallow(house: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return what a run of CI checks out of a pull request that loosens a policy: one commit, no branch, and the name of its target."""
    house.git("switch", "-q", "-c", "feature")
    path = house.root / "policies/memory.yaml"
    path.write_text(path.read_text().replace("steps: 256", "steps: 128"))
    house.commit()
    (tmp_path / "runner").mkdir()
    made = Repository(tmp_path / "runner")
    made.git("remote", "add", "origin", house.root.as_uri())
    made.git("fetch", "-q", "--no-tags", "--depth=1", "origin", "feature")
    made.git("checkout", "-q", "--detach", "FETCH_HEAD")
    monkeypatch.chdir(made.root)
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    return made


def test_a_pull_request_is_compared_with_its_target_however_little_was_checked_out(shallow: Repository) -> None:
    """The guard fetches the one commit that it must know."""
    code, told = call("policy", "guard")
    assert (code, "1 field looser than on origin/main" in told) == (1, True), told
    assert shallow.git("rev-list", "--all", "--count").strip() == "2"


def test_a_pull_request_without_a_base_is_not_completed(shallow: Repository, house: Repository) -> None:
    """Where the target cannot be fetched the guard says with what, first of all that is missing."""
    house.root.rename(house.root.with_name("gone"))
    code, told = call("policy", "guard")
    command = "git fetch --quiet --no-tags --depth=1 origin +refs/heads/main:refs/remotes/origin/main"
    assert (code, told.startswith("SKIPPED      policy/guard  there is no base: origin/main is not in this checkout")) == (0, True), told
    assert told.endswith(f"{command}\n")
    code, told = call("summary")
    first = told.splitlines()[1]
    assert (code, first.strip().startswith("policy/guard is SKIPPED: there is no base: "), command in told.replace("\n", " ")) == (
        1,
        True,
        True,
    ), told
    assert shallow.root.exists()


def test_a_merge_that_knows_more_than_both_sides_is_not_completed(house: Repository) -> None:
    """What a hosting service merged without our driver, or a person by hand, is found by the summary of that very commit."""
    debt = '  - {check: "lint", scope: "bots.py", rule: "F401", message: "`os` imported but unused", shape: "57e2a4c7"}\n'
    house.git("switch", "-q", "-c", "side")
    house.commit("chore: side")
    house.git("switch", "-q", "main")
    house.commit("chore: main")
    house.git("merge", "-q", "--no-ff", "--no-commit", "side")
    house.write("policies/baseline.yaml", f"version: 1\ndebts:\n{debt}")
    house.commit("chore: merge")
    code, told = call("summary")
    assert (code, "baseline is FAILED: policies/baseline.yaml: above both sides of the merge" in told.replace("\n", " ")) == (1, True), told
