"""MissingVector: a learned vector in place of one that is not there."""

from __future__ import annotations

import keras
from keras import ops

from tfctr.layers._base import Layer, Shape, Tensor


@keras.saving.register_keras_serializable(package="tfctr")
class MissingVector(Layer):
    """Replace rows of zeros, which is what the transform makes of a missing vector, by one learned vector.

    Without it a creative without an image looks like one whose image lies in the middle of all images.

    Input shape:
        ``(batch, width)``.

    Output shape:
        The same.
    """

    def build(self, input_shape: Shape) -> None:
        self.vector = self.add_weight(
            name="vector", shape=(input_shape[-1],), initializer=keras.initializers.RandomNormal(stddev=0.01)
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Return inputs ``(batch, width)`` with the learned vector in rows that are all zeros; the shape stays."""
        present = ops.any(ops.not_equal(inputs, 0), axis=-1, keepdims=True)  # (batch, 1)
        return ops.where(present, inputs, ops.cast(self.vector, inputs.dtype))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
