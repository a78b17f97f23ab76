"""Put 500 hostile strings through every field of the page, one page each, and read each page as a browser does."""

import random
import sys
from collections.abc import Sequence

from gate.report.page import write
from gate.report.text import plain
from tests.test_page import WORD, ordinary, shape, shown, spoiled
from tests.test_report import HOSTILE

NUMBER, SEED = 500, 7
MARKS = ("<", ">", "&", '"', "'", "`", "=", "/", "\\", "|", "{{", "}}", "{%", "%}", "{#", "#}", "<!--", "-->", "]]>", "&#60;", "&lt")
TAGS = (
    "<![CDATA[",
    "<script>",
    "</script>",
    "</style>",
    "</title>",
    "</svg>",
    "</td>",
    "</code>",
    "<img src=x onerror=x>",
    "<svg/onload=x>",
)
WORDS = ("javascript:", "data:text/html,", "onclick=x ", "style=x ", "::error::", "##[error]", "__proto__", "\\u003c", "${x}", "%00")
ODD = ("\u202e", "\u2028", "\x00", "\x0b", "\x1b[2J", "\udcff", "\ufffe", "\U0001f600", "a", " ", "\n", "\t", "#", "x" * 400)
PIECES = (*MARKS, *TAGS, *WORDS, *ODD)


def main(words: Sequence[str] = ()) -> int:
    """Write and read the pages, as many as the first word says; return 1 when one text made or ended an element, or is not told."""
    number = int(words[0]) if words else NUMBER
    chance = random.Random(SEED)
    texts = [*HOSTILE.values(), *("".join(chance.choices(PIECES, k=chance.randint(1, 9))) for _ in range(number))]
    wanted = shape(ordinary(series=False))
    fields = shown(ordinary(series=False), WORD)
    acted, lost = [], []
    for text in [text for text in texts if plain(text).strip()][:number]:
        page = write(spoiled(text, series=False))
        acted += [text] if shape(page) != wanted else []
        lost += [text] if shown(page, text) < fields else []
    sys.stdout.write(f"page: {number} hostile strings, each in {fields} lines: {len(acted)} acted, {len(lost)} lost\n")
    for text in (*acted, *lost):
        sys.stdout.write(f"  {text!r}\n")
    return int(bool(acted or lost))
