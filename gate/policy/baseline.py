"""The shape of policies/baseline.yaml: known findings, which may become fewer and never more."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from gate import units
from gate.policy.base import Model
from gate.policy.fields import Day, Version, Word

MOST = 20_000  # debts of one repository
_EVENTS = 32  # that the YAML of one debt may take
EVENTS = MOST * _EVENTS
BYTES = 16 << 20


def _amount(found: str) -> str:
    units.amount(found)
    return found


Amount = Annotated[
    str,
    AfterValidator(_amount),
    WithJsonSchema({"type": "string", "pattern": units.AMOUNT.pattern, "examples": ["69.1 MB/agent", "7.6 B/step", "12"]}),
]


class DebtPolicy(Model):
    """One known finding, or several that are alike in one scope."""

    check: Word = Field(description="The check that finds it, such as lint, types or memory/belief/growth.")
    scope: str = Field(default="", description="path:Class.method, or the path alone for what is about a whole file.")
    rule: str = Field(default="", description="The tool's code of it.")
    message: str = Field(default="", description="The tool's words, without the numbers of lines and measured amounts.")
    count: Annotated[int, Field(ge=1, le=1_000_000)] = Field(default=1, description="How many are alike.")
    most: Amount | None = Field(default=None, description="The most that it is known to measure; more is new.")
    shape: Annotated[str, Field(pattern="^([0-9a-f]{8})?$")] = Field(
        default="", description="What tells its scope from others, by which it is known again in another file."
    )
    reason: str = ""
    owner: str = Field(default="", description="Who ends this.")
    expires: Day | None = Field(default=None, description="The last day on which it is known; left out: as long as it is there.")

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.expires and not (self.reason.strip() and self.owner.strip()):
            message = "has a day and says not why or who ends it; write reason and owner"
            raise ValueError(message)
        return self


class BaselinePolicy(Model):
    """policies/baseline.yaml: what is known and tolerated; `gate baseline` writes it, sorted, one debt a line."""

    version: Version
    debts: tuple[DebtPolicy, ...] = Field(default=(), max_length=MOST)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        """Refuse one debt on two lines: a merge by hand would know twice as many."""
        seen = set()
        for debt in self.debts:
            key = debt.check, debt.scope, debt.rule, debt.message, debt.most, debt.expires, debt.owner, debt.reason
            if key in seen:
                what = " ".join(filter(None, [debt.check, debt.rule, debt.scope]))
                message = f"{what} is written twice; write it once, with its count"
                raise ValueError(message)
            seen.add(key)
        return self
