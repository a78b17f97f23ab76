"""The comment on a pull request: from a run's bundle, which is untrusted data, to one comment that is written anew in place."""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gate import flow
from gate.acts import verifying
from gate.acts.hub import Hub
from gate.errors import GateError
from gate.facts.rows import Verdict
from gate.record import bundle
from gate.report import comment

_MOST_EVENT = 25 * 2**20  # bytes of a payload, as GitHub bounds it
_MOST_BUNDLE = 16 * 2**20
_PAGES, _PAGE = 50, 100  # comments of a pull request that are looked through
_WRITER = "github-actions[bot]"  # whose comments are ours: anybody can write our mark


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What GitHub itself says of the run that is commented on."""

    repository: str
    branch: str  # the default one of the repository
    commit: str
    head: str  # "owner:branch" as pull requests are searched by
    url: str
    fork: bool


def read(event: Path) -> Run:
    """Read the payload of a `workflow_run` event.

    Raises GateError when it is none.
    """
    try:
        body: Any = json.loads(_bounded(event, _MOST_EVENT))
        run, repository = body["workflow_run"], body["repository"]
        whose = run["head_repository"]
        return Run(
            repository=_text(repository["full_name"]),
            branch=_text(repository["default_branch"]),
            commit=_text(run["head_sha"]),
            head=f"{_text(whose['owner']['login'])}:{_text(run['head_branch'])}",
            url=_text(run["html_url"]),
            fork=_text(whose["full_name"]) != _text(repository["full_name"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f'comment: {event}: is no payload of a workflow_run event ({type(error).__name__}); give --event "$GITHUB_EVENT_PATH"'
        raise GateError(message) from error


def write(house: flow.House, file: Path, run: Run) -> str:
    """Return the comment that the bundle of a run deserves by the policies of this house."""
    about = comment.About(commit=run.commit, run=run.url, branch=run.branch, fork=run.fork)
    try:
        whole = _judged(house, file)
    except FileNotFoundError:
        return comment.write(None, about, "the run left no summary: it broke before it could judge; look at its log")
    except (ValueError, OverflowError, GateError, OSError) as error:
        return comment.write(None, about, f"what the run left is no evidence: {error}")
    if whole is None:
        why = f"this run was judged by other policies than those of {run.branch}; review what it changes in policies/, and merge that first"
        return comment.write(None, about, why)
    return comment.write(whole, about)


def post(run: Run, text: str, hub: Hub) -> str:
    """Write the comment on the open pull request whose head the run was about, over the one that is there; say what was done."""
    numbers = _pull_requests(run, hub)
    if not numbers:
        return f"no open pull request of {run.head} is at {run.commit[:12]} any more: nothing to comment on"
    told = []
    for number in numbers:
        old = _ours(run, number, hub)
        if old is None:
            hub.ask("POST", f"/repos/{run.repository}/issues/{number}/comments", body={"body": text})
            told.append(f"commented on #{number}")
        elif old["body"] == text:
            told.append(f"the comment on #{number} says so already")
        else:
            hub.ask("PATCH", f"/repos/{run.repository}/issues/comments/{int(old['id'])}", body={"body": text})
            told.append(f"wrote the comment on #{number} anew")
    return "; ".join(told)


def _judged(house: flow.House, file: Path) -> Verdict | None:
    """Judge the records of a bundle again, as of now; None when they were judged by other policies."""
    made = bundle.read(_bounded(file, _MOST_BUNDLE))
    if made.policy != house.policy.digest:
        return None
    told, wanted = sorted(entry.check for entry in made.checks), sorted(step.check for step in house.steps)
    if made.asked or told != wanted:
        message = "it does not tell of exactly the checks that the policies ask for"
        raise ValueError(message)
    now = flow.today(house)
    return verifying.page_of(replace(made, day=now.day, moment=now.moment), house.policy).verdict  # its own clock could revive what lapsed


def _bounded(path: Path, most: int) -> bytes:
    """Read a regular file, through no link, of bounded size."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with open(handle, "rb") as file:  # noqa: PTH123 - it is open already
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            message = "not a regular file"
            raise ValueError(message)
        raw = file.read(most + 1)
    if len(raw) > most:
        message = f"larger than {most:,} B"
        raise ValueError(message)
    return raw


def _text(found: object) -> str:
    if not isinstance(found, str) or not found:
        raise TypeError
    return found


def _pull_requests(run: Run, hub: Hub) -> list[int]:
    """Return the open pull requests whose head is the commit of the run: an older run must not speak for a newer head."""
    found = hub.ask("GET", f"/repos/{run.repository}/pulls", query={"state": "open", "head": run.head, "per_page": str(_PAGE)})
    return [int(one["number"]) for one in found if one["head"]["sha"] == run.commit]


def _ours(run: Run, number: int, hub: Hub) -> Mapping[str, Any] | None:
    """Return the comment that this gate wrote before."""
    for page in range(1, _PAGES + 1):
        found = hub.ask("GET", f"/repos/{run.repository}/issues/{number}/comments", query={"per_page": str(_PAGE), "page": str(page)})
        for one in found:
            if one["user"]["login"] == _WRITER and str(one["body"]).startswith(comment.MARK):
                return dict(one)
        if len(found) < _PAGE:
            return None
    return None
