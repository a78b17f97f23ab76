"""Reports written from recorded evidence: one verb, a form each."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from gate.errors import GateError
from gate.verbs import Verb, alone

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.facts.rows import Dossier


class Form(NamedTuple):  # a dataclass would load inspect, and gate --version would wait for it
    """One form in which a report can be had."""

    about: str
    write: "Callable[[Dossier], str]"
    file: str = ""  # below .gate, where no other is named; "" for what is printed then


def _html(dossier: "Dossier") -> str:
    from importlib.util import find_spec

    missing = [name for name in ("jinja2", "matplotlib", "squarify") if not find_spec(name)]
    if missing:
        message = f"report --html needs {', '.join(missing)}, not installed here: pip install 'heapgate[page]'"
        raise GateError(message)
    from gate.report.page import write

    return write(dossier)


def _json(dossier: "Dossier") -> str:
    from gate.judge.verdict import overall
    from gate.report import machine

    whole = dossier.page.verdict
    return machine.write(whole, overall(whole))


def _sarif(dossier: "Dossier") -> str:
    from gate.report import sarif

    return sarif.write(dossier.page.verdict)


def _junit(dossier: "Dossier") -> str:
    from gate.report import junit

    return junit.write(dossier.page.verdict)


def _badge(dossier: "Dossier") -> str:
    from gate.report import badge

    return badge.write(dossier.page.verdict)


def _markdown(dossier: "Dossier") -> str:
    from gate.report import summary

    return summary.write(dossier.page)


def _annotations(dossier: "Dossier") -> str:
    from gate.report import annotations

    return annotations.write(dossier.page.verdict)


FORMS = {
    "html": Form(about="one page for a browser, with plots; it needs no network", file="report.html", write=_html),
    "json": Form(about="everything as one JSON object: gate schema report", write=_json),
    "sarif": Form(about="SARIF 2.1.0, for code scanning", write=_sarif),
    "junit": Form(about="JUnit XML, for what shows test results", write=_junit),
    "markdown": Form(about="the summary, within what GitHub shows of a step", write=_markdown),
    "annotations": Form(about="workflow commands of GitHub Actions, as many as a step shows", write=_annotations),
    "badge": Form(about="the endpoint JSON of a shields.io badge", write=_badge),
}


def name(verb: Verb) -> None:
    """Name the verb of this part."""
    made = verb("report", alone(report), "write a report from recorded evidence, for a browser or a machine; it measures nothing")
    forms = made.add_mutually_exclusive_group(required=True)
    for word, form in FORMS.items():
        forms.add_argument(
            f"--{word}",
            action="store_const",
            const=word,
            dest="form",
            help=f"{form.about} ({f'.gate/{form.file}' if form.file else 'printed'})",
        )
    made.add_argument("--out", default="", metavar="FILE", help="write it there instead; - prints it")
    made.add_argument("--tree", default="", metavar="REV", help="of the tree of a revision, or of a tree id that has evidence")
    made.add_argument("bundle", nargs="?", type=Path, metavar="BUNDLE", help="of the evidence beside a summary, instead of .gate/evidence")


def report(words: argparse.Namespace, out: TextIO) -> int:
    """Write a report; 0 when it is written, whatever it says."""
    from gate import flow
    from gate.acts import reporting
    from gate.facts import Mode
    from gate.record.files import make_folders, replace_file
    from gate.repo import worktree

    form = FORMS[words.form]
    house = flow.enter(Path.cwd(), Mode.CHECK)
    text = form.write(reporting.gather(house, tree=words.tree, bundle=words.bundle))
    if words.out == "-" or not (words.out or form.file):
        out.write(text)
        return 0
    file = Path(words.out) if words.out else worktree.store(house.root) / form.file
    make_folders(file.parent)
    replace_file(file, text.encode("utf-8", "backslashreplace"))
    out.write(f"report: {file if words.out else file.relative_to(house.root)}\n")
    return 0
