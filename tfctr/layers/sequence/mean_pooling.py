"""The mean of a sequence."""

from __future__ import annotations

import keras
from keras import ops

from tfctr.layers._base import Tensor
from tfctr.layers.sequence.sum_pooling import SumPooling


@keras.saving.register_keras_serializable(package="tfctr")
class MeanPooling(SumPooling):
    """Average the kept events of a sequence, whatever the candidate.

    Input shape: as `SumPooling`.
    Output shape: ``(batch, dim)``; zeros where nothing is kept.

    Example:
        >>> import numpy as np
        >>> events = np.array([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]])
        >>> print(keras.ops.convert_to_numpy(MeanPooling()(None, events, mask=np.array([[True, True, False]]))))
        [[2. 3.]]
    """

    def call(self, target: Tensor, sequence: Tensor, mask: Tensor | None = None, times: Tensor | None = None) -> Tensor:
        """Return the mean ``(batch, dim)`` of the kept positions of sequence ``(batch, length, dim)``."""
        total = super().call(target, sequence, mask)  # (batch, dim)
        if mask is None:
            return total / sequence.shape[1]
        count = ops.sum(ops.cast(mask, "float32"), axis=1, keepdims=True)  # (batch, 1)
        return total / ops.cast(ops.maximum(count, 1.0), total.dtype)
