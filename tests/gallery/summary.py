"""The step summary as GitHub shows it: what `gate summary` really writes in a repository."""

import io
import os
import tempfile
from pathlib import Path
from unittest import mock

from gate.cli import main
from tests.gallery.terminal import inside


def page(root: Path, folder: Path) -> None:
    """Write the step summary into the gallery."""
    (folder / "summary.md").write_text(write(root), encoding="utf-8")


def write(root: Path) -> str:
    """Write the summary of what is recorded in a repository, through the file that a runner of GitHub names."""
    with tempfile.TemporaryDirectory() as scratch, inside(root):
        file = Path(scratch) / "step.md"
        with mock.patch.dict(os.environ, {"GITHUB_STEP_SUMMARY": str(file)}):
            main(["summary", "--check"], io.StringIO())
        return file.read_text(encoding="utf-8")
