"""The frozen pydantic model that every part of a spec is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Immutable typed data; unknown keys are refused so that a typo never passes silently.

    NaN and infinity are refused too: no bound, share or fill value means anything with them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the classes that a field's type is made of: ``tuple[A | B, ...]`` gives A and B."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)
