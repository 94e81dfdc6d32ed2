"""One layer of a transformer encoder, causal when asked for."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.sequence.multi_head_attention import MultiHeadAttention
from tfctr.layers.towers import MLP


@keras.saving.register_keras_serializable(package="tfctr")
class TransformerEncoder(KernelLayer):
    """``Y = Norm(X + Attention(X))``, then ``Norm(Y + FFN(Y))``; no positions are added.

    Padded positions come out as zeros. Weights: ``4 (d² + d) + (d f + f) + (f d + d) + 4 d`` for FFN width f.

    Input shape: ``(batch, length, dim)``, mask bool ``(batch, length)``, True = keep.
    Output shape: that of the input.

    Args:
        num_heads: Heads; divides `dim`.
        hidden_units: Width f of the FFN; None takes ``4 · dim``.
        causal: Whether position t sees positions up to t only.
        dropout_rate: Share of both branches dropped in training, in [0, 1).
        kernel_initializer: None keeps the defaults of `MultiHeadAttention` and `MLP`.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Example:
        >>> import numpy as np
        >>> layer = TransformerEncoder(2, hidden_units=16)
        >>> print(layer(np.ones((3, 5, 8))).shape, layer.count_params())
        (3, 5, 8) 600

    Reference: A. Vaswani et al., "Attention Is All You Need", NIPS 2017, arXiv 1706.03762, section 3.1.
    """

    def __init__(
        self,
        num_heads: int,
        *,
        hidden_units: int | None = None,
        causal: bool = False,
        dropout_rate: float = 0.0,
        kernel_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        self.num_heads = num_heads
        self.hidden_units = hidden_units
        self.causal = causal
        self.dropout_rate = dropout_rate

    def build(self, sequence_shape: Shape) -> None:
        dim = sequence_shape[-1]
        self._attention = MultiHeadAttention(self.num_heads, dim, causal=self.causal, **self.part("attention"))
        self._attention.build(sequence_shape, sequence_shape)
        units = self.hidden_units or 4 * dim
        self._ffn = MLP((units,), output_units=dim, **self.part("ffn"))
        self._ffn.build(sequence_shape)
        self._norms = [
            keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name=f"norm_{index}")
            for index in range(2)
        ]
        for norm in self._norms:
            norm.build(sequence_shape)
        self._dropout = keras.layers.Dropout(self.dropout_rate, dtype=self.dtype_policy)

    def call(self, sequence: Tensor, mask: Tensor | None = None, training: bool | None = None) -> Tensor:
        """Encode a sequence ``(batch, length, dim)`` with mask ``(batch, length)``; the shape stays."""
        kept = None if mask is None else ops.expand_dims(mask, -1)  # (batch, length, 1)
        if kept is not None:
            sequence = ops.where(kept, sequence, ops.zeros_like(sequence))
        attended = self._attention(sequence, sequence, mask=mask)  # (batch, length, dim)
        outputs = self._norms[0](sequence + self._dropout(attended, training=training))
        outputs = self._norms[1](outputs + self._dropout(self._ffn(outputs), training=training))
        return outputs if kept is None else ops.where(kept, outputs, ops.zeros_like(outputs))

    def compute_output_shape(self, sequence_shape: Shape) -> Shape:
        return sequence_shape
