"""Values that are loaded late: once, whoever asks, and never held when the loader failed or the value was replaced."""

import copy
import dataclasses
import os
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from time import sleep
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.remedies import lazy
from gate.remedies.lazy import Evictable, Lazy
from tests.conftest import assert_nothing_is_left
from tests.proofs import threads

ROOT = Path(__file__).parents[1]
EXACT = sys.platform == "linux"


class Agent:
    """Count what it loads."""

    weights = Lazy[Any](lambda agent: agent.load())

    def __init__(self) -> None:
        """Load nothing."""
        self.loads = 0

    def load(self) -> Any:
        """Load 800 bytes."""
        self.loads += 1
        return np.full(100, self.loads)


def side_by_side(*work: Callable[[], object]) -> list[object]:
    """Do several things in a thread each; return what each returned or raised."""
    told: list[object] = [None] * len(work)
    barrier = threading.Barrier(len(work))

    def run(at: int) -> None:
        barrier.wait()
        try:
            told[at] = work[at]()
        except Exception as error:  # noqa: BLE001 - it is what the test is about
            told[at] = error

    running = [threading.Thread(target=run, args=(at,), daemon=True) for at in range(len(work))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(10)
    assert not any(thread.is_alive() for thread in running), "a thread waits for ever"
    return told


def slowly(value: object) -> Any:
    """Return a value when others had the time to come and wait."""
    sleep(0.05)
    return value


# --- lazy attributes --------------------------------------------------------------------


def test_first_touch_loads_and_later_ones_do_not() -> None:
    """Each instance has a value of its own, loaded once."""
    one, two = Agent(), Agent()
    assert one.loads == 0
    assert one.weights is one.weights
    assert one.weights is not two.weights
    assert (one.loads, two.loads) == (1, 1)


def test_deleting_frees_and_setting_replaces() -> None:
    """After del the next touch loads anew; what is set is what is read, without a load; a second del does no harm."""
    agent = Agent()
    freed = []
    agent.weights = type("Loud", (), {"__del__": lambda _: freed.append(1)})()
    del agent.weights
    assert freed == [1]
    del agent.weights
    assert agent.weights[0] == 1
    del agent.weights
    assert agent.weights[0] == 2
    agent.weights = "set"
    assert (agent.weights, agent.loads) == ("set", 2)


def test_cost_of_first_touches_is_told() -> None:
    """The class tells how often it loaded, how long that took, and the bytes of what tells its bytes."""

    class Slow:
        text = Lazy(lambda _: "no bytes are known")

        @Lazy
        def model(self) -> Any:
            """Load slowly."""
            sleep(0.01)
            return np.zeros(10)

    for _ in range(3):
        agent = Slow()
        assert len(agent.model) == len(agent.model) == 10
        assert agent.text
    assert (Slow.model.loads, Slow.model.nbytes, Slow.text.nbytes) == (3, 240, 0)
    assert 0.03 <= Slow.model.seconds < 10


def test_errors_are_not_held() -> None:
    """What the loader raises comes out, and the next touch tries again."""

    class Flaky:
        tries = 0

        @Lazy
        def model(self) -> str:
            """Fail at first."""
            self.tries += 1
            if self.tries < 3:
                raise OSError(self.tries)
            return "loaded"

    agent = Flaky()
    for expected in ("1", "2"):
        with pytest.raises(OSError, match=expected):
            _ = agent.model
    assert (agent.model, agent.tries, Flaky.model.loads) == ("loaded", 3, 1)


def test_slots_and_frozen_classes() -> None:
    """A class with slots names the value's place among them, or is told to; a frozen dataclass needs nothing."""

    class Slotted:
        __slots__ = ("_lazy_model",)
        model = Lazy(lambda _: "loaded")

    @dataclasses.dataclass(frozen=True)
    class Frozen:
        path: str
        model = Lazy(lambda frozen: frozen.path)

    assert (Slotted().model, Frozen("path").model) == ("loaded", "path")
    with pytest.raises((TypeError, RuntimeError)) as caught:  # Python 3.11 wraps it

        class Full:
            __slots__ = ()
            model = Lazy(lambda _: None)

    assert "Full.model has no room in its instances; add '_lazy_model' to __slots__ of Full" in str(caught.value.__cause__ or caught.value)


def test_a_lazy_without_a_name_says_so() -> None:
    """Outside of the body of a class it does not know where its values lie."""

    class Late:
        model: Any

    Late.model = Lazy(lambda _: "loaded")
    for touch in (lambda: Late().model, lambda: setattr(Late(), "model", 1), lambda: delattr(Late(), "model")):
        with pytest.raises(TypeError, match="given to a class after its body"):
            touch()
    Late.model.__set_name__(Late, "model")
    assert Late().model == "loaded"


def test_pickle_and_copy_take_what_is_loaded() -> None:
    """A copy of an agent has its loaded value, and one that loaded nothing loads for itself; no lock is in the way."""
    agent, fresh = Agent(), Agent()
    assert agent.weights[0] == 1
    for copied in (copy.deepcopy(agent), pickle.loads(pickle.dumps(agent))):  # noqa: S301 - our own
        assert (copied.weights[0], copied.loads) == (1, 1)
    assert copy.deepcopy(fresh).weights[0] == 1
    assert fresh.loads == 0


# --- the store --------------------------------------------------------------------------


class Plain:
    """What the store is to be, said plainly: a loader, and an order of use that is cut at its budget."""

    def __init__(self, budget: int) -> None:
        """Hold nothing."""
        self.held: OrderedDict[int, int] = OrderedDict()
        self.budget, self.loads, self.evictions = budget, 0, 0

    def touch(self, key: int) -> None:
        """Use a key, which weighs as much as it says."""
        if key not in self.held:
            self.loads += 1
            if key > self.budget:
                return
            while sum(self.held.values()) + key > self.budget:
                self.held.popitem(last=False)
                self.evictions += 1
            self.held[key] = key
        self.held.move_to_end(key)


@given(st.integers(0, 30), st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=60))
@settings(deadline=None, max_examples=40)
def test_store_is_its_plain_model(budget: int, actions: list[tuple[bool, int]]) -> None:
    """After any touches and discards it holds the same keys in the same order, the same bytes, and has counted the same."""
    store, plain = Evictable[int, bytes](bytes, budget, size=len), Plain(budget)
    touches = 0
    for discards, key in actions:
        if discards:
            store.discard(key)
            plain.held.pop(key, None)
        else:
            assert len(store[key]) == key
            plain.touch(key)
            touches += 1
        assert (list(store), len(store), store.nbytes) == (list(plain.held), len(plain.held), sum(plain.held.values()))
        assert store.nbytes <= budget
    assert (store.loads, store.hits, store.evictions) == (plain.loads, touches - plain.loads, plain.evictions)
    assert all(key in store for key in plain.held)


def test_store_weighs_by_nbytes_unless_told() -> None:
    """Arrays tell their bytes; what does not is refused, with what to give, and nothing is held."""
    store = Evictable[Any, Any](lambda key: np.zeros(key) if isinstance(key, int) else key, 1000)
    assert len(store[100]) == 100
    assert store.nbytes == 800
    with pytest.raises(TypeError, match="a str does not tell its nbytes; give Evictable a function that weighs it: size="):
        _ = store["text"]
    assert (list(store), store.loads) == ([100], 1)


def test_errors_of_the_store_are_not_held() -> None:
    """What a loader raises comes out at each touch."""
    store = Evictable[str, Any](dict[str, Any]().__getitem__, 100)
    for _ in range(2):
        with pytest.raises(KeyError, match="missing"):
            _ = store["missing"]
    assert (len(store), store.loads, store.hits) == (0, 0, 0)


def test_store_is_pickled_with_what_it_holds() -> None:
    """No lock is in the way of a copy, and the copy counts and evicts for itself."""
    store = Evictable[int, Any](np.zeros, 1600)
    assert len(store[100]) == 100
    copied = pickle.loads(pickle.dumps(store))  # noqa: S301 - our own
    assert len(copied[50]) == 50
    assert (list(copied), list(store), copied.nbytes) == ([100, 50], [100], 1200)


# --- threads ----------------------------------------------------------------------------


def test_threads_that_wait_get_the_error_of_their_own_try() -> None:
    """When a load fails, those who waited for it try for themselves, one after the other; nobody gets another's error."""
    store, tries = Evictable[int, Any](lambda _: fail(), 100), list[Exception]()

    def fail() -> None:
        sleep(0.005)
        tries.append(OSError(len(tries)))
        raise tries[-1]

    told = side_by_side(*[lambda: store[1]] * 4)
    assert len(tries) == 4
    assert {id(error) for error in told} == {id(error) for error in tries}


def test_value_that_is_not_held_is_still_loaded_once_for_all_who_wait() -> None:
    """A value larger than the whole budget is handed to everyone who waits for its load."""
    source = threads.Source([])
    store = Evictable[int, Any](lambda key: source.load(slowly(key)), 10)
    told = side_by_side(*[lambda: store[1]] * 8)
    assert (source.loads[1], len({id(value) for value in told}), len(store), store.hits) == (1, 1, 0, 7)


def test_loader_that_touches_its_own_key_is_told() -> None:
    """A loader that waits for itself is an error at once; one that touches another key is not."""
    store = Evictable[str, Any](
        lambda key: store["b" if key == "a" else "other" if key == "b" else key] if key != "other" else np.ones(1), 100
    )
    assert store["a"] is store["other"]
    with pytest.raises(RuntimeError, match="'self' is touched while it is loaded, by what its loader waits for"):
        _ = store["self"]
    assert "self" not in store


def test_loaders_that_wait_for_each_other_are_told() -> None:
    """Two threads whose loaders touch what the other one loads: one gets the error, none waits for ever."""
    here, there = threading.Event(), threading.Event()

    def met(mine: threading.Event, other: threading.Event) -> bool:
        mine.set()
        return other.wait(5)

    class Holder:
        first = Lazy[Any](lambda _: met(here, there) and store["key"])

    holder = Holder()
    store = Evictable[str, Any](lambda key: met(there, here) and further[key], 100)
    further = Evictable[str, Any](lambda _: holder.first, 100)
    told = side_by_side(lambda: holder.first, lambda: store["key"])
    assert all(isinstance(one, RuntimeError) and "is touched while it is loaded" in str(one) for one in told), told


def test_finaliser_may_come_in() -> None:
    """What is evicted, replaced or freed may touch the store while it goes, in the thread that lets it go."""
    touched = []

    class Loud:
        nbytes = 60

        def __del__(self) -> None:
            touched.append((len(store["quiet"]), agent.weights[0]))

    agent = Agent()
    store = Evictable[str, Any](lambda key: Loud() if key == "loud" else bytes(10), 100, size=lambda value: getattr(value, "nbytes", 50))
    for key in ("loud", "quiet", "loud", "quiet"):  # each evicts the other
        assert store[key] is not None
    agent.weights = Loud()
    del agent.weights  # while it goes, it is loaded anew
    assert touched == [(10, 1), (10, 1), (10, 2)]


def test_finaliser_inside_does_not_wait_for_its_own_thread() -> None:
    """A finaliser that comes while its thread holds the lock, and touches what another thread loads, gets it: the lock is given up."""
    under_way, go_on = threading.Event(), threading.Event()
    store = Evictable[str, int](lambda _: meet(), 100, size=lambda _: 1)

    def meet() -> int:
        under_way.set()
        go_on.wait(5)
        return 7

    def inside() -> object:
        under_way.wait(5)
        with lazy._LOADS.lock:
            go_on.set()
            return store["key"]

    assert side_by_side(lambda: store["key"], inside) == [7, 7]


@pytest.mark.parametrize("proof", threads.PROOFS)
def test_proofs_hold_for_a_moment(proof: str) -> None:
    """What is proven for 10 seconds holds for a fifth of one."""
    assert threads.PROOFS[proof](0.2)[1] == []


BREAKS = {  # the proof that notices, and what is broken
    "evictable": ("while (running := self.under_way.setdefault(key, mine)) is not mine:", "while (running := mine) is not mine:"),
    "evictable, updates": ("keep(value) if self.under_way.get(key) is mine else None", "keep(value)"),
}


@pytest.mark.parametrize("proof", BREAKS)
def test_proofs_notice(proof: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A break of what keeps threads apart is noticed by its proof."""
    text = Path(lazy.__file__).read_text()
    old, new = BREAKS[proof]
    assert text.count(old) == 1
    broken = ModuleType("broken")
    exec(text.replace(old, new), vars(broken))  # noqa: S102 - our own text
    monkeypatch.setattr(threads, "Evictable", broken.Evictable)
    assert any(threads.PROOFS[proof](0.2)[1] for _ in range(20))


FORKED = """
import os, threading
from gate.remedies.lazy import Evictable

under_way, go_on = threading.Event(), threading.Event()
parent = os.getpid()
store = Evictable(lambda key: (under_way.set(), go_on.wait(5) if os.getpid() == parent else 0, key)[2], 100, size=lambda _: 1)
thread = threading.Thread(target=lambda: store[1])
thread.start()
under_way.wait(5)
pid = os.fork()
if pid == 0:
    os._exit(0 if store[1] == 1 else 1)
status = os.waitpid(pid, 0)[1]
go_on.set()
thread.join()
print(status, store[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_forked_process_waits_for_no_thread_of_its_parent() -> None:
    """A child that was forked while another thread was loading loads for itself."""
    words = [sys.executable, "-W", "ignore", "-c", FORKED]
    ran = subprocess.run(words, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=10, check=True)
    assert ran.stdout == "0 1\n"


# --- measured by the gate ---------------------------------------------------------------

COMES_AND_GOES = """
from gate.remedies.lazy import Evictable, Lazy


class Agent:
    weights = Lazy(lambda agent: bytes(1000))

    def __init__(self):
        self.store = Evictable(lambda key: bytes(100 * key), 1000, size=len)


def step(agent):
    for key in range(8):
        assert len(agent.store[key]) == 100 * key
    del agent.weights
    assert len(agent.weights) == 1000
"""


@pytest.mark.skipif(not EXACT, reason="the heap meter is exact on Linux with glibc only")
def test_the_gate_finds_nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents with lazy values and stores that come, load, evict and go leave 0 B a cycle, says the gate."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert_nothing_is_left(COMES_AND_GOES, "lives:Agent", tmp_path)
