"""The one door to the network: GitHub's REST API, asked with a token that goes nowhere else."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from gate.errors import GateError

_SECONDS = 30.0
_MOST = 32 * 2**20  # bytes of an answer
_VERSION = "2022-11-28"
_HERE = {"127.0.0.1", "localhost"}  # a test's server: only there may the token go without TLS


@dataclass(frozen=True, kw_only=True, slots=True)
class Hub:
    """GitHub as one job of a workflow may use it."""

    api: str
    token: str

    def ask(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - it is JSON
        """Ask one thing, and return the JSON that answers.

        Raises GateError with the status when it is refused.
        """
        url = f"{self.api}{quote(path)}" + (f"?{urlencode(query)}" if query else "")
        heads = {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": _VERSION}
        data = json.dumps(body).encode() if body is not None else None
        request = Request(url, data=data, headers=heads | {"Content-Type": "application/json"}, method=method)  # noqa: S310 - `hub` saw to it
        try:
            with _opener().open(request, timeout=_SECONDS) as answer:
                raw = answer.read(_MOST + 1)
            return json.loads(raw)
        except HTTPError as error:
            why = "the token may not: give the job `pull-requests: write`" if error.code in {401, 403} else "try again"
            message = f"comment: {method} {url}: {error.code} {error.reason}; {why}"
            raise GateError(message) from error
        except (URLError, OSError, HTTPException, ValueError) as error:
            message = f"comment: {method} {url}: no answer that can be read ({error}); try again"
            raise GateError(message) from error


def hub() -> Hub:
    """Return GitHub as the environment of a job names it.

    Raises GateError when there is no token, or it would go out unprotected.
    """
    api, token = os.environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"), os.environ.get("GITHUB_TOKEN", "")
    where = urlsplit(api)
    if where.scheme != "https" and not (where.scheme == "http" and where.hostname in _HERE):
        message = f"comment: GITHUB_API_URL: {api!r} is not https; the token goes nowhere else"
        raise GateError(message)
    if not token:
        message = "comment --post: GITHUB_TOKEN is not set; write in the step: env: {GITHUB_TOKEN: ${{ github.token }}}"
        raise GateError(message)
    return Hub(api=api, token=token)


def _opener() -> OpenerDirector:
    """Return what opens URLs and follows no redirect: it would take the token along."""
    opener = OpenerDirector()
    for handler in (ProxyHandler, HTTPHandler, HTTPSHandler, HTTPDefaultErrorHandler, HTTPErrorProcessor):
        opener.add_handler(handler())
    return opener
