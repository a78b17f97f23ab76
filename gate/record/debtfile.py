"""The text of policies/baseline.yaml: sorted, one debt a line, each value in the one spelling that every YAML reader takes alike."""

import json
from collections.abc import Iterable

from gate.facts.work import Debt
from gate.units import show_amount

_HEAD = """# yaml-language-server: $schema=.schema/baseline.json
# Known debts: they may become fewer and never more. Written by gate baseline, sorted, one a line.
version: 1
"""


def text(debts: Iterable[Debt]) -> str:
    """Write a whole baseline; the debts are sorted already."""
    lines = [f"  - {{{', '.join(f'{key}: {value}' for key, value in _fields(debt).items())}}}\n" for debt in debts]
    return _HEAD + ("debts:\n" + "".join(lines) if lines else "debts: []\n")


def _fields(debt: Debt) -> dict[str, str]:
    """Return what a line says, each value as YAML; what is as it is by default is left out."""
    words = {"check": debt.check, "scope": debt.scope, "rule": debt.rule, "message": debt.message}
    fields = {key: _quoted(value) for key, value in words.items() if value}
    if debt.count > 1:
        fields["count"] = str(debt.count)
    if debt.most is not None:
        fields["most"] = _quoted(show_amount(debt.most, debt.unit) if debt.unit else f"{debt.most:g}")
    fields |= {key: _quoted(value) for key, value in (("shape", debt.shape), ("reason", debt.reason), ("owner", debt.owner)) if value}
    return fields | ({"expires": debt.expires} if debt.expires else {})


def _quoted(value: str) -> str:
    """Quote text; JSON's quotes are YAML's, where letters stand for themselves."""
    return json.dumps(value, ensure_ascii=False)
