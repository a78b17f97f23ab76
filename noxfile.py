"""The front door: each session calls one verb of the gate, in the one environment that they share."""

import functools
import hashlib
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"  # uv where it is there, never required
nox.options.reuse_venv = "yes"
# what changes the tree comes before what judges it, so that all evidence is about one tree
nox.options.sessions = ["plan", "format", "clean", "links", "lint", "types", "tests", "memory", "summary"]

ROOT = Path(__file__).parent
STAMP = ".heapgate-installed"
AXE = "axe-core@4.14.1"  # judges the page, never a dependency
TASK_MASTER = "task-master-ai@0.43.1"  # a peer of tests, never a dependency
PROGRAMS: list[Path] = []  # where the env session put them


@nox.session(default=False)
def env(session: nox.Session) -> None:
    """Install the gate and everything it calls, once; the other sessions use it."""
    PROGRAMS.append(Path(session.bin).resolve())
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + sys.version.encode()).hexdigest()
    stamp = Path(session.virtualenv.location) / STAMP
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        session.log("nothing new to install")
        return
    session.install("-e", ".", *nox.project.dependency_groups(project, "dev"))
    stamp.write_text(wanted, encoding="utf-8")


def _gate(session: nox.Session, *words: str) -> None:
    """Call one verb of the gate from the shared environment, with what the user added."""
    session.run(str(PROGRAMS[-1] / "gate"), *words, *session.posargs, external=True)


thin = functools.partial(nox.session, venv_backend="none", requires=["env"])


@thin()
def plan(session: nox.Session) -> None:
    """Say what each phase would do and why, without doing it."""
    _gate(session, "plan")


@thin(name="format")
def format_(session: nox.Session) -> None:
    """Format the code with ruff; with CI=true or -- --check only report."""
    _gate(session, "check", "format")


@thin()
def clean(session: nox.Session) -> None:
    """Remove or trash dead caches and artefacts by policy (-- --dry-run, -- --undo, -- --all)."""
    _gate(session, "clean")


@thin()
def links(session: nox.Session) -> None:
    """Follow every link between documents and find those that lie astray; the check of nox -s docs alone."""
    _gate(session, "check", "docs")


@thin(default=False)  # it moves files, so only who names it gets that
def docs(session: nox.Session) -> None:
    """Move documents to where the policy wants them, links with them, and follow every link (-- --dry-run, -- --undo)."""
    _gate(session, "docs")


@thin()
def lint(session: nox.Session) -> None:
    """Lint with ruff and mend what it can; check the floors of the house and the workflow."""
    _gate(session, "check", "lint")


@thin()
def types(session: nox.Session) -> None:
    """Check the types with mypy."""
    _gate(session, "check", "types")


@thin()
def tests(session: nox.Session) -> None:
    """Run the tests with pytest."""
    _gate(session, "check", "tests")


@thin()
def memory(session: nox.Session) -> None:
    """Measure agents against policies/memory.yaml (-- CASE ..., -- --explain, -- --shard 1/4)."""
    _gate(session, "check", "memory")


@thin()
def summary(session: nox.Session) -> None:
    """Write the consolidated summary from recorded evidence; its exit code is the gate's."""
    _gate(session, "summary")


@thin(default=False)
def finish(session: nox.Session) -> None:
    """Verify, commit exactly what was verified, set the task's status (-- --task ID, --dry-run, --staged, --push)."""
    _gate(session, "finish")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Print what the gate costs against the bare tools; -- leaks FOLDER, remedies, page, tidy, tree, debts, start, ...: one of its own."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    session.install("-e", ".", *nox.project.dependency_groups(project, "dev", "peers"))
    session.run("python", "-m", "tests.bench", *session.posargs)


@thin(default=False)
def mutants(session: nox.Session) -> None:
    """Break the instrument in one place at a time, and show that the tests fail for each."""
    session.run(str(PROGRAMS[-1] / "python"), "-m", "tests.mutants", *session.posargs, external=True)


@thin(default=False)
def slow(session: nox.Session) -> None:
    """Run the tests that take too long for each commit: large frameworks, kills at every act, hundreds of series, hook managers."""
    session.run(str(PROGRAMS[-1] / "pytest"), "-n", "2", "-m", "slow", *session.posargs, external=True)


@thin(default=False)
def demo(session: nox.Session) -> None:
    """Measure what the remedies save on agents of 34.5 MB, and write docs/memory-report.md (-- --out FILE)."""
    _gate(session, "demo")


@thin(default=False)
def interop(session: nox.Session) -> None:
    """Install the real Task Master client, and prove offline that it and the gate keep what the other writes (-- together, -- crowd)."""
    folder = PROGRAMS[-1].parents[1] / "interop"
    stamp = folder / STAMP
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != TASK_MASTER:
        words = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), TASK_MASTER)
        session.run(*words, external=True)
        stamp.write_text(TASK_MASTER, encoding="utf-8")
    proof = ("-m", "tests.proofs.taskmaster", "--client", str(folder))
    session.run(str(PROGRAMS[-1] / "python"), *proof, *session.posargs, external=True)


@nox.session(default=False)
def page(session: nox.Session) -> None:
    """Look at the HTML report in a real Chromium: quiet, sorts, answers, prints; axe-core finds nothing (needs npm, chromium)."""
    _browsing(session)
    folder = Path(session.virtualenv.location).resolve() / AXE
    axe = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        session.run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), AXE, external=True)
    session.run("pytest", "tests/page", *session.posargs, env={"GATE_AXE": str(axe)})


@nox.session(default=False)
def gallery(session: nox.Session) -> None:
    """Make the pictures in docs/gallery from one run over a small repository (-- FOLDER; needs chromium)."""
    _browsing(session)
    session.run("python", "-m", "tests.gallery", *session.posargs)


def _browsing(session: nox.Session) -> None:
    """Install what drives a browser; skip, and say so, where there is none: Playwright's own cannot be had everywhere."""
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        session.skip("no Chromium here: apt-get install chromium")
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    session.install("-e", ".[page]", *nox.project.dependency_groups(project, "tools", "page"))


def _tests_on(version: str) -> None:
    """Offer the tests on one more Python, in an environment of its own."""

    @nox.session(name=f"tests-{version}", python=version, default=False)
    def tests_on(session: nox.Session) -> None:
        project = nox.project.load_toml(ROOT / "pyproject.toml")
        session.install("-e", ".", *nox.project.dependency_groups(project, "dev"))
        session.run("pytest", "-n", "2", "--dist", "loadfile", *session.posargs)

    tests_on.__doc__ = f"Run the tests with pytest on Python {version}."


for _version in ("3.11", "3.12", "3.13"):
    _tests_on(_version)


@thin(default=False)
def adopt(session: nox.Session) -> None:
    """Let released projects that were not made for it adopt the gate, by gate init and nox, and print what that took (-- NAME ...)."""
    session.run(str(PROGRAMS[-1] / "python"), "-m", "tests.proofs", "adopt", *session.posargs, external=True)


@thin(default=False)
def hook(session: nox.Session) -> None:
    """Look at the files that changed, in a moment; what a hook before a commit calls (-- FILE ...)."""
    _gate(session, "hook")


@thin(default=False)
def proofs(session: nox.Session) -> None:
    """Measure how often the gate is wrong about generated programs (-- --clean 3000 --leaky 1000); prove what is named (-- documents)."""
    named = ("threads", "pools", "segments", "tidy", "documents", "finish", "tamper", "injection", "page", "merges", "debts")
    for words in [session.posargs] if session.posargs else [[], *([name] for name in named)]:
        session.run(str(PROGRAMS[-1] / "python"), "-m", "tests.proofs", *words, external=True)


@nox.session(default=False)
def release(session: nox.Session) -> None:
    """Build wheel and sdist, check both, and use the wheel where nothing else is installed (-- --out FOLDER)."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    session.install(*nox.project.dependency_groups(project, "release"))
    session.run("python", "-m", "tests.release", *session.posargs)


@nox.session(default=False)
def site(session: nox.Session) -> None:
    """Build the documents as a site below .nox/pages, strict: a page or a link that leads nowhere fails."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    session.install(*nox.project.dependency_groups(project, "docs"))
    # never with --quiet: mkdocs counts the warnings that it prints, and would pass everything
    session.run("mkdocs", "build", "--strict", *session.posargs, env={"NO_MKDOCS_2_WARNING": "1"})
