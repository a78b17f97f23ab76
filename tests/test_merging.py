"""Baselines merge to the stricter side: of invented ones, and by real git through the driver."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.acts import merging as driver
from gate.command import run
from gate.errors import GateError
from gate.facts.work import Debt
from gate.judge import merging
from gate.record import debtfile
from tests.conftest import Repository, call
from tests.proofs import merges

FILE = "policies/baseline.yaml"


def lint(count: int = 1, *, scope: str = "a.py:f", shape: str = "", expires: str = "", most: float | None = None) -> Debt:
    """Invent a debt."""
    words = {"reason": "later", "owner": "ada"} if expires else {}
    return Debt(check="lint", rule="C901", scope=scope, message="x", count=count, shape=shape, expires=expires, most=most, **words)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "result"),
    [
        ([lint(3)], [lint(3)], [lint(1)], [lint(1)]),
        ([lint(3)], [], [lint(2)], []),
        ([], [lint(2)], [lint(1)], [lint(1)]),
        ([], [lint(1, expires="2026-12-01")], [], []),
        ([lint(1, most=20)], [lint(1, most=12)], [lint(1, most=15)], [lint(1, most=12)]),
        ([lint()], [lint(1, expires="2026-12-01")], [lint()], [lint(1, expires="2026-12-01")]),
        ([], [lint(1, expires="2026-12-01")], [lint(1, expires="2027-01-01")], [lint(1, expires="2026-12-01")]),
        ([lint(2)], [lint(2, most=9)], [lint(1), lint(1, expires="2026-12-01")], [lint(1, most=9), lint(1, expires="2026-12-01", most=9)]),
    ],
    ids=["fewer", "none", "both-grew", "only-ours", "smaller", "a-day", "the-nearer-day", "all-at-once"],
)
def test_the_stricter_side_is_kept(base: Sequence[Debt], ours: Sequence[Debt], theirs: Sequence[Debt], result: Sequence[Debt]) -> None:
    """Of each debt the smaller number, the smaller amount and the nearer day is kept, whichever side has it."""
    for one, two in ((ours, theirs), (theirs, ours)):
        assert sorted(map(str, merging.merge(base, one, two).debts)) == sorted(map(str, result))


def test_code_that_went_elsewhere_takes_its_debts_along() -> None:
    """A debt that one side wrote down under another file is merged there with what the other side knows of the old place."""
    here, there = lint(3, shape="a1b2c3d4"), lint(2, scope="b.py:f", shape="a1b2c3d4")
    assert merging.merge([here], [there], [here]).debts == (there,)
    assert merging.merge([here], [lint(3, scope="b.py:f", shape="99999999")], [here]).debts == ()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32))
def test_no_merge_is_looser_than_either_side(seed: int) -> None:
    """Whatever two sides did, on no day and for no amount more is known than the stricter one knows, and nothing is above both."""
    base, ours, theirs = merges.triple(random.Random(seed))
    merged = merging.merge(base, ours, theirs).debts
    assert merges.looser(merged, ours, theirs) == ""
    assert merging.above_both(merged, ours, theirs) == ()
    assert merging.merge(base, theirs, ours).debts == merged or merges.looser(merging.merge(base, theirs, ours).debts, ours, theirs) == ""


def test_a_union_would_be_seen_as_looser() -> None:
    """The measure of the proof fails for what git's own text merge keeps: the debts of both sides."""
    ours, theirs = [lint(1, expires="2026-12-01")], [lint(1, scope="b.py:g")]
    assert merges.looser([*ours, *theirs], ours, theirs) != ""


@pytest.fixture
def driven(bare: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository whose git merges baselines by the driver."""
    monkeypatch.chdir(bare.root)
    assert call("baseline", "install-driver")[0] == 0
    bare.commit()
    return bare


def test_driver_is_set_up_once(driven: Repository) -> None:
    """Setting it up again changes nothing, and other attributes stay."""
    assert call("baseline", "install-driver") == (0, "git merges baselines by the gate already\n")
    driven.write(".gitattributes", "*.png binary")
    assert call("baseline", "install-driver") == (0, f".gitattributes: {FILE} merge=gate-baseline\n")
    assert (driven.root / ".gitattributes").read_text() == f"*.png binary\n{FILE} merge=gate-baseline\n"
    assert "baseline merge %O %A %B %P" in driven.git("config", "merge.gate-baseline.driver")


def test_git_merges_and_rebases_by_the_driver(driven: Repository) -> None:
    """Both ways git ends without a conflict and with the same debts, where its own text merge cannot merge the lines."""
    sides = ([lint(3), lint(scope="b.py:g")], [lint(2), lint(scope="b.py:g")], [lint(1)])
    assert merges.conflicts(driven.root.parent, sides) == 1
    assert [merges.merged(driven, sides, number, rebase=number == 2) for number in (1, 2)] == [(lint(1),), (lint(1),)]


def test_what_only_one_side_accepted_is_named(driven: Repository) -> None:
    """Git shows what the merge left out, so that nobody wonders why the gate fails after it."""
    driven.write(FILE, debtfile.text([lint(2)]))
    driven.commit()
    driven.git("checkout", "-q", "-b", "theirs")
    driven.write(FILE, debtfile.text([lint(1)]))
    driven.commit()
    driven.git("checkout", "-q", "main")
    driven.write(FILE, debtfile.text([lint(2), lint(scope="b.py:g", expires="2027-01-01")]))
    driven.commit()
    ran = run(["git", "merge", "-q", "--no-edit", "theirs"], cwd=driven.root)
    assert ran.code == 0, ran.err
    left = "left out, only ours has it: lint C901 b.py:g: x, until 2027-01-01 by ada: later; accept it anew: gate baseline update --accept"
    assert f"{FILE}: {left}" in ran.err
    assert merges.read((driven.root / FILE).read_bytes()) == (lint(1),)


def test_what_is_no_baseline_is_a_conflict(driven: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A side that cannot be read leaves ours as it was; git then says that there is a conflict."""
    paths = [
        driven.write(name, text)
        for name, text in (("base", ""), ("ours", debtfile.text([lint()])), ("theirs", "version: 1\ndebts: [{}]\n"))
    ]
    before = paths[1].read_bytes()
    assert call("baseline", "merge", *map(str, paths), FILE)[0] == 2
    assert capsys.readouterr().err == f"gate: {FILE} (theirs):2: debts.0.check: is missing; add it\n"
    assert paths[1].read_bytes() == before


def test_merge_by_hand_may_not_exceed_both_sides(driven: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A debt that neither parent has so many of is refused, while the merge goes on and after it; one that a parent has is not."""
    refused = (
        f"gate: {FILE}: above both sides of the merge: lint C901 a.py:f: x; take it out, then accept it: gate baseline update --accept\n"
    )
    merges.merged(driven, ([lint(3)], [lint(2)], [lint(1)]), 1)
    assert call("baseline", "verify")[0] == 0
    for number, code in ((2, 0), (3, 2)):
        driven.write(FILE, debtfile.text([lint(number)]))
        driven.git("commit", "-q", "-a", "--amend", "--no-edit")
        assert (call("baseline", "verify")[0], capsys.readouterr().err) == (code, refused if code else "")
    driven.git("reset", "-q", "--hard", "HEAD^1")
    driven.git("merge", "-q", "--no-commit", "--no-ff", "theirs")
    for number, code in ((1, 0), (3, 2)):
        driven.write(FILE, debtfile.text([lint(number)]))
        assert (call("baseline", "verify")[0], capsys.readouterr().err) == (code, refused if code else "")


def test_driver_refuses_a_result_above_both_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the merge itself ever add debts up, nothing is written."""
    for name, number in (("base", 1), ("ours", 2), ("theirs", 2)):
        (tmp_path / name).write_text(debtfile.text([lint(number)]), encoding="utf-8")
    monkeypatch.setattr(merging, "merge", lambda *_: merging.Merged(debts=(lint(3),)))
    before = (tmp_path / "ours").read_bytes()
    with pytest.raises(GateError, match="above both sides of the merge: lint C901"):
        driver.merge(tmp_path / "base", tmp_path / "ours", tmp_path / "theirs", FILE)
    assert (tmp_path / "ours").read_bytes() == before
