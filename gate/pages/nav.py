"""The navigation of a site that mkdocs builds: entries that name documents, each with its place."""

import posixpath
from codecs import BOM_UTF8
from dataclasses import dataclass

from gate.pages import scalars
from gate.pages.scalars import Scalar

SETTINGS = ("mkdocs.yml", "mkdocs.yaml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Nav:
    """The navigation in one file of settings."""

    text: str  # decoded, without a byte order mark; bytes that are no UTF-8 as surrogates
    folder: str  # that its entries are relative to, relative to the root
    entries: tuple[Scalar, ...]


def read(path: str, raw: bytes) -> Nav | None:
    """Read the settings at `path`, or return None when they are no YAML."""
    text = raw.removeprefix(BOM_UTF8).decode("utf-8", "surrogateescape")
    found = scalars.read(text)
    if found is None:
        return None
    inner = next((scalar.value for scalar in found if scalar.keys == ("docs_dir",)), "docs")
    folder = posixpath.normpath(posixpath.join(posixpath.dirname(path), inner))
    return Nav(text=text, folder=folder, entries=tuple(scalar for scalar in found if scalar.keys[0] == "nav"))


def goal(nav: Nav, entry: Scalar) -> str:
    """Return the path that an entry names, relative to the root."""
    return posixpath.normpath(posixpath.join(nav.folder, entry.value))


def written(entry: Scalar, value: str) -> str:
    """Write another value as an entry is written.

    >>> written(Scalar(keys=("nav",), value="a.md", start=0, end=4, line=1, style=""), "b c.md")
    'b c.md'
    """
    plain = value[:1].isalnum() and all(letter.isalnum() or letter in " ./_-" for letter in value) and not value.endswith(" ")
    if entry.style == "'":
        return "'" + value.replace("'", "''") + "'"
    if not entry.style and plain:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
