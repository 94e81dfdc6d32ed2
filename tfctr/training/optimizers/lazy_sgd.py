"""Plain stochastic gradient descent on the rows of the batch."""

from __future__ import annotations

from typing import Any

import keras

from tfctr.training.optimizers._rated import Rated
from tfctr.training.optimizers._row_wise import RowWise, registered
from tfctr.training.optimizers._sparse_rows import add_to_rows


@registered
class LazySGD(Rated, RowWise, keras.optimizers.SGD):
    """Row-wise SGD without momentum; equal to the dense rule always.

    Args:
        learning_rate: As in ``keras.optimizers.SGD``.

    Raises:
        ValueError: With momentum, which would move rows outside the batch.
    """

    def __init__(self, learning_rate: Any = 0.01, **kwargs: Any):
        super().__init__(learning_rate, **kwargs)
        if self.momentum:
            raise ValueError(f"LazySGD has no momentum. Received: momentum={self.momentum}; use keras.optimizers.SGD")

    def update_rows(self, gradient: Any, rows: Any, variable: Any, learning_rate: Any) -> None:
        add_to_rows(variable, rows, -learning_rate * gradient)
