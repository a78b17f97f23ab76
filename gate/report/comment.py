"""The verdict as a comment on a pull request: short, within what GitHub takes, every foreign word harmless."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gate.facts.rows import Counted, Row, Verdict
from gate.report.summary import word
from gate.report.text import bullets, code, head, markdown, row

MARK = "<!-- heapgate:comment -->"  # by which the comment is found again; nothing foreign can write it, for < is escaped
MOST = 65_536  # characters of a comment that GitHub takes
_SHOWN = 20  # of what is missing
_LINK = re.compile(r"https?://[A-Za-z0-9.:-]+/[A-Za-z0-9._/-]*")
_FORK = "The code of a fork ran and wrote this evidence: read the change before you believe it."


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What a comment is about: as GitHub says it, never as the run does."""

    commit: str  # the head of the pull request
    run: str  # URL
    branch: str  # whose policies decide
    fork: bool


def write(verdict: Verdict | None, about: About, wrong: str = "") -> str:
    """Write the comment; without a verdict, say why there is none."""
    top = [MARK, f"### Gate: {word(verdict) if verdict else 'NO VERDICT'}"]
    run = f"[this run]({about.run})" if _LINK.fullmatch(about.run) else "a run"
    told = [f"commit {code(about.commit)}, judged in {run} by the policies of {code(about.branch)}"]
    told += [_counts(verdict)] if verdict else [markdown(wrong)]
    blocks = [*top, _list([*told, *([_FORK] if about.fork else [])])]
    if not verdict:
        return "\n\n".join(blocks) + "\n"
    if verdict.missing:
        more = [f"and {len(verdict.missing) - _SHOWN} more"] if len(verdict.missing) > _SHOWN else []
        blocks.append(_list([*map(markdown, verdict.missing[:_SHOWN]), *more]))
    whole = "\n\n".join(blocks) + "\n"
    rows = [_told(one) for one in sorted(verdict.rows, key=lambda one: list(Counted).index(one.counted))]
    shown = bisect_right(range(len(rows)), MOST - len(whole), key=lambda count: len(_folded(rows, count + 1)))  # the worst stay
    return whole + (_folded(rows, shown) if shown else "")


def _folded(rows: Sequence[tuple[str, ...]], shown: int) -> str:
    """Lay out the first rows, and count the others."""
    left = f"\n\nand {len(rows) - shown} more in the summary of the run" if shown < len(rows) else ""
    checks = "\n".join([head("check|outcome|what was found"), *map(row, rows[:shown])])
    return f"\n<details><summary>{len(rows)} checks</summary>\n\n{checks}{left}\n\n</details>\n"


def _counts(verdict: Verdict) -> str:
    """Count every check in its one class."""
    counts = Counter(one.counted for one in verdict.rows)
    told = ", ".join(f"{counts[name]} {name}" for name in Counted if counts[name]) or "none"
    return f"{len(verdict.rows)} checks: {told}; tree {code(verdict.tree)}"


def _told(one: Row) -> tuple[str, ...]:
    """Tell one check in a line."""
    return code(one.step.check, cell=True), str(one.counted), markdown(one.evidence.finding.headline) if one.evidence else ""


def _list(lines: Iterable[str]) -> str:
    return "\n".join(bullets(lines))
