"""The two files of a summary: the text, and beside it the bundle that every word of it can be written from again."""

import hashlib
from dataclasses import dataclass, replace

from gate import __version__, flow
from gate.facts import Evidence
from gate.facts.rows import Base, Compared, Page, Verdict
from gate.facts.work import Phase
from gate.judge import against as comparison
from gate.record import bundle
from gate.report import summary


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A summary as it is written."""

    text: bytes
    bundle: bytes
    name: str  # of the bundle, beside the text
    compared: tuple[Compared, ...] = ()  # with the base


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
    return Drawn(text=written(page, name, raw), bundle=raw, name=name, compared=page.compared)


def written(page: Page, name: str, raw: bytes) -> bytes:
    """Return the text of a page whose bundle has this name and these bytes."""
    text = summary.write(replace(page, bundle=name, seal=hashlib.sha256(raw).hexdigest()))
    return text.encode("utf-8", "backslashreplace")
