"""The index of documents, duplicates, and the pages that `gate docs` writes: generated, checked, taken back."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate import flow
from gate.acts import consolidation
from gate.errors import GateError
from gate.facts import Mode
from gate.facts.work import Index
from gate.measure.duplicates import compare
from gate.tidy import index, journal
from tests.conftest import Repository, call
from tests.killing import killed_at
from tests.trees import snapshot

WORK = Index(path="docs/README.md", match=("*.md",), leave=("docs/left/",))
BLOCK = """\
<!-- gate:index:begin -->

- [A](a.md): First sentence of a.

## api

- [x](api/x.md)

<!-- gate:index:end -->
"""


@pytest.fixture
def shelf(house: Repository) -> Repository:
    """Return a repository with two documents and no index."""
    house.write("docs/a.md", "# A\n\nFirst sentence\nof a. And more.\n")
    house.write("docs/api/x.md", "")
    house.commit()
    return house


def test_index_is_made_only_when_asked(shelf: Repository) -> None:
    """A repository without an index passes and is told how to get one; `gate docs` makes it, and a second run changes nothing."""
    code, told = call("check", "docs")
    assert code == 0
    assert "no index of 2 documents in docs/README.md; nox -s docs makes one" in told
    assert not (shelf.root / "docs/README.md").exists()
    code, told = call("docs")
    assert code == 0
    assert "wrote docs/README.md: the index of the documents below it" in told
    assert (shelf.root / "docs/README.md").read_text() == f"# Documents\n\n{BLOCK}"
    assert "the index in docs/README.md lists 2 documents" in call("check", "docs")[1]
    assert "docs/README.md" not in call("docs")[1].partition("PASSED")[0]


def test_stale_index_is_a_finding(shelf: Repository) -> None:
    """A new, changed, moved or deleted document makes the index stale; the check names the command that mends it."""
    call("docs")
    written = (shelf.root / "docs/README.md").read_bytes()
    for path, text in {"docs/new.md": "# New\n", "docs/a.md": "# Renamed\n"}.items():
        before = (shelf.root / path).read_bytes() if (shelf.root / path).exists() else None
        shelf.write(path, text)
        code, told = call("check", "docs")
        assert code == 1
        assert "FAILED       docs/index  the index in docs/README.md is stale" in told
        assert "next: write it anew: nox -s docs" in told
        assert (shelf.root / "docs/README.md").read_bytes() == written
        (shelf.root / path).unlink()
        if before is not None:
            shelf.write(path, before)
    assert call("check", "docs")[0] == 0
    (shelf.root / "docs/api/x.md").unlink()
    assert call("check", "docs")[0] == 1
    assert call("docs")[0] == 0
    assert "api" not in (shelf.root / "docs/README.md").read_text()


def test_text_outside_is_the_authors(shelf: Repository) -> None:
    """Everything around the markers stays, in its own newlines, and so does a page that had no markers."""
    shelf.write("docs/README.md", b"\xef\xbb\xbf# Mine\r\n\r\nwords")
    assert call("docs")[0] == 0
    block = BLOCK.encode().replace(b"\n", b"\r\n").rstrip()
    assert (shelf.root / "docs/README.md").read_bytes() == b"\xef\xbb\xbf# Mine\r\n\r\nwords\r\n\r\n" + block
    shelf.write("docs/README.md", b"above\n" + block.replace(b"First", b"Last") + b" \t\r\nbelow")
    assert call("docs")[0] == 0
    assert (shelf.root / "docs/README.md").read_bytes() == b"above\n" + block.replace(b"\r\n", b"\n").replace(
        b"begin -->\n", b"begin -->\r\n"
    ) + b" \t\r\nbelow"


def test_markers_that_are_wrong_fail_the_check_and_stop_no_other_work(shelf: Repository) -> None:
    """A page with one marker keeps every byte: the check fails with the place, `gate docs` does all else and exits 1."""
    data = b"# Mine\n\n<!-- gate:index:begin -->\n"
    shelf.write("docs/README.md", data)
    shelf.write("notes.md", "# Notes\n")
    code, told = call("docs")
    assert code == 1
    assert "refused: docs/README.md:3: 1 beginning and 0 ending markers, and no byte was changed" in told
    assert "FAILED       docs/index  the index in docs/README.md cannot be kept" in told
    assert (shelf.root / "docs/README.md").read_bytes() == data
    assert (shelf.root / "docs/notes.md").exists()


@pytest.mark.parametrize(("path", "text"), [("docs", "a file"), ("docs/README.md", None)])
def test_page_that_cannot_be_written(house: Repository, tmp_path: Path, path: str, text: str | None) -> None:
    """A link in the place of the page, or a file in the place of its folder, is refused, never followed or replaced."""
    if text is None:
        house.write("docs/a.md", "# A\n")
        (tmp_path / "outside.md").write_text("theirs")
        (house.root / path).symlink_to(tmp_path / "outside.md")
    else:
        house.write(path, text)
    before = snapshot(house.root)
    assert call("docs")[0] == 1
    assert snapshot(house.root) == before
    assert text is not None or (tmp_path / "outside.md").read_text() == "theirs"


DOCUMENTS = {
    "# One *two* `three`\n\nSaid.": ("One two three", "Said."),
    "words first\n\n# Later": ("Later", "words first"),
    "---\ntitle: x\n---\n\n## Real\n": ("Real", ""),
    "+++\ntitle = 1\n+++\n# Real\n": ("Real", ""),
    "---\n\n# No front matter\n": ("No front matter", ""),
    "Under\n=====\n\n> quoted first.\n\n- listed.\n\nSaid.": ("Under", "Said."),
    "[![badge](x.svg)](y)\n\n# T\n\n![picture](z)\n\nSays [so](x) <b>now</b>. More.": ("T", "Says so now."),
    "# Ends e.g. here? Not yet.\n\nIt is v1.2, i.e. new! Yes.": ("Ends e.g. here? Not yet.", "It is v1.2, i.e. new!"),
    "```\n# code\n```\n": ("a", ""),
    "# \n\ntext": ("a", "text"),
    "\ufeff# With a BOM\r\n\r\nText\r\nover lines. x": ("With a BOM", "Text over lines."),
    "": ("a", ""),
}


@pytest.mark.parametrize("text", DOCUMENTS)
def test_title_and_sentence(text: str) -> None:
    """The first heading or the name of the file, and the first sentence of the first paragraph of words."""
    found = index.describe(text.encode(), "docs/a.md")
    assert (found.title, found.sentence) == DOCUMENTS[text]


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
TEXTS = st.text(max_size=60) | st.sampled_from(["<!-- gate:index:end -->", "](x) [", "a\n\n# b", "`", "<script>", "x | y", "://", "&amp;"])


@given(st.lists(st.tuples(NAMES, TEXTS, TEXTS), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_no_title_is_markup(found: list[tuple[str, str, str]]) -> None:
    """Whatever documents call themselves, each is one line, one link to itself, with the letters that it has, and no marker."""
    pages = [index.Page(path=f"{name}.md", title=title, sentence=sentence) for name, title, sentence in found]
    text = "\n".join(index.write(pages))
    assert text.count("\n- ") == len(pages)
    assert "<" not in text
    tokens = [child for token in index._INLINE.parse(text) for child in token.children or []]
    assert sum(token.type == "link_open" for token in tokens) == len(pages)
    assert {token.type for token in tokens} <= {"link_open", "link_close", "text"}


def test_documents_that_are_listed(shelf: Repository) -> None:
    """Links, documents that the policy leaves alone, ignored ones and those outside the folder are not listed; odd names are."""
    for path in ("docs/left/l.md", "docs/build/ignored.md", "other/o.md", "docs/b (1) [x].md", "docs/#?.md"):
        shelf.write(path, "# T\n")
    (shelf.root / "docs/link.md").symlink_to("a.md")
    (edit,) = index.draw(WORK, shelf.root)
    links = [line.partition("](")[2].partition(")")[0] for line in edit.after.decode().splitlines() if line.startswith("- ")]
    assert links == ["%23%3F.md", "a.md", "b%20%281%29%20%5Bx%5D.md", "api/x.md"]
    shelf.write("docs/README.md", edit.after)
    assert "none dead" in call("check", "docs")[1]


def test_policy_may_want_no_index(shelf: Repository) -> None:
    """`index: null` writes none and asks for none."""
    shelf.write("policies/docs.yaml", "version: 1\nindex: null\n")
    assert call("docs")[0] == 0
    assert not (shelf.root / "docs/README.md").exists()
    assert "docs/index" not in call("plan")[1]


def test_index_of_what_will_be(shelf: Repository) -> None:
    """A plan's index has documents where they will lie; carried out, it is the same to the byte."""
    shelf.write("notes.md", "# Notes\n")
    (edit,) = index.draw(WORK, shelf.root, moved={"notes.md": "docs/notes.md", "docs/a.md": "docs/api/a.md"})
    shelf.git("add", "-A")
    shelf.git("mv", "notes.md", "docs/notes.md")
    shelf.git("mv", "docs/a.md", "docs/api/a.md")
    (again,) = index.draw(WORK, shelf.root)
    assert edit.after == again.after
    assert b"- [A](api/a.md)" in edit.after


@given(st.binary(max_size=80), st.binary(max_size=80))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_bytes_around_an_index(shelf: Repository, above: bytes, below: bytes) -> None:
    """Whatever bytes stand around the block, they stand there afterwards, and a second run has nothing to write."""
    begin, end = b"<!-- gate:index:begin -->\n", b"<!-- gate:index:end -->\n"
    before = above + b"\n" + begin + b"old\n" + end + below
    shelf.write("docs/README.md", before)
    try:
        drawn = index.draw(WORK, shelf.root)
    except GateError:  # not text, or it says more about markers than one pair
        assert (shelf.root / "docs/README.md").read_bytes() == before
        return
    (edit,) = drawn
    if b"old\n" + end not in edit.after:  # else the pair is in a code block, and is an example
        assert edit.after.startswith(above + b"\n" + begin)
        assert edit.after.endswith(end + below)
    shelf.write("docs/README.md", edit.after)
    assert index.draw(WORK, shelf.root) == ()


# --- learnings ------------------------------------------------------------------------


def test_learnings_of_the_command_and_of_the_policy(shelf: Repository) -> None:
    """Both go into AGENTS.md in one run, which --undo takes back to the byte; the same again changes nothing."""
    policy = (shelf.root / "policies/workflow.yaml").read_text()
    shelf.write("policies/workflow.yaml", policy + 'learnings:\n  - {task: "7", date: 2026-01-02, text: "Old <!-- one."}\n')
    shelf.write("AGENTS.md", "# Mine\r\nno newline at the end")
    before = snapshot(shelf.root)
    code, told = call("docs", "--learning", "  Measure\nfirst. ", "--task", "20.2")
    assert code == 0
    assert "wrote AGENTS.md: what tasks taught\n" in told
    written = (shelf.root / "AGENTS.md").read_bytes()
    lines = written.decode().split("\r\n")
    assert lines[:2] == ["# Mine", "no newline at the end"]
    assert lines[-3].endswith(" (task 20.2): Measure first.")
    assert lines[-2:] == ["- 2026-01-02 (task 7): Old &lt;!-- one.", "<!-- gate:learnings:end -->"]
    assert call("docs", "--learning", "Measure first.")[0] == 0
    assert (shelf.root / "AGENTS.md").read_bytes() == written
    assert call("docs", "--undo")[0] == 0
    assert snapshot(shelf.root) == before


def test_learning_that_cannot_be_written_changes_nothing(shelf: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Markers that are wrong, a text that is too long, a task without a text: one clear error, exit 2, every byte kept."""
    shelf.write("CLAUDE.md", "<!-- gate:learnings:end -->\n")
    before = snapshot(shelf.root)
    for words, told in (
        (["--learning", "x"], "CLAUDE.md:1: 0 beginning and 1 ending markers"),
        (["--learning", "x" * 301], "a learning of 301 characters was found"),
        (["--task", "3"], "--task 3: what did it teach? add --learning TEXT"),
    ):
        assert call("docs", *words)[0] == 2
        assert told in capsys.readouterr().err
        assert snapshot(shelf.root) == before


def test_nothing_is_written_where_nothing_may_change(shelf: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """--dry-run and CI=true tell what would be written, and write nothing."""
    before = snapshot(shelf.root)
    code, told = call("docs", "--dry-run", "--learning", "x")
    assert (code, "would write AGENTS.md: what tasks taught" in told) == (0, True)
    monkeypatch.setenv("CI", "true")
    assert "would write docs/README.md" in call("docs", "--learning", "x")[1]
    assert snapshot(shelf.root) == before


def test_kill_while_pages_are_written_loses_nothing(shelf: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before any changing system call, `gate docs` is taken back to the byte, or ended by running it again."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    shelf.write("docs/README.md", "# Mine\n")
    shelf.write("CLAUDE.md", "# Mine\n")
    shelf.write("notes.md", "# Notes\n\n[a](docs/a.md)\n")
    shelf.commit()
    before = snapshot(shelf.root)

    def run() -> None:
        consolidation.move(flow.enter(shelf.root, Mode.FIX), consolidation.learnt("Measure first.", "1"))

    run()
    after = contents(shelf.root)
    took_back(shelf.root)
    assert snapshot(shelf.root) == before
    for call_ in range(random.Random(5).randrange(9), 400, 9):
        came = killed_at(call_, run)
        if call_ % 2:
            run()
            assert contents(shelf.root) == after
        took_back(shelf.root)
        assert contents(shelf.root) == {path: data for path, (_, _, data, _) in before.items()}
        if not came:
            assert call_ > 20
            break
    else:
        pytest.fail("it never came to its end")


def contents(root: Path) -> dict[bytes, bytes]:
    """Return the bytes of everything in a repository."""
    return {path: data for path, (_, _, data, _) in snapshot(root).items()}


def took_back(root: Path) -> None:
    """Take back every run."""
    for run in reversed(journal.runs(root)):
        if run.state != "undone":
            journal.undo(root, run.when)


# --- duplicates -----------------------------------------------------------------------


def told(documents: dict[str, str], threshold: float = 0.8) -> list[tuple[str, str, str]]:
    """Compare texts."""
    found = compare({path: text.encode() for path, text in documents.items()}, threshold)
    return [(row.path, row.code, row.message) for row in found]


def words(number: int, seed: int = 1) -> list[str]:
    """Invent a text."""
    return random.Random(seed).choices([f"word{each}" for each in range(900)], k=number)


def test_identical_and_near_identical() -> None:
    """Equal bytes and shared shingles are told apart, each repetition once, with what it repeats and how much of it."""
    one = words(204)  # 200 shingles
    two = [*one[:100], "other", *one[101:]]  # 5 of them differ
    documents = {"a.md": one, "b.md": one, "c.md": two, "d.md": words(204, seed=2)}
    assert told({path: " ".join(text) for path, text in documents.items()}) == [
        ("b.md", "identical", "identical to a.md"),
        ("c.md", "near-identical", "95% like a.md"),
    ]
    assert told({"a": "One, two\n three FOUR five!", "b": "one two three four five"}) == [("b", "near-identical", "100% like a")]


@pytest.mark.parametrize(("edits", "found"), [(4, True), (5, False)])
def test_threshold_is_the_stated_one(edits: int, found: bool) -> None:  # noqa: FBT001 - cases
    """Of 200 shingles 5 times 4 differ: 180 of 220 are shared, 82 %; with one edit more 175 of 225, 78 %."""
    one = words(204)
    two = list(one)
    for edit in range(edits):
        two[20 + 20 * edit] = "other"
    assert bool(told({"a": " ".join(one), "b": " ".join(two)})) is found
    assert told({"a": " ".join(one), "b": " ".join(two)}, threshold=0.7)


def test_what_is_no_duplicate() -> None:
    """Empty documents, a shared licence and a short text in a long one are none."""
    licence = " ".join(words(100, seed=9))
    texts = {f"{seed}.md": licence + " " + " ".join(words(300, seed=seed)) for seed in range(20)}
    assert told({**texts, "a.md": "", "b.md": "", "c.md": " \n", "short.md": licence}) == []


@given(st.integers(0, 10**6), st.floats(0.3, 1))
@settings(max_examples=30, deadline=None)
def test_none_is_missed(seed: int, threshold: float) -> None:
    """What is told is what comparing every document with every one before it would tell."""
    chance = random.Random(seed)
    base = words(60, seed)
    texts = {}
    for number in range(8):
        text = list(base)
        for _ in range(chance.randrange(6)):
            text[chance.randrange(60)] = f"edit{chance.randrange(4)}"
        texts[f"{number}"] = " ".join(text)
    shingles = {path: set(zip(*(text.split()[start:] for start in range(5)), strict=False)) for path, text in texts.items()}
    wanted = {
        path
        for path in texts
        if any(len(shingles[path] & shingles[other]) / len(shingles[path] | shingles[other]) >= threshold for other in _before(texts, path))
    }
    assert {path for path, _, _ in told(texts, threshold)} == wanted


def _before(texts: dict[str, str], path: str) -> Iterator[str]:
    """Yield the paths before one."""
    yield from (other for other in texts if other < path)


def test_many_documents_are_quick() -> None:
    """800 documents with a licence in each, half of them edited copies, take a second or two: not every pair is compared."""
    licence = words(60, seed=9)
    texts = {f"{seed:04}": [*licence, *words(240, seed=seed)] for seed in range(400)}
    texts |= {f"{path}-copy": [*text[:-1], "edit"] for path, text in texts.items()}
    start = time.process_time()
    found = told({path: " ".join(text) for path, text in texts.items()})
    assert len(found) == 400
    assert time.process_time() - start < 10


def test_duplicates_are_information_unless_the_policy_says_so(shelf: Repository) -> None:
    """The check passes and names them; with `fail: true` it fails; `gate plan` lists them either way."""
    for path in ("docs/one.md", "docs/two.md"):
        shelf.write(path, "# Same\n")
    code, shown = call("check", "docs")
    assert code == 0
    assert "docs/duplicates  1 identical among 5 documents: docs/two.md is identical to docs/one.md" in shown
    assert "    docs/two.md is identical to docs/one.md\n" in call("plan")[1]
    shelf.write("policies/docs.yaml", "version: 1\nduplicates: {fail: true}\n")
    code, shown = call("check", "docs")
    assert code == 1
    assert "FAILED       docs/duplicates  1 identical among 5 documents" in shown
