"""A server that plays GitHub's REST API as far as a comment needs it, and keeps what it was asked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

TOKEN = "of-the-job"  # noqa: S105 - of this server
BOT = "github-actions[bot]"


@dataclass(kw_only=True)
class Played:
    """What the server holds: pull requests, and comments by their number."""

    url: str = ""
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    moved: str = ""  # where everything is redirected to

    def pull(self, number: int, *, head: str, commit: str, comments: list[tuple[str, str]] | None = None) -> None:
        """Open a pull request, with what somebody (login, text) said on it."""
        self.pulls.append({"number": number, "state": "open", "label": head, "head": {"sha": commit}})
        said = [{"id": number * 1000 + at, "user": {"login": who}, "body": text} for at, (who, text) in enumerate(comments or [])]
        self.comments[number] = said

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, str]) -> tuple[int, Any]:
        """Answer as GitHub does."""
        parts = path.strip("/").split("/")
        if parts[:3] != ["repos", "ada", "bots"]:
            return 404, {"message": "Not Found"}
        match method, parts[3:]:
            case "GET", ["pulls"]:
                return 200, [one for one in self.pulls if [one["state"]] == query["state"] and [one["label"]] == query["head"]]
            case "GET", ["issues", number, "comments"]:
                size, page = int(query["per_page"][0]), int(query["page"][0])
                return 200, self.comments[int(number)][(page - 1) * size : page * size]
            case "POST", ["issues", number, "comments"]:
                made = {"id": 7_000_000 + len(self.asked), "user": {"login": BOT}, "body": body["body"]}
                self.comments[int(number)].append(made)
                return 201, made
            case "PATCH", ["issues", "comments", key]:
                found = next(one for said in self.comments.values() for one in said if one["id"] == int(key))
                found["body"] = body["body"]
                return 200, found
        return 404, {"message": "Not Found"}


class _Handler(BaseHTTPRequestHandler):
    """Hand each question to what is played."""

    played: ClassVar[Played]

    def _any(self) -> None:
        split = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.played.asked.append(f"{self.command} {self.path}")
        if self.played.moved:
            self.send_response(307)
            self.send_header("Location", self.played.moved)
            self.end_headers()
            return
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            code, told = 403, {"message": "Resource not accessible by integration"}
        else:
            code, told = self.played.answer(self.command, split.path, parse_qs(split.query), json.loads(raw or b"{}"))
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    do_GET = do_POST = do_PATCH = _any  # noqa: N815 - as the library calls them

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextmanager
def playing() -> Iterator[Played]:
    """Serve on this machine for a while."""
    played = Played()
    handler = type("Handler", (_Handler,), {"played": played})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        played.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield played
        server.shutdown()
