"""Adagrad that touches only the rows of the batch; exact, since Adagrad never decays."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfctr.training.optimizers.rated import Rated
from tfctr.training.optimizers.row_wise import RowWise, add_to_rows, registered, write_rows


@registered
class LazyAdagrad(Rated, RowWise, keras.optimizers.Adagrad):
    """Row-wise Adagrad. Equal to the dense rule always: a row without gradient does not move in either.

    Args:
        learning_rate, initial_accumulator_value, epsilon: As in ``keras.optimizers.Adagrad``.
        one_per_row: Keep one accumulator a row, the mean of the squared gradients over the row's width,
            instead of one a number: the memory of the slots shrinks by the width.

    Reference: Duchi et al., "Adaptive Subgradient Methods", JMLR 2011.
    """

    def __init__(self, learning_rate: Any = 0.001, *, one_per_row: bool = False, **kwargs: Any):
        super().__init__(learning_rate, **kwargs)
        self.one_per_row = one_per_row

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self._row_accumulators = []
        if self.one_per_row:
            initial = keras.initializers.Constant(self.initial_accumulator_value)
            for variable in variables:
                shape = (variable.shape[0], 1) if len(variable.shape) == 2 else ()
                name = f"{variable.name}_row_accumulator"
                self._row_accumulators.append(self.add_variable(shape, initializer=initial, name=name))

    def update_rows(self, gradient: Any, rows: Any, variable: Any, learning_rate: Any) -> None:
        square = tf.square(gradient)
        if self.one_per_row:
            square = tf.reduce_mean(square, axis=1, keepdims=True)
        slots = self._row_accumulators if self.one_per_row else self._accumulators
        accumulators = self.slot(slots, variable)
        total = tf.gather(accumulators, rows) + square
        write_rows(accumulators, rows, total)
        add_to_rows(variable, rows, -learning_rate * gradient / tf.sqrt(total + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "one_per_row": self.one_per_row}
