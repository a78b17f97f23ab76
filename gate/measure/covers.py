"""What the tests execute of the code that they are for, as coverage.py counts it: a suite that never runs it proves nothing about it."""

import json
from collections.abc import Mapping, Sequence
from importlib import util
from pathlib import Path
from typing import Any

from gate.command import run
from gate.facts import Diagnostic

_QUIET = "no-data-collected,module-not-imported,module-not-measured,include-ignored"  # each is told as a finding instead

Counted = tuple[tuple[Diagnostic, ...], dict[str, int]]


def absent(covers: Sequence[str]) -> str:
    """Say what is missing to count lines, or return ""."""
    if not covers or util.find_spec("pytest_cov"):
        return ""
    return f"policies/quality.yaml says that the tests cover {', '.join(covers)}, and pytest-cov, which counts that, is not installed"


def words(covers: Sequence[str], scratch: Path, root: Path) -> tuple[str, ...]:
    """Return what makes pytest count lines below some paths and nothing else; what the repository configures does not matter."""
    if not covers:
        return ()
    include = [f"    {root / path}\n    {root / path}/*\n" for path in covers]
    text = f"[run]\ndata_file = {scratch / 'coverage'}\ndisable_warnings = {_QUIET}\ninclude =\n{''.join(include)}"
    (scratch / "coveragerc").write_text(text, encoding="utf-8")
    return ("--cov", f"--cov-config={scratch / 'coveragerc'}", "--cov-report=")


def read(covers: Sequence[str], scratch: Path, root: Path) -> Counted:
    """Return a finding for each path of which nothing ran, or nothing but what importing runs, and how many lines ran."""
    if not covers:
        return (), {}
    out = scratch / "coverage.json"
    config, data = f"--rcfile={scratch / 'coveragerc'}", f"--data-file={scratch / 'coverage'}"
    run(("coverage", "json", config, data, "--quiet", "-o", str(out)), cwd=root)
    files = json.loads(out.read_bytes())["files"] if out.exists() else {}  # nothing was counted: there is none
    found, counts = [], {"lines": 0, "lines that ran": 0}
    for path in covers:
        below = [told for name, told in files.items() if Path(name) == Path(path) or Path(name).is_relative_to(path)]
        inside = [_functions(told) for told in below]
        ran, all_ = sum(ran for ran, _ in inside), sum(all_ for _, all_ in inside)
        counts["lines"] += all_
        counts["lines that ran"] += ran
        if not any(told["summary"]["covered_lines"] for told in below):
            found.append(_finding(path, "no line of it ran in the tests: they never import it"))
        elif all_ and not ran:
            found.append(_finding(path, f"the tests import it and call nothing in it: 0 of {all_} lines of its functions ran"))
    return tuple(found), counts


def _functions(told: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many lines within functions ran, and how many there are; what importing runs lies outside of them."""
    regions = [region["summary"] for name, region in told["functions"].items() if name]
    return sum(part["covered_lines"] for part in regions), sum(part["num_statements"] for part in regions)


def _finding(path: str, message: str) -> Diagnostic:
    return Diagnostic(path=path, line=1, code="covers", message=message)
