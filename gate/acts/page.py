"""The two files of a summary: the text, and beside it the bundle that every word of it can be written from again."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from gate import __version__, flow
from gate.facts import Evidence
from gate.facts.rows import Base, Page, Verdict
from gate.facts.work import Phase
from gate.judge import against as comparison
from gate.record import bundle
from gate.report import summary
from gate.report.parts import MOST


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A summary as it is written."""

    text: bytes
    bundle: bytes
    name: str  # of the bundle, beside the text
    page: Page  # what both are written from


def draw(
    house: flow.House,
    whole: Verdict,
    phases: dict[Phase, Evidence | None],
    *,
    title: str,
    file: str,
    task: str = "",
    base: Base | None = None,
) -> Drawn:
    """Write the summary of a verdict, and its bundle; `file` is the name of the summary."""
    page = Page(title=title, verdict=whole, phases=phases, base=base, compared=comparison.compare(whole, base) if base else ())
    raw = bundle.write(page, gate=__version__, task=task, environment=flow.today(house).environment)
    name = bundle.beside(file)
    return Drawn(text=written(page, name, raw), bundle=raw, name=name, page=page)


def written(page: Page, name: str, raw: bytes, most: int = MOST) -> bytes:
    """Return the text of a page whose bundle has this name and these bytes, in at most so many bytes of its own."""
    text = summary.write(replace(page, bundle=name, seal=hashlib.sha256(raw).hexdigest()), most)
    return text.encode("utf-8", "backslashreplace")


def append(drawn: Drawn, file: Path) -> bool:
    """Add a summary to what GitHub shows of a step, in as many bytes as are left there; say whether it fits.

    GitHub drops everything of a step that wrote too much, so what does not fit even when its rows are left out is not written.
    """
    with file.open("ab") as step:
        left = MOST - step.tell()
        text = written(drawn.page, drawn.name, drawn.bundle, left)
        fits = len(text) <= left
        step.write(text if fits else b"")
    return fits
