"""Prove that hostile texts stay in their place in every report, by readers that are not ours; exit 1 when one gets out."""

import argparse
import sys
import time
from collections.abc import Sequence

from tests import hostile, inert

_WIDTH = 60  # letters of a text that got out


def main(words: Sequence[str]) -> int:
    """Put each text into every field of every report, and print a line for each report."""
    parser = argparse.ArgumentParser(prog="nox -s proofs -- injection", description=__doc__)
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(words)
    texts, escaped = list(hostile.texts(given.texts, given.seed)), 0
    for name, look in inert.FORMATS.items():
        start, out = time.monotonic(), 0
        for text in texts:
            try:
                look(text)
            except Exception as error:  # noqa: BLE001 - whatever a reader says of it, the text is not where it belongs
                out += 1
                _say(f"{name}: {text[:_WIDTH]!a} got out: {type(error).__name__}: {str(error).splitlines()[:1]}")
        escaped += out
        _say(f"{name:<12} {len(texts):,} texts in every field, {out} got out ({time.monotonic() - start:.1f} s)")
    return 1 if escaped else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
