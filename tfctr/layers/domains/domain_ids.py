"""The id of a row's domain as the group that its weights are taken from."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Layer, Tensor
from tfctr.layers.domains._by_group import UNKNOWN


@keras.saving.register_keras_serializable(package="tfctr")
class DomainIds(Layer):
    """Keep the ids of known domains, and make every other one group 0: padding, out-of-vocabulary, out of range.

    A model without shared weights has nothing to answer for a domain that training never saw. With `unknown_rate` a
    share of the training rows, drawn anew each time, is treated as if their domain were unknown, so that group 0
    learns what holds for all.

    Input shape: ids, int ``(batch,)``.
    Output shape: int32 ``(batch,)`` in ``[0, rows)``.

    Args:
        rows: Ids of the vocabulary, padding and out-of-vocabulary ids included.
        first: Smallest id of a known domain.
        unknown_rate: Share of training rows whose domain is hidden, in [0, 1).
        seed: Of the draws.

    Raises:
        ValueError: When `unknown_rate` is out of range.

    Example:
        >>> import numpy as np
        >>> print(np.array(DomainIds(rows=5, first=2)(np.array([0, 1, 2, 4, 9]))))
        [0 0 2 4 0]
    """

    def __init__(self, rows: int, first: int, *, unknown_rate: float = 0.0, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= unknown_rate < 1:
            raise ValueError(f"unknown_rate is a share in [0, 1). Received: {unknown_rate}")
        self.rows = rows
        self.first = first
        self.unknown_rate = unknown_rate
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def call(self, ids: Tensor, training: bool | None = None) -> Tensor:
        """Map ids ``(batch,)`` to groups ``(batch,)``; training hides some."""
        known = ops.logical_and(ids >= self.first, ids < self.rows)
        if training and self.unknown_rate:
            shown = keras.random.uniform(ops.shape(ids), seed=self._draws) >= self.unknown_rate
            known = ops.logical_and(known, shown)
        return ops.where(known, ops.cast(ids, "int32"), UNKNOWN)

    def compute_output_spec(self, ids: Tensor, training: bool | None = None) -> keras.KerasTensor:
        return keras.KerasTensor(ids.shape, dtype="int32")
