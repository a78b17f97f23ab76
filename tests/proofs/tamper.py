"""Edit one byte of a summary, its bundle or a record at a time, and count what the gate notices."""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.acts import verifying
from gate.errors import GateError
from gate.record import bundle, ledger
from gate.repo import worktree
from tests.proofs.finished import finished


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What became of the edits."""

    made: int
    found: Counter[str]  # kind of file -> edits that were found
    same: Counter[str]  # kind of file -> edits after which it says the same
    missed: tuple[str, ...]


def prove(root: Path, summary: Path, *, number: int, seed: int) -> Told:
    """Make random edits of one byte, one at a time, in files of a repository whose summary is committed at HEAD and holds."""
    chance = random.Random(seed)
    beside = summary.with_name(bundle.beside(summary.name))
    policy = verifying._policy(root, "HEAD")
    tree = worktree.tree_id(root, policy.workflow.record.paths, "HEAD")
    truth = verifying.Truth(commit=worktree.head(root), tree=tree, policy=policy)
    records = sorted((worktree.store(root) / ledger.FOLDER / tree).glob("*.json"))
    found, same, missed = Counter[str](), Counter[str](), []
    text, raw = summary.read_bytes(), beside.read_bytes()
    if verifying.differences(truth, text, raw, beside.name)[0]:
        message = f"{summary} does not hold even before it is edited"
        raise ValueError(message)
    for _ in range(number):
        kind = chance.choice(("summary", "bundle", "record"))
        if kind == "record":
            path = chance.choice(records)
            before = path.read_bytes()
            after, what = _edited(before, chance)
            path.write_bytes(after)
            noticed = not _reads(root, tree, path)
            path.write_bytes(before)
        else:
            before = text if kind == "summary" else raw
            after, what = _edited(before, chance)
            new_text, new_raw = (after, raw) if kind == "summary" else (text, after)
            noticed = _is_found(truth, new_text.replace(b"\r\n", b"\n"), new_raw.replace(b"\r\n", b"\n"), beside.name)
        if after.replace(b"\r\n", b"\n") == before:
            same[kind] += 1
        elif noticed:
            found[kind] += 1
        else:
            missed.append(f"{kind}: {what}")
    return Told(made=number, found=found, same=same, missed=tuple(missed))


def _edited(before: bytes, chance: random.Random) -> tuple[bytes, str]:
    """Replace, insert or remove one byte."""
    at, letter, act = chance.randrange(len(before)), chance.randrange(256), chance.choice(("replace", "insert", "remove"))
    if act == "replace":
        letter = chance.choice([other for other in (letter, (letter + 1) % 256) if other != before[at]])
    middle = {"replace": bytes([letter]), "insert": bytes([letter, before[at]]), "remove": b""}[act]
    return before[:at] + middle + before[at + 1 :], f"{act} at {at}: {before[at : at + 1]!r} -> {middle!r}"


def _is_found(truth: verifying.Truth, text: bytes, raw: bytes, name: str) -> bool:
    """Tell whether an edit is noticed; another format is, in its own way."""
    try:
        return bool(verifying.differences(truth, text, raw, name)[0])
    except GateError:
        return True


def _reads(root: Path, tree: str, path: Path) -> bool:
    """Tell whether a record still counts as evidence."""
    check = path.stem.replace("__", "/")
    return ledger.read(root, tree, check)[0] is not None


def main(words: Sequence[str]) -> int:
    """Print how many edits were found; exit 1 when one was missed."""
    parser = argparse.ArgumentParser(prog="nox -s proofs -- tamper", description=__doc__)
    parser.add_argument("--number", type=int, default=1000, help="edits")
    parser.add_argument("--seed", type=int, default=20)
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="tamper-") as folder:
        root, summary = finished(Path(folder))
        told = prove(root, summary, number=given.number, seed=given.seed)
    for kind in ("summary", "bundle", "record"):
        sys.stdout.write(f"{kind:<8} {told.found[kind]:>5} found {told.same[kind]:>5} say the same\n")
    sys.stdout.write("".join(f"missed: {what}\n" for what in told.missed) + f"{told.made} edits, {len(told.missed)} missed\n")
    return 1 if told.missed else 0
