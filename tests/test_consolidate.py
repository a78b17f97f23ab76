"""Documents move, and every link moves with them: whole repositories, random documents, killed children."""

import os
import random
import re
import signal
import time
from pathlib import Path

import pytest
from hypothesis import given, settings

from gate import plan
from gate.command import run
from gate.errors import GateError
from gate.pages.page import read
from gate.pages.tree import Tree, folders
from gate.policy import load
from gate.tidy import consolidate, journal, links
from tests.conftest import Repository
from tests.killing import killed_at
from tests.markdown import MISSING, Written, goals, repositories
from tests.scattered import DOCUMENTS, FEW, POLICY, Killed, forked, gate, named, patient, scatter, state


def tree_of(documents: dict[str, Written], files: frozenset[str]) -> Tree:
    """Put documents into a repository that is nowhere."""
    return Tree(files=files, folders=folders(files), links={}, pages={path: read(found.raw) for path, found in documents.items()})


def set_apart(written: Written) -> list[str]:
    """Return what the links of a document lead to, without those that lead nowhere."""
    return [goal for goal in written.goals if goal != MISSING]


@given(repositories())
@settings(max_examples=100, deadline=None)
def test_every_link_follows_its_file(drawn: tuple[dict[str, Written], frozenset[str], dict[str, str]]) -> None:
    """Whatever moves, another reader finds every link at the new place of what it led to, and every byte outside destinations as it was."""
    documents, files, moves = drawn
    tree = tree_of(documents, files)
    planned, _, rewrites = links.rewrite(tree, moves, ())
    assert links.died_links(tree, planned, moves) == []
    after = {rewrite.path: rewrite.after for rewrite in rewrites}
    for path, written in documents.items():
        ways = [tree.follow(path, link.target) for link in tree.pages[path].links]
        assert sorted(way.goal for way in ways if way.path and way.goal) == sorted(set_apart(written)), written.raw
        there = moves.get(path, path)
        raw = after.get(there, written.raw)
        known = {*files, MISSING}
        wanted = [moves.get(goal, goal) for goal in goals(path, written.raw) if goal in known]
        assert [goal for goal in goals(there, raw) if goal in planned.files | {MISSING}] == wanted, raw
        text = raw.decode("utf-8", "surrogateescape")
        assert re.fullmatch("(.*?)".join(map(re.escape, written.parts[::2])), text, re.DOTALL), (written.raw, raw)


@pytest.fixture
def scattered(bare: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository with scattered documents, with the current directory in it."""
    monkeypatch.chdir(bare.root)
    return scatter(bare)


SHOWN = """would move 9 files
  API-notes.md -> docs/api/API-notes.md  (policies/docs.yaml:7: name api*)
  Run Book.md -> docs/operations/Run Book.md  (policies/docs.yaml:10: heading *runbook*)
  STRAY.md -> docs/STRAY.md  (policies/docs.yaml: a document at the root that is not named in root; git does not track it)
  docs/old.md -> docs/archived/old.md  (policies/docs.yaml:5: front_matter status: superseded)
  old/a/notes.md -> docs/archived/notes.md  (policies/docs.yaml:4: path old/)
  old/b/NOTES.md -> docs/archived/b-NOTES.md  (policies/docs.yaml:4: path old/)
  old/b/notes.md -> docs/archived/old-b-notes.md  (policies/docs.yaml:4: path old/)
  pic.png -> docs/api/pic.png  (policies/docs.yaml:8: assets *.png)
  src/x.md -> docs/archived/x.md  (policies/docs.yaml:5: front_matter status: archived)
would write 16 links anew in 12 files
  API-notes.md:2: ./README.md -> ../../README.md
  README.md:3: API-notes.md#use -> docs/api/API-notes.md#use
  README.md:3: pic.png -> docs/api/pic.png
  README.md:3: old/a/notes.md -> docs/archived/notes.md
  README.md:8: <Run Book.md> -> <docs/operations/Run Book.md>
  Run Book.md:5: API-notes.md -> ../api/API-notes.md
  STRAY.md:1: old/b/NOTES.md -> archived/b-NOTES.md
  docs/index.md:1: ../API-notes.md -> api/API-notes.md
  docs/old.md:4: index.md -> ../index.md
  old/a/notes.md:1: ../b/notes.md -> old-b-notes.md
  old/b/NOTES.md:1: notes.md -> old-b-notes.md
  old/b/notes.md:1: ../a/notes.md -> notes.md
  src/stays.md:1: x.md -> ../docs/archived/x.md
  src/stays.md:1: /Run%20Book.md -> /docs/operations/Run%20Book.md
  src/x.md:6: ../API-notes.md -> ../api/API-notes.md
  mkdocs.yml:4: 'old.md' -> 'archived/old.md'
1 link led nowhere before
  README.md:6: gone.md leads nowhere; correct or delete the link
"""
MOVED = [
    "README.md",
    "docs/STRAY.md",
    "docs/api/API-notes.md",
    "docs/api/README.md",
    "docs/archived/b-NOTES.md",
    "docs/archived/notes.md",
    "docs/archived/old-b-notes.md",
    "docs/archived/old.md",
    "docs/archived/x.md",
    "docs/index.md",
    "docs/operations/Run Book.md",
    "src/stays.md",
]
PAGE = """# Top

[api](docs/api/API-notes.md#use "t") ![p](docs/api/pic.png) [old](docs/archived/notes.md)
`[x](API-notes.md)`

[dead](gone.md) [l][l]

[l]: <docs/operations/Run Book.md>

```
[x](API-notes.md)
```
"""


def test_dry_run_shows_everything_and_changes_nothing(scattered: Repository) -> None:
    """Each move, each link and each rule is shown; no byte, no index entry and no run is made."""
    before = state(scattered)
    assert gate("docs", "--dry-run") == (0, SHOWN)
    assert state(scattered) == before
    assert journal.runs(scattered.root) == ()


def test_check_only_reports(scattered: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With --check or CI=true everything is shown and nothing changes; documents that lie astray are a finding, with where they belong."""
    before = state(scattered)
    code, said = gate("docs", "--check")
    assert (code, said.startswith(SHOWN)) == (1, True)
    assert (
        "STRAY.md:1: belongs in docs/ (policies/docs.yaml: a document at the root that is not named in root); nox -s docs moves it there, "
        "or add it to root in policies/docs.yaml [stray]"
    ) in said
    assert "src/x.md:1: belongs in docs/archived/ (policies/docs.yaml:5: front_matter status: archived); nox -s docs moves it there" in said
    monkeypatch.setenv("CI", "true")
    assert gate("docs")[1].startswith(SHOWN)
    assert gate("docs", "--undo") == (2, "")
    assert "gate: docs --undo changes files, and with --check or CI=true nothing is changed; run it without" in capsys.readouterr().err
    assert state(scattered) == before


def test_documents_move_with_their_links_and_come_back(scattered: Repository) -> None:
    """Files lie where the policy wants them, tracked ones for git too, code is untouched, and undo is exact."""
    before = state(scattered)
    code, said = gate("docs")
    assert (code, said.startswith(SHOWN.replace("would move", "moved").replace("would write", "wrote"))) == (1, True)
    assert said.count(" [") == 1
    assert named(scattered.root) == MOVED
    assert (scattered.root / "README.md").read_text() == PAGE
    assert (scattered.root / "docs/api/API-notes.md").read_bytes() == (
        b'# Use\r\n[readme](../../README.md) <img src="pic.png"> [self](API-notes.md#use)'
    )
    assert (scattered.root / "mkdocs.yml").read_text().endswith("  - Archive: 'archived/old.md'\n")
    status = scattered.git("status", "--porcelain", "-uall").splitlines()
    assert "R  pic.png -> docs/api/pic.png" in status
    assert "RM API-notes.md -> docs/api/API-notes.md" in status
    assert "?? docs/STRAY.md" in status
    assert gate("docs", "--dry-run")[1].startswith("no document is to move\n1 link led nowhere before\n")
    assert gate("docs", "--undo")[0] == 0
    assert state(scattered) == before
    assert gate("docs", "--undo") == (0, "nothing to take back\n")


def test_current_directory_does_not_matter(scattered: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Called from any folder, documents land in the same place of the repository."""
    monkeypatch.chdir(scattered.root / "old/a")
    gate("docs")
    assert named(scattered.root) == MOVED


def test_undo_takes_back_the_run_that_is_named(scattered: Repository) -> None:
    """Two runs are taken back one after the other, each by its name."""
    before = state(scattered)
    first = gate("docs")[1].split("--undo ")[1].split()[0]
    scattered.write("LATER.md", "# Later\n")
    second = gate("docs")[1].split("--undo ")[1].split()[0]
    assert first < second
    assert gate("docs", "--undo", second)[0] == 0
    (scattered.root / "LATER.md").unlink()
    assert gate("docs", "--undo", first)[0] == 0
    assert state(scattered) == before


def policy(repo: Repository, text: str) -> None:
    """Write the destinations of a policy."""
    repo.write("policies/docs.yaml", f"version: 1\n{text}index: null\n")


def moves_of(said: str) -> dict[str, str]:
    """Read which files go where from what was printed."""
    pairs = [line.strip().split("  (")[0].partition(" -> ") for line in said.splitlines() if " -> " in line and "  (" in line]
    return {source: target for source, _, target in pairs}


def test_same_names_never_overwrite(house: Repository) -> None:
    """Archived documents of one name, in whatever case, and one that git ignores, all survive under names of their own."""
    texts = {f"{folder}/notes.md": folder for folder in ("a", "b", "c/a", "d/c/a")} | {"e/Notes.MD": "e", "notes.md": "root"}
    for path, text in texts.items():
        house.write(path, text)
    house.write(".gitignore", "docs/archived/a-notes.md\n")
    house.write("docs/archived/a-notes.md", "ignored")
    policy(house, "match: ['*.md', '*.MD']\ndestinations: {docs/archived: {name: [notes.md]}}\n")
    assert gate("docs")[0] == 0
    found = {path.name: path.read_text() for path in (house.root / "docs/archived").iterdir()}
    assert found == {
        "notes.md": "a",
        "a-notes.md": "ignored",
        "b-notes.md": "b",
        "c-a-notes.md": "c/a",
        "d-c-a-notes.md": "d/c/a",
        "e-Notes.MD": "e",
        "notes-2.md": "root",
    }


def test_what_must_stay_stays_and_says_why(house: Repository) -> None:
    """The target of a symbolic link, of a document that is left alone, of a navigation that cannot show it, and what git would ignore."""
    for name in ("linked", "left", "shown", "new", "free"):
        house.write(f"site/{name}.md")
    (house.root / "LINK.md").symlink_to("site/linked.md")
    house.write("vendor/x.md", "\n[x](../site/left.md) [dead](gone.md)\n")
    house.write("mkdocs.yml", "docs_dir: site\nnav: [shown.md]\n")
    house.write(".gitignore", "/docs/\n")
    house.git("add", "-A", ":!site/new.md")
    policy(house, "leave: [vendor/, LINK.md]\ndestinations: {docs: {path: [site/]}}\n")
    assert gate("docs", "--dry-run")[1] == (
        "would move 1 file\n  site/free.md -> docs/free.md  (policies/docs.yaml:3: path site/)\n4 files would stay\n"
        "  site/left.md: vendor/x.md:2 links to it and is left alone\n"
        "  site/linked.md: LINK.md is a symbolic link to it\n"
        "  site/new.md: git ignores docs/new.md\n"
        "  site/shown.md: mkdocs.yml:2 shows it, and shows nothing outside site/\n"
    )


def test_what_no_rule_takes_stays(house: Repository) -> None:
    """Names of the root in any case, a README of a folder, hidden folders, what finish records, and what lies in an earlier destination."""
    kept = ("readme.md", "Security.md", "lib/README.md", ".github/ISSUE_TEMPLATE/api.md", "docs/completed/api.md", "docs/archived/api.md")
    for path in kept:
        house.write(path, "# Api\n")
    policy(house, "destinations: {docs/archived: {path: [old/]}, docs/api: {heading: [api], name: ['*']}}\n")
    assert gate("docs", "--dry-run") == (0, "no document is to move\n")
    house.write("old/README.md")
    assert moves_of(gate("docs", "--dry-run")[1]) == {"old/README.md": "docs/archived/README.md"}


def test_first_destination_wins_and_later_runs_have_nothing_to_do(house: Repository) -> None:
    """A document that two rules want goes to the first; what a rule would send on goes there at once."""
    house.write("src/api-old.md")
    house.write("x/b.md")
    rules = "docs/a: {name: ['api*']}, docs/b: {path: [x/, src/]}, docs/c: {path: [docs/b/]}"
    policy(house, f"destinations: {{{rules}}}\n")
    gate("docs")
    assert named(house.root) == ["README.md", "docs/a/api-old.md", "docs/b/b.md"]
    policy(house, "destinations: {docs/c: {path: [docs/b/, y/]}, docs/b: {path: [x/, src/, z/]}}\n")
    house.write("z/c.md")
    assert moves_of(gate("docs")[1]) == {"docs/b/b.md": "docs/c/b.md", "z/c.md": "docs/c/c.md"}
    assert gate("docs", "--dry-run")[1] == "no document is to move\n"


def test_link_that_would_die_stops_everything(house: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A link to a folder whose documents go to several places cannot follow them all, so nothing moves."""
    house.write("notes/api.md")
    house.write("notes/run.md")
    house.write("src/x.md", "one\n\n[n](../notes/)\n")
    policy(house, "destinations: {docs/api: {name: [api.md]}, docs/ops: {name: [run.md]}}\n")
    before = state(house)
    assert gate("docs") == (2, "")
    assert capsys.readouterr().err.splitlines() == [
        "gate: moving would break links, so nothing was moved",
        "src/x.md:3: ../notes/ leads to notes, which goes to several folders, or nowhere; let a rule keep it, or correct the link",
    ]
    assert state(house) == before


@pytest.mark.parametrize("kind", ["a symbolic link", "a file", "another repository"])
def test_destination_that_is_no_folder_of_ours_is_refused(
    house: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """Nothing goes through a link, onto a file or into another repository."""
    match kind:
        case "a symbolic link":
            (tmp_path / "outside").mkdir()
            (house.root / "docs").symlink_to(tmp_path / "outside")
        case "a file":
            house.write("docs")
        case _:
            Repository(house.root / "docs").commit()
    house.write("x.md")
    assert gate("docs") == (2, "")
    assert f"docs is {kind}, and x.md cannot go there; name another destination" in capsys.readouterr().err
    assert (house.root / "x.md").exists()


def test_nothing_moves_in_the_middle_of_a_merge(scattered: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Who resolves conflicts is not disturbed."""
    scattered.write(".git/MERGE_HEAD", scattered.git("rev-parse", "HEAD"))
    assert gate("docs") == (2, "")
    assert "git is in the middle of a merge; end it, then move documents" in capsys.readouterr().err


def test_document_that_changed_meanwhile_is_not_overwritten(scattered: Repository) -> None:
    """What somebody saves between plan and act stops the run; everything is put back, and the new text is kept."""
    root = scattered.root
    drawn = consolidate.draw(plan.steps(load(root))[2].work, root)  # type: ignore[arg-type]  # the step for documents
    before = scattered.git("ls-files", "--stage")
    (root / "src/stays.md").write_text("new text\n")
    with pytest.raises(GateError, match=r"src/stays.md: cannot be rewritten .*changed after the plan was drawn"):
        consolidate.carry_out(drawn, root, "")
    assert (root / "src/stays.md").read_text() == "new text\n"
    assert scattered.git("ls-files", "--stage") == before
    assert named(root) == sorted(path for path in [*DOCUMENTS, "STRAY.md"] if path.endswith(".md"))


def test_run_that_was_stopped_is_taken_back_first(scattered: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A half-made move is no state to plan from: a dry run says so, and the next run begins where the stopped one began."""
    before = state(scattered)
    assert killed_at(120, lambda: gate("docs"))
    half = state(scattered)
    assert half != before
    assert gate("docs", "--dry-run") == (2, "")
    assert re.search(r"the run \S+ was stopped in the middle; take it back with gate docs --undo", capsys.readouterr().err)
    assert state(scattered) == half
    code, said = gate("docs")
    assert (code, said.startswith("took back ")) == (1, True)
    assert named(scattered.root) == MOVED
    assert gate("docs", "--undo")[0] == 0
    assert state(scattered) == before


@pytest.fixture
def few(bare: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository with few scattered documents, with the current directory in it."""
    monkeypatch.chdir(bare.root)
    return scatter(bare, FEW)


@pytest.mark.slow
def test_kill_before_an_act_loses_nothing(few: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child killed before a system call that changes something is undone to the byte, or ended by running it again.

    Some calls here, every one of them in nox -s proofs -- documents.
    """
    monkeypatch.setattr(os, "fsync", lambda _: None)  # what a killed process wrote is there without waiting for the disk
    killed = Killed(few, random.Random(1))
    killed.in_turn(range(0, 200, 7))
    assert killed.stopped >= 5


@pytest.mark.slow
def test_kill_at_random_moments_loses_nothing(few: Repository) -> None:
    """Children killed at random moments of a move end right, by undo or by running again."""
    killed = Killed(few, random.Random(5))
    for number in range(10):
        killed.at_random(number)
    assert killed.stopped >= 2


def test_page_shows_what_the_command_prints(few: Repository) -> None:
    """The output in docs/documents.md is that of this repository, letter by letter; its policy is the one used here."""
    page = (Path(__file__).parents[1] / "docs/documents.md").read_text()
    assert f"$ gate docs --dry-run\n{gate('docs', '--dry-run')[1]}```" in page
    assert POLICY.partition("index:")[0] in page
    assert few.git("status", "--porcelain") == "?? STRAY.md\n"


def test_lock_lasts_as_long_as_what_was_started_under_it(few: Repository) -> None:
    """When a run is killed while its git is at work, nobody undoes before that has ended: git would write its index after the undo."""

    def held() -> None:
        with journal.Journal.begin(few.root, "docs", ""):
            run(["sh", "-c", "touch ready; sleep 1"], cwd=few.root)

    child = forked(held)
    while not (few.root / "ready").exists():
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with pytest.raises(GateError, match="another run is changing files"):
        journal.undo(few.root)
    assert patient(lambda: journal.undo(few.root)) == ()
