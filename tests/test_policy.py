"""Policies: what loads, what is refused, in which words, and how fast."""

import json
import re
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema import ValidationError as SchemaError
from pathspec import GitIgnoreSpec
from pydantic import TypeAdapter, ValidationError

import gate.policy
from gate.errors import PolicyError
from gate.policy import Policy
from gate.policy.fields import ByteRate, Duration, HandleRate, Inside, Pattern, Size
from gate.policy.load import schema, schema_text
from gate.policy.models import FILES, AgentCase, WorkflowPolicy
from gate.policy.reader import MOST_BYTES, MOST_EVENTS, read

ASSETS = Path(__file__).parent / "assets" / "policies"
PUBLISHED = Path(__file__).parent.parent / "policies" / ".schema"
GOOD = {path.stem: path.read_bytes() for path in sorted((ASSETS / "good").iterdir())}
BROKEN = {path.stem: path for path in sorted(ASSETS.glob("*-*"))}
LINE = re.compile(r"policies/[a-z]+\.yaml:[1-9][0-9]*: [^\x00-\x1f\x7f]+: [^\x00-\x1f\x7f]+")
MEMORY = b"version: 1\nagents: {a: {build: 'a:b', step: 'a:c', limits: {growth: {max: 0 B/step}}, sizes: ["
HOSTILE = {  # policy-what: bytes that are too many to be kept as files
    "memory-flow": b"[" * 100_000,
    "memory-braces": b"{" * 100_000,
    "memory-dashes": b"- " * 100_000,
    "memory-questions": b"? " * 100_000,
    "memory-indents": b"\n".join(b" " * depth + b"a:" for depth in range(1400)),
    "memory-ten-megabytes": b"a: 1\n" * 2_000_000,
    "memory-tag-directives": b"".join(b"%%TAG !%d! a\n" % at for at in range(58_000)) + b"---\na",
    "memory-documents": b"---\n" * 200_000,
    "memory-nuls": b"\0\n" * 500_000,
    "memory-returns": b"\r" * 1_000_000,
    "memory-not-text": b"a" * 1_000_000 + b"\xff",
    "memory-long-key": b"? " + b"a" * 1_000_000 + b"\n: 1\n",
    "memory-long-word": b'version: "' + b"\\0" * 500_000 + b'"\n',
    "memory-unknown-keys": b"".join(b"k%x: 1\n" % at for at in range(MOST_EVENTS // 2 - 1)),
    "memory-same-keys": b"a: 1\n" * (MOST_EVENTS // 2 - 1),
    "memory-agent-names": b"version: 1\nagents: {" + b",".join(b"K%x: 1" % at for at in range(MOST_EVENTS // 2 - 9)) + b"}",
    "memory-aliases": b"version: [" + b"*a," * (MOST_EVENTS - 9) + b"]",
    "memory-ambiguous": MEMORY + b"no," * (MOST_EVENTS - 50) + b"]}}",
    "memory-many-values": MEMORY + b"1," * 500_000 + b"]}}",
    "quality-paths": b"version: 1\npaths: [" + b".git," * (MOST_EVENTS - 9) + b"]",
    "cleanup-brackets": b"version: 1\nkinds: {a: {match: [" + b",".join([b'"' + b"[" * 240 + b'"'] * 4000) + b"]}}",
    "workflow-accepts": b"version: 1\naccept: [" + b"{}," * (MOST_EVENTS // 2 - 9) + b"]",
}


def place(root: Path, **files: bytes) -> Path:
    """Write good policies under a root, with some of them replaced."""
    (root / "policies").mkdir(exist_ok=True)
    for name, raw in (GOOD | files).items():
        (root / "policies" / f"{name}.yaml").write_bytes(raw)
    return root


def mistakes(root: Path) -> tuple[str, ...]:
    """Return why the policies of a root are refused."""
    with pytest.raises(PolicyError) as caught:
        gate.policy.load(root)
    return caught.value.mistakes


def expected() -> dict[str, tuple[str, ...]]:
    """Read the table of exact mistakes beside the broken files."""
    table: dict[str, list[str]] = {}
    for line in (ASSETS / "expected.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            table[next(reversed(table))].append(line.strip())
        else:
            table[line.removesuffix(":")] = []
    return {case: tuple(lines) for case, lines in table.items()}


EXPECTED = expected()


def test_every_broken_file_has_its_expectation() -> None:
    """No broken policy lies about without the words that refuse it, and none is expected that is not there."""
    assert EXPECTED.keys() == BROKEN.keys()
    assert len(BROKEN) >= 45
    assert all(EXPECTED.values())


@pytest.mark.parametrize("case", BROKEN)
def test_broken_policy_is_refused_in_exact_words(case: str, tmp_path: Path) -> None:
    """Each mistake is told once, with file, line, key path, what was found and what to write."""
    root = place(tmp_path, **{case.split("-", maxsplit=1)[0]: BROKEN[case].read_bytes()})
    assert mistakes(root) == EXPECTED[case]


@pytest.mark.parametrize("case", [case for case, path in BROKEN.items() if path.suffix == ".yaml"])
def test_bom_and_crlf_change_no_mistake(case: str, tmp_path: Path) -> None:
    """A file saved on Windows is refused on the same lines in the same words."""
    raw = b"\xef\xbb\xbf" + BROKEN[case].read_bytes().replace(b"\n", b"\r\n")
    root = place(tmp_path, **{case.split("-", maxsplit=1)[0]: raw})
    assert mistakes(root) == EXPECTED[case]


def test_good_policies_load(tmp_path: Path) -> None:
    """Quantities become numbers of their base unit, and defaults stand where nothing is written."""
    policy = gate.policy.load(place(tmp_path))
    case = policy.memory.agents["steady"]
    assert isinstance(policy, Policy)
    assert (case.limits.footprint, case.limits.growth, case.limits.handles) != (None, None, None)
    assert case.limits.footprint is not None
    assert case.limits.footprint.max == 10e6
    assert (case.budget.time, case.budget.memory, case.budget.output) == (30, 2 * 2**30, 4000)
    assert (policy.quality.tests.time, policy.quality.commands["imports"].time) == (600, 300)
    assert policy.quality.paths == ("gate", "tests")
    assert policy.workflow.accept[0].until == date(2026, 11, 22)


def test_defaults_are_read_like_what_is_written() -> None:
    """A default that is written with its unit reaches the model as a number."""
    case = AgentCase.model_validate({"build": "a:b", "step": "a:b", "limits": {"growth": {"max": "0 B/step"}}})
    assert case.limits.growth is not None
    assert (case.limits.growth.resolution, case.budget.time, case.budget.memory, case.budget.output) == (1, 60, 8e9, 4e3)


@pytest.mark.parametrize(("before", "after"), [(b"\n", b"\n"), (b"\n", b"\r\n")])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_places_are_lines_of_the_file(before: bytes, after: bytes, mark: bytes, tmp_path: Path) -> None:
    """Each key path leads to its line, also with a BOM and with CRLF."""
    policy = gate.policy.load(place(tmp_path, memory=mark + GOOD["memory"].replace(before, after)))
    assert policy.places["memory.agents.steady.limits.footprint.max"] == "policies/memory.yaml:8"
    assert policy.places["memory.agents.steady.budget"] == "policies/memory.yaml:15"
    assert policy.places["workflow.accept.0.until"] == "policies/workflow.yaml:7"


def test_digest_follows_every_byte(tmp_path: Path) -> None:
    """The digest is the same for the same bytes, and another when a comment or a file's place changes."""
    first = gate.policy.load(place(tmp_path)).digest
    assert gate.policy.load(place(tmp_path)).digest == first
    assert gate.policy.load(place(tmp_path, docs=GOOD["docs"] + b"# more\n")).digest != first


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    """Mistakes of YAML and of the model, in several files, come in one refusal, by file and line."""
    root = place(
        tmp_path,
        memory=b"version: 2\nagents: &x {}\n",
        quality=b"version: 1\npaths: [gate\n",
        docs=b"home: ~\nversion: no\nhom: x\n",
    )
    assert [mistake.split(": ")[0] for mistake in mistakes(root)] == [
        "policies/memory.yaml:1",
        "policies/memory.yaml:2",
        "policies/memory.yaml:2",
        "policies/quality.yaml:3",
        "policies/docs.yaml:1",
        "policies/docs.yaml:2",
        "policies/docs.yaml:3",
    ][:2] + ["policies/quality.yaml:3", "policies/docs.yaml:1", "policies/docs.yaml:2", "policies/docs.yaml:3"]


def test_error_text_is_its_lines(tmp_path: Path) -> None:
    """The exception prints as one line for each mistake."""
    with pytest.raises(PolicyError) as caught:
        gate.policy.load(place(tmp_path, docs=b"version: 1\nhome: /a\nhom: b\n"))
    assert str(caught.value).splitlines() == list(caught.value.mistakes)


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_file_is_refused_within_a_second(case: str, tmp_path: Path) -> None:
    """Depth, size, repetition and quadratic traps cost less than a second of CPU, and the answer stays short."""
    root = place(tmp_path, **{case.split("-", maxsplit=1)[0]: HOSTILE[case]})
    start = time.process_time()
    found = mistakes(root)
    assert time.process_time() - start < 1
    assert len(found) <= 51
    assert all(LINE.fullmatch(mistake) and len(mistake) < 600 for mistake in found)


def test_many_mistakes_are_counted(tmp_path: Path) -> None:
    """Beyond 50 mistakes of a file the rest is a number."""
    found = mistakes(place(tmp_path, docs=b"version: 1\n" + b"".join(b"k%d: 1\n" % at for at in range(80))))
    assert len(found) == 51
    assert found[-1] == "policies/docs.yaml:52: (file): 30 more from here on; correct those above first"


def test_largest_file_still_loads(tmp_path: Path) -> None:
    """A file of exactly the most bytes is read, and one byte more is refused."""
    filled = GOOD["docs"] + b"#" * (MOST_BYTES - len(GOOD["docs"]))
    gate.policy.load(place(tmp_path, docs=filled))
    assert mistakes(place(tmp_path, docs=filled + b"#")) == (
        "policies/docs.yaml:1: (file): the file has more than 1048576 bytes; delete what is not policy",
    )


def test_missing_folder_is_told_for_each_file(tmp_path: Path) -> None:
    """Without policies the gate says which files it wants."""
    assert mistakes(tmp_path) == tuple(
        f'policies/{name}.yaml:1: (file): not found; create it, beginning with "version: 1"' for name in FILES
    )


def test_folder_and_pipe_are_no_files(tmp_path: Path) -> None:
    """A folder or a pipe in place of a file is refused without waiting for it."""
    root = place(tmp_path)
    for name in ("docs", "quality"):
        (root / "policies" / f"{name}.yaml").unlink()
    (root / "policies" / "docs.yaml").mkdir()
    subprocess.run(["mkfifo", root / "policies" / "quality.yaml"], check=True)
    assert mistakes(root) == (
        "policies/quality.yaml:1: (file): is not a file; put a file in its place",
        "policies/docs.yaml:1: (file): is not a file; put a file in its place",
    )


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("docs.yaml", "cannot be read (Too many levels of symbolic links); make it a readable file"),
        ("nowhere", 'not found; create it, beginning with "version: 1"'),
        ("/dev/zero", "is not a file; put a file in its place"),
        ("/proc/self/mem", "cannot be read (Input/output error); make it a readable file"),
    ],
)
def test_links_lead_to_files_or_to_a_reason(target: str, why: str, tmp_path: Path) -> None:
    """A loop, a dangling link, a device and a file that cannot be read each give one mistake."""
    link = place(tmp_path) / "policies" / "docs.yaml"
    link.unlink()
    link.symlink_to(target)
    assert mistakes(tmp_path) == (f"policies/docs.yaml:1: (file): {why}",)


def test_policies_may_be_a_file(tmp_path: Path) -> None:
    """A file named policies is a reason, not a crash."""
    (tmp_path / "policies").write_text("", encoding="utf-8")
    assert all("cannot be read (Not a directory)" in mistake for mistake in mistakes(tmp_path))


def test_import_is_light() -> None:
    """Reading policies loads yaml and pydantic with what they need, and nothing else that is installed."""
    code = (
        "import sys; before = set(sys.modules); import gate.policy;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names);"
        "print(sorted(new))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    allowed = {"_yaml", "annotated_types", "gate", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection", "yaml"}
    assert set(json.loads(ran.stdout.replace("'", '"'))) <= allowed


def _instance(raw: bytes) -> dict[str, object]:
    """Return a policy as an editor sees it: plain JSON."""
    plain: dict[str, object] = json.loads(json.dumps(read(raw).value, default=str))
    return plain


@pytest.mark.parametrize("name", FILES)
def test_schema_accepts_good_and_refuses_unknown(name: str) -> None:
    """The schema is valid, takes the good policy, and refuses a key that the model does not know."""
    Draft202012Validator.check_schema(schema(name))
    validator = Draft202012Validator(schema(name))
    validator.validate(_instance(GOOD[name]))
    with pytest.raises(SchemaError, match="unexpected"):
        validator.validate(_instance(GOOD[name]) | {"unknown": 1})


@pytest.mark.parametrize("case", ["size-unit", "rate-per", "handles-unit", "duration-hours", "agent-name-capital", "unknown-max", "top-list"])
def test_schema_refuses_what_the_loader_refuses(case: str) -> None:
    """An editor marks wrong units, names and keys before the gate does."""
    assert not Draft202012Validator(schema("memory")).is_valid(_instance(BROKEN[f"memory-{case}"].read_bytes()))


@pytest.mark.parametrize("name", FILES)
def test_published_schema_is_current(name: str) -> None:
    """The schema that editors read is the schema of the models."""
    assert (PUBLISHED / f"{name}.json").read_text(encoding="utf-8") == schema_text(name)


@settings(deadline=None)
@given(st.sampled_from(sorted(FILES)), st.binary() | st.text().map(str.encode) | st.text(st.sampled_from("a:-[]{},&*!|>'\"%@`? \t\n#<~01")).map(str.encode))
@example("docs", b"? ")
def test_any_bytes_load_or_are_refused(name: str, raw: bytes) -> None:
    """Whatever a file holds, it loads or is refused with lines; nothing else happens."""
    _load_or_refuse(name, raw)


@settings(deadline=None)
@given(st.data(), st.sampled_from(sorted(FILES)))
def test_any_slip_loads_or_is_refused(data: st.DataObject, name: str) -> None:
    """A good policy with pieces cut out and others put in loads or is refused with lines."""
    raw = GOOD[name]
    slips = [b"&a ", b"*a", b"<<: ", b"- ", b"{", b"]", b'"', b"|\n", b"---\n", b"\t", b"no", b"1e3", b"null", b"9" * 400, b"? ", b": ", b"\n", b""]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        raw = raw[:start] + data.draw(st.sampled_from(slips)) + raw[start + data.draw(st.integers(0, 12)) :]
    _load_or_refuse(name, raw)


def _load_or_refuse(name: str, raw: bytes) -> None:
    with TemporaryDirectory() as folder:
        try:
            gate.policy.load(place(Path(folder), **{name: raw}))
        except PolicyError as error:
            assert error.mistakes
            assert all(LINE.fullmatch(mistake) for mistake in error.mistakes)


@pytest.mark.parametrize("kind", [Size, ByteRate, HandleRate, Duration])
@given(data=st.data())
def test_schema_and_units_agree(kind: object, data: st.DataObject) -> None:
    """What the schema's pattern takes, the units read, up to their bounds."""
    adapter: TypeAdapter[float] = TypeAdapter(kind)
    text = data.draw(st.from_regex(str(adapter.json_schema()["pattern"]), fullmatch=True).filter(lambda text: len(text) <= 40))
    try:
        assert adapter.validate_python(text.strip()) >= 0
    except ValidationError as error:
        assert {detail["type"] for detail in error.errors()} <= {"greater_than", "less_than_equal"}


@given(st.text(st.sampled_from("ab*?[]!^-/. \\"), max_size=12))
def test_accepted_patterns_match_something(text: str) -> None:
    """A pattern that the policy takes is one that pathspec compiles into something."""
    try:
        TypeAdapter(Pattern).validate_python(text)
    except ValidationError:
        return
    assert GitIgnoreSpec.from_lines([text]).patterns[0].include


@given(st.text(st.sampled_from("ab./\\-:GgIiTt"), max_size=12))
def test_accepted_paths_stay_inside(text: str) -> None:
    """A path that the policy takes stays under the root and out of .git, in one spelling."""
    adapter: TypeAdapter[str] = TypeAdapter(Inside)
    try:
        path = adapter.validate_python(text)
    except ValidationError:
        return
    whole = (Path("/root") / path).resolve()
    assert whole.is_relative_to("/root")
    assert ".git" not in path.casefold().split("/")
    assert adapter.validate_python(path) == path


def test_accepted_checks_end_with_their_day() -> None:
    """A check that may be skipped may be so until its last day."""
    words = {"check": "memory/*/handles", "because": "no /proc here"}
    held = WorkflowPolicy.model_validate({"version": 1, "accept": ({**words, "until": date(9999, 1, 1)},)})
    ended = WorkflowPolicy.model_validate({"version": 1, "accept": ({**words, "until": date(2001, 1, 1)},)})
    assert held.accepts("memory/belief/handles")
    assert not held.accepts("memory/belief/growth")
    assert not ended.accepts("memory/belief/handles")


def test_copies_of_assets_are_not_needed(tmp_path: Path) -> None:
    """The good policies also load from where they lie, under the name that the gate wants."""
    shutil.copytree(ASSETS / "good", tmp_path / "policies")
    assert gate.policy.load(tmp_path).docs.home == "docs"
