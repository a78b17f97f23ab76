"""What every part of a policy is: closed, frozen, and read as it is written."""

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

CLOSED: JsonDict = {"additionalProperties": False}  # an illegal name is refused in the editor too


class Model(BaseModel):
    """Refuse unknown keys and conversions that nobody wrote."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)
