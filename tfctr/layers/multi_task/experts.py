"""Experts: MLPs side by side on one input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.towers import MLP


@keras.saving.register_keras_serializable(package="tfctr")
class Experts(KernelLayer):
    """Answer one input by several MLPs of one form, each with weights of its own.

    Input shape: ``(batch, width)``.
    Output shape: ``(batch, num_experts, hidden_units[-1])``.

    Args:
        num_experts: Experts, at least 1.
        hidden_units: Widths of an expert's layers, all with the activation; at least one.
        activation: `dice`, `prelu`, or the name of a Keras activation.
        batch_norm: Whether each layer normalises before its activation.
        dropout_rate: Share of units dropped in training, in [0, 1).
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When `num_experts` is below 1, or there is no layer (at build).

    Example:
        >>> import numpy as np
        >>> experts = Experts(4, (32,))
        >>> print(experts(np.ones((3, 64))).shape, experts.count_params())
        (3, 4, 32) 8320

    Reference: J. Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate
    Mixture-of-Experts", KDD 2018, section 4.2: the functions ``f_i``.
    """

    def __init__(
        self,
        num_experts: int,
        hidden_units: Sequence[int],
        *,
        activation: str = "relu",
        batch_norm: bool = False,
        dropout_rate: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_experts < 1:
            raise ValueError(f"Experts needs num_experts of at least 1. Received: num_experts={num_experts}")
        self.num_experts = num_experts
        self.hidden_units = tuple(hidden_units)
        self.activation = activation
        self.batch_norm = batch_norm
        self.dropout_rate = dropout_rate

    def build(self, inputs_shape: Shape) -> None:
        self._experts = [
            MLP(
                self.hidden_units,
                activation=self.activation,
                batch_norm=self.batch_norm,
                dropout_rate=self.dropout_rate,
                **self.part(f"expert_{index}"),
            )
            for index in range(self.num_experts)
        ]
        for expert in self._experts:
            expert.build(inputs_shape)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Map inputs ``(batch, width)`` to ``(batch, experts, units)``."""
        outputs = [expert(inputs, training=training) for expert in self._experts]  # (batch, units) each
        return ops.stack(outputs, axis=1)  # (batch, experts, units)

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return (inputs_shape[0], self.num_experts, self.hidden_units[-1])
