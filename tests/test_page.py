"""The page for a browser: it parses without an error, needs nothing from elsewhere, stays small, and foreign text in it is text."""

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import html5lib
import pytest

from gate.facts import Evidence, Finding, Holder, Part, Remedy, TypeSize
from gate.facts.rows import Dossier, Row
from gate.facts.work import Question
from gate.report.page import write
from gate.report.page.easel import Easel
from gate.report.page.marks import Plot
from gate.report.page.plots import of_question
from gate.report.page.treemap import HEIGHT, WIDTH, of_reading
from gate.report.text import plain
from tests import dossiers
from tests.conftest import Repository, call
from tests.test_report import HOSTILE

TEXT = Path(__file__).with_name("assets") / "reports" / "page.txt"
BREAKS = {"p", "h1", "h2", "h3", "h4", "li", "dt", "dd", "tr", "summary", "figcaption", "text", "title", "div", "svg"}


def parsed(page: str) -> ET.Element:
    """Read a page as a browser does; any error of its syntax raises."""
    found: ET.Element = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), strict=True, namespaceHTMLElements=False).parse(page)
    return found


def name(element: ET.Element) -> str:
    """Return the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]  # of a comment, what stands for it


def told(element: ET.Element) -> list[str]:
    """Return the lines that a reader meets."""

    def walk(node: ET.Element) -> str:
        if name(node) in {"script", "style", "head"}:
            return node.tail or ""
        mark = "\n" if name(node) in BREAKS else " | " if name(node) in {"td", "th"} else ""
        inner = (node.text or "") + "".join(map(walk, node))
        return f"{mark}{inner}{mark.strip(' |')}{node.tail or ''}"

    return [line for raw in walk(element).splitlines() if (line := " ".join(raw.split()).strip("| "))]


def shape(page: str) -> list[tuple[str, list[str]]]:
    """Return the elements of a page with the names of their attributes, without what is in them."""
    return [(name(node), sorted(node.attrib)) for node in parsed(page).iter()]


@pytest.fixture(scope="module")
def page() -> str:
    """Write the page that has one row of each kind."""
    return write(dossiers.dossier())


def test_page_tells_everything(page: str) -> None:
    """The whole text of a page with one row of each kind, the worst first; each figure stands beside the digest of its evidence."""
    lines = "\n".join(told(parsed(page))) + "\n"
    assert lines == TEXT.read_text(encoding="utf-8")


def test_page_needs_nothing_from_elsewhere(page: str) -> None:
    """No element loads anything, links lead into the page, and its policy forbids whatever is not in the file."""
    nodes = list(parsed(page).iter())
    held = {(name(node), key): value for node in nodes for key, value in node.attrib.items()}
    assert not {key for key in held if key[1] in {"src", "srcset", "action", "style", "background", "poster", "data"}}
    assert not {key for key in held if key[1].startswith("on")}
    assert {node.get("href", "#")[0] for node in nodes} == {"#"}
    assert not {name(node) for node in nodes} & {"link", "iframe", "img", "object", "embed", "base", "form", "use", "image"}
    assert "url(" not in page
    assert "@import" not in page
    policy = next(node.get("content", "") for node in nodes if node.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_links_lead_somewhere(page: str) -> None:
    """Whatever is linked is there, and no name is given twice."""
    nodes = list(parsed(page).iter())
    names = [node.get("id") for node in nodes if node.get("id")]
    assert len(names) == len(set(names))
    assert {node.get("href", "#main")[1:] for node in nodes} <= set(names)


def spoiled(text: str, *, series: bool) -> Dossier:
    """Put one foreign text wherever others can write; without series it is quick."""

    def spoil(row: Row) -> Row:
        work = row.step.work
        work = replace(work, case=text) if isinstance(work, Question) else work
        found = row.evidence and of(row.evidence)
        waivers = tuple(replace(one, reason=text, owner=text, expires=text, place=text) for one in row.waivers)
        planned = replace(row.step, check=text, command=text, does=text, work=work)
        return replace(row, step=planned, evidence=found, damage=text and row.damage, waivers=waivers)

    def of(found: Evidence) -> Evidence:
        old = found.reading
        reading = replace(
            old,
            series=tuple(replace(row, meter=row.meter) for row in old.series) if series else (),
            types=tuple(TypeSize(name=text, count=1, size=row.size) for row in old.types),
            holders=tuple(Holder(path=text, kind=text, items=1, gained=1, size=row.size, bound=0) for row in old.holders),
            hotspots=tuple(replace(row, path=text, text=text) for row in old.hotspots),
            parts=tuple(Part(name=text, size=row.size) for row in old.parts),
            remedies=tuple(Remedy(does=text, leaves=row.leaves, tried=row.tried) for row in old.remedies) if series else (),
            changes=tuple(replace(row, kind=text) for row in old.changes),
            versions={text: text},
            pins={text: text},
        )
        said: Finding = replace(found.finding, headline=text, details=(text, text), next_act=text)
        return replace(found, taken=text, finding=said, reading=reading, environment={text: text})

    made = dossiers.dossier()
    whole = made.page.verdict
    rows = tuple(map(spoil, whole.rows))
    idle = tuple(replace(one, check=text, owner=text, expires=text, place=text) for one in whole.idle)
    verdict = replace(
        whole, rows=rows, idle=idle, branch=text, commit=text or "x", tree=text, policy=text, missing=(text,) * len(whole.missing)
    )
    base = made.page.base and replace(made.page.base, revision=text, commit=text, tree=text)
    pairs = tuple(replace(pair, why=text, says=text) for pair in made.page.compared)
    past = tuple(replace(one, check=text, commit=f"abc1234{text}", taken=text) for one in made.past)
    drawn = replace(made.page, verdict=verdict, base=base, compared=pairs, title=text)
    return replace(made, page=drawn, project=text, gate=text, past=past)


WORD = "a word that is longer than what is left of a digest"


def shown(page: str, text: str) -> int:
    """Count the lines that show a text, or as much of it as a line has room for: what is cut says so with "…"."""
    wanted = " ".join(plain(text).split()).strip("| ")[:60].rstrip("| ")
    return sum(wanted in line or line.endswith("…") or line.startswith("…") for line in told(parsed(page)))


@cache
def ordinary(*, series: bool) -> str:
    """Write the page with a word wherever others can write."""
    return write(spoiled(WORD, series=series))


def assert_text(what: str, *, series: bool) -> str:
    """Assert that a page with this text everywhere has the elements of one with a word in its place, and shows the text."""
    strange, usual = write(spoiled(what, series=series)), ordinary(series=series)
    assert shape(strange) == shape(usual)
    assert shown(strange, what) >= shown(usual, WORD)
    return strange


QUICK = {"HTML", "lone surrogate"}
REST = sorted(HOSTILE.keys() - QUICK - {"nothing", "blank"})  # of which nothing is shown, where a word is


@pytest.mark.parametrize("what", [*sorted(QUICK), *(pytest.param(what, marks=pytest.mark.slow) for what in REST)])
def test_foreign_text_is_text(what: str) -> None:
    """No foreign text makes an element or an attribute, ends one, or is lost."""
    assert_text(HOSTILE[what], series=False)


@pytest.mark.parametrize("what", ["'\"><img src=x></title></svg></script><script>x</script>{{ 7*7 }}{% x %}"])
def test_foreign_text_is_text_in_drawings(what: str) -> None:
    """Nor does it in the words of plots and rectangles, in a script's data, or in a template's own marks."""
    for node in parsed(assert_text(what, series=True)).iter():
        if node.get("data-plot"):
            assert {"x", "y", "f"} <= json.loads(node.attrib["data-plot"]).keys()


@pytest.mark.parametrize("failing", [100, pytest.param(5, marks=pytest.mark.slow)])
def test_page_of_a_hundred_cases_is_small(failing: int) -> None:
    """100 cases with three questions each, a history of ten and up to 24 kinds of holders stay below 1 MB; what is left out is said."""
    made = dossiers.crowd(100, failing=failing)
    page = write(made)
    assert len(page.encode()) < 1_000_000
    refused = re.search(r"(\d+) questions are not drawn", page)
    assert page.count("Not drawn:") <= int(refused[1] if refused else 0)
    assert page.count("data-plot=") > (40 if failing > 50 else 200)


def test_completed_page_says_so() -> None:
    """A page without anything to complain of says completed, and no section that is empty is there."""
    page = write(dossiers.dossier([dossiers.fits("bot")], base=False))
    lines = told(parsed(page))
    assert lines[2] == "Completed"
    assert not {"What is missing", "Against main", "Cleaned"} & set(lines)


def drawn(row: Row) -> Plot:
    """Draw the question of a row."""
    assert isinstance(row.step.work, Question)
    assert row.evidence
    return of_question(Easel(), row.step.work, row.evidence, row.digest)[0]


def test_plot_shows_slope_interval_limit_and_warm_up() -> None:
    """A leak is drawn with what was read, its slope, its interval, the limit and the warm-up, each explained with its figure."""
    plot = drawn(dossiers.leaks("bot"))
    assert re.findall(r'class="(\w+)"', str(plot.drawing))[-5:] == ["warm", "fan", "limit", "readings", "fit"]
    assert plot.keys == (
        ("readings", "128 readings, every 2."),
        ("fit", "129 B/step"),
        ("fan", "123 B/step to 135 B/step"),
        ("warm", "warm-up, not judged: the first 25%"),
        ("limit", "less than 1 B/step is allowed"),
    )


def places(plot: Plot, shape_: str) -> list[tuple[float, float]]:
    """Return the corners of a shape."""
    found = re.search(rf'class="{shape_}" d="([^"]+)"', str(plot.drawing))
    assert found
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", found[1])]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_readings_lie_where_a_pointer_finds_them() -> None:
    """The line is drawn through the very readings that a pointer is told, and the fit climbs by the slope that was judged."""
    plot = drawn(dossiers.leaks("bot", 129.0))
    data: dict[str, Any] = json.loads(plot.data)
    left, top, width, height, x0, x1, y0, y1 = data["f"]
    wanted = [(left + (x - x0) / (x1 - x0) * width, top + (y1 - y) / (y1 - y0) * height) for x, y in zip(data["x"], data["y"], strict=True)]
    found = places(plot, "readings")
    assert len(found) == len(wanted) == 64
    assert all(abs(one - two) < 0.11 for at, to in zip(found, wanted, strict=True) for one, two in zip(at, to, strict=True))
    (one, low), (two, high) = places(plot, "fit")
    climbs = (low - high) / height * (y1 - y0) / ((two - one) / width * (x1 - x0))
    assert climbs == pytest.approx(129, rel=0.01)


def test_areas_are_the_bytes() -> None:
    """In a treemap each rectangle is as large as its share, they fill it, and none lies over another; a name too long keeps its end."""
    reading = dossiers.grown(100, kinds=24)
    by_type, by_path = of_reading(reading, "B/step", "x" * 64)
    whole = sum(row.size for row in reading.types)
    for tile, row in zip(by_type.tiles[:5], reading.types[:5], strict=True):
        assert (tile.width + 1) * (tile.height + 1) == pytest.approx(row.size / whole * WIDTH * HEIGHT, rel=0.03)
    assert by_path.tiles[0].label == "agents[0].log['0']"
    assert (by_type.title, by_path.title) == ("By type", "By holder path")


# --- the command ----------------------------------------------------------------------


def test_command_writes_the_page_of_what_is_recorded(house: Repository) -> None:
    """The verb writes what the last run recorded, of the work tree, of a revision and of a bundle, and measures nothing."""
    assert call("check", "format")[0] == 0
    call("summary")
    assert call("report", "--html") == (0, "report: .gate/report.html\n")
    lines = told(parsed((house.root / ".gate" / "report.html").read_text()))
    assert lines[2] == "Not completed"
    assert call("report", "--html", "--tree", "HEAD", "--out", "sub/page.html") == (0, "report: sub/page.html\n")
    again = told(parsed((house.root / "sub" / "page.html").read_text()))
    code, text = call("report", "--html", ".gate/summary.md", "--out", "-")
    assert code == 0
    for found in (lines, again, told(parsed(text))):
        assert any(line.startswith("format | passed") for line in found)


def test_bad_words_of_the_command(house: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A bundle that is not there, one that was edited, one of other policies and a form that nobody knows end with one line and 2."""
    bundle = house.root / ".gate" / "summary-evidence.json"
    assert call("report", "--html", "none.json")[0] == 2
    call("summary")
    raw = bundle.read_bytes()
    bundle.write_bytes(raw.replace(b'"title": "Gate"', b'"title": 1'))
    assert call("report", "--html", str(bundle))[0] == 2
    bundle.write_bytes(raw)
    house.write("policies/docs.yaml", "version: 1\n# other\nindex: false\n")
    assert call("report", "--html", str(bundle))[0] == 2
    assert call("report")[0] == 2
    said = capsys.readouterr().err
    for words in ("name a bundle, or the summary", "get it again from the commit", "gate: policies/docs.yaml", "is required"):
        assert words in said


def test_without_the_extra_it_says_what_to_install(
    house: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where what draws the page is missing, the command names it and how to get it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "squarify" else name)
    assert call("report", "--html")[0] == 2
    assert capsys.readouterr().err == "gate: report --html needs squarify, not installed here: pip install 'heapgate[page]'\n"
    assert not (house.root / ".gate" / "report.html").exists()
