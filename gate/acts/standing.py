"""What stands between a tree and COMPLETED beside its checks: policies that let more through, a baseline that grew in a merge."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gate.acts import guarding, merging
from gate.errors import GateError
from gate.facts.rows import Verdict
from gate.policy import Policy


def stand(root: Path, policy: Policy, whole: Verdict, there: Path | None = None) -> Verdict:
    """Return a verdict that is not COMPLETED while policies are looser than on the base, or a merge knows more than both its sides.

    The policies lie in the work tree, or `there`.
    """
    return replace(whole, missing=(*_missing(root, policy, there), *whole.missing))


def _missing(root: Path, policy: Policy, there: Path | None) -> Iterator[str]:
    found = guarding.guard(root, policy, there=there)
    if found.open:
        more = f", and {len(found.fields) - 1} more" if len(found.fields) > 1 else ""
        yield f"policy/guard is FAILED: {found.fields[0].words}{more}: gate policy guard"
    elif found.wanted:
        yield f"policy/guard is SKIPPED: {found.skipped}"
    try:
        merging.verify(root)
    except GateError as error:
        yield f"baseline is FAILED: {error}"
