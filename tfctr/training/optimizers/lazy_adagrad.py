"""Adagrad that touches only the rows of the batch; exact, since Adagrad never decays."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tfctr.training.optimizers._rated import Rated
from tfctr.training.optimizers._row_wise import RowWise, registered
from tfctr.training.optimizers._sparse_rows import add_to_rows, write_rows


class _RowAccumulators(keras.optimizers.Adagrad):
    """Keras' Adagrad for gradients that are dense, with one accumulator a row where that is wanted."""

    def __init__(self, learning_rate: Any = 0.001, *, one_per_row: bool = False, **kwargs: Any):
        super().__init__(learning_rate, **kwargs)
        self.one_per_row = one_per_row

    def keeps_rows(self, variable: Any) -> bool:
        """Whether the accumulator of this weight is one number a row."""
        return self.one_per_row and len(variable.shape) == 2

    def add_variable_from_reference(self, reference_variable: Any, name: Any = None, initializer: Any = "zeros") -> Any:
        """Make a slot, which is as large as its weight except for an accumulator of rows."""
        if name != "accumulator" or not self.keeps_rows(reference_variable):
            return super().add_variable_from_reference(reference_variable, name=name, initializer=initializer)
        shape = (reference_variable.shape[0], 1)
        name = f"{reference_variable.path.replace('/', '_')}_row_{name}"
        return self.add_variable(shape, initializer=initializer, dtype=reference_variable.dtype, name=name)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if not self.keeps_rows(variable):
            super().update_step(gradient, variable, learning_rate)
            return
        gradient = ops.cast(gradient, variable.dtype)
        accumulator = self._accumulators[self._get_variable_index(variable)]
        self.assign_add(accumulator, ops.mean(ops.square(gradient), axis=1, keepdims=True))
        scale = ops.cast(learning_rate, variable.dtype) / ops.sqrt(ops.add(accumulator, self.epsilon))
        self.assign_sub(variable, scale * gradient)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "one_per_row": self.one_per_row}


@registered
class LazyAdagrad(Rated, RowWise, _RowAccumulators):
    """Row-wise Adagrad. Equal to the dense rule always: a row without gradient does not move in either.

    Args:
        learning_rate, initial_accumulator_value, epsilon: As in ``keras.optimizers.Adagrad``.
        one_per_row: Keep one accumulator a row, the mean of the squared gradients over the row's width,
            instead of one a number: the memory of the slots shrinks by the width. This goes for every matrix, whether
            its gradient is sparse or dense: the kernel of a dense layer has one accumulator an input.

    Reference: Duchi et al., "Adaptive Subgradient Methods", JMLR 2011.
    """

    def update_rows(self, gradient: Any, rows: Any, variable: Any, learning_rate: Any) -> None:
        square = tf.square(gradient)
        if self.one_per_row:
            square = tf.reduce_mean(square, axis=1, keepdims=True)
        accumulators = self.slot(self._accumulators, variable)
        total = tf.gather(accumulators, rows) + square
        write_rows(accumulators, rows, total)
        add_to_rows(variable, rows, -learning_rate * gradient / tf.sqrt(total + self.epsilon))
