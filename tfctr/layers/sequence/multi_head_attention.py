"""Multi-head attention of queries over a padded sequence."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer


@keras.saving.register_keras_serializable(package="tfctr")
class MultiHeadAttention(KernelLayer):
    """Let every query gather what it looks for in a sequence: ``W softmax(Q Kᵀ / sqrt(dim / heads)) V + b``.

    Unlike Keras' layer a row without events gives ``b`` and never NaN, padded positions may hold anything,
    and the softmax runs in float32 also in mixed precision. Weights: ``4 (dim² + dim)`` when all widths are `dim`.

    Input shape: queries ``(batch, queries, any)``, sequence ``(batch, length, any)``, mask bool ``(batch, length)``,
        True = keep.
    Output shape: ``(batch, queries, dim)``.

    Args:
        num_heads: Heads; divides `dim`.
        dim: Width of queries, keys and values over all heads, and of the output.
        causal: Whether query t sees the events up to t only; queries are then the sequence itself.
        kernel_initializer: Of all four maps.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When `num_heads` is below 1 or does not divide `dim`.

    Example:
        >>> import numpy as np
        >>> print(MultiHeadAttention(2, 8)(np.ones((3, 1, 5)), np.ones((3, 7, 6))).shape)
        (3, 1, 8)

    Reference: A. Vaswani et al., "Attention Is All You Need", NIPS 2017, arXiv 1706.03762, section 3.2.
    """

    def __init__(
        self,
        num_heads: int,
        dim: int,
        *,
        causal: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        if num_heads < 1 or dim % num_heads:
            raise ValueError(f"num_heads is at least 1 and divides dim. Received: {num_heads=}, {dim=}")
        self.num_heads = num_heads
        self.dim = dim
        self.causal = causal

    def build(self, queries_shape: Shape, sequence_shape: Shape) -> None:
        self._query = self._projection("query", queries_shape[-1])
        self._key = self._projection("key", sequence_shape[-1])
        self._value = self._projection("value", sequence_shape[-1])
        self._merge = self._projection("output", self.dim)

    def _projection(self, name: str, width: int) -> keras.layers.Dense:
        return self.make_dense(self.dim, name, (None, None, width))

    def call(self, queries: Tensor, sequence: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return ``(batch, queries, dim)`` for queries ``(batch, queries, any)`` and sequence ``(batch, length, any)``.

        The mask is bool ``(batch, length)``, None for all positions.
        """
        if mask is not None:
            sequence = ops.where(ops.expand_dims(mask, -1), sequence, ops.zeros_like(sequence))
        query, key, value = (  # (batch, heads, queries or length, dim / heads)
            self._heads(projection(inputs))
            for projection, inputs in ((self._query, queries), (self._key, sequence), (self._value, sequence))
        )
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))  # (batch, heads, queries, length)
        scores = ops.cast(scores, "float32")
        weights = self._weights(scores * (self.dim // self.num_heads) ** -0.5, mask)
        gathered = ops.matmul(ops.cast(weights, self.compute_dtype), value)  # (batch, heads, queries, dim / heads)
        gathered = ops.transpose(gathered, (0, 2, 1, 3))  # (batch, queries, heads, dim / heads)
        return self._merge(ops.reshape(gathered, (-1, queries.shape[1], self.dim)))

    def _weights(self, scores: Tensor, mask: Tensor | None) -> Tensor:
        """Softmax over the visible events, 0 elsewhere: ``(batch, heads, queries, length)``."""
        visible = None if mask is None else mask[:, None, None, :]  # (batch, 1, 1, length)
        if self.causal:
            positions = ops.arange(scores.shape[-1])
            earlier = positions[None, :] <= positions[:, None]  # (queries, length)
            visible = earlier[None, None] if visible is None else ops.logical_and(visible, earlier[None, None])
        if visible is None:
            return ops.softmax(scores, axis=-1)
        # Masked before the softmax; and after it, because a row without events would share the weight out evenly.
        return ops.where(visible, ops.softmax(ops.where(visible, scores, -1e9), axis=-1), 0.0)

    def _heads(self, projected: Tensor) -> Tensor:
        """``(batch, positions, dim)`` to ``(batch, heads, positions, dim / heads)``."""
        shape = (-1, projected.shape[1], self.num_heads, self.dim // self.num_heads)
        return ops.transpose(ops.reshape(projected, shape), (0, 2, 1, 3))

    def compute_output_spec(self, queries: Tensor, sequence: Tensor, mask: Tensor | None = None) -> keras.KerasTensor:
        return keras.KerasTensor((*queries.shape[:2], self.dim), dtype=self.compute_dtype)
