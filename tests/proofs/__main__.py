"""Print how often the gate is wrong about generated programs; exit 1 when a clean one FAILED or a leaky one PASSED, 2 when it broke."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from statistics import median

from gate.facts import Outcome
from tests.corpus.ask import SECONDS, Told, ask
from tests.proofs import adopt, debts, documents, finish, injection, merges, page, pools, segments, tamper, threads, tidy

_COLUMNS = (Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.BROKEN)
_PROOFS = {
    "threads": threads.main,
    "pools": pools.main,
    "segments": segments.main,
    "tidy": tidy.main,
    "documents": documents.main,
    "finish": finish.main,
    "tamper": tamper.main,
    "injection": injection.main,
    "page": page.main,
    "merges": merges.main,
    "debts": debts.main,
    "adopt": adopt.main,
}
_EVERY = 100  # programs between two lines that say how far it is


def main(words: Sequence[str]) -> int:
    """Ask about every seed, some at a time, and print the table; or prove what is named."""
    if words and words[0] in _PROOFS:
        return _PROOFS[words[0]](words[1:])
    parser = argparse.ArgumentParser(prog="nox -s proofs --", description=__doc__)
    parser.add_argument("--clean", type=int, default=3000, help="clean programs")
    parser.add_argument("--leaky", type=int, default=1000, help="programs with one leak")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of work for one program")
    parser.add_argument("--jobs", type=int, default=2, help="programs at a time")
    given = parser.parse_args(words)
    told: list[Told] = []
    with ProcessPoolExecutor(given.jobs) as pool:
        waiting = [
            pool.submit(ask, seed, leaks=leaks, seconds=given.seconds)
            for leaks, number in ((False, given.clean), (True, given.leaky))
            for seed in range(given.first_seed, given.first_seed + number)
        ]
        for done in as_completed(waiting):
            one = done.result()
            told.append(one)
            if one.wrong or one.outcome is Outcome.INCONCLUSIVE:
                _say(_line(one))
            if len(told) % _EVERY == 0:
                _say(f"{len(told):,} of {len(waiting):,}")
    for line in report(told):
        _say(line)
    wrong = {one.outcome for one in told if one.wrong}
    return 1 if wrong & {Outcome.FAILED, Outcome.PASSED} else 2 if wrong else 0


def report(told: Sequence[Told]) -> list[str]:
    """Return a table of outcomes by kind, the totals, and every wrong verdict."""
    clean, leaky = ([one for one in told if bool(one.leak) is leaks] for leaks in (False, True))
    lines = ["", f"{'clean programs with':<22}" + "".join(f"{column:>14}" for column in _COLUMNS)]
    lines += _rows({name: [one.outcome for one in clean if name in one.names] for name in sorted({n for o in clean for n in o.names})})
    lines += ["", f"{'leaky programs with':<22}" + "".join(f"{column:>14}" for column in _COLUMNS)]
    lines += _rows({name: [one.outcome for one in leaky if one.leak == name] for name in sorted({one.leak for one in leaky})})
    lines += ["", *_rows({"all clean": [one.outcome for one in clean], "all leaky": [one.outcome for one in leaky]}), ""]
    lines += [_line(one) for one in told if one.wrong]
    wrong, open_ = sum(one.wrong for one in told), sum(one.outcome is Outcome.INCONCLUSIVE for one in told)
    failed = sum(one.outcome is Outcome.FAILED for one in clean)
    passed = sum(one.outcome is Outcome.PASSED for one in leaky)
    lines.append(f"false FAILED {failed} of {len(clean):,}, wrong PASSED {passed} of {len(leaky):,}, other wrong {wrong - failed - passed}")
    lines.append(f"undecided {open_ / max(1, len(told)):.1%}; {_cost(told)}")
    return lines


def _say(line: str) -> None:
    """Write one line at once: a long proof is watched while it runs."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _rows(outcomes: dict[str, list[Outcome]]) -> Iterable[str]:
    for name, row in outcomes.items():
        seen = Counter(row)
        yield f"{name:<22}" + "".join(f"{seen[column]:>14}" for column in _COLUMNS)


def _cost(told: Sequence[Told]) -> str:
    cpu = [one.cpu for one in told] or [0.0]
    return f"CPU of one program: median {median(cpu):.2f} s, worst {max(cpu):.2f} s"


def _line(one: Told) -> str:
    headline = one.headline.replace("\n", " / ")
    return f"{one.outcome} seed {one.seed} {one.leak or 'clean'} with {', '.join(one.names)}: {headline} ({one.cpu:.1f} s)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
