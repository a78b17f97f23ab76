"""Where what was found lies in the tree: a line of code, or else the entry of the policy that asked."""

import re
from collections.abc import Iterator
from itertools import islice

from gate.facts import Diagnostic, Hotspot, Outcome, Reading
from gate.facts.rows import Place, Row, Standing
from gate.facts.work import Phase, Question

MOST = 20  # places of one check that an annotation or a page names; all of them are in a SARIF log
_POLICIES = {Phase.PLAN: "workflow", Phase.CLEAN: "cleanup", Phase.DOCS: "docs", Phase.QUALITY: "quality", Phase.GIT: "workflow"}
_HERE = re.compile(r"(?P<path>.+?):(?P<line>[0-9]{1,9})")


def of(row: Row, most: int | None = MOST) -> tuple[Place, ...]:
    """Return where the finding of a check lies, the worst first; () when nothing that holds says that anything is wrong."""
    held = row.evidence if row.standing is Standing.HOLDS and not row.damage else None
    if held is None or held.finding.outcome in {Outcome.PASSED, Outcome.SKIPPED}:
        return ()
    work = row.step.work
    found = [_allocating(work, held.reading, held.finding.headline)] if isinstance(work, Question) else []
    found += [_complaint(one, row) for one in islice(held.reading.diagnostics, most)]
    return tuple(found) or (Place(path=policy(row), line=1, message=held.finding.headline),)


def policy(row: Row) -> str:
    """Return the file that asked for a check."""
    return f"policies/{_POLICIES[row.step.phase]}.yaml"


def entry(row: Row) -> tuple[str, int]:
    """Return where the policy asks for a check."""
    return (_limit(row.step.work) if isinstance(row.step.work, Question) else None) or (policy(row), 1)


def lines(reading: Reading) -> Iterator[Place]:
    """Yield the lines of the repository that hold the memory, the heaviest first."""
    for spot in reading.hotspots:
        here = _own(spot)
        if here:
            path, line = here
            yield Place(path=path, line=line, text=spot.text if (path, line) == (spot.path, spot.line) else "", message="")


def is_inside(path: str) -> bool:
    r"""Tell whether a path names something below the root, as every report shows paths.

    >>> is_inside("bots.py"), is_inside("/usr/lib/x.py"), is_inside("../x.py"), is_inside("C:\\x.py"), is_inside("")
    (True, False, False, False, False)
    """
    parts = path.replace("\\", "/").split("/")
    return bool(path) and not path.startswith(("/", "\\")) and ".." not in parts and not re.match(r"[A-Za-z]:[\\/]", path)


def _allocating(work: Question, reading: Reading, headline: str) -> Place:
    """Return the line that holds most of the memory, or the limit that was exceeded."""
    code = f"memory/{work.name}"
    for place in lines(reading):
        return Place(path=place.path, line=place.line, text=place.text, code=code, message=headline)
    path, line = _limit(work) or ("policies/memory.yaml", 1)
    return Place(path=path, line=line, code=code, message=headline)


def _limit(work: Question) -> tuple[str, int] | None:
    """Return where the limit of a question stands."""
    here = _parted(work.limit.place)
    return here if here and is_inside(here[0]) else None


def _complaint(one: Diagnostic, row: Row) -> Place:
    """Return where a tool complains; what it says of no file is said of the policy that called it."""
    if is_inside(one.path):
        return Place(path=one.path, line=max(1, one.line), code=one.code, message=one.message)
    message = f"{one.path}:{one.line}: {one.message}" if one.path else one.message
    return Place(path=policy(row), line=1, code=one.code, message=message)


def _own(spot: Hotspot) -> tuple[str, int] | None:
    """Return the line itself, or the last of the repository's own on the way to it."""
    if is_inside(spot.path):
        return spot.path, max(1, spot.line)
    calls = (_parted(place) for place in reversed(spot.trace))
    return next((call for call in calls if call and is_inside(call[0])), None)


def _parted(place: str) -> tuple[str, int] | None:
    r"""Part "path:line".

    >>> _parted("policies/memory.yaml:14"), _parted("nowhere")
    (('policies/memory.yaml', 14), None)
    """
    found = _HERE.fullmatch(place)
    return (found["path"], max(1, int(found["line"]))) if found else None
