"""What every part of a policy is: closed, frozen, and read as it is written."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

CLOSED: JsonDict = {"additionalProperties": False}  # an illegal name is refused in the editor too


class Model(BaseModel):
    """Refuse unknown keys and conversions that nobody wrote."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)


class Again(Model):
    """What decides whether evidence of a check is used again while nothing that it reads changed."""

    reuse: Literal["auto", "never"] = Field(
        default="auto", description="never: for what depends on a clock, on chance, or on what no file of the repository says."
    )
    env: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], ...] = Field(
        default=(), description="Environment variables that it reads."
    )
