"""Self-attention over fields: one interacting layer of AutoInt."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer

Residual = Literal["project", "auto", "none"]
Norm = Literal["before_relu", "after_relu"]


@keras.saving.register_keras_serializable(package="tfctr")
class InteractingLayer(KernelLayer):
    """Let every field gather, by multi-head attention, the fields that it should be combined with.

    Head h, fields m and k: ``alpha_mk = softmax_k <W_Q e_m, W_K e_k>``, ``t_m = sum_k alpha_mk W_V e_k``; the heads are
    put side by side, then ``out_m = ReLU(t_m + W_Res e_m)``. The layer treats fields as a set: permuted fields
    give permuted outputs. The defaults are the paper's; `variant` of `AutoInt` names the public code's choices.

    Input shape: ``(batch, fields, dim)``.
    Output shape: ``(batch, fields, num_heads · head_dim)``.

    Args:
        num_heads: Heads, at least 1.
        head_dim: Width of one head, at least 1.
        use_bias: Whether the projections have biases.
        projection_activation: Activation of query, key, value and residual; None for linear maps.
        scale: Whether scores are divided by ``sqrt(head_dim)``.
        layer_norm: Where a LayerNorm (epsilon 1e-5) stands: `after_relu` (the authors' code), `before_relu` (FuxiCTR's,
            behind the published benchmarks), or None for none (the paper).
        residual: `project` (always ``W_Res``), `auto` (identity where the widths are equal), or `none`.
        dropout_rate: Share of attention weights dropped in training, in [0, 1).
        kernel_initializer: Of query, key, value and residual.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When a count is below 1, or `residual` or `layer_norm` is unknown.

    Example:
        >>> import numpy as np
        >>> layer = InteractingLayer(2, head_dim=8)
        >>> fields = np.ones((4, 3, 5))
        >>> print(layer(fields).shape, layer.attention(fields).shape)
        (4, 3, 16) (4, 2, 3, 3)

    Reference: W. Song et al., "AutoInt: Automatic Feature Interaction Learning via Self-Attentive Neural Networks",
    CIKM 2019, arXiv 1810.11921, Eq. 5-8. The paper's scores are not scaled.
    """

    def __init__(
        self,
        num_heads: int,
        *,
        head_dim: int,
        use_bias: bool = False,
        projection_activation: str | None = None,
        scale: bool = False,
        layer_norm: Norm | None = None,
        residual: Residual = "project",
        dropout_rate: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        if num_heads < 1 or head_dim < 1:
            raise ValueError(
                "InteractingLayer needs num_heads and head_dim of at least 1. "
                f"Received: num_heads={num_heads}, head_dim={head_dim}"
            )
        if residual not in ("project", "auto", "none"):
            raise ValueError(f"residual is 'project', 'auto' or 'none'. Received: residual={residual!r}")
        if layer_norm not in (None, "before_relu", "after_relu"):
            raise ValueError(f"layer_norm is 'before_relu', 'after_relu' or None. Received: layer_norm={layer_norm!r}")
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.use_bias = use_bias
        self.projection_activation = projection_activation
        self.scale = scale
        self.layer_norm = layer_norm
        self.residual = residual
        self.dropout_rate = dropout_rate

    def build(self, fields_shape: Shape) -> None:
        width = self.num_heads * self.head_dim
        dim = fields_shape[-1]
        projected = self.residual == "project" or (self.residual == "auto" and dim != width)
        self._query = self._projection("query", dim)
        self._key = self._projection("key", dim)
        self._value = self._projection("value", dim)
        self._residual = self._projection("residual", dim) if projected else None
        self._dropout = keras.layers.Dropout(self.dropout_rate, dtype=self.dtype_policy)
        self._norm = None
        if self.layer_norm is not None:
            # Keras' own epsilon of 1e-3 would drown embeddings that start at 1e-4.
            self._norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name="norm")
            self._norm.build((None, None, width))

    def _projection(self, name: str, dim: int) -> keras.layers.Dense:
        width, activation = self.num_heads * self.head_dim, self.projection_activation
        return self.make_dense(width, name, (None, None, dim), activation=activation, use_bias=self.use_bias)

    def call(self, fields: Tensor, training: bool | None = None) -> Tensor:
        """Map fields ``(batch, fields, dim)`` to ``(batch, fields, heads · head_dim)``."""
        attention = ops.cast(self.attention(fields), self.compute_dtype)  # (batch, heads, fields, fields)
        attention = self._dropout(attention, training=training)
        gathered = ops.matmul(attention, self._heads(self._value(fields)))  # (batch, heads, fields, head_dim)
        outputs = self._merge(gathered)  # (batch, fields, heads · head_dim)
        if self._residual is not None:
            outputs = outputs + self._residual(fields)
        elif self.residual == "auto":
            outputs = outputs + fields
        if self._norm is None:
            return ops.relu(outputs)
        return ops.relu(self._norm(outputs)) if self.layer_norm == "before_relu" else self._norm(ops.relu(outputs))

    def attention(self, fields: Tensor) -> Tensor:
        """Return the attention of every head, without dropout: float32 ``(batch, heads, fields, fields)``.

        Row m says how much each field enters the new vector of field m; rows add up to 1.
        """
        query, key = self._heads(self._query(fields)), self._heads(self._key(fields))
        # both are (batch, heads, fields, head_dim)
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))  # (batch, heads, fields, fields)
        scores = ops.cast(scores, "float32")
        return ops.softmax(scores * self.head_dim**-0.5 if self.scale else scores, axis=-1)

    def _heads(self, projected: Tensor) -> Tensor:
        """``(batch, fields, heads · head_dim)`` to ``(batch, heads, fields, head_dim)``.

        The transpose matters: a plain reshape would mix fields with heads.
        """
        fields = projected.shape[1]
        heads = ops.reshape(projected, (-1, fields, self.num_heads, self.head_dim))  # (batch, fields, heads, head_dim)
        return ops.transpose(heads, (0, 2, 1, 3))

    def _merge(self, heads: Tensor) -> Tensor:
        """Undo `_heads`: ``(batch, heads, fields, head_dim)`` to ``(batch, fields, heads · head_dim)``."""
        fields = heads.shape[2]
        merged = ops.transpose(heads, (0, 2, 1, 3))  # (batch, fields, heads, head_dim)
        return ops.reshape(merged, (-1, fields, self.num_heads * self.head_dim))

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        return (*fields_shape[:-1], self.num_heads * self.head_dim)
