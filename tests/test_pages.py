"""What documents say and where it stands: front matter, navigations, and the exact place of every destination."""

import pytest

from gate.pages import front, nav, scalars
from gate.pages.page import read

FORMS = r"""
> - 1. [q](a.md
>   "t") and
lazy `[x](no)` ![p [in alt](z.md)](pic.png)
>
> [lab
> el]:
>   <dest.md> "x"

| a | b \| [c](p\|q.md) |
|---|---|
| [x](1) | [x](1) <a href=u.md> |

- [tab](tab.md)
  - <img src="i.png"
   alt='x'>

[a](\(x\).md) [b](a&amp;b.md) [e]()
# - [h](h.md) ##
"""
PLACES = [
    (2, "a.md"),
    (4, "pic.png"),
    (4, "z.md"),
    (6, "<dest.md>"),
    (10, r"p\|q.md"),
    (12, "1"),
    (12, "1"),
    (12, "u.md"),
    (14, "tab.md"),
    (15, "i.png"),
    (18, r"\(x\).md"),
    (18, "a&amp;b.md"),
    (18, ""),
    (19, "h.md"),
]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_every_destination_is_found_at_its_place(ends: str, mark: str) -> None:
    """In quotes, lists, tables, tags and definitions, with any line ends, the span of a link holds exactly its destination."""
    page = read((mark + FORMS.replace("- [tab]", "-\t[tab]").replace("  - <img", "\t- <img").replace("\n", ends)).encode())
    assert [(link.line, page.text[slice(*link.span)]) for link in page.links] == PLACES


def test_front_matter_is_no_heading_and_no_link() -> None:
    """What a document says about itself are values; its first heading comes after, and lines keep their numbers."""
    page = read(b"---\r\nstatus: archived\ntags: [a, b]\nby: {name: x}\nsee: '[x](gone.md)'\n---\n# Title\n\n[y](z.md)\n")
    assert page.front == {"status": ("archived",), "tags": ("a", "b"), "see": ("[x](gone.md)",)}
    assert page.headings == ["Title"]
    assert [(link.line, link.target) for link in page.links] == [(9, "z.md")]


@pytest.mark.parametrize(
    "text",
    [
        "---\n\n# Title\n\n[x](y.md)\n\n---\n",
        "---\na: [x\n---\n",
        "---\nstatus: x\n",
        "\n---\na: b\n---\n",
        "---\n---\n",
        "--- \n- a\n---\n",
    ],
)
def test_what_is_no_front_matter(text: str) -> None:
    """Rules, YAML that is none, a list, and what comes later are part of the text."""
    assert front.read(text) == front.Front(text=text)


def test_no_yaml_acts() -> None:
    """Tags, anchors and aliases of others are read as what they are, and endless ones not at all."""
    found = scalars.read("a: !!python/object:os.system [x]\nb: &b y\nc: *b\n? [k]\n: v\n")
    assert found is not None
    assert [(scalar.keys, scalar.value) for scalar in found] == [(("a",), "x"), (("b",), "y"), (("",), "v")]
    assert scalars.read("- a\n") is None
    assert scalars.read("a: [" + "x, " * 30_000 + "]") is None


def test_navigation_names_documents() -> None:
    """Entries at any depth are found with their folder; each is written again in its own quotes."""
    raw = "\ufeffsite: x\ndocs_dir: site\nnav:\r\n  - a.md\n  - T:\n    - 'b c.md'\n    - U: \"d.md\"\n  - https://x.org\n".encode()
    found = nav.read("web/mkdocs.yml", raw)
    assert found is not None
    assert [nav.goal(found, entry) for entry in found.entries[:3]] == ["web/site/a.md", "web/site/b c.md", "web/site/d.md"]
    assert [found.text[entry.start : entry.end] for entry in found.entries] == ["a.md", "'b c.md'", '"d.md"', "https://x.org"]
    assert [nav.written(entry, "n'1.md") for entry in found.entries[:3]] == ['"n\'1.md"', "'n''1.md'", '"n\'1.md"']
    assert nav.read("mkdocs.yml", b"nav: [\n") is None
