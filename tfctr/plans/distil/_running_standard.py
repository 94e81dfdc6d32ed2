"""Numbers less their running mean, divided by their running deviation."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

MOMENTUM = 0.9
"""Of the running figures; the first batch sets them."""

FLOOR = 1e-4
"""Added to the variance: what hardly varies, such as the answers of a student that knows nothing, stays small."""


class RunningStandard(keras.layers.Layer):
    """``(x - mean) / √(variance + 1e-4)`` of each column, by running figures in training too.

    Keras' `BatchNormalization` takes those of the batch in training: what learns would not see what answers.

    Input and output shape: ``(batch, columns)``.
    """

    def build(self, shape: tuple[int | None, ...]) -> None:
        columns = (shape[-1],)
        self.mean = self.add_weight(name="mean", shape=columns, initializer="zeros", trainable=False)
        self.variance = self.add_weight(name="variance", shape=columns, initializer="ones", trainable=False)
        self.kept = self.add_weight(name="kept", shape=(), initializer="zeros", trainable=False)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Standardize ``(batch, columns)``; in training the batch counts first."""
        if training:
            for running, of_batch in ((self.mean, ops.mean(x, axis=0)), (self.variance, ops.var(x, axis=0))):
                running.assign(self.kept * running + (1.0 - self.kept) * of_batch)
            self.kept.assign(MOMENTUM)
        return (x - self.mean) / ops.sqrt(self.variance + FLOOR)
