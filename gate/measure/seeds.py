"""Code that takes its chance from a clock: its readings differ from run to run, and no file says so."""

import ast

_SEEDS = frozenset({"seed", "Random", "default_rng", "RandomState", "SeedSequence", "PRNGKey", "key", "manual_seed"})
_CLOCKS = frozenset(
    {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "now", "utcnow", "today", "urandom", "getpid"}
    | {"uuid1", "uuid4", "token_bytes", "token_hex", "randbits"}
)


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
