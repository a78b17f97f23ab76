"""A dossier as one page for a browser: the verdict, the worst first, and every figure with the digest of its evidence."""

import base64
import hashlib

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gate.facts.rows import Dossier
from gate.report import phases
from gate.report.page import tables, treemap, views
from gate.report.page.easel import HEIGHT, WIDTH
from gate.report.page.studio import Studio
from gate.report.summary import word
from gate.report.text import plain


def write(dossier: Dossier) -> str:
    """Write the whole page: one file that needs no network and runs no script but its own."""
    own = _environment()
    style, script = (str(own.get_template(name).render()) for name in ("page.css", "page.js"))
    page, verdict = dossier.page, dossier.page.verdict
    studio = Studio(dossier=dossier)
    urgent, cases = list(views.urgent(verdict, studio)), list(views.cases(verdict, studio))
    told = list(phases.told(verdict, page.phases))
    return own.get_template("page.html.j2").render(
        project=dossier.project,
        gate=dossier.gate,
        lean=dossier.lean,
        base=page.base,
        word=word(verdict),
        verdict=verdict,
        counts=views.counts(verdict),
        urgent=urgent,
        unknown=tables.unknown(verdict),
        lived_with=list(views.lived_with(verdict)),
        phases=told,
        longest=max((one.seconds or 0 for one in told), default=0) or 1,
        memory=tables.memory(verdict),
        cases=cases,
        refused=studio.refused,
        compared=tables.compared(dossier),
        checks=tables.checks(verdict),
        cleaned=tables.cleaned(verdict),
        environment=tables.environment(verdict),
        width=WIDTH,
        height=HEIGHT,
        map_width=treemap.WIDTH,
        style=Markup(style),  # noqa: S704 - ours
        script=Markup(script),  # noqa: S704 - ours
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _environment() -> Environment:
    """Return what fills templates in: all text from elsewhere is one harmless line, and escaped."""
    return Environment(
        loader=PackageLoader("gate.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: value if isinstance(value, Markup) else plain(str(value)),
        trim_blocks=True,
        keep_trailing_newline=True,
    )


def _hash(text: str) -> str:
    """Return how a content security policy names an inline text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
