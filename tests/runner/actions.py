"""The actions of others that our workflows use, played by folders: what they would do on GitHub, and what they would refuse."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.runner.play import Job

Given = Mapping[str, str]


def _checkout(job: "Job", given: Given) -> None:
    """Fetch the commit of the event, as many commits deep as asked, and leave no token behind."""
    assert given["persist-credentials"] == "false"
    folder = job.workspace / given.get("path", ".")
    folder.mkdir(parents=True, exist_ok=True)

    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)

    git("init", "-q")
    git("remote", "add", "origin", job.machine.server.as_uri())
    git("fetch", "-q", f"--depth={given.get('fetch-depth', '1')}", "origin", job.event.sha)
    git("checkout", "-q", "--detach", job.event.sha)


def _python(job: "Job", given: Given) -> dict[str, str]:
    """Put the Python of the image first on PATH."""
    job.path.append(str(job.machine.python))
    return {"python-version": given["python-version"]}


def _restore(job: "Job", given: Given) -> dict[str, str]:
    """Copy the entry of a key, or else the newest of a prefix, that this run may see: of its own ref and of the default branch."""
    default = f"refs/heads/{job.event.payload['repository']['default_branch']}"
    prefixes = [given["key"], *given.get("restore-keys", "").split("\n")]
    for prefix in filter(None, map(str.strip, prefixes)):
        for key, ref, folder in reversed(job.machine.saved):
            if key.startswith(prefix) and ref in {default, job.event.ref}:
                shutil.copytree(folder, job.workspace / given["path"], dirs_exist_ok=True)
                return {"cache-matched-key": key}
    return {}


def _save(job: "Job", given: Given) -> None:
    """Keep a folder under a key, for the ref of this run."""
    source, kept = job.workspace / given["path"], job.machine.folder / "caches" / str(len(job.machine.saved))
    if source.is_dir() and given["key"] not in {key for key, _, _ in job.machine.saved}:
        shutil.copytree(source, kept)
        job.machine.saved.append((given["key"], job.event.ref, kept))


def _upload(job: "Job", given: Given) -> dict[str, str]:
    """Keep a file, or what is in a folder, as an artifact; hidden files only when asked for; a name is given once."""
    source, target = job.workspace / given["path"], job.machine.artifacts(job.run) / given["name"]
    assert not target.exists(), f"{given['name']}: artifacts are immutable"
    hidden = given.get("include-hidden-files") == "true"
    files = [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
    files = [path for path in files if hidden or not any(part.startswith(".") for part in path.relative_to(source.parent).parts)]
    if not files:
        return {"failed": "yes"} if given.get("if-no-files-found") == "error" else {}
    for path in files:
        place = target / (path.name if path == source else path.relative_to(source))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    return {}


def _download(job: "Job", given: Given) -> dict[str, str]:
    """Copy one artifact, or each that fits a pattern into a folder of its name."""
    assert ("run-id" in given) is ("github-token" in given)
    kept = job.machine.artifacts(given.get("run-id", job.run))
    target = job.workspace / given["path"]  # an absolute one wins
    if "name" in given:
        if not (kept / given["name"]).is_dir():
            return {"failed": "yes"}
        shutil.copytree(kept / given["name"], target, dirs_exist_ok=True)
        return {}
    target.mkdir(parents=True, exist_ok=True)
    for folder in sorted(kept.iterdir()) if kept.is_dir() else []:
        if fnmatchcase(folder.name, given["pattern"]):
            shutil.copytree(folder, target / folder.name)
    return {}


def _scan(job: "Job", given: Given) -> None:
    """Take SARIF as GitHub does: JSON of this version that is not too large."""
    raw = Path(os.fspath(job.workspace / given["sarif_file"])).read_bytes()
    told = json.loads(raw)
    assert (told["version"], len(raw) < 10 * 2**20) == ("2.1.0", True)
    job.machine.scanned.append(told)


PLAYED: dict[str, Callable[["Job", Given], dict[str, str] | None]] = {
    "actions/checkout": _checkout,
    "actions/setup-python": _python,
    "actions/cache/restore": _restore,
    "actions/cache/save": _save,
    "actions/upload-artifact": _upload,
    "actions/download-artifact": _download,
    "github/codeql-action/upload-sarif": _scan,
}
