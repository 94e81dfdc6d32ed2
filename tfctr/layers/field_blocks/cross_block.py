"""Embeddings crossed by multiplication."""

from __future__ import annotations

import math
from typing import Any, Literal

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.field_blocks.linear_block import LinearBlock
from tfctr.layers.interaction.flatten import flatten_fields


@keras.saving.register_keras_serializable(package="tfctr")
class CrossBlock(KernelLayer):
    """``u = W · reshape(x ∘ (W_c x + b_c))`` with ``x = flatten(X)``: DCN-V2's cross without its own skip.

    DHEN's layer has a shortcut already; a skip inside the module would double it. The paper writes the module as
    ``(X Xᵀ) W + b``, whose shapes fit only with the products of *coordinates* summed over fields; `mode` ``gram`` is
    that reading, ``u = Wᵀ (Xᵀ X) + b``. Weights: ``(m d)² + m d + l m`` for m fields of width d and l embeddings,
    ``2 r m d + m d + l m`` with rank r, and ``d l + l`` as `gram`.

    Input shape: ``(batch, fields, dim)``.
    Output shape: ``(batch, out_embeddings, dim)``.

    Args:
        out_embeddings: Embeddings that come out, at least 1.
        mode: `flat` (DCN-V2's cross) or `gram` (the paper's formula).
        rank: Rank of ``W_c``; None for full rank.
        kernel_initializer: Of all kernels.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When `mode` is unknown.

    Reference: DHEN, arXiv 2203.11014: the DCN module; R. Wang et al., "DCN V2", WWW 2021, Eq. 1.
    """

    def __init__(
        self,
        out_embeddings: int,
        *,
        mode: Literal["flat", "gram"] = "flat",
        rank: int | None = None,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        if mode not in ("flat", "gram"):
            raise ValueError(f"mode is 'flat' or 'gram'. Received: {mode=}")
        self.out_embeddings = out_embeddings
        self.mode = mode
        self.rank = rank

    def build(self, fields_shape: Shape) -> None:
        _, fields, dim = fields_shape
        if self.mode == "gram":
            self._kernel = self.add_kernel("kernel", (dim, self.out_embeddings))
            self._bias = self.add_bias("bias", (self.out_embeddings, 1))
            return
        width = math.prod((fields, dim))
        self._down = None if self.rank is None else self.make_dense(self.rank, "down", (None, width), use_bias=False)
        self._up = self.make_dense(width, "up", (None, self.rank or width))
        self._mix = LinearBlock(self.out_embeddings, **self.part("mix"))
        self._mix.build(fields_shape)

    def call(self, fields: Tensor) -> Tensor:
        """Map fields ``(batch, fields, dim)`` to ``(batch, out_embeddings, dim)``."""
        if self.mode == "gram":
            gram = ops.einsum("bmd,bme->bde", fields, fields)  # (batch, dim, dim)
            return ops.einsum("bde,el->bld", gram, self._kernel) + self._bias  # (batch, out_embeddings, dim)
        flat = flatten_fields(fields)  # (batch, fields · dim)
        crossed = flat * self._up(flat if self._down is None else self._down(flat))
        return self._mix(ops.reshape(crossed, (-1, *fields.shape[1:])))

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        return (fields_shape[0], self.out_embeddings, fields_shape[2])
