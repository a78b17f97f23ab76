"""Print how often three baselines are wrong about randomly edited trees: ours, mypy-baseline, and one by path and line."""

import importlib
import io
import itertools
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from gate.facts import Diagnostic, Reading
from gate.facts.work import Tool
from gate.judge import baseline, debts
from gate.measure import scopes, tools
from tests.edits import Tree, wrong

ROUNDS, SEED = 300, 1
_SECONDS = itertools.count(1_000_000_000)  # mypy's cache knows a file by its size and its second, and edits here are quicker
_EVERY = 5  # rounds a new tree begins: what is found after one is known in the next
_MYPY = Tool(
    name="mypy",
    argv=("mypy", "--output=json", "--no-error-summary", "--no-pretty", "--strict", "--disable-error-code=unused-ignore", "--", "."),
    reads="mypy",
)

Place = tuple[str, int]
Baseline = Callable[[Path, Reading, Reading], set[Place]]  # what it tells of the second reading, given the first


def main(words: Sequence[str]) -> int:
    """Edit trees, ask all three about each, and print a table; return 1 when ours missed one, or told more that is not new than another."""
    rounds = int(words[0]) if words else ROUNDS
    rng = random.Random(SEED)
    missed, false, found = Counter[str](), Counter[str](), Counter[str]()
    acts = Counter[str]()
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as scratch:
        for number in range(rounds):
            if number % _EVERY == 0:
                tree = Tree(rng, "types")
                before = _look(Path(scratch), tree)
            known = tree.known()
            done = tree.edit(rng.randint(1, 4))
            acts.update(done)
            after, new = _look(Path(scratch), tree), tree.known() - known
            found.update({"new": len(new), "unchanged": len(tree.known() & known), "fixed": len(known - tree.known())})
            for name, ask in _ASKED.items():
                misses, news = wrong(tree, known, ask(Path(scratch), before, after))
                missed[name] += misses
                false[name] += news
            before = after
    print(f"{rounds} trees, 1 to 4 edits each ({', '.join(f'{name} {number}' for name, number in acts.most_common())})")
    print(f"mypy {metadata.version('mypy')} finds {found['new']:,} new, {found['unchanged']:,} unchanged, {found['fixed']:,} fixed\n")
    print(f"{'':<34}{'new, not told':>16}{'told, not new':>16}")
    for name in _ASKED:
        print(f"{name:<34}{missed[name]:>16,}{false[name]:>16,}")
    ours, *others = _ASKED
    return int(missed[ours] > 0 or any(false[ours] >= false[name] for name in others))


def _look(root: Path, tree: Tree) -> Reading:
    """Write a tree, let mypy read it, and see that it finds what was put there and nothing else."""
    for old in root.glob("*.py"):
        old.unlink()
    moment = next(_SECONDS)
    for path, text in tree.sources().items():
        (root / path).write_text(text, encoding="utf-8")
        os.utime(root / path, (moment, moment))
    reading = tools.measure(_MYPY, root)
    placed = {(row.path, row.line) for row in reading.diagnostics}
    if reading.trouble or placed != {(path, line) for path, line, _, _ in tree.where()}:
        message = f"mypy finds something else than was put there: {reading.trouble or placed}"
        raise RuntimeError(message)
    return scopes.place(reading, (), root)


def _ours(root: Path, before: Reading, after: Reading) -> set[Place]:
    """Adopt the first reading and judge the second."""
    known = debts.adopted(baseline.complaint("types", row) for row in before.diagnostics)
    now = scopes.place(after, known, root)
    ratchet = baseline.compare(known, [baseline.complaint("types", row) for row in now.diagnostics], now.scopes, "2026-01-01")
    return {(one.found.path, one.found.line) for one in ratchet.new if one.found}


def _theirs(root: Path, before: Reading, after: Reading) -> set[Place]:
    """Let mypy-baseline write the first reading down and filter the second."""
    peer: Callable[..., int] = importlib.import_module("mypy_baseline").main  # a peer that nothing else needs

    file = root / "mypy-baseline.txt"
    file.unlink(missing_ok=True)
    options = ["--baseline-path", str(file), "--no-colors"]
    _call(peer, ["sync", *options], before)
    said = _call(peer, ["filter", *options, "--allow-unsynced", "--hide-stats"], after)
    told = set()
    for row in after.diagnostics:
        if _line(row) in said.splitlines():
            told.add((row.path, row.line))
    return told


def _by_line(root: Path, before: Reading, after: Reading) -> set[Place]:
    """Know a finding by its path, line, code and message."""
    del root
    known = {(row.path, row.line, row.code, row.message) for row in before.diagnostics}
    return {(row.path, row.line) for row in after.diagnostics if (row.path, row.line, row.code, row.message) not in known}


def _call(peer: Callable[..., int], words: list[str], reading: Reading) -> str:
    """Hand mypy-baseline what mypy prints for people; return what it prints."""
    out = io.StringIO()
    peer(words, io.StringIO("".join(f"{_line(row)}\n" for row in reading.diagnostics)), out)
    return out.getvalue()


def _line(row: Diagnostic) -> str:
    return f"{row.path}:{row.line}: error: {row.message}  [{row.code}]"


_ASKED: dict[str, Baseline] = {"gate": _ours, "mypy-baseline": _theirs, "by path and line": _by_line}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
