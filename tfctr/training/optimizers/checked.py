"""Notice gradients that are not numbers in the step they appear."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops


class Checked:
    """Mixin of Keras optimizers: keeps the sum of the step's gradients, which is NaN when any of them is.

    A NaN need not show in the loss: a ReLU may turn it into 0 and leave a dead network with a finite loss. The
    sum is one cheap pass over the gradients; the fit driver reads it after each step.
    """

    def build(self, variables: list[Any]) -> None:
        if self.built:  # type: ignore[attr-defined]  # a mixin
            return
        super().build(variables)  # type: ignore[misc]
        self.gradient_sum = self.add_variable((), dtype="float32", name="gradient_sum")  # type: ignore[attr-defined]

    def apply(self, grads: list[Any], trainable_variables: Any = None) -> None:
        if trainable_variables is not None and not self.built:  # type: ignore[attr-defined]
            self.build(trainable_variables)
        values = [g.values if isinstance(g, tf.IndexedSlices) else g for g in grads if g is not None]
        total = sum(ops.cast(ops.sum(value), "float32") for value in values)
        self.gradient_sum.assign(total)
        super().apply(grads, trainable_variables)  # type: ignore[misc]


@keras.saving.register_keras_serializable(package="tfctr")
class DenseAdam(Checked, keras.optimizers.Adam):
    """Keras' own Adam, every row every step, as published results used it; gradients are checked."""
