"""What must not go into a commit: keys, secrets, large and binary files, repositories, reports; and what a policy lets in."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from gate.acts import entering
from gate.facts import Mode
from gate.facts.intake import Intake, Item, Suspect
from gate.flow import enter
from gate.measure import detector, intake
from tests.conftest import POLICIES, Repository, call
from tests.finishing import TASKS

KEY = "-----BEGIN RSA PRIVATE " + "KEY-----"  # in two, or this file would be one
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
RULES = Intake(largest=1000, longest=10, reports=("reports/", "*.sarif"), binaries=("*.png",))
WHOLE = ((1, 2**31),)


def item(path: str, size: int = 10, *, act: str = "added", mode: str = "100644", binary: bool = False) -> Item:
    """Invent a path that is to be committed."""
    return Item(path=path, act=act, mode=mode, size=size, binary=binary, lines=WHOLE)


def suspects(items: Sequence[Item], text: str = "", before: Sequence[str] = (), modules: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return path and kind of what must not go in when each file holds a text."""

    def contents(wanted: Sequence[Item]) -> Iterable[tuple[Item, bytes]]:
        return [(one, text.encode()) for one in wanted]

    return [(one.path, one.kind) for one in intake.suspects(items, contents, RULES, before=before, submodules=modules)]


@pytest.mark.parametrize("path", ["a/deploy.pem", "id_rsa", "home/.ssh/id_ed25519", ".env", "x/.env.local", ".netrc", "infra/a.tfstate"])
def test_files_of_keys_are_known_by_name(path: str) -> None:
    """What programs keep keys in is a finding whatever it holds; examples of it are none."""
    assert suspects([item(path)]) == [(path, "key")]
    assert suspects([item(".env.example"), item("id_rsa.pub"), item("environment.py"), item("keys/README.md")]) == []


def test_sizes_binaries_and_reports() -> None:
    """A large file, one that is no text and is not meant to be none, and a long report are findings; short reports and pictures are not."""
    assert suspects([item("data.csv", 1001)]) == [("data.csv", "size")]
    assert suspects([item("a.out", binary=True), item("logo.png", binary=True)]) == [("a.out", "binary")]
    assert suspects([item("reports/a.txt"), item("b.sarif"), item("c.txt")], "x\n" * 11) == [
        ("reports/a.txt", "report"),
        ("b.sarif", "report"),
    ]
    assert suspects([item("reports/a.txt")], "x\n" * 10) == []


def test_what_is_removed_is_no_suspect() -> None:
    """Taking a key out is what one wants."""
    assert suspects([item("id_rsa", act="removed", mode="")]) == []


def test_repositories_in_a_repository() -> None:
    """A link to another repository that is no submodule, a bare one, and a copy of this one are findings, once each."""
    assert suspects([item("vendor/lib", 0, mode="160000")]) == [("vendor/lib", "repository")]
    assert suspects([item("vendor/lib", 0, mode="160000")], modules=["vendor/lib"]) == []
    bare = [item(f"old/a.git/{name}") for name in ("HEAD", "config", "objects/1a/2b", "packed-refs")]
    assert suspects(bare) == [("old/a.git/HEAD", "repository")]
    assert suspects(bare[1:]) == []
    ours = [f"src/{name}.py" for name in "abcdef"]
    assert suspects([item(f"backup/{path}") for path in ours], before=ours) == [("backup", "repository")]
    assert suspects([item(f"backup/{path}") for path in ours[:4]], before=ours) == []
    assert suspects([item(f"backup/{path}") for path in ours], before=[*ours, *(f"more/{at}" for at in range(7))]) == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (KEY, "Private Key"),
        (f"token = '{TOKEN}'", "GitHub Token"),
        ("password = 'correct horse battery'  # pragma: allowlist secret", "Secret Keyword"),
        ("x" * 5000 + f" '{TOKEN}' " + "y" * 9000, "GitHub Token"),
    ],
)
def test_secrets_are_found_in_their_line(line: str, kind: str) -> None:
    """A secret is told by line and kind, also within a very long line; a line cannot excuse itself."""
    with detector.ready():
        assert (7, kind) in list(detector.found("a.py", [(3, "x = 1"), (7, line), (9, "")]))


def test_hashes_of_a_lock_file_are_no_secrets() -> None:
    """A lock file is full of digests, which look like secrets; a key in it is one."""
    digest = '"integrity": "sha512-oIcTqL5A9T6PdQ1p2wG0ZVx8K4nR7bYfHs3mJcUeWlXvDzNi+kBtSgqEyMaF/jOhCrLuV=="'
    with detector.ready():
        assert list(detector.found("package-lock.json", [(1, digest), (2, KEY)])) == [(2, "Private Key")]
        assert [number for number, _ in detector.found("other.json", [(1, digest)])] == [1]


@pytest.fixture
def begun(house: Repository) -> Repository:
    """Return a repository with an open task and a branch to work on."""
    house.write("tasks/tasks.json", TASKS)
    house.write("config.py", f"""\"\"\"Old.\"\"\"\n\nTOKEN = "{TOKEN}"\nNAME = "a"\n""")
    house.commit()
    return house


def test_only_new_lines_are_looked_into(begun: Repository) -> None:
    """What was committed before is not told again; a new line beside it is."""
    text = (begun.root / "config.py").read_text()
    begun.write("config.py", text.replace('NAME = "a"', 'NAME = "b"'))
    assert entering.draw(enter(begun.root, Mode.CHECK), staged=False).refused == ()
    begun.write("config.py", text + f'OTHER = "{TOKEN[::-1]}"\nMORE = "{TOKEN[:-1]}0"\n')
    refused = entering.draw(enter(begun.root, Mode.CHECK), staged=False).refused
    assert {(one.path, one.line, one.kind) for one in refused} >= {("config.py", 6, "secret")}
    assert not any(one.line <= 4 for one in refused)


def test_references_in_the_task_store_are_no_secrets(begun: Repository) -> None:
    """The hashes that finish writes into the store are none; a key that somebody wrote into a task is one."""
    reference = '"metadata": {"gate": {"tree": "9e732519d05cc07eb88d5a2ceae6aff916b1e796"}}, "title": "Share"'
    begun.write("tasks/tasks.json", TASKS.replace('"title": "Share"', reference))
    assert entering.draw(enter(begun.root, Mode.CHECK), staged=False).refused == ()
    begun.write("tasks/tasks.json", TASKS.replace('"title": "Share"', f'"title": "Share {TOKEN}"'))
    assert [one.kind for one in entering.draw(enter(begun.root, Mode.CHECK), staged=False).refused] == ["secret"]


def test_finish_names_everything_and_never_a_secret(begun: Repository) -> None:
    """Each finding names path, line, kind and the next act; nothing is committed or run, and no secret is printed."""
    begun.write("deploy/server.pem", f"{KEY}\nMIIEpAIBAAKCAQEA75\n")
    begun.write("settings.ini", f"[a]\ntoken = {TOKEN}\n")
    begun.write("core", b"\0\1\2")
    begun.git("add", "deploy/server.pem")
    before = begun.git("status", "--porcelain"), begun.git("rev-parse", "HEAD")
    for words in ((), ("--staged",)):
        code, told = call("finish", "--task", "20.2", *words)
        assert code == 1
        assert "deploy/server.pem:1\n  key: server.pem is how a file of keys is named\n  next: let git ignore it" in told
        assert "deploy/server.pem:1\n  secret: looks like a secret: Private Key\n  next: take it out and make a new one" in told
        assert ("settings.ini:2\n  secret: looks like a secret: GitHub Token\n" in told) == (not words)
        assert ("core:1\n  binary: no text, 3 B\n" in told) == (not words)
        assert TOKEN not in told
    assert (begun.git("status", "--porcelain"), begun.git("rev-parse", "HEAD")) == before
    assert not (begun.root / ".gate/evidence").exists()


def test_policy_lets_in_with_a_reason(begun: Repository) -> None:
    """What the policy names goes in and is shown with place and reason; only the kinds that it names."""
    allow = "commit:\n  allow:\n    - {path: tests/keys/, kinds: [key], reason: made for tests}\n"
    begun.write("policies/workflow.yaml", POLICIES["workflow"] + allow)
    begun.write("tests/keys/a.pem", "none\n")
    begun.write("tests/keys/b.pem", KEY)
    drawn = entering.draw(enter(begun.root, Mode.CHECK), staged=False)
    assert [(one.path, one.kind) for one in drawn.refused] == [("tests/keys/b.pem", "secret")]
    assert [one.allowed for one in drawn.allowed] == ["policies/workflow.yaml:6: made for tests"] * 2
    told = call("finish", "--task", "20.2", "--dry-run")[1]
    assert "  let in   tests/keys/a.pem:1: key: a.pem is how a file of keys is named; policies/workflow.yaml:6: made for tests\n" in told
    assert "would refuse: 1 thing must not go in\n" in told


def test_candidate_of_every_kind_of_change(begun: Repository) -> None:
    """Added, changed, removed and retyped files, links, other repositories and text that becomes none are told as they are."""
    begun.write("bots.py", (begun.root / "bots.py").read_text().replace("Keep nothing", "Keep all") + "# end\n")
    begun.write("README.md", b"now\0none")
    begun.write("ünï cödé\n.txt", "x")
    (begun.root / "test_bots.py").unlink()
    (begun.root / "test_bots.py").symlink_to("bots.py")
    (begun.root / "config.py").unlink()
    inner = Repository(begun.root / "inner")
    inner.commit()
    found = {one.path: one for one in entering.draw(enter(begun.root, Mode.CHECK), staged=False).items}
    assert {path: (one.act, one.mode, one.binary) for path, one in found.items()} == {
        "README.md": ("changed", "100644", True),
        "bots.py": ("changed", "100644", False),
        "config.py": ("removed", "", False),
        "inner": ("added", "160000", False),
        "test_bots.py": ("changed", "120000", False),
        "ünï cödé\n.txt": ("added", "100644", False),
    }
    assert found["bots.py"].lines == ((5, 5), (17, 17))


def test_first_commit_has_no_base(bare: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first commit everything is new."""
    monkeypatch.chdir(bare.root)
    for name, text in POLICIES.items():
        bare.write(f"policies/{name}.yaml", text)
    drawn = entering.draw(enter(Path.cwd(), Mode.CHECK), staged=False)
    assert {one.act for one in drawn.items} == {"added"}
    assert drawn.refused == tuple[Suspect, ...]()
