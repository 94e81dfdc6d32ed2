"""The weights of one model for another, tables apart."""

from __future__ import annotations

from typing import Any

from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FusedLookup
from tfctr.models import CTRModel


def other_weights(model: CTRModel) -> list[Any]:
    """Return the weights that belong neither to a look-up nor to gates, in the order that the settings decide."""
    apart = {id(weight) for lookup in layers_of(model, FusedLookup) for weight in lookup.weights}
    apart |= {id(weight) for weight in (model.value_gates.weights if model.value_gates is not None else ())}
    return [weight for weight in model.weights if id(weight) not in apart]


def take_others_over(model: CTRModel, before: CTRModel) -> None:
    """Give a model these weights of another one of the same settings; both are built."""
    for weight, value in zip(other_weights(model), other_weights(before), strict=True):
        weight.assign(value)
