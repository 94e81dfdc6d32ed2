"""Adam over whole tables, as published results used it."""

from __future__ import annotations

from typing import Any

import keras

from tfctr.training.optimizers.row_wise import RowWise, registered


@registered
class DenseAdam(RowWise, keras.optimizers.Adam):
    """Keras' own Adam: every row and its moments move in every step, so a step costs as much as the table is long.

    The duplicate rows of a table's gradient are summed first. Keras' rule alone would add the squares of the
    parts of a repeated id, not the square of their sum.

    Args:
        learning_rate, beta_1, beta_2, epsilon: As in ``keras.optimizers.Adam``.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        keras.optimizers.Adam.update_step(self, gradient, variable, learning_rate)
