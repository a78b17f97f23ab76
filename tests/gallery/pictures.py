"""One function a picture: from the repository that was run to files of the gallery."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from gate.command import run

_COLOURS = 96
SIZE = {"width": 1120, "height": 1480}
SCHEMES = {"page.png": "light", "page-dark.png": "dark"}


def page(root: Path, folder: Path) -> None:
    """Photograph the page as a browser shows it, in light and in dark."""
    ran = run([sys.executable, "-m", "gate", "report", "--html"], cwd=root)
    if ran.code:
        sys.exit(f"the page could not be written: {ran.err}")
    with browser() as chromium:
        for name, scheme in SCHEMES.items():
            tab = chromium.new_page(viewport=SIZE, color_scheme=scheme)
            tab.goto((root / ".gate" / "report.html").as_uri())
            tab.screenshot(path=folder / name)
            tab.close()
            with Image.open(folder / name) as picture:  # few colours, so a palette does
                picture.quantize(_COLOURS).save(folder / name, optimize=True)


@contextmanager
def browser() -> Iterator[Any]:
    """Start the Chromium of the system, without the sandbox that root cannot have."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only this picture needs it

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        sys.exit("no Chromium here: apt-get install chromium")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()
