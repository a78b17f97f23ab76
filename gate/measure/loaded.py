"""Which code the tests loaded: none of what they are for is a finding, and what no commit holds is named."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from gate.command import find
from gate.facts import Diagnostic
from gate.probe import loaded as plugin
from gate.repo import worktree

_NOT_FOR = frozenset({"conftest.py", "setup.py", "noxfile.py", "conf.py"})  # nobody tests these
_TESTS = frozenset({"tests", "test", "testing"})
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_FILE = "loaded"
_TAIL = 2  # parts by which a copy elsewhere is known


def words(scratch: Path, root: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return what makes pytest note what it loaded, and where; nothing for a pytest beside which there is no gate."""
    ours = os.path.dirname(find("pytest", root)) == os.path.dirname(sys.executable)  # noqa: PTH120 - as found, no link followed
    return (("-p", plugin.NAME), {plugin.MARK: str(scratch / _FILE)}) if ours else ((), {})


def read(imports: Sequence[str], scratch: Path, root: Path) -> tuple[tuple[Diagnostic, ...], tuple[str, ...]]:
    """Return a finding when nothing below `imports` was loaded, and what was loaded below the root though git ignores it."""
    log = scratch / _FILE
    if not log.exists():  # nobody noted, or pytest did not come so far: it says why itself
        return (), ()
    every = {os.fsdecode(path) for path in log.read_bytes().split(b"\0") if path}
    below = {os.path.relpath(path, root) for path in every if Path(path).is_relative_to(root)}
    installed = os.path.realpath(sys.prefix)  # an environment below the root, with pytest itself in it
    own = {path for path in below if _INSTALLED.isdisjoint(PurePosixPath(path).parts) and not (root / path).is_relative_to(installed)}
    beside = tuple(sorted(worktree.ignored(root, own)))
    product = [path for path in worktree.files(root, lambda path: path.endswith(".py")) if _is_product(path, imports)]
    if not product or {_stem(path) for path in product} & {_stem(path) for path in own}:
        return (), beside
    copy = _copy(product, every)
    where = f"they load a copy of it, {copy}; install this one (pip install -e .)" if copy else "they never import it"
    return (Diagnostic(path=_first(product), line=1, code="covers", message=f"no module of it was loaded in the tests: {where}"),), beside


def _is_product(path: str, imports: Sequence[str]) -> bool:
    """Tell whether a path is code that tests are for."""
    pure = PurePosixPath(path)
    is_test = pure.name.startswith("test_") or pure.name.endswith("_test.py") or pure.name in _NOT_FOR
    return not is_test and _TESTS.isdisjoint(pure.parts[:-1]) and any(pure.is_relative_to(one) for one in imports)


def _stem(path: str) -> str:
    """Name a module by its folder and its own name: a compiled one has another ending."""
    pure = PurePosixPath(path)
    return str(pure.with_name(pure.name.split(".")[0]))


def _first(product: Iterable[str]) -> str:
    """Return the shallowest of some paths."""
    return min(product, key=lambda path: (path.count("/"), path))


def _copy(product: Iterable[str], loaded: Iterable[str]) -> str:
    """Return a module that was loaded from elsewhere and is called like one of ours, or ""."""
    tails = {PurePosixPath(path).parts[-_TAIL:] for path in product if "/" in path}
    return next((path for path in sorted(loaded) if PurePosixPath(path).parts[-_TAIL:] in tails), "")
