"""Embeddings through an MLP."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.interaction.flatten import flatten_fields
from tfctr.layers.towers import MLP


@keras.saving.register_keras_serializable(package="tfctr")
class MLPBlock(KernelLayer):
    """``u = reshape(W_m MLP(flatten(X)) + b_m)``.

    Input shape: ``(batch, fields, dim)``, or ``(batch, width)`` with `dim` given.
    Output shape: ``(batch, out_embeddings, dim)``.

    Args:
        out_embeddings: Embeddings that come out, at least 1.
        hidden_units: Widths of the hidden layers.
        dim: Width of an embedding that comes out; None takes the input's last axis.
        dropout_rate: Share of hidden units dropped in training, in [0, 1).
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Reference: DHEN for conversions, arXiv 2504.08169, names the MLP among its modules.
    """

    def __init__(
        self,
        out_embeddings: int,
        *,
        hidden_units: Sequence[int] = (128,),
        dim: int | None = None,
        dropout_rate: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.out_embeddings = out_embeddings
        self.hidden_units = tuple(hidden_units)
        self.dim = dim
        self.dropout_rate = dropout_rate

    def build(self, fields_shape: Shape) -> None:
        self._width = self.dim or fields_shape[-1]
        self._mlp = MLP(
            self.hidden_units,
            output_units=self.out_embeddings * self._width,
            dropout_rate=self.dropout_rate,
            **self.part("mlp"),
        )
        self._mlp.build((fields_shape[0], math.prod(fields_shape[1:])))

    def call(self, fields: Tensor, training: bool | None = None) -> Tensor:
        """Map fields ``(batch, fields, dim)``, or ``(batch, width)``, to ``(batch, out_embeddings, dim)``."""
        flat = self._mlp(flatten_fields(fields), training=training)  # (batch, out_embeddings · dim)
        return ops.reshape(flat, (-1, self.out_embeddings, self._width))

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        return (fields_shape[0], self.out_embeddings, self.dim or fields_shape[-1])
