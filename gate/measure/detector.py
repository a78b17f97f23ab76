"""The one door to detect-secrets: which lines hold what looks like a secret, never what it is."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_IGNORED = ("IPPublicDetector",)  # an address is no secret
# A line that says of itself that it is allowed is no policy; and there is no file to look for.
_OVERRULED = ("detect_secrets.filters.allowlist.is_line_allowlisted", "detect_secrets.filters.common.is_invalid_file")
_ENTROPY = "High Entropy String"
_LONG, _OVER = 4096, 256  # letters of a line that are read at once, and of them again: patterns are slow on what is packed into one line


@contextmanager
def ready() -> Iterator[None]:
    """Set detect-secrets up: every detector with its own filters; what is found is not tried, so no network is asked."""
    from detect_secrets.settings import default_settings  # noqa: PLC0415 - 400 ms that only a commit needs

    with default_settings() as settings:
        settings.disable_filters(*_OVERRULED)
        for name in _IGNORED:
            settings.plugins.pop(name)
        yield


def found(path: str, lines: Sequence[tuple[int, str]], *, hashed: bool = False) -> Iterator[tuple[int, str]]:
    """Yield number and kind of each of the lines that holds a secret; the name of the file decides, too.

    In what is `hashed` nothing counts as a secret just because it looks random.
    Lines are given one by one: its own way to read files loads YAML as it comes, whose aliases and numbers may take for ever.
    """
    from detect_secrets.core.scan import _process_line_based_plugins as scan  # noqa: PLC0415 - as its scan_diff does
    from detect_secrets.filters.heuristic import is_lock_file  # noqa: PLC0415 - as above

    parts = [(number, part) for number, line in lines for part in _parts(line)]
    secrets = scan(lines=[(at, part) for at, (_, part) in enumerate(parts, 1)], filename=path)
    told = sorted({(parts[secret.line_number - 1][0], secret.type) for secret in secrets})
    hashed = hashed or is_lock_file(path)  # what is full of hashes has none that says anything
    yield from ((number, kind) for number, kind in told if not (hashed and kind.endswith(_ENTROPY)))


def _parts(line: str) -> Iterator[str]:
    """Take a line apart where it is longer than any that a person writes."""
    for at in range(0, max(1, len(line) - _OVER), _LONG - _OVER):
        yield line[at : at + _LONG]
