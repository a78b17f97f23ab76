"""Documents that say the same: identical by their bytes, near-identical by the five-word shingles that they share."""

import hashlib
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

from gate.facts import Diagnostic, Reading
from gate.facts.work import Duplicates
from gate.pages.globs import Globs
from gate.repo import worktree

_WORDS = 5  # of one shingle
_MOST = 2**20  # bytes of a document whose words are compared
_COMPARED = 32  # candidates of one document, those that share the most rare shingles: what is alike is among the first
_ROUNDED = 1e-9  # what an exact product may have lost
_WORD = re.compile(r"\w+")


def measure(duplicates: Duplicates, root: Path) -> Reading:
    """Compare every document that a commit would hold with all others; a link is none."""
    start, cpu = time.perf_counter(), time.process_time()
    wanted, left = Globs(duplicates.match), Globs(duplicates.leave)
    paths = worktree.files(root, lambda path: wanted.match(path) and not left.match(path))
    found = compare({path: (root / path).read_bytes() for path in paths if _is_document(root / path)}, duplicates.threshold)
    return Reading(
        wall=time.perf_counter() - start,
        cpu=time.process_time() - cpu,
        diagnostics=tuple(found),
        counts={"documents": len(paths), **{code: sum(row.code == code for row in found) for code in ("identical", "near-identical")}},
        failed=bool(found) and duplicates.fails,
    )


def compare(documents: Mapping[str, bytes], threshold: float) -> list[Diagnostic]:
    """Name each document that repeats one before it in the order of paths; of identical ones only the first is compared further.

    Two are near-identical when their sets of shingles have a Jaccard index of `threshold` or more.
    """
    found, seen = [], dict[bytes, str]()
    texts: dict[str, frozenset[int]] = {}
    known: dict[str, int] = defaultdict(count().__next__)
    for path, data in sorted(documents.items()):
        if not data.strip():
            continue
        first = seen.setdefault(hashlib.sha256(data).digest(), path)
        if first != path:
            found.append(_same(path, "identical", f"identical to {_shown(first)}"))
        else:
            texts[path] = _shingles(data[:_MOST].decode("utf-8", "replace"), known)
    for path, other, alike in _near(texts, threshold):
        found.append(_same(path, "near-identical", f"{alike:.0%} like {_shown(other)}"))
    return sorted(found, key=lambda row: row.path)


def _shingles(text: str, known: dict[str, int]) -> frozenset[int]:
    """Return a number for each run of five words; words are numbered as they become `known`, so that nothing is left to chance."""
    words = list(map(known.__getitem__, _WORD.findall(text.casefold())))
    return frozenset(map(hash, zip(*(words[start:] for start in range(_WORDS)), strict=False)))


def _near(texts: Mapping[str, frozenset[int]], threshold: float) -> Iterator[tuple[str, str, float]]:
    """Yield each document with one before it that is similar enough, where there is any.

    Two sets this similar share an element of the rarest ones of each: all but `threshold` of a set, and one more (prefix filtering:
    Chaudhuri, Ganti and Kaushik, 2006). So only documents that meet in these are compared, which many that share a licence do not.
    """
    often = Counter[int]()
    for shingles in texts.values():
        often.update(shingles)
    shared = {shingle for shingle, number in often.items() if number > 1}
    holders: dict[int, list[str]] = defaultdict(list)
    for path, shingles in texts.items():
        met = shingles & shared
        room = int(len(shingles) * (1 - threshold) + _ROUNDED) + 1 - (len(shingles) - len(met))  # what nobody shares is the rarest
        rare = sorted(met, key=lambda shingle: (often[shingle], shingle))[: max(0, room)]
        others = Counter(other for shingle in rare for other in holders[shingle][-_COMPARED:])
        for other, _ in others.most_common(_COMPARED):
            alike = _jaccard(shingles, texts[other])
            if alike >= threshold:
                yield path, other, alike
                break
        for shingle in rare:
            holders[shingle].append(path)


def _jaccard(one: frozenset[int], two: frozenset[int]) -> float:
    """Return the shared part of all that two sets hold.

    >>> _jaccard(frozenset({1, 2, 3}), frozenset({2, 3, 4}))
    0.5
    """
    shared = len(one & two)
    return shared / (len(one) + len(two) - shared)


def _is_document(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _same(path: str, code: str, message: str) -> Diagnostic:
    return Diagnostic(path=_shown(path), line=1, code=code, message=message)


def _shown(path: str) -> str:
    """Write a path that is not UTF-8 as text that can be recorded."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
