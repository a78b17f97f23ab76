"""Markdown documents: every relative link and anchor, and documents that lie where none should."""

import time
from pathlib import Path

from gate.facts import Diagnostic, Reading
from gate.facts.work import Documents
from gate.pages import complaints, tree
from gate.pages.globs import Globs
from gate.repo import worktree

MOVES = "nox -s docs"  # the command that moves documents to where they belong


def measure(documents: Documents, root: Path) -> Reading:
    """Read every document that a commit would hold and follow its links inside the repository."""
    start, cpu = time.perf_counter(), time.process_time()
    wanted, left = Globs(documents.match), Globs(documents.leave)
    files = worktree.files(root)
    paths = [path for path in files if wanted.match(path) and not left.match(path)]
    whole = tree.build(root, files, paths)
    found: list[Diagnostic] = []
    for path, page in whole.pages.items():
        found += [wrong for link in page.links if (wrong := complaints.link(whole, path, link))]
    found += [astray for path in paths if (astray := complaints.stray(documents, path, whole.pages.get(path), MOVES))]
    return Reading(
        wall=time.perf_counter() - start,
        cpu=time.process_time() - cpu,
        diagnostics=tuple(found),
        counts={"documents": len(paths), "links": sum(len(page.links) for page in whole.pages.values())},
        failed=bool(found),
    )
