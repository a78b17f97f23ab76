"""Foreign text stays in its place in every report; nox -s proofs -- injection proves it with 500 texts."""

import pytest

from gate.facts import Finding, Outcome
from gate.report import annotations, junit, lines, sarif, summary
from tests import hostile, inert

TEXTS = (*hostile.FRAGMENTS[::9], *list(hostile.texts(110))[-1:])


@pytest.mark.parametrize("form", inert.FORMATS)
def test_text_stays_in_its_place(form: str) -> None:
    """In every field of a report at once, no text gets out of its place."""
    for one in TEXTS[:: 4 if form == "HTML" else 1]:  # it draws plots
        inert.FORMATS[form](one)


def test_every_text_field_is_spoiled() -> None:
    """No text of a record is left as it was, however deep it lies, but units."""
    finding = Finding(outcome=Outcome.FAILED, headline="a", details=("b",), unit="B/step")
    assert hostile.spoil(finding, "x", inert.KEPT) == Finding(
        outcome=Outcome.FAILED, headline="x", details=("x",), next_act="x", unit="B/step", waived="x"
    )
    assert hostile.spoil({"a": [("b", 1)]}, "x") == {"x": [("x", 1)]}


MUTANTS = {  # what is broken -> the format in which a text then gets out
    "terminal": (lines, "plain", "\x1b[2J"),
    "Markdown": (summary, "markdown", "<img src=x onerror=alert(1)>"),
    "SARIF": (sarif, "uri", "mailto:a@example.org"),
    "JUnit": (junit, "_text", "\x1b[31m"),
    "annotations": (annotations, "_property", ",line=1,file=/etc/passwd::"),
}


@pytest.mark.parametrize("form", MUTANTS)
def test_what_gets_out_is_seen(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When one report no longer makes foreign text harmless, its reader says so."""
    module, name, one = MUTANTS[form]
    inert.FORMATS[form](one)
    monkeypatch.setattr(module, name, lambda text, **_: text)
    with pytest.raises((AssertionError, ValueError, SyntaxError)):
        inert.FORMATS[form](one)
