"""One command that makes every picture of the gallery from one run: python -m tests.gallery [FOLDER]."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.gallery import pictures, subject, summary, terminal

ROOT = Path(__file__).parents[2]
CHECKS = ("plan", "clean --check", *(f"check {name}" for name in ("format", "docs", "lint", "types", "tests", "memory")), "summary")
# each makes its files from the run in one folder, in another
PICTURES: tuple[Callable[[Path, Path], None], ...] = (terminal.report, summary.page, pictures.page)


def gate(root: Path, *words: str) -> None:
    """Run the gate where nothing is watched; what it finds is what the pictures are about."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "CI": "true", "PYTHONPATH": str(ROOT), "PATH": path}
    environment.pop("GITHUB_STEP_SUMMARY", None)
    ran = subprocess.run([sys.executable, "-m", "gate", *words], cwd=root, env=environment, capture_output=True, text=True, check=False)
    sys.stderr.write(f"gate {' '.join(words)}: {ran.returncode}\n{ran.stderr}")
    if ran.returncode not in {0, 1}:
        sys.exit(f"the run for the gallery did not work:\n{ran.stdout}")


def main(folder: Path) -> None:
    """Measure the subject on each of its commits, everything on the last one, and draw."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gate-gallery-") as scratch:
        root = Path(scratch) / "desk"
        for last in subject.history(root):
            for words in CHECKS if last else ("check memory",):
                gate(root, *words.split())
        gate(root, "advise", "planner", "--apply-and-measure")
        for make in PICTURES:
            make(root, folder)


main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "gallery")
