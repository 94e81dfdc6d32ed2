"""The two-stream fusion of FinalMLP."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer


@keras.saving.register_keras_serializable(package="tfctr")
class MultiHeadBilinearFusion(KernelLayer):
    """Fuse two vectors by a linear term each and, head by head, their bilinear product.

    ``out = b₁ + w₁ᵀ o₁ + b₂ + w₂ᵀ o₂ + sum_{j=1..k} o₁ⱼᵀ W⁽ʲ⁾ o₂ⱼ``, where ``o₁ⱼ`` and ``o₂ⱼ`` are the j-th of k
    contiguous pieces. k heads equal one head whose matrix is block diagonal, with 1/k of its weights.
    Weights for ``units=1``: ``(d₁ + 1) + (d₂ + 1) + d₁·d₂/k``; the second bias, redundant, is that of the public code.

    The k matrices are one weight of ``(d₁·d₂/k, units)``, rows in the order head, ``o₁``, ``o₂``. Xavier's fan is
    taken from that shape, as in the public code: narrower than a matrix of its own would have it.

    Input shape: ``(batch, width1)`` and ``(batch, width2)``.
    Output shape: ``(batch, units)``.

    Args:
        num_heads: Heads k; divides both widths.
        units: Outputs, 1 for a logit.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When `num_heads` or `units` is below 1, or a width is not divisible by `num_heads` (at build).

    Example:
        >>> import numpy as np
        >>> print(MultiHeadBilinearFusion(2)(np.ones((5, 4)), np.ones((5, 6))).shape)
        (5, 1)

    Reference: K. Mao et al., "FinalMLP: An Enhanced Two-Stream MLP Model for CTR Prediction", AAAI 2023,
    arXiv 2304.00902, Eq. 7-10.
    """

    def __init__(self, num_heads: int = 1, *, units: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_heads < 1 or units < 1:
            raise ValueError(
                "MultiHeadBilinearFusion needs num_heads and units of at least 1. "
                f"Received: num_heads={num_heads}, units={units}"
            )
        self.num_heads = num_heads
        self.units = units

    def build(self, first_shape: Shape, second_shape: Shape) -> None:
        widths = (first_shape[-1], second_shape[-1])
        for width in widths:
            if width % self.num_heads:
                raise ValueError(
                    f"num_heads must divide both widths. Received: num_heads={self.num_heads}, widths={widths}"
                )
        self._linear1 = self.make_dense(self.units, "linear1", (None, widths[0]))
        self._linear2 = self.make_dense(self.units, "linear2", (None, widths[1]))
        rows = widths[0] * widths[1] // self.num_heads
        self._bilinear = self.add_kernel("bilinear", (rows, self.units))

    def call(self, first: Tensor, second: Tensor) -> Tensor:
        """Fuse ``(batch, width1)`` and ``(batch, width2)`` into ``(batch, units)``."""
        width1, width2 = first.shape[-1] // self.num_heads, second.shape[-1] // self.num_heads
        pieces = ops.reshape(first, (-1, self.num_heads, width1))  # (batch, heads, width1 / heads)
        matrices = ops.reshape(self._bilinear, (self.num_heads, width1, width2 * self.units))
        half = ops.einsum("bki,kij->bkj", pieces, matrices)  # (batch, heads, width2 / heads · units)
        half = ops.reshape(half, (-1, self.num_heads * width2, self.units))  # (batch, width2, units)
        product = ops.matmul(ops.expand_dims(second, 1), half)  # (batch, 1, units)
        return self._linear1(first) + self._linear2(second) + ops.squeeze(product, axis=1)

    def compute_output_shape(self, first_shape: Shape, second_shape: Shape) -> Shape:
        return (first_shape[0], self.units)
