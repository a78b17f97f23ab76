"""The examples of a page carried out: files with a title are written, `$` lines of console blocks run, and what they print compared.

`python -m tests.documents FILE …` writes what was really printed into the pages. Figures, times and ids differ from run to run and from
machine to machine: they are compared as figures. A line `…` stands for any lines.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from tests.conftest import Repository, furnish

PREPARED = "<!-- in a repository that passes its gate -->"  # a page that says so begins there, and not with nothing
_TITLE = re.compile(r'title="(?P<path>[^"]+)"')
_FIGURE = re.compile(
    r"\b\d{4}-\d\d-\d\d(?:T[\d:]+Z)?|\b[0-9a-f]{12,64}\b|\bg[0-9a-f]{7}\b|(?<![\w.])-?\d[\d,]*(?:\.\d+)*\s?(?:[kMG]?i?B|ms|min|h|s)?\b"
)
_SPARK = re.compile("[▁-█]+")
_SECONDS = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One command of a page, and the lines below it."""

    command: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One fence that is carried out."""

    line: int  # of its first line inside, from 0
    end: int  # of the line behind the last one inside
    path: str = ""  # of a file that is written
    text: str = ""
    said: tuple[Said, ...] = ()


def blocks(text: str) -> Iterator[Block]:
    """Yield what a page wants written and run, in its order."""
    for token in MarkdownIt().parse(text):
        if token.type != "fence" or token.map is None:
            continue
        title, line, end = _TITLE.search(token.info), token.map[0] + 1, token.map[1] - 1
        if title:
            yield Block(line=line, end=end, path=title["path"], text=token.content)
        elif token.info.strip() == "console":
            yield Block(line=line, end=end, said=tuple(_said(token.content)))


def carried_out(page: Path, root: Path) -> Iterator[tuple[Block, list[Said]]]:
    """Do what a page says in a repository; yield each console block with what its commands really printed."""
    repository, text = Repository(root), page.read_text(encoding="utf-8")
    if PREPARED in text:
        furnish(repository)
    code = 0
    for block in blocks(text):
        if block.path:
            repository.write(block.path, block.text)
            continue
        really = []
        for said in block.said:
            ran = _run(f"(exit {code}); {said.command}", root)
            code = ran.returncode
            really.append(Said(command=said.command, lines=tuple(ran.stdout.rstrip("\n").split("\n")) if ran.stdout.strip() else ()))
        yield block, really


def differs(wanted: Said, really: Said) -> str:
    """Say how what was printed is not what the page shows, or return ""."""
    pattern = "\n".join("(?s:.*)" if line.strip() == "…" else re.escape(figures(line)) for line in wanted.lines)
    found = "\n".join(map(figures, really.lines))
    if re.fullmatch(pattern, found):
        return ""
    return "\n".join(["$ " + wanted.command, "--- the page", *wanted.lines, "--- really", *really.lines])


def figures(line: str) -> str:
    """Leave out what differs from run to run.

    >>> figures("PASSED  growth  203 B/step [201 B/step, 2.05 kB/step] (6.0 s)"), figures("tree 45e954e43c9b")
    ('PASSED growth #/step [#/step, #/step] (#)', 'tree #')
    """
    told = _SPARK.sub("▁", _FIGURE.sub("#", line))
    return re.sub(r"#(?: #)+", "#", " ".join(told.split()))


def _said(text: str) -> Iterator[Said]:
    """Take commands and what they print apart."""
    command, lines = "", list[str]()
    for line in text.rstrip("\n").split("\n"):
        if line.startswith("$ "):
            if command:
                yield Said(command=command, lines=tuple(lines))
            command, lines = line[2:], []
        else:
            lines.append(line)
    yield Said(command=command, lines=tuple(lines))


def _run(command: str, root: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command as a reader would."""
    env = {name: value for name, value in os.environ.items() if name not in {"CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"}}
    env |= {"PATH": os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]]), "COLUMNS": "100", "NO_COLOR": "1"}
    words, out = ["bash", "-c", f"exec 2>&1\n{command}"], subprocess.PIPE
    return subprocess.run(words, cwd=root, env=env, stdout=out, text=True, timeout=_SECONDS, check=False)


def main(files: list[str]) -> int:
    """Write what was really printed into pages; what … stands for stays away."""
    for file in files:
        page = Path(file)
        lines = page.read_text(encoding="utf-8").split("\n")
        with tempfile.TemporaryDirectory(prefix="gate-page-") as scratch:
            done = list(carried_out(page, Path(scratch) / "bots"))
        for block, really in reversed(done):
            pairs = zip(block.said, really, strict=True)
            kept = [old if "…" in old.lines and not differs(old, new) else new for old, new in pairs]
            lines[block.line : block.end] = [line for said in kept for line in (f"$ {said.command}", *said.lines)]
        page.write_text("\n".join(lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
