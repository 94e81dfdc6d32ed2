"""FTRL-proximal on the rows of the batch: the classic for sparse linear parts."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfctr.training.optimizers._rated import Rated
from tfctr.training.optimizers._row_wise import RowWise, registered
from tfctr.training.optimizers._sparse_rows import write_rows


@registered
class LazyFtrl(Rated, RowWise, keras.optimizers.Ftrl):
    """Row-wise FTRL. Equal to the dense rule for rows in the batch; others keep weight and slots.

    The dense rule rewrites a row without gradient from its slots, which changes it only before its first
    gradient (the row is set to the closed form of its initial slots, zero).

    Args:
        learning_rate, learning_rate_power, initial_accumulator_value, l1_regularization_strength,
            l2_regularization_strength, l2_shrinkage_regularization_strength, beta: As in
            ``keras.optimizers.Ftrl``.

    Reference: McMahan et al., "Ad Click Prediction: a View from the Trenches", KDD 2013, Algorithm 1.
    """

    divides_by_rate = True

    def update_rows(self, gradient: Any, rows: Any, variable: Any, learning_rate: Any) -> None:
        accumulators, linears = self.slot(self._accumulators, variable), self.slot(self._linears, variable)
        weight, total, linear = (tf.gather(v, rows) for v in (variable, accumulators, linears))
        power, l1 = -self.learning_rate_power, self.l1_regularization_strength
        l2 = self.l2_regularization_strength + self.beta / (2.0 * learning_rate)
        shrunk = gradient + 2 * self.l2_shrinkage_regularization_strength * weight
        new_total = total + tf.square(gradient)
        new_power = tf.pow(new_total, power)
        linear += shrunk - (new_power - tf.pow(total, power)) / learning_rate * weight
        quadratic = new_power / learning_rate + 2 * l2
        write_rows(variable, rows, (tf.clip_by_value(linear, -l1, l1) - linear) / quadratic)
        write_rows(accumulators, rows, new_total)
        write_rows(linears, rows, linear)
