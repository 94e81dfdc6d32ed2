"""Learning rates by row: some vocabularies learn slower, or stand still."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import ops

from tfctr.training.optimizers._mixin import OptimizerMixin


class Rated(OptimizerMixin):
    """Mixin of Keras optimizers, first among the bases: follows the ``row_rates`` that hang on a weight.

    A row's whole update, not its gradient, is what the multiplier scales: Adam and Adagrad would divide a scaled
    gradient by its own size again. A row of rate 0 never moves; in a sparse step its slots stay as they are, too.
    See `tfctr.layers.embedding._row_rates`.

    Raises:
        ValueError: When built with `weight_decay`, which moves rows behind the rule's back.
    """

    follows_row_rates = True
    divides_by_rate = False
    """Whether the rule divides by the learning rate, so that rows of rate 0 must be kept from it."""

    def build(self, variables: list[Any]) -> None:
        if not self.built and self.weight_decay and any(hasattr(v, "row_rates") for v in variables):
            raise ValueError(
                "weight_decay moves frozen rows as well; use embedding_l2 of the model, or leave learning_rates out"
            )
        super().build(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update the rows whose rate is above 0, each at its own rate."""
        index = self._get_variable_index(variable)
        rates = getattr(self._trainable_variables[index], "row_rates", None)
        if rates is None:
            super().update_step(gradient, variable, learning_rate)
        elif isinstance(gradient, tf.IndexedSlices):
            self._rated_rows(gradient, variable, learning_rate, rates)
        elif self.divides_by_rate:
            every_row = tf.IndexedSlices(gradient, tf.range(gradient.shape[0]), gradient.shape)
            self._rated_rows(every_row, variable, learning_rate, rates)
        else:
            by_row = rates.all_multipliers(gradient.shape[0]).reshape((-1,) + (1,) * (len(gradient.shape) - 1))
            by_row = ops.cast(learning_rate, gradient.dtype) * ops.cast(by_row, gradient.dtype)
            super().update_step(gradient, variable, by_row)

    def _rated_rows(self, gradient: tf.IndexedSlices, variable: Any, learning_rate: Any, rates: Any) -> None:
        """Leave frozen rows out, and give the rule one learning rate a row, ``(rows, 1)``."""
        factors = rates.multipliers_at(gradient.indices)
        moving = factors > 0
        rows = tf.boolean_mask(gradient.indices, moving)
        kept = tf.IndexedSlices(tf.boolean_mask(gradient.values, moving), rows, gradient.dense_shape)
        by_row = tf.cast(learning_rate, factors.dtype) * tf.boolean_mask(factors, moving)
        super().update_step(kept, variable, by_row[:, tf.newaxis])
