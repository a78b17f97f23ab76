"""Foreign text made harmless: what others wrote may be read and never acts."""

import unicodedata

_SHOWN = 300  # characters of one foreign line


def plain(text: str) -> str:
    r"""Keep one line of foreign text to itself: no control characters, no second line, no endless one.

    >>> plain("a\x1b[31mb\nc")
    'a�[31mb�c'
    """
    clean = "".join("\ufffd" if unicodedata.category(letter) in {"Cc", "Cs", "Cf", "Zl", "Zp"} else letter for letter in text)
    return clean if len(clean) <= _SHOWN else f"{clean[: _SHOWN - 1]}…"


def markdown(text: str) -> str:
    """Show foreign text in Markdown as the letters that it has.

    >>> markdown("<img src=x> [a](b) @team `x` |")
    '&lt;img src=x&gt; &#91;a&#93;(b) &#64;team &#96;x&#96; &#124;'
    """
    letters = {letter: f"&#{ord(letter)};" for letter in "[]@`|*_~\\!#"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
    return "".join(letters.get(letter, letter) for letter in plain(text)).replace("://", "&#58;//")
