"""The exceptions of the gate: each one means that the gate itself could not work (exit 2)."""


class GateError(Exception):
    """Say what stopped the gate: the place, what was found, what was wanted and the next act."""


class PolicyError(GateError):
    """Carry every mistake of every policy file, one line each."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        """Keep the mistakes in the order in which a reader meets them."""
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class TaskError(GateError):
    """A task store that cannot be read, or a task that may not change as asked."""
