"""The merge driver of git for baselines: the three versions in, the stricter one out; and what makes git call it."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from gate import plan
from gate.errors import GateError
from gate.facts.work import Debt
from gate.judge import debts, merging
from gate.policy.load import baseline
from gate.record import debtfile
from gate.record.files import replace_file
from gate.repo import revisions, worktree

DRIVER = "gate-baseline"
_SHORT = 12  # letters of a commit
ATTRIBUTES = ".gitattributes"
_ATTRIBUTE = f"{debts.FILE} merge={DRIVER}"


def merge(base: Path, ours: Path, theirs: Path, name: str) -> merging.Merged:
    """Merge three versions of a baseline and write the result in the place of ours; `name` is how errors call the file.

    Raises GateError, with ours as it was, when one of them is no baseline, or the result would be above one side.
    """
    old, one, two = (_read(path.read_bytes(), f"{name} ({side})") for path, side in ((base, "base"), (ours, "ours"), (theirs, "theirs")))
    merged = merging.merge(old, one, two)
    _refuse(merged.debts, one, two, name)
    replace_file(ours, debtfile.text(merged.debts).encode())
    return merged


def verify(root: Path) -> tuple[str, int]:
    """Compare the baseline with both sides of the merge that is going on, or else with both parents of HEAD.

    Return what was compared, and how many debts there are. Raises GateError when a debt is above both: no merge by hand may add one.
    """
    sides: tuple[str, ...]
    if revisions.is_merging(root):
        path = root / debts.FILE
        what, sides = "the merge that is going on", (revisions.commit_of(root, "HEAD"), revisions.commit_of(root, "MERGE_HEAD"))
        raw = path.read_bytes() if path.exists() else b""
    else:
        what, sides = "HEAD", revisions.parents(root, "HEAD")[:2]
        raw = revisions.content(root, "HEAD", debts.FILE) or b""
    result = _read(raw, debts.FILE)
    if len(sides) == len(("ours", "theirs")):
        known = [_read(revisions.content(root, side, debts.FILE) or b"", f"{side}:{debts.FILE}") for side in sides]
        _refuse(result, known[0], known[1], debts.FILE)
        return f"{what}, a merge of {sides[0][:_SHORT]} and {sides[1][:_SHORT]}", debts.number(result)
    return f"{what}, which is no merge", debts.number(result)


def install(root: Path) -> tuple[str, ...]:
    """Let git merge baselines by this driver, in this clone; return what was changed."""
    path = root / ATTRIBUTES
    before = path.read_bytes() if path.exists() else None
    after = attributed(before)
    if after == before:
        return configure(root)
    replace_file(path, after)
    return (f"{ATTRIBUTES}: {_ATTRIBUTE}", *configure(root))


def attributed(before: bytes | None) -> bytes:
    """Return .gitattributes with the line that lets git call the driver."""
    old = before or b""
    if _ATTRIBUTE.encode() in old.splitlines():
        return old
    return old + (b"" if not old or old.endswith(b"\n") else b"\n") + f"{_ATTRIBUTE}\n".encode()


def configure(root: Path) -> tuple[str, ...]:
    """Tell git in this clone what the driver is; return what was changed."""
    changed = []
    command = f"{shlex.quote(sys.executable)} -m gate baseline merge %O %A %B %P"
    for key, value in (("name", "the stricter side of two baselines"), ("driver", command)):
        asked = worktree.git(root, "config", "--local", "--get", f"merge.{DRIVER}.{key}", fine=(0, 1))
        if asked.out.rstrip("\n") != value:
            worktree.git(root, "config", "--local", f"merge.{DRIVER}.{key}", value)
            changed.append(f"git config merge.{DRIVER}.{key}: {value}")
    return tuple(changed)


def forget(root: Path) -> bool:
    """Take the driver out of the configuration of this clone; tell whether it was there."""
    asked = worktree.git(root, "config", "--local", "--get", f"merge.{DRIVER}.driver", fine=(0, 1))
    if asked.out.strip():
        worktree.git(root, "config", "--local", "--remove-section", f"merge.{DRIVER}")
    return bool(asked.out.strip())


def _read(raw: bytes, name: str) -> tuple[Debt, ...]:
    """Read one version; where a side has none git hands over an empty file."""
    if not raw.strip():
        return ()
    return tuple(debt for found in plan.debts(baseline(raw, name), {}).values() for debt in found)


def _refuse(result: Sequence[Debt], ours: Sequence[Debt], theirs: Sequence[Debt], name: str) -> None:
    """Raise GateError when a result knows more than both sides, however it was made."""
    wrong = merging.above_both(result, ours, theirs)
    if wrong:
        message = f"{name}: above both sides of the merge: {wrong[0].words}; take it out, then accept it: gate baseline update --accept"
        raise GateError(message)
