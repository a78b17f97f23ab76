"""Documents in real repositories: dead links and anchors are found where they stand, living ones never."""

import os
from pathlib import Path

import pytest

from gate.facts import Reading
from gate.facts.work import Documents
from gate.measure import documents
from tests.conftest import Repository

HEADINGS = {
    "Plain words": "plain-words",
    "UPPER Case": "upper-case",
    "C++ & C#: what, why?": "c--c-what-why",
    "1.2.3 (2024-05-01)": "123-2024-05-01",
    "a - b  c": "a---b--c",
    "`code_span()` *and* **emphasis** _here_": "code_span-and-emphasis-here",
    "snake_case stays": "snake_case-stays",
    "[a link](https://example.org) in it": "a-link-in-it",
    "![picture](https://example.org/x.png) after a picture": "-after-a-picture",
    "an &amp; entity, an \\* escape": "an--entity-an--escape",
    "<em>raw</em> HTML": "raw-html",
    "Größe ÜBER Ålesund": "größe-über-ålesund",
    "Привет 日本語 हिन्दी": "привет-日本語-हिन्दी",
    "🚀 launch": "-launch",
    "x² ½ Ⅷ ①": "x--ⅷ-",
}

FORMS = """[plain](absent.md) and [alive](a/b.md)

A paragraph
of many `code
span` lines with
[a link](absent.md) and
![a picture
over two lines](absent.png), then [another](absent.md),\\
[one more](absent.md).

- a list
  1. in a list
     - [nested](absent.md)

> [quoted](absent.md)

| table | cell |
| --- | --- |
| [alive](a/b.md) | [cell](absent.md) |

A [reference][one] and [the same][one], and [one that lives][two].

[one]: absent.md
[two]: a/b.md
[unused]: absent.md "with a title"

[![a picture in a link](absent.png)](a/b.md)
[with a title](absent.md "Title") [in brackets](<absent page.md>) [with an anchor](absent.md#x)

# Heading with [a link](absent.md)

<p>
  <a class="x"
     href="absent.md">raw</a>
  <img alt="see href=gone.md" src='absent.png'>
</p>

Inline <a
  href="absent.md">raw</a> and
[a last one](absent.md)
"""
ABSENT = [1, 6, 7, 8, 9, 13, 15, 19, 23, 25, 27, 28, 28, 28, 30, 33, 35, 38, 40]
CODE = """`[span](gone.md)` ``[`span`](gone.md)``

    [indented](gone.md)

```markdown
[fenced](gone.md)
```

~~~
[tildes](gone.md)
~~~

<!-- [comment](gone.md) <a href="gone.md"> -->

<!--
[comment](gone.md)
-->

\\[escaped](gone.md) [not a link] (gone.md)
"""
EXTERNAL = """[a](https://example.org/gone.md#x) <https://example.org> [b](//example.org/gone.md) [c](mailto:ada@example.org)
[d](#) [e](?tab=readme) [f](tel:1) [g](<>)[^1]

[^1]: Obviously.
"""

BOTH_WAYS = {
    "a file beside it": ("b.md", "c.md"),
    "a file above it": ("../README.md", "../a.md"),
    "a file from the root": ("/docs/a/b.md", "/a/b.md"),
    "a file by detours": ("./x/.././b.md", "./b.md/../c.md"),
    "a folder": ("../a", "../no"),
    "a folder with a slash": ("../a/", "../no/"),
    "its own folder": (".", "no/."),
    "the root": ("/", "/no"),
    "percent codes": ("two%20words%C3%BC.md", "two%20words.md"),
    "the letters themselves": ("<two wordsü.md>", "<two words.md>"),
    "a percent sign": ("100%25.md", "50%25.md"),
    "an entity": ("a&amp;b.md", "a&amp;c.md"),
    "a query": ("b.md?plain=1#L3", "c.md?plain=1"),
    "a title": ('b.md "title"', 'c.md "title"'),
    "letter case": ("b.md", "B.md"),
    "out of the repository": ("../../docs/a/b.md", "../../../outside.md"),
    "out of the repository and back": ("b.md", "../../../repo/docs/a/b.md"),
    "out from the root": ("/docs", "/../outside.md"),
    "an absolute path of this machine": ("b.md", "/etc/passwd"),
    "a zero byte": ("b.md", "b.md%00"),
    "a zero byte below a file": ("b.md", "b.md/%00"),
    "a name that no file system takes": ("b.md", "b" * 5000),
}


def read(repo: Repository, leave: tuple[str, ...] = (), root: tuple[str, ...] = ("README.md",)) -> Reading:
    """Measure the documents of a repository."""
    return documents.measure(Documents(match=("*.md",), leave=leave, root=root, home="docs"), repo.root)


def wrong(repo: Repository) -> list[tuple[str, int, str]]:
    """Return path, line and code of all that is wrong with the documents."""
    return [(found.path, found.line, found.code) for found in read(repo).diagnostics]


def dead(repo: Repository, text: str, path: str = "README.md") -> list[int]:
    """Write a document; return the lines of what is wrong with it."""
    repo.write(path, text)
    return [line for name, line, _ in wrong(repo) if name == path]


def test_every_form_of_link_is_followed(bare: Repository) -> None:
    """Each form of link is seen, on the line where it is to be corrected, and no other line is blamed."""
    bare.write("a/b.md", "# B\n")
    assert dead(bare, FORMS) == ABSENT
    assert read(bare).counts == {"documents": 2, "links": len(ABSENT) + 4}


def test_code_and_comments_are_left_alone(bare: Repository) -> None:
    """What is shown as code, commented out or escaped is no link."""
    assert dead(bare, CODE) == []
    assert read(bare).counts["links"] == 0


def test_other_sites_are_not_followed(bare: Repository) -> None:
    """Links to other sites, to mail and telephones, to nothing and to footnotes are nobody's business here."""
    assert dead(bare, EXTERNAL) == []


@pytest.mark.parametrize("form", BOTH_WAYS)
def test_path_is_found_or_missed(bare: Repository, form: str) -> None:
    """Each way to write a path finds what is there and misses what is not."""
    for path in ("README.md", "docs/README.md", "docs/a/b.md", "docs/a/two wordsü.md", "docs/a/100%.md", "docs/a/a&b.md"):
        bare.write(path)
    bare.write("../outside.md")
    alive, gone = BOTH_WAYS[form]
    assert dead(bare, f"[x]({alive})\n\n[y]({gone})\n", "docs/a/page.md") == [3]


def test_message_says_what_and_where(bare: Repository) -> None:
    """A finding names the target as written and what to do."""
    bare.write("docs/a.md", "# A\n")
    bare.write("README.md", "[x](docs/b.md)\n[y](docs/a.md#b)\n<a href='//['>z</a>\n")
    assert [found.message for found in read(bare).diagnostics] == [
        "docs/b.md leads nowhere; correct or delete the link",
        "docs/a.md#b: docs/a.md has no heading #b; correct it",
        "//[ is not a link; correct it",
    ]


@pytest.mark.parametrize("heading", HEADINGS)
def test_heading_has_the_anchor_of_github(bare: Repository, heading: str) -> None:
    """A heading has the anchor that GitHub gives it, and no number while it is alone."""
    slug = HEADINGS[heading]
    assert dead(bare, f"# {heading}\n\n[x](#{slug})\n[y](#{slug}-1)\n") == [4]


def test_repeated_headings_are_numbered(bare: Repository) -> None:
    """Repeats are numbered from 1, and step around a heading that has the number by itself, before or after."""
    text = "# a\n\n## A\n\nA\n---\n\n# a-1\n\n> # a\n\n"
    alive = "[x](#a) [x](#a-1) [x](#a-2) [x](#a-1-1) [x](#a-3)\n"
    assert dead(bare, f"{text}{alive}[y](#a-4)\n[y](#a-1-2)\n") == [13, 14]
    assert dead(bare, "# b-1\n# b\n# b\n\n[x](#b-1) [x](#b) [x](#b-2)\n[y](#b-1-1) [y](#b-3)\n") == [6, 6]


def test_anchors_of_other_documents_and_of_no_document(bare: Repository) -> None:
    """An anchor is looked for in the document that the link leads to; only documents have anchors that can be known."""
    bare.write("docs/a.md", "# There\n")
    bare.write("code.py", "x = 1\n")
    text = "# Here\n\n[a](docs/a.md#there) [b](docs/a.md#top) [c](#here) [d](code.py#L1) [e](docs#x)\n[f](docs/a.md#here)\n[g](#there)\n"
    assert dead(bare, text) == [4, 5]


def test_anchors_of_html(bare: Repository) -> None:
    """An id or name of a tag is an anchor, also in a paragraph; a word in a title, in code or in a comment is not."""
    text = """<a id="one"></a> text <a name='two'></a> <b id=three>x</b>

<div title="id=no1 id='no2'" data-id="no3" ID="four&amp;4">
<!-- <a id="no4"> --> <h2 align="center">Raw <em>Head</em> &amp;
</h2>
</div>

`<a id="no5">` <!-- <a id="no6"> -->

# Raw head

[x](#one) [x](#two) [x](#three) [x](#four&4) [x](#raw-head-)
[x](#raw-head) [x](#raw-head--)
"""
    assert dead(bare, text + "".join(f"[y](#no{number})\n" for number in range(1, 7))) == [13, *range(14, 20)]


def test_what_a_commit_would_hold_can_be_linked(bare: Repository) -> None:
    """A new file is there though nobody added it; an ignored one and a deleted one are not."""
    for name in ("kept.md", "deleted.md", "tracked.log"):
        bare.write(f"docs/{name}")
    bare.commit()
    bare.write(".gitignore", "*.log\ncache/\n")
    for path in ("docs/new.md", "docs/ignored.log", "docs/cache/x.md"):
        bare.write(path)
    (bare.root / "docs/deleted.md").unlink()
    names = ["kept.md", "new.md", "tracked.log", "deleted.md", "ignored.log", "cache", "cache/x.md", "../.git/config"]
    assert dead(bare, "".join(f"[x]({name})\n" for name in names), "docs/page.md") == [4, 5, 6, 7, 8]


def test_symbolic_links_inside_lead_on(bare: Repository) -> None:
    """A symbolic link to a file or folder of ours is followed, to the anchors too."""
    bare.write("docs/a.md", "# There\n")
    (bare.root / "other.md").symlink_to("docs/a.md")
    (bare.root / "handbook").symlink_to("docs")
    assert dead(bare, "[a](other.md#there) [b](handbook) [c](handbook/a.md#there)\n[d](other.md#gone)\n[e](handbook/gone.md)\n") == [2, 3]


def test_symbolic_links_outside_lead_nowhere(bare: Repository, tmp_path: Path) -> None:
    """What a symbolic link fetches from outside, from an ignored file or from itself is not in the repository, and is not read."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.md").write_text("# There\n\n[x](gone.md)\n")
    bare.write(".gitignore", "ignored.md\nhidden\n")
    bare.write("ignored.md", "[x](gone.md)\n")
    bare.write("real.md")
    links: dict[str, str | Path] = {
        "a.md": outside / "a.md",
        "folder": outside,
        "to-ignored.md": "ignored.md",
        "loop.md": "loop.md",
        "broken.md": "none",
        "hidden": "real.md",
    }
    for name, target in links.items():
        (bare.root / name).symlink_to(target)
    names = ["real.md", "a.md", "folder", "folder/a.md", "to-ignored.md", "loop.md", "broken.md", "hidden"]
    assert dead(bare, "".join(f"[x](../{name})\n" for name in names), "docs/page.md") == [2, 3, 4, 5, 6, 7, 8]
    assert read(bare).counts["links"] == len(names)


def test_documents_at_the_root_are_stray(bare: Repository) -> None:
    """A document at the root that the policy does not name belongs elsewhere; one in a folder never does."""
    for path in ("README.md", "NOTES.md", "notes/README.md", "a/b/NOTES.md", "notes.txt"):
        bare.write(path)
    assert wrong(bare) == [("NOTES.md", 1, "stray")]
    assert read(bare).diagnostics[0].message == (
        "belongs in docs/ (policies/docs.yaml: a document at the root that is not named in root); nox -s docs moves it there, "
        "or add it to root in policies/docs.yaml"
    )
    assert not read(bare, root=("README.md", "NOTES.md")).failed


def test_documents_that_are_left_are_not_read(bare: Repository) -> None:
    """What the policy leaves is neither followed nor stray, can be linked, and has anchors that nobody knows."""
    bare.write("LEFT.md", "[x](gone.md)\n")
    bare.write("old/a.md", "[x](gone.md)\n")
    bare.write("README.md", "[x](LEFT.md#any) [y](old/a.md)\n")
    assert read(bare).failed
    found = read(bare, leave=("/LEFT.md", "old/"))
    assert (found.failed, found.diagnostics, found.counts) == (False, (), {"documents": 1, "links": 2})


@pytest.mark.parametrize(
    "raw",
    [
        "\n\n[x](gone.md)\n".encode("utf-8-sig"),
        b"caf\xe9 \xff\xfe\n\n[x](gone.md)\n",
        b"zero \0 byte\n\n[x](gone.md)",
        b"# windows\r\n\r\n[x](gone.md)\r\n",
        b"# old mac\r\r[x](gone.md)\r",
        "# caf\u00e9\n\n[x](gone.md) [y](#caf\u00e9)\n".encode(),
    ],
    ids=["byte order mark", "not UTF-8", "zero byte", "CR LF", "CR", "UTF-8"],
)
def test_any_bytes_can_be_read(bare: Repository, raw: bytes) -> None:
    """Whatever a document is made of, its links are found on their lines."""
    bare.write("README.md", raw)
    assert wrong(bare) == [("README.md", 3, "dead-link")]


def test_heading_after_a_byte_order_mark(bare: Repository) -> None:
    """A byte order mark is not part of the first heading."""
    bare.write("README.md", "# First\n\n[x](#first)\n".encode("utf-8-sig"))
    assert wrong(bare) == []


def test_nothing_to_read(bare: Repository) -> None:
    """No document, or an empty one, is no complaint."""
    assert read(bare).counts == {"documents": 0, "links": 0}
    bare.write("README.md", "")
    assert (read(bare).counts, read(bare).failed) == ({"documents": 1, "links": 0}, False)


def test_path_that_is_not_text(bare: Repository) -> None:
    """A file name that is not UTF-8 can be linked and is named in a way that can be written down."""
    name = os.fsdecode(b"docs/\xff.md")
    bare.write(name, "[x](%FF.md)\n[y](gone.md)\n[z](%FF.md#gone)\n")
    assert wrong(bare) == [("docs/\\xff.md", 2, "dead-link"), ("docs/\\xff.md", 3, "dead-anchor")]
    "".join(found.message for found in read(bare).diagnostics).encode()


def test_folder_named_like_a_document(bare: Repository) -> None:
    """A folder or a submodule is not read, whatever its name."""
    bare.write("docs/guide.md/page.txt")
    inner = Repository(bare.root / "sub.md")
    inner.write("x.txt")
    inner.commit()
    bare.git("-c", "advice.addEmbeddedRepo=false", "add", "sub.md")
    assert dead(bare, "[x](docs/guide.md) [y](sub.md)\n[z](sub.md/x.txt)\n") == [2]


def test_deep_lists_are_read(bare: Repository) -> None:
    """A link twenty lists deep is a link."""
    text = "".join(f"{'  ' * depth}- item\n" for depth in range(20)) + "  " * 20 + "- [x](gone.md)\n"
    assert dead(bare, text) == [21]


@pytest.mark.parametrize("piece", ["<a ", "<!-- ", '<a href="', "<h1>", "<a id=", "<p " + "b " * 10])
def test_hostile_html_takes_no_longer(bare: Repository, piece: str) -> None:
    """A hundred thousand unclosed tags take no longer than their length."""
    bare.write("docs/a.md", f"<div>\n{piece * 100_000}\n")
    assert read(bare).cpu < 2
