"""Score leak detectors on a folder of real leaks, side by side in one run: who finds them, who cries wolf, what it costs."""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
PEERS = ("psleak", "pytest-memray")
DETECTORS = {  # what a case is given to; {driver} is a file with step() and perhaps setup()
    "gate": "sh {here}/ask.sh {gate} {driver}",
    "gate, verdict only": "sh {here}/ask.sh {gate} {driver} --no-explain",  # as its peers do
    "psleak": "env PYTHONMALLOC=malloc {python} detectors/psleak_default.py {driver}",
    "psleak, memory only": "env PYTHONMALLOC=malloc {python} detectors/psleak_default.py {driver} memory",
    "pytest-memray": "{python} detectors/memray_limits.py {driver} doc",
    "pytest-memray, tuned": "{python} detectors/memray_limits.py {driver} tuned",
}
_LOG = "HEAPGATE_BENCH_LOG"
_ROW = re.compile(r"(?P<case>\S+) +(?P<side>\S+) +(?P<verdict>\S+) +[0-9.]+s  ")  # a detail may go on for lines
_MOST = 300  # seconds of one case


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """What one detector did."""

    name: str
    rows: list[dict[str, str]]  # case, side, verdict
    cpu: list[float]  # seconds of each case
    wall: list[float]


def main(words: list[str]) -> int:
    """Run every detector over every case of a folder and print who was right."""
    asked = argparse.ArgumentParser(prog="nox -s bench -- leaks", description=__doc__)
    asked.add_argument("folder", type=Path, help="has score.py, cases.toml, drivers and detectors")
    asked.add_argument("--diluted", action="store_true", help="the leaking call is every 25th among noisy bounded work")
    asked.add_argument("--detectors", nargs="*", default=[], help="only those whose names begin so")
    asked.add_argument("--only", nargs="*", default=[], help="only cases whose names hold one of these words")
    asked.add_argument("--verbose", action="store_true", help="one line a case as well")
    found = asked.parse_args(words)
    chosen = {name: words for name, words in DETECTORS.items() if not found.detectors or name.startswith(tuple(found.detectors))}
    with tempfile.TemporaryDirectory(prefix="heapgate-leaks-") as scratch:
        copy = Path(scratch, "leaks")  # it writes results, and the folder is not ours
        shutil.copytree(found.folder, copy, ignore=shutil.ignore_patterns("targets", "results", "__pycache__"))
        scores = [_score(name, command, copy, found) for name, command in chosen.items()]
    print(
        f"{'detector':<22}{'found':>8}{'false FAIL':>12}{'undecided':>11}{'CPU s median':>14}{'worst':>8}{'wall s median':>15}{'worst':>8}"
    )
    for score in scores:
        print(_line(score))
    wrong = [row for score in scores if score.name.startswith("gate") for row in score.rows if _is_wrong(row)]
    for row in wrong:
        print(f"wrong: {row['case']} {row['side']}: {row['verdict']}")
    return 1 if wrong else 0


def timed(log: str, words: list[str]) -> int:
    """Run a detector, note what it cost, and exit as it does."""
    start = time.perf_counter()
    code = subprocess.run(words, check=False).returncode
    used = os.times()
    with Path(log).open("a", encoding="utf-8") as file:
        file.write(json.dumps([used.children_user + used.children_system, time.perf_counter() - start]) + "\n")
    return code


def _score(name: str, command: str, folder: Path, found: argparse.Namespace) -> Score:
    """Run one detector over all cases, one after the other, so that none disturbs another."""
    log = folder / f"{name.replace(' ', '_')}.log"
    here = Path(__file__)
    gate = shlex.quote(str(Path(sys.executable).with_name("gate")))
    inner = command.format(python="{python}", here=shlex.quote(str(here.parent)), gate=gate, driver="{driver}")
    outer = f"{{python}} {shlex.quote(str(here))} {shlex.quote(str(log))} {inner}"
    words = [sys.executable, "score.py", "run", "one", "--jobs", "1", "--timeout", str(_MOST), "--cmd", outer]
    words += ["--diluted"] if found.diluted else []
    words += ["--only", *found.only] if found.only else []
    cache = ROOT / ".nox" / "leaks"  # packages by version, installed once
    env = {**os.environ, "CORPUS_PYTHON": sys.executable, "CORPUS_DETECTOR_PYTHON": sys.executable, "CORPUS_TARGETS": str(cache)}
    ran = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"{folder}/score.py failed: {ran.stderr[-2000:]}")
    if found.verbose:
        print(f"{name}\n{ran.stdout}")
    rows = [row.groupdict() for line in ran.stdout.splitlines() if (row := _ROW.match(line))]
    costs = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return Score(name=name, rows=rows, cpu=[cost[0] for cost in costs], wall=[cost[1] for cost in costs])


def _line(score: Score) -> str:
    """Write one row of the table."""
    leaky = [row for row in score.rows if row["side"] == "leaky"]
    clean = [row for row in score.rows if row["side"] in {"fixed", "benign"}]
    hit, cried = (sum(row["verdict"] == "leak" for row in rows) for rows in (leaky, clean))
    open_ = sum(row["verdict"] not in {"leak", "ok"} for row in (*leaky, *clean))
    shares = f"{_share(hit, len(leaky)):>8}{_share(cried, len(clean)):>12}{_share(open_, len(leaky) + len(clean)):>11}"
    return f"{score.name:<22}{shares}{median(score.cpu):>14.2f}{max(score.cpu):>8.1f}{median(score.wall):>15.2f}{max(score.wall):>8.1f}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def _is_wrong(row: dict[str, str]) -> bool:
    """Tell whether a verdict says the opposite of the truth."""
    return row["verdict"] == ("ok" if row["side"] == "leaky" else "leak") and not row["side"].startswith("cycle")


if __name__ == "__main__":
    sys.exit(timed(sys.argv[1], sys.argv[2:]))
