"""The pull-request comment: in place, of the newest head only, from data that nobody trusts."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gate import __version__, flow
from gate.facts import Mode
from gate.facts.rows import Counted
from gate.record import bundle
from gate.report import comment
from tests.conftest import Repository, but_slow, call
from tests.hub import BOT, TOKEN, Played, playing

COMMIT = "c" * 40
HEAD = "eve:main"


def event(where: Path, **run: Any) -> Path:
    """Write the payload of a run that a fork's pull request started."""
    whose = {"full_name": "eve/bots", "owner": {"login": "eve"}}
    told = {"head_sha": COMMIT, "head_branch": "main", "head_repository": whose, "html_url": "https://github.com/ada/bots/actions/runs/7"}
    body = {"workflow_run": told | run, "repository": {"full_name": "ada/bots", "default_branch": "main"}}
    where.joinpath("event.json").write_text(json.dumps(body))
    return where / "event.json"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    """Return a GitHub on this machine."""
    with playing() as played:
        monkeypatch.setenv("GITHUB_API_URL", played.url)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield played


@pytest.fixture
def left(house: Repository, tmp_path: Path) -> Path:
    """Return the bundle of a run that checked the links only."""
    assert call("check", "docs")[0] == 0
    assert call("summary")[0] == 1
    return (house.root / ".gate/summary-evidence.json").rename(tmp_path / "summary-evidence.json")


def test_comment_is_written_anew_in_place(served: Played, left: Path, tmp_path: Path) -> None:
    """The first run comments, the same verdict changes nothing, another one is written over it; what others wrote stays as it is."""
    said = [("eve", f"{comment.MARK} COMPLETED"), *[("ada", "nice")] * 120, (BOT, "deployed")]
    served.pull(4, head=HEAD, commit=COMMIT, comments=said)
    words = ("comment", str(left), "--event", str(event(tmp_path)), "--post")
    assert call(*words) == (0, "commented on #4\n")
    assert call(*words) == (0, "the comment on #4 says so already\n")
    text = served.comments[4][-1]["body"]
    assert text.startswith(f"{comment.MARK}\n\n### Gate: NOT COMPLETED: 6 missing\n")
    left.unlink()
    assert call(*words) == (0, "wrote the comment on #4 anew\n")
    assert "NO VERDICT" in served.comments[4][-1]["body"]
    assert [(one["user"]["login"], one["body"]) for one in served.comments[4][:-1]] == said


def test_older_run_does_not_speak_for_a_newer_head(served: Played, left: Path, tmp_path: Path) -> None:
    """When somebody pushed meanwhile, or the pull request is closed or another's, nothing is written."""
    served.pull(4, head=HEAD, commit="d" * 40)
    served.pull(5, head="mallory:main", commit=COMMIT)
    code, told = call("comment", str(left), "--event", str(event(tmp_path)), "--post")
    assert (code, told) == (0, f"no open pull request of {HEAD} is at {COMMIT[:12]} any more: nothing to comment on\n")
    assert [one for one in served.asked if not one.startswith("GET ")] == []


def test_what_is_said_of_a_fork(left: Path, tmp_path: Path) -> None:
    """Without --post the comment is printed: what is missing, whose policies decided, which commit and run, and that a fork wrote it."""
    code, told = call("comment", str(left), "--event", str(event(tmp_path)))
    assert code == 0
    assert "judged in [this run](https://github.com/ada/bots/actions/runs/7) by the policies of `main`" in told
    assert "- The code of a fork ran and wrote this evidence" in told
    assert "- lint never ran on this tree" in told
    assert "9 checks: 6 missing, 3 passed" in told
    whose = {"full_name": "ada/bots", "owner": {"login": "ada"}}
    assert "fork" not in call("comment", str(left), "--event", str(event(tmp_path, head_repository=whose)))[1]


def test_other_policies_give_no_verdict(house: Repository, left: Path, tmp_path: Path) -> None:
    """A pull request that wrote itself another law is told so, whatever it found."""
    house.write("policies/docs.yaml", "version: 1\n# another\n")
    code, told = call("comment", str(left), "--event", str(event(tmp_path)))
    assert (code, "### Gate: NO VERDICT" in told, "other policies than those of main" in told) == (0, True, True), told


def _edited(left: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    body = json.loads(left.read_text())
    edit(body)
    left.write_text(json.dumps(body))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a check is left out": lambda left: _edited(left, lambda body: body["checks"].pop()),
    "a check is told twice": lambda left: _edited(left, lambda body: body["checks"].append(body["checks"][0])),
    "a record was edited": lambda left: left.write_text(left.read_text().replace("links", "lynxes")),
    "only some checks are asked": lambda left: _edited(left, lambda body: body.update(asked=["docs/links"])),
    "an unknown key": lambda left: _edited(left, lambda body: body.update(completed=True)),
    "another format": lambda left: _edited(left, lambda body: body.update(format=9)),
    "no JSON": lambda left: left.write_bytes(b"\xff\xfe"),
    "nested without end": lambda left: left.write_text("[" * 100_000),
    "without end": lambda left: os.truncate(left, 2**24 + 1),
    "a link": lambda left: left.symlink_to(left.rename(left.with_name("x"))),
    "a folder": lambda left: left.rename(left.with_name("x")).with_name(left.name).mkdir(),
    "a pipe": lambda left: os.mkfifo(left.rename(left.with_name("x")).with_name(left.name)),
}


@pytest.mark.parametrize("damage", but_slow(DAMAGE, *list(DAMAGE)[::3]))
def test_what_is_no_evidence_gives_no_verdict(damage: str, left: Path, tmp_path: Path) -> None:
    """Whatever a run leaves in the place of its bundle, the comment says that there is no verdict and why."""
    DAMAGE[damage](left)
    code, told = call("comment", str(left), "--event", str(event(tmp_path)))
    assert (code, "### Gate: NO VERDICT" in told, "what the run left is no evidence" in told) == (0, True, True), told


def test_own_clock_of_a_run_revives_no_waiver(house: Repository, tmp_path: Path) -> None:
    """A waiver that lapsed stays so, whatever day a bundle says it is."""
    waiver = "waivers: [{check: lint, reason: old, owner: ada, expires: 2026-01-31}]\n"
    house.write("policies/workflow.yaml", (house.root / "policies/workflow.yaml").read_text() + waiver)
    house.write("bots.py", (house.root / "bots.py").read_text() + "\nimport os\n")
    assert call("check", "lint", "--check")[0] == 1
    call("summary")
    left = (house.root / ".gate/summary-evidence.json").rename(tmp_path / "bundle.json")
    _edited(left, lambda body: body.update(day="2026-01-01"))
    told = call("comment", str(left), "--event", str(event(tmp_path)))[1]
    assert "1 failed" in told
    assert "expired on 2026-01-31" in told


@pytest.mark.parametrize(("name", "said"), [("<img src=x onerror=alert(1)>", "&lt;img src=x"), ("[x](javascript:1) @ada", "&#91;x&#93;")])
def test_nothing_in_a_bundle_acts(name: str, said: str, left: Path, house: Repository) -> None:
    """What a fork lets its evidence say stays text: no HTML, no link, nobody mentioned, no second mark."""
    found = bundle.read(left.read_bytes())
    assert found.gate == __version__
    held = next(entry.evidence for entry in found.checks if entry.evidence)
    whole, phases = flow.summarise(flow.enter(house.root, Mode.CHECK))
    del phases
    rows = [row for row in whole.rows if row.counted is Counted.PASSED]
    object.__setattr__(held.finding, "headline", f"{name} {comment.MARK}")
    for row in rows:
        object.__setattr__(row, "evidence", held)
    about = comment.About(commit="`" + name, run="javascript:alert(1)", branch=name, fork=True)
    told = comment.write(whole, about)
    assert said in told
    assert told.count(comment.MARK) == 1
    assert "javascript:alert" not in told
    assert "judged in a run by" in told


def test_comment_never_exceeds_what_github_takes(house: Repository) -> None:
    """With thousands of checks the worst stay, the rest is counted, and the whole has at most 65,536 characters."""
    whole, _ = flow.summarise(flow.enter(house.root, Mode.CHECK))
    many = type(whole)(
        **{name: getattr(whole, name) for name in whole.__slots__ if name not in {"rows", "missing"}},
        rows=whole.rows * 500,
        missing=("x " * 150,) * 4000,
    )
    told = comment.write(many, comment.About(commit=COMMIT, run="", branch="main", fork=False))
    assert 30_000 < len(told) <= comment.MOST
    assert "and 3980 more" in told
    assert "more in the summary of the run" in told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is not set"),
        ({"GITHUB_TOKEN": "of-a-fork"}, "give the job `pull-requests: write`"),
        ({"GITHUB_API_URL": "http://example.org"}, "is not https"),
    ],
)
def test_what_hinders_a_comment(
    change: dict[str, str], said: str, served: Played, left: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """No token, one that may not, and a way on which it would be read are each one clear error, exit 2."""
    served.pull(4, head=HEAD, commit=COMMIT)
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    assert call("comment", str(left), "--event", str(event(tmp_path)), "--post")[0] == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_token_follows_no_redirect(served: Played, left: Path, tmp_path: Path, capsys: Any) -> None:
    """A redirect is an error: behind it somebody else would get the token."""
    with playing() as other:
        served.moved = f"{other.url}/repos/ada/bots/pulls"
        assert call("comment", str(left), "--event", str(event(tmp_path)), "--post")[0] == 2
        assert other.asked == []
    assert "307" in capsys.readouterr().err


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"workflow_run": {"head_sha": 1}}'])
def test_payload_that_is_none(body: str, left: Path, tmp_path: Path, capsys: Any) -> None:
    """Another event's payload is bad usage."""
    (tmp_path / "other.json").write_text(body)
    assert call("comment", str(left), "--event", str(tmp_path / "other.json"))[0] == 2
    assert "no payload of a workflow_run event" in capsys.readouterr().err
