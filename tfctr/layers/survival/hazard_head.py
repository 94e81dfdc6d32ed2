"""HazardHead: the logit of the hazard of each interval of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer


@keras.saving.register_keras_serializable(package="tfctr")
class HazardHead(KernelLayer):
    """``a = W x + b``, where b begins at the logits of the hazards of all rows together.

    Beginning there, training learns from the first step what tells rows apart, not how long rows last on the whole.

    Args:
        intervals: Intervals of time, at least 1.
        base_hazards: Hazard of each interval, in (0, 1): events over rows at risk, from
            `tfctr.training.metrics.life_table`. None begins with equally many events in each interval and after the
            last one, ``h_l = 1 / (intervals + 2 - l)``.
        bias_initializer: Keras initializer in place of `base_hazards`.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Input shape:
        ``(batch, units)``.

    Output shape:
        ``(batch, intervals)``.

    Raises:
        ValueError: When `intervals` is below 1, or `base_hazards` has another length or leaves (0, 1).
    """

    def __init__(
        self,
        intervals: int,
        base_hazards: Sequence[float] | None = None,
        *,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_initializer=kernel_initializer, bias_initializer=bias_initializer, **kwargs)
        if intervals < 1:
            raise ValueError(f"intervals must be at least 1. Received: {intervals}")
        if base_hazards is not None and (
            len(base_hazards) != intervals or not all(0 < hazard < 1 for hazard in base_hazards)
        ):
            raise ValueError(f"base_hazards must be {intervals} numbers in (0, 1). Received: {list(base_hazards)}")
        self.intervals = intervals
        self.base_hazards = None if base_hazards is None else tuple(float(hazard) for hazard in base_hazards)

    def build(self, input_shape: Shape) -> None:
        self.kernel = self.add_kernel("kernel", (input_shape[-1], self.intervals))
        self.bias = self.add_bias("bias", (self.intervals,), self.bias_initializer or self._base_logits)

    def _base_logits(self, shape: Shape, dtype: Any = None) -> Tensor:
        hazard = np.asarray(self.base_hazards or 1 / (self.intervals + 1 - np.arange(self.intervals)), "float64")
        return keras.ops.convert_to_tensor(np.log(hazard) - np.log1p(-hazard), dtype=dtype or "float32")

    def call(self, inputs: Tensor) -> Tensor:
        """Map inputs ``(batch, units)`` to the logits of hazards ``(batch, intervals)``."""
        return keras.ops.matmul(inputs, self.kernel) + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.intervals)
