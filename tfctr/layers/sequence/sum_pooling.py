"""The sum of a sequence: what attention is compared with."""

from __future__ import annotations

import keras
from keras import ops

from tfctr.layers._base import Layer, Tensor


@keras.saving.register_keras_serializable(package="tfctr")
class SumPooling(Layer):
    """Sum the kept events of a sequence, whatever the candidate.

    Input shape: target of any shape (ignored), sequence ``(batch, length, dim)``, mask bool ``(batch, length)``,
    True = keep.
    Output shape: ``(batch, dim)``; zeros where nothing is kept.

    Example:
        >>> import numpy as np
        >>> events = np.array([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]])
        >>> print(keras.ops.convert_to_numpy(SumPooling()(None, events, mask=np.array([[True, True, False]]))))
        [[4. 6.]]
    """

    def call(self, target: Tensor, sequence: Tensor, mask: Tensor | None = None, times: Tensor | None = None) -> Tensor:
        """Return the sum ``(batch, dim)`` of the kept positions of sequence ``(batch, length, dim)``."""
        events = ops.cast(sequence, "float32")
        if mask is not None:
            events = ops.where(ops.expand_dims(mask, -1), events, 0.0)
        return ops.cast(ops.sum(events, axis=1), self.compute_dtype)

    def compute_output_spec(
        self, target: Tensor, sequence: Tensor, mask: Tensor | None = None, times: Tensor | None = None
    ) -> keras.KerasTensor:
        return keras.KerasTensor((sequence.shape[0], sequence.shape[-1]), dtype=self.compute_dtype)
