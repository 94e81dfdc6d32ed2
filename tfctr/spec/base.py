"""The frozen pydantic model that every part of a spec is made of."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Immutable typed data; unknown keys are refused so that a typo never passes silently.

    NaN and infinity are refused too: no bound, share or fill value means anything with them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)
