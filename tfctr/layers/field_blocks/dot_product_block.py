"""Dot products of compressed embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.field_blocks.linear_block import LinearBlock
from tfctr.layers.field_blocks.mlp_block import MLPBlock
from tfctr.layers.interaction.flatten import flatten_fields


@keras.saving.register_keras_serializable(package="tfctr")
class DotProductBlock(KernelLayer):
    """``Y = A X`` of q embeddings; their ``q (q - 1) / 2`` dot products beside ``flatten(Y)`` through an MLP.

    DHEN's "AdvancedDLRM" is a block of its authors' company and not published; this is the library's reading of it.

    Input shape: ``(batch, fields, dim)``.
    Output shape: ``(batch, out_embeddings, dim)``.

    Args:
        out_embeddings: Embeddings that come out, at least 1.
        compressed: Embeddings q that fields are compressed to, at least 2.
        hidden_units: Widths of the MLP's hidden layers.
        kernel_initializer: None keeps the defaults of the parts.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When `compressed` is below 2.

    Reference: DHEN, arXiv 2203.11014; M. Naumov et al., "Deep Learning Recommendation Model", 2019, arXiv 1906.00091.
    """

    def __init__(
        self,
        out_embeddings: int,
        *,
        compressed: int = 8,
        hidden_units: Sequence[int] = (128,),
        kernel_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        if compressed < 2:
            raise ValueError(f"compressed is at least 2: one embedding has no pairs. Received: {compressed=}")
        self.out_embeddings = out_embeddings
        self.compressed = compressed
        self.hidden_units = tuple(hidden_units)

    def build(self, fields_shape: Shape) -> None:
        batch, _, dim = fields_shape
        self._compress = LinearBlock(self.compressed, **self.part("compress"))
        self._compress.build(fields_shape)
        first, second = np.triu_indices(self.compressed, k=1)
        self._pairs = (first * self.compressed + second).tolist()
        self._mlp = MLPBlock(self.out_embeddings, hidden_units=self.hidden_units, dim=dim, **self.part("mlp"))
        self._mlp.build((batch, len(self._pairs) + self.compressed * dim))

    def call(self, fields: Tensor) -> Tensor:
        """Map fields ``(batch, fields, dim)`` to ``(batch, out_embeddings, dim)``."""
        compressed = self._compress(fields)  # (batch, q, dim)
        products = ops.matmul(compressed, ops.transpose(compressed, (0, 2, 1)))  # (batch, q, q)
        flat = ops.reshape(products, (-1, self.compressed**2))
        dots = ops.take(flat, self._pairs, axis=1)  # (batch, q (q - 1) / 2)
        return self._mlp(ops.concatenate([dots, flatten_fields(compressed)], axis=1))

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        return (fields_shape[0], self.out_embeddings, fields_shape[2])
