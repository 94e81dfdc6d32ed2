"""Adam over whole tables, as published results used it."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfctr.training.optimizers._checked import Checked
from tfctr.training.optimizers._rated import Rated
from tfctr.training.optimizers._row_wise import registered


@registered
class DenseAdam(Rated, Checked, keras.optimizers.Adam):
    """Keras' own Adam: every row and its moments move in every step, so a step costs as much as the table is long.

    A table's gradient is made dense first. Given the sparse one, Keras' rule would add the squares of the parts of
    a repeated id, not the square of their sum.

    Args:
        learning_rate, beta_1, beta_2, epsilon: As in ``keras.optimizers.Adam``.
    """

    def reduced(self, grads: list[Any]) -> list[Any]:
        """Return the gradients of the joint batch, dense."""
        joint = super().reduced(grads)
        return [tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g for g in joint]
