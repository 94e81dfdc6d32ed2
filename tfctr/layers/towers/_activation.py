"""Activations by name, those with weights included."""

from __future__ import annotations

from typing import Any

import keras

from tfctr.layers.towers.dice import Dice


def make_activation(name: str, *, rank: int, dtype: Any) -> keras.layers.Layer:
    """Return a fresh layer for an activation on inputs of `rank` axes whose last axis are units.

    Args:
        name: `dice`, `prelu` (one slope a unit), or any Keras activation such as `relu`.
        rank: Axes of the inputs, the batch included.
        dtype: Dtype policy of the layer.

    Raises:
        ValueError: When the name is unknown.
    """
    if name == "dice":
        return Dice(dtype=dtype)
    if name == "prelu":
        return keras.layers.PReLU(shared_axes=list(range(1, rank - 1)) or None, dtype=dtype)
    try:
        return keras.layers.Activation(name, dtype=dtype)
    except ValueError as error:
        raise ValueError(
            f"unknown activation {name!r}; take 'dice', 'prelu' or the name of a Keras activation"
        ) from error
