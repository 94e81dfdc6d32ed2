"""Dice, the activation of DIN that bends where the data is."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Layer, Shape, Tensor


@keras.saving.register_keras_serializable(package="tfctr")
class Dice(Layer):
    """A PReLU whose bend follows the mean and width of its input, channel by channel.

    ``p = sigmoid((s − E[s]) / sqrt(Var[s] + epsilon))``, ``f(s) = p·s + (1 − p)·alpha·s``. Training takes mean and
    variance of the batch, inference their moving averages, so that a prediction never depends on other rows.
    ``alpha`` is learned, one a channel, and starts at 0. With a mask only kept positions count: padding must not
    shift what real positions see. A batch without any kept position leaves the moving averages alone.

    Statistics run in float32, also in mixed precision.

    Input shape: ``(batch, ..., units)``; mask bool, the input's shape without its last axis, True = keep.
    Output shape: that of the input.

    Args:
        momentum: Weight of the old moving average in each step, in [0, 1). 0.99 as in all public code.
        epsilon: Added to the variance, above 0. 1e-9 as in the public code; the paper has 1e-8.

    Raises:
        ValueError: When `momentum` or `epsilon` is out of range.

    Example:
        >>> import numpy as np
        >>> outputs = Dice()(np.array([[1.0], [2.0], [3.0], [-2.0]]), training=True)
        >>> [round(float(value), 4) for value in outputs[:, 0]]
        [0.5, 1.2611, 2.2332, -0.335]

    Reference: G. Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018,
    arXiv 1706.06978, Eq. 9.
    """

    def __init__(self, *, momentum: float = 0.99, epsilon: float = 1e-9, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= momentum < 1 or epsilon <= 0:
            raise ValueError(
                f"Dice needs momentum in [0, 1) and epsilon > 0. Received: momentum={momentum}, epsilon={epsilon}"
            )
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, inputs_shape: Shape) -> None:
        shape = (inputs_shape[-1],)
        float32 = {"shape": shape, "dtype": "float32", "autocast": False}
        self._alpha = self.add_weight(name="alpha", initializer="zeros", **float32)
        self._mean = self.add_weight(name="moving_mean", initializer="zeros", trainable=False, **float32)
        self._variance = self.add_weight(name="moving_variance", initializer="ones", trainable=False, **float32)

    def call(self, inputs: Tensor, mask: Tensor | None = None, training: bool | None = None) -> Tensor:
        """Activate inputs ``(batch, ..., units)`` with mask ``(batch, ...)``; the shape stays."""
        values = ops.cast(inputs, "float32")
        mean, variance = self._batch_moments(values, mask) if training else (self._mean, self._variance)
        p = ops.sigmoid((values - mean) * ops.rsqrt(variance + self.epsilon))
        outputs = p * values + (1.0 - p) * self._alpha * values
        return ops.cast(outputs, self.compute_dtype)

    def _batch_moments(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the kept positions; moves the averages towards them."""
        units = values.shape[-1]
        keep = ops.ones_like(values[..., :1]) if mask is None else ops.expand_dims(ops.cast(mask, "float32"), -1)
        keep = ops.reshape(keep, (-1, 1))  # (positions, 1)
        # Zeros in the place of dropped values: 0 · NaN would not be 0.
        values = ops.where(keep > 0, ops.reshape(values, (-1, units)), 0.0)  # (positions, units)
        kept = ops.sum(keep)
        count = ops.maximum(kept, 1.0)
        mean = ops.sum(values, axis=0) / count  # (units,)
        variance = ops.sum(keep * ops.square(values - mean), axis=0) / count
        mean = ops.where(kept > 0, mean, ops.convert_to_tensor(self._mean))
        variance = ops.where(kept > 0, variance, ops.convert_to_tensor(self._variance))
        self._move(self._mean, mean)
        self._move(self._variance, variance)
        return mean, variance

    def _move(self, average: keras.Variable, value: Tensor) -> None:
        average.assign(average * self.momentum + ops.stop_gradient(value) * (1.0 - self.momentum))

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return inputs_shape
