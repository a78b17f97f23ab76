"""Everything that is drawn about one question, while there is room on the page."""

from dataclasses import dataclass, field

from gate.facts import Remedy
from gate.facts.rows import Dossier, Row
from gate.facts.work import Question
from gate.report.page import plots, records
from gate.report.page.easel import Easel
from gate.report.page.marks import Plot
from gate.report.page.tables import Table, explained, held, proposed
from gate.report.page.treemap import Treemap, of_reading

_BYTES = 700_000  # of drawings and of tables beside them, the worst first; so that the page stays below 1 MB
_FRAME, _EACH = 900, 200  # bytes around a plot, of one rectangle or one row


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawings:
    """Everything that is drawn about one question."""

    plots: tuple[Plot, ...] = ()
    maps: tuple[Treemap, ...] = ()
    tables: tuple[Table, ...] = ()
    level: tuple[str, ...] = ()
    left_out: bool = False


@dataclass(kw_only=True, slots=True)
class Studio:
    """The easel, and how much may still be drawn."""

    dossier: Dossier
    easel: Easel = field(default_factory=Easel)
    left: int = _BYTES
    refused: int = 0

    def of(self, row: Row, *, whole: bool) -> Drawings:
        """Draw one question, while there is room; `whole` also shows what holds the bytes."""
        found, question = held(row), row.step.work
        if not found or not isinstance(question, Question):
            return Drawings()
        if self.left <= 0:
            self.refused += 1
            return Drawings(left_out=True)
        past = [one for one in self.dossier.past if one.check == row.step.check]
        drawn = plots.of_question(self.easel, question, found, row.digest)
        drawn += [plot for plot in [records.history(self.easel, question, past)] if plot]
        digest, remedies = self._advised(question) or (row.digest, found.reading.remedies)
        remedies = remedies if question.name == "footprint" else ()
        drawn += [records.remedies(self.easel, question, remedies, digest)] if remedies else []
        maps = of_reading(found.reading, question.limit.unit, row.digest) if whole or found.reading.types else []
        tables = (*explained(found, question, row.digest), *proposed(remedies, digest))
        self.left -= sum(len(plot.drawing) + len(plot.data) + _FRAME for plot in drawn)
        self.left -= _EACH * (sum(len(one.tiles) for one in maps) + sum(len(table.rows) for table in tables))
        return Drawings(plots=tuple(drawn), maps=tuple(maps), tables=tables, level=tuple(plots.level(question, found, past)))

    def _advised(self, question: Question) -> tuple[str, tuple[Remedy, ...]] | None:
        """Return what was advised by name, which may have been tried too, with its digest."""
        named = f"advice/{question.case}"
        return next(((digest, found.reading.remedies) for digest, found in self.dossier.advised if found.check == named), None)
