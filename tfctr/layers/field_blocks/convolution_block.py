"""Embeddings as an image."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.field_blocks.linear_block import LinearBlock


@keras.saving.register_keras_serializable(package="tfctr")
class ConvolutionBlock(KernelLayer):
    """``u = W · merge(relu(Conv(X)))``: X as an image of one channel, fields by coordinates.

    The order of fields matters here. Kernel size and channels are not published; these are the library's own.

    Input shape: ``(batch, fields, dim)``.
    Output shape: ``(batch, out_embeddings, dim)``.

    Args:
        out_embeddings: Embeddings that come out, at least 1.
        filters: Channels of the convolution, merged by a learned weighted sum.
        kernel_size: Side of the square kernel.
        kernel_initializer: Of all kernels.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Reference: DHEN, arXiv 2203.11014: the convolution module.
    """

    def __init__(
        self,
        out_embeddings: int,
        *,
        filters: int = 4,
        kernel_size: int = 3,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        self.out_embeddings = out_embeddings
        self.filters = filters
        self.kernel_size = kernel_size

    def build(self, fields_shape: Shape) -> None:
        image = (*fields_shape, 1)
        self._convolution = keras.layers.Conv2D(
            self.filters,
            self.kernel_size,
            padding="same",
            activation="relu",
            **self.keras_part("convolution"),
        )
        self._convolution.build(image)
        self._merge = self.make_dense(1, "merge", (*fields_shape, self.filters))
        self._mix = LinearBlock(self.out_embeddings, **self.part("mix"))
        self._mix.build(fields_shape)

    def call(self, fields: Tensor) -> Tensor:
        """Map fields ``(batch, fields, dim)`` to ``(batch, out_embeddings, dim)``."""
        channels = self._convolution(ops.expand_dims(fields, -1))  # (batch, fields, dim, filters)
        merged = ops.squeeze(self._merge(channels), axis=-1)  # (batch, fields, dim)
        return self._mix(merged)

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        return (fields_shape[0], self.out_embeddings, fields_shape[2])
