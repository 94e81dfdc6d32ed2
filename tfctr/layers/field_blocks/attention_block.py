"""Embeddings that attend to each other."""

from __future__ import annotations

from typing import Any

import keras

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.field_blocks.linear_block import LinearBlock
from tfctr.layers.sequence import TransformerEncoder


@keras.saving.register_keras_serializable(package="tfctr")
class AttentionBlock(KernelLayer):
    """``u = W · TransformerEncoder(X)``: a full encoder layer over fields, without positions.

    Input shape: ``(batch, fields, dim)``.
    Output shape: ``(batch, out_embeddings, dim)``.

    Args:
        out_embeddings: Embeddings that come out, at least 1.
        num_heads: Heads; divides `dim`.
        hidden_units: Width of the encoder's FFN; None takes ``4 · dim``.
        dropout_rate: Share of the encoder's branches dropped in training, in [0, 1).
        kernel_initializer: None keeps the defaults of the parts.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Reference: DHEN, arXiv 2203.11014: the self-attention module.
    """

    def __init__(
        self,
        out_embeddings: int,
        *,
        num_heads: int = 2,
        hidden_units: int | None = None,
        dropout_rate: float = 0.0,
        kernel_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        self.out_embeddings = out_embeddings
        self.num_heads = num_heads
        self.hidden_units = hidden_units
        self.dropout_rate = dropout_rate

    def build(self, fields_shape: Shape) -> None:
        self._encoder = TransformerEncoder(
            self.num_heads,
            hidden_units=self.hidden_units,
            dropout_rate=self.dropout_rate,
            **self.part("encoder"),
        )
        self._mix = LinearBlock(self.out_embeddings, **self.part("mix"))
        self._encoder.build(fields_shape)
        self._mix.build(fields_shape)

    def call(self, fields: Tensor, training: bool | None = None) -> Tensor:
        """Map fields ``(batch, fields, dim)`` to ``(batch, out_embeddings, dim)``."""
        return self._mix(self._encoder(fields, training=training))

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        return (fields_shape[0], self.out_embeddings, fields_shape[2])
