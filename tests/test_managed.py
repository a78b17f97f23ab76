"""Blocks between markers: what is ours is replaced, every byte of the author's stays, and what is unclear is refused."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import GateError
from gate.facts.work import Learning
from gate.tidy import learnings, managed
from tests.conftest import Repository

BEGIN, END = b"<!-- gate:learnings:begin -->", b"<!-- gate:learnings:end -->"
NEWLINES = st.sampled_from([b"\n", b"\r\n"])
# What authors write, fences and comments that never close included; the markers of other blocks are text to us.
WORDS = "word|# Head|||- item|```|~~~|    code|<!--|-->|<!-- gate:index:begin -->|größer|\tx|> quote|\f|---|<pre>|[x]: y|\\|1) one"
PIECES = st.sampled_from([*WORDS.encode().split(b"|"), b"\xff\xfe bytes"])
BODIES = st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=9).map(lambda text: f"- {text}"), max_size=4)


@st.composite
def pages(draw: st.DrawFn) -> bytes:
    """Write a page: with or without a BOM and a newline at its end, in one style of newlines."""
    newline = draw(NEWLINES)
    text = newline.join(draw(st.lists(PIECES, max_size=9))) + draw(st.sampled_from([b"", newline]))
    return (draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) if not text.startswith(b"\xff") else b"") + text


def tried(before: bytes, lines: list[str]) -> bytes | None:
    """Put a block, or return None where that is refused."""
    try:
        return managed.put(before, "learnings", lines, "AGENTS.md")
    except GateError:
        return None


@given(pages(), BODIES, BODIES)
@settings(max_examples=60, deadline=None)
def test_author_keeps_every_byte(before: bytes, first: list[str], second: list[str]) -> None:
    """What is appended stands behind the whole old page; what is replaced later changes nothing else; the same again changes nothing."""
    one = tried(before, first)
    if one is None:
        return
    assert one.startswith(before)
    assert one.endswith(b"\n") is (before.endswith(b"\n") or not before)
    assert tried(one, first) == one
    two = tried(one, second)
    assert two is not None
    assert tried(two, first) == one
    head, tail = one[: one.rindex(BEGIN)], one[one.rindex(END) :]
    assert two.startswith(head + BEGIN)
    assert two.endswith(tail)
    if b"\r\n" in before:
        assert b"\n" not in one.replace(b"\r\n", b"")


@given(pages(), pages(), NEWLINES, BODIES)
@settings(max_examples=60, deadline=None)
def test_block_between_an_authors_pages(above: bytes, below: bytes, newline: bytes, lines: list[str]) -> None:
    """A pair of markers anywhere keeps all that stands above and below it, whatever stood between."""
    before = above + newline + BEGIN + newline + b"old" + newline + END + newline + below
    after = tried(before, lines)
    if after is None or above + newline + BEGIN + newline + b"old" in after:  # the pair was code, and another was appended
        return
    assert after.startswith(above + newline + BEGIN + newline)
    assert after.endswith(END + newline + below)
    assert b"old" + newline + END not in after


WRONG = {
    "one beginning": [BEGIN],
    "one ending": [END],
    "reversed": [END, BEGIN],
    "two pairs": [BEGIN, b"a", END, BEGIN, b"b", END],
    "two beginnings": [BEGIN, BEGIN, END],
    "two endings": [BEGIN, END, END],
    "in a line of text": [b"see " + BEGIN, END],
    "both in one line": [BEGIN + END],
    "in code that stands in a line": [b"`" + BEGIN + b"`"],
}


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("case", WRONG)
def test_what_is_unclear_is_refused(bare: Repository, case: str, newline: bytes) -> None:
    """Any other number or order of markers is refused with file and line, and the file keeps every byte."""
    data = newline.join([b"# Mine", *WRONG[case], b"the end"])
    bare.write("AGENTS.md", data)
    with pytest.raises(GateError, match=r"^AGENTS\.md:2: .*no byte was changed.*run again$"):
        learnings.draw(bare.root, [Learning(text="x", date="2026-11-24")])
    assert (bare.root / "AGENTS.md").read_bytes() == data


@pytest.mark.parametrize("data", [b"\xff\xfea\0", b"a\0b", b"```\nnever closed", b"- x\n\n  ~~~\n  in a list"])
def test_what_cannot_hold_a_block(data: bytes) -> None:
    """UTF-16, binary data and a page that ends inside a code block are refused: a block there could not be found again."""
    assert (tried(data, ["x"]) is None) is (b"list" not in data)  # what is not indented ends a list


def test_example_in_a_code_block_is_no_marker() -> None:
    """A page that explains the markers keeps its example, and gets a block of its own."""
    example = b"```html\n" + BEGIN + b"\n" + END + b"\n```\n"
    assert tried(example, ["x"]) == example + b"\n" + BEGIN + b"\nx\n" + END + b"\n"


def page(before: bytes, *new: Learning, given: tuple[Learning, ...] = ()) -> bytes:
    """Add learnings to a page."""
    return learnings.page(before, "AGENTS.md", given, new=new)


def test_whole_page() -> None:
    """Learnings of a policy and of the command stand in one list, the newest day first, with their tasks."""
    given_ = (Learning(text="Old.", date="2026-01-02"), Learning(text="Older.", date="2025-01-02", task="7"))
    assert page(b"# Mine\n", learnings.learning("New `code` <b> & -->", date="2026-11-24", task="20.2"), given=given_).decode() == (
        "# Mine\n\n<!-- gate:learnings:begin -->\n## Learnings\n\n"
        "- 2026-11-24 (task 20.2): New `code` &lt;b> & --&gt;\n- 2026-01-02: Old.\n- 2025-01-02 (task 7): Older.\n"
        "<!-- gate:learnings:end -->\n"
    )


def test_same_text_is_once() -> None:
    """The same text on another day, for another task or from the policy changes no byte; nothing to say writes nothing."""
    one = page(b"", learnings.learning("a", date="2026-11-23"), learnings.learning("b", date="2026-11-23"))
    assert page(one, learnings.learning("a", date="2026-11-24", task="3")) == one
    assert page(one, learnings.learning("b", date="2026-11-23"), given=(Learning(text="a", date="2020-01-01"),)) == one
    assert page(one) == one
    assert page(b"# Mine\r\n") == b"# Mine\r\n"


def test_newest_are_kept() -> None:
    """A full list lets the oldest go, for good, and takes the new one."""
    one = b""
    for number in range(learnings.MOST + 5):
        one = page(one, learnings.learning(f"text {number}", date=date.fromordinal(738000 + number).isoformat()))
    held = managed.inside(one, "learnings", "AGENTS.md")
    assert held is not None
    assert [line.rpartition(" ")[2] for line in held[2:]] == [str(number) for number in range(learnings.MOST + 4, 4, -1)]


@given(st.text(min_size=1, max_size=80) | st.sampled_from([END.decode(), "<!-- x", "-->", f"a\n{END.decode()}\n", "- 2026-01-01: b"]))
@settings(max_examples=60, deadline=None)
def test_no_text_forges_a_marker(text: str) -> None:
    """Whatever a learning says, it is one line of the block, opens no comment, and is read back as what it was."""
    try:
        told = learnings.learning(text, date="2026-11-24", task="1")
    except GateError:  # nothing to see in it
        assert not text.split()
        return
    one = page(b"mine\n", told, learnings.learning("last", date="2026-11-23"))
    assert one.count(b"<!--") == one.count(b"-->") == 2
    assert len(managed.inside(one, "learnings", "AGENTS.md") or ()) == 4
    assert page(one, told) == one


@pytest.mark.parametrize("text", ["", " \n", "x" * (learnings.LONGEST + 1)])
def test_bounds_of_a_text(text: str) -> None:
    """An empty or endless learning is refused with what to write."""
    with pytest.raises(GateError, match="write one line of 1 to 300"):
        learnings.learning(text, date="2026-11-24")


def test_task_must_be_an_id() -> None:
    """A task that could not be read back is refused."""
    with pytest.raises(GateError, match=r"is no id of a task; write for example 20\.2"):
        learnings.learning("x", date="2026-11-24", task="1) (")


def written(root: Path) -> list[str]:
    """Name the files that a learning would be written to."""
    return [edit.path for edit in learnings.draw(root, [], new=[learnings.learning("x", date="2026-11-24")])]


def test_which_files(bare: Repository, tmp_path: Path) -> None:
    """AGENTS.md where there is none, else those that exist, a linked one once; a link out, into .git or to nothing is refused."""
    assert written(bare.root) == ["AGENTS.md"]
    agents, claude = bare.root / "AGENTS.md", bare.root / "CLAUDE.md"
    claude.write_bytes(b"c")
    assert written(bare.root) == ["CLAUDE.md"]
    agents.write_bytes(b"a")
    assert written(bare.root) == ["AGENTS.md", "CLAUDE.md"]
    claude.unlink()
    claude.symlink_to("AGENTS.md")
    assert written(bare.root) == ["AGENTS.md"]
    outside = tmp_path / "outside.md"
    outside.write_bytes(b"o")
    for goal in (outside, bare.root / ".git/config", Path("nothing"), Path("CLAUDE.md"), bare.root):
        claude.unlink()
        claude.symlink_to(goal)
        with pytest.raises(GateError, match=r"^CLAUDE\.md: it leads to no file of this repository"):
            written(bare.root)
    assert outside.read_bytes() == b"o"


def test_folder_in_the_way(bare: Repository) -> None:
    """A folder of that name is one clear error."""
    (bare.root / "AGENTS.md").mkdir()
    with pytest.raises(GateError, match=r"^AGENTS\.md: is no plain file, and was not written"):
        written(bare.root)
