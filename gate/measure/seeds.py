"""What only the code says of what it reads: a seed from a clock, and questions about files that it never opens."""

import ast
import re

_SEEDS = frozenset({"seed", "Random", "default_rng", "RandomState", "SeedSequence", "PRNGKey", "key", "manual_seed"})
_CLOCKS = frozenset(
    {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "now", "utcnow", "today", "urandom", "getpid"}
    | {"uuid1", "uuid4", "token_bytes", "token_hex", "randbits"}
)
# No audit event tells of these. A comment that names one costs a measurement, and hides nothing.
_ASKS = re.compile(
    rb"\b(?:exists|lexists|is_file|isfile|is_dir|isdir|is_symlink|islink|is_mount|ismount|is_fifo|is_socket|l?stat|access|getsize|samefile)\s*\("
)


def asks_about_files(source: bytes) -> bool:
    """Tell whether code may ask whether a file is there, what it is or how large it is, without opening it.

    >>> asks_about_files(b"if Path('local.toml').exists(): ..."), asks_about_files(b"Path('local.toml').read_text()")
    (True, False)
    """
    return _ASKS.search(source) is not None


def seeded_by_clock(source: bytes) -> int:
    """Return the first line on which a seed is taken from a clock or from chance, or 0."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # not this Python's, and so not run
        return 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _tail(node.func) in _SEEDS:
            inside = [inner for word in (*node.args, *(named.value for named in node.keywords)) for inner in ast.walk(word)]
            if any(isinstance(inner, ast.Call) and _tail(inner.func) in _CLOCKS for inner in inside):
                return node.lineno
    return 0


def _tail(function: ast.expr) -> str:
    """Return the last name of what is called."""
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
