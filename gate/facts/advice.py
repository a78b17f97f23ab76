"""The records of advice: what was seen of a live population, what is proposed, and how a trial of it went."""

from dataclasses import dataclass

from gate.facts import Holder


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Arrays or texts that agents hold in one way, and that nobody else refers to."""

    path: str  # from an agent: "agent.mind.A[0]"; "[...]" stands for each entry of a container that has many
    kind: str  # "float64 64x64" or "text"
    copies: float  # per agent
    again: float  # of these, as many as equal one of another agent, or one more of the same
    size: float  # bytes of heap that go with one copy
    changed: bool  # between the two looks, in place; what was replaced meanwhile is not told
    elements: int = 0  # of one array
    itemsize: int = 0  # bytes of one element
    narrow: str = ""  # the narrowest dtype of the same kind that holds every element exactly, when it is another one
    stored: int = 0  # elements that differ from the most common one, at either look
    width: int = 0  # bytes that hold each of these exactly, 0 for as many as one element has
    colours: int = 0  # how many of these are different, 0 for more than a palette holds


@dataclass(frozen=True, kw_only=True, slots=True)
class Slottable:
    """A class of the user's own whose instances could do without a dictionary."""

    name: str  # "module:Class"
    count: float  # instances per agent
    slots: tuple[str, ...]
    plain: float  # bytes of heap of one instance as it is, when nobody asked for its dictionary
    slotted: float  # and of one with slots
    data: bool  # it is a dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """A live population, looked at twice."""

    agents: int
    steps: int  # of each agent between the two looks
    weight: float  # bytes of heap per agent at the first look
    held: tuple[Held, ...] = ()
    classes: tuple[Slottable, ...] = ()
    histories: tuple[Holder, ...] = ()  # containers of agents that got longer with the steps, and declare no bound
    wall: float = 0.0  # seconds that it took
    cpu: float = 0.0  # seconds of the child's work
    trouble: str = ""  # why nothing was seen


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """One way to make every agent lighter, given that those above it are carried out."""

    act: str  # share, intern, narrow, sparse, slots, bound
    paths: tuple[str, ...]  # what it is about
    why: str  # what was seen
    saves: float  # bytes per agent, of a history bytes per agent and step
    unit: str = "B/agent"  # or "B/step"
    leaves: float = 0.0  # bytes per agent after it and those above it, known when it is ranked
    exact: str
    cost: str  # of each access
    code: str
    where: str
    applies: bool = False  # can be carried out on live agents, with the same results
    bold: bool = False  # but agents may find another kind of array in the place of theirs, and do something else


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What came of proposals that were carried out on live agents."""

    predicted: float  # bytes per agent
    achieved: float
    same: str  # "yes", "no" or "not known"
    why: str  # what was compared, or what differs
    refused: tuple[str, ...] = ()  # what was tried alone and left out, each with what the agents then did
    trouble: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Advised:
    """One agent case with everything that was found."""

    case: str
    survey: Survey
    proposals: tuple[Proposal, ...] = ()
    trial: Trial | None = None
