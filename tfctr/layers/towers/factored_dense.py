"""A dense map through a narrow middle."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.towers._activation import make_activation
from tfctr.layers.towers.dice import Dice


@keras.saving.register_keras_serializable(package="tfctr")
class FactoredDense(KernelLayer):
    """``y = s(x · A + a) · B + b`` with A ``(width, rank)`` and B ``(rank, units)``; s is nothing unless asked for.

    Weights: ``rank · (width + units) + rank + units``, fewer than the ``width · units + units`` of a plain map.

    Input shape: ``(batch, ..., width)``; mask bool, its shape without the last axis, for the statistics of `dice`.
    Output shape: ``(batch, ..., units)``.

    Args:
        units: Width of the output.
        rank: Width of the middle, at least 1.
        activation: In the middle: `dice`, `prelu`, or the name of a Keras activation. None keeps the map linear; with
            one, a map factored after training is no longer near the plain one until it is trained again.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When `rank` is below 1, or (at build) so high that a plain map takes no more weights.

    Example:
        >>> dense = FactoredDense(400, rank=64)
        >>> print(dense(np.ones((3, 400))).shape, dense.count_params())
        (3, 400) 51664

    Reference: Yu et al., "Unified Low-rank Compression Framework for Click-through Rate Prediction", KDD 2024,
    arXiv 2405.18146; the activation in the middle as in its released code.
    """

    def __init__(
        self,
        units: int,
        rank: int,
        *,
        activation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if rank < 1:
            raise ValueError(f"rank is at least 1. Received: rank={rank}")
        self.units = units
        self.rank = rank
        self.activation = activation

    def build(self, inputs_shape: Shape) -> None:
        width = inputs_shape[-1]
        most = largest_rank(width, self.units)
        if self.rank > most:
            raise ValueError(
                f"rank {self.rank} of a map from {width} to {self.units} numbers saves nothing: a plain one takes no "
                f"more weights than a factored one of any rank above {most}"
            )
        middle = (*inputs_shape[:-1], self.rank)
        self._inner = self.make_dense(self.rank, "inner", inputs_shape)
        self._outer = self.make_dense(self.units, "outer", middle)
        self._between = (
            make_activation(self.activation, rank=len(middle), dtype=self.dtype_policy) if self.activation else None
        )
        if self._between is not None:
            self._between.build(middle)

    def call(self, inputs: Tensor, mask: Tensor | None = None, training: bool | None = None) -> Tensor:
        """Map inputs ``(batch, ..., width)`` with mask ``(batch, ...)`` to ``(batch, ..., units)``."""
        middle = self._inner(inputs)  # (batch, ..., rank)
        if isinstance(self._between, Dice):
            middle = self._between(middle, mask=mask, training=training)
        elif self._between is not None:
            middle = self._between(middle)
        return self._outer(middle)

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return (*inputs_shape[:-1], self.units)

    def set_factors(self, inner: np.ndarray, inner_bias: np.ndarray, outer: np.ndarray, outer_bias: np.ndarray) -> None:
        """Set A ``(width, rank)``, a ``(rank,)``, B ``(rank, units)`` and b ``(units,)``."""
        self._inner.set_weights([inner, inner_bias])
        self._outer.set_weights([outer, outer_bias])


def largest_rank(width: int, units: int) -> int:
    """Return the greatest rank at which two maps take fewer weights than one; 0 when there is none.

    Example:
        >>> largest_rank(400, 400), largest_rank(400, 1)
        (199, 0)
    """
    return (width * units - 1) // (width + units + 1)
