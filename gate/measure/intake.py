"""What of a commit should not go in: keys, secrets, large and binary files, copies of repositories, generated reports."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from pathspec import GitIgnoreSpec

from gate.facts.intake import Intake, Item, Suspect
from gate.measure import detector
from gate.units import show_count, show_size

# What keys and passwords are kept in, by the names that programs give it; examples hold none.
_KEYS = GitIgnoreSpec.from_lines(
    [
        *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.asc", "*.gpg", "*.ovpn"),
        *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "secring.*"),
        *(".env", ".env.*", "*.env", "!*.example", "!*.sample", "!*.template", "!*.dist"),
        *(".netrc", "_netrc", ".pgpass", ".htpasswd", ".pypirc", ".git-credentials", "*.tfstate", "*.tfstate.backup"),
    ]
)
_LINK = "160000"
_MOST = 32_000_000  # bytes of a file that is looked into
_BARE = ("HEAD", "config", "objects")  # what lies in every repository; its refs may be packed
_FEWEST = 5  # files that a copy of this repository has in common with it at the least
_OF_FILES = 0.5  # and the part of its files

Contents = Callable[[Sequence[Item]], Iterable[tuple[Item, bytes]]]


def suspects(
    items: Sequence[Item], contents: Contents, rules: Intake, *, before: Sequence[str], submodules: Collection[str]
) -> Iterator[Suspect]:
    """Yield what should not go in; only what is new is looked into. `before` are the paths that HEAD holds."""
    new = [item for item in items if item.act != "removed"]
    for item in new:
        if item.mode == _LINK and item.path not in submodules:
            yield _nested(item.path, "a repository of its own, of which only the name of a commit would go in")
    yield from _repositories([PurePosixPath(item.path) for item in new if item.act == "added"], frozenset(before))
    for item in new:
        yield from _of_name(item, rules)
    reports, hashed = GitIgnoreSpec.from_lines(rules.reports), GitIgnoreSpec.from_lines(rules.hashed)
    readable = [item for item in new if item.mode != _LINK and item.size <= _MOST]
    with detector.ready():
        for item, raw in contents(readable):
            lines = raw.decode("utf-8", "replace").splitlines()
            if len(lines) > rules.longest and reports.match_file(item.path):
                found = f"a generated report of {show_count(len(lines), 'line')}, more than {rules.longest}"
                yield Suspect(path=item.path, line=1, kind="report", found=found, act=_let_git_ignore(item.path))
            yield from _secrets(item, lines, hashed=hashed.match_file(item.path))


def _of_name(item: Item, rules: Intake) -> Iterator[Suspect]:
    """Look at a name, a size and what git takes the content for."""
    if _KEYS.match_file(item.path):
        name = PurePosixPath(item.path).name
        yield Suspect(path=item.path, line=1, kind="key", found=f"{name} is how a file of keys is named", act=_let_git_ignore(item.path))
    if item.size > rules.largest:
        found = f"{show_size(item.size)}, more than {show_size(rules.largest)}"
        more = "; too large to be looked into for secrets" if item.size > _MOST else ""
        yield Suspect(path=item.path, line=1, kind="size", found=found + more, act=f"hand it to Git LFS, or {_let_git_ignore(item.path)}")
    if item.binary and not GitIgnoreSpec.from_lines(rules.binaries).match_file(item.path):
        yield Suspect(path=item.path, line=1, kind="binary", found=f"no text, {show_size(item.size)}", act=_let_git_ignore(item.path))


def _repositories(added: Sequence[PurePosixPath], known: frozenset[str]) -> Iterator[Suspect]:
    """Look for repositories among files: a bare one, and copies of this very one."""
    tops = {(str(path.parents[-at - 1]), path.parts[at]) for path in added for at in range(len(path.parts))}
    folders = Counter(folder for folder, name in tops if name in _BARE)
    for folder in sorted(folder for folder, count in folders.items() if count == len(_BARE)):
        yield _nested(str(PurePosixPath(folder, "HEAD")), "a repository without a work tree, as files")
    copies = Counter(str(folder) for path in added for folder in path.parents[:-1] if str(path.relative_to(folder)) in known)
    for folder in sorted(folder for folder, count in copies.items() if count >= max(_FEWEST, _OF_FILES * len(known))):
        yield _nested(folder, f"a copy of this repository: {copies[folder]} of its {len(known)} files are in there, too")


def _nested(path: str, found: str) -> Suspect:
    return Suspect(path=path, line=1, kind="repository", found=found, act=f"{_let_git_ignore(path)}, or make it a submodule")


def _secrets(item: Item, lines: Sequence[str], *, hashed: bool) -> Iterator[Suspect]:
    """Look into the new lines of a text."""
    numbers = [number for first, last in item.lines for number in range(first, min(last, len(lines)) + 1)]
    for number, kind in detector.found(item.path, [(number, lines[number - 1]) for number in numbers], hashed=hashed):
        act = "take it out and make a new one, for this one was written down"
        yield Suspect(path=item.path, line=number, kind="secret", found=f"looks like a secret: {kind}", act=act)


def _let_git_ignore(path: str) -> str:
    return f"let git ignore it (.gitignore), and git rm --cached {path} if it is staged"
