"""Text that wants to get out of its place, and a way to put it into every field of a record."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

FRAGMENTS = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style></title></textarea></template><svg onload=alert(1)>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>&y;",
    "&lt;b&gt;&amp;&#60;&quot;",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "javascript:alert(1)",
    "data:text/html,<b>",
    "](javascript:alert(1))",
    "[a](javascript:alert(1))",
    "![a](https://example.org/a.png)",
    "[a\\](javascript:alert(1))",
    "[a]: https://example.org",
    "[^1]",
    "https://example.org/x",
    "www.example.org",
    "mailto:a@example.org",
    "<https://example.org>",
    "@team",
    "@octo/team",
    "#1",
    "GH-1",
    "octo/cat#1",
    ":bomb:",
    ":100:",
    "| a | b |",
    "\\|",
    "`",
    "```",
    "~~~",
    "`` ` ``",
    "**x** _y_ ~~z~~",
    "$x$ $$y$$",
    "# x",
    "- [ ] x",
    "1. x",
    "> [!WARNING]",
    "---",
    "===",
    "</details></summary>",
    "<details open>",
    "\n",
    "\r\n",
    "\n\n# x\n\n",
    "\n::error file=x::y\n",
    "::set-output name=x::y",
    "  ::stop-commands::x",
    "::add-mask::a",
    "##[error]x",
    "##[add-path]/tmp",
    "::endgroup::",
    "%0A::error::x",
    "%25%0D%0A",
    ",line=1,file=/etc/passwd::",
    "{0} {{x}} {",
    "%s %(x)s ${x} ${{ github.token }} {{ 7*7 }} {% raw %}",
    "[bold red]x[/] [link=https://example.org]y[/link] [/]",
    "\x1b[2J\x1b[31m",
    "\x1b]8;;https://example.org\x07x\x1b]8;;\x07",
    "\x9b31m",
    "\x00\x01\x08\x0b\x0c\x7f\x85",
    "\u202e\u2066\u200b\u200d\ufeff",
    "\u2028\u2029",
    "\ufffe\uffff\U0001ffff",
    "\ud800",
    "\udcff",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\x",
    "file:///etc/passwd",
    "//example.org/x",
    "x" * 400,
    "|" * 400,
    "日本語 ünï é",
    '"},{"a":"',
    "\\u0000 \\",
    "= 1+1",
    "word",
    " ",
)


def texts(number: int, seed: int = 1) -> Iterator[str]:
    """Yield each fragment alone, then as many mixtures of them with any letter as are still wanted."""
    chance = random.Random(seed)
    for at in range(number):
        if at < len(FRAGMENTS):
            yield FRAGMENTS[at]
        else:
            parts = chance.choices(FRAGMENTS, k=chance.randint(2, 5))
            parts[chance.randrange(len(parts))] += chr(chance.choice((chance.randrange(0x250), chance.randrange(0x11000))))
            yield "".join(parts)


def spoil(value: Any, text: str, keep: frozenset[str] = frozenset()) -> Any:
    """Put a text into the place of every text of a record and of all within, but those of fields that are to be kept."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return text
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: getattr(value, field.name) for field in fields(value)}
        return replace(value, **{name: spoil(item, text, keep) for name, item in told.items() if name not in keep})
    if isinstance(value, Mapping):
        return {spoil(key, text, keep): spoil(item, text, keep) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(spoil(item, text, keep) for item in value)
    return value
