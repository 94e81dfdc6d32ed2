"""The frozen pydantic model that every part of a spec is made of."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Immutable typed data; unknown keys are refused so that a typo never passes silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)
