"""Named extremes: agents whose memory does one known thing, so that a verdict about them is right or wrong."""

import os
from dataclasses import dataclass, field


@dataclass(eq=False)
class Extreme:
    """Anything that was built from an index and steps."""

    index: int

    def step(self) -> None:
        """Do one step."""
        raise NotImplementedError


class SteadyAgent(Extreme):
    """Allocate and free in each step and keep nothing."""

    def step(self) -> None:
        """Build a list of 64 fresh objects and let it go."""
        _ = [bytes(48) for _ in range(64)]


@dataclass(eq=False)
class LeakyAgent(Extreme):
    """Keep 8 B a step: one more reference in a list."""

    kept: list[None] = field(default_factory=list)

    def step(self) -> None:
        """Append the None that everybody shares."""
        self.kept.append(None)


@dataclass(eq=False)
class StaircaseAgent(Extreme):
    """Climb nine stairs and stay: at steps 1, 2, 4, ..., 256 the buffer becomes 64 B x step, in the end 16 KiB."""

    time: int = 0
    buffer: bytearray = field(default_factory=bytearray)

    def step(self) -> None:
        """Count to the last stair, and replace the buffer at each power of two."""
        if self.time < _LAST_STAIR:
            self.time += 1
            if self.time.bit_count() == 1:
                self.buffer = bytearray(64 * self.time)


@dataclass(eq=False)
class WarmUpAgent(Extreme):
    """Fill a cache of 200 entries in the first 200 steps and only look up after that."""

    time: int = 0
    cache: dict[int, bytes] = field(default_factory=dict)

    def step(self) -> None:
        """Look one key up and remember the answer."""
        self.cache.setdefault(self.time, bytes(64))
        self.time = (self.time + 1) % 200


@dataclass(eq=False)
class SawtoothAgent(Extreme):
    """Gather 256 B a step for 50 steps, let go, for ever."""

    batch: list[bytes] = field(default_factory=list)

    def step(self) -> None:
        """Gather, or let all go when there are 50."""
        self.batch.append(bytes(256))
        if len(self.batch) == _PERIOD:
            self.batch.clear()


class HandleLeakAgent(Extreme):
    """Keep one file descriptor a step and not a byte: only the handle meter sees it, until `ulimit -n` ends it."""

    def step(self) -> None:
        """Open /dev/null and forget the number."""
        os.open(os.devnull, os.O_RDONLY)


# A class is a function of its index, so each serves as `build` under a short name.
steady, leaky, staircase = SteadyAgent, LeakyAgent, StaircaseAgent
warm_up, sawtooth, handle_leak = WarmUpAgent, SawtoothAgent, HandleLeakAgent


def step(agent: Extreme) -> None:
    """Let the agent do one step."""
    agent.step()


_LAST_STAIR = 256
_PERIOD = 50
