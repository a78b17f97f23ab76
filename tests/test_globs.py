"""Patterns of policies, asked about many paths, say what git's own reading of them says."""

from hypothesis import example, given, settings
from hypothesis import strategies as some
from pathspec import GitIgnoreSpec

from gate.pages.globs import Globs

PARTS = some.sampled_from(["a", "b.md", "B.MD", ".x", "a.b", "ab", " a", "README.md", "Ä"])
WILD = some.sampled_from(["*", "**", "?", "*.md", "a*", "[ab]", "[!a]*", "[ab].md", r"\*", r"a\ ", "b.md ", "R*E.md"])
PATTERNS = some.builds(
    lambda no, top, parts, end: f"{no}{top}{'/'.join(parts)}{end}",
    some.sampled_from(["", "", "!", "#"]),
    some.sampled_from(["", "/"]),
    some.lists(PARTS | WILD, min_size=1, max_size=3),
    some.sampled_from(["", "", "/", "/**"]),
)


@settings(max_examples=300, deadline=None)
@given(patterns=some.lists(PATTERNS, max_size=4), paths=some.lists(some.lists(PARTS, min_size=1, max_size=4).map("/".join), max_size=8))
@example(patterns=["vendor/"], paths=["src/vendor/deep/x.md", "src/vendor.md"])  # what lies below a folder that matches
@example(patterns=["*.md", "!a/"], paths=["a/b.md", "b.md"])
def test_cheap_look_at_names_loses_nothing(patterns: list[str], paths: list[str]) -> None:
    """Whatever the patterns match is found, and nothing else, though most names never reach them."""
    globs, spec = Globs(patterns), GitIgnoreSpec.from_lines(patterns)
    assert [globs.match(path) for path in paths] == [spec.match_file(path) for path in paths]
