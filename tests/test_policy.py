"""Policies: what loads, what is refused, in which words, and how fast."""

import json
import re
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pathspec import GitIgnoreSpec
from pydantic import TypeAdapter, ValidationError

import gate.policy
from gate import plan
from gate.errors import PolicyError
from gate.policy.fields import ByteRate, Duration, HandleRate, Inside, Pattern, Size
from gate.policy.load import schema, schema_text
from gate.policy.memory import AgentCase
from gate.policy.models import FILES
from gate.policy.reader import MOST_BYTES, MOST_EVENTS, read
from tests.conftest import but_slow

ASSETS = Path(__file__).parent / "assets" / "policies"
PUBLISHED = Path(__file__).parent.parent / "policies" / ".schema"
GOOD = {path.stem: path.read_bytes() for path in sorted((ASSETS / "good").iterdir())}
EXPECTED = {  # broken file -> exact mistakes, from blocks of lines: its name, then what is told
    case: tuple(map(str.strip, lines))
    for case, *lines in map(str.splitlines, (ASSETS / "expected.txt").read_text(encoding="utf-8").split("\n\n"))
}
BROKEN = {path.stem: path for path in sorted(ASSETS.glob("*-*"))}
LINE = re.compile(r"policies/[a-z]+\.yaml:[1-9][0-9]*: [^\x00-\x1f\x7f]+: [^\x00-\x1f\x7f]+")
MEMORY = b"version: 1\nagents: {a: {build: 'a:b', step: 'a:c', limits: {growth: {max: 0 B/step}}, sizes: ["
SLIPS = b'&a |*a|<<: |- |{|]|"|---\n|\t|no|1e3|null|99999999999999999999|? |: |\n||\xff|\0'.split(b"|")
HOSTILE = {  # policy-what: bytes that are too many to be kept as files
    "memory-flow": b"[" * 100_000,
    "memory-dashes": b"- " * 100_000,
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
    "workflow-waivers": b"version: 1\nwaivers: [" + b"{}," * (MOST_EVENTS // 2 - 9) + b"]",
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


def test_every_broken_file_has_its_expectation() -> None:
    """No broken policy lies about without the words that refuse it, and none is expected that is not there."""
    assert EXPECTED.keys() == BROKEN.keys()
    assert all(EXPECTED.values())


@pytest.mark.parametrize("case", BROKEN)
def test_broken_policy_is_refused_in_exact_words(case: str, tmp_path: Path) -> None:
    """Each mistake is told once, with file, line, key path, what was found and what to write; a BOM and CRLF change nothing."""
    name, raw = case.partition("-")[0], BROKEN[case].read_bytes()
    assert mistakes(place(tmp_path, **{name: raw})) == EXPECTED[case]
    if BROKEN[case].suffix == ".yaml":
        assert mistakes(place(tmp_path, **{name: b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n")})) == EXPECTED[case]


def test_good_policies_load(tmp_path: Path) -> None:
    """Quantities become numbers of their base unit, paths get one spelling, days become dates."""
    policy = gate.policy.load(place(tmp_path))
    case = policy.memory.agents["steady"]
    assert case.limits.footprint is not None
    assert case.limits.footprint.max == 10e6
    assert (case.budget.time, case.budget.memory, case.budget.output) == (30, 2 * 2**30, 4000)
    assert (policy.quality.tests.time, policy.quality.paths) == (600, ("gate", "tests"))
    assert policy.workflow.waivers[0].expires == date(2020, 11, 22)


def test_defaults_are_read_like_what_is_written() -> None:
    """A default that is written with its unit reaches the model as a number."""
    case = AgentCase.model_validate({"build": "a:b", "step": "a:b", "limits": {"growth": {"max": "0 B/step"}}})
    assert case.limits.growth is not None
    assert (case.limits.growth.resolution, case.budget.time, case.budget.memory, case.budget.output) == (1, 60, 8e9, 16e6)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_places_are_lines_of_the_file(end: bytes, mark: bytes, tmp_path: Path) -> None:
    """Each key path leads to its line, also with a BOM and with CRLF."""
    places = gate.policy.load(place(tmp_path, memory=mark + GOOD["memory"].replace(b"\n", end))).places
    assert places["memory.agents.steady.limits.footprint.max"] == "policies/memory.yaml:8"
    assert places["memory.agents.steady.budget"] == "policies/memory.yaml:15"
    assert places["workflow.waivers.0.expires"] == "policies/workflow.yaml:9"


def test_digest_follows_every_byte(tmp_path: Path) -> None:
    """The digest is the same for the same bytes, and another when a comment is added."""
    first = gate.policy.load(place(tmp_path)).digest
    assert gate.policy.load(place(tmp_path)).digest == first
    assert gate.policy.load(place(tmp_path, docs=GOOD["docs"] + b"# more\n")).digest != first


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    """Mistakes of YAML and of the model, in several files, come in one refusal, by file and line."""
    memory, quality, docs = b"version: 2\nagents: &x {}\n", b"version: 1\npaths: [gate\n", b"home: ~\nversion: no\nhom: x\n"
    root = place(tmp_path, memory=memory, quality=quality, docs=docs)
    assert [mistake.removeprefix("policies/").rsplit("; ")[0] for mistake in mistakes(root)] == [
        "memory.yaml:1: version: 2 is no version that this gate knows",
        "memory.yaml:2: agents: &x is an anchor",
        "quality.yaml:3: (file): not YAML: did not find expected ',' or ']' while parsing a flow sequence from line 2 on",
        "docs.yaml:1: home: ~ means different things to different readers",
        "docs.yaml:2: version: no means different things to different readers",
        "docs.yaml:3: hom: unknown key",
    ]


@pytest.mark.parametrize("case", but_slow(HOSTILE, *list(HOSTILE)[::3]))
def test_hostile_file_is_refused_soon(case: str, tmp_path: Path) -> None:
    """Depth, size, repetition and quadratic traps cost a few seconds of CPU at the most, not minutes, and the answer stays short."""
    root = place(tmp_path, **{case.partition("-")[0]: HOSTILE[case]})
    start = time.process_time()
    found = mistakes(root)
    assert time.process_time() - start < 5
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
    found = mistakes(place(tmp_path, docs=filled + b"#"))
    assert found == ("policies/docs.yaml:1: (file): the file has more than 1048576 bytes; delete what is not policy",)


def test_missing_policies_are_told(tmp_path: Path) -> None:
    """Without a folder the gate says what writes one, and in an empty one which files it wants."""
    assert mistakes(tmp_path) == ("policies: there is no such folder; gate init looks at this repository and writes its policies",)
    (tmp_path / "policies").mkdir()
    why = 'not found; create it, beginning with "version: 1"'
    assert mistakes(tmp_path) == tuple(f"policies/{name}.yaml:1: (file): {why}" for name in FILES)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (["mkdir"], "is not a file; put a file in its place"),
        (["mkfifo"], "is not a file; put a file in its place"),
        (["ln", "-s", "/dev/zero"], "is not a file; put a file in its place"),
        (["ln", "-s", "docs.yaml"], "cannot be read (Too many levels of symbolic links); make it a readable file"),
        (["ln", "-s", "quality.yaml/docs"], "cannot be read (Not a directory); make it a readable file"),
        (["ln", "-s", "/proc/self/mem"], "cannot be read (Input/output error); make it a readable file"),
        (["ln", "-s", "nowhere"], 'not found; create it, beginning with "version: 1"'),
    ],
)
def test_what_is_no_file_is_told(make: list[str], why: str, tmp_path: Path) -> None:
    """A folder, a pipe, a device, a loop, a dangling link and an unreadable file each give one mistake, and none waits."""
    file = place(tmp_path) / "policies" / "docs.yaml"
    file.unlink()
    subprocess.run([*make, file], check=True)
    assert mistakes(tmp_path) == (f"policies/docs.yaml:1: (file): {why}",)


def test_import_is_light() -> None:
    """Reading policies loads yaml and pydantic with what they need, and nothing else that is installed."""
    code = "import sys; before = set(sys.modules); import gate.policy; print(*set(sys.modules) - before)"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in ran.stdout.split()} - set(sys.stdlib_module_names)
    public = {name for name in loaded if not name.startswith(("_", "cython"))}
    assert public <= {"annotated_types", "gate", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection", "yaml"}


def _instance(raw: bytes) -> dict[str, object]:
    """Return a policy as an editor sees it: plain JSON."""
    return dict(json.loads(json.dumps(read(raw).value, default=str)))


@pytest.mark.parametrize("name", FILES)
def test_schema_is_published_and_means_what_the_models_mean(name: str) -> None:
    """What editors read is the schema of the models: valid, it takes the good policy and refuses an unknown key."""
    assert (PUBLISHED / f"{name}.json").read_text(encoding="utf-8") == schema_text(name)
    Draft202012Validator.check_schema(schema(name))
    validator = Draft202012Validator(schema(name))
    validator.validate(_instance(GOOD[name]))
    assert not validator.is_valid(_instance(GOOD[name]) | {"unknown": 1})
    with pytest.raises(PolicyError, match=f'"{name}s" is no policy; write one of memory, quality'):
        schema_text(f"{name}s")


@pytest.mark.parametrize("case", ["size-unit", "rate-per", "handles-unit", "duration-hours", "agent-name-path", "unknown-max"])
def test_schema_refuses_what_the_loader_refuses(case: str) -> None:
    """An editor marks wrong units, names and keys before the gate does."""
    assert not Draft202012Validator(schema("memory")).is_valid(_instance(BROKEN[f"memory-{case}"].read_bytes()))


@settings(deadline=None)
@given(st.sampled_from(sorted(FILES)), st.binary() | st.text().map(str.encode) | st.text("a:-[]{},&*!|>'\"%? \t\n#~01").map(str.encode))
def test_any_bytes_load_or_are_refused(name: str, raw: bytes) -> None:
    """Whatever a file holds, it loads or is refused with lines; nothing else happens."""
    _load_or_refuse(name, raw)


@settings(deadline=None)
@given(st.sampled_from(sorted(FILES)), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(SLIPS)), min_size=1))
def test_any_slip_loads_or_is_refused(name: str, slips: list[tuple[float, int, bytes]]) -> None:
    """A good policy with pieces cut out and others put in loads or is refused with lines."""
    raw = GOOD[name]
    for where, length, piece in slips:
        start = int(where * len(raw))
        raw = raw[:start] + piece + raw[start + length :]
    _load_or_refuse(name, raw)


def _load_or_refuse(name: str, raw: bytes) -> None:
    with TemporaryDirectory() as folder:
        try:
            gate.policy.load(place(Path(folder), **{name: raw}))
        except PolicyError as error:
            odd = [mistake for mistake in error.mistakes or ("nothing",) if not LINE.fullmatch(mistake)]
        else:
            odd = []
    assert not odd


@pytest.mark.parametrize("kind", [Size, ByteRate, HandleRate, Duration])
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_schema_and_units_agree(kind: Any, data: st.DataObject) -> None:
    """What the schema's pattern takes, the units read, up to the bounds of the field."""
    adapter = TypeAdapter[float](kind)
    text = data.draw(st.from_regex(str(adapter.json_schema()["pattern"]), fullmatch=True).filter(lambda text: len(text) <= 40)).strip()
    try:
        odd = not adapter.validate_python(text) >= 0
    except ValidationError as error:
        odd = not {detail["type"] for detail in error.errors()} <= {"greater_than", "less_than_equal"}
    assert not odd


@settings(deadline=None)
@given(st.text("ab*?[]!^-/. \\", max_size=12))
def test_accepted_patterns_match_something(text: str) -> None:
    """A pattern that the policy takes is one that pathspec compiles into something."""
    try:
        TypeAdapter(Pattern).validate_python(text)
    except ValidationError:
        return
    assert GitIgnoreSpec.from_lines([text]).patterns[0].include


@settings(deadline=None)
@given(st.text("ab./\\-:GgIiTt", max_size=12))
def test_accepted_paths_stay_inside(text: str) -> None:
    """A path that the policy takes stays under the root and out of .git, in one spelling."""
    adapter: TypeAdapter[str] = TypeAdapter(Inside)
    try:
        path = adapter.validate_python(text)
    except ValidationError:
        return
    assert (Path("/repository") / path).resolve().is_relative_to("/repository")
    assert ".git" not in path.casefold().split("/")
    assert adapter.validate_python(path) == path


def test_waivers_end_in_half_a_year_at_most(tmp_path: Path) -> None:
    """A waiver may hold for 180 days from today and not for a day more; each knows its line."""
    today = date.today()  # noqa: DTZ011 - as the policy
    entry = "version: 1\nwaivers:\n  - {check: lint, reason: x, owner: ada, expires: %s}\n"
    held = gate.policy.load(place(tmp_path, workflow=(entry % (today + timedelta(days=180))).encode()))
    assert plan.waivers(held)[0].place == "policies/workflow.yaml:3"
    late = today + timedelta(days=181)
    said = f"policies/workflow.yaml:3: waivers.0.expires: {late} is more than 180 days ahead; write a nearer day, and renew it then"
    assert mistakes(place(tmp_path, workflow=(entry % late).encode())) == (said,)
