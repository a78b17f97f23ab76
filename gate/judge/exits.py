"""Exit codes: what outcomes come to, in the one order in which they count."""

from collections.abc import Iterable

from gate.facts import Outcome

BROKEN, FAILED, INCONCLUSIVE, PASSED = 2, 1, 3, 0


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """Fold outcomes into one exit code; the gate's own trouble comes first and "not enough data" is never a pass.

    >>> exit_code([Outcome.PASSED, Outcome.INCONCLUSIVE]), exit_code([Outcome.FAILED, Outcome.BROKEN]), exit_code([])
    (3, 2, 0)
    """
    seen = set(outcomes)
    for outcome, code in ((Outcome.BROKEN, BROKEN), (Outcome.FAILED, FAILED), (Outcome.INCONCLUSIVE, INCONCLUSIVE)):
        if outcome in seen:
            return code
    return PASSED
