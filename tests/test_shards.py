"""Shards: every case in exactly one, the same split everywhere, and a merge that believes nothing of what it is given."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate import flow
from gate.arguments import Shard
from gate.facts import Evidence, Mode, Outcome
from gate.plan import shards
from gate.record import incoming, ledger
from tests.conftest import Repository, call

CASES = ("ant", "bee", "cat")
MEMORY = "version: 1\nagents:\n" + "".join(
    f"  {name}: {{build: bots:build, step: bots:step, steps: 64, limits: {{growth: {{max: 0 B/step}}}}}}\n" for name in CASES
)
NAMES = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=30, unique=True)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository of three cases, all checks but the cases done."""
    from tests.conftest import furnish  # noqa: PLC0415 - beside the fixtures

    repository = Repository(tmp_path_factory.mktemp("shards") / "repo")
    furnish(repository)
    repository.write("policies/memory.yaml", MEMORY)
    repository.commit()
    return repository.root


@pytest.fixture
def clones(measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return what makes one more machine's clone of the repository and goes there."""

    def clone(name: str) -> Path:
        shutil.copytree(measured, tmp_path / name, symlinks=True)
        monkeypatch.chdir(tmp_path / name)
        return tmp_path / name

    return clone


@settings(max_examples=50)
@given(NAMES, st.integers(1, 9), st.data())
def test_every_case_is_in_one_shard_and_no_shard_is_long(names: list[str], count: int, data: st.DataObject) -> None:
    """Whatever is known of costs, shards are disjoint, complete, in plan order, and none exceeds the mean and the longest case."""
    costs = data.draw(st.dictionaries(st.sampled_from(names), st.floats(0, 1e3)))
    dealt = shards.split(names, costs, count)
    assert sorted(name for part in dealt for name in part) == sorted(names)
    assert all(list(part) == [name for name in names if name in part] for part in dealt)
    assert dealt == shards.split(names, dict(reversed(costs.items())), count)
    if len(costs) == len(names):
        loads = [sum(costs[name] for name in part) for part in dealt]
        assert max(loads) <= fmean(loads) + max(costs.values()) + 1e-6


def test_costs_come_from_other_trees(house: Repository) -> None:
    """What cases took on another tree decides; what this tree has does not, or the split would move while shards run."""
    house.write("policies/memory.yaml", MEMORY)
    assert call("check", "memory", "--shard", "1/2")[1].startswith("shard 1/2: 2 of 3 cases: ant, cat\n")
    entered = flow.enter(house.root, Mode.FIX)
    tree = entered.tree()
    for name, wall in zip(CASES, (1.0, 50.0, 2.0), strict=True):
        found = ledger.read(house.root, tree, "memory/ant/growth")[0]
        assert found
        other = replace(found, tree="b" * 40, check=f"memory/{name}/growth", reading=replace(found.reading, wall=wall))
        ledger.write(house.root, other)
    assert call("check", "memory", "--shard", "1/2")[1].startswith("shard 1/2: 1 of 3 cases: bee\n")
    assert call("check", "memory", "--shard", "2/2")[1].startswith("shard 2/2: 2 of 3 cases: ant, cat\n")


@pytest.mark.parametrize("words", ["0/2", "3/2", "1", "a/b", "1/", "1/257", "-1/2", "1/2/3", "²/3"])
def test_a_shard_that_is_none_is_refused(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A part that is none of the whole is bad usage, with what to write."""
    assert call("check", "memory", f"--shard={words}")[0] == 2
    assert "write for example 1/4" in capsys.readouterr().err


def test_shards_belong_to_memory(house: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Only agent cases are split."""
    assert house.root.exists()
    assert call("check", "lint", "--shard", "1/2")[0] == 2
    assert "--shard belong to check memory" in capsys.readouterr().err


def test_more_shards_than_cases(house: Repository) -> None:
    """A shard to which nothing falls says so and passes."""
    assert house.root.exists()
    assert call("check", "memory", "--shard", "2/2") == (0, "shard 2/2: 0 of 1 case: nothing to do\n")


@pytest.mark.slow
def test_shards_of_four_machines_are_one_gate(clones: Callable[[str], Path]) -> None:
    """Three clones measure a shard each, a fourth everything else and merges: COMPLETED; with a shard left out it is not."""
    for at in (1, 2, 3):
        clones(f"shard-{at}")
        assert call("check", "memory", "--shard", f"{at}/3")[0] == 0
    root = clones("rest")
    for check in ("format", "docs", "lint", "types", "tests"):
        assert call("check", check)[0] == 0
    assert call("clean")[0] == 0
    code, told = call("merge", "../shard-1/.gate", "../shard-2/.gate/evidence")
    assert code == 0
    assert told.startswith("merged 2 records of tree ")
    assert "no record of this tree yet: memory/cat/growth\n" in told
    assert call("summary")[0] == 1
    assert call("merge", "../shard-3")[0] == 0
    code, told = call("summary")
    assert (code, told.startswith("COMPLETED ")) == (0, True), told
    assert "; 2 say nothing new" in call("merge", "../shard-1/.gate", "../shard-2")[1]
    assert sorted(path.name for path in (root / ".gate/evidence").glob("*/memory__*")) == [f"memory__{name}__growth.json" for name in CASES]


# --- what is not believed ---------------------------------------------------------------


def record(root: Path, check: str = "memory/ant/growth") -> tuple[Path, Evidence]:
    """Return where the record of a check lies, and what it says."""
    path = next(root.glob(f".gate/evidence/*/{ledger.name(check)}"))
    found = ledger.read(root, path.parent.name, check)[0]
    assert found
    return path, found


def rewritten(path: Path, found: Evidence, name: str = "") -> None:
    """Write another record in the place of one, sealed as if it were genuine."""
    path.with_name(name or path.name).write_bytes(ledger._text(found))


def resealed(path: Path, **change: object) -> None:
    """Change the plain JSON of a record and seal it again."""
    body = json.loads(path.read_bytes())["evidence"] | change
    path.write_bytes(ledger._whole(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()))


def _linked(path: Path, _: Evidence) -> None:
    kept = path.rename(path.parents[3] / "elsewhere.json")
    path.symlink_to(kept)


def _linked_folder(path: Path, _: Evidence) -> None:
    kept = path.parent.rename(path.parents[2] / "elsewhere")
    path.parent.symlink_to(kept)


def _linked_store(path: Path, _: Evidence) -> None:
    kept = path.parents[1].rename(path.parents[3] / "elsewhere")
    path.parents[1].symlink_to(kept)


def _pipe(path: Path, _: Evidence) -> None:
    os.mkfifo(path.with_name("types.json"))


def _deep(path: Path, _: Evidence) -> None:
    path.write_bytes(ledger._whole(b'{"check":' + b"[" * 100_000 + b"]" * 100_000 + b"}"))


HOSTILE: dict[str, tuple[Callable[[Path, Evidence], object], str]] = {
    "an edited byte": (lambda path, _: path.write_bytes(path.read_bytes().replace(b"PASSED", b"FAILED")), "was edited"),
    "no JSON": (lambda path, _: path.write_bytes(b"{}"), "was edited"),
    "nested without end": (_deep, "was edited"),
    "more than the schema has": (lambda path, _: resealed(path, extra=1), "more than evidence holds"),
    "another type": (lambda path, _: resealed(path, finding=[]), "does not hold what evidence holds"),
    "a figure that is none": (
        lambda path, found: rewritten(path, replace(found, reading=replace(found.reading, wall=float("nan")))),
        "hold",
    ),
    "a time that is none": (lambda path, _: resealed(path, taken="soon"), "does not hold what evidence holds"),
    "a time without a zone": (lambda path, _: resealed(path, taken="2026-11-25T00:00:00"), "no moment of UTC"),
    "a time to come": (lambda path, _: resealed(path, taken="2999-01-01T00:00:00Z"), "has not come yet"),
    "another tree in this tree's folder": (lambda path, found: rewritten(path, replace(found, tree="b" * 40)), "its folder say otherwise"),
    "a check by another's name": (lambda path, found: rewritten(path, replace(found, check="lint")), "its name and its folder say"),
    "a way out by its check": (
        lambda path, found: rewritten(path, replace(found, check="../../x"), "..__..__x.json"),
        "the policies here do not know this check",
    ),
    "the git phase": (
        lambda path, found: rewritten(path, replace(found, check="git/verify"), "git__verify.json"),
        "the policies here do not know this check",
    ),
    "other policies": (lambda path, found: rewritten(path, replace(found, policy="c" * 64)), "was judged by policies sha256:cccccccccccc"),
    "another machine": (
        lambda path, found: rewritten(path, replace(found, environment=found.environment | {"cores": "99"})),
        "another environment: cores is '99' there",
    ),
    "a link to a record": (_linked, "Too many levels of symbolic links"),
    "a link to the tree": (_linked_folder, "no link to one"),
    "a link to the store": (_linked_store, "no link to one"),
    "a pipe": (_pipe, "is not a regular file"),
    "a folder in a record's place": (lambda path, _: path.with_name("types.json").mkdir(), "is not a regular file"),
    "a record without end": (
        lambda path, _: os.truncate(path, incoming.MOST_RECORD + 1),
        "is larger than 16,777,216 B",
    ),
    "another tree only": (lambda path, _: path.parent.rename(path.parent.with_name("d" * 40)), "evidence of tree dddddddddddd only"),
    "nothing": (lambda path, _: shutil.rmtree(path.parent), "no evidence"),
}


@pytest.fixture(scope="module")
def shard(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone in which two cases were measured."""
    root = tmp_path_factory.mktemp("shard") / "repo"
    shutil.copytree(measured, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert call("check", "memory", "--shard", "1/2")[0] == 0
    return root


@pytest.mark.parametrize("attack", HOSTILE)
def test_nothing_hostile_is_merged(
    attack: str, shard: Path, clones: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One bad record among good ones is named with its place, exit 2, and not even the good ones are taken over."""
    other = tmp_path / "other"
    shutil.copytree(shard / ".gate", other / ".gate")
    act, said = HOSTILE[attack]
    act(*record(other))
    root = clones("merge")
    assert call("merge", str(other))[0] == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.startswith(f"gate: merge: {other}")
    assert told.count("\n") == 1
    assert list((root / ".gate").rglob("*.json")) in ([], [root / ".gate/index.json"])


def test_folder_that_is_a_link_or_not_there(clones: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder that is named must itself be a folder."""
    clones("merge")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("link", "missing"):
        assert call("merge", str(tmp_path / name))[0] == 2
        assert "cannot be read as a folder" in capsys.readouterr().err


def test_no_shard_hides_what_another_found(shard: Path, clones: Callable[[str], Path], tmp_path: Path) -> None:
    """Of two records of one check the worse counts, in any order, also against the record that is here already."""
    bad = tmp_path / "bad"
    shutil.copytree(shard, bad)
    path, found = record(bad)
    rewritten(path, replace(found, finding=replace(found.finding, outcome=Outcome.FAILED), taken="2026-01-01T00:00:00Z"))
    for at, folders in enumerate(([shard, bad], [bad, shard], [bad])):
        root = clones(f"merge-{at}")
        if len(folders) == 1:
            assert call("merge", str(shard))[0] == 0
        assert call("merge", *map(str, folders))[0] == 0
        assert record(root)[1].finding.outcome is Outcome.FAILED
        assert call("merge", str(shard))[0] == 0
        assert record(root)[1].finding.outcome is Outcome.FAILED


def test_other_trees_are_left_where_they_are(shard: Path, clones: Callable[[str], Path], tmp_path: Path) -> None:
    """A store that a cache filled has evidence of other trees beside this one's: nothing of it comes along, and that is said."""
    other = tmp_path / "other"
    shutil.copytree(shard, other)
    path, _ = record(other)
    shutil.copytree(path.parent, path.parent.with_name("e" * 40))
    root = clones("merge")
    code, told = call("merge", str(other))
    assert (code, f"note: {other}: left out what it has of 1 other tree\n" in told) == (0, True), told
    assert [folder.name for folder in (root / ".gate/evidence").iterdir()] == [path.parent.name]


def test_a_shard_is_written_as_it_is_told() -> None:
    """The name of a shard is what the command reads."""
    assert str(Shard(part=2, parts=7)) == "2/7"
