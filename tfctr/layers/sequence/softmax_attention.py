"""Target attention over every event: what long-sequence methods save the cost of."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer


@keras.saving.register_keras_serializable(package="tfctr")
class SoftmaxAttention(KernelLayer):
    """Average the events, weighted by the softmax of their scaled product with the candidate.

    ``v_h(q) = sum_j softmax_j( (W_q q)·(W_k s_j) / sqrt(head_dim) ) W_v s_j``, heads side by side. Neither keys nor
    values of the events are ever made: ``(W_q q)·(W_k s) = (W_k^T W_q q)·s``, and ``W_v`` is applied to the average,
    which is the same and leaves one product a head and event.

    Input shape: target ``(batch, dim)``, sequence ``(batch, length, dim)``, mask bool ``(batch, length)``, True = keep.
    Output shape: ``(batch, num_heads · head_dim)``, or ``(batch, dim)`` without heads; zeros for a row without events.

    Args:
        num_heads: Heads with projections of their own; 0 compares the embeddings as they are and has no weights.
        head_dim: Width of a head; without heads the width of the embeddings scales.
        kernel_initializer: Of query, key and value.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When `num_heads` is below 0 or `head_dim` below 1.

    Reference: A. Vaswani et al., "Attention Is All You Need", NIPS 2017, arXiv 1706.03762, Eq. 1, with the candidate
    as the one query.
    """

    def __init__(
        self, num_heads: int = 0, head_dim: int = 16, *, kernel_initializer: Any = "glorot_uniform", **kwargs: Any
    ) -> None:
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        if num_heads < 0 or head_dim < 1:
            raise ValueError(f"num_heads is at least 0 and head_dim at least 1. Received: {num_heads=}, {head_dim=}")
        self.num_heads = num_heads
        self.head_dim = head_dim

    def build(self, target_shape: Shape, sequence_shape: Shape) -> None:
        if not self.num_heads:
            return
        units = self.num_heads * self.head_dim
        self._query = self.add_kernel("query", (target_shape[-1], units))
        self._key = self.add_kernel("key", (sequence_shape[-1], units))
        self._value = self.add_kernel("value", (sequence_shape[-1], units))

    def call(self, target: Tensor, sequence: Tensor, mask: Tensor | None = None, times: Tensor | None = None) -> Tensor:
        """Return the interest ``(batch, units)`` of target ``(batch, dim)`` in sequence ``(batch, length, dim)``.

        The mask is bool ``(batch, length)``, None for all positions; times are ignored.
        """
        if mask is not None:
            # What stands at padded positions is nobody's business: it could even be NaN.
            sequence = ops.where(ops.expand_dims(mask, -1), sequence, ops.zeros_like(sequence))
        weights = self.weights_of_events(target, sequence, mask)  # (batch, heads, length)
        pooled = ops.matmul(weights, ops.cast(sequence, "float32"))  # (batch, heads, dim)
        if not self.num_heads:
            return ops.cast(ops.squeeze(pooled, axis=1), self.compute_dtype)
        value = ops.reshape(self._value, (-1, self.num_heads, self.head_dim))  # (dim, heads, head_dim)
        heads = ops.einsum("bhd,dhk->bhk", ops.cast(pooled, self.compute_dtype), value)  # (batch, heads, head_dim)
        return ops.reshape(heads, (-1, self.num_heads * self.head_dim))

    def weights_of_events(self, target: Tensor, sequence: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the weight of every event, float32 ``(batch, heads, length)``, 0 where the mask is False."""
        width = self.head_dim if self.num_heads else sequence.shape[-1]
        keys = ops.transpose(sequence, (0, 2, 1))  # (batch, dim, length)
        scores = ops.cast(ops.matmul(self._queries(target), keys), "float32") / width**0.5  # (batch, heads, length)
        if sequence.shape[1] == 0:
            return scores  # the softmax of nothing is an error on some backends
        if mask is None:
            return ops.softmax(scores, axis=-1)
        # Masked before the softmax; and after it, because a row without events would share the weight out evenly.
        mask = ops.expand_dims(mask, 1)  # (batch, 1, length)
        return ops.where(mask, ops.softmax(ops.where(mask, scores, -1e9), axis=-1), 0.0)

    def _queries(self, target: Tensor) -> Tensor:
        """The candidate as each head compares it with raw events, ``(batch, heads, dim)``."""
        if not self.num_heads:
            return ops.expand_dims(target, 1)
        query = ops.reshape(ops.matmul(target, self._query), (-1, self.num_heads, self.head_dim))
        # query is (batch, heads, head_dim), key (dim, heads, head_dim)
        return ops.einsum("bhk,dhk->bhd", query, ops.reshape(self._key, (-1, self.num_heads, self.head_dim)))

    def compute_output_spec(
        self, target: Tensor, sequence: Tensor, mask: Tensor | None = None, times: Tensor | None = None
    ) -> keras.KerasTensor:
        width = self.num_heads * self.head_dim or sequence.shape[-1]
        return keras.KerasTensor((sequence.shape[0], width), dtype=self.compute_dtype)
