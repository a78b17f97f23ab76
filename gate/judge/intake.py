"""What may go into a commit: what a policy lets in after all, and where HEAD and the index must stand."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain

from pathspec import GitIgnoreSpec

from gate.facts.intake import Allowance, Suspect
from gate.facts.state import Dirty, Status

_HOW = {"am": "git am --continue or --abort", "bisect": "git bisect reset"}


def judged(suspects: Iterable[Suspect], allow: Sequence[Allowance]) -> tuple[tuple[Suspect, ...], tuple[Suspect, ...]]:
    """Return what no policy lets in, and what one does with the place and the reason."""
    rules = [(GitIgnoreSpec.from_lines([one.path]), one) for one in allow]
    refused, allowed = [], []
    for suspect in suspects:
        by = next((one for spec, one in rules if suspect.kind in one.kinds and spec.match_file(suspect.path)), None)
        if by:
            allowed.append(replace(suspect, allowed=f"{by.place}: {by.reason}"))
        else:
            refused.append(suspect)
    return tuple(refused), tuple(allowed)


def why_not(status: Status, *, protected: Sequence[str], detached: bool, staged: bool, store: str) -> str:
    """Say why nothing is to be committed as the repository stands, or return ""; `store` is where tasks are kept."""
    return next(chain(_of_head(status, protected, detached=detached), _of_index(status.dirty, store, staged=staged)), "")


def _of_head(status: Status, protected: Sequence[str], *, detached: bool) -> Iterator[str]:
    """Yield what git is in the middle of, and where HEAD must not be."""
    for doing in status.busy:
        how = _HOW.get(doing, f"git {doing} --continue or --abort")
        yield f"git is in the middle of a {doing}; end it ({how}), then run finish again"
    for entry in status.dirty:
        if entry.kind == "conflicted":
            yield f"{entry.path}: in conflict; resolve it and git add it, then run finish again"
    if not status.branch and not detached:
        yield "HEAD is detached, the commit would belong to no branch; git switch to one, or allow it with --allow-detached"
    for pattern in protected:
        if fnmatchcase(status.branch, pattern):
            where = f"policies/workflow.yaml: commit.protected: {pattern}"
            yield f"branch {status.branch} is protected ({where}); git switch -c to another one, then run finish again"


def _of_index(dirty: Sequence[Dirty], store: str, *, staged: bool) -> Iterator[str]:
    """Yield why nothing is staged, or not one thing."""
    if staged:
        if not any(entry.kind in {"staged", "renamed"} for entry in dirty):
            yield "nothing is staged; git add what is to be committed, or leave --staged out"
        if any(entry.path == store and entry.kind in {"changed", "untracked"} for entry in dirty):
            yield f"{store}: holds more than is staged, and is committed whole; git add it, or git stash what is not to go in"
        return
    for path, count in Counter(entry.path for entry in dirty).items():
        if count > 1:
            how = "git add it or git restore --staged it, or commit just what is staged with --staged"
            yield f"{path}: partly staged: the index holds something else than the work tree; {how}"
