"""Embeddings mixed linearly."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer


@keras.saving.register_keras_serializable(package="tfctr")
class LinearBlock(KernelLayer):
    """``u = W X``: each embedding that comes out is a weighted sum of those that go in. No bias, no activation.

    Coordinates of an embedding are never mixed. Weights: ``out_embeddings · fields``.

    Input shape: ``(batch, fields, dim)``.
    Output shape: ``(batch, out_embeddings, dim)``.

    Args:
        out_embeddings: Embeddings that come out, at least 1.
        kernel_initializer: Of the map.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When `out_embeddings` is below 1.

    Reference: B. Zhang et al., "DHEN: A Deep and Hierarchical Ensemble Network for Large-Scale Click-Through Rate
    Prediction", 2022, arXiv 2203.11014: the Linear module, and the map at the end of others.
    """

    def __init__(self, out_embeddings: int, *, kernel_initializer: Any = "glorot_uniform", **kwargs: Any) -> None:
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        if out_embeddings < 1:
            raise ValueError(f"out_embeddings is at least 1. Received: {out_embeddings=}")
        self.out_embeddings = out_embeddings

    def build(self, fields_shape: Shape) -> None:
        self._mix = self.add_kernel("mix", (self.out_embeddings, fields_shape[1]))

    def call(self, fields: Tensor) -> Tensor:
        """Map fields ``(batch, fields, dim)`` to ``(batch, out_embeddings, dim)``."""
        return ops.matmul(self._mix, fields)  # (batch, out_embeddings, dim)

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        return (fields_shape[0], self.out_embeddings, fields_shape[2])
