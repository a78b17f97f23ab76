"""The terminal report as a picture: what `gate check memory` really shows in a repository, drawn by rich."""

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from unittest import mock

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from gate.cli import main
from gate.report import terminal

WIDTH = 100  # columns of the picture
_FONT = re.compile(r"\s*@font-face \{\{.*?\n    \}\}\n", re.DOTALL)  # rich would load a font from elsewhere


def draw(root: Path, *words: str) -> str:
    """Run a command of the gate in a repository, as at a terminal, and return what it showed as SVG that loads nothing."""
    given = words or ("check", "memory")
    with inside(root), _recorded() as screens:
        main(list(given), Terminal())
    svg = screens[-1].export_svg(title=f"$ gate {' '.join(given)}", code_format=_FONT.sub("\n", CONSOLE_SVG_FORMAT), unique_id="gate")
    return re.sub("<svg ", f'<svg role="img" aria-label="what gate {given[0]} shows at a terminal" ', svg, count=1) + "\n"


def report(root: Path, folder: Path) -> None:
    """Write the picture of `gate check memory` into the gallery."""
    (folder / "terminal.svg").write_text(draw(root), encoding="utf-8")


class Terminal(io.StringIO):
    """What the command takes for a terminal."""

    def isatty(self) -> bool:
        """Say that a person reads it."""
        return True


@contextmanager
def _recorded() -> Iterator[list[Console]]:
    """Let every console remember what it shows; the last one tells what was found, those before it only what is being done."""
    screens: list[Console] = []

    def console(out: TextIO) -> Console:
        screens.append(Console(file=out, record=True, force_terminal=True, width=WIDTH, highlight=False, soft_wrap=True))
        return screens[-1]

    with mock.patch.object(terminal, "console", console):
        yield screens


@contextmanager
def inside(root: Path) -> Iterator[None]:
    """Stand in a repository for a while."""
    before = Path.cwd()
    os.chdir(root)
    try:
        yield
    finally:
        os.chdir(before)
