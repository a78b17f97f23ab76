"""Advice: what it proposes of invented surveys, what it sees of agents of which everything is known, and what comes of it when tried."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gate import advise, inquiry
from gate.errors import GateError
from gate.facts import Holder, Outcome
from gate.facts.advice import Advised, Held, Proposal, Slottable, Survey, Trial
from gate.facts.work import Budget, Limit, Phase, Question, Step, Subject
from gate.judge.advice import layout, propose
from gate.measure import advice as measured
from gate.probe import arrays, canon
from gate.report import advice as reported
from tests.conftest import Repository, call, planted

ROOT = Path(__file__).parents[1]
linux = pytest.mark.skipif(sys.platform != "linux", reason="agents are weighed by the heap as Linux has it")
WEIGHT = 100_000.0
MATRIX = Held(
    path="agent.A[0]", kind="float64 64x64", copies=1, again=1, size=32_944, changed=False, elements=4096, itemsize=8, stored=4096
)
LIST = Holder(path="agent.seen", kind="list", items=40, gained=1.0, size=72.0, bound=0)
CLASS = Slottable(name="bots:Bot", count=100, slots=("a", "b"), plain=150, slotted=80, data=False)


def proposed(*held: Held, **given_: object) -> tuple[Proposal, ...]:
    """Propose for invented agents of 100 kB."""
    grows = float(str(given_.pop("grows", 0)))
    seen = Survey(agents=4, steps=64, weight=WEIGHT, held=held, **given_)  # type: ignore[arg-type] # what the test gives
    return propose(seen, build="bots:build", grows=grows)


def question(build: str, step: str = "zoo:step", *, steps: int = 64, growth: float | None = None) -> list[Question]:
    """Ask what an agent weighs, and when a growth is allowed, whether it grows."""
    asked = Question(
        case="zoo",
        name="footprint",
        subject=Subject(step=step, build=build),
        limit=Limit(most=1000, resolution=0, unit="B/agent", place="policies/memory.yaml:9"),
        budget=Budget(seconds=60, cpu=10, memory=8 << 30, output=4000),
        sizes=(3, 6),
        settle=1,
        population=1,
        steps=steps,
    )
    grows = [replace(asked, name="growth", limit=replace(asked.limit, most=growth, unit="B/step"))] if growth is not None else []
    return [asked, *grows]


# --- what is proposed -----------------------------------------------------------------


def test_equal_arrays_are_shared_first_and_the_heaviest_is_first() -> None:
    """What saves most comes first, each with exactly the bytes of the copies that go, and what is left after those above it."""
    small = replace(MATRIX, path="agent.D", again=0.5, size=20_000)
    one, two = proposed(small, MATRIX)
    assert [(found.act, found.paths[0], found.saves, found.leaves) for found in (one, two)] == [
        ("share", "agent.A[0]", 32_944, WEIGHT - 32_944),
        ("share", "agent.D", 10_000, WEIGHT - 42_944),
    ]
    assert one.applies
    assert "read-only, so that a later write fails loudly" in one.exact
    assert one.code.startswith("agent.A[0] = POOL.intern(agent.A[0])")
    assert "every one equals another one, none changed in 64 steps" in one.why
    assert "0.5 of 1 an agent equals" in two.why


def test_what_is_shared_is_not_saved_a_second_time() -> None:
    """An array of which all copies are one gets no other form; one of which half are left is made sparse by what those take."""
    sparse = replace(MATRIX, size=80_100, elements=10_000, stored=100)
    assert [found.act for found in proposed(sparse)] == ["share"]
    first, second = proposed(replace(sparse, again=0.5))
    assert (first.act, first.saves) == ("share", 0.5 * 80_100)
    assert (second.act, second.saves) == ("sparse", 0.5 * (80_000 - layout(10_000, 8, 100, 8)[1]))


def test_what_changes_is_never_shared_nor_narrowed() -> None:
    """Equal arrays that an agent writes to stay its own; when they are sparse at both looks, the proposal says that it depends on that."""
    changing = replace(MATRIX, again=0, changed=True)
    assert proposed(changing) == ()
    (found,) = proposed(replace(changing, stored=10))
    assert (found.act, found.applies, found.bold) == ("sparse", True, True)
    assert "4,086 of 4,096 elements are one value at both looks, 64 steps apart" in found.why
    assert "only while it is as sparse as it was" in found.exact


def test_what_differs_may_be_narrower() -> None:
    """An array of one agent alone whose elements are exact in a narrower type is told, with what that does to arithmetic."""
    (found,) = proposed(replace(MATRIX, again=0, narrow="float32"))
    assert (found.act, found.saves, found.applies, found.bold) == ("narrow", 4096 * 4, True, True)
    assert found.exact == "every value is exact; what is computed in float32 is rounded to it"
    (whole,) = proposed(replace(MATRIX, again=0, narrow="int8"))
    assert "int8 wraps around at its ends" in whole.exact


def test_too_little_is_not_told() -> None:
    """Below a twentieth of what an agent weighs there is silence."""
    assert proposed(replace(MATRIX, size=4_999)) == ()
    assert proposed(replace(MATRIX, size=5_000)) != ()
    assert proposed(classes=(replace(CLASS, count=10),)) == ()
    assert propose(Survey(agents=4, steps=9, weight=1000, held=(replace(MATRIX, size=63, elements=0, kind="text"),)), build="b") == ()


def test_texts_are_interned() -> None:
    """Equal texts in many entries are one proposal, whose code says so."""
    (found,) = proposed(Held(path="agent.rows[...].name", kind="text", copies=200, again=199, size=64, changed=False))
    assert (found.act, found.saves) == ("intern", 199 * 64)
    assert found.code == "for each entry: agent.rows[i].name = sys.intern(agent.rows[i].name)"


@pytest.mark.parametrize(("data", "code"), [(False, '__slots__ = ("a", "b")'), (True, "@dataclass(slots=True)")])
def test_slots_are_written_as_the_class_is(data: bool, code: str) -> None:  # noqa: FBT001 - parametrized
    """Slots save the difference of what instances weigh, times instances; a dataclass has a word for it."""
    (found,) = proposed(classes=(replace(CLASS, data=data),))
    assert (found.act, found.saves, found.code, found.where) == ("slots", 7000, code, "in the class bots:Bot")


def test_growth_that_the_policy_allows_is_not_advised_against() -> None:
    """A history without a bound is told in bytes a step, after everything else, unless the policy allows as much with a reason."""
    *_, found = proposed(MATRIX, histories=(LIST,))
    assert (found.act, found.saves, found.unit, found.leaves) == ("bound", 72.0, "B/step", WEIGHT - 32_944)
    assert "+1 items/step" in found.why
    assert proposed(histories=(LIST,), grows=73) == ()
    (ring,) = proposed(histories=(replace(LIST, kind="ndarray"),))
    assert "RingBuffer" in ring.code


@given(st.integers(1, 10**7), st.sampled_from([1, 2, 4, 8]), st.floats(0, 1))
@settings(deadline=None, max_examples=50)
def test_no_layout_is_larger_than_the_array(elements: int, itemsize: int, share: float) -> None:
    """Whatever an array holds, the layout that is proposed for it takes no more than it does and what holds it."""
    stored = int(share * elements)
    name, size = layout(elements, itemsize, stored, itemsize)
    assert size <= elements * itemsize + 256
    assert (name == "one value") <= (stored == 0)


# --- what is seen ---------------------------------------------------------------------

ZOO = '''"""Agents of which it is known what could be done."""

import numpy as np

BOARD = []


class Note:
    """Have attributes and nothing else."""

    def __init__(self, index):
        """Be one of many."""
        self.left, self.right, self.index = None, None, index


class Bot:
    """Hold arrays in many ways."""

    def __init__(self, index):
        """Be like every other bot, but for a few things."""
        self.same = np.arange(4000.0)
        self.viewed = np.arange(3000.0).reshape(30, 100)
        self.inner = [np.full(2000, 7.5), np.full(2000, 7.5)]
        self.boxed = np.empty(2, dtype=object)
        self.boxed[:] = [np.zeros((40, 50)), None]
        self.mine = np.arange(3000) + index
        self.belief = np.zeros(5000)
        self.writes = np.ones(2500)
        self.again = np.ones(2600)
        self.base = np.ones(2700)
        self.part = self.base[5:]
        self.tied = (np.ones(2800),)
        self.known = np.ones(2900)
        BOARD.append(self.known)
        self.notes = [Note(index) for _ in range(900)]
        self.texts = {at: "".join(["a text that is long enough ", str(at)]) for at in range(300)}
        self.seen = []
        self.cache = {}
        self.time = index

    def step(self):
        """Keep one thing more, and replace or rewrite others."""
        self.time += 1
        self.seen.append(self.time * 1000)
        self.cache[self.time % 10] = self.time
        self.belief[self.time % 7] += self.same[self.time % 4000]
        self.writes[0] += 1
        self.again = np.ones(2600)
        return float(self.belief.sum() + self.viewed[0, 1])


def build(index):
    """Build one."""
    return Bot(index)


def step(agent):
    """Let it step."""
    return agent.step()


class Strict(Bot):
    """Work with nothing but plain arrays, of any numbers."""

    def __init__(self, index):
        """Count in more bytes than it takes."""
        super().__init__(index)
        self.counts = np.arange(20_000) % 120 + index

    def step(self):
        """Ask what it is given."""
        if type(self.belief) is not np.ndarray:
            raise TypeError("a plain array is wanted")
        return super().step() + self.counts[self.time].item() / 2


class Late(Bot):
    """Write where it never wrote before, after a while."""

    def step(self):
        """Write at the hundredth step."""
        if self.time > 100:
            self.same[0] += 1
        return super().step()


def chancy(index):
    """Build one that is another each time."""
    made = Bot(index)
    made.time = int(np.random.default_rng().integers(10**6))
    return made
'''


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with known agents."""
    folder = tmp_path_factory.mktemp("zoo")
    (folder / "zoo.py").write_text(ZOO)
    return folder


@pytest.fixture(scope="module")
def found(zoo: Path) -> Advised:
    """Look at them and try everything, once."""
    return advise.advise(question("zoo:build"), zoo, applied=True)


@linux
def test_arrays_that_could_be_one_are_found_wherever_they_are(found: Advised) -> None:
    """Arrays in attributes, lists and object arrays, and views that are all there is of an array, are shared, also within one agent."""
    shared = {row.path: (row.copies, row.again) for row in found.survey.held if row.again and row.elements}
    assert shared == {
        "agent.same": (1, 1),
        "agent.viewed": (1, 1),
        "agent.inner[0]": (1, 1),
        "agent.inner[1]": (1, 1),
        "agent.boxed[0]": (1, 1),
    }


@linux
def test_arrays_that_somebody_else_holds_are_left_alone(found: Advised) -> None:
    """What a view looks at, a tuple or a module holds, is gone for nobody; what is written or made anew is never shared."""
    held = {row.path: row for row in found.survey.held}
    assert not held.keys() & {"agent.base", "agent.part", "agent.tied[0]", "agent.known", "agent.again"}
    assert {path for path, row in held.items() if row.changed} == {"agent.belief", "agent.writes"}


@linux
def test_elements_are_told(found: Advised) -> None:
    """The narrowest exact type and the elements that are stored are those of the arrays."""
    held = {row.path: row for row in found.survey.held}
    assert (held["agent.mine"].narrow, held["agent.mine"].again) == ("int16", 0)
    assert (held["agent.boxed[0]"].narrow, held["agent.boxed[0]"].stored) == ("float32", 0)
    assert 5 <= held["agent.belief"].stored <= 7


@linux
def test_histories_texts_and_classes_are_told(found: Advised) -> None:
    """A list that grows with the steps, texts that are equal, and a class that could have slots are found; a cache that is full is none."""
    assert [(row.path, row.gained) for row in found.survey.histories] == [("agent.seen", 1.0)]
    acts = {proposal.paths[0]: proposal.act for proposal in found.proposals}
    assert acts["agent.texts[...]"] == "intern"
    assert acts["zoo:Note"] == "slots"
    assert acts["agent.belief"] == "sparse"


@linux
def test_trial_achieves_what_was_predicted(found: Advised) -> None:
    """The exact advice, carried out on live agents, saves what it said within a tenth, and the agents return and become the same."""
    assert found.trial is not None
    assert found.trial.same == "yes", found.trial.why
    assert found.trial.achieved == pytest.approx(found.trial.predicted, rel=0.1)
    assert found.trial.predicted > 0.3 * found.survey.weight


@linux
def test_trial_tries_other_forms_of_arrays(found: Advised) -> None:
    """An array that is sparse, and changes in place, is held so while the agents act."""
    tried = {(one.act, path) for one in found.proposals if one.applies for path in one.paths}
    assert ("sparse", "agent.belief") in tried
    assert found.trial is not None
    assert found.trial.refused == ()


@linux
@pytest.mark.slow
def test_form_that_agents_cannot_work_with_is_left_out(zoo: Path) -> None:
    """What breaks them is tried alone and named, with what they said; the rest, of which narrower numbers are, is carried out and told."""
    found = advise.advise(question("zoo:Strict"), zoo, applied=True)
    assert ("narrow", "agent.counts") in {(one.act, one.paths[0]) for one in found.proposals}
    assert found.trial is not None
    told = found.trial
    assert told.same == "yes", told.why
    (refused,) = told.refused
    assert refused.startswith("sparse agent.belief: ")
    assert "a plain array is wanted" in refused
    assert told.achieved == pytest.approx(told.predicted, rel=0.1)


@linux
@pytest.mark.slow
def test_doubled_prediction_is_noticed(tmp_path: Path, zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A survey that counts every copy twice predicts what no trial achieves."""
    planted(tmp_path, monkeypatch, "probe/survey.py", "(again or 0) / later", "2 * (again or 0) / later")
    told = advise.advise(question("zoo:build"), zoo, applied=True).trial
    assert told is not None
    assert told.achieved < 0.9 * told.predicted


@linux
def test_write_to_what_is_shared_fails_loudly(zoo: Path) -> None:
    """An agent that writes later than it was looked at raises, and the trial says where instead of a figure."""
    told = advise.advise(question("zoo:Late", steps=90), zoo, applied=True)
    assert told.trial is not None
    assert (told.trial.same, told.trial.achieved) == ("no", 0.0)
    assert "zoo.py:" in told.trial.why
    assert "read-only" in told.trial.why


@pytest.mark.slow
@linux
def test_agents_that_differ_by_themselves_prove_nothing(zoo: Path) -> None:
    """When agents as they are do not do the same twice, nothing is said about those that are lighter."""
    told = advise.advise(question("zoo:chancy"), zoo, applied=True)
    assert told.trial is not None
    assert told.trial.same == "not known"
    assert "differ from run to run" in told.trial.why


@linux
def test_light_agents_of_ours_are_left_in_peace() -> None:
    """A cache that fills, a sawtooth and a staircase are no histories; a list that grows is one."""
    told = {
        name: [
            (found.act, found.paths[0])
            for found in advise.advise(
                question(f"tests.populations.extremes:{name}", "tests.populations.extremes:step", steps=4096), ROOT
            ).proposals
        ]
        for name in ("leaky", "sawtooth", "warm_up", "staircase")
    }
    assert told == {"leaky": [("bound", "agent.kept")], "sawtooth": [], "warm_up": [], "staircase": []}


@linux
def test_failed_footprint_brings_its_advice(zoo: Path) -> None:
    """Under a footprint that failed stand the proposals that save most, as what to do next."""
    ((reading, finding),) = inquiry.answer(question("zoo:build"), zoo)
    assert finding.outcome is Outcome.FAILED
    told = [line for line in finding.details if line.startswith("next: ")]
    assert len(told) == 3
    assert told[0].startswith("next: share agent.boxed[0], agent.inner[0], agent.inner[1]: saves 48.5 kB/agent, leaves ")
    assert reading.cpu > 0


class Box:
    """Have an attribute and a slot."""

    __slots__ = ("__dict__", "slot")

    def __init__(self, one: object, two: object) -> None:
        """Hold two things."""
        self.one, self.slot = one, two


def test_digest_tells_values_and_not_memory() -> None:
    """Equal agents are the same wherever their arrays and texts lie; another number, order or identity of objects is another agent."""
    array, text, inner = np.arange(3.0), str([10]), [1]
    known = canon.digest(Box({"a": [array, array], "b": {1, 2}}, [text, text]))
    assert known == canon.digest(Box({"a": [array, array.copy()], "b": {2, 1}}, [text, str([10])]))
    others = [
        Box({"a": [array, array + 1e-9], "b": {1, 2}}, [text, text]),
        Box({"a": [array, array.astype("f4")], "b": {1, 2}}, [text, text]),
        Box({"b": {1, 2}, "c": [array, array]}, [text, text]),
        Box({"a": [array, array], "b": {1, 3}}, [text, text]),
        Box({"a": [array, array], "b": {1, 2}}, [text, "ac"]),
    ]
    assert len({known, *map(canon.digest, others)}) == 6
    assert canon.digest([inner, inner]) != canon.digest([inner, [1]])
    assert canon.digest([1, 2]) != canon.digest([2, 1])


@given(npst.arrays(st.sampled_from([np.dtype(name) for name in ("i8", "u4", "i2", "f8")]), st.integers(64, 80)))
@settings(deadline=None, max_examples=50)
def test_narrower_type_holds_every_element(array: npt.NDArray[Any]) -> None:
    """What is called exact comes back with the same bits, and is narrower."""
    name = arrays.narrow(array)
    if name:
        assert np.dtype(name).itemsize < array.dtype.itemsize
        assert array.astype(name).astype(array.dtype).tobytes() == array.tobytes()


# --- what is told ---------------------------------------------------------------------


def test_report_as_a_whole() -> None:
    """Each proposal says what was seen, what it does to results and access, what to write and where; then how the trial went."""
    seen = Survey(agents=4, steps=64, weight=WEIGHT, held=(MATRIX,), histories=(LIST,))
    refused = ("sparse agent.b: TypeError: a plain array is wanted",)
    trial = Trial(predicted=32_944, achieved=32_900, same="yes", why="what steps returned in 64 steps of 4 agents", refused=refused)
    told = reported.text([Advised(case="bot", survey=seen, proposals=propose(seen, build="bots:build"), trial=trial)])
    assert told == (
        "bot: 2 proposals; an agent weighs 100 kB; 4 live agents looked at twice, 64 steps apart\n"
        "1. share agent.A[0]: saves 32.9 kB/agent, leaves 67.1 kB/agent\n"
        "   seen: float64 64x64: every one equals another one, none changed in 64 steps\n"
        "   results: exact; read-only, so that a later write fails loudly; cost of access: none\n"
        "   write: agent.A[0] = POOL.intern(agent.A[0]) with POOL = gate.remedies.pool.SharedPool(), one for all agents\n"
        "   where: after bots:build has built the agent\n"
        "2. bound agent.seen: saves 72 B/step\n"
        "   seen: list without a bound: +1 items/step, 40 items now\n"
        "   results: forgets what is older than its capacity; cost of access: none\n"
        "   write: agent.seen = BoundedHistory(capacity) of gate.remedies.ring, with room for as many as are ever read back\n"
        "   where: at the place that makes it\n"
        "applied: predicted 32.9 kB/agent, achieved 32.9 kB/agent; same actions: yes (what steps returned in 64 steps of 4 agents)\n"
        "left out: sparse agent.b: TypeError: a plain array is wanted; same actions: no\n"
    )


def test_silence_and_trouble_are_told_in_a_line() -> None:
    """Where nothing is to be gained that is said, and where nothing could be seen, why; what others wrote cannot act."""
    seen = Survey(agents=4, steps=64, weight=WEIGHT)
    assert reported.text([Advised(case="bot", survey=seen)]) == (
        "bot: nothing to be gained; an agent weighs 100 kB; 4 live agents looked at twice, 64 steps apart\n"
    )
    gone = replace(seen, trouble="ImportError: no \x1b[31mbots\nsecond")
    assert reported.text([Advised(case="bot", survey=gone)]) == "bot: not measured: ImportError: no \ufffd[31mbots\n   second\n"
    failed = Trial(predicted=1000, achieved=0, same="no", why="", trouble="ValueError: read-only\nmore")
    assert reported.text([Advised(case="bot", survey=seen, trial=failed)]).endswith(
        "applied: predicted 1 kB/agent, achieved nothing; same actions: no (ValueError: read-only)\n"
    )


def run(*words: str) -> tuple[int, str]:
    """Run the command."""
    return call("advise", *words)


def test_unknown_case_is_refused(house: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt case exits 2 and names the nearest one."""
    assert house.root.exists()
    assert run("bott")[0] == 2
    assert 'did you mean "bot"?' in capsys.readouterr().err


def test_functions_have_no_agents() -> None:
    """A case of calls is refused with what to name instead."""
    call = replace(question("")[0], subject=Subject(step="zoo:step", form="call"))
    step = Step(check="memory/f/growth", phase=Phase.QUALITY, does="", command="", work=call)
    with pytest.raises(GateError, match="a function has no live agents to look at; name a case under agents:"):
        advise.cases([step])


@linux
def test_command_exits_0_with_nothing_to_say_and_2_when_it_could_not_look(house: Repository) -> None:
    """Bots that hold nothing get no advice; when their module is gone, the reason is told."""
    code, told = run("bot", "--apply-and-measure")
    assert (code, told.partition(";")[0]) == (0, "bot: nothing to be gained")
    (house.root / "bots.py").unlink()
    code, told = run()
    assert code == 2
    assert told.startswith("bot: not measured: ModuleNotFoundError: No module named 'bots'")


@linux
@pytest.mark.slow
def test_pymdp_agents_share_their_models() -> None:
    """Of real active-inference agents the likelihood and the transitions become one, as predicted, and they act as before."""
    asked = question("tests.populations.gridworld:build", "tests.populations.gridworld:step", steps=16, growth=220)
    told = advise.advise(asked, ROOT, applied=True)
    assert [(proposal.act, proposal.paths[0]) for proposal in told.proposals] == [
        ("share", "agent.mind.B[0]"),
        ("share", "agent.mind.A[0]"),
    ]
    assert told.proposals[0].saves == pytest.approx(163_840, rel=0.03)
    assert told.trial is not None
    assert told.trial.same == "yes", told.trial.why
    assert told.trial.achieved == pytest.approx(told.trial.predicted, rel=0.1)


@linux
@pytest.mark.slow
def test_mesa_models_are_left_in_peace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the Boltzmann economies nothing is to be gained: what they collect is allowed by the policy with a reason."""
    monkeypatch.chdir(ROOT)
    code, told = run("boltzmann")
    assert (code, told.partition(";")[0]) == (0, "boltzmann: nothing to be gained")
    assert told.count("\n") == 1


@linux
def test_size_of_the_population_follows_the_policy() -> None:
    """As few agents as the policy weighs are looked at, two at the least, eight at the most."""
    asked = question("zoo:build")[0]
    assert [measured._size(replace(asked, sizes=sizes)) for sizes in ((), (1, 2), (5, 9), (24, 48))] == [4, 2, 5, 8]
