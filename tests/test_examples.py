"""The examples of the documents print what the documents show, and the reference is what the parser and the models say."""

from pathlib import Path

import pytest

from gate.cli import parser
from gate.verbs import manual
from tests import reference
from tests.conftest import call
from tests.documents import Said, blocks, carried_out, differs

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if any(block.said for block in blocks(path.read_text(encoding="utf-8"))))
QUICK = {"howto/policy.md"}
VERBS = list(reference._choices(parser()))


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[] if page.relative_to(DOCS).as_posix() in QUICK else pytest.mark.slow) for page in PAGES],
    ids=lambda page: page.relative_to(DOCS).as_posix(),
)
def test_examples_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    """Files of a page written, its commands run: each prints the lines below it, figures aside."""
    wrong = [
        said
        for block, really in carried_out(page, tmp_path / "bots")
        for old, new in zip(block.said, really, strict=True)
        if (said := differs(old, new))
    ]
    assert not wrong, "\n\n".join(wrong)


def test_pages_that_teach_have_examples() -> None:
    """The tutorial and the how-to pages about the command are carried out; none of them lost its commands."""
    found = {page.relative_to(DOCS).as_posix() for page in PAGES}
    assert found >= {"tutorial.md", *(f"howto/{name}.md" for name in ("policy", "growth", "leak", "fast"))}


def test_a_difference_is_seen(tmp_path: Path) -> None:
    """Another word, a missing line and an extra one are differences; another figure and what … stands for are none."""
    shown = Said(command="x", lines=("PASSED 1 kB (2 s)", "…", "end"))
    assert not differs(shown, Said(command="x", lines=("PASSED 22.5 MB (13 ms)", "a", "b", "end")))
    assert differs(shown, Said(command="x", lines=("FAILED 1 kB (2 s)", "end")))
    assert differs(shown, Said(command="x", lines=("PASSED 1 kB (2 s)", "a")))
    page = tmp_path / "page.md"
    page.write_text('```text title="a.txt"\nhello\n```\n\n```console\n$ cat a.txt; false\nhullo\n$ echo $?\n1\n```\n')
    (_, really), (first, second) = next(carried_out(page, tmp_path / "bots")), next(b for b in blocks(page.read_text()) if b.said).said
    assert [differs(first, really[0]) != "", differs(second, really[1]) != ""] == [True, False]


@pytest.mark.parametrize("name", reference.pages())
def test_reference_is_not_stale(name: str) -> None:
    """What is committed is what `python -m tests.reference` would write."""
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == reference.pages()[name], "run: python -m tests.reference"


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_is_a_manual(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The page of each verb says what it is about, has words to try that the parser takes, and names the exit codes; within 100 columns."""
    assert call(verb, "--help")[0] == 0
    told = capsys.readouterr().out
    assert manual.EXIT_CODES in told
    assert manual.examples(verb), "write some in gate/verbs/manual.py"
    assert manual.about(verb, "x") != "X.", "write more in gate/verbs/manual.py"
    assert max(map(len, told.split("\n"))) <= 100
    for words in manual.examples(verb):
        given = [word.strip('"') for word in words.partition(" > ")[0].removeprefix("gate ").split(' "')]
        parser().parse_args([*given[0].split(), *given[1:]])


def test_exit_codes_are_the_same_everywhere() -> None:
    """The README, the guarantees and the help tell the same five exit codes."""
    codes = [line.split()[0] for line in manual.EXIT_CODES.split("\n")[1:]]
    for page in (DOCS.parent / "README.md", DOCS / "guarantees.md"):
        rows = [line for line in page.read_text(encoding="utf-8").split("\n") if line.startswith("| ")]
        assert [code for code in codes if any(row.startswith(f"| {code} |") for row in rows)] == codes, page.name
