"""A task's gate: which experts it listens to, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.multi_task._mixing import expert_weights, mix_experts
from tfctr.layers.towers import MLP


@keras.saving.register_keras_serializable(package="tfctr")
class ExpertGate(KernelLayer):
    """Mix experts by weights that follow from the input: ``h = sum_i softmax(W x + b)_i f_i``.

    The paper's gate is ``softmax(W x)``; the bias, which public code has, starts at zero. Hidden layers before it
    are a habit of public benchmarks. The softmax runs in float32, also in mixed precision. With one expert the gate
    is 1.

    Input shape: inputs ``(batch, width)`` and experts ``(batch, num_experts, units)``.
    Output shape: ``(batch, units)``.

    Args:
        hidden_units: Widths of hidden layers of the gate; none in the paper.
        dropout_rate: Share of hidden units dropped in training, in [0, 1).
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Example:
        >>> import numpy as np
        >>> print(ExpertGate()(np.ones((3, 64)), np.ones((3, 4, 32))).shape)
        (3, 32)

    Reference: J. Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate
    Mixture-of-Experts", KDD 2018, Eq. 6-7.
    """

    def __init__(self, hidden_units: Sequence[int] = (), *, dropout_rate: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_units = tuple(hidden_units)
        self.dropout_rate = dropout_rate

    def build(self, inputs_shape: Shape, experts_shape: Shape) -> None:
        self._scores = MLP(
            self.hidden_units,
            output_units=experts_shape[1],
            dropout_rate=self.dropout_rate,
            **self.part("scores"),
        )
        self._scores.build(inputs_shape)

    def call(self, inputs: Tensor, experts: Tensor, training: bool | None = None) -> Tensor:
        """Mix experts ``(batch, experts, units)`` by the gate of inputs ``(batch, width)``: ``(batch, units)``."""
        return mix_experts(self.gate(inputs, training=training), experts)

    def gate(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Return the weight of each expert: float32 ``(batch, num_experts)``, rows add up to 1."""
        return expert_weights(self._scores(inputs, training=training))

    def compute_output_shape(self, inputs_shape: Shape, experts_shape: Shape) -> Shape:
        return (experts_shape[0], experts_shape[2])
