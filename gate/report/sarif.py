"""A verdict as SARIF 2.1.0, for code scanning: a result where the tree is wrong, a notification where the gate could not work."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from gate import __version__
from gate.facts import Outcome
from gate.facts.rows import Counted, Place, Row, Verdict
from gate.facts.work import Question
from gate.report import places
from gate.report.text import as_json, name_bytes, plain

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MOST = 5000  # results of one run that GitHub keeps
_BESIDE = 10  # related locations of one result
_LEVELS = {Counted.FAILED: "error", Counted.INCONCLUSIVE: "warning", Counted.WAIVED: "error"}
_ORDER = (Counted.FAILED, Counted.INCONCLUSIVE, Counted.WAIVED)
_UNRUN = {Counted.BROKEN: "error", Counted.MISSING: "error", Counted.STALE: "warning", Counted.OLD: "warning"}
_PRINT = "gateFinding/v1"
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
_PLACEHOLDER = re.compile(r"\{([0-9]+)\}")
_LINK = re.compile(r"(\\*)\]\(")
_NUMBERS = re.compile(r"\d+")

Object = dict[str, object]


def write(verdict: Verdict) -> str:
    """Write one log with one run, the worst first; what is more than code scanning keeps is counted in a notification."""
    ordered = [row for counted in _ORDER for row in verdict.rows if row.counted is counted]
    found = [(row, place) for row in ordered for place in places.of(row, most=None)]
    kept = found[:MOST]
    rules = list(dict.fromkeys(_rule(row, place) for row, place in kept))
    told = [*_notifications(verdict), *_left_out(len(found) - len(kept))]
    run = {
        "tool": {"driver": {"name": "gate", "semanticVersion": __version__, "rules": [_described(rule) for rule in rules]}},
        "automationDetails": {"id": "gate/"},
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "the root of the repository"}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {"executionSuccessful": all(row.counted not in _UNRUN for row in verdict.rows), "toolExecutionNotifications": told}
        ],
        "properties": {"tree": verdict.tree, "commit": verdict.commit, "policy": f"sha256:{verdict.policy}"},
        "results": list(_results(kept, rules)),
    }
    return as_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _results(found: Iterable[tuple[Row, Place]], rules: Sequence[str]) -> Iterator[Object]:
    """Tell each place; two that are alike but for their line are counted, so that each has a fingerprint of its own."""
    seen: Counter[str] = Counter()
    for row, place in found:
        rule, finger = _rule(row, place), _finger(row, place)
        seen[finger] += 1
        told: Object = {
            "ruleId": rule,
            "ruleIndex": rules.index(rule),
            "level": _LEVELS[row.counted],
            "message": {"text": _message(row, place)},
            "locations": [_location(place)],
            "partialFingerprints": {_PRINT: hashlib.sha256(f"{finger}:{seen[finger]}".encode()).hexdigest()},
            "properties": {"check": plain(row.step.check), "command": plain(row.step.command), "evidence": row.digest},
        }
        beside = _beside(row, place)
        if beside:
            told["relatedLocations"] = beside
        if row.counted is Counted.WAIVED:
            told["suppressions"] = [
                {
                    "kind": "external",
                    "status": "accepted",
                    "justification": plain(f"until {one.expires} by {one.owner}: {one.reason} ({one.place})"),
                }
                for one in row.waivers
            ]
        yield told


def _finger(row: Row, place: Place) -> str:
    """Say what makes a finding the same one tomorrow: neither its line nor any figure in it."""
    what = place.text if isinstance(row.step.work, Question) else _NUMBERS.sub("0", place.message)
    return "\0".join((row.step.check, place.code, place.path, " ".join(what.split()))).encode("utf-8", "backslashreplace").decode()


def _rule(row: Row, place: Place) -> str:
    """Name the rule of a result: the question about memory, or the check with the code of its tool."""
    if isinstance(row.step.work, Question):
        return plain(f"memory/{row.step.work.name}")
    return plain(f"{row.step.check}/{place.code}" if place.code else row.step.check)


def _described(rule: str) -> Object:
    """Describe a rule as far as its name does."""
    part = rule.partition("/")[0]
    what = "what one live agent weighs, keeps, needs or leaves open" if part == "memory" else f"what the check {part} of the policy found"
    return {"id": rule, "shortDescription": {"text": rule}, "fullDescription": {"text": f"{rule}: {what}"}, "properties": {"tags": [part]}}


def _message(row: Row, place: Place) -> str:
    """Say what was found, for memory with what to do about it; no text of others is a link or a placeholder (SARIF 3.11.5, 3.11.6)."""
    held = row.evidence
    said = [plain(place.message)]
    if held and isinstance(row.step.work, Question):
        said = [plain(f"{row.step.check}: {place.message}"), *([f"Next: {plain(held.finding.next_act)}"] if held.finding.next_act else [])]
    text = "\n".join([*said, f"Again: {plain(row.step.command)}"])
    text = _LINK.sub(lambda found: f"{found[1] * 2}\\](", text)
    return _PLACEHOLDER.sub(r"{{\1}}", text)


def _location(place: Place, message: str = "") -> Object:
    """Write a place as code scanning finds it."""
    region: Object = {"startLine": place.line}
    if place.text:
        region["snippet"] = {"text": plain(place.text)}
    told: Object = {"physicalLocation": {"artifactLocation": {"uri": uri(place.path), "uriBaseId": "%SRCROOT%"}, "region": region}}
    return told | ({"message": {"text": message}} if message else {})


def _beside(row: Row, first: Place) -> list[Object]:
    """Name the other lines that hold memory, and the limit."""
    if not row.evidence or not isinstance(row.step.work, Question):
        return []
    path, line = places.entry(row)
    limit = Place(path=path, line=line)
    others = [place for place in places.lines(row.evidence.reading) if (place.path, place.line) != (first.path, first.line)]
    named = [(place, "also holds memory") for place in others[: _BESIDE - 1]]
    named += [(limit, "the limit")] if (path, line) != (first.path, first.line) else []
    return [_location(place, why) for place, why in named]


def _notifications(verdict: Verdict) -> Iterator[Object]:
    """Tell what could not be decided: that is no result about the tree."""
    for row in verdict.rows:
        if row.counted in _UNRUN and row.asked:
            broken = row.evidence and row.evidence.finding.outcome is Outcome.BROKEN
            why = row.evidence.finding.headline if broken and row.evidence else f"{row.counted} on this tree"
            yield {"level": _UNRUN[row.counted], "message": {"text": plain(f"{row.step.check}: {why}; again: {row.step.command}")}}


def _left_out(more: int) -> Iterator[Object]:
    if more:
        yield {"level": "warning", "message": {"text": f"{more:,} results more are left out; gate report --json has all of them"}}


def uri(path: str) -> str:
    r"""Write a path as the relative URI of it, with what is no letter, digit or "-._~/" as bytes.

    >>> uri("a b/ü.py"), uri("c:d.py"), uri("x\udcff")
    ('a%20b/%C3%BC.py', 'c%3Ad.py', 'x%FF')
    """
    raw = name_bytes(path.replace("\\", "/"))
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in raw)
