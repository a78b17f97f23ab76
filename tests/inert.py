"""Readers that are not ours say whether foreign text stayed in its place: the same page with another word is built alike."""

import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

import html5lib
import jsonschema
from defusedxml import ElementTree
from markdown_it import MarkdownIt
from rich.console import Console

from gate.facts import Change, Estimate, Fault, Outcome
from gate.facts.advice import Advised, Proposal, Survey, Trial
from gate.facts.rows import Base, Compared, Dossier, Page, Past, Standing, Told, Verdict
from gate.facts.work import Phase, Question
from gate.report import advice, annotations, answers, badge, junit, lines, machine, sarif, summary, terminal
from gate.report.text import plain
from tests.hostile import spoil
from tests.test_formats import HELD, complaining, grown, sarif_schema
from tests.test_report import DEBT, GONE, OTHER, checked, evidence, gathered, passed, rows, step

WORD = "word"
# What no foreign hand writes: the plan's own constants, by which amounts are written.
KEPT = frozenset({"unit"})
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_LIVE = re.compile(r"(?:^|[^\w`])(?:@[a-z0-9]|#\d|gh-\d|:[a-z_+-]+:)|https?://|www\.", re.IGNORECASE)
_COMMAND = re.compile(r"::(error|warning|notice) (title=[^:,]*,file=[^:,]*,line=\d+,endLine=\d+)::(.*)")
_SGR = re.compile(r"\x1b\[[0-9;]*m")


@lru_cache(maxsize=4)
def verdict(text: str) -> Verdict:
    """Return a verdict with rows of each kind, in which every text is this one."""
    many = [*rows(), grown(*HELD), complaining(2, "lint/more")]
    whole = gathered(many, (DEBT, GONE))
    told: Verdict = spoil(replace(whole, asked=("x",)), text, KEPT)
    # a record that is damaged says nothing, so only those are that say nothing anyhow
    return replace(told, rows=tuple(row if row.standing is Standing.NEVER else replace(row, damage="") for row in told.rows))


@lru_cache(maxsize=4)
def page(text: str) -> Page:
    """Return everything that a summary is written from, in which every text is this one."""
    whole = verdict(text)
    questions = tuple(row for row in whole.rows if isinstance(row.step.work, Question))
    pairs = tuple(Compared(step=row.step, base=row, now=row, says=text, change=1.0, why=text) for row in questions)
    base = Base(revision=text, commit=text, tree=text, rows=questions)
    drawn = {Phase.PLAN: spoil(evidence(step("plan", Phase.PLAN), passed(), tree=OTHER), text)}
    return Page(title=text, verdict=whole, phases=drawn, base=base, compared=pairs, bundle=text, seal=text)


def dossier(text: str) -> Dossier:
    """Return everything that a page for a browser is written from, in which every text is this one."""
    weight = Estimate(value=1, low=0, high=2, points=3)
    past = Past(check=text, tree=text, commit=text, taken=text, outcome=Outcome.PASSED, estimate=weight, unit="B/agent", digest=text)
    advice_ = spoil(evidence(step("advice"), passed()), text, KEPT)
    return Dossier(page=page(text), project=text, gate=text, past=(past, past), advised=((text, advice_),))


# --- each format with the reader of it ------------------------------------------------


def in_lines(text: str) -> None:
    """Look at what is printed: as many lines as ever, nothing that moves the cursor, nothing that a runner obeys."""
    told = printed(text)
    assert_quiet(told)
    assert told.count("\n") == _many_lines(), "another number of lines"
    for words in (False, True):
        out = io.StringIO()
        screen = Console(file=out, force_terminal=True, width=80, color_system="standard", highlight=False, soft_wrap=True)
        terminal.findings(screen, _told(text), words=words, explain=True)
        assert_quiet(_SGR.sub("", out.getvalue()))
        assert set(_SGR.findall(out.getvalue())) <= set(_SGR.findall(_coloured())), "another colour"


def in_markdown(text: str) -> None:
    """Read the summary as Markdown, and as the HTML that it becomes: the same blocks, cells and elements, and nothing that GitHub links."""
    told = summary.write(page(text))
    assert_quiet(told)
    tokens = MARKDOWN.parse(told)
    if text.strip():
        assert [token.type for token in tokens] == _benign_blocks(), "other blocks"
    inner = [child for token in tokens for child in token.children or []]
    assert {child.type for child in inner} <= {"text", "code_inline", "strong_open", "strong_close", "text_special"}, "inline markup"
    open_ = [child.content for child in inner if child.type == "text"]
    # entities make text of their own, so letters that were kept apart stand in neighbours: what GitHub reads is what is joined
    for token in tokens:
        spans = "".join(child.content if child.type != "code_inline" else "`" for child in token.children or [])
        assert not _LIVE.search(_without_urls(spans)), f"alive: {spans!r}"
    assert open_
    tree = _html(MARKDOWN.render(told))
    assert {name for name, _ in tree} <= _benign_elements(), "another element"
    assert all(not attributes or attributes == {"style": attributes.get("style")} for _, attributes in tree), "an attribute"


def in_json(text: str) -> None:
    """Read the JSON: it has the published shape, and gives every text back as it was."""
    told = machine.write(verdict(text), 1)
    assert_quiet(told)
    body = json.loads(told)
    _report_reader().validate(body)
    assert (body["branch"], body["missing"][0], body["checks"][3]["evidence"]["finding"]["headline"]) == (_paired(text),) * 3
    assert _keys(body) == _benign_keys() or not text, "other keys"
    answer = answers.write(0, told=_told(text), changes=answers.changes(_changes(text)), checks=answers.found(_told(text)))
    assert_quiet(answer)
    json.loads(answer)


def in_sarif(text: str) -> None:
    """Read the log by OASIS's schema: as many results as ever, each below the root of the repository."""
    told = sarif.write(verdict(text))
    assert_quiet(told)
    log = json.loads(told)
    _sarif_reader().validate(log)
    found = log["runs"][0]["results"]
    assert len(found) == len(json.loads(sarif.write(verdict(WORD)))["runs"][0]["results"]) > 4
    for result in found:
        for place in (*result["locations"], *result.get("relatedLocations", ())):
            parts = urlsplit(place["physicalLocation"]["artifactLocation"]["uri"])
            assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
            assert ".." not in unquote(parts.path).split("/")
            assert not parts.path.startswith("/")
        said = result["message"]["text"]
        assert all(len(slashes) % 2 for slashes in re.findall(r"(\\*)\]\(", said)), "a link in a message"
        assert not re.search(r"(?<!\{)\{[0-9]+\}(?!\})", said), "a placeholder in a message"


def in_junit(text: str) -> None:
    """Read the XML by a reader that refuses entities: the same elements and attributes as ever."""
    told, benign = junit.write(verdict(text)), junit.write(verdict(WORD))
    assert_quiet(told)
    shapes = [[(one.tag, set(one.attrib)) for one in ElementTree.fromstring(xml.encode()).iter()] for xml in (told, benign)]
    assert [tag for tag, _ in shapes[0]] == [tag for tag, _ in shapes[1]], "other elements"
    assert {name for _, names in shapes[0] for name in names} <= {name for _, names in shapes[1] for name in names}, "another attribute"


def in_annotations(text: str) -> None:
    """Read the commands as the runner does: one a line, three of them known, and what they say is what was said."""
    told, benign = annotations.write(verdict(text)), annotations.write(verdict(WORD))
    found = [_COMMAND.fullmatch(line) for line in told.split("\n")[:-1]]
    assert all(found), "a line that is no remark"
    assert len(found) == benign.count("\n")
    assert "##[" not in told
    for one in found:
        said = _unescaped(one[3]) if one else ""
        assert said == plain(said), "a message that is not as it is shown"
        assert {letter for letter in said if unicodedata.category(letter) == "Cc"} == set()


def in_badge(text: str) -> None:
    """Read the badge: no text of others is in it."""
    assert badge.write(verdict(text)) == badge.write(verdict(WORD))


def in_html(text: str) -> None:
    """Read the page for a browser: the same elements, none of which a foreign text began, and no attribute that acts."""
    from gate.report import page as pages  # noqa: PLC0415 - heavy

    told, benign = (_html(pages.write(dossier(one))) for one in (text, WORD))
    assert {name for name, _ in told} <= {name for name, _ in benign}, "another element"
    assert _count(told, "script") == _count(benign, "script"), "another script"
    handlers = {name for _, attributes in told for name in attributes if name.startswith("on")}
    assert handlers <= {name for _, attributes in benign for name in attributes if name.startswith("on")}, "another handler"
    links = {str(value) for _, attributes in told for name, value in attributes.items() if name in {"href", "src", "xlink:href", "action"}}
    assert all(link.startswith("#") for link in links), "a link that leads away"


FORMATS: dict[str, Callable[[str], None]] = {
    "terminal": in_lines,
    "Markdown": in_markdown,
    "HTML": in_html,
    "JSON": in_json,
    "SARIF": in_sarif,
    "JUnit": in_junit,
    "annotations": in_annotations,
    "badge": in_badge,
}


def assert_quiet(text: str) -> None:
    """Nothing in a report moves the cursor, turns the writing round or is obeyed by GitHub's runner."""
    assert {unicodedata.category(letter) for letter in text} & {"Cc", "Cf", "Cs", "Zl", "Zp"} <= {"Cc"}, "a letter that is not seen"
    assert {letter for letter in text if unicodedata.category(letter) == "Cc"} == {"\n"}, "a control character"
    assert not [line for line in text.split("\n") if line.lstrip().startswith("::")], "an order to a runner"
    assert "##[" not in text, "an old order to a runner"


def printed(text: str) -> str:
    """Return everything that is told in lines, in which every text is this one."""
    whole, out = verdict(text), io.StringIO()
    screen = terminal.console(out)
    terminal.findings(screen, _told(text), explain=True)
    terminal.findings(screen, _told(text))
    terminal.verdict(screen, whole)
    terminal.compared(screen, text, page(text).compared)
    terminal.cleaning(screen, _changes(text), whole=True, seconds=1.0)
    out.write(lines.text(lines.faults([Fault(place=text, found=text, act=text)])))
    words = Proposal(act=text, paths=(text,), why=text, saves=1, exact=text, cost=text, code=text, where=text)
    tried = Trial(predicted=1, achieved=1, same=text, why=text, refused=(text,))
    out.write(advice.text([Advised(case=text, survey=Survey(agents=1, steps=1, weight=1), proposals=(words,), trial=tried)]))
    return out.getvalue()


# --- helpers --------------------------------------------------------------------------


@cache
def _many_lines() -> int:
    return printed(WORD).count("\n")


@cache
def _benign_blocks() -> list[str]:
    return [token.type for token in MARKDOWN.parse(summary.write(page(WORD)))]


@cache
def _benign_elements() -> set[str]:
    return {"code"} | {name for name, _ in _html(MARKDOWN.render(summary.write(page(WORD))))}


@cache
def _benign_keys() -> set[str]:
    return _keys(json.loads(machine.write(verdict(WORD), 1)))


def _told(text: str) -> Sequence[Told]:
    return checked(verdict(text))


def _changes(text: str) -> Sequence[Change]:
    found: Sequence[Change] = [change for row in verdict(text).rows if row.evidence for change in row.evidence.reading.changes]
    return found


@cache
def _coloured() -> str:
    out = io.StringIO()
    screen = Console(file=out, force_terminal=True, width=80, color_system="standard", highlight=False, soft_wrap=True)
    terminal.findings(screen, _told(WORD), explain=True)
    return out.getvalue()


@cache
def _report_reader() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(machine.schema_text()))


@cache
def _sarif_reader() -> jsonschema.Draft4Validator:
    return jsonschema.Draft4Validator(sarif_schema())


def _html(text: str) -> list[tuple[str, dict[str, str]]]:
    """Return every element that a browser makes of a text."""
    tree = html5lib.parse(text, namespaceHTMLElements=False)
    return [(str(one.tag), dict(one.attrib)) for one in tree.iter()]


def _count(tree: Sequence[tuple[str, dict[str, str]]], name: str) -> int:
    return sum(found == name for found, _ in tree)


def _without_urls(text: str) -> str:
    """Leave out what only the parser of GitHub makes a link of, which reads it as entities: it stands in no text that is read later."""
    return re.sub(r"https?://|www\.", "", text, flags=re.IGNORECASE)


def _keys(body: Any) -> set[str]:
    """Return every key but those of what is a mapping by nature."""
    return set(_walk(body))


def _walk(body: Any) -> Iterator[str]:
    if isinstance(body, dict):
        for key, item in body.items():
            yield key
            if key not in {"counts", "pins", "versions", "environment", "files", "folders"}:
                yield from _walk(item)
    elif isinstance(body, list):
        for item in body:
            yield from _walk(item)


def _paired(text: str) -> str:
    """Write two halves of one letter as the letter: JSON cannot keep them apart."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _unescaped(text: str) -> str:
    """Read the data of a workflow command as the runner does."""
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
