"""The page in a headless Chromium: it opens quietly, sorts, answers pointer and keys, fits a phone, prints; axe-core finds nothing."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: nox -s page installs it")

from gate.report.page import write  # noqa: E402 - after what the file is skipped without
from tests import dossiers  # noqa: E402 - as above

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
AXE = Path(os.environ.get("GATE_AXE", "axe.min.js"))
SCHEMES = ("light", "dark")
WIDE, PHONE = {"width": 1120, "height": 900}, {"width": 360, "height": 740}
PLOT = ".plot >> nth=0"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start Chromium, without the sandbox that root cannot have."""
    if not CHROMIUM:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the page that has one row of each kind."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(write(dossiers.dossier()), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Any, file: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Open the page as a test wants it; what it says or asks for beside itself ends the test."""
    wanted = {"viewport": WIDE, "color_scheme": "light", **getattr(request, "param", {})}
    context = browser.new_context(**wanted)
    page, heard = context.new_page(), []
    page.on("console", lambda said: heard.append(said.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda asked: heard.append(asked.url) if asked.url != file.as_uri() else None)
    page.goto(file.as_uri())
    yield page
    context.close()
    assert heard == []


def column(page: Any, at: int) -> list[str]:
    """Read a column of the memory table."""
    cells: list[str] = page.locator(f"#memory > .scroll tbody td:nth-child({at})").all_inner_texts()
    return [cell.strip() for cell in cells]


def test_opens_quietly(opened: Any) -> None:
    """The page opens without a message on the console and without a request."""
    assert opened.locator("h1").inner_text() == "Not completed"
    opened.wait_for_load_state("networkidle")


def test_a_table_sorts(opened: Any) -> None:
    """A press on a head sorts by numbers in their units, another turns the order round, and the head says so."""
    before = column(opened, 4)
    head = opened.locator("#memory > .scroll th", has_text="measured")
    head.get_by_role("button").click()
    up = column(opened, 4)
    assert head.get_attribute("aria-sort") == "ascending"
    assert up == ["0/step", "129 B/step", "900 B/agent", "40 kB/agent", "100 kB/agent", "not measured"] != before
    head.get_by_role("button").click()
    assert column(opened, 4)[-1] == up[0]
    assert head.get_attribute("aria-sort") == "descending"
    opened.locator("#memory > .scroll th", has_text="question").get_by_role("button").click()
    assert column(opened, 2) == sorted(column(opened, 2))
    assert head.get_attribute("aria-sort") is None


def test_every_table_sorts(opened: Any) -> None:
    """Each table that there is has a button in every head."""
    tables = opened.locator("table")
    assert tables.count() > 8
    for at in range(tables.count()):
        table = tables.nth(at)
        assert table.locator("thead th").count() == table.locator("thead th button").count() > 0


def test_a_plot_answers_a_pointer(opened: Any) -> None:
    """Where a pointer is, the nearest reading is told; when it leaves, nothing is."""
    plot, tip = opened.locator(PLOT), opened.locator("#tip")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    opened.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2)
    first = tip.inner_text()
    assert first.startswith("step ")
    assert first.endswith(" kB")
    opened.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
    assert tip.inner_text() not in {"", first}
    opened.mouse.move(0, 0)
    assert tip.is_hidden()


def test_a_plot_answers_keys(opened: Any) -> None:
    """With the keyboard alone a plot is reached, and arrows go from reading to reading, told to who hears too."""
    plot, tip = opened.locator(PLOT), opened.locator("#tip")
    for _ in range(60):
        opened.keyboard.press("Tab")
        if plot.evaluate("plot => plot === document.activeElement"):
            break
    assert tip.inner_text().startswith("step 8,192: 1.05 MB")
    opened.keyboard.press("Home")
    assert tip.inner_text().startswith("step 128: ")
    opened.keyboard.press("ArrowRight")
    assert tip.inner_text().startswith("step 256: ")
    assert plot.get_attribute("aria-valuetext") == tip.inner_text()
    opened.keyboard.press("Escape")
    assert tip.is_hidden()


def test_everything_is_reached_by_keys(opened: Any) -> None:
    """The first key leads past the navigation, and Enter sorts and unfolds."""
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.textContent") == "Skip to what was found"
    head = opened.locator("#memory > .scroll th", has_text="case")
    head.get_by_role("button").focus()
    opened.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    folded = opened.locator("details.case").first
    folded.locator("summary").focus()
    opened.keyboard.press("Enter")
    assert folded.evaluate("one => one.open")


@pytest.mark.parametrize("opened", [{"color_scheme": scheme} for scheme in SCHEMES], indirect=True, ids=SCHEMES)
def test_light_and_dark(opened: Any, request: pytest.FixtureRequest) -> None:
    """The page takes the colours that the reader prefers."""
    colours = [opened.evaluate(f"getComputedStyle(document.body).{name}") for name in ("color", "backgroundColor")]
    light = [sum(map(int, colour[4:-1].split(","))) for colour in colours]
    assert (light[0] > light[1]) == ("dark" in request.node.callspec.id)
    shape = opened.locator("path.readings").first.evaluate("shape => getComputedStyle(shape).stroke")
    assert (shape == "rgb(125, 179, 255)") == ("dark" in request.node.callspec.id)


@pytest.mark.parametrize("opened", [{"viewport": PHONE}], indirect=True)
def test_nothing_runs_out_of_a_phone(opened: Any) -> None:
    """At 360 pixels, with everything unfolded, the page does not scroll sideways."""
    opened.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    inside = "[...document.querySelectorAll('main *')].filter(one => !one.closest('.scroll'))"
    wide = f"{inside}.filter(one => one.getBoundingClientRect().right > 360.5).length"
    assert opened.evaluate(wide) == 0


def test_paper_shows_everything(opened: Any, tmp_path: Path) -> None:
    """On paper the colours are light, what is folded is unfolded, and nothing to press is there."""
    opened.emulate_media(media="print", color_scheme="dark")
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.locator("nav").is_hidden()
    assert opened.locator("details.case .details").first.evaluate("one => one.checkVisibility({contentVisibilityAuto: true})")
    printed = opened.pdf(path=str(tmp_path / "page.pdf"))
    assert printed.startswith(b"%PDF")


@pytest.mark.parametrize("opened", [{"java_script_enabled": False}], indirect=True)
def test_without_scripts_everything_is_told(opened: Any) -> None:
    """Where scripts are switched off the plots are there, with their figures beside them."""
    assert opened.locator(".plot svg path.readings").first.is_visible()
    assert "129 B/step" in opened.locator(".keys").first.inner_text()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(browser: Any, file: Path, scheme: str, viewport: dict[str, int]) -> None:
    """axe-core finds no violation of WCAG 2.2 AA nor of its own good practice, with everything unfolded and a plot answering."""
    if not AXE.is_file():
        pytest.skip(f"{AXE}: no axe-core here: nox -s page installs it")
    context = browser.new_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(file.as_uri())
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.locator(PLOT).hover()
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("axe.run({resultTypes: ['violations', 'incomplete']})")
    context.close()
    said = [(row["id"], row["help"], [node["html"] for node in row["nodes"]][:3]) for row in found["violations"]]
    assert said == []
    assert len(found["passes"]) > 20
