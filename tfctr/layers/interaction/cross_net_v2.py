"""The full-rank cross network of DCN-V2."""

from __future__ import annotations

import math
from typing import Any

import keras

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.interaction.flatten import flatten_fields


@keras.saving.register_keras_serializable(package="tfctr")
class CrossNetV2(KernelLayer):
    """Explicit crosses of growing order: every layer multiplies by the input once more.

    ``x_{l+1} = x_0 ∘ (W_l x_l + b_l) + x_l`` on the flattened input ``x_0`` of width D; ∘ is elementwise,
    ``W_l`` is D × D. After L layers the output holds crosses up to order L + 1. Weights: ``(D² + D) · L``.

    Input shape: ``(batch, fields, dim)``, flattened inside, or ``(batch, width)``.
    Output shape: ``(batch, width)``, width being ``fields · dim``.

    Args:
        num_layers: Cross layers, at least 1.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When `num_layers` is below 1.

    Example:
        >>> import numpy as np
        >>> print(CrossNetV2(3)(np.ones((2, 4, 5))).shape)
        (2, 20)

    Reference: R. Wang et al., "DCN V2: Improved Deep & Cross Network", WWW 2021, arXiv 2008.13535, Eq. 1.
    """

    def __init__(self, num_layers: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_layers < 1:
            raise ValueError(f"CrossNetV2 needs num_layers of at least 1. Received: num_layers={num_layers}")
        self.num_layers = num_layers

    def build(self, inputs_shape: Shape) -> None:
        width = math.prod(inputs_shape[1:])
        self._projections = [
            self.make_dense(width, f"projection_{index}", (None, width)) for index in range(self.num_layers)
        ]

    def call(self, inputs: Tensor) -> Tensor:
        """Cross inputs ``(batch, fields, dim)`` or ``(batch, width)`` with themselves: ``(batch, width)``."""
        first = flatten_fields(inputs)  # (batch, width)
        crossed = first
        for projection in self._projections:
            crossed = first * projection(crossed) + crossed  # (batch, width)
        return crossed

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return (inputs_shape[0], math.prod(inputs_shape[1:]))
